// "Did you mean …": the known name that is nearest to one that was written wrongly.
//
// Thread-safe (no shared state).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice {

// The candidate that differs from `name` in letter case only, or else by the fewest insertions,
// deletions, replacements and swaps of neighbours: at most two, one in names of up to four
// characters. Empty when there is none; the first of several.
std::string suggest(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace sluice
