// Whether an answer is the one that was recorded.
//
// In what is expected, `<…>` inside a text stands for any text, a text that is nothing but one such
// mark stands for any value, and so does every word that the case lists as a wildcard. In ARNs, the
// recorder's account stands for ours.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/json.h"

namespace sluice::conformance {

struct Difference {
  std::string pointer;  // where in the answer
  std::string expected, got;
};

struct Wildcards {
  std::set<std::string> words;
  std::map<std::string, std::string> stands_for;  // what a word was in the definition and input
};

// The first difference, in the order of what is expected.
std::optional<Difference> differ(const Json& expected, const Json& got, const Wildcards& wildcards,
                                 const std::string& pointer = "");
bool text_matches(const std::string& recorded, const std::string& given,
                  const Wildcards& wildcards);

// The same members and items; arrays in any order.
bool same_unordered(const Json& expected, const Json& got);

std::string cut(const Json& value);

}  // namespace sluice::conformance
