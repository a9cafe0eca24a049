// Starting runs, and a person's word to one: cancel, pause, resume, skip, fail.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int status_running = 1, status_timed_out = 4, status_aborted = 5, status_paused = 6,
              status_compensating = 7;
constexpr int run_timeout = 3;

Error no_such_run(RunId run) { return make_error(Errc::not_found, "no run " + to_string(run)); }

Error run_is(RunId run, int status, std::string_view expected) {
  static constexpr std::string_view names[] = {"",       "RUNNING",      "SUCCEEDED",
                                               "FAILED", "TIMED_OUT",    "ABORTED",
                                               "PAUSED", "COMPENSATING", "COMPENSATED"};
  return make_error(Errc::conflict, "run " + to_string(run) + " is " + std::string(names[status]) +
                                        "; expected " + std::string(expected));
}

}  // namespace

namespace {
Error run_is_held(RunId run) {
  return make_error(Errc::conflict, "run " + to_string(run) +
                                        " has failed and is held: redrive it, replay its dead "
                                        "letter, compensate it or cancel it");
}
bool is_held(const Live& live) { return live.row.undoing.stage == Undoing::Stage::held; }
}  // namespace

Status Engine::Impl::check_room() const {
  if (!disk_low) return ok();
  return make_error(Errc::disk_full,
                    "the disk is nearly full: no new starts or sends below the reserve of " +
                        std::to_string(options.disk_reserve_bytes >> 20) +
                        " MiB. What runs goes on. Free some space.");
}

Result<StartRun::Reply> Engine::Impl::apply(Transaction& tx, const StartRun& c) {
  if (const auto room = check_room(); !room) return room.error();
  Workflow* workflow = catalog.find(c.workflow);
  if (workflow == nullptr || workflow->deleted)
    return make_error(Errc::not_found, "no workflow \"" + c.workflow + "\": deploy it first");
  Version* version = catalog.version(*workflow, c.version.value_or(workflow->latest));
  if (version == nullptr)
    return make_error(Errc::not_found, "workflow \"" + c.workflow + "\" has no version " +
                                           std::to_string(*c.version) + "; its latest is " +
                                           std::to_string(workflow->latest));
  if (c.input.size_bytes() > options.payload_bytes_max)
    return make_error(Errc::too_large, "the input has " + std::to_string(c.input.size_bytes()) +
                                           " bytes; the limit is " +
                                           std::to_string(options.payload_bytes_max));
  if (c.name) {
    std::int64_t id = 0, first_seq = 0;
    if (auto q = tx.query(sql::run_by_name, workflow->id, *c.name); q.step()) {
      id = q.int64(0);
      first_seq = q.int64(1);
    }
    if (id != 0) {
      const Doc first = load_doc(tx, {first_seq, 0});
      if (first.text() == c.input.text() || first.json() == c.input.json())
        return StartRun::Reply{RunId{id}, true};
      return make_error(Errc::conflict, "a run named \"" + *c.name + "\" of workflow \"" +
                                            c.workflow + "\" exists with another input: run " +
                                            to_base32(id));
    }
  }
  if (const auto calm = check_pressure(catalog.machine(tx, *version)); !calm) return calm.error();
  NewRun run;
  run.name = c.name;
  run.input = c.input;
  run.priority = c.priority.value_or(queue::priority_default);
  run.own_priority = c.priority;
  run.not_before = c.not_before;
  if (!c.labels.empty()) {
    Json object = Json::object();
    for (const auto& [key, value] : c.labels) object[key] = value;
    run.labels = to_text(object);
  }
  return StartRun::Reply{create_run(tx, *version, run), false};
}

// The run's row and its root frame. It begins at once; one that a run starts begins with the next
// batch, so that runs which start runs do not hold up the others; one that a message starts, too.
RunId Engine::Impl::create_run(Transaction& tx, Version& version, const NewRun& run) {
  const Now time = now();
  Live live;
  FrameRow& row = live.row;
  row.run = RunId{ids.next(time.wall)};
  row.frame.id = FrameId{row.run.value};
  // A document of its own: the first log row of every run holds its input, whoever else was given
  // the same.
  row.frame.input = run.input.ref() ? Doc::from_text(run.input.text()) : run.input;
  row.version_id = version.id;
  row.priority = run.priority;
  if (run.awaited) row.waiter = run.parent_frame;
  const auto& machine = catalog.machine(tx, version);
  // The run's first log row is the one that step() or the wait below writes.
  tx.run(sql::insert_run, row.run, version.id, version.workflow->id, run.name, run.labels,
         run.own_priority, run.not_before, log_seq + 1, time.wall,
         run.parent_run ? std::optional{run.parent_run} : std::nullopt,
         run.parent_frame ? std::optional{run.parent_frame} : std::nullopt);
  undo.save_once(live_runs);
  live_runs += 1;
  tally(counts.runs_started);
  const bool later = run.not_before && *run.not_before > time.wall;
  if (later || run.parent_run || run.begins_later) {
    // The input must be stored now; the interpreter starts the run when its time has come.
    write_log(tx, row, {}, next_seq());
    if (later)
      wait_as_frame(tx, live, WaitKind::delay,
                    queue::Due{queue::ClockKind::wall, run.not_before->us});
    else
      wait_as_frame(tx, live, WaitKind::continuation,
                    queue::Due{queue::ClockKind::engine, time.engine.us});
    touched(row.run, false);
    return row.run;
  }
  if (machine.timeout_s) {
    row.run_timeout_due = (time.engine + seconds(*machine.timeout_s)).us;
    tx.run(sql::insert_deadline, row.run_timeout_due, row.frame.id, run_timeout);
    next_deadline = std::min(next_deadline, row.run_timeout_due);
  }
  step(tx, live, Started{}, {});
  return row.run;
}

namespace {
struct RunStatus {
  int status = 0;
  std::int64_t last_seq = 0;
};
std::optional<RunStatus> status_of(Reader& reader, RunId run) {
  auto q = reader.query(sql::run_facts, run);
  if (!q.step()) return std::nullopt;
  return RunStatus{static_cast<int>(q.int64(3)), q.is_null(7) ? 0 : q.int64(7)};
}
}  // namespace

void Engine::Impl::end_from_outside(Transaction& tx, Live& live, int status, const Fault& fault,
                                    bool compensate) {
  FrameRow& row = live.row;
  if (row.spawned != 0 && join_of(tx, row.spawned, row.frame.id).stopping.run_status != 0)
    return;  // It is being ended: the first word stands.
  row.stopping.now = true;
  row.stopping.run_status = status;
  row.stopping.fault = fault;
  row.stopping.compensate = compensate;
  if (row.spawned != 0) {
    Join& join = join_of(tx, row.spawned, row.frame.id);
    join.stopping = row.stopping;
    look_at(join);
  } else {
    end_now(tx, live);
  }
  follow(tx);
}

void Engine::Impl::end_now(Transaction& tx, Live& live) {
  FrameRow& row = live.row;
  const int status = row.stopping.run_status;
  const Fault fault = row.stopping.fault;
  const bool asked = row.stopping.compensate;
  const bool was_undoing = row.undoing.stage == Undoing::Stage::undoing;
  row.stopping = {};
  std::vector<LogRecord> records;
  if (live.home.kind == Home::Kind::lease) {
    records.push_back(started_record(live.home.lease));
    if (Lease* lease = queues.find_lease(live.home.lease.key)) {
      revoke(*lease);
      queues.mark_over(*lease);
    }
  }
  LogRecord ended;
  ended.record.kind =
      status == status_timed_out ? Kind::execution_timed_out : Kind::execution_aborted;
  ended.record.state = row.frame.state;
  ended.record.fault = fault;
  records.push_back(std::move(ended));
  note_fence(live);
  if (row.child_run) follow_up({Followup::Kind::cancel_run, {}, 0, row.child_run});
  row.child_run = RunId{};
  leave_event(tx, row);
  leave_room_line(tx, row);
  leave_door(tx, row);
  quit_flow(tx, row, records);
  write_log(tx, row, records, next_seq(), {.keep = true});
  drop_deadlines(tx, row);
  const std::string failures =
      live.home.kind == Home::Kind::frame ? row.failures : live.home.message.failures;
  leave_home(tx, live);
  joins.erase(row.spawned);
  using workflows::OnFailure;
  OnFailure then = OnFailure::fail;
  if (status == status_timed_out)
    then = after_failure(tx, row);
  else if (asked && has_compensations(tx, row.run))
    then = OnFailure::compensate;
  if (then == OnFailure::fail) {
    end_run(tx, row, status, fault.error);
    touched(row.run, true);
    if (was_undoing)
      close_letters(tx, row.run, queue::DeadStatus::dropped, "the run was cancelled");
  }
  if (status == status_timed_out)
    add_dead_letter(tx, DeadLetterId{ids.next(now().wall)}, row, queue::DeadKind::state, fault,
                    failures, 0, live.home.message.headers);
  if (then != OnFailure::fail && status == status_aborted)
    begin_compensation(tx, live, status_aborted, fault);
  else if (then != OnFailure::fail)
    fail_otherwise(tx, live, then, fault);
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const CancelRun& c) {
  const auto found = status_of(tx, c.run);
  if (!found) return no_such_run(c.run);
  if (found->status == status_aborted) return Unit{};  // The wish is fulfilled.
  if (found->status != status_running && found->status != status_paused &&
      found->status != status_compensating)
    return run_is(c.run, found->status, "a run that has not ended");
  auto live = load(tx, FrameId{c.run.value});
  SLUICE_CHECK(live.has_value(), "the root frame of a live run");
  if (found->status == status_compensating && c.compensate) {
    if (live->row.undoing.ends_as == status_aborted) return Unit{};
    return run_is(c.run, found->status, "a run that is not being undone");
  }
  if (is_held(*live)) {  // Nothing below it is live.
    live->row.undoing = {};
    live->row.stopping.run_status = status_aborted;
    live->row.stopping.fault = Fault{std::nullopt, c.cause};
    live->row.stopping.compensate = c.compensate;
    end_now(tx, *live);
    follow(tx);
    return Unit{};
  }
  end_from_outside(tx, *live, status_aborted, Fault{std::nullopt, c.cause}, c.compensate);
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const PauseRun& c) {
  const auto found = status_of(tx, c.run);
  if (!found) return no_such_run(c.run);
  if (found->status == status_paused) return Unit{};
  if (found->status != status_running)
    return run_is(c.run, found->status, "a run that has not ended");
  tx.run(sql::set_run_status, c.run, status_running, status_paused);
  paused_runs.insert(c.run.value);
  undo.add([this, run = c.run.value] { paused_runs.erase(run); });
  for_each_live(tx, FrameId{c.run.value}, [&](Live& live) { pause_frame(tx, live); });
  touched(c.run, false);
  return Unit{};
}

// The frame and all below it, the frame last.
void Engine::Impl::for_each_live(Transaction& tx, FrameId root,
                                 const std::function<void(Live&)>& visit) {
  auto live = load(tx, root);
  SLUICE_CHECK(live.has_value(), "a live frame");
  if (live->row.spawned != 0) {
    std::vector<FrameId> children;
    for (const auto& [index, frame] : join_of(tx, live->row.spawned, root).live)
      children.push_back(frame);
    for (const FrameId child : children) for_each_live(tx, child, visit);
  }
  visit(*live);
}

// Work in a worker's hands goes on and is accepted; what waits stands still, with what is left of
// its times.
void Engine::Impl::pause_frame(Transaction& tx, Live& live) {
  FrameRow& row = live.row;
  const Now time = now();
  if (live.home.kind == Home::Kind::message) {
    const auto& m = live.home.message;
    if (m.due && m.due->clock == queue::ClockKind::engine)
      row.held_delay_us = std::max<std::int64_t>(0, m.due->us - time.engine.us);
    queues.hold(tx, m, time);
  }
  if (row.timeout_due != 0) {
    const std::int64_t left =
        std::max<std::int64_t>(1, row.timeout_due - time.engine.us - row.held_delay_us);
    drop_deadlines(tx, row);
    row.held_timeout_us = left;
  }
  if (row.run_timeout_due != 0) {
    row.held_run_timeout_us = std::max<std::int64_t>(1, row.run_timeout_due - time.engine.us);
    tx.run(sql::delete_deadline, row.run_timeout_due, row.frame.id, run_timeout);
    row.run_timeout_due = 0;
  }
  if (!row.frame.parent) {
    LogRecord paused;
    paused.record.kind = Kind::execution_paused;
    write_log(tx, row, {paused}, next_seq());
  }
  store_frame(tx, live);
}

// The frame's row follows what was changed in memory.
void Engine::Impl::store_frame(Transaction& tx, const Live& live) {
  const std::string data = encode(live.row);
  if (live.home.kind == Home::Kind::frame) {
    tx.run(sql::set_frame_data, live.row.frame.id, storage::as_blob(data));
    return;
  }
  tx.run(sql::set_message_owner, live.row.frame.id, storage::as_blob(data));
  if (Lease* lease = queues.find_lease(live.home.lease.key)) queues.set_owner(*lease, data);
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const ResumeRun& c) {
  const auto found = status_of(tx, c.run);
  if (!found) return no_such_run(c.run);
  if (found->status == status_running) return Unit{};
  if (found->status != status_paused) return run_is(c.run, found->status, "a paused run");
  if (const auto live = load(tx, FrameId{c.run.value}); live && is_held(*live))
    return run_is_held(c.run);
  tx.run(sql::set_run_status, c.run, status_paused, status_running);
  paused_runs.erase(c.run.value);
  undo.add([this, run = c.run.value] { paused_runs.insert(run); });
  for_each_live(tx, FrameId{c.run.value}, [&](Live& live) { resume_frame(tx, live); });
  touched(c.run, false);
  return Unit{};
}

void Engine::Impl::resume_frame(Transaction& tx, Live& live) {
  FrameRow& row = live.row;
  const Now time = now();
  if (!row.frame.parent) {
    LogRecord resumed;
    resumed.record.kind = Kind::execution_resumed;
    write_log(tx, row, {resumed}, next_seq());
  }
  const std::int64_t delay = row.held_delay_us;
  if (row.held_timeout_us != 0) {
    row.timeout_due = time.engine.us + delay + row.held_timeout_us;
    tx.run(sql::insert_deadline, row.timeout_due, row.frame.id, 1);
    next_deadline = std::min(next_deadline, row.timeout_due);
    row.pause_base = pause_total(row, queues.find(live.home.message.queue));
  }
  if (row.held_run_timeout_us != 0) {
    row.run_timeout_due = time.engine.us + row.held_run_timeout_us;
    tx.run(sql::insert_deadline, row.run_timeout_due, row.frame.id, run_timeout);
    next_deadline = std::min(next_deadline, row.run_timeout_due);
  }
  row.held_delay_us = row.held_timeout_us = row.held_run_timeout_us = 0;
  store_frame(tx, live);
  if (live.home.kind == Home::Kind::message && live.home.message.state == queue::State::held)
    queues.unhold(tx, live.home.message,
                  delay > 0
                      ? std::optional{queue::Due{queue::ClockKind::engine, time.engine.us + delay}}
                      : std::nullopt,
                  time);
}

namespace {
bool stands_at_task(const workflows::Machine& machine, const Live& live) {
  return live.row.frame.state != workflows::no_state &&
         machine.states[live.row.frame.state].type == workflows::StateType::task;
}
}  // namespace

Result<Unit> Engine::Impl::apply(Transaction& tx, const SkipStage& c) {
  const auto found = status_of(tx, c.run);
  if (!found) return no_such_run(c.run);
  if (found->status != status_running && found->status != status_paused &&
      found->status != status_compensating)
    return run_is(c.run, found->status, "a run that has not ended");
  if (c.output.size_bytes() > options.payload_bytes_max)
    return make_error(Errc::too_large, "the output is larger than the payload limit");
  auto live = load(tx, c.frame.value_or(FrameId{c.run.value}));
  if (!live || live->row.run != c.run)
    return make_error(Errc::not_found, "run " + to_string(c.run) + " has no such frame");
  if (!stands_at_task(catalog.machine(tx, catalog.version(live->row.version_id)), *live))
    return make_error(Errc::conflict,
                      "the frame does not stand at a stage: only a Task can be given an output");
  if (is_held(*live)) return run_is_held(c.run);
  // By the operator's word it is undone.
  if (found->status == status_compensating)
    close_letters(tx, c.run, queue::DeadStatus::dropped, "skipped by an operator");
  std::vector<LogRecord> before;
  if (live->home.kind == Home::Kind::lease) {
    before.push_back(started_record(live->home.lease));
    if (Lease* lease = queues.find_lease(live->home.lease.key)) {
      revoke(*lease);
      queues.mark_over(*lease);
    }
  }
  LogRecord word;
  word.record.kind = Kind::task_released;
  word.record.state = live->row.frame.state;
  word.note = "skipped by an operator";
  before.push_back(std::move(word));
  step(tx, *live, TaskSucceeded{c.output}, std::move(before));
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const FailStage& c) {
  const auto found = status_of(tx, c.run);
  if (!found) return no_such_run(c.run);
  if (found->status != status_running && found->status != status_paused &&
      found->status != status_compensating)
    return run_is(c.run, found->status, "a run that has not ended");
  auto live = load(tx, c.frame.value_or(FrameId{c.run.value}));
  if (!live || live->row.run != c.run)
    return make_error(Errc::not_found, "run " + to_string(c.run) + " has no such frame");
  if (!stands_at_task(catalog.machine(tx, catalog.version(live->row.version_id)), *live))
    return make_error(Errc::conflict,
                      "the frame does not stand at a stage: only a Task can be failed");
  if (is_held(*live)) return run_is_held(c.run);
  if (found->status == status_compensating && undoing_failed(tx, live->row))
    return make_error(Errc::conflict, "what undoes the stage has failed already");
  std::string worker = "operator";
  WallTime since = now().wall;
  std::int64_t attempt = live->home.kind == Home::Kind::frame ? live->row.attempts
                                                              : live->home.message.attempt,
               fence = 0;
  if (live->home.kind == Home::Kind::lease) {
    const Lease& held_lease = live->home.lease;
    worker = held_lease.worker;
    since = held_lease.since;
    attempt = held_lease.attempt;
    fence = held_lease.key.fence;
    if (Lease* lease = queues.find_lease(held_lease.key)) {
      revoke(*lease);
      queues.mark_over(*lease);
    }
  }
  fail_stage(tx, std::move(*live), TaskFailed{{c.error, c.cause}}, worker, since,
             std::max<std::int64_t>(1, attempt), fence);
  return Unit{};
}

}  // namespace sluice::orchestrator
