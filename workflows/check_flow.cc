// Gates and locks, judged over the whole definition.

#include <fmt/format.h>

#include <algorithm>

#include "workflows/parse_state.h"

namespace sluice::workflows {
namespace {

// The states that a frame may stand at while it holds what `from` took, `through` included.
std::vector<StateIndex> held_at(const Machine& machine, StateIndex from, StateIndex through) {
  std::vector<StateIndex> seen{from};
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] == through && from != through) continue;
    for (const StateIndex next : successors(machine.states[seen[i]]))
      if (std::ranges::find(seen, next) == seen.end()) seen.push_back(next);
  }
  return seen;
}

void resolve_through(ParseContext& context, Machine& machine, StateIndex index) {
  State& state = machine.states[index];
  StageLock& lock = *state.flow->lock;
  lock.through = index;
  if (lock.through_name.empty()) return;
  const std::string pointer = state.pointer + "/Lock/HeldThrough";
  std::vector<std::string_view> names;
  StateIndex found = no_state;
  for (StateIndex i = 0; i < machine.states.size(); ++i) {
    const State& other = machine.states[i];
    if (other.parent != state.parent || other.compensates != no_state) continue;
    names.push_back(other.name);
    if (other.name == lock.through_name) found = i;
  }
  if (found == no_state) {
    context.problem(pointer, fmt::format("no state {} in the same States object{}",
                                         in_quotes(lock.through_name),
                                         context.suggestion(lock.through_name, names)));
  } else if (!reaches(machine, index, found)) {
    context.problem(pointer, fmt::format("{} cannot be reached from {}, so that the lock would be "
                                         "held to the end of the run",
                                         in_quotes(lock.through_name), in_quotes(state.name)));
  } else {
    lock.through = found;
  }
}

void warn_of_gates_under(ParseContext& context, const Machine& machine, StateIndex index) {
  const StageLock& lock = *machine.states[index].flow->lock;
  if (lock.through == index) return;
  for (const StateIndex at : held_at(machine, index, lock.through)) {
    const State& state = machine.states[at];
    if (at == index || !state.flow || !state.flow->gate || state.flow->gate->timeout_s) continue;
    context.warning(state.pointer + "/Gate",
                    fmt::format("the run waits at this gate while it holds the lock of {}: give "
                                "the gate \"TimeoutSeconds\", or others may wait for ever",
                                in_quotes(machine.states[index].name)));
  }
}

// Whether a state of the definition moves the counter towards the gate's opening; a computed name
// may be any.
bool something_opens(const Machine& machine, const std::string& counter, const Gate& gate,
                     std::int64_t bound) {
  if (holds(gate.test, 0, bound)) return true;
  const bool upwards = bound > 0 || gate.test == CounterTest::above;
  for (const State& state : machine.states) {
    if (!state.flow) continue;
    for (const CounterChange& change : state.flow->counters) {
      const auto* name = std::get_if<std::string>(&change.name);
      if (name != nullptr && *name != counter) continue;
      const auto* add = std::get_if<std::int64_t>(&change.add);
      if (add == nullptr || (upwards ? *add > 0 : *add < 0)) return true;
    }
  }
  return false;
}

void warn_of_closed_gate(ParseContext& context, const Machine& machine, const State& state) {
  const Gate& gate = *state.flow->gate;
  const auto* counter = std::get_if<std::string>(&gate.counter);
  const auto* bound = std::get_if<std::int64_t>(&gate.bound);
  if (counter == nullptr || bound == nullptr || counter->starts_with(stage_counter_prefix) ||
      something_opens(machine, *counter, gate, *bound))
    return;
  context.warning(state.pointer + "/Gate",
                  fmt::format("nothing in this definition opens the gate: the counter {} begins at "
                              "0, and no state changes it so that it is {} {}",
                              in_quotes(*counter), in_words(gate.test), *bound));
}

}  // namespace

std::vector<StateIndex> successors(const State& state) {
  std::vector<StateIndex> found;
  const auto add = [&](StateIndex to) {
    if (to != no_state) found.push_back(to);
  };
  add(state.next);
  for (const Catcher& catcher : state.catchers) add(catcher.next);
  if (const auto* choice = std::get_if<ChoiceState>(&state.body)) {
    add(choice->otherwise);
    for (const ChoiceRule& rule : choice->rules) add(rule.next);
  }
  return found;
}

bool reaches(const Machine& machine, StateIndex from, StateIndex to) {
  std::vector<StateIndex> seen{from};
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] == to) return true;
    for (const StateIndex next : successors(machine.states[seen[i]]))
      if (std::ranges::find(seen, next) == seen.end()) seen.push_back(next);
  }
  return false;
}

void check_flow(ParseContext& context, Machine& machine) {
  machine.flow_controlled = std::ranges::any_of(
      machine.states, [](const State& state) { return state.flow.has_value(); });
  // What is amiss with transitions has been said.
  if (!machine.flow_controlled || !context.sound()) return;
  for (StateIndex i = 0; i < machine.states.size(); ++i)
    if (machine.states[i].flow && machine.states[i].flow->lock)
      resolve_through(context, machine, i);
  for (StateIndex i = 0; i < machine.states.size(); ++i) {
    if (!machine.states[i].flow) continue;
    if (machine.states[i].flow->lock) warn_of_gates_under(context, machine, i);
    if (machine.states[i].flow->gate) warn_of_closed_gate(context, machine, machine.states[i]);
  }
}

}  // namespace sluice::workflows
