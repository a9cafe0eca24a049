#include "orchestrator/interpreter.h"

#include <fmt/format.h>

#include "orchestrator/context_object.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Failure;
using workflows::Needs;
using workflows::no_state;
using workflows::Scope;
using workflows::State;
using workflows::StateIndex;
using workflows::StateType;

Effects advance(const workflows::Machine& machine, const RunFacts& run, Frame frame,
                const Event& event, WallTime now, std::uint64_t seed, const Limits& limits) {
  return Walk(machine, run, std::move(frame), now, seed, limits).after(event);
}

Walk::Walk(const workflows::Machine& machine, const RunFacts& run, Frame frame, WallTime now,
           std::uint64_t seed, const Limits& limits)
    : machine_(machine),
      run_(run),
      frame_(std::move(frame)),
      now_(now),
      chance_(seed),
      limits_(limits) {}

Effects Walk::after(const Event& event) {
  SLUICE_CHECK(std::holds_alternative<Started>(event) || frame_.state < machine_.states.size(),
               "a frame that stands at a state of its machine");
  Step step = std::visit([this](const auto& what) { return happened(what); }, event);
  Next next = step ? *std::move(step) : walk();
  return {std::move(frame_), std::move(history_), std::move(next)};
}

Walk::Step Walk::happened(const Started&) {
  record(Kind::execution_started, frame_.input);
  frame_.state = machine_.start_at;
  return std::nullopt;
}

Walk::Step Walk::happened(const Continued&) { return std::nullopt; }

Walk::Step Walk::happened(const Redriven&) {
  frame_.retry_count = 0;
  frame_.retries.clear();
  frame_.entered_at = now_;
  record_in_state(Kind::state_entered, frame_.input);
  return run_state();
}

Walk::Step Walk::happened(const TimerDue&) {
  SLUICE_CHECK(state().type == StateType::wait, "a timer of a Wait state");
  return waited();
}

Next Walk::walk() {
  for (int entered = 0; entered < inline_states_max; ++entered)
    if (Step step = enter()) return *std::move(step);
  return Continue{};
}

Walk::Step Walk::enter() {
  // Counted first: if the run ends here and is redriven, what it goes on with is not the last
  // state's work.
  ++frame_.entries;
  if (frame_.transitions >= machine_.transitions_max) {
    return fail_run(
        {"Sluice.TransitionLimit", fmt::format("The run has entered {} states, which is its "
                                               "MaxTransitions; it was about to enter '{}'.",
                                               frame_.transitions, state().name)},
        true);
  }
  ++frame_.transitions;
  frame_.retry_count = 0;
  frame_.retries.clear();
  frame_.entered_at = now_;
  context_.reset();
  record_in_state(Kind::state_entered, frame_.input);
  return run_state();
}

Walk::Step Walk::run_state() {
  const auto& body = state().body;
  switch (state().type) {
    case StateType::task:
      return schedule({});
    case StateType::pass:
      return pass(std::get<workflows::PassState>(body));
    case StateType::choice:
      return choose(std::get<workflows::ChoiceState>(body));
    case StateType::wait:
      return wait(std::get<workflows::WaitState>(body));
    case StateType::fail:
      return fail_state(std::get<workflows::FailState>(body));
    case StateType::succeed:
    case StateType::parallel:
    case StateType::map:
      break;
  }
  auto input = effective_input();
  if (!input) return failed(input.failure());
  auto output = select(state().output_path, state().output_null, *input);
  if (!output) return failed(output.failure());
  return succeed(*std::move(output));
}

Walk::Step Walk::leave(Doc output) {
  if (state().end || state().next == no_state) return succeed(std::move(output));
  return go(state().next, std::move(output));
}

Walk::Step Walk::go(StateIndex next, Doc output) {
  record_in_state(Kind::state_exited, output);
  frame_.state = next;
  frame_.input = std::move(output);
  return std::nullopt;
}

Walk::Step Walk::succeed(Doc output) {
  record_in_state(Kind::state_exited, output);
  record(Kind::execution_succeeded, output);
  return Finish{End::succeeded, std::move(output), {}, false};
}

Scope Walk::scope(Needs needs, const Doc& input) {
  Scope scope;
  if (needs.input) scope.input = &input.json();
  if (needs.context) {
    if (!context_) context_ = context_object(machine_, run_, frame_);
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
  auto selected = path->evaluate(scope(path->needs(), from));
  if (!selected) return std::move(selected.failure());
  Doc made = Doc::from_json(*std::move(selected));
  if (auto failure = too_large(made)) return *std::move(failure);
  return made;
}

Walk::Evaluated<Doc> Walk::fill(const workflows::Value& form, const Doc& input) {
  auto value = form.evaluate(scope(form.needs(), input), {chance_, now_}, "");
  if (!value) return std::move(value.failure());
  Doc made = Doc::from_json(*std::move(value));
  if (auto failure = too_large(made)) return *std::move(failure);
  return made;
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

Walk::Step Walk::leave_with_result(Doc result, bool retryable) {
  auto output = state_output(std::move(result));
  if (!output) return failed(output.failure(), retryable);
  return leave(*std::move(output));
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

void Walk::record(Kind kind, Doc doc, Fault fault) {
  Record entry;
  entry.kind = kind;
  entry.doc = std::move(doc);
  entry.fault = std::move(fault);
  history_.push_back(std::move(entry));
}

void Walk::record_in_state(Kind kind, Doc doc, Fault fault) {
  record(kind, std::move(doc), std::move(fault));
  history_.back().state = frame_.state;
}

}  // namespace sluice::orchestrator
