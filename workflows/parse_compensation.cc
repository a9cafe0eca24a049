// Compensate of a Task, and what the definition says is to follow a failure.

#include <fmt/format.h>

#include <algorithm>

#include "workflows/field_table.h"
#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

constexpr std::int64_t hold_s_max = 31'622'400;  // 366 days

constexpr FieldRule compensation_rules[] = {{"Comment"},
                                            {"Resource"},
                                            {"Parameters", true, FieldOf::jsonpath},
                                            {"Arguments", true, FieldOf::jsonata},
                                            {"Retry"},
                                            {"TimeoutSeconds"},
                                            {"HeartbeatSeconds"},
                                            {"Priority"},
                                            {"Priority.$", true, FieldOf::jsonpath},
                                            {"Headers"}};

constexpr std::string_view choices[] = {"Fail", "Compensate", "Hold"};

}  // namespace

void parse_compensation(Definition& definition, const Place& place, const Fields& fields,
                        State& state) {
  const Json* value = fields.object("Compensate");
  if (value == nullptr) return;
  ParseContext& context = fields.context();
  const Fields own(context, *value, fields.pointer("Compensate"));
  check_fields(context, *value, own.pointer(), "a compensation", compensation_rules,
               field_language(state.language));
  own.string("Comment");
  State made;
  made.name = state.name + ".Compensate";
  made.type = StateType::task;
  made.language = state.language;
  made.pointer = own.pointer();
  made.end = true;
  made.compensates = place.index;
  made.retry = parse_retry(own);
  made.body = parse_task(own, state.language);
  state.compensation = static_cast<StateIndex>(definition.states.size());
  definition.states.push_back(std::move(made));
}

void parse_on_failure(const Fields& fields, Machine& machine) {
  ParseContext& context = fields.context();
  for (const State& state : machine.states) {
    if (state.compensates == no_state) continue;
    machine.compensable = true;
    const auto other = std::ranges::find_if(machine.states, [&](const State& s) {
      return s.compensates == no_state && s.name == state.name;
    });
    if (other != machine.states.end())
      context.problem(
          other->pointer,
          fmt::format("the name {} belongs to what undoes {}: give the state another",
                      in_quotes(state.name), in_quotes(machine.states[state.compensates].name)));
  }
  machine.on_failure = machine.compensable ? OnFailure::compensate : OnFailure::fail;
  if (const auto given = fields.one_of("OnFailure", choices))
    machine.on_failure = static_cast<OnFailure>(*given);
  if (machine.on_failure == OnFailure::compensate && !machine.compensable)
    context.warning(fields.pointer("OnFailure"),
                    "no state has a \"Compensate\": there is nothing to undo, and the run fails");
  machine.hold_s = fields.integer("HoldSeconds", 1, hold_s_max);
  if (!machine.hold_s) return;
  if (machine.on_failure != OnFailure::hold)
    context.problem(fields.pointer("HoldSeconds"),
                    "\"HoldSeconds\" is how long a run is held: it needs \"OnFailure\": \"Hold\"");
  else if (!machine.compensable)
    context.problem(fields.pointer("HoldSeconds"),
                    "after \"HoldSeconds\" the run is compensated, but no state has a "
                    "\"Compensate\"");
}

}  // namespace sluice::workflows
