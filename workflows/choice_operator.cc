#include "workflows/choice_operator.h"

#include <vector>

#include "base/suggest.h"

namespace sluice::workflows {
namespace {

struct Named {
  std::string_view name;
  ChoiceOperator op;
};

using T = ChoiceType;
using C = ChoiceComparison;
// Every one of these but the tests and StringMatches also exists with "Path" at the end.
constexpr Named operators[] = {
    {"StringEquals", {T::string, C::equals}},
    {"StringLessThan", {T::string, C::less}},
    {"StringGreaterThan", {T::string, C::greater}},
    {"StringLessThanEquals", {T::string, C::less_equals}},
    {"StringGreaterThanEquals", {T::string, C::greater_equals}},
    {"NumericEquals", {T::number, C::equals}},
    {"NumericLessThan", {T::number, C::less}},
    {"NumericGreaterThan", {T::number, C::greater}},
    {"NumericLessThanEquals", {T::number, C::less_equals}},
    {"NumericGreaterThanEquals", {T::number, C::greater_equals}},
    {"TimestampEquals", {T::timestamp, C::equals}},
    {"TimestampLessThan", {T::timestamp, C::less}},
    {"TimestampGreaterThan", {T::timestamp, C::greater}},
    {"TimestampLessThanEquals", {T::timestamp, C::less_equals}},
    {"TimestampGreaterThanEquals", {T::timestamp, C::greater_equals}},
    {"BooleanEquals", {T::boolean, C::equals}},
    {"StringMatches", {T::string, C::matches}},
    {"IsPresent", {T::test, C::is_present}},
    {"IsNull", {T::test, C::is_null}},
    {"IsNumeric", {T::test, C::is_numeric}},
    {"IsString", {T::test, C::is_string}},
    {"IsBoolean", {T::test, C::is_boolean}},
    {"IsTimestamp", {T::test, C::is_timestamp}},
};

bool has_path_form(const ChoiceOperator& op) {
  return op.type != T::test && op.comparison != C::matches;
}

}  // namespace

std::optional<ChoiceOperator> find_choice_operator(std::string_view name) {
  const bool path = name.ends_with("Path");
  const std::string_view plain = path ? name.substr(0, name.size() - 4) : name;
  for (const Named& each : operators) {
    if (each.name != plain || (path && !has_path_form(each.op))) continue;
    ChoiceOperator op = each.op;
    op.path = path;
    return op;
  }
  return std::nullopt;
}

std::string closest_choice_operator(std::string_view name) {
  std::vector<std::string> names;
  for (const Named& each : operators) {
    names.emplace_back(each.name);
    if (has_path_form(each.op)) names.push_back(std::string(each.name) + "Path");
  }
  return suggest(name, std::vector<std::string_view>(names.begin(), names.end()));
}

}  // namespace sluice::workflows
