// Tables of definitions and what the compiler must say of them.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "workflows/workflow.h"

namespace sluice::workflows::testing {

// A definition of the state "A" (given as JSON), with "Ship" and "Bill" that it may lead to. All
// three are reachable, whatever A says.
inline std::string with_state(std::string_view state) {
  return fmt::format(R"({{"StartAt":"Begin","States":{{
    "Begin":{{"Type":"Choice","Choices":[{{"Variable":"$.x","IsPresent":true,"Next":"A"}}],"Default":"Ship"}},
    "A":{},
    "Ship":{{"Type":"Pass","Next":"Bill"}},
    "Bill":{{"Type":"Pass","End":true}}}}}})",
                     state);
}

// The problems of a refused definition; empty if it was accepted.
inline std::vector<Problem> problems_of(std::string_view text) {
  const auto compiled = compile(text);
  if (compiled) return {};
  CHECK(compiled.error().code == Errc::invalid_definition);
  CHECK_FALSE(compiled.error().problems.empty());
  return compiled.error().problems;
}

inline std::string to_lines(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& each : problems) out += each.pointer + ": " + each.detail + "\n";
  return out;
}

// The definition has exactly this one problem.
inline void check_refused(std::string_view text, std::string_view pointer,
                          std::string_view fragment) {
  const auto problems = problems_of(text);
  INFO("definition: ", std::string(text));
  INFO("expected at ", std::string(pointer), ": ", std::string(fragment));
  INFO("problems: ", to_lines(problems));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].pointer == pointer);
  CHECK(problems[0].detail.find(fragment) != std::string::npos);
}

inline std::shared_ptr<const Machine> check_accepted(std::string_view text) {
  const auto compiled = compile(text);
  INFO("definition: ", std::string(text));
  INFO("problems: ", compiled
                         ? std::string()
                         : compiled.error().detail + "\n" + to_lines(compiled.error().problems));
  REQUIRE(compiled.has_value());
  return compiled->machine;
}

// The definition is accepted with exactly this one warning.
inline void check_warned(std::string_view text, std::string_view pointer,
                         std::string_view fragment) {
  const auto compiled = compile(text);
  INFO("definition: ", std::string(text));
  INFO("problems: ", compiled
                         ? std::string()
                         : compiled.error().detail + "\n" + to_lines(compiled.error().problems));
  REQUIRE(compiled.has_value());
  INFO("warnings: ", to_lines(compiled->warnings));
  REQUIRE(compiled->warnings.size() == 1);
  CHECK(compiled->warnings[0].pointer == pointer);
  CHECK(compiled->warnings[0].detail.find(fragment) != std::string::npos);
}

}  // namespace sluice::workflows::testing
