// The states that do no work: Pass, Choice, Wait, Succeed, Fail.
#include <fmt/format.h>

#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::ChoiceRule;
using workflows::Failure;
using workflows::no_state;
using workflows::Value;

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
    auto filled = fill(*body.parameters, {result, {}, {}}, "Parameters");
    if (!filled) return failed(filled.failure());
    result = *std::move(filled);
  }
  return leave_with_result(std::move(result), false);
}

Walk::Step Walk::choose(const workflows::ChoiceState& body) {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  for (std::size_t i = 0; i < body.rules.size(); ++i) {
    const ChoiceRule& rule = body.rules[i];
    const auto held = holds(rule, i, *input);
    if (!held) return failed(held.failure());
    if (!*held) continue;
    // The rule's Output and Assign stand in place of the state's.
    if (in_jsonata()) {
      auto outcome = outcome_of(rule.output, rule.assign, fmt::format("Choices[{}]/", i),
                                {*input, {}, {}}, *input);
      if (!outcome) return failed(outcome.failure());
      return go(rule.next, *std::move(outcome));
    }
    Outcome outcome;
    if (const auto failure =
            assign(outcome, rule.assign, {*input, {}, {}}, fmt::format("Choices[{}]/Assign", i)))
      return failed(*failure);
    auto output = select(state().output_path, state().output_null, *input);
    if (!output) return failed(output.failure());
    outcome.output = *std::move(output);
    return go(rule.next, std::move(outcome));
  }
  if (body.otherwise == no_state)
    return failed(Failure{"States.NoChoiceMatched",
                          fmt::format("None of the {} rules holds, and the state has no Default.",
                                      body.rules.size())});
  auto outcome = state_outcome(*input);
  if (!outcome) return failed(outcome.failure());
  return go(body.otherwise, *std::move(outcome));
}

Walk::Evaluated<bool> Walk::holds(const ChoiceRule& rule, std::size_t index, const Doc& input) {
  if (!rule.condition) return rule.holds(scope(rule.needs(), {input, {}, {}}));
  const std::string field = fmt::format("Choices[{}]/Condition", index);
  auto value = evaluate(*rule.condition, {input, {}, {}}, field);
  if (!value) return std::move(value.failure());
  if (!value->is_boolean()) return wrong_type(*rule.condition, field, "boolean", *value);
  return value->get<bool>();
}

Walk::Step Walk::wait(const workflows::WaitState& body) {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  const auto until = wait_until(body, *input);
  if (!until) return failed(until.failure());
  if (*until <= now_) return pass_through();
  return WaitUntil{*until};
}

// Succeed, and Wait when it is over: what came in goes out.
Walk::Step Walk::pass_through() {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  return leave_with_result(*std::move(input), false);
}

Walk::Step Walk::fail_state(const workflows::FailState& body) {
  using Text = std::optional<std::string>;
  const auto text = [&](const Text& written, const std::optional<workflows::Expression>& path,
                        const std::optional<Value>& computed,
                        const std::string& field) -> Evaluated<Text> {
    if (computed) {
      auto value = evaluate(*computed, {frame_.input, {}, {}}, field);
      if (!value) return std::move(value.failure());
      if (!value->is_string()) return wrong_type(*computed, field, "string", *value);
      return Text(value->get<std::string>());
    }
    if (!path) return written;
    auto value =
        path->evaluate(scope(path->needs(), {frame_.input, {}, {}}), chance_, field + "Path");
    if (!value) return std::move(value.failure());
    if (value->is_string()) return Text(value->get<std::string>());
    return refused(fmt::format("The {}Path field refers to a value that is not a string: {} == {}",
                               field, path->text(), workflows::excerpt(*value, 200)));
  };
  auto error = text(body.error, body.error_path, body.error_value, "Error");
  if (!error) return failed(error.failure());
  auto cause = text(body.cause, body.cause_path, body.cause_value, "Cause");
  if (!cause) return failed(cause.failure());
  return fail_frame({*std::move(error), *std::move(cause)}, false);
}

}  // namespace sluice::orchestrator
