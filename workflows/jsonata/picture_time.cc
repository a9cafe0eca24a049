// Dates and times by picture: "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]", "[D1o] [MNn] [Y]", …
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "workflows/jsonata/calendar.h"
#include "workflows/jsonata/failure.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/pictures.h"
#include "workflows/jsonata/regex.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

using std::string_view;

constexpr string_view days[] = {"",         "Monday", "Tuesday",  "Wednesday",
                                "Thursday", "Friday", "Saturday", "Sunday"};
constexpr string_view months[] = {"January",   "February", "March",    "April",
                                  "May",       "June",     "July",     "August",
                                  "September", "October",  "November", "December"};
constexpr string_view iso_picture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]";
constexpr string_view numbered = "YMDdFWwXxHhmsf";

string_view default_modifier(char component) {
  switch (component) {
    case 'F':
    case 'P':
    case 'C':
    case 'E':
      return "n";
    case 'm':
    case 's':
      return "01";
    case 'Z':
    case 'z':
      return "01:01";
    default:
      return numbered.find(component) == numbered.npos ? "" : "1";
  }
}

struct Part {
  std::string literal = {};  // if there is no component
  char component = 0;
  std::optional<LetterCase> names = std::nullopt;
  std::optional<IntegerFormat> format = std::nullopt;
  std::optional<int> width_min = std::nullopt, width_max = std::nullopt;
  bool zulu = false;  // zone zero is "Z"
  int year_digits = -1;
};

std::optional<int> read_width(string_view text) {
  if (text.empty() || text == "*") return std::nullopt;
  int width = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || width > 1000) break;
    width = width * 10 + (c - '0');
  }
  return std::min(width, 1000);
}

void read_modifiers(Part& part, string_view marker, std::vector<Part>& parts) {
  const std::size_t comma = marker.rfind(',');
  string_view modifier = marker.substr(1, comma == marker.npos ? comma : comma - 1);
  if (comma != marker.npos) {
    const string_view width = marker.substr(comma + 1);
    const std::size_t dash = width.find('-');
    part.width_min = read_width(width.substr(0, dash));
    if (dash != width.npos) part.width_max = read_width(width.substr(dash + 1));
  }
  char second = 0;
  if (modifier.size() > 1 && string_view("atco").find(modifier.back()) != string_view::npos) {
    second = modifier.back();
    modifier.remove_suffix(1);
  }
  if (default_modifier(part.component).empty())
    fail("D3132", {.value = json_text({&part.component, 1})});
  if (modifier.empty()) modifier = default_modifier(part.component);
  part.zulu = second == 't';
  if (modifier.front() == 'n') {
    part.names = LetterCase::lower;
  } else if (modifier.front() == 'N') {
    part.names = modifier.size() > 1 && modifier[1] == 'n' ? LetterCase::title : LetterCase::upper;
  } else if (numbered.find(part.component) != numbered.npos) {
    part.format = parse_integer_picture(second == 0 ? std::string(modifier)
                                                    : fmt::format("{};{}", modifier, second));
    IntegerFormat& format = *part.format;
    if (part.width_min)
      format.mandatory_digits = std::max(format.mandatory_digits, *part.width_min);
    if (part.component == 'Y') {
      if (part.width_max)
        part.year_digits = format.mandatory_digits = *part.width_max;
      else if (format.mandatory_digits + format.optional_digits >= 2)
        part.year_digits = format.mandatory_digits + format.optional_digits;
    }
    // Numbers that touch are told apart by their widths.
    if (!parts.empty() && parts.back().format)
      parts.back().format->parse_width = parts.back().format->mandatory_digits;
  }
  if (part.component == 'Z' || part.component == 'z') part.format = parse_integer_picture(modifier);
}

std::vector<Part> parse_picture(string_view picture) {
  std::vector<Part> parts;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) parts.push_back({.literal = literal});
    literal.clear();
  };
  for (std::size_t at = 0; at < picture.size(); ++at) {
    if (picture.substr(at).starts_with("]]") || picture.substr(at).starts_with("[[")) {
      literal += picture[at++];
      continue;
    }
    if (picture[at] != '[') {
      literal += picture[at];
      continue;
    }
    flush();
    const std::size_t end = picture.find(']', at);
    if (end == picture.npos) fail("D3135");
    std::string marker;
    for (const char c : picture.substr(at + 1, end - at - 1))
      if (c != ' ' && (c < '\t' || c > '\r')) marker += c;
    Part part;
    if (marker.empty()) fail("D3132", {.value = "\"\""});
    part.component = marker.front();
    read_modifiers(part, marker, parts);
    parts.push_back(std::move(part));
    at = end;
  }
  flush();
  return parts;
}

// The week of `today` among those that `first` starts, where `next` starts the following ones and
// `previous` those before.
double week_number(double today, double first, double next, double previous, double many) {
  double week = (today - first) / 7 + 1;
  if (week > many) {
    if (today >= next) week = 1;
  } else if (week < 1) {
    week = (today - previous) / 7 + 1;
  }
  return std::floor(week);
}

double component_of(const CivilTime& time, char component) {
  const double year = time.year, month = time.month;
  const double today = days_from_civil(year, month, time.day);
  switch (component) {
    case 'Y':
      return year;
    case 'M':
      return month + 1;
    case 'D':
      return time.day;
    case 'd':
      return time.day_of_year;
    case 'F':
      return time.weekday;
    case 'W':
      return week_number(today, first_week_day(year, 0), first_week_day(year + 1, 0),
                         first_week_day(year - 1, 0), 52);
    case 'w':
      return week_number(today, first_week_day(year, month), first_week_day(year, month + 1),
                         first_week_day(year, month - 1), 4);
    case 'X':
      return today < first_week_day(year, 0)        ? year - 1
             : today >= first_week_day(year + 1, 0) ? year + 1
                                                    : year;
    case 'x': {
      const double shown = today < first_week_day(year, month)        ? month - 1
                           : today >= first_week_day(year, month + 1) ? month + 1
                                                                      : month;
      return std::fmod(shown + 12, 12) + 1;
    }
    case 'H':
      return time.hour;
    case 'h':
      return std::fmod(time.hour + 11, 12) + 1;
    case 'm':
      return time.minute;
    case 's':
      return time.second;
    case 'f':
      return time.millisecond;
    case 'P':
      return time.hour >= 12 ? 1 : 0;
    default:
      return 0;
  }
}

std::string with_case(string_view text, LetterCase letters) {
  return letters == LetterCase::upper   ? to_upper(text)
         : letters == LetterCase::lower ? to_lower(text)
                                        : std::string(text);
}

std::string format_zone(const Part& part, double hours, double minutes) {
  const double offset = hours * 100 + minutes;
  if (offset == 0 && part.zulu) return "Z";
  if (!part.format) fail("D3134");
  const IntegerFormat& format = *part.format;
  std::string out;
  if (format.regular || format.mandatory_digits == 3 || format.mandatory_digits == 4) {
    out = format_integer(offset, format);
  } else if (format.mandatory_digits == 1 || format.mandatory_digits == 2) {
    out = format_integer(hours, format);
    if (hours == 0 && minutes < 0) out = "-" + out;
    if (minutes != 0) out += ":" + format_integer(std::fabs(minutes), parse_integer_picture("00"));
  } else {
    fail("D3134");
  }
  if (offset >= 0) out = "+" + out;
  return part.component == 'z' ? "GMT" + out : out;
}

std::string format_part(const Part& part, const CivilTime& time) {
  switch (part.component) {
    case 'P': {
      const string_view half = time.hour >= 12 ? "pm" : "am";
      return part.names == LetterCase::upper ? to_upper(half) : std::string(half);
    }
    case 'C':
    case 'E':
      return "ISO";
    default:
      break;
  }
  double value = component_of(time, part.component);
  if (!part.names) {
    if (part.component == 'Y' && part.year_digits >= 0 && part.year_digits < 15)
      value = std::fmod(value, std::pow(10, part.year_digits));
    return format_integer(value, *part.format);
  }
  string_view name;
  if (part.component == 'M' || part.component == 'x')
    name = months[static_cast<std::size_t>(value) - 1];
  else if (part.component == 'F')
    name = days[static_cast<std::size_t>(value)];
  else
    fail("D3133", {.value = json_text({&part.component, 1})});
  if (part.width_max) name = name.substr(0, static_cast<std::size_t>(*part.width_max));
  return with_case(name, *part.names);
}

std::string escaped(string_view literal) {
  std::string out;
  for (const char c : literal) {
    if (string_view(".*+?^${}()|[]\\/-").find(c) != string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string pattern_of(const Part& part) {
  if (part.component == 0) return escaped(part.literal);
  if (part.component == 'Z' || part.component == 'z') {
    std::string pattern = part.component == 'z' ? "GMT[-+][0-9]+" : "[-+][0-9]+";
    if (part.format && part.format->regular) {
      std::string separator;
      append_utf8(separator, part.format->separators.front().character);
      pattern += escaped(separator) + "[0-9]+";
    }
    return pattern;
  }
  if (part.component == 'f') return "[0-9]+";
  return part.format ? integer_pattern(*part.format) : "[a-zA-Z]+";
}

double read_zone(const Part& part, string_view text) {
  if (part.component == 'z') text.remove_prefix(3);
  const bool negative = text.front() == '-';
  text.remove_prefix(1);
  string_view hours = text, minutes;
  if (part.format && part.format->regular) {
    const std::size_t separator = std::min(text.find_first_not_of("0123456789"), text.size());
    hours = text.substr(0, separator);
    minutes = text.substr(std::min(text.find_first_of("0123456789", separator), text.size()));
  } else if (text.size() > 2) {
    hours = text.substr(0, 2);
    minutes = text.substr(2);
  }
  const double offset = read_decimal(hours).value_or(0) * 60 + read_decimal(minutes).value_or(0);
  return negative ? -offset : offset;
}

std::optional<double> read_part(const Part& part, string_view text) {
  if (part.component == 'Z' || part.component == 'z') return read_zone(part, text);
  if (part.component == 'f')
    return read_decimal("0." + std::string(text.substr(0, 3))).value_or(0) * 1000;
  if (part.format) return read_integer(text, *part.format);
  const auto place = [&](std::span<const string_view> names) -> std::optional<double> {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const string_view name = part.width_max && *part.width_max > 0
                                   ? names[i].substr(0, static_cast<std::size_t>(*part.width_max))
                                   : names[i];
      if (!name.empty() && to_lower(name) == to_lower(text)) return static_cast<double>(i);
    }
    return std::nullopt;
  };
  if (part.component == 'F') return place(days);
  if (part.component == 'P')
    return to_lower(text) == "am"   ? std::optional(0.0)
           : to_lower(text) == "pm" ? std::optional(1.0)
                                    : std::nullopt;
  const auto month = place(months);
  return month ? std::optional(*month + 1) : std::nullopt;
}

}  // namespace

std::string format_time(double millis, std::optional<string_view> picture, double offset) {
  const double hours = std::trunc(offset / 100), minutes = std::fmod(offset, 100);
  const double local = millis + (hours * 60 + minutes) * 60'000;
  if (!(std::fabs(millis) <= time_max_ms && std::fabs(local) <= time_max_ms))
    fail("D1001", {.value = number_text(millis)});
  static const std::vector<Part> iso = parse_picture(iso_picture);
  const std::vector<Part> given = picture ? parse_picture(*picture) : std::vector<Part>();
  const CivilTime time = to_civil(std::floor(local));
  std::string out;
  for (const Part& part : picture ? given : iso) {
    if (part.component == 0)
      out += part.literal;
    else if (part.component == 'Z' || part.component == 'z')
      out += format_zone(part, hours, minutes);
    else
      out += format_part(part, time);
  }
  return out;
}

std::optional<double> read_time(string_view text, string_view picture, double now_ms) {
  const std::vector<Part> parts = parse_picture(picture);
  std::string pattern = "^";
  for (const Part& part : parts) {
    const bool named = part.component != 0 && !part.format;
    if (named && string_view("MxFP").find(part.component) == string_view::npos &&
        part.component != 'Z' && part.component != 'z' && part.component != 'f')
      fail("D3133", {.value = json_text({&part.component, 1})});
    pattern += "(" + pattern_of(part) + ")";
  }
  std::int64_t work = 1'000'000;
  Regex::Scratch scratch;
  const auto match =
      Regex(pattern + "$", "i", 0).search(text, 0, is_utf8(text), scratch, [&](std::int64_t steps) {
        if ((work -= steps) < 0) fail_bound("steps");
      });
  if (!match) return std::nullopt;
  std::map<char, double> found;
  bool any = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].component == 0 || !match->groups[i]) continue;
    any = true;
    if (const auto value = read_part(parts[i], *match->groups[i]))
      found[parts[i].component] = *value;
  }
  if (!any) return std::nullopt;

  // Which way of naming a day and a time the picture uses: nothing outside of it may be there.
  const auto has = [&](char component) {
    const auto at = found.find(component);
    return at != found.end() && at->second != 0 && !std::isnan(at->second);
  };
  const auto uses = [&](string_view all, string_view wanted) {
    bool some = false;
    for (const char component : all) {
      if (!has(component)) continue;
      if (wanted.find(component) == wanted.npos) return false;
      some = true;
    }
    return some;
  };
  constexpr string_view date_components = "YXMxWwdD", time_components = "PHhmsf";
  const bool by_month = uses(date_components, "YMD");
  const bool by_day_of_year = !by_month && uses(date_components, "Yd");
  const bool by_week_of_month = uses(date_components, "Xxw");
  const bool by_week = !by_week_of_month && uses(date_components, "XW");
  const bool by_half_day = !uses(time_components, "Hmsf") && uses(time_components, "Phmsf");
  if (by_week_of_month || by_week) fail("D3136");

  const CivilTime now = to_civil(now_ms);
  const std::string order =
      std::string(by_day_of_year ? "Yd" : "YMD") + (by_half_day ? "Phmsf" : "Hmsf");
  bool started = false, ended = false;
  for (const char component : order) {
    if (found.contains(component)) {
      started = true;
      if (ended) fail("D3136");
    } else if (started) {
      found[component] = component == 'M' || component == 'D' || component == 'd' ? 1 : 0;
      ended = true;
    } else {
      found[component] = component_of(now, component);
    }
  }
  double year = found['Y'];
  if (year >= 0 && year <= 99) year += 1900;
  double month = found['M'] > 0 ? found['M'] - 1 : 0, day = found['D'], hour = found['H'];
  if (by_day_of_year) {
    month = 0;
    day = found['d'];
  }
  if (by_half_day) hour = (found['h'] == 12 ? 0 : found['h']) + (found['P'] == 1 ? 12 : 0);
  double millis = days_from_civil(year, month, day) * day_ms + hour * 3'600'000 +
                  found['m'] * 60'000 + found['s'] * 1'000 + std::trunc(found['f']);
  if (found.contains('Z'))
    millis -= found['Z'] * 60'000;
  else if (found.contains('z'))
    millis -= found['z'] * 60'000;
  return millis;
}

std::optional<double> read_iso_time(string_view text) {
  std::size_t at = 0;
  const auto digits = [&](std::size_t count) -> std::optional<double> {
    double value = 0;
    if (at + count > text.size()) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
      const char c = text[at + i];
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    at += count;
    return value;
  };
  const auto sign = [&](char c) {
    if (at >= text.size() || text[at] != c) return false;
    ++at;
    return true;
  };
  const auto year = digits(4);
  if (!year) return std::nullopt;
  double month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0, zone = 0;
  const auto read = [&](double& into, double most) {
    const auto value = digits(2);
    if (!value || *value > most) return false;
    into = *value;
    return true;
  };
  // What looks like a month may be a zone: 2018-0100 is no time, 2018+01:00 is.
  if (sign('-')) {
    if (!read(month, 12) || month == 0) return std::nullopt;
    if (sign('-') && (!read(day, 31) || day == 0)) return std::nullopt;
  }
  if (sign('T')) {
    if (!read(hour, 24) || !sign(':') || !read(minute, 59) || !sign(':') || !read(second, 59))
      return std::nullopt;
  }
  if (sign('.')) {
    double unit = 1;
    const std::size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9')
      fraction += (text[at++] - '0') * (unit /= 10);
    if (at == start) return std::nullopt;
  }
  if (!sign('Z') && at < text.size()) {
    const bool negative = text[at] == '-';
    if (text[at] != '-' && text[at] != '+') return std::nullopt;
    ++at;
    double hours = 0, minutes = 0;
    if (!read(hours, 29)) return std::nullopt;
    sign(':');
    if (!read(minutes, 59)) return std::nullopt;
    zone = (hours * 60 + minutes) * (negative ? -1 : 1);
  }
  if (at != text.size()) return std::nullopt;
  return days_from_civil(*year, month - 1, day) * day_ms + hour * 3'600'000 + minute * 60'000 +
         second * 1'000 + std::floor(fraction * 1'000 + 1e-6) - zone * 60'000;
}

}  // namespace sluice::workflows::jsonata
