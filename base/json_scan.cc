#include "base/json_scan.h"

#include <fmt/core.h>

#include <charconv>
#include <limits>

#include "base/json.h"
#include "base/utf8.h"

namespace sluice::json_scan {
namespace {

constexpr std::uint64_t every(unsigned char byte) { return 0x0101010101010101ULL * byte; }

// The bytes of `word` that end a run of plain characters: a quote, a backslash, a control
// character, or the first byte of a longer character. The lowest flag is exact; a borrow may raise
// higher ones.
constexpr std::uint64_t special(std::uint64_t word) {
  const std::uint64_t quote = word ^ every('"');
  const std::uint64_t backslash = word ^ every('\\');
  return (((quote - every(1)) & ~quote) | ((backslash - every(1)) & ~backslash) |
          ((word - every(0x20)) & ~word) | word) &
         every(0x80);
}

bool plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Is the number that from_chars could not represent too large (and not too small)?
bool overflows(std::string_view number) {
  // The power of ten of its first non-zero digit decides.
  constexpr std::int64_t cap = 1'000'000'000'000;
  std::int64_t before_point = 0, leading_zeros = 0, exponent = 0;
  bool fraction = false, significant = false, negative = false;
  std::size_t i = number.front() == '-' ? 1 : 0;
  for (; i < number.size() && number[i] != 'e' && number[i] != 'E'; ++i) {
    if (number[i] == '.') {
      fraction = true;
      continue;
    }
    significant = significant || number[i] != '0';
    if (significant && !fraction) ++before_point;
    if (!significant && fraction) ++leading_zeros;
  }
  for (++i; i < number.size(); ++i) {
    if (number[i] == '-') negative = true;
    if (is_digit(number[i]) && exponent < cap) exponent = exponent * 10 + (number[i] - '0');
  }
  return before_point - leading_zeros + (negative ? -exponent : exponent) > 0;
}

unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

unsigned unit_at(std::string_view text, std::size_t at) {
  unsigned unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) unit = unit << 4 | hex_value(text[i]);
  return unit;
}

// Keeps the way from the root to where the scan stands.
struct Path : Ignore {
  struct Step {
    bool object;
    std::string name;
    std::size_t index;
  };
  std::vector<Step> steps;
  void begin_object() { steps.push_back({true, {}, 0}); }
  void begin_array() { steps.push_back({false, {}, 0}); }
  void end_object() { steps.pop_back(); }
  void end_array() { steps.pop_back(); }
  void key(std::string_view slice, bool) { steps.back().name = unescape(slice); }
  void element() { ++steps.back().index; }
};

}  // namespace

bool Scanner::string(bool& escaped) {
  ++at_;
  for (;;) {
    if constexpr (std::endian::native == std::endian::little) {
      while (end_ - at_ >= 8) {
        std::uint64_t word;
        std::memcpy(&word, at_, 8);
        const std::uint64_t found = special(word);
        if (found != 0) {
          at_ += std::countr_zero(found) / 8;
          break;
        }
        at_ += 8;
      }
    }
    while (at_ != end_ && plain(static_cast<unsigned char>(*at_))) ++at_;
    if (at_ == end_) return fail("the closing '\"' of the string", at_);
    const auto c = static_cast<unsigned char>(*at_);
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c == '\\') {
      escaped = true;
      if (!escape()) return false;
    } else if (c < 0x20) {
      return fail("control characters in a string to be escaped (\\n, \\t, \\u0000)");
    } else if (!multibyte()) {
      return false;
    }
  }
}

bool Scanner::hex4(unsigned& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const bool hex =
        at_ != end_ && (is_digit(*at_) || ((*at_ | 0x20) >= 'a' && (*at_ | 0x20) <= 'f'));
    if (!hex) return fail("four hexadecimal digits after \\u");
    unit = unit << 4 | hex_value(*at_);
  }
  return true;
}

bool Scanner::escape() {
  const char* const from = at_++;
  if (at_ == end_) return fail("an escaped character after '\\'");
  switch (*at_++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return true;
    case 'u':
      break;
    default:
      return fail("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u after a backslash", from);
  }
  constexpr const char* lone =
      "a pair of surrogate escapes: a lone \\ud800 to \\udfff has no UTF-8 form";
  unsigned unit = 0;
  if (!hex4(unit)) return false;
  if (unit < 0xD800 || unit > 0xDFFF) return true;
  if (unit > 0xDBFF || end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return fail(lone, from);
  at_ += 2;
  if (!hex4(unit)) return false;
  return (unit >= 0xDC00 && unit <= 0xDFFF) || fail(lone, from);
}

// One character of two to four bytes, in its shortest form, not a surrogate, at most U+10FFFF.
bool Scanner::multibyte() {
  const auto byte = [&](std::ptrdiff_t i) {
    return i < end_ - at_ ? static_cast<unsigned char>(at_[i]) : static_cast<unsigned char>(0);
  };
  const auto follows = [&](std::ptrdiff_t i) { return (byte(i) & 0xC0U) == 0x80; };
  const unsigned char c = byte(0), second = byte(1);
  std::ptrdiff_t length = 0;
  if (c >= 0xC2 && c <= 0xDF && follows(1)) {
    length = 2;
  } else if (c >= 0xE0 && c <= 0xEF && follows(1) && follows(2) && (c != 0xE0 || second >= 0xA0) &&
             (c != 0xED || second <= 0x9F)) {
    length = 3;
  } else if (c >= 0xF0 && c <= 0xF4 && follows(1) && follows(2) && follows(3) &&
             (c != 0xF0 || second >= 0x90) && (c != 0xF4 || second <= 0x8F)) {
    length = 4;
  } else {
    return fail("valid UTF-8");
  }
  at_ += length;
  return true;
}

bool Scanner::digits() {
  if (at_ == end_ || !is_digit(*at_)) return fail("a digit");
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return true;
}

bool Scanner::number(bool& integer) {
  const char* const from = at_;
  integer = true;
  if (*at_ == '-') ++at_;
  if (next_is('0'))
    ++at_;  // A digit after a leading zero is what follows the value, and refused there.
  else if (!digits())
    return false;
  const bool long_integer = at_ - from > 300;
  bool has_exponent = false;
  if (next_is('.')) {
    integer = false;
    ++at_;
    if (!digits()) return false;
  }
  if (next_is('e') || next_is('E')) {
    integer = false;
    has_exponent = true;
    ++at_;
    if (next_is('+') || next_is('-')) ++at_;
    if (!digits()) return false;
  }
  if (has_exponent || long_integer) {
    double ignored = 0;
    const auto [end, error] = std::from_chars(from, at_, ignored);
    if (error == std::errc::result_out_of_range &&
        overflows(std::string_view(from, static_cast<std::size_t>(at_ - from))))
      return fail("a number within the range of a double", from);
  }
  return true;
}

std::string unescape(std::string_view slice) {
  std::string out;
  out.reserve(slice.size());
  for (std::size_t i = 1; i + 1 < slice.size(); ++i) {
    if (slice[i] != '\\') {
      out += slice[i];
      continue;
    }
    switch (slice[++i]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        unsigned code = unit_at(slice, i + 1);
        i += 4;
        if (code >= 0xD800 && code <= 0xDBFF) {
          code = 0x10000 + ((code - 0xD800) << 10) + (unit_at(slice, i + 3) - 0xDC00);
          i += 6;
        }
        append_utf8(out, code);
        break;
      }
      default:
        out += slice[i];
        break;
    }
  }
  return out;
}

std::string place(std::string_view text, std::size_t offset) {
  std::size_t line = 1, column = 1;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) {
      ++column;
    }
  }
  return fmt::format("line {}, column {}", line, column);
}

std::string shortened(std::string_view text) {
  constexpr std::size_t bytes_max = 64;
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t cut = bytes_max;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80) --cut;
  return std::string(text.substr(0, cut)) + "…";
}

Error to_error(const Scanner& scanner, std::string_view text) {
  const std::size_t offset = scanner.failed_at();
  if (scanner.too_deep()) {
    Error error =
        make_error(Errc::invalid_argument,
                   fmt::format("the JSON text is nested too deeply at {}", place(text, offset)));
    error.problems.push_back(
        {pointer_at(text, offset),
         fmt::format("expected at most {} arrays and objects inside each other, found one more",
                     scanner.depth_max())});
    return error;
  }
  std::string found = "the end of the text";
  if (offset < text.size()) {
    const auto c = static_cast<unsigned char>(text[offset]);
    if (offset == 0 && text.substr(0, 3) == "\xEF\xBB\xBF")
      found = "a byte order mark; save the text as UTF-8 without one";
    else if (c > 0x20 && c < 0x7F)
      found = fmt::format("'{}'", text[offset]);
    else if (c == ' ')
      found = "a space";
    else
      found = fmt::format("byte 0x{:02x}", c);
  }
  return make_error(Errc::bad_json, fmt::format("not JSON: {}: expected {}, found {}",
                                                place(text, offset), scanner.expected(), found));
}

std::string pointer_at(std::string_view text, std::size_t offset) {
  Path path;
  Scanner scanner(text.substr(0, offset), std::numeric_limits<std::size_t>::max());
  // It always fails: the text is cut off where the value begins.
  (void)scanner.document(path);
  std::string pointer;
  for (const auto& step : path.steps) {
    pointer += '/';
    if (step.object)
      pointer += pointer_token(step.name);
    else
      pointer += std::to_string(step.index == 0 ? 0 : step.index - 1);
  }
  return pointer;
}

}  // namespace sluice::json_scan
