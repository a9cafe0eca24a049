// The rules of a Choice state: comparisons joined by And, Or and Not.
//
//   { "Variable": "$.total", "NumericGreaterThanPath": "$.limit", "Next": "Review" }
//
// A comparison of different types is false, never a failure. A Variable, or the path that it is
// compared with, that selects nothing fails with States.Runtime (Is…: only IsPresent accepts it).
// StringMatches runs in time linear in pattern times text, whatever the pattern.
//
// Threads: immutable after parse; thread-safe. Copies share the parsed form.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "workflows/evaluation.h"
#include "workflows/state_index.h"
#include "workflows/value.h"

namespace sluice::workflows {

inline constexpr int choice_depth_max = 64;  // And, Or and Not within each other

struct ChoiceTest;

struct ChoiceRule {
  std::shared_ptr<const ChoiceTest> test;  // JSONPath
  std::optional<Value> condition;          // JSONata
  std::optional<Value> output;             // JSONata; in place of the state's
  std::optional<Value> assign;             // in place of the state's
  StateIndex next = no_state;

  // Of the test, or of the condition.
  Needs needs() const;
  // REQUIRES: a JSONPath rule. (Whoever evaluates `condition` checks that it gives a boolean.)
  Evaluated<bool> holds(const Scope& scope) const;
};

// Finds the state that Next names, or adds a problem at `pointer`.
using StateResolver = std::function<StateIndex(std::string_view name, std::string_view pointer,
                                               std::vector<Problem>& problems)>;

// One element of Choices. Refuses with invalid_definition and every problem found; Comment is
// allowed anywhere, Next is required here and refused inside And, Or and Not. JSONata: Condition,
// which is true, false or an expression.
Result<ChoiceRule> parse_choice_rule(const Json& value, std::string_view pointer,
                                     QueryLanguage language, const StateResolver& resolve);

// `pattern` with '*' for any run of characters, '\*' and '\\' for themselves.
bool string_matches(std::string_view pattern, std::string_view text);

}  // namespace sluice::workflows
