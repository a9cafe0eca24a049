#include "workflows/choice_operator.h"

#include <algorithm>
#include <numeric>
#include <vector>

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

bool has_path_form(const ChoiceOperator& op) { return op.type != T::test && op.comparison != C::matches; }

// How many single characters differ, at least (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
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
  if (name.size() > 40) return "";
  std::string best;
  std::size_t least = 4;
  const auto offer = [&](std::string candidate) {
    const std::size_t found = distance(name, candidate);
    if (found >= least) return;
    least = found;
    best = std::move(candidate);
  };
  for (const Named& each : operators) {
    offer(std::string(each.name));
    if (has_path_form(each.op)) offer(std::string(each.name) + "Path");
  }
  return best;
}

}  // namespace sluice::workflows
