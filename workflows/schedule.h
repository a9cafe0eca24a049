// When runs start by themselves, as a definition's Triggers say.
//
// Threads: values, and pure functions of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "workflows/timetable.h"

namespace sluice::workflows {

// What happens to an occurrence while the run of an earlier one is still live.
enum class Overlap : std::uint8_t {
  skip,             // it is left out
  queue,            // it waits for that run's end, for as long as catch_up says
  cancel_previous,  // that run is cancelled
  allow,            // both run
};

struct Schedule {
  enum class Kind : std::uint8_t { cron, every, at };
  Kind kind = Kind::cron;
  std::string text;               // the cron expression; the interval in seconds; the time
  std::string time_zone = "UTC";  // of a cron expression
  Overlap overlap = Overlap::skip;
  std::int64_t catch_up_s = 3'600;   // how late an occurrence may still start its run
  std::optional<std::string> input;  // JSON text; absent: {"schedule": id, "time": occurrence}
  std::size_t place = 0;             // in Triggers
  bool operator==(const Schedule&) const = default;
};

inline constexpr std::int64_t interval_s_max = 31'622'400;  // 366 days

// Its occurrences. Refuses with what is wrong with its text or its time zone (timetable.h).
Result<Timetable> timetable(const Schedule& schedule);

std::string_view name_of(Overlap overlap);      // "Skip", "Queue", …
std::string_view name_of(Schedule::Kind kind);  // the field: "Schedule", "EverySeconds", "At"

}  // namespace sluice::workflows
