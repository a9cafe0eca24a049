#include "workflows/timetable.h"

#include <date/date.h>
#include <date/tz.h>
#include <fmt/format.h>

#include <charconv>
#include <span>
#include <vector>

#include "base/suggest.h"

namespace sluice::workflows {
namespace {

constexpr int days_looked_at = 9 * 366;

struct CronField {
  std::string_view name;
  int min, max;
  std::span<const std::string_view> names;  // of `names_from`, and on
  int names_from = 0;
};
constexpr std::string_view month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                            "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view day_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
// Sunday is 0 and 7.
constexpr CronField cron_fields[] = {{"minute", 0, 59, {}},
                                     {"hour", 0, 23, {}},
                                     {"day of the month", 1, 31, {}},
                                     {"month", 1, 12, month_names, 1},
                                     {"day of the week", 0, 7, day_names, 0}};

constexpr std::pair<std::string_view, std::string_view> short_forms[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

Error wrong(const CronField& field, std::string_view part, std::string_view expected) {
  return make_error(Errc::invalid_argument,
                    fmt::format("{}: found \"{}\", expected {}", field.name, part, expected));
}

std::optional<int> whole_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0)
    return std::nullopt;
  return number;
}

Result<int> value_of(const CronField& field, std::string_view text) {
  for (std::size_t n = 0; n < field.names.size(); ++n)
    if (text.size() == 3 && std::equal(text.begin(), text.end(), field.names[n].begin(),
                                       [](char a, char b) { return (a & ~0x20) == b; }))
      return field.names_from + static_cast<int>(n);
  const auto number = whole_number(text);
  if (!number || *number < field.min || *number > field.max)
    return wrong(field, text,
                 field.names.empty() ? fmt::format("a number from {} to {}", field.min, field.max)
                                     : fmt::format("a number from {} to {}, or a name such as {}",
                                                   field.min, field.max, field.names[1]));
  return *number;
}

// One of a field's parts: "*", "5", "1-5", each also "/STEP".
template <std::size_t N>
Status read_part(const CronField& field, std::string_view part, std::bitset<N>& out) {
  std::string_view range = part;
  int step = 1;
  const auto slash = part.find('/');
  if (slash != std::string_view::npos) {
    range = part.substr(0, slash);
    const auto number = whole_number(part.substr(slash + 1));
    if (!number || *number < 1 || *number > field.max)
      return wrong(field, part, fmt::format("a step from 1 to {} after the /", field.max));
    step = *number;
  }
  int from = field.min, to = field.max;
  if (range != "*") {
    const auto dash = range.find('-');
    const auto first = value_of(field, range.substr(0, dash));
    if (!first) return first.error();
    from = *first;
    // "5/15" goes on to the end, as in most crons.
    to = slash == std::string_view::npos ? from : field.max;
    if (dash != std::string_view::npos) {
      const auto last = value_of(field, range.substr(dash + 1));
      if (!last) return last.error();
      to = *last;
    }
    if (to < from) return wrong(field, part, "a range that begins with the smaller value");
  }
  for (int n = from; n <= to; n += step) out.set(static_cast<std::size_t>(n));
  return ok();
}

template <std::size_t N>
Status read_field(const CronField& field, std::string_view text, std::bitset<N>& out) {
  while (true) {
    const auto comma = text.find(',');
    if (const auto read = read_part(field, text.substr(0, comma), out); !read) return read;
    if (comma == std::string_view::npos) return ok();
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (true) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return found;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Result<const date::time_zone*> find_zone(const std::string& name) {
  if (name == "UTC" || name == "Etc/UTC" || name == "Z") return nullptr;
  try {
    const date::tzdb& data = date::get_tzdb();
    try {
      return date::locate_zone(name);
    } catch (const std::exception&) {
      std::vector<std::string_view> names;
      for (const auto& zone : data.zones) names.push_back(zone.name());
      const std::string near = suggest(name, names);
      return make_error(Errc::invalid_argument,
                        fmt::format("no time zone \"{}\"{}", name,
                                    near.empty() ? "; expected a name of the IANA time zone "
                                                   "database, such as Europe/Berlin"
                                                 : fmt::format("; did you mean \"{}\"?", near)));
    }
  } catch (const std::exception& failure) {
    return make_error(Errc::unavailable,
                      fmt::format("this machine has no time zone data ({}): install tzdata, or use "
                                  "UTC",
                                  failure.what()));
  }
}

WallTime wall(date::sys_seconds time) { return {time.time_since_epoch().count() * 1'000'000}; }

std::int64_t floor_seconds(WallTime time) {
  return time.us / 1'000'000 - (time.us % 1'000'000 < 0 ? 1 : 0);
}

// A local time's instant: after the gap where it is skipped, the first where it is repeated.
date::sys_seconds instant(const date::time_zone* zone, date::local_seconds local) {
  if (zone == nullptr) return date::sys_seconds(local.time_since_epoch());
  const auto info = zone->get_info(local);
  if (info.result == date::local_info::nonexistent) return info.second.begin;
  return date::sys_seconds(local.time_since_epoch() - info.first.offset);
}

}  // namespace

Result<Timetable> Timetable::cron(std::string_view text, const std::string& zone) {
  Timetable made;
  made.kind_ = Kind::cron;
  std::string_view expression = text;
  if (text.starts_with('@')) {
    const auto* form = std::ranges::find(short_forms, text, [](const auto& f) { return f.first; });
    if (form == std::end(short_forms))
      return make_error(Errc::invalid_argument,
                        fmt::format("found \"{}\"; expected @hourly, @daily, @midnight, @weekly, "
                                    "@monthly, @yearly or @annually",
                                    text));
    expression = form->second;
  }
  const auto fields = words(expression);
  if (fields.size() != std::size(cron_fields))
    return make_error(Errc::invalid_argument,
                      fmt::format("found {} fields, expected five: minute, hour, day of the month, "
                                  "month, day of the week, such as \"0 3 * * *\"",
                                  fields.size()));
  Cron& cron = made.cron_;
  std::bitset<8> week_days;
  for (const Status& read : {read_field(cron_fields[0], fields[0], cron.minutes),
                             read_field(cron_fields[1], fields[1], cron.hours),
                             read_field(cron_fields[2], fields[2], cron.days),
                             read_field(cron_fields[3], fields[3], cron.months),
                             read_field(cron_fields[4], fields[4], week_days)})
    if (!read) return read.error();
  for (std::size_t day = 0; day < 7; ++day) cron.week_days[day] = week_days[day];
  if (week_days[7]) cron.week_days.set(0);
  cron.either_day = !fields[2].starts_with('*') && !fields[4].starts_with('*');
  const auto found = find_zone(zone);
  if (!found) return found.error();
  cron.zone = *found;
  if (!made.next(WallTime{0}))
    return make_error(Errc::invalid_argument,
                      fmt::format("\"{}\" never comes: no such month has such a day", text));
  return made;
}

Timetable Timetable::every(Duration interval) {
  Timetable made;
  made.kind_ = Kind::every;
  made.number_ = interval.us;
  return made;
}

Timetable Timetable::once(WallTime at) {
  Timetable made;
  made.number_ = at.us;
  return made;
}

std::optional<WallTime> Timetable::next(WallTime after) const {
  switch (kind_) {
    case Kind::once:
      return number_ > after.us ? std::optional(WallTime{number_}) : std::nullopt;
    case Kind::every: {
      std::int64_t count = after.us / number_;
      if (after.us % number_ < 0) --count;
      return WallTime{(count + 1) * number_};
    }
    case Kind::cron:
      break;
  }
  return next_cron(after);
}

std::optional<WallTime> Timetable::next_cron(WallTime after) const {
  const auto* zone = static_cast<const date::time_zone*>(cron_.zone);
  const date::sys_seconds sys{std::chrono::seconds(floor_seconds(after))};
  const date::local_seconds local =
      zone == nullptr ? date::local_seconds(sys.time_since_epoch()) : zone->to_local(sys);
  date::local_days day = date::floor<date::days>(local);
  auto minute_of_day =
      static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(local - day).count());
  for (int looked = 0; looked < days_looked_at; ++looked, day += date::days(1), minute_of_day = 0) {
    const date::year_month_day ymd(day);
    if (!cron_.months[static_cast<unsigned>(ymd.month())]) continue;
    const bool in_month = cron_.days[static_cast<unsigned>(ymd.day())];
    const bool in_week = cron_.week_days[date::weekday(day).c_encoding()];
    if (cron_.either_day ? !in_month && !in_week : !in_month || !in_week) continue;
    for (int minute = minute_of_day; minute < 24 * 60;) {
      if (!cron_.hours[static_cast<std::size_t>(minute / 60)]) {
        minute = (minute / 60 + 1) * 60;
        continue;
      }
      if (cron_.minutes[static_cast<std::size_t>(minute % 60)]) {
        // Never decreases with the local time, so that the first later one is the next.
        const WallTime at = wall(instant(zone, day + std::chrono::minutes(minute)));
        if (at > after) return at;
      }
      ++minute;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::workflows
