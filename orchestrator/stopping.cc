// Stopping children: another one failed, or the run is ended from outside.
#include <algorithm>

#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int stop_step = 256;  // frames stopped at once

}  // namespace

// A frame that stands below one that is being stopped: what it is told no longer counts.
bool Engine::Impl::doomed(Transaction& tx, const FrameRow& row) {
  std::int64_t spawn = row.spawn;
  FrameId parent = row.frame.parent;
  while (parent) {
    const Join& join = join_of(tx, spawn, parent);
    if (join.stopping.now) return true;
    spawn = join.parent.spawn;
    parent = join.parent.frame.parent;
  }
  return false;
}

// Stops live frames below `join`, at most `budget` of them; true: none is left. Recurses as deep as
// the definition nests.
bool Engine::Impl::stop_below(Transaction& tx, Join& join, int& budget) {
  join.stopping.now = true;
  while (!join.live.empty()) {
    if (--budget < 0) return false;
    const auto [index, frame] = *join.live.begin();
    auto live = load(tx, frame);
    SLUICE_CHECK(live.has_value(), "a live child");
    if (live->row.spawned != 0) {
      Join& inner = join_of(tx, live->row.spawned, frame);
      if (!stop_below(tx, inner, budget)) return false;
      joins.erase(live->row.spawned);
    }
    stop_child(tx, *live, join);
  }
  return true;
}

void Engine::Impl::stop_child(Transaction& tx, Live& live, Join& join) {
  FrameRow& row = live.row;
  std::vector<LogRecord> records;
  if (live.home.kind == Home::Kind::lease) {
    records.push_back(started_record(live.home.lease));
    if (Lease* lease = queues.find_lease(live.home.lease.key)) {
      revoke(*lease);
      queues.mark_over(*lease);
    }
  }
  if (row.child_run) follow_up({Followup::Kind::cancel_run, {}, 0, row.child_run});
  LogRecord stopped;
  stopped.record.kind = join.plan.items ? Kind::iteration_aborted : Kind::branch_aborted;
  stopped.record.state = join.state;
  stopped.record.number = row.index;
  records.push_back(std::move(stopped));
  note_fence(live);
  row.child_run = RunId{};
  leave_event(tx, row);
  leave_room_line(tx, row);
  leave_door(tx, row);
  quit_flow(tx, row, records);
  write_log(tx, row, records, next_seq(), {.keep = true});
  drop_deadlines(tx, row);
  leave_home(tx, live);
  tx.run(sql::end_child, row.spawn, row.index, static_cast<int>(ChildStatus::stopped),
         std::optional<std::int64_t>(), row.last_seq);
  join.live.erase(row.index);
}

// Goes on stopping, and when nothing is left lets the parent go on with what it was for.
void Engine::Impl::tend_stopping(Transaction& tx, Join& join) {
  int budget = stop_step;
  if (!stop_below(tx, join, budget)) {
    continue_later(tx, join, true);
    return;
  }
  auto live = load(tx, join.parent.frame.id);
  SLUICE_CHECK(live.has_value(), "the parent of children");
  live->row.stopping = join.stopping;
  if (live->row.stopping.run_status != 0) {
    end_now(tx, *live);
    return;
  }
  // Only stopped because a frame around it is: that one goes on.
  if (!live->row.stopping.fault.error && !live->row.stopping.fault.cause &&
      live->row.stopping.child < 0 && live->row.frame.parent && doomed(tx, live->row))
    return;
  ChildrenFailed failed;
  failed.fault = live->row.stopping.fault;
  failed.of_branch = live->row.stopping.of_branch;
  failed.dead_letter = live->row.stopping.child < 0 || live->row.stopping.dead_letter;
  step(tx, *live, failed, {});
}

// The frame as a log row keeps it.
std::optional<FrameRow> Engine::Impl::kept_frame(Reader& reader, FrameId id, std::int64_t seq) {
  auto q = reader.query(sql::find_log, seq);
  if (!q.step()) return std::nullopt;
  for (const auto& record : decode_events(seq, q.blob(4)))
    if (!record.kept_frame.empty()) return decode_frame(id, record.kept_frame);
  return std::nullopt;
}

// Where the failure began that has come up to `row`: the child that failed, or its child, or the
// row itself.
FrameRow Engine::Impl::origin_of(Reader& reader, FrameRow row) {
  while (row.spawned != 0 && row.stopping.child >= 0) {
    FrameId frame;
    std::int64_t last_seq = 0;
    {
      auto q = reader.query(sql::one_child, row.spawned, row.stopping.child);
      if (!q.step() || q.is_null(2)) return row;
      frame = q.id<FrameTag>(0);
      last_seq = q.int64(2);
    }
    auto kept = kept_frame(reader, frame, last_seq);
    if (!kept) return row;
    row = *std::move(kept);
  }
  return row;
}

// A redrive's: a child that failed or was stopped goes on where it stood.
void Engine::Impl::take_up_child(Transaction& tx, Join& join, std::int64_t index) {
  FrameId frame;
  std::int64_t last_seq = 0;
  {
    auto q = tx.query(sql::one_child, join.spawn, index);
    SLUICE_CHECK(q.step() && !q.is_null(2), "a child to be taken up again");
    frame = q.id<FrameTag>(0);
    last_seq = q.int64(2);
  }
  auto kept = kept_frame(tx, frame, last_seq);
  if (!kept)
    throw storage::StorageError(storage::Fault::corrupt,
                                "log row " + std::to_string(last_seq) + " keeps no frame");
  tx.run(sql::revive_child, join.spawn, index);
  join.live.emplace(index, frame);
  Live live;
  live.row = *std::move(kept);
  live.row.last_seq = last_seq;
  if (live.row.version_id != join.parent.version_id)
    move_version(tx, live.row, join.parent.version_id);
  take_up(tx, live, {});
}

// Whether what `before` spawned can be gone on with in `after`.
bool same_children(const workflows::State& before, const workflows::State& after) {
  if (before.type != after.type) return false;
  const auto* branches = std::get_if<workflows::ParallelState>(&before.body);
  return branches == nullptr || branches->branches.size() ==
                                    std::get<workflows::ParallelState>(after.body).branches.size();
}

// A lock that was held through a state that is not there any more is held to the frame's end.
void move_locks(FlowState& flow, const workflows::Machine& before,
                const workflows::Machine& after) {
  const auto moved = [&](workflows::StateIndex index) {
    return index == workflows::no_state ? index : after.find(before.states[index].name);
  };
  for (HeldLock& lock : flow.locks) {
    lock.asked_at = moved(lock.asked_at);
    lock.through = moved(lock.through);
  }
}

// Where a kept frame stands in another version: at the state of the same name, or, if there is
// none, at the start of its branch.
void Engine::Impl::move_version(Transaction& tx, FrameRow& row, std::int64_t version_id) {
  const auto& before = catalog.machine(tx, catalog.version(row.version_id));
  const auto& after = catalog.machine(tx, catalog.version(version_id));
  const workflows::State& stood = before.states[row.frame.state];
  row.version_id = version_id;
  move_locks(row.frame.flow, before, after);
  // Branches beside each other may repeat a name: the same place is meant before the first of it.
  const auto same = std::ranges::find(after.states, stood.pointer, &workflows::State::pointer);
  row.frame.state = same != after.states.end()
                        ? static_cast<workflows::StateIndex>(same - after.states.begin())
                        : after.find(stood.name);
  const bool there = row.frame.state != workflows::no_state;
  if (row.spawned != 0 && (!there || !same_children(stood, after.states[row.frame.state]))) {
    forget_spawn(tx, std::exchange(row.spawned, 0));
    row.plan.clear();
  }
  if (there) return;
  const workflows::State& around = after.states[after.find(before.states[stood.parent].name)];
  row.frame.state = around.type == workflows::StateType::map
                        ? std::get<workflows::MapState>(around.body).start_at
                        : std::get<workflows::ParallelState>(around.body)
                              .branches[static_cast<std::size_t>(row.index)];
}

// A frame that was kept goes on: its children that did not succeed, or its state.
void Engine::Impl::take_up(Transaction& tx, Live& live, std::vector<LogRecord> before) {
  FrameRow& row = live.row;
  row.timeout_due = row.token_number = 0;
  row.attempts = 0;
  row.failures.clear();
  row.headers.clear();
  row.frame.retries.clear();
  row.frame.retry_count = 0;
  row.stopping = {};
  const auto& machine = catalog.machine(tx, catalog.version(row.version_id));
  // What it held and what it counts are taken up before its children are.
  const bool passes_doors = row.frame.state != workflows::no_state &&
                            (machine.states[row.frame.state].flow || !row.frame.flow.locks.empty());
  if (row.spawned == 0 || passes_doors) {
    step(tx, live, Redriven{.children = row.spawned != 0}, std::move(before));
    return;
  }
  LogRecord again;
  again.record.kind = Kind::execution_redriven;
  again.record.state = row.frame.state;
  if (before.empty()) before.push_back(std::move(again));
  write_log(tx, row, before, next_seq());
  touched(row.run, false);
  resume_children(tx, live);
  follow(tx);
}

void Engine::Impl::resume_children(Transaction& tx, Live& live) {
  FrameRow& row = live.row;
  tx.run(sql::take_up_children, row.spawned);
  wait_as_frame(tx, live, WaitKind::children, std::nullopt);
  joins.erase(row.spawned);
  look_at(join_of(tx, row.spawned, row.frame.id));
}

}  // namespace sluice::orchestrator
