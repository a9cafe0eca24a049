// The states that do no work: Pass, Choice, Wait, Fail.
#include <fmt/format.h>

#include <cmath>

#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Failure;
using workflows::no_state;
using workflows::WaitState;

namespace {

// As the service has it: a delay is counted in seconds in 32 bits.
constexpr std::int64_t wait_seconds_max = 2'147'483'647;

Failure wait_too_long() { return {"States.Runtime", "Wait state delay is too long."}; }

}  // namespace

Walk::Step Walk::pass(const workflows::PassState& body) {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  Doc result = *std::move(input);
  if (body.result) {
    // A document of its own: the machine's is shared between threads and runs, and would remember
    // where one run stored it.
    result = Doc::from_text(body.result->text());
    if (result.size_bytes() > limits_.payload_bytes_max)
      if (auto failure = too_large(result)) return failed(*failure);
  } else if (body.parameters) {
    auto filled = fill(*body.parameters, result);
    if (!filled) return failed(filled.failure());
    result = *std::move(filled);
  }
  return leave_with_result(std::move(result), false);
}

Walk::Step Walk::choose(const workflows::ChoiceState& body) {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  workflows::StateIndex next = body.otherwise;
  for (const workflows::ChoiceRule& rule : body.rules) {
    const auto holds = rule.holds(scope(rule.needs(), *input));
    if (!holds) return failed(holds.failure());
    if (!*holds) continue;
    next = rule.next;
    break;
  }
  if (next == no_state)
    return failed(Failure{"States.NoChoiceMatched",
                          fmt::format("None of the {} rules holds, and the state has no Default.",
                                      body.rules.size())});
  auto output = select(state().output_path, state().output_null, *input);
  if (!output) return failed(output.failure());
  return go(next, *std::move(output));
}

Walk::Step Walk::wait(const WaitState& body) {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  const auto until = wait_until(body, *input);
  if (!until) return failed(until.failure());
  if (*until <= now_) return waited();
  return WaitUntil{*until};
}

Walk::Step Walk::waited() {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  auto output = select(state().output_path, state().output_null, *input);
  if (!output) return failed(output.failure());
  return leave(*std::move(output));
}

Walk::Evaluated<WallTime> Walk::wait_until(const WaitState& body, const Doc& input) {
  const auto after = [&](std::int64_t count) -> Evaluated<WallTime> {
    if (count > wait_seconds_max) return wait_too_long();
    return now_ + seconds(count);
  };
  const auto at = [&](WallTime time) -> Evaluated<WallTime> {
    if (time - now_ > seconds(wait_seconds_max)) return wait_too_long();
    return time;
  };
  if (const auto* delay = std::get_if<workflows::Seconds>(&body.until)) {
    if (const auto* count = std::get_if<std::int64_t>(delay)) return after(*count);
    const auto* path = &std::get<workflows::Path>(*delay);
    auto value = path->evaluate(scope(path->needs(), input));
    if (!value) return std::move(value.failure());
    const auto refuse = [&](const char* what) {
      return Failure{"States.Runtime", fmt::format("The SecondsPath parameter {}: {} == {}", what,
                                                   path->text(), workflows::excerpt(*value, 200))};
    };
    const bool whole =
        value->is_number_integer() ||
        (value->is_number_float() && std::floor(value->get<double>()) == value->get<double>());
    if (!whole) return refuse("cannot be parsed as a long value");
    const double approximate = value->get<double>();
    if (approximate < 0) return refuse("references a negative value");
    if (approximate > static_cast<double>(wait_seconds_max)) return wait_too_long();
    return after(static_cast<std::int64_t>(approximate));
  }

  const auto& until = std::get<WaitState::Until>(body.until).at;
  if (const auto* time = std::get_if<WallTime>(&until)) return at(*time);
  const auto& path = std::get<workflows::Path>(until);
  auto value = path.evaluate(scope(path.needs(), input));
  if (!value) return std::move(value.failure());
  std::optional<WallTime> time;
  if (value->is_string()) time = parse_rfc3339(value->get_ref<const std::string&>());
  if (!time)
    return Failure{
        "States.Runtime",
        fmt::format(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
            "date-time format string: {} == {}",
            path.text(),
            value->is_string() ? value->get<std::string>() : workflows::excerpt(*value, 200))};
  return at(*time);
}

Walk::Step Walk::fail_state(const workflows::FailState& body) {
  const auto text = [&](const std::optional<std::string>& written,
                        const std::optional<workflows::Expression>& path,
                        const char* field) -> Evaluated<std::optional<std::string>> {
    if (!path) return written;
    auto value = path->evaluate(scope(path->needs(), frame_.input), chance_, field);
    if (!value) return std::move(value.failure());
    if (value->is_string()) return std::optional(value->get<std::string>());
    return Failure{"States.Runtime",
                   fmt::format("The {} field refers to a value that is not a string: {} == {}",
                               field, path->text(), workflows::excerpt(*value, 200))};
  };
  auto error = text(body.error, body.error_path, "ErrorPath");
  if (!error) return failed(error.failure());
  auto cause = text(body.cause, body.cause_path, "CausePath");
  if (!cause) return failed(cause.failure());
  return fail_run({*std::move(error), *std::move(cause)}, false);
}

}  // namespace sluice::orchestrator
