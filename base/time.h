// Two clocks, two types, so that mixing them does not compile.
//
// WallTime is the world's time (UTC): `Wait`, `not_before`, what people read. EngineTime is the
// time that work is measured by: leases, heartbeats, back-off, time-outs. It only grows and stands
// still while the server is down. Both count microseconds.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

struct Duration {
  std::int64_t us = 0;
  auto operator<=>(const Duration&) const = default;
};
constexpr Duration microseconds(std::int64_t n) { return {n}; }
constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000}; }
constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr Duration operator+(Duration a, Duration b) { return {a.us + b.us}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.us - b.us}; }

struct WallTime {
  std::int64_t us = 0;  // since 1970-01-01T00:00:00Z
  auto operator<=>(const WallTime&) const = default;
};
constexpr WallTime operator+(WallTime t, Duration d) { return {t.us + d.us}; }
constexpr WallTime operator-(WallTime t, Duration d) { return {t.us - d.us}; }
constexpr Duration operator-(WallTime a, WallTime b) { return {a.us - b.us}; }

struct EngineTime {
  std::int64_t us = 0;  // since this database was made, down time left out
  auto operator<=>(const EngineTime&) const = default;
};
constexpr EngineTime operator+(EngineTime t, Duration d) { return {t.us + d.us}; }
constexpr EngineTime operator-(EngineTime t, Duration d) { return {t.us - d.us}; }
constexpr Duration operator-(EngineTime a, EngineTime b) { return {a.us - b.us}; }

// RFC 3339 in UTC with microseconds: 2026-01-31T23:59:59.123456Z.
std::string to_rfc3339(WallTime t);
// The same with milliseconds, as the States Language's context object has it.
std::string to_rfc3339_ms(WallTime t);
// Any RFC 3339 date-time with capital T and an offset or Z; digits past the microsecond are cut.
// Nothing if the text is anything else, or the date does not exist.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace sluice
