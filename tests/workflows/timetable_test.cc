#include "workflows/timetable.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::workflows {
namespace {

WallTime at(std::string_view text) {
  const auto time = parse_rfc3339(text);
  REQUIRE(time.has_value());
  return *time;
}

std::vector<std::string> nexts(const Timetable& table, std::string_view after, int count) {
  std::vector<std::string> found;
  WallTime from = at(after);
  for (int n = 0; n < count; ++n) {
    const auto next = table.next(from);
    if (!next) break;
    found.push_back(to_rfc3339(*next).substr(0, 16));
    from = *next;
  }
  return found;
}

std::vector<std::string> cron(std::string_view text, const std::string& zone,
                              std::string_view after, int count) {
  const auto table = Timetable::cron(text, zone);
  CAPTURE(text);
  if (!table) FAIL(table.error().detail);
  return nexts(*table, after, count);
}

std::string refusal(std::string_view text, const std::string& zone = "UTC") {
  const auto table = Timetable::cron(text, zone);
  CAPTURE(text);
  REQUIRE_FALSE(table.has_value());
  return table.error().detail;
}

using Times = std::vector<std::string>;

TEST_CASE("a cron expression's fields are values, lists, ranges, steps and names") {
  CHECK(cron("0 3 * * *", "UTC", "2026-11-23T03:00:00Z", 2) ==
        Times{"2026-11-24T03:00", "2026-11-25T03:00"});
  CHECK(cron("*/20 9-10 * * *", "UTC", "2026-11-23T09:59:59Z", 4) ==
        Times{"2026-11-23T10:00", "2026-11-23T10:20", "2026-11-23T10:40", "2026-11-24T09:00"});
  CHECK(cron("5,50/5 0 1 jan *", "UTC", "2026-11-23T00:00:00Z", 3) ==
        Times{"2027-01-01T00:05", "2027-01-01T00:50", "2027-01-01T00:55"});
  CHECK(cron("0 12 * * MON-FRI", "UTC", "2026-11-27T12:00:00Z", 1) == Times{"2026-11-30T12:00"});
  CHECK(cron("  0\t0 * * 7 ", "UTC", "2026-11-23T00:00:00Z", 1) == Times{"2026-11-29T00:00"});
  CHECK(cron("0 0 * * 5-7", "UTC", "2026-11-23T00:00:00Z", 3) ==
        Times{"2026-11-27T00:00", "2026-11-28T00:00", "2026-11-29T00:00"});
  CHECK(cron("@monthly", "UTC", "2026-11-23T00:00:00Z", 2) ==
        Times{"2026-12-01T00:00", "2027-01-01T00:00"});
  CHECK(cron("@hourly", "UTC", "1969-12-31T22:59:59.5Z", 2) ==
        Times{"1969-12-31T23:00", "1970-01-01T00:00"});
}

TEST_CASE("where both kinds of day are given, either will do") {
  CHECK(cron("0 0 13 * FRI", "UTC", "2026-11-10T00:00:00Z", 3) ==
        Times{"2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00"});
  CHECK(cron("0 0 24 * FRI", "UTC", "2026-11-21T00:00:00Z", 2) ==
        Times{"2026-11-24T00:00", "2026-11-27T00:00"});
  CHECK(cron("0 0 */2 * FRI", "UTC", "2026-11-10T00:00:00Z", 1) == Times{"2026-11-13T00:00"});
}

TEST_CASE("a day that comes once in many years is found") {
  CHECK(cron("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2) ==
        Times{"2028-02-29T00:00", "2032-02-29T00:00"});
  CHECK(cron("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1) == Times{"2104-02-29T00:00"});
}

TEST_CASE("a cron expression runs by its time zone's clock, summer and winter") {
  CHECK(cron("0 3 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z", 4) ==
        Times{"2026-10-24T01:00", "2026-10-25T02:00", "2026-10-26T02:00", "2026-10-27T02:00"});
  CHECK(cron("30 9 * * *", "Asia/Kolkata", "2026-06-01T04:00:00Z", 1) == Times{"2026-06-02T04:00"});
  CHECK(cron("0 0 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2) ==
        Times{"2026-03-08T05:00", "2026-03-09T04:00"});
}

TEST_CASE("a local time that a clock change skips is at the first instant after the gap, once") {
  // 02:00 to 03:00 of 29 March 2026 are not there in Berlin; 03:00 is 01:00Z.
  CHECK(cron("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) ==
        Times{"2026-03-29T01:00", "2026-03-30T00:30"});
  CHECK(cron("0,15,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z", 3) ==
        Times{"2026-03-29T01:00", "2026-03-29T01:15", "2026-03-29T01:30"});
}

TEST_CASE("a local time that a clock change repeats occurs once, the first time") {
  // 02:00 to 03:00 of 25 October 2026 are there twice in Berlin: from 00:00Z and from 01:00Z.
  CHECK(cron("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) ==
        Times{"2026-10-25T00:30", "2026-10-26T01:30"});
  CHECK(cron("0 * * * *", "Europe/Berlin", "2026-10-24T22:30:00Z", 4) ==
        Times{"2026-10-24T23:00", "2026-10-25T00:00", "2026-10-25T02:00", "2026-10-25T03:00"});
  CHECK(cron("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1) ==
        Times{"2026-10-26T01:30"});
}

TEST_CASE("the occurrences of a zone are the same from whichever instant they are asked for") {
  const auto table = Timetable::cron("*/30 1-3 * * *", "Europe/Berlin");
  REQUIRE(table.has_value());
  for (const char* from : {"2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"}) {
    std::optional<WallTime> expected = table->next(at(from));
    for (int minute = 0; minute < 24 * 60; ++minute) {
      const WallTime now = at(from) + seconds(60 * minute);
      if (*expected <= now) expected = table->next(*expected);
      CHECK(table->next(now) == expected);
    }
  }
}

TEST_CASE("an interval counts from 1970, and a single time comes once") {
  CHECK(nexts(Timetable::every(seconds(90)), "1970-01-01T00:00:00Z", 2) ==
        Times{"1970-01-01T00:01", "1970-01-01T00:03"});
  CHECK(Timetable::every(seconds(7)).next(WallTime{-1})->us == 0);
  CHECK(Timetable::every(seconds(7)).next(WallTime{0})->us == 7'000'000);
  const Timetable once = Timetable::once(at("2026-11-23T10:00:00Z"));
  CHECK(nexts(once, "2026-11-23T09:59:59.999999Z", 3) == Times{"2026-11-23T10:00"});
  CHECK_FALSE(once.next(at("2026-11-23T10:00:00Z")));
}

TEST_CASE("a cron expression that is wrong is refused with the field and what it expected") {
  CHECK(refusal("0 3 * *") ==
        "found 4 fields, expected five: minute, hour, day of the month, month, day of the week, "
        "such as \"0 3 * * *\"");
  CHECK(refusal("0 0 3 * * *").find("found 6 fields") == 0);
  CHECK(refusal("").find("found 0 fields") == 0);
  CHECK(refusal("60 * * * *") == "minute: found \"60\", expected a number from 0 to 59");
  CHECK(refusal("* 24 * * *") == "hour: found \"24\", expected a number from 0 to 23");
  CHECK(refusal("* * 0 * *") == "day of the month: found \"0\", expected a number from 1 to 31");
  CHECK(refusal("* * * JUNE *") ==
        "month: found \"JUNE\", expected a number from 1 to 12, or a name such as FEB");
  CHECK(refusal("* * * * 8").find("day of the week: found \"8\"") == 0);
  CHECK(refusal("*/0 * * * *") ==
        "minute: found \"*/0\", expected a step from 1 to 59 after the /");
  CHECK(refusal("*/ * * * *").find("expected a step") != std::string::npos);
  CHECK(refusal("30-10 * * * *") ==
        "minute: found \"30-10\", expected a range that begins with the smaller value");
  CHECK(refusal("1,,2 * * * *").find("minute: found \"\"") == 0);
  CHECK(refusal("-1 * * * *").find("minute: found \"\"") == 0);
  CHECK(refusal("1.5 * * * *").find("minute: found \"1.5\"") == 0);
  CHECK(refusal("@noon").find("found \"@noon\"; expected @hourly") == 0);
  CHECK(refusal("0 0 31 2,4 *") == "\"0 0 31 2,4 *\" never comes: no such month has such a day");
}

TEST_CASE("an unknown time zone is refused, with the name that was meant where there is one") {
  CHECK(refusal("0 3 * * *", "Europe/Berln") ==
        "no time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?");
  CHECK(refusal("0 3 * * *", "Mars/Olympus").find("expected a name of the IANA") !=
        std::string::npos);
  CHECK(refusal("0 3 * * *", "").find("no time zone \"\"") == 0);
}

}  // namespace
}  // namespace sluice::workflows
