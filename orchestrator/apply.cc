// From what the interpreter says to rows: one log row, and the one row that moves the frame on.
#include "orchestrator/engine_doors.h"
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

// Documents up to this size stay in memory with the lease of the task that will need them.
constexpr std::size_t memo_doc_bytes_max = 4'096;

constexpr int task_timeout = 1, heartbeat_timeout = 2, run_timeout = 3;

// {"Error", "Cause"}: what stands for a child that failed.
Doc error_doc(const Fault& fault) {
  Json object = Json::object();
  if (fault.error) object["Error"] = *fault.error;
  if (fault.cause) object["Cause"] = *fault.cause;
  return Doc::from_json(std::move(object));
}

bool waits_for_token(const Next& next) {
  if (const auto* task = std::get_if<ScheduleTask>(&next)) return task->wait_for_task_token;
  if (const auto* start = std::get_if<StartChildRun>(&next))
    return start->wait_for_task_token || start->wait_for_end;
  if (const auto* publish = std::get_if<Publish>(&next)) return publish->wait_for_task_token;
  return false;
}

// Why a state is tried again or fails its run; nothing if it went on.
std::optional<Fault> failure_of(const Effects& effects) {
  for (const auto& record : effects.history)
    if (record.kind == Kind::retry_scheduled) return record.fault;
  const auto* finish = std::get_if<Finish>(&effects.next);
  if (finish != nullptr && finish->dead_letter) return finish->fault;
  return std::nullopt;
}

}  // namespace

std::int64_t Engine::Impl::next_seq() {
  undo.save_once(log_seq);
  return ++log_seq;
}

void Engine::Impl::touched(RunId run, bool ended) {
  touched_runs.emplace_back(run, ended);
  undo.add([this] { touched_runs.pop_back(); });
}

void Engine::Impl::write_log(Transaction& tx, FrameRow& row, const std::vector<LogRecord>& records,
                             std::int64_t seq, const Storing& storing) {
  const bool root = row.run.value == row.frame.id.value;
  encoder.begin(seq);
  // The first row of a run holds its input in the first place.
  if (root && row.last_seq == 0) encoder.place(row.frame.input);
  for (const auto& record : records) encoder.add(record);
  for (const auto& record : storing.history) {
    LogEncoder::Beside beside;
    // A repeated verb is recognised by this record: it was the worker's complete, its fail, or not
    // its word at all.
    if (record.kind == Kind::task_failed) beside.note = storing.failed_by;
    if (record.kind == Kind::task_scheduled) beside.queue = storing.queue;
    if (&record == &storing.history.back()) beside.until = storing.until;
    encoder.add(record, beside);
  }
  if (storing.letter) encoder.add(*storing.letter);
  encoder.place(storing.body);
  for (const Doc& doc : storing.docs) encoder.place(doc);
  encoder.place(row.frame.input);
  encoder.place(row.frame.variables);
  encoder.place(row.frame.item.value);
  if (row.frame.input) row.input_ref = row.frame.input.ref();
  if (row.frame.variables) row.variables_ref = row.frame.variables.ref();
  if (row.frame.item.value) row.item_ref = row.frame.item.value.ref();
  if (storing.body) row.body_ref = storing.body.ref();
  if (storing.keep) {
    LogRecord kept;
    kept.record.kind = Kind::frame_kept;
    FrameRow as_it_stands = row;
    as_it_stands.last_seq = seq;
    as_it_stands.timeout_due = as_it_stands.run_timeout_due = as_it_stands.token_number = 0;
    as_it_stands.held_delay_us = as_it_stands.held_timeout_us = as_it_stands.held_run_timeout_us =
        0;
    as_it_stands.attempts = storing.attempts;
    as_it_stands.failures = storing.failures;
    as_it_stands.headers = storing.headers;
    as_it_stands.pending = {};
    as_it_stands.waiter = FrameId{};
    kept.kept_frame = encode(as_it_stands);
    encoder.add(kept);
  }
  // A rolled-back row stores nothing: its documents must be written again.
  for (const Doc& doc : encoder.placed()) undo.add([doc] { doc.set_ref({}); });
  const std::string& events = encoder.events();
  tx.run(sql::insert_log, seq, row.run, root ? std::nullopt : std::optional{row.frame.id},
         row.last_seq == 0 ? std::nullopt : std::optional{row.last_seq}, now().wall,
         storage::as_blob(events),
         encoder.docs().empty() ? std::nullopt : std::optional{storage::as_blob(encoder.docs())});
  row.last_seq = seq;
  count_stages(tx, row, records, storing.history);
  tally(counts.transitions);
}

// A hand-out's number is never given again, also not after a redrive from what is kept of the
// frame.
void Engine::Impl::note_fence(Live& live) {
  if (live.home.kind == Home::Kind::lease) live.row.fence = live.home.lease.key.fence;
  if (live.home.kind == Home::Kind::message) live.row.fence = live.home.message.fence;
}

void Engine::Impl::step(Transaction& tx, Live& live, const Event& event,
                        std::vector<LogRecord> before, std::string failures) {
  FrameRow& row = live.row;
  Version& version = catalog.version(row.version_id);
  const auto& machine = catalog.machine(tx, version);
  if (!row.frame.input) row.frame.input = load_doc(tx, row.input_ref);
  if (!row.frame.variables && row.variables_ref)
    row.frame.variables = load_doc(tx, row.variables_ref);
  if (version.uses_context && !row.frame.item.value && row.item_ref)
    row.frame.item.value = load_doc(tx, row.item_ref);
  note_fence(live);
  const std::int64_t seq = next_seq();
  RunFacts about = facts(tx, row, version);
  if (version.uses_context)
    about.task_token = tokens->make({TokenKind::callback, row.frame.id.value, seq, row.run});

  const std::uint32_t entries_before = row.frame.entries;
  row.token_number = 0;  // Its token ends with the state that waited for it.
  row.pending = {};
  // A run that is waited for no longer, because the time is up or by a person's word, is not left
  // alone.
  if (row.child_run && !std::holds_alternative<RunEnded>(event))
    follow_up({Followup::Kind::cancel_run, {}, 0, row.child_run});
  row.child_run = RunId{};
  leave_event(tx, row);
  leave_room_line(tx, row);
  leave_door(tx, row);
  const Now time = now();
  StepDoors doors(*this, tx, row);
  Effects effects = advance(machine, about, row.frame, event, time.wall, random.next(),
                            Limits{options.payload_bytes_max}, doors);

  std::string failed_by;
  if (std::holds_alternative<TaskSucceeded>(event)) failed_by = completed;
  if (!before.empty() && before.front().note == by_others)
    failed_by = std::exchange(before.front().note, {});
  std::int64_t attempts = 0;
  for (const auto& record : before) attempts = std::max(attempts, record.attempt);
  // A result that the state cannot use is a failed attempt, and part of its story.
  if (std::holds_alternative<TaskSucceeded>(event) && attempts > 0 && failures.empty())
    if (const auto failed_with = failure_of(effects)) {
      const auto stored = queues.stored(tx, MessageId{row.frame.id.value});
      failures =
          append_failure(stored ? stored->failures : row.failures, attempts, before.front().worker,
                         before.front().started_at, time.wall, *failed_with);
    }
  Storing storing;
  storing.history = effects.history;
  storing.failed_by = failed_by;
  if (const auto* wait = std::get_if<WaitUntil>(&effects.next)) storing.until = wait->at;
  const auto* finish_effect = std::get_if<Finish>(&effects.next);
  const bool failed = finish_effect != nullptr && finish_effect->end == End::failed;
  const bool child = static_cast<bool>(row.frame.parent);
  row.frame = std::move(effects.frame);

  // What it had spawned: kept for a redrive while nobody has handled the failure.
  std::int64_t spent_spawn = 0;
  const bool dead_letter = finish_effect != nullptr && finish_effect->dead_letter;
  const bool keeps_children = std::holds_alternative<ResumeChildren>(effects.next) ||
                              std::holds_alternative<AwaitGate>(effects.next) ||
                              std::holds_alternative<AwaitLock>(effects.next);
  if (row.spawned != 0 && !failed && !keeps_children) {
    spent_spawn = std::exchange(row.spawned, 0);
    row.plan.clear();
    row.stopping = {};
  }
  DeadLetterId letter;
  if (failed && dead_letter && !child) {
    letter = DeadLetterId{ids.next(time.wall)};
    LogRecord& dead = storing.letter.emplace();
    dead.record.kind = Kind::dead_lettered;
    dead.record.state = row.frame.state;
    dead.note = to_string(letter);
  }

  const auto* task_effect = std::get_if<ScheduleTask>(&effects.next);
  if (task_effect != nullptr) {
    storing.body = task_effect->body;
    storing.queue = task_effect->queue;
  }
  if (const auto* spawn = std::get_if<SpawnBranches>(&effects.next)) storing.docs = {spawn->input};
  if (const auto* spawn = std::get_if<SpawnItems>(&effects.next))
    storing.docs = {spawn->input, spawn->items, spawn->reader, spawn->batch_input, spawn->writer};
  if (const auto* publish = std::get_if<Publish>(&effects.next)) storing.docs = {publish->result};
  Doc there;  // an event that was published before the state waited for it
  if (const auto* await = std::get_if<AwaitEvent>(&effects.next))
    there = kept_event(tx, row, *await);
  if (there) storing.docs = {there};
  Doc result;  // a child's
  if (finish_effect != nullptr && child)
    result = failed ? error_doc(finish_effect->fault) : finish_effect->output;
  if (result) storing.docs.push_back(result);
  std::string headers;
  if (failed && dead_letter && live.home.kind != Home::Kind::frame)
    if (const auto stored = queues.stored(tx, MessageId{row.frame.id.value}))
      headers = stored->headers;
  storing.keep = failed || row.undoing.stage != Undoing::Stage::none;
  if (effects.completed.state != workflows::no_state) {
    storing.docs.push_back(effects.completed.input);
    storing.docs.push_back(effects.completed.output);
  }
  if (failed && child) {
    storing.attempts = attempts;
    storing.failures = failures;
    storing.headers = headers;
  }
  // Whatever comes next, an earlier stage's token is settled: its repetition is answered from the
  // log.
  row.token_number = waits_for_token(effects.next) ? seq : 0;
  if (task_effect == nullptr) row.heartbeat_us = 0;
  write_log(tx, row, before, seq, storing);
  if (effects.completed.state != workflows::no_state)
    note_completed(tx, row, effects.completed, seq);
  touched(row.run, finish_effect != nullptr && !child &&
                       row.undoing.stage == Undoing::Stage::none &&
                       (!failed || machine.on_failure == workflows::OnFailure::fail));
  if (spent_spawn != 0) forget_spawn(tx, spent_spawn);
  if (failed) joins.erase(row.spawned);

  if (const auto* task = task_effect) {
    schedule(tx, live, *task, row.frame.entries == entries_before, std::move(failures));
  } else if (finish_effect != nullptr && child) {
    child_ended(tx, live, *finish_effect, result);
  } else if (finish_effect != nullptr) {
    finish(tx, live, *finish_effect, letter, failures, attempts, headers);
  } else {
    drop_deadlines(tx, row);
    apply_next(tx, live, effects.next, std::move(there), seq);
  }
  follow(tx);
}

// What is no task on a queue and no end.
void Engine::Impl::apply_next(Transaction& tx, Live& live, const Next& next, Doc there,
                              std::int64_t seq) {
  FrameRow& row = live.row;
  const Now time = now();
  if (const auto* wait = std::get_if<WaitUntil>(&next)) {
    wait_as_frame(tx, live, WaitKind::delay, queue::Due{queue::ClockKind::wall, wait->at.us});
  } else if (const auto* again = std::get_if<RetryLater>(&next)) {
    wait_as_frame(tx, live, WaitKind::delay,
                  queue::Due{queue::ClockKind::engine, (time.engine + again->delay).us});
  } else if (std::holds_alternative<Continue>(next)) {
    wait_as_frame(tx, live, WaitKind::continuation,
                  queue::Due{queue::ClockKind::engine, time.engine.us});
  } else if (const auto* start = std::get_if<StartChildRun>(&next)) {
    start_child_run(tx, live, *start);
  } else if (const auto* publish = std::get_if<Publish>(&next)) {
    send_from_state(tx, live, *publish);
  } else if (std::holds_alternative<SpawnBranches>(next) ||
             std::holds_alternative<SpawnItems>(next)) {
    const auto* branches = std::get_if<SpawnBranches>(&next);
    row.spawned = seq;
    row.plan =
        encode(branches != nullptr ? plan_of(*branches) : plan_of(std::get<SpawnItems>(next)));
    row.stopping = {};
    wait_as_frame(tx, live, WaitKind::children, std::nullopt);
    look_at(join_of(tx, seq, row.frame.id));
  } else if (const auto* gate = std::get_if<AwaitGate>(&next)) {
    await_gate(tx, live, *gate);
  } else if (const auto* lock = std::get_if<AwaitLock>(&next)) {
    await_lock(tx, live, *lock);
  } else if (std::holds_alternative<ResumeChildren>(next)) {
    resume_children(tx, live);
  } else {
    const auto* await = std::get_if<AwaitEvent>(&next);
    SLUICE_CHECK(await != nullptr, "a Next that the engine knows");
    await_event(tx, live, *await, std::move(there), seq);
  }
}

// The time-outs of a task, from its scheduling on. `q`: where it waits; null: in no queue.
void Engine::Impl::limit_time(Transaction& tx, FrameRow& row, const TimeLimits& limits,
                              const queue::Queue* q) {
  const Now time = now();
  row.heartbeat_us = limits.heartbeat ? limits.heartbeat->us : 0;
  row.held_delay_us = row.held_timeout_us = 0;
  row.pause_base = 0;
  const bool paused = paused_runs.contains(row.run.value);
  if (limits.timeout) {
    const std::int64_t due = (time.engine + limits.delay + *limits.timeout).us;
    if (paused) {
      row.held_timeout_us = limits.timeout->us;
    } else {
      row.timeout_due = due;
      row.pause_base = pause_total(row, q);
      tx.run(sql::insert_deadline, due, row.frame.id, task_timeout);
      next_deadline = std::min(next_deadline, due);
    }
  }
  if (row.token_number != 0 &&
      row.heartbeat_us > 0) {  // Counted from scheduling; the message is only the call.
    const std::int64_t due = (time.engine + limits.delay + Duration{row.heartbeat_us}).us;
    tx.run(sql::insert_deadline, due, row.frame.id, heartbeat_timeout);
    next_deadline = std::min(next_deadline, due);
    beats[row.frame.id.value] = EngineTime{due};  // Not that of an earlier stage of the run.
  }
  if (paused) row.held_delay_us = limits.delay.us;
}

void Engine::Impl::schedule(Transaction& tx, Live& live, const ScheduleTask& task, bool same_entry,
                            std::string failures) {
  FrameRow& row = live.row;
  const Now time = now();
  queue::Queue& q = queues.get_or_make(tx, task.queue, time);
  drop_deadlines(tx, row);
  const std::int64_t attempts_so_far = std::exchange(row.attempts, 0);
  row.failures.clear();
  limit_time(tx, row, {task.delay, task.timeout, task.heartbeat}, &q);
  const bool paused = paused_runs.contains(row.run.value);

  queue::Put put;
  put.id = MessageId{row.frame.id.value};
  put.queue = q.id;
  put.lane = catalog.version(row.version_id).workflow->id.value;
  put.priority = task.priority.value_or(row.priority);
  put.body = task.body;
  put.body_ref = pack(task.body.ref());
  const std::string headers = headers_json(task.headers);
  put.headers = headers;
  if (task.delay.us > 0)
    put.due = queue::Due{queue::ClockKind::engine, (time.engine + task.delay).us};
  put.held = paused;
  if (same_entry) {
    put.attempt = live.home.kind == Home::Kind::lease     ? live.home.lease.attempt
                  : live.home.kind == Home::Kind::message ? live.home.message.attempt
                                                          : attempts_so_far;
    if (!failures.empty()) put.failures = failures;
  }
  put.same_work = same_entry;
  put.order_key = task.order_key;
  put.fence = row.fence;
  const std::string owner = encode(row);
  put.owner = owner;
  auto memo = std::make_shared<FrameMemo>(row);
  if (memo->row.frame.input && memo->row.frame.input.size_bytes() > memo_doc_bytes_max)
    memo->row.frame.input = Doc{};
  put.memo = std::move(memo);

  // Who has a message in this queue keeps its slot.
  const bool has_slot = live.home.kind == Home::Kind::lease     ? live.home.lease.queue == q.id
                        : live.home.kind == Home::Kind::message ? live.home.message.queue == q.id
                                                                : false;
  if (!has_slot && !queue::Queues::has_room(q)) {
    await_room(tx, live, q, put);
    return;
  }
  switch (live.home.kind) {
    case Home::Kind::lease:
      queues.move(tx, live.home.lease, put, time);
      return;
    case Home::Kind::message:
      queues.move_stored(tx, live.home.message, put, time);
      return;
    case Home::Kind::frame:
      tx.run(sql::delete_frame, row.frame.id);
      [[fallthrough]];
    case Home::Kind::none:
      queues.put(tx, put, time);
      return;
  }
}

void Engine::Impl::wait_as_frame(Transaction& tx, Live& live, WaitKind kind,
                                 std::optional<queue::Due> due) {
  FrameRow& row = live.row;
  const auto clock_number = due ? std::optional{static_cast<int>(due->clock)} : std::nullopt;
  const auto due_us = due ? std::optional{due->us} : std::nullopt;
  note_fence(live);
  const std::string data = encode(row);
  if (live.home.kind == Home::Kind::frame) {
    tx.run(sql::update_frame, row.frame.id, static_cast<int>(kind), now().wall, clock_number,
           due_us, storage::as_blob(data));
  } else {
    leave_home(tx, live);
    tx.run(sql::insert_frame, row.frame.id, static_cast<int>(kind), now().wall, clock_number,
           due_us, storage::as_blob(data));
  }
  if (due) {
    auto& next = due->clock == queue::ClockKind::wall ? next_frame_wall : next_frame_engine;
    next = std::min(next, due->us);
  }
}

void Engine::Impl::leave_home(Transaction& tx, Live& live) {
  switch (live.home.kind) {
    case Home::Kind::lease:
      queues.remove(tx, live.home.lease, now());
      break;
    case Home::Kind::message:
      queues.remove_stored(tx, live.home.message, now());
      break;
    case Home::Kind::frame:
      tx.run(sql::delete_frame, live.row.frame.id);
      break;
    case Home::Kind::none:
      break;
  }
  live.home.kind = Home::Kind::none;
}

void Engine::Impl::drop_deadlines(Transaction& tx, FrameRow& row) {
  if (row.timeout_due != 0)
    tx.run(sql::delete_deadline, row.timeout_due, row.frame.id, task_timeout);
  row.timeout_due = row.held_timeout_us = 0;
}

void Engine::Impl::tally(std::uint64_t& number) {
  undo.save_once(number);
  number += 1;
}

void Engine::Impl::end_run(Transaction& tx, const FrameRow& row, int status,
                           const std::optional<std::string>& error) {
  if (row.run_timeout_due != 0)
    tx.run(sql::delete_deadline, row.run_timeout_due, FrameId{row.run.value}, run_timeout);
  const auto changed = tx.run(sql::end_run, row.run, status, now().wall, row.last_seq, error);
  SLUICE_CHECK(changed == 1, "a run that is live to end");
  undo.save_once(live_runs);
  live_runs -= 1;
  schedules.run_ended(row.run);
  if (row.waiter) follow_up({Followup::Kind::run_ended, row.waiter, 0, row.run});
  if (paused_runs.erase(row.run.value) != 0)
    undo.add([this, run = row.run.value] { paused_runs.insert(run); });
}

void Engine::Impl::finish(Transaction& tx, Live& live, const Finish& finish, DeadLetterId letter,
                          const std::string& failures, std::int64_t attempts,
                          const std::string& headers) {
  FrameRow& row = live.row;
  drop_deadlines(tx, row);
  if (row.undoing.stage == Undoing::Stage::undoing) {
    stage_undone(tx, live, finish, letter, failures, attempts, headers);
    return;
  }
  if (letter) keep_place(tx, live, letter);
  leave_home(tx, live);
  if (finish.end == End::succeeded) {
    end_run(tx, row, 2, std::nullopt);
    tally(counts.runs_succeeded);
    return;
  }
  const auto then = after_failure(tx, row);
  if (then == workflows::OnFailure::fail) {
    end_run(tx, row, 3, finish.fault.error.value_or(""));
    touched(row.run, true);
  }
  tally(counts.runs_failed);
  if (letter) {
    // The failure may have come up from a child: the letter tells where it began.
    const FrameRow origin = origin_of(tx, row);
    const bool here = origin.frame.id == row.frame.id;
    const std::int64_t tried = here ? attempts : origin.attempts;
    add_dead_letter(tx, letter, origin, tried > 0 ? queue::DeadKind::stage : queue::DeadKind::state,
                    finish.fault, here ? failures : origin.failures, tried,
                    here ? headers : origin.headers);
  }
  if (then != workflows::OnFailure::fail) fail_otherwise(tx, live, then, finish.fault);
}

// Where a dead letter holds up its ordering key, its message's place is the letter's.
void Engine::Impl::keep_place(Transaction& tx, const Live& live, DeadLetterId letter) {
  if (live.home.kind != Home::Kind::lease && live.home.kind != Home::Kind::message) return;
  queues.leave_to_letter(
      tx,
      *queues.find(live.home.kind == Home::Kind::lease ? live.home.lease.queue
                                                       : live.home.message.queue),
      MessageId{live.row.frame.id.value}, letter);
}

void Engine::Impl::add_dead_letter(Transaction& tx, DeadLetterId id, const FrameRow& row,
                                   queue::DeadKind kind, const Fault& fault,
                                   const std::string& failures, std::int64_t attempts,
                                   std::string_view headers) {
  Version& version = catalog.version(row.version_id);
  const auto& machine = catalog.machine(tx, version);
  const Now time = now();
  queue::NewDeadLetter letter;
  letter.id = id;
  letter.kind = kind;
  letter.run = row.run;
  letter.frame = row.frame.id;
  letter.workflow = version.workflow->id;
  const workflows::State* state =
      row.frame.state == workflows::no_state ? nullptr : &machine.states[row.frame.state];
  if (state != nullptr) {
    letter.state = state->name;
    if (const auto* task = std::get_if<workflows::TaskState>(&state->body);
        task != nullptr && !task->resource.queue.empty())
      letter.queue = queues.get_or_make(tx, task->resource.queue, time).id;
  }
  const std::string error = fault.error.value_or(""), cause = fault.cause.value_or("");
  letter.error = error;
  letter.cause = cause;
  letter.attempts = attempts;
  letter.priority = row.priority;
  Doc body = kind == queue::DeadKind::stage && row.body_ref ? load_doc(tx, row.body_ref)
             : row.frame.input                              ? row.frame.input
                                                            : load_doc(tx, row.input_ref);
  letter.body = body.text();
  letter.headers = headers;
  letter.failures = failures;
  queues.add_dead_letter(tx, letter, time);
  count_dead(tx, letter);
}

std::int64_t Engine::Impl::pause_total(const FrameRow& row, const queue::Queue* q) {
  return pause_total(catalog.version(row.version_id).workflow->id.value, q);
}

std::int64_t Engine::Impl::pause_total(const Lease& lease) {
  return pause_total(lease.lane, queues.find(lease.queue));
}

std::int64_t Engine::Impl::pause_total(std::int64_t workflow_id, const queue::Queue* q) {
  const EngineTime time = now().engine;
  const Workflow* workflow = workflow_id == 0 ? nullptr : catalog.find(WorkflowId{workflow_id});
  std::int64_t total = workflow == nullptr ? 0 : Catalog::paused_for(*workflow, time).us;
  if (q != nullptr) total += queue::Queues::paused_for(*q, time).us;
  return total;
}

std::string headers_json(const std::vector<std::pair<std::string, std::string>>& headers) {
  if (headers.empty()) return {};
  Json object = Json::object();
  for (const auto& [name, value] : headers) object[name] = value;
  return to_text(object);
}

std::string append_failure(const std::string& failures, std::int64_t attempt,
                           std::string_view worker, WallTime started, WallTime ended,
                           const Fault& fault) {
  Json list = failures.empty() ? Json::array() : Json::parse(failures, nullptr, false);
  SLUICE_CHECK(list.is_array(), "a list of failures, as written");
  // The first attempt and the latest ones tell the story; the middle of a long one is left out.
  if (list.size() >= failures_kept_max) list.erase(list.begin() + 1);
  Json entry = Json::object();
  entry["attempt"] = attempt;
  entry["worker"] = std::string(worker);
  entry["started_at"] = to_rfc3339(started);
  entry["ended_at"] = to_rfc3339(ended);
  entry["error"] = fault.error.value_or("");
  entry["cause"] = fault.cause.value_or("");
  list.push_back(std::move(entry));
  return to_text(list);
}

}  // namespace sluice::orchestrator
