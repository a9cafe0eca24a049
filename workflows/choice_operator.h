// The comparison operators of Choice rules, by name. Internal to this room.
// Thread-safe (no shared state).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::workflows {

enum class ChoiceType { string, number, boolean, timestamp, test };
enum class ChoiceComparison {
  equals,
  less,
  less_equals,
  greater,
  greater_equals,
  matches,
  is_present,
  is_null,
  is_numeric,
  is_string,
  is_boolean,
  is_timestamp
};

struct ChoiceOperator {
  ChoiceType type = ChoiceType::test;
  ChoiceComparison comparison = ChoiceComparison::is_present;
  bool path = false;  // compared with what a path selects
};

std::optional<ChoiceOperator> find_choice_operator(std::string_view name);

// The operator's name that is nearest to `name`; empty if none is near.
std::string closest_choice_operator(std::string_view name);

}  // namespace sluice::workflows
