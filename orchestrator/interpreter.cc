#include "orchestrator/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/stage_counts.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::no_state;
using workflows::StateIndex;
using workflows::StateType;

Effects advance(const workflows::Machine& machine, const RunFacts& run, Frame frame,
                const Event& event, WallTime now, std::uint64_t seed, const Limits& limits,
                Doors& doors) {
  return Walk(machine, run, std::move(frame), now, seed, limits, doors).after(event);
}

Effects advance(const workflows::Machine& machine, const RunFacts& run, Frame frame,
                const Event& event, WallTime now, std::uint64_t seed, const Limits& limits) {
  Doors open;
  return advance(machine, run, std::move(frame), event, now, seed, limits, open);
}

Walk::Walk(const workflows::Machine& machine, const RunFacts& run, Frame frame, WallTime now,
           std::uint64_t seed, const Limits& limits, Doors& doors)
    : machine_(machine),
      run_(run),
      frame_(std::move(frame)),
      now_(now),
      chance_(seed),
      limits_(limits),
      doors_(doors) {}

Effects Walk::after(const Event& event) {
  SLUICE_CHECK(std::holds_alternative<Started>(event) || frame_.state < machine_.states.size(),
               "a frame that stands at a state of its machine");
  Step step = std::visit([this](const auto& what) { return happened(what); }, event);
  Next next = step ? *std::move(step) : walk();
  return {std::move(frame_), std::move(history_), std::move(next), std::move(completed_)};
}

Walk::Step Walk::happened(const Started&) {
  record(Kind::execution_started, frame_.input);
  frame_.state = machine_.start_at;
  return std::nullopt;
}

Walk::Step Walk::happened(const Continued&) { return std::nullopt; }

Walk::Step Walk::happened(const Redriven& event) {
  frame_.retry_count = 0;
  frame_.retries.clear();
  frame_.entered_at = now_;
  FlowState& flow = frame_.flow;
  flow.at = Passage::outside;
  flow.resumes = event.children;
  flow.owed.clear();
  // What undoes a stage stands outside of its locks.
  if (state().compensates != no_state) flow = {};
  // The state asks for its own lock again. What was held from before is taken back first, in the
  // order of the names, so that two that are redriven do not wait for each other.
  std::erase_if(flow.locks, [&](const HeldLock& lock) { return lock.asked_at == frame_.state; });
  std::ranges::sort(flow.locks, {}, &HeldLock::name);
  for (HeldLock& lock : flow.locks) lock.granted = false;
  record_in_state(Kind::state_entered, frame_.input);
  return arrive();
}

Walk::Step Walk::happened(const TimerDue&) {
  return state().type == StateType::wait && !waits_outside() ? pass_through() : arrive();
}

Next Walk::walk() {
  for (int entered = 0; entered < inline_states_max; ++entered)
    if (Step step = enter()) return *std::move(step);
  frame_.flow.at = Passage::before;
  return Continue{};
}

Walk::Step Walk::enter() {
  // Counted first: if the run ends here and is redriven, what it goes on with is not the last
  // state's work.
  ++frame_.entries;
  frame_.flow.at = Passage::before;
  if (frame_.transitions >= machine_.transitions_max) {
    return fail_frame(
        {"Sluice.TransitionLimit", fmt::format("The run has entered {} states, which is its "
                                               "MaxTransitions; it was about to enter '{}'.",
                                               frame_.transitions, state().name)},
        true);
  }
  frame_.flow.at = Passage::outside;
  ++frame_.transitions;
  frame_.retry_count = 0;
  frame_.retries.clear();
  frame_.entered_at = now_;
  context_.reset();
  record_in_state(Kind::state_entered, frame_.input);
  return arrive();
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
    case StateType::parallel:
      return branch_out(std::get<workflows::ParallelState>(body));
    case StateType::map:
      return map_items(std::get<workflows::MapState>(body));
    case StateType::succeed:
      break;
  }
  return pass_through();
}

Walk::Step Walk::leave(Outcome outcome) {
  if (state().compensation != no_state) completed_ = {frame_.state, frame_.input, outcome.output};
  depart(true);
  return go(state().end ? no_state : state().next, std::move(outcome));
}

Walk::Step Walk::go(StateIndex next, Outcome outcome) {
  if (outcome.assigned) {
    frame_.variables = std::move(outcome.variables);
    record_in_state(Kind::variables_assigned, std::move(outcome.assigned));
  }
  if (!frame_.flow.locks.empty()) {
    release_locks(next == no_state);
    std::erase_if(frame_.flow.locks, [](const HeldLock& lock) { return !lock.granted; });
  }
  record_in_state(Kind::state_exited, outcome.output);
  if (std::exchange(left_outside_, false)) history_.back().number = never_entered;
  if (next == no_state) return succeed(std::move(outcome.output));
  frame_.state = next;
  frame_.input = std::move(outcome.output);
  return std::nullopt;
}

Next Walk::succeed(Doc output) {
  if (state().compensates != no_state) {
    record_in_state(Kind::compensation_succeeded);
  } else if (!frame_.parent) {
    record(Kind::execution_succeeded, output);
  } else {
    record_iteration(Kind::iteration_succeeded);
  }
  return Finish{End::succeeded, std::move(output), {}, false};
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
