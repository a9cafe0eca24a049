#include "base/random.h"

#include <doctest/doctest.h>

#include <array>

namespace sluice {

TEST_CASE("the same seed gives the same numbers, another seed others") {
  Random a(1), b(1), c(2);
  bool differs = false;
  for (int i = 0; i < 1'000; ++i) {
    const std::uint64_t n = a.next();
    REQUIRE(n == b.next());
    differs = differs || n != c.next();
  }
  CHECK(differs);
}

TEST_CASE("numbers stay below their bound and reach every value under it") {
  Random random(3);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70'000; ++i) ++seen.at(random.below(7));
  // 10,000 each is expected; six standard deviations are 556.
  for (const int count : seen) CHECK(std::abs(count - 10'000) < 556);
  for (int i = 0; i < 100; ++i) {
    CHECK(random.below(1) == 0);
    CHECK(random.below(UINT64_MAX) < UINT64_MAX);
  }
}

TEST_CASE("unit numbers lie in [0, 1) and are spread over it") {
  Random random(4);
  std::array<int, 10> tenths{};
  for (int i = 0; i < 100'000; ++i) {
    const double u = random.unit();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    ++tenths.at(static_cast<std::size_t>(u * 10));
  }
  for (const int count : tenths) CHECK(std::abs(count - 10'000) < 600);
}

TEST_CASE("secrets have the length asked for and differ") {
  CHECK(random_secret(0).empty());
  CHECK(random_secret(1'000).size() == 1'000);  // More than one read of the system's may give.
  CHECK(random_secret(32) != random_secret(32));
}

}  // namespace sluice
