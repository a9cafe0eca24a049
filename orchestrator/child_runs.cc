// Runs that runs start, and what has happened to a frame but is yet to be acted upon.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::string_view status_names[] = {"",       "RUNNING",      "SUCCEEDED",
                                             "FAILED", "TIMED_OUT",    "ABORTED",
                                             "PAUSED", "COMPENSATING", "COMPENSATED"};

}  // namespace

void Engine::Impl::go_on_later(Transaction& tx, Live& live, Pending pending) {
  live.row.pending = std::move(pending);
  wait_as_frame(tx, live, WaitKind::continuation,
                queue::Due{queue::ClockKind::engine, now().engine.us});
}

void Engine::Impl::go_on(Transaction& tx, Live& live) {
  const Pending pending = std::exchange(live.row.pending, {});
  switch (pending.kind) {
    case Pending::Kind::none:
      return;
    case Pending::Kind::succeeded:
      step(tx, live, TaskSucceeded{load_doc(tx, pending.output)}, {});
      return;
    case Pending::Kind::failed: {
      TaskFailed failed;
      failed.fault = pending.fault;
      step(tx, live, failed, {});
      return;
    }
    case Pending::Kind::restart:
      step(tx, live, Moved{}, {}, live.row.failures);
      return;
    case Pending::Kind::run_started: {
      RunStarted started;
      started.id = pending.run;
      {
        auto q = tx.query(sql::run_facts, pending.run);
        SLUICE_CHECK(q.step(), "the run that was started");
        started.workflow = catalog.version(q.int64(1)).workflow->name;
        started.name = q.is_null(4) ? to_string(pending.run) : std::string(q.text(4));
        started.at = WallTime{q.int64(6)};
      }
      step(tx, live, started, {});
      return;
    }
  }
}

void Engine::Impl::start_child_run(Transaction& tx, Live& live, const StartChildRun& start) {
  FrameRow& row = live.row;
  const auto refuse = [&](std::string error, std::string cause) {
    Pending pending;
    pending.kind = Pending::Kind::failed;
    pending.fault = {std::move(error), std::move(cause)};
    go_on_later(tx, live, std::move(pending));
  };
  Workflow* workflow = catalog.find(start.workflow);
  if (workflow == nullptr || workflow->deleted)
    return refuse("StateMachineDoesNotExist",
                  "There is no workflow \"" + start.workflow + "\": deploy it first.");
  if (start.name) {
    auto q = tx.query(sql::run_by_name, workflow->id, *start.name);
    if (q.step())
      return refuse("ExecutionAlreadyExists", "A run named \"" + *start.name + "\" of workflow \"" +
                                                  start.workflow + "\" exists: run " +
                                                  to_base32(q.int64(0)));
  }
  NewRun run;
  run.name = start.name;
  run.input = start.input;
  run.priority = row.priority;
  run.parent_run = row.run;
  run.parent_frame = row.frame.id;
  run.awaited = start.wait_for_end && !start.wait_for_task_token;
  const RunId id = create_run(tx, *catalog.version(*workflow, workflow->latest), run);
  if (!start.wait_for_end && !start.wait_for_task_token) {
    Pending pending;
    pending.kind = Pending::Kind::run_started;
    pending.run = id;
    go_on_later(tx, live, std::move(pending));
    return;
  }
  limit_time(tx, row, {Duration{}, start.timeout, start.heartbeat}, nullptr);
  if (start.wait_for_task_token) {
    wait_as_frame(tx, live, WaitKind::token, std::nullopt);
    return;
  }
  row.child_run = id;
  wait_as_frame(tx, live, WaitKind::child_run, std::nullopt);
}

// A run has ended; the frame that waits for it goes on.
void Engine::Impl::child_run_ended(Transaction& tx, FrameId waiter, RunId run) {
  auto live = load(tx, waiter);
  // It was stopped, or its time was up, in the meantime.
  if (!live || live->row.child_run != run) return;
  RunEnded ended;
  ended.id = run;
  std::int64_t first_seq = 0, last_seq = 0;
  {
    auto q = tx.query(sql::run_facts, run);
    SLUICE_CHECK(q.step() && !q.is_null(7), "a run that has ended");
    Version& version = catalog.version(q.int64(1));
    ended.workflow = version.workflow->name;
    ended.version = version.number;
    ended.status = status_names[static_cast<std::size_t>(q.int64(3))];
    ended.name = q.is_null(4) ? to_string(run) : std::string(q.text(4));
    first_seq = q.int64(5);
    ended.started_at = WallTime{q.int64(6)};
    last_seq = q.int64(7);
    ended.ended_at = WallTime{q.int64(10)};
  }
  ended.input = load_doc(tx, {first_seq, 0});
  DocRef output;
  if (auto q = tx.query(sql::find_log, last_seq); q.step())
    for (const auto& record : decode_events(last_seq, q.blob(4))) {
      if (record.record.kind == Kind::execution_succeeded) output = record.doc_ref;
      if (record.record.fault.error || record.record.fault.cause) ended.fault = record.record.fault;
    }
  // A document of its own: the child may be deleted before its parent.
  if (output) ended.output = Doc::from_text(load_doc(tx, output).text());
  step(tx, *live, ended, {});
}

}  // namespace sluice::orchestrator
