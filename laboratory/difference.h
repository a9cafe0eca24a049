// Where two documents differ, in lines for people.
//
// Thread-safe (no shared state).
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace sluice::laboratory {

inline constexpr std::size_t differences_max = 20;

// "/items/2/price: expected 7, got 8", one per place and at most differences_max of them; empty if
// the documents are equal.
std::vector<std::string> differences(const Json& expected, const Json& got);

}  // namespace sluice::laboratory
