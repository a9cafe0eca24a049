#include "base/json_text.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/suggest.h"

namespace sluice {
namespace {

using json_scan::Scanner;

std::string_view kind_of(std::string_view value) {
  switch (value.front()) {
    case '{':
      return "an object";
    case '[':
      return "an array";
    case '"':
      return "a string";
    case 't':
      return "true";
    case 'f':
      return "false";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

// What to show of a value: short ones themselves, large ones by kind.
std::string shown(std::string_view value) {
  if (value.front() == '{' || value.front() == '[') return std::string(kind_of(value));
  return json_scan::shortened(value);
}

bool is_number(std::string_view value) {
  return value.front() == '-' || (value.front() >= '0' && value.front() <= '9');
}

double to_double(std::string_view value) {
  double number = 0;
  // What is too small for a double is left zero.
  (void)std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

// Why `text` does not begin with what was wanted: because it is no JSON, or other JSON.
Error not_a(std::string_view wanted, std::string_view text, std::size_t depth_max,
            std::string_view base) {
  if (Status status = check_json(text, depth_max); !status) return std::move(status).error();
  const std::string_view value = text.substr(text.find_first_not_of(" \n\r\t"));
  Error error = make_error(Errc::invalid_argument,
                           fmt::format("expected {}, found {}", wanted, shown(value)));
  error.problems.push_back({std::string(base), error.detail});
  return error;
}

// The outermost container, for scanners that walk it themselves.
bool open_with(Scanner& scanner, char bracket, std::size_t depth_max) {
  scanner.skip_space();
  if (depth_max == 0 || !scanner.next_is(bracket)) return false;
  scanner.skip_one();
  scanner.skip_space();
  return true;
}

std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

// Remembers a member's name.
struct NameOnly : json_scan::Ignore {
  std::string_view slice;
  bool is_escaped = false;
  void key(std::string_view name, bool escaped) {
    slice = name;
    is_escaped = escaped;
  }
};

}  // namespace

Status check_json(std::string_view text, std::size_t depth_max) {
  Scanner scanner(text, depth_max);
  json_scan::Ignore ignore;
  if (scanner.document(ignore)) return ok();
  return json_scan::to_error(scanner, text);
}

Result<std::vector<std::string_view>> scan_array(std::string_view text, std::size_t depth_max) {
  Scanner scanner(text, depth_max, 1);
  if (!open_with(scanner, '[', depth_max)) return not_a("an array", text, depth_max, "");
  std::vector<std::string_view> elements;
  json_scan::Ignore ignore;
  if (scanner.next_is(']')) {
    scanner.skip_one();
  } else {
    for (;;) {
      scanner.skip_space();
      const char* const from = scanner.at();
      if (!scanner.value(ignore)) return json_scan::to_error(scanner, text);
      elements.push_back(between(from, scanner.at()));
      scanner.skip_space();
      const bool more = scanner.next_is(',');
      if (!more && !scanner.next_is(']')) {
        (void)scanner.fail("',' or ']'");
        return json_scan::to_error(scanner, text);
      }
      scanner.skip_one();
      if (!more) break;
    }
  }
  if (!scanner.at_end()) return json_scan::to_error(scanner, text);
  return elements;
}

void append_json_string(std::string& out, std::string_view value) {
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c != '"' && c != '\\') [[likely]]
      continue;
    out.append(value, copied, i - copied);
    copied = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default: {
        constexpr std::string_view digits = "0123456789abcdef";
        out += "\\u00";
        out += digits[c >> 4];
        out += digits[c & 15U];
      }
    }
  }
  out.append(value, copied);
  out += '"';
}

Result<Envelope> Envelope::scan(std::string_view text, std::string base, std::size_t depth_max) {
  Scanner scanner(text, depth_max, 1);
  if (!open_with(scanner, '{', depth_max)) return not_a("an object", text, depth_max, base);
  Envelope envelope;
  envelope.base_ = std::move(base);
  const auto failed = [&] {
    Error error = json_scan::to_error(scanner, text);
    for (Problem& problem : error.problems) problem.pointer.insert(0, envelope.base_);
    return error;
  };
  std::size_t count = 0;
  NameOnly name;
  json_scan::Ignore ignore;
  if (scanner.next_is('}')) {
    scanner.skip_one();
  } else {
    for (;;) {
      if (!scanner.member_name(name)) return failed();
      scanner.skip_space();
      const char* const from = scanner.at();
      if (!scanner.value(ignore)) return failed();
      if (++count <= members_max) {
        Member member{name.is_escaped ? envelope.unescaped(name.slice)
                                      : name.slice.substr(1, name.slice.size() - 2),
                      between(from, scanner.at())};
        if (envelope.has(member.name))
          envelope.problem(member.name, "expected each name once, found it again");
        else
          envelope.members_.push_back(member);
      }
      scanner.skip_space();
      const bool more = scanner.next_is(',');
      if (!more && !scanner.next_is('}')) {
        (void)scanner.fail("',' or '}'");
        return failed();
      }
      scanner.skip_one();
      if (!more) break;
    }
  }
  if (!scanner.at_end()) return failed();
  if (count > members_max)
    envelope.problems_.push_back(
        {envelope.base_, fmt::format("expected at most {} members, found {}", members_max, count)});
  return envelope;
}

std::string_view Envelope::unescaped(std::string_view slice) {
  return unescaped_.emplace_front(json_scan::unescape(slice));
}

std::string_view Envelope::plain(std::string_view slice) {
  return slice.find('\\') == std::string_view::npos ? slice.substr(1, slice.size() - 2)
                                                    : unescaped(slice);
}

const Envelope::Member* Envelope::find(std::string_view name) const {
  for (std::size_t i = 0; i < members_.size(); ++i)
    if (members_[i].name == name) return &members_[i];
  return nullptr;
}

std::optional<std::string_view> Envelope::ask(std::string_view name) {
  known_.push_back(name);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].name != name) continue;
    members_[i].asked = true;
    return members_[i].value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Envelope::ask_not_null(std::string_view name) {
  const auto value = ask(name);
  return value == "null" ? std::nullopt : value;
}

std::optional<std::string_view> Envelope::demand(std::string_view name, std::string_view what) {
  const auto value = ask(name);
  if (!value) problem(name, fmt::format("expected {}, found no such member", what));
  return value;
}

std::string Envelope::pointer(std::string_view name) const {
  return base_ + '/' + pointer_token(name);
}

void Envelope::problem(std::string_view name, std::string detail) {
  problems_.push_back({pointer(name), std::move(detail)});
}

void Envelope::expected(std::string_view name, std::string_view what, std::string_view value) {
  problem(name, fmt::format("expected {}, found {}", what, shown(value)));
}

std::optional<std::string_view> Envelope::as_string(std::string_view name, std::string_view value) {
  if (value.front() == '"') return plain(value);
  expected(name, "a string", value);
  return std::nullopt;
}

std::optional<std::int64_t> Envelope::as_integer(std::string_view name, std::string_view value,
                                                 std::int64_t min, std::int64_t max) {
  const char* const end = value.data() + value.size();
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  bool good = error == std::errc{} && stop == end;
  if (!good && is_number(value)) {
    // A whole number written as a real, as long as a double holds it exactly.
    constexpr double exact_max = 9'007'199'254'740'992.0;
    const double real = to_double(value);
    good = std::trunc(real) == real && std::abs(real) <= exact_max;
    if (good) number = static_cast<std::int64_t>(real);
  }
  if (good && number >= min && number <= max) return number;
  expected(name, fmt::format("an integer from {} to {}", min, max), value);
  return std::nullopt;
}

std::optional<bool> Envelope::as_boolean(std::string_view name, std::string_view value) {
  if (value == "true") return true;
  if (value == "false") return false;
  expected(name, "true or false", value);
  return std::nullopt;
}

std::optional<double> Envelope::as_number(std::string_view name, std::string_view value) {
  if (is_number(value)) return to_double(value);
  expected(name, "a number", value);
  return std::nullopt;
}

std::optional<std::vector<std::string_view>> Envelope::as_string_list(std::string_view name,
                                                                      std::string_view value) {
  if (value.front() != '[') {
    expected(name, "a list of strings", value);
    return std::nullopt;
  }
  auto elements = scan_array(value, std::numeric_limits<std::size_t>::max());
  SLUICE_CHECK(elements.has_value(), "a slice that scan() has checked");
  bool good = true;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    std::string_view& element = (*elements)[i];
    if (element.front() == '"') {
      element = plain(element);
    } else {
      good = false;
      problems_.push_back({fmt::format("{}/{}", pointer(name), i),
                           fmt::format("expected a string, found {}", shown(element))});
    }
  }
  if (!good) return std::nullopt;
  return *std::move(elements);
}

std::string_view Envelope::required_string(std::string_view name) {
  const auto value = demand(name, "a string");
  return value ? as_string(name, *value).value_or("") : "";
}

std::optional<std::string_view> Envelope::optional_string(std::string_view name) {
  const auto value = ask_not_null(name);
  return value ? as_string(name, *value) : std::nullopt;
}

std::int64_t Envelope::required_integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const auto value = demand(name, "an integer");
  return value ? as_integer(name, *value, min, max).value_or(min) : min;
}

std::optional<std::int64_t> Envelope::optional_integer(std::string_view name, std::int64_t min,
                                                       std::int64_t max) {
  const auto value = ask_not_null(name);
  return value ? as_integer(name, *value, min, max) : std::nullopt;
}

bool Envelope::required_boolean(std::string_view name) {
  const auto value = demand(name, "true or false");
  return value && as_boolean(name, *value).value_or(false);
}

std::optional<bool> Envelope::optional_boolean(std::string_view name) {
  const auto value = ask_not_null(name);
  return value ? as_boolean(name, *value) : std::nullopt;
}

double Envelope::required_number(std::string_view name) {
  const auto value = demand(name, "a number");
  return value ? as_number(name, *value).value_or(0) : 0;
}

std::optional<double> Envelope::optional_number(std::string_view name) {
  const auto value = ask_not_null(name);
  return value ? as_number(name, *value) : std::nullopt;
}

std::vector<std::string_view> Envelope::required_string_list(std::string_view name) {
  const auto value = demand(name, "a list of strings");
  auto list = value ? as_string_list(name, *value) : std::nullopt;
  return list ? *std::move(list) : std::vector<std::string_view>{};
}

std::optional<std::vector<std::string_view>> Envelope::optional_string_list(std::string_view name) {
  const auto value = ask_not_null(name);
  return value ? as_string_list(name, *value) : std::nullopt;
}

std::string_view Envelope::required_raw(std::string_view name) {
  return demand(name, "a value").value_or("null");
}

std::optional<std::string_view> Envelope::optional_raw(std::string_view name) { return ask(name); }

Status Envelope::finish() {
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].asked) continue;
    if (known.empty())
      for (std::size_t k = 0; k < known_.size(); ++k) known.push_back(known_[k]);
    const std::string meant = suggest(members_[i].name, known);
    problem(members_[i].name,
            meant.empty() ? std::string("expected no such member")
                          : fmt::format("expected no such member; did you mean \"{}\"?", meant));
  }
  if (problems_.empty()) return ok();
  const std::size_t count = problems_.size();
  Error error = make_error(Errc::invalid_argument,
                           count == 1 ? std::string("the input has a problem")
                                      : fmt::format("the input has {} problems", count));
  error.problems = std::move(problems_);
  return error;
}

}  // namespace sluice
