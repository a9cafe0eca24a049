// Gates, locks and counters: what a frame passes before it works in a state, and what it leaves
// behind.
//
// The order is gate, counters on Enter, lock, work. Locks are kept by name with the state through
// which they are held; where the frame fails they are given back but remembered, so that a redrive
// takes back what its position needs.
#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::CounterOn;
using workflows::excerpt;
using workflows::Failure;
using workflows::FlowControl;
using workflows::FlowNumber;
using workflows::FlowText;
using workflows::no_state;
using workflows::Value;

namespace {

constexpr std::int64_t number_max = 1'000'000'000'000'000;
constexpr std::int64_t timeout_seconds_max = 99'999'999;

}  // namespace

bool Walk::waits_outside() const {
  const FlowState& flow = frame_.flow;
  if (state().flow && flow.at != Passage::inside) return true;
  return std::ranges::any_of(flow.locks, [](const HeldLock& lock) { return !lock.granted; });
}

// Whether the frame counts as being in its state.
bool Walk::has_entered() const {
  const Passage at = frame_.flow.at;
  if (at == Passage::before) return false;
  return !state().flow || !state().flow->gate || at != Passage::outside;
}

Walk::Step Walk::arrive() {
  const FlowControl* flow = state().flow ? &*state().flow : nullptr;
  if (flow != nullptr || !frame_.flow.locks.empty()) {
    auto input = effective_input();
    if (!input) return failed(input.failure());
    // What a redrive takes back comes first.
    if (auto held_back = take_locks(nullptr, *input)) return *std::move(held_back);
    if (flow != nullptr) {
      if (frame_.flow.at == Passage::outside)
        if (auto held_back = pass_gate(*flow, *input)) return *std::move(held_back);
      if (auto held_back = take_locks(flow, *input)) return *std::move(held_back);
      frame_.flow.at = Passage::inside;
    }
  }
  if (std::exchange(frame_.flow.resumes, false)) return ResumeChildren{};
  return run_state();
}

Walk::HeldBack Walk::pass_gate(const FlowControl& flow, const Doc& input) {
  if (flow.gate) {
    const auto counter = flow_text(flow.gate->counter, "Gate/", "Counter", input);
    if (!counter) return HeldBack(failed(counter.failure()));
    const auto bound = flow_number(flow.gate->bound, "Gate/", field_of(flow.gate->test), input,
                                   -number_max, number_max);
    if (!bound) return HeldBack(failed(bound.failure()));
    if (!doors_.passes(*counter, flow.gate->test, *bound)) {
      const auto timeout = flow_timeout(flow.gate->timeout_s, "Gate/", input);
      if (!timeout) return HeldBack(failed(timeout.failure()));
      record_in_state(Kind::gate_awaited);
      history_.back().note = *counter;
      return HeldBack(AwaitGate{*counter, flow.gate->test, *bound, *timeout});
    }
    record_in_state(Kind::gate_opened);
    history_.back().note = *counter;
  }
  if (const auto failure = enter_counters(flow, input)) return HeldBack(failed(*failure));
  return std::nullopt;
}

// Takes what the state itself asks for; without `flow` what is still to be had from before.
Walk::HeldBack Walk::take_locks(const FlowControl* flow, const Doc& input) {
  auto& locks = frame_.flow.locks;
  if (flow != nullptr && flow->lock && frame_.flow.at == Passage::gated) {
    auto name = flow_text(flow->lock->name, "Lock/", "Name", input);
    if (!name) return HeldBack(failed(name.failure()));
    const auto permits =
        flow_number(flow->lock->permits, "Lock/", "Permits", input, 1, workflows::permits_max);
    if (!permits) return HeldBack(failed(permits.failure()));
    if (locks.size() >= locks_held_max)
      return HeldBack(
          failed(refused(fmt::format("The run holds {} locks, which is the most: {} would be "
                                     "one more.",
                                     locks_held_max, *name))));
    // Round a loop it comes again to what it still holds.
    std::erase_if(locks, [&](const HeldLock& lock) {
      return lock.granted && lock.asked_at == frame_.state && lock.name == *name;
    });
    locks.push_back({*std::move(name), *permits, frame_.state, flow->lock->through, false});
    frame_.flow.at = Passage::locking;
  }
  for (HeldLock& lock : locks) {
    if (lock.granted || (flow == nullptr && lock.asked_at == frame_.state)) continue;
    switch (doors_.take(lock.name, lock.permits)) {
      case LockAnswer::granted:
        lock.granted = true;
        record_in_state(Kind::lock_acquired);
        history_.back().note = lock.name;
        break;
      case LockAnswer::wait: {
        AwaitLock wait{lock.name, lock.permits, std::nullopt};
        if (flow != nullptr && lock.asked_at == frame_.state) {
          const auto timeout = flow_timeout(flow->lock->timeout_s, "Lock/", input);
          if (!timeout) return HeldBack(failed(timeout.failure()));
          wait.timeout = *timeout;
        }
        record_in_state(Kind::lock_awaited);
        history_.back().note = lock.name;
        return HeldBack(std::move(wait));
      }
      case LockAnswer::deadlock: {
        Trouble trouble;
        trouble.of_task = trouble.retryable = true;
        trouble.fault = {"Sluice.Deadlock",
                         fmt::format("Waiting for the lock \"{}\" would never end: whoever holds "
                                     "it waits for what this run holds.",
                                     lock.name)};
        return HeldBack(failed(trouble));
      }
    }
  }
  return std::nullopt;
}

Walk::Step Walk::happened(const Moved&) {
  frame_.retry_count = 0;
  frame_.retries.clear();
  const bool inside = frame_.flow.at == Passage::inside && !frame_.flow.resumes;
  return inside ? run_state() : arrive();
}

Walk::Step Walk::happened(const GateOpened&) {
  const auto& flow = state().flow;
  SLUICE_CHECK(flow && flow->gate && frame_.flow.at == Passage::outside,
               "a frame that waits at a gate");
  auto input = effective_input();
  if (!input) return failed(input.failure());
  record_in_state(Kind::gate_opened);
  if (const auto counter = flow_text(flow->gate->counter, "Gate/", "Counter", *input))
    history_.back().note = *counter;
  if (const auto failure = enter_counters(*flow, *input)) return failed(*failure);
  return arrive();
}

Walk::Step Walk::happened(const LockGranted&) {
  const auto lock = std::ranges::find(frame_.flow.locks, false, &HeldLock::granted);
  SLUICE_CHECK(lock != frame_.flow.locks.end(), "a frame that waits for a lock");
  lock->granted = true;
  record_in_state(Kind::lock_acquired);
  history_.back().note = lock->name;
  return arrive();
}

Walk::Step Walk::happened(const FlowTimedOut&) {
  Trouble trouble;
  trouble.of_task = trouble.retryable = true;
  if (frame_.flow.at == Passage::outside) {
    trouble.fault = {"Sluice.GateTimeout", "The gate did not open within its TimeoutSeconds."};
  } else {
    const auto lock = std::ranges::find(frame_.flow.locks, false, &HeldLock::granted);
    SLUICE_CHECK(lock != frame_.flow.locks.end(), "a frame that waits for a lock");
    trouble.fault = {
        "Sluice.LockTimeout",
        fmt::format("The lock \"{}\" was not free within its TimeoutSeconds.", lock->name)};
  }
  return failed(trouble);
}

// ---- counters ----

std::optional<Failure> Walk::enter_counters(const FlowControl& flow, const Doc& input) {
  // All are computed before the first takes effect, and what is owed at the end is known from now
  // on: a pair that was begun is ended.
  std::vector<OwedChange> changes;
  changes.reserve(flow.counters.size());
  for (std::size_t i = 0; i < flow.counters.size(); ++i) {
    const auto& change = flow.counters[i];
    const std::string place = fmt::format("Counters[{}]/", i);
    auto name = flow_text(change.name, place, "Name", input);
    if (!name) return std::move(name.failure());
    if (std::holds_alternative<Value>(change.name) &&
        name->starts_with(workflows::stage_counter_prefix))
      return refused(
          fmt::format("{}Name must not begin with \"stage:\": those are kept by the "
                      "service.",
                      place));
    const auto add = flow_number(change.add, place, "Add", input, -number_max, number_max);
    if (!add) return add.failure();
    changes.push_back({change.on, *std::move(name), *add});
  }
  frame_.flow.at = Passage::gated;
  for (auto& change : changes) {
    if (change.on == CounterOn::enter)
      count(change.counter, change.add);
    else
      frame_.flow.owed.push_back(std::move(change));
  }
  return std::nullopt;
}

void Walk::count(const std::string& counter, std::int64_t add) {
  doors_.add(counter, add);
  record_in_state(Kind::counter_changed);
  history_.back().note = counter;
  history_.back().number = add;
}

// Each way out of a state, but for those that are not its own (engine: stopping, ending from
// outside).
void Walk::depart(bool success) {
  FlowState& flow = frame_.flow;
  left_outside_ = !has_entered();
  if (flow.empty()) return;
  flow.at = Passage::outside;
  flow.resumes = false;
  const auto owed = std::exchange(flow.owed, {});
  for (const OwedChange& change : owed)
    if (change.on == CounterOn::exit ||
        change.on == (success ? CounterOn::success : CounterOn::failure))
      count(change.counter, change.add);
}

void Walk::release_locks(bool all) {
  auto& locks = frame_.flow.locks;
  const auto leaves = [&](const HeldLock& lock) { return all || lock.through == frame_.state; };
  for (std::size_t i = 0; i < locks.size(); ++i) {
    HeldLock& lock = locks[i];
    if (!leaves(lock) || !lock.granted) continue;
    lock.granted = false;
    // Held twice, it is given back with the last.
    const bool still = std::ranges::any_of(
        locks, [&](const HeldLock& other) { return other.granted && other.name == lock.name; });
    if (still) continue;
    doors_.release(lock.name);
    record_in_state(Kind::lock_released);
    history_.back().note = lock.name;
  }
}

// ---- single fields ----

Walk::Evaluated<Json> Walk::flow_value(const Value& from, const std::string& place,
                                       std::string_view field, const Doc& input) {
  if (in_jsonata()) return evaluate(from, {input, {}, {}}, fmt::format("{}{}", place, field));
  auto made = evaluate(from, {input, {}, {}}, "");
  if (!made) return std::move(made.failure());
  return std::move((*made)[std::string(field)]);
}

Walk::Evaluated<std::string> Walk::flow_text(const FlowText& from, const std::string& place,
                                             std::string_view field, const Doc& input) {
  if (const auto* text = std::get_if<std::string>(&from)) return *text;
  const auto value = flow_value(std::get<Value>(from), place, field, input);
  if (!value) return value.failure();
  std::string text;
  if (value->is_string()) text = value->get<std::string>();
  if (value->is_number()) text = to_text(*value);
  if (text.empty() || text.size() > workflows::flow_name_bytes_max)
    return refused(fmt::format("{}{} must be a string of 1 to {} bytes or a number, but was: {}",
                               place, field, workflows::flow_name_bytes_max, excerpt(*value, 200)));
  return text;
}

Walk::Evaluated<std::int64_t> Walk::flow_number(const FlowNumber& from, const std::string& place,
                                                std::string_view field, const Doc& input,
                                                std::int64_t min, std::int64_t max) {
  if (const auto* number = std::get_if<std::int64_t>(&from)) return *number;
  const auto value = flow_value(std::get<Value>(from), place, field, input);
  if (!value) return value.failure();
  std::optional<std::int64_t> number;
  if (value->is_number_integer() &&
      !(value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{1} << 62U))
    number = value->get<std::int64_t>();
  else if (value->is_number_float() && value->get<double>() >= static_cast<double>(min) &&
           value->get<double>() <= static_cast<double>(max)) {
    number = static_cast<std::int64_t>(value->get<double>());
    if (static_cast<double>(*number) != value->get<double>()) number.reset();
  }
  if (!number || *number < min || *number > max)
    return refused(fmt::format("{}{} must be a whole number from {} to {}, but was: {}", place,
                               field, min, max, excerpt(*value, 200)));
  return *number;
}

Walk::Evaluated<std::optional<Duration>> Walk::flow_timeout(const std::optional<FlowNumber>& from,
                                                            const std::string& place,
                                                            const Doc& input) {
  if (!from) return std::optional<Duration>();
  const auto number = flow_number(*from, place, "TimeoutSeconds", input, 1, timeout_seconds_max);
  if (!number) return number.failure();
  return std::optional(seconds(*number));
}

}  // namespace sluice::orchestrator
