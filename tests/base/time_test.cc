#include "base/time.h"

#include <doctest/doctest.h>

#include <limits>

#include "base/clock.h"
#include "base/random.h"

namespace sluice {

TEST_CASE("a date-time of RFC 3339 is read, whatever its offset and precision") {
  struct Row {
    const char* text;
    const char* utc;
  };
  const Row rows[] = {
      {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
      {"2026-01-31T23:59:59.123456Z", "2026-01-31T23:59:59.123456Z"},
      {"2026-01-31T23:59:59.1Z", "2026-01-31T23:59:59.100000Z"},
      {"2026-01-31T23:59:59.1234569999Z", "2026-01-31T23:59:59.123456Z"},
      {"2026-01-31T23:59:59+01:00", "2026-01-31T22:59:59.000000Z"},
      {"2026-01-31T23:59:59-00:30", "2026-02-01T00:29:59.000000Z"},
      {"2026-01-31T23:59:59.5-23:59", "2026-02-01T23:58:59.500000Z"},
      {"2026-01-31T23:59:59-00:00", "2026-01-31T23:59:59.000000Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"},
      {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z"},
      {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto time = parse_rfc3339(row.text);
    REQUIRE(time.has_value());
    CHECK(to_rfc3339(*time) == row.utc);
  }
}

TEST_CASE("what is not a date-time of RFC 3339, or not a date, is refused") {
  for (const char* text : {"",
                           "Z",
                           "2026",
                           "2026-01-31",
                           "2026-01-31T23:59Z",
                           "2026-01-31T23:59:59",
                           "2026-01-31t23:59:59Z",
                           "2026-01-31T23:59:59z",
                           "2026-01-31 23:59:59Z",
                           "2026-01-31T23:59:59.Z",
                           "2026-01-31T23:59:59.",
                           "2026-01-31T23:59:59,5Z",
                           "2026-01-31T23:59:59ZZ",
                           "2026-01-31T23:59:59Z ",
                           " 2026-01-31T23:59:59Z",
                           "2026-01-31T23:59:59+",
                           "2026-01-31T23:59:59+01",
                           "2026-01-31T23:59:59+0100",
                           "2026-01-31T23:59:59+01:0",
                           "2026-01-31T23:59:59+24:00",
                           "2026-01-31T23:59:59+01:60",
                           "2026-01-31T23:59:59+01:00Z",
                           "2026-01-31T23:59:59+-1:00",
                           "2026-00-31T23:59:59Z",
                           "2026-13-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-32T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "1900-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:60Z",
                           "26-01-31T23:59:59Z",
                           "02026-01-31T23:59:59Z",
                           "-026-01-31T23:59:59Z",
                           "2026/01/31T23:59:59Z",
                           "2026-01-31T23.59.59Z",
                           "2026-1-31T23:59:59Z",
                           "2026-01-31T-1:59:59Z"}) {
    CHECK_FALSE_MESSAGE(parse_rfc3339(text).has_value(), text);
  }
}

TEST_CASE("times are written with six or three digits of the second, cut and not rounded") {
  const WallTime t = *parse_rfc3339("2026-01-31T23:59:59.999999Z");
  CHECK(to_rfc3339(t) == "2026-01-31T23:59:59.999999Z");
  CHECK(to_rfc3339_ms(t) == "2026-01-31T23:59:59.999Z");
}

TEST_CASE("any time of the four-digit years survives writing and reading") {
  Random random(7);
  const std::int64_t first = parse_rfc3339("0001-01-01T00:00:00Z")->us;
  const std::int64_t last = parse_rfc3339("9999-12-31T23:59:59.999999Z")->us;
  for (int i = 0; i < 10'000; ++i) {
    const WallTime t{
        first + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(last - first)))};
    REQUIRE(parse_rfc3339(to_rfc3339(t)) == t);
  }
}

TEST_CASE("a virtual clock moves only when told, and the world can go on without the machine") {
  VirtualClock clock(WallTime{1'000});
  CHECK(clock.wall_now() == WallTime{1'000});
  clock.advance(milliseconds(1));
  clock.advance_wall_only(seconds(1));
  CHECK(clock.wall_now() == WallTime{1'002'000});
  CHECK(clock.steady_now() == milliseconds(1));
}

TEST_CASE("the system's clock is past 2025 and its steady time does not go back") {
  const SystemClock clock;
  CHECK(clock.wall_now() > *parse_rfc3339("2025-01-01T00:00:00Z"));
  const Duration before = clock.steady_now();
  CHECK(clock.steady_now() >= before);
}

}  // namespace sluice
