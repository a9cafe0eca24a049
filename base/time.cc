#include "base/time.h"

#include <date/date.h>
#include <fmt/core.h>

#include <chrono>

namespace sluice {
namespace {

struct Civil {
  int year;
  unsigned month, day, hour, minute, second, micros;
};

Civil civil(WallTime t) {
  using namespace std::chrono;
  const date::sys_time<std::chrono::microseconds> tp{std::chrono::microseconds{t.us}};
  const auto day_point = date::floor<date::days>(tp);
  const date::year_month_day ymd{day_point};
  const auto rest = (tp - day_point).count();
  const auto secs = static_cast<unsigned>(rest / 1'000'000);
  return {int{ymd.year()},
          unsigned{ymd.month()},
          unsigned{ymd.day()},
          secs / 3600,
          secs / 60 % 60,
          secs % 60,
          static_cast<unsigned>(rest % 1'000'000)};
}

void put(char* at, unsigned value, std::size_t digits) {
  for (; digits > 0; value /= 10) at[--digits] = static_cast<char>('0' + value % 10);
}

// Written once for every task that is handed out, and so by hand.
std::string text_of(const Civil& c, unsigned fraction, std::size_t digits) {
  if (c.year < 0 || c.year > 9999)
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:0{}}Z", c.year, c.month, c.day,
                       c.hour, c.minute, c.second, fraction, digits);
  std::string text = "0000-00-00T00:00:00.000000Z";
  put(&text[0], static_cast<unsigned>(c.year), 4);
  put(&text[5], c.month, 2);
  put(&text[8], c.day, 2);
  put(&text[11], c.hour, 2);
  put(&text[14], c.minute, 2);
  put(&text[17], c.second, 2);
  put(&text[20], fraction, digits);
  text[20 + digits] = 'Z';
  text.resize(21 + digits);
  return text;
}

// Reads exactly `digits` decimal digits at `at`, or nothing.
std::optional<int> number(std::string_view s, std::size_t at, std::size_t digits) {
  if (at + digits > s.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (s[i] < '0' || s[i] > '9') return std::nullopt;
    value = value * 10 + (s[i] - '0');
  }
  return value;
}

}  // namespace

std::string to_rfc3339(WallTime t) {
  const Civil c = civil(t);
  return text_of(c, c.micros, 6);
}

std::string to_rfc3339_ms(WallTime t) {
  const Civil c = civil(t);
  return text_of(c, c.micros / 1000, 3);
}

std::optional<WallTime> parse_rfc3339(std::string_view s) {
  const auto year = number(s, 0, 4), month = number(s, 5, 2), day = number(s, 8, 2),
             hour = number(s, 11, 2), minute = number(s, 14, 2), second = number(s, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':')
    return std::nullopt;
  const date::year_month_day ymd{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                 date::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;

  std::size_t at = 19;
  std::int64_t micros = 0;
  if (at < s.size() && s[at] == '.') {
    std::int64_t scale = 100'000;
    const std::size_t first = ++at;
    for (; at < s.size() && s[at] >= '0' && s[at] <= '9'; ++at) {
      micros += (s[at] - '0') * scale;
      scale /= 10;
    }
    if (at == first) return std::nullopt;
  }
  std::int64_t offset_minutes = 0;
  if (at >= s.size()) return std::nullopt;
  if (s[at] == 'Z') {
    ++at;
  } else if (s[at] == '+' || s[at] == '-') {
    const auto h = number(s, at + 1, 2), m = number(s, at + 4, 2);
    if (!h || !m || s[at + 3] != ':' || *h > 23 || *m > 59) return std::nullopt;
    offset_minutes = (*h * 60 + *m) * (s[at] == '-' ? -1 : 1);
    at += 6;
  }
  if (at != s.size() || s[at - 1] == '.') return std::nullopt;
  const std::int64_t days = date::sys_days{ymd}.time_since_epoch().count();
  const std::int64_t secs =
      days * 86'400 + *hour * 3'600 + *minute * 60 + *second - offset_minutes * 60;
  return WallTime{secs * 1'000'000 + micros};
}

}  // namespace sluice
