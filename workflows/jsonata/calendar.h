// The Gregorian calendar in milliseconds since 1970, UTC, and the weeks of ISO 8601. Internal.
// Thread-safe.
#pragma once

#include <cmath>
#include <cstdint>

namespace sluice::workflows::jsonata {

inline constexpr double day_ms = 86'400'000;
inline constexpr double time_max_ms = 8.64e15;  // what a time may be from 1970, either way

// Days since 1970 (Howard Hinnant's algorithm); a month outside of 0 to 11 moves the year.
inline double days_from_civil(double year, double month, double day) {
  year += std::floor(month / 12);
  month -= std::floor(month / 12) * 12;  // 0 to 11
  const double shifted = month < 2 ? year - 1 : year;
  const double era = std::floor(shifted / 400);
  const double year_of_era = shifted - era * 400;
  const double day_of_year = std::floor((153 * (month < 2 ? month + 10 : month - 2) + 2) / 5);
  const double day_of_era =
      year_of_era * 365 + std::floor(year_of_era / 4) - std::floor(year_of_era / 100) + day_of_year;
  return era * 146097 + day_of_era - 719468 + day - 1;
}

struct CivilTime {
  double year, month, day;  // month 0 to 11, day from 1
  double hour, minute, second, millisecond;
  double weekday;      // 1 Monday to 7 Sunday
  double day_of_year;  // from 1
};

inline CivilTime to_civil(double millis) {
  const double days = std::floor(millis / day_ms);
  const double time = millis - days * day_ms;
  const double shifted = days + 719468;
  const double era = std::floor(shifted / 146097);
  const double day_of_era = shifted - era * 146097;
  const double year_of_era =
      std::floor((day_of_era - std::floor(day_of_era / 1460) + std::floor(day_of_era / 36524) -
                  std::floor(day_of_era / 146096)) /
                 365);
  const double day_of_year = day_of_era - (365 * year_of_era + std::floor(year_of_era / 4) -
                                           std::floor(year_of_era / 100));
  const double month = std::floor((5 * day_of_year + 2) / 153);
  CivilTime civil{};
  civil.day = day_of_year - std::floor((153 * month + 2) / 5) + 1;
  civil.month = month < 10 ? month + 2 : month - 10;
  civil.year = year_of_era + era * 400 + (civil.month < 2 ? 1 : 0);
  civil.hour = std::floor(time / 3'600'000);
  civil.minute = std::fmod(std::floor(time / 60'000), 60);
  civil.second = std::fmod(std::floor(time / 1'000), 60);
  civil.millisecond = std::fmod(std::floor(time), 1'000);
  const double weekday = std::fmod(std::fmod(days + 3, 7) + 7, 7);  // 1970 began on a Thursday
  civil.weekday = weekday + 1;
  civil.day_of_year = days - days_from_civil(civil.year, 0, 1) + 1;
  return civil;
}

// The Monday on which the first week of a year (or month) starts: the one that has its first
// Thursday.
inline double first_week_day(double year, double month) {
  const double first = days_from_civil(year, month, 1);
  const double weekday = std::fmod(std::fmod(first + 3, 7) + 7, 7) + 1;
  return weekday > 4 ? first + 8 - weekday : first - (weekday - 1);
}

}  // namespace sluice::workflows::jsonata
