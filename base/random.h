// Chance is a parameter: a small seeded generator (xoshiro256++, Blackman and Vigna 2019, seeded by
// splitmix64). Not for secrets; those come from random_secret().
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

// Not thread-safe, caller serialises.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1).
  double unit();

 private:
  std::uint64_t state_[4];
};

// `bytes` bytes from the operating system. Thread-safe.
std::string random_secret(std::size_t bytes);

}  // namespace sluice
