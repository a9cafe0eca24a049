// Settings of an event that states wait for, from and to JSON.

#include <fmt/format.h>

#include <array>

#include "workflows/parse_context.h"
#include "workflows/workflow.h"

namespace sluice::workflows {
namespace {

constexpr double keep_seconds_max = 31'622'400;  // 366 days
constexpr std::array<std::string_view, 2> deliveries = {"One", "All"};
constexpr FieldRule rules[] = {{"KeepSeconds"}, {"Deliver"}};

}  // namespace

Result<EventSettings> parse_event_settings(const Json& value, std::string_view pointer) {
  ParseContext context;
  EventSettings settings;
  if (!value.is_object()) {
    context.problem(std::string(pointer),
                    fmt::format("an event's settings must be an object, not {}", describe(value)));
  } else {
    const Fields fields(context, value, std::string(pointer));
    check_fields(context, value, pointer, "an event", rules);
    settings.keep_seconds =
        fields.number("KeepSeconds", 0, keep_seconds_max).value_or(settings.keep_seconds);
    if (const auto deliver = fields.one_of("Deliver", deliveries)) {
      settings.deliver_all = *deliver == 1;
    }
  }
  if (!context.sound()) {
    return Error{Errc::invalid_definition, "the event's settings are at fault",
                 context.take_problems()};
  }
  return settings;
}

Json to_json(const EventSettings& settings) {
  Json out = Json::object();
  out["KeepSeconds"] = settings.keep_seconds;
  out["Deliver"] = deliveries[settings.deliver_all ? 1 : 0];
  return out;
}

}  // namespace sluice::workflows
