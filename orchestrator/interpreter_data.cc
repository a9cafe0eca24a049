// The data flow around a state: what its fields look at, what they make, what it leaves behind.
#include <fmt/format.h>

#include "orchestrator/context_object.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Failure;
using workflows::Needs;
using workflows::Scope;
using workflows::State;
using workflows::Value;

Scope Walk::scope(Needs needs, const Sources& sources) {
  Scope scope;
  if (needs.input) scope.input = &sources.input.json();
  if (needs.result && sources.result) scope.result = &sources.result.json();
  if (needs.error_output && sources.error_output) scope.error_output = &sources.error_output.json();
  if (needs.variables && frame_.variables) scope.variables = &frame_.variables.json();
  if (needs.context) {
    if (!context_)
      context_ = run_.context ? run_.context.json() : context_object(machine_, run_, frame_);
    scope.context = &*context_;
  }
  return scope;
}

Walk::Evaluated<Doc> Walk::effective_input() {
  return select(state().input_path, state().input_null, frame_.input);
}

Walk::Evaluated<Doc> Walk::select(const std::optional<workflows::Path>& path, bool null,
                                  const Doc& from) {
  if (null) return Doc::empty_object();
  if (!path || path->is_root()) return from;
  auto selected = path->evaluate(scope(path->needs(), {from, {}, {}}));
  if (!selected) return std::move(selected.failure());
  Doc made = Doc::from_json(*std::move(selected));
  if (auto failure = too_large(made)) return *std::move(failure);
  return made;
}

Walk::Evaluated<Json> Walk::evaluate(const Value& value, const Sources& sources,
                                     std::string_view field) {
  return value.evaluate(scope(value.needs(), sources), {chance_, now_}, field);
}

Walk::Evaluated<Doc> Walk::fill(const Value& form, const Sources& sources, std::string_view field) {
  auto value = evaluate(form, sources, field);
  if (!value) return std::move(value.failure());
  Doc made = Doc::from_json(*std::move(value));
  if (auto failure = too_large(made)) return *std::move(failure);
  return made;
}

Walk::Evaluated<Doc> Walk::arguments(const std::optional<Value>& form, const Doc& input) {
  if (!form) return input;
  return fill(*form, {input, {}, {}}, "Arguments");
}

Walk::Evaluated<Doc> Walk::state_output(Doc result) {
  const State& here = state();
  Doc merged = std::move(result);
  if (here.result_null) {
    merged = frame_.input;
  } else if (here.result_path && !here.result_path->is_root()) {
    auto inserted = here.result_path->insert(frame_.input.json(), merged.json());
    if (!inserted) return std::move(inserted.failure());
    merged = Doc::from_json(*std::move(inserted));
    if (auto failure = too_large(merged)) return *std::move(failure);
  }
  return select(here.output_path, here.output_null, merged);
}

Walk::Evaluated<Walk::Outcome> Walk::state_outcome(Doc result) {
  const State& here = state();
  if (in_jsonata())
    return outcome_of(here.output, here.assign, "", {frame_.input, result, {}}, result);
  Outcome outcome;
  if (auto failure = assign(outcome, here.assign, {result, {}, {}}, "Assign"))
    return *std::move(failure);
  auto output = state_output(std::move(result));
  if (!output) return std::move(output.failure());
  outcome.output = *std::move(output);
  return outcome;
}

Walk::Evaluated<Walk::Outcome> Walk::outcome_of(const std::optional<Value>& output,
                                                const std::optional<Value>& assigned,
                                                const std::string& place, const Sources& sources,
                                                Doc otherwise) {
  Outcome outcome;
  if (auto failure = assign(outcome, assigned, sources, place + "Assign"))
    return *std::move(failure);
  outcome.output = std::move(otherwise);
  if (output) {
    auto made = fill(*output, sources, place + "Output");
    if (!made) return std::move(made.failure());
    outcome.output = *std::move(made);
  }
  return outcome;
}

std::optional<Failure> Walk::assign(Outcome& outcome, const std::optional<Value>& form,
                                    const Sources& sources, const std::string& field) {
  if (!form) return std::nullopt;
  auto assigned = fill(*form, sources, field);
  if (!assigned) return std::move(assigned.failure());
  if (!assigned->json().is_object())
    return refused(fmt::format("The {} field must make an object of variables, but made: {}", field,
                               workflows::excerpt(assigned->json(), 200)));
  Json all = frame_.variables ? frame_.variables.json() : Json::object();
  for (const auto& [name, value] : assigned->json().items()) all[name] = value;
  Doc variables = Doc::from_json(std::move(all));
  if (variables.size_bytes() > limits_.payload_bytes_max)
    return Failure{
        "States.DataLimitExceeded",
        fmt::format("The variables that the state '{}' sees would take {} bytes together "
                    "with those it assigns, more than {}.",
                    state().name, variables.size_bytes(), limits_.payload_bytes_max)};
  outcome.assigned = *std::move(assigned);
  outcome.variables = std::move(variables);
  return std::nullopt;
}

Walk::Step Walk::leave_with_result(Doc result, bool retryable) {
  auto outcome = state_outcome(std::move(result));
  if (!outcome) return failed(outcome.failure(), retryable);
  return leave(*std::move(outcome));
}

std::optional<Failure> Walk::too_large(const Doc& made) const {
  // The nesting first: writing a value as text recurses.
  if (workflows::nests_deeper(made.json(), static_cast<int>(JsonLimits{}.depth_max)))
    return Failure{
        "States.DataLimitExceeded",
        fmt::format("The state/task '{}' made a value that nests more than {} arrays and objects.",
                    state().name, JsonLimits{}.depth_max)};
  if (made.size_bytes() <= limits_.payload_bytes_max) return std::nullopt;
  return Failure{
      "States.DataLimitExceeded",
      fmt::format(
          "The state/task '{}' returned a result with a size exceeding the maximum number of "
          "bytes service limit.",
          state().name)};
}

}  // namespace sluice::orchestrator
