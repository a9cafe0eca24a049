// When a schedule's occurrences are: cron expressions in a time zone, intervals, a single time.
//
// A cron expression has five fields (minute, hour, day of the month, month, day of the week), each
// a list of values, ranges and steps; months and days of the week also by their English names of
// three letters; or one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually. Where
// both kinds of day are given, either will do (POSIX crontab). A local time that a clock change
// skips is at the first instant after the gap, and several such are one occurrence; a local time
// that it repeats occurs once, the first time.
//
// Threads: a Timetable never changes and may be shared; parsing reads the time zones' data, which
// the library loads once, under its own lock.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace sluice::workflows {

class Timetable {
 public:
  // `zone` is a name of the IANA time zone database. UTC needs no data; where the machine has none,
  // another zone is refused with unavailable, an unknown one with invalid_argument.
  static Result<Timetable> cron(std::string_view text, const std::string& zone);
  // At every multiple of the interval since 1970-01-01T00:00Z. REQUIRES: interval > 0.
  static Timetable every(Duration interval);
  static Timetable once(WallTime at);

  // The first occurrence later than `after`; nothing: there is none. A cron expression is looked at
  // for the nine years that a 29 February may need.
  std::optional<WallTime> next(WallTime after) const;

 private:
  struct Cron {
    std::bitset<60> minutes;
    std::bitset<24> hours;
    std::bitset<32> days;        // 1 … 31
    std::bitset<13> months;      // 1 … 12
    std::bitset<7> week_days;    // 0: Sunday
    bool either_day = false;     // both kinds of day are given
    const void* zone = nullptr;  // date::time_zone; null: UTC
  };
  std::optional<WallTime> next_cron(WallTime after) const;

  enum class Kind { cron, every, once } kind_ = Kind::once;
  Cron cron_{};
  std::int64_t number_ = 0;  // the interval, or the time, in microseconds
};

}  // namespace sluice::workflows
