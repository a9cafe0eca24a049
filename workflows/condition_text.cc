#include "workflows/condition_text.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "workflows/value.h"

namespace sluice::workflows {
namespace {

// How the operator's name ends, longest first where one ends with another.
constexpr std::pair<std::string_view, std::string_view> signs[] = {
    {"LessThanEquals", "<="}, {"GreaterThanEquals", ">="}, {"LessThan", "<"}, {"GreaterThan", ">"},
    {"Equals", "=="},         {"Matches", "matches"}};

// IsPresent → "is present"; IsNull → "is null"; IsString → "is a string".
std::string_view test_text(std::string_view name) {
  if (name == "IsNull") return "null";
  if (name == "IsPresent") return "present";
  if (name == "IsNumeric") return "a number";
  if (name == "IsString") return "a string";
  if (name == "IsBoolean") return "a boolean";
  if (name == "IsTimestamp") return "a timestamp";
  return name;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

std::string comparison(const std::string& variable, std::string_view name, const Json& value) {
  if (name.starts_with("Is") && value.is_boolean()) {
    return fmt::format("{} is {}{}", variable, value.get<bool>() ? "" : "not ", test_text(name));
  }
  const bool path = name.ends_with("Path");
  if (path) name.remove_suffix(std::string_view("Path").size());
  for (const auto& [ending, sign] : signs) {
    if (name.ends_with(ending)) {
      return fmt::format("{} {} {}", variable, sign, path ? text_of(value) : to_text(value));
    }
  }
  return fmt::format("{} {} {}", variable, name, to_text(value));
}

// What stands between an expression's marks.
std::string condition(const Json& value) {
  std::string out = text_of(value);
  if (!is_expression(out)) return out;
  constexpr std::string_view space = " \t\r\n";
  const std::string_view code = std::string_view(out).substr(2, out.size() - 4);
  const auto first = code.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return std::string(code.substr(first, code.find_last_not_of(space) - first + 1));
}

// And and Or inside another rule stand in brackets. The nesting is bounded by choice_depth_max.
std::string text(const Json& rule, bool inner) {
  if (const auto found = rule.find("Condition"); found != rule.end()) return condition(*found);
  for (const std::string_view name : {"And", "Or"}) {
    const auto parts = rule.find(std::string(name));
    if (parts == rule.end() || !parts->is_array()) continue;
    const bool brackets = inner && parts->size() > 1;
    std::string out = brackets ? "(" : "";
    for (std::size_t i = 0; i < parts->size(); ++i) {
      if (i > 0) out += name == "And" ? " and " : " or ";
      out += text((*parts)[i], inner || parts->size() > 1);
    }
    return brackets ? out + ")" : out;
  }
  if (const auto part = rule.find("Not"); part != rule.end() && part->is_object()) {
    return "not (" + text(*part, false) + ")";
  }
  std::string variable = "?";
  if (const auto found = rule.find("Variable"); found != rule.end()) variable = text_of(*found);
  for (const auto& [name, value] : rule.items()) {
    if (name == "Variable" || name == "Next" || name == "Comment" || name == "Assign") continue;
    return comparison(variable, name, value);
  }
  return variable;
}

}  // namespace

std::string condition_text(const Json& rule) { return text(rule, false); }

}  // namespace sluice::workflows
