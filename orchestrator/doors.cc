// Gates and locks: who waits in their lines, and whose turn it is.
//
// What one frame gives back another gets in the same commit: before a batch is committed, whoever a
// lock or a gate now lets through takes his next step. A batch lets doors_step of them through; the
// rest follow with the next.
#include <algorithm>
#include <set>

#include "orchestrator/engine_doors.h"
#include "orchestrator/flow_statements.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int doors_step = 512;      // let through by one batch
constexpr int passed_over_max = 64;  // of one line: frames that are being stopped

std::string in_quotes(const std::string& name) { return "\"" + name + "\""; }

}  // namespace

// ---- one step's view ----

bool Engine::Impl::StepDoors::passes(const std::string& counter, workflows::CounterTest test,
                                     std::int64_t bound) {
  engine_.watch_stage(counter);
  return engine_.counters.passes(counter, test, bound);
}

std::int64_t Engine::Impl::StepDoors::add(const std::string& counter, std::int64_t add) {
  return engine_.counters.add(counter, add);
}

LockAnswer Engine::Impl::StepDoors::take(const std::string& name, std::int64_t permits) {
  if (engine_.holds_lock(tx_, row_, name)) return LockAnswer::granted;
  if (engine_.locks.is_free(name, permits)) {
    engine_.locks.take(tx_, name, permits, row_.frame.id, row_.run, engine_.now().wall);
    taken_.push_back(name);
    return LockAnswer::granted;
  }
  return engine_.would_deadlock(tx_, row_, taken_, name) ? LockAnswer::deadlock : LockAnswer::wait;
}

void Engine::Impl::StepDoors::release(const std::string& name) {
  engine_.locks.release(tx_, name, row_.frame.id);
}

// ---- waiting ----

void Engine::Impl::await_gate(Transaction& tx, Live& live, const AwaitGate& gate) {
  FrameRow& row = live.row;
  row.door = {DoorWait::Kind::gate, gate.counter, 0, gate.test, gate.bound};
  row.door.place =
      counters.wait(tx, gate.counter, gate.test, gate.bound, row.frame.id, row.run, now().wall);
  limit_time(tx, row, {Duration{}, gate.timeout, std::nullopt}, nullptr);
  wait_as_frame(tx, live, WaitKind::gate, std::nullopt);
}

void Engine::Impl::await_lock(Transaction& tx, Live& live, const AwaitLock& lock) {
  FrameRow& row = live.row;
  row.door.kind = DoorWait::Kind::lock;
  row.door.name = lock.name;
  row.door.place = locks.wait(tx, lock.name, lock.permits, row.frame.id, row.run, now().wall);
  limit_time(tx, row, {Duration{}, lock.timeout, std::nullopt}, nullptr);
  wait_as_frame(tx, live, WaitKind::lock, std::nullopt);
}

void Engine::Impl::leave_door(Transaction& tx, FrameRow& row) {
  if (row.door.kind == DoorWait::Kind::gate)
    counters.leave_line(tx, row.door.name, row.door.test, row.door.bound, row.door.place);
  else if (row.door.kind == DoorWait::Kind::lock)
    locks.leave_line(tx, row.door.name, row.door.place);
  else
    return;
  row.door = {};
}

// What a frame holds and owes, when it ends by no step of its own.
void Engine::Impl::quit_flow(Transaction& tx, FrameRow& row, std::vector<LogRecord>& records) {
  FlowState& flow = row.frame.flow;
  const auto record = [&](Kind kind, const std::string& name, std::int64_t number) {
    LogRecord made;
    made.record.kind = kind;
    made.record.state = row.frame.state;
    made.record.number = number;
    made.note = name;
    records.insert(records.end() - 1, std::move(made));  // before what ends it
  };
  const bool left_before =
      row.undoing.stage == Undoing::Stage::held ||
      (row.undoing.stage == Undoing::Stage::undoing && undoing_failed(tx, row));
  if (row.frame.state != workflows::no_state && flow.at != Passage::before && !left_before) {
    const auto& machine = catalog.machine(tx, catalog.version(row.version_id));
    const auto& state = machine.states[row.frame.state];
    const bool at_gate = state.flow && state.flow->gate && flow.at == Passage::outside;
    if (is_stage(state.type) && !at_gate) record(Kind::stage_left, "", left_by_abort);
  }
  for (const OwedChange& change : flow.owed) {
    if (change.on != workflows::CounterOn::exit) continue;
    counters.add(change.counter, change.add);
    record(Kind::counter_changed, change.counter, change.add);
  }
  flow.owed.clear();
  flow.at = Passage::outside;
  flow.resumes = false;
  for (HeldLock& lock : flow.locks) {
    if (!lock.granted) continue;
    lock.granted = false;
    if (locks.release(tx, lock.name, row.frame.id)) record(Kind::lock_released, lock.name, 0);
  }
}

// ---- whose turn it is ----

// Lets through whose turn it is; before the batch's hand-outs.
void Engine::Impl::open_doors(Transaction& tx) {
  int budget = doors_step;
  // A step may open another door: it is looked at in the same batch.
  while (budget > 0 && (!locks.due().empty() || !counters.due().empty())) {
    if (const auto name = locks.due().take()) budget = grant_locks(tx, *name, budget);
    if (const auto name = counters.due().take()) budget = open_gate(tx, *name, budget);
    follow_stages();
  }
}

int Engine::Impl::grant_locks(Transaction& tx, const std::string& name, int budget) {
  int passed_over = 0;
  std::int64_t behind = 0;  // the last that was passed over
  while (const auto* lock = locks.find(name)) {
    const auto first = lock->line.upper_bound(behind);
    if (first == lock->line.end() ||
        std::cmp_greater_equal(lock->holders.size(), first->second.permits))
      return budget;
    if (--budget < 0) {
      locks.due().add(name);
      return 0;
    }
    const LockPlace place = first->second;
    auto live = load(tx, place.frame);
    SLUICE_CHECK(
        live && live->row.door.kind == DoorWait::Kind::lock && live->row.door.place == place.place,
        "a frame that waits for a lock");
    // It leaves the line when it is stopped, and the lock is looked at again.
    if (doomed(tx, live->row)) {
      if (++passed_over > passed_over_max) return budget;
      behind = place.place;
      continue;
    }
    locks.grant(tx, name, place.place, now().wall);
    live->row.door = {};
    step(tx, *live, LockGranted{}, {});
  }
  return budget;
}

int Engine::Impl::open_gate(Transaction& tx, const std::string& counter, int budget) {
  std::set<std::int64_t> passed_over;
  while (const auto turn = counters.next(counter, passed_over)) {
    if (--budget < 0) {
      counters.due().add(counter);
      return 0;
    }
    auto live = load(tx, turn->waiter.frame);
    SLUICE_CHECK(live && live->row.door.kind == DoorWait::Kind::gate &&
                     live->row.door.place == turn->waiter.place,
                 "a frame that waits at a gate");
    if (doomed(tx, live->row)) {
      if (passed_over.size() == passed_over_max) return budget;
      passed_over.insert(turn->waiter.place);
      continue;
    }
    step(tx, *live, GateOpened{}, {});
  }
  return budget;
}

// ---- who holds what ----

// Whether the frame holds it, or one that it is a branch or an item of.
bool Engine::Impl::holds_lock(Transaction& tx, const FrameRow& row, const std::string& name) {
  const auto* lock = locks.find(name);
  if (lock == nullptr || lock->holders.empty()) return false;
  if (locks.holds(name, row.frame.id)) return true;
  std::int64_t spawn = row.spawn;
  FrameId parent = row.frame.parent;
  while (parent) {
    if (locks.holds(name, parent)) return true;
    const Join& join = join_of(tx, spawn, parent);
    spawn = join.parent.spawn;
    parent = join.parent.frame.parent;
  }
  return false;
}

// ---- a person's word ----

Result<ReleaseLock::Reply> Engine::Impl::apply(Transaction& tx, const ReleaseLock& c) {
  const auto* lock = locks.find(c.name);
  if (lock == nullptr || lock->holders.empty())
    return make_error(Errc::not_found, "nobody holds the lock " + in_quotes(c.name));
  std::vector<LockPlace> taken;
  for (const LockPlace& place : lock->holders)
    if (!c.run || place.run == *c.run) taken.push_back(place);
  if (taken.empty())
    return make_error(Errc::not_found,
                      "run " + to_string(*c.run) + " does not hold the lock " + in_quotes(c.name));
  ReleaseLock::Reply reply;
  for (const LockPlace& place : taken) {
    locks.release(tx, c.name, place.frame);
    if (std::ranges::find(reply.runs, place.run) == reply.runs.end())
      reply.runs.push_back(place.run);
  }
  return reply;
}

Result<AdjustCounter::Reply> Engine::Impl::apply(Transaction&, const AdjustCounter& c) {
  if (c.name.empty() || c.name.size() > workflows::flow_name_bytes_max)
    return make_error(
        Errc::invalid_argument,
        "a counter's name has 1 to " + std::to_string(workflows::flow_name_bytes_max) + " bytes");
  if (c.name.starts_with(workflows::stage_counter_prefix))
    return make_error(Errc::invalid_argument,
                      "counters whose names begin with \"stage:\" are kept by the service");
  const std::int64_t before = counters.value(c.name);
  std::int64_t by = c.add;
  if (c.value && __builtin_sub_overflow(*c.value, before, &by))
    return make_error(Errc::invalid_argument,
                      "the value is too far from the counter's " + std::to_string(before));
  return AdjustCounter::Reply{counters.add(c.name, by), before};
}

}  // namespace sluice::orchestrator
