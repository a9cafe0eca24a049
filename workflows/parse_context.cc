#include "workflows/parse_context.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/suggest.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t shown_bytes_max = 100;

// Never cuts inside a UTF-8 sequence: a message is itself JSON later.
std::string shown(std::string_view text) {
  std::size_t size = std::min(text.size(), shown_bytes_max);
  while (size < text.size() && size > 0 &&
         (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  std::string out;
  for (const char c : text.substr(0, size)) out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  if (size < text.size()) out += "…";
  return out;
}

std::string number_text(double value) { return fmt::format("{}", value); }

}  // namespace

void ParseContext::problem(std::string pointer, std::string detail) {
  if (problems_.size() == problems_max) {
    ++unlisted_count_;
    return;
  }
  problems_.push_back({std::move(pointer), std::move(detail)});
}

void ParseContext::warning(std::string pointer, std::string detail) {
  if (warnings_.size() < problems_max) warnings_.push_back({std::move(pointer), std::move(detail)});
}

void ParseContext::add(const Error& error, std::string_view pointer) {
  if (error.problems.empty()) problem(std::string(pointer), error.detail);
  for (const Problem& each : error.problems) problem(each.pointer, each.detail);
}

std::string ParseContext::near(std::string_view found,
                               std::span<const std::string_view> candidates) {
  if (found.empty() || suggestions_tried_ > suggestions_tried_max) return {};
  suggestions_tried_ += candidates.size();
  return suggest(found, candidates);
}

std::string ParseContext::suggestion(std::string_view found,
                                     std::span<const std::string_view> candidates) {
  const std::string name = near(found, candidates);
  return name.empty() ? name : fmt::format("; did you mean {}?", in_quotes(name));
}

std::vector<Problem> ParseContext::take_problems() {
  if (unlisted_count_ > 0) {
    problems_.push_back({"", fmt::format("{} more problems are not listed", unlisted_count_)});
  }
  return std::move(problems_);
}

std::string describe(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::string:
      return fmt::format("the string {}", in_quotes(value.get_ref<const std::string&>()));
    case Json::value_t::array:
      return "an array";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return fmt::format("the number {}", to_text(value));
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return "something that is not JSON";
}

std::string in_quotes(std::string_view name) { return fmt::format("\"{}\"", shown(name)); }

std::string list_of(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += in_quotes(names[i]);
  }
  return out;
}

std::string Fields::pointer(std::string_view name) const {
  return pointer_ + "/" + pointer_token(name);
}

const Json* Fields::find(std::string_view name) const {
  const auto member = object_.find(std::string(name));
  return member == object_.end() ? nullptr : &*member;
}

void Fields::wrong(std::string_view name, std::string_view expected, const Json& found) const {
  context_.problem(pointer(name), fmt::format("{} must be {}, not {}", in_quotes(name), expected,
                                              describe(found)));
}

std::optional<std::string> Fields::string(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    wrong(name, "a string", *value);
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::optional<bool> Fields::boolean(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    wrong(name, "true or false", *value);
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t min,
                                            std::int64_t max) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  // 3.0 is refused like 3.5: a reader of the definition must not wonder what is meant.
  if (value->is_number_integer()) {
    const bool huge =
        value->is_number_unsigned() &&
        value->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    if (!huge && value->get<std::int64_t>() >= min && value->get<std::int64_t>() <= max) {
      return value->get<std::int64_t>();
    }
  }
  wrong(name, fmt::format("an integer from {} to {}", min, max), *value);
  return std::nullopt;
}

std::optional<double> Fields::number(std::string_view name, double min, double max) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) {
    const double number = value->get<double>();
    if (std::isfinite(number) && number >= min && number <= max) return number;
  }
  wrong(name, fmt::format("a number from {} to {}", number_text(min), number_text(max)), *value);
  return std::nullopt;
}

std::optional<std::size_t> Fields::one_of(std::string_view name,
                                          std::span<const std::string_view> names) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == text) return i;
    }
    context_.problem(pointer(name),
                     fmt::format("{} must be {}, not {}{}", in_quotes(name), list_of(names),
                                 in_quotes(text), context_.suggestion(text, names)));
    return std::nullopt;
  }
  wrong(name, list_of(names), *value);
  return std::nullopt;
}

const Json* Fields::array(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr || value->is_array()) return value;
  wrong(name, "an array", *value);
  return nullptr;
}

const Json* Fields::object(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  wrong(name, "an object", *value);
  return nullptr;
}

bool Fields::require(std::string_view name, std::string_view why) const {
  if (has(name)) return true;
  context_.problem(pointer_, fmt::format("{} is missing: {}", in_quotes(name), why));
  return false;
}

void Fields::exclude(std::string_view one, std::string_view other) const {
  if (has(one) && has(other)) {
    context_.problem(pointer(other), fmt::format("{} and {} exclude each other; keep one of them",
                                                 in_quotes(one), in_quotes(other)));
  }
}

std::string not_offered(std::string_view what) {
  return fmt::format("{} is not offered by this version", what);
}

bool of_language(FieldOf field, FieldOf language) {
  return field == FieldOf::both || language == FieldOf::both || field == language;
}

std::string of_other_language(std::string_view name, FieldOf spoken) {
  const bool jsonata = spoken == FieldOf::jsonata;
  return fmt::format("{} belongs to {} states, and this is a {} state", in_quotes(name),
                     jsonata ? "JSONPath" : "JSONata", jsonata ? "JSONata" : "JSONPath");
}

void check_fields(ParseContext& context, const Json& object, std::string_view pointer,
                  std::string_view what, std::span<const FieldRule> rules, FieldOf language) {
  std::vector<std::string_view> names;
  for (const FieldRule& rule : rules)
    if (of_language(rule.language, language)) names.push_back(rule.name);
  for (const auto& [key, value] : object.items()) {
    const FieldRule* found = nullptr;
    for (const FieldRule& rule : rules) {
      if (rule.name == key) found = &rule;
    }
    std::string place = std::string(pointer) + "/" + pointer_token(key);
    if (found == nullptr) {
      context.problem(std::move(place), fmt::format("{} has no field {}{}", what, in_quotes(key),
                                                    context.suggestion(key, names)));
    } else if (!of_language(found->language, language)) {
      context.problem(std::move(place), of_other_language(key, language));
    } else if (!found->offered) {
      context.problem(std::move(place), not_offered(in_quotes(key)));
    }
  }
}

}  // namespace sluice::workflows
