#include "workflows/parse_triggers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.h"
#include "base/topic_pattern.h"
#include "workflows/message_expression.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t triggers_max = 100;
constexpr std::int64_t catch_up_s_max = 31'622'400;  // 366 days
constexpr std::array<std::string_view, 3> kinds = {"Schedule", "EverySeconds", "At"};
constexpr std::array<std::string_view, 4> overlaps = {"Skip", "Queue", "CancelPrevious", "Allow"};
constexpr FieldRule topic_rules[] = {{"Topic"}, {"Pattern"}, {"Filter"}};
constexpr FieldRule schedule_rules[] = {{"Schedule"}, {"EverySeconds"},   {"At"},   {"TimeZone"},
                                        {"Overlap"},  {"CatchUpSeconds"}, {"Input"}};

void parse_topic(const Fields& trigger, std::size_t place, Machine& machine) {
  ParseContext& context = trigger.context();
  check_fields(context, trigger.json(), trigger.pointer(), "a trigger by topic", topic_rules);
  Trigger made;
  made.place = place;
  if (auto topic = trigger.string("Topic")) {
    if (topic->empty() || !queue_name_valid("topic:" + *topic))
      context.problem(trigger.pointer("Topic"),
                      "a topic's name has 1 to 249 bytes and no white space");
    made.topic = std::move(*topic);
  }
  made.pattern = trigger.string("Pattern").value_or("#");
  if (const auto pattern = check_topic_pattern(made.pattern); !pattern)
    context.problem(trigger.pointer("Pattern"), pattern.error().detail);
  made.filter = trigger.string("Filter");
  if (made.filter)
    if (const auto filter = MessageExpression::parse(*made.filter); !filter)
      context.problem(trigger.pointer("Filter"), filter.error().detail);
  machine.triggers.push_back(std::move(made));
}

void parse_schedule(const Fields& trigger, std::size_t place, Machine& machine) {
  ParseContext& context = trigger.context();
  check_fields(context, trigger.json(), trigger.pointer(), "a trigger by time", schedule_rules);
  trigger.exclude("Schedule", "EverySeconds");
  trigger.exclude("Schedule", "At");
  trigger.exclude("EverySeconds", "At");
  Schedule made;
  made.place = place;
  bool whole = true;
  if (trigger.has("Schedule")) {
    const auto text = trigger.string("Schedule");
    whole = text.has_value();
    made.text = text.value_or("");
  } else if (trigger.has("EverySeconds")) {
    made.kind = Schedule::Kind::every;
    const auto interval = trigger.integer("EverySeconds", 1, interval_s_max);
    whole = interval.has_value();
    made.text = std::to_string(interval.value_or(1));
  } else {
    made.kind = Schedule::Kind::at;
    const auto time = trigger.string("At");
    whole = time.has_value();
    made.text = time.value_or("");
  }
  if (trigger.has("TimeZone")) {
    const auto zone = trigger.string("TimeZone");
    if (made.kind != Schedule::Kind::cron)
      context.problem(trigger.pointer("TimeZone"),
                      fmt::format("belongs to \"Schedule\"; {} is the same in every time zone",
                                  made.kind == Schedule::Kind::every ? "an interval"
                                                                     : "a time with its offset"));
    whole = whole && zone.has_value();
    made.time_zone = zone.value_or("UTC");
  }
  if (whole) {
    if (const auto table = timetable(made); !table) {
      const Error& error = table.error();
      if (error.code == Errc::unavailable)
        context.warning(trigger.pointer("TimeZone"), error.detail);
      else
        context.problem(
            trigger.pointer(error.detail.starts_with("no time zone") ? std::string_view("TimeZone")
                                                                     : name_of(made.kind)),
            error.detail);
    }
  }
  if (const auto overlap = trigger.one_of("Overlap", overlaps))
    made.overlap = static_cast<Overlap>(*overlap);
  made.catch_up_s = trigger.integer("CatchUpSeconds", 0, catch_up_s_max).value_or(made.catch_up_s);
  if (const Json* input = trigger.find("Input")) made.input = to_text(*input);
  machine.schedules.push_back(std::move(made));
}

}  // namespace

void parse_triggers(const Fields& fields, Machine& machine) {
  ParseContext& context = fields.context();
  const Json* triggers = fields.array("Triggers");
  if (triggers == nullptr) return;
  if (triggers->size() > triggers_max) {
    context.problem(fields.pointer("Triggers"),
                    fmt::format("{} triggers; at most {}", triggers->size(), triggers_max));
    return;
  }
  for (std::size_t i = 0; i < triggers->size(); ++i) {
    const Json& value = (*triggers)[i];
    const std::string pointer = fmt::format("{}/{}", fields.pointer("Triggers"), i);
    if (!value.is_object()) {
      context.problem(pointer, fmt::format("a trigger must be an object, not {}", describe(value)));
      continue;
    }
    const Fields trigger(context, value, pointer);
    const bool timed = std::ranges::any_of(kinds, [&](auto name) { return trigger.has(name); });
    if (timed && trigger.has("Topic")) {
      context.problem(pointer,
                      "a trigger has a \"Topic\" or a time (\"Schedule\", \"EverySeconds\" or "
                      "\"At\"), not both; make it two triggers");
    } else if (timed) {
      parse_schedule(trigger, i, machine);
    } else if (trigger.has("Topic")) {
      parse_topic(trigger, i, machine);
    } else {
      // A misspelt name gets its suggestion.
      static constexpr FieldRule any_rules[] = {
          {"Topic"}, {"Pattern"},  {"Filter"},  {"Schedule"},       {"EverySeconds"},
          {"At"},    {"TimeZone"}, {"Overlap"}, {"CatchUpSeconds"}, {"Input"}};
      check_fields(context, value, pointer, "a trigger", any_rules);
      context.problem(pointer,
                      "what starts the runs is missing: \"Topic\" (the topic whose messages do), "
                      "\"Schedule\" (a cron expression), \"EverySeconds\" or \"At\"");
    }
  }
}

Result<Timetable> timetable(const Schedule& schedule) {
  switch (schedule.kind) {
    case Schedule::Kind::cron:
      return Timetable::cron(schedule.text, schedule.time_zone);
    case Schedule::Kind::every: {
      std::int64_t interval = 0;
      const char* end = schedule.text.data() + schedule.text.size();
      const auto [stop, error] = std::from_chars(schedule.text.data(), end, interval);
      if (error != std::errc() || stop != end || interval < 1 || interval > interval_s_max)
        return make_error(Errc::invalid_argument,
                          fmt::format("found {}, expected 1 to {} seconds",
                                      in_quotes(schedule.text), interval_s_max));
      return Timetable::every(seconds(interval));
    }
    case Schedule::Kind::at:
      break;
  }
  const auto time = parse_rfc3339(schedule.text);
  if (!time)
    return make_error(Errc::invalid_argument,
                      fmt::format("found {}, expected a time with its offset, such as "
                                  "2026-12-24T18:00:00+01:00",
                                  in_quotes(schedule.text)));
  return Timetable::once(*time);
}

std::string_view name_of(Overlap overlap) { return overlaps[static_cast<std::size_t>(overlap)]; }
std::string_view name_of(Schedule::Kind kind) { return kinds[static_cast<std::size_t>(kind)]; }

}  // namespace sluice::workflows
