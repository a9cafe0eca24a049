#include "base/suggest.h"

#include <algorithm>
#include <vector>

namespace sluice {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The restricted Damerau-Levenshtein distance, letter case ignored.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t differs = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + differs});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string suggest(std::string_view name, std::span<const std::string_view> candidates) {
  // Nobody's field names are longer, and the cost grows with the product of the lengths.
  constexpr std::size_t name_bytes_max = 128;
  if (name.empty() || name.size() > name_bytes_max) return {};
  std::string_view best;
  std::size_t best_distance = name.size() <= 4 ? 2 : 3;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > name.size() + 2 || name.size() > candidate.size() + 2) continue;
    const std::size_t d = distance(name, candidate);
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return std::string(best);
}

}  // namespace sluice
