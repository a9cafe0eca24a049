// The verbs of a task: complete, fail, heartbeat, release; and losing one.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

Error stale() {
  return make_error(Errc::stale_token,
                    "this token is no longer the holder's: the lease ran out, the task was handed "
                    "to another worker, or the "
                    "run has moved on. Drop the task; its work is not lost.");
}

bool reserved_name(std::string_view name) {
  return name.starts_with("States.") || name.starts_with("Sluice.");
}

}  // namespace

LogRecord Engine::Impl::started_record(const Lease& lease) {
  LogRecord record;
  record.record.kind = Kind::task_started;
  record.fence = lease.key.fence;
  record.attempt = lease.attempt;
  record.worker = lease.worker;
  record.started_at = lease.since;
  return record;
}

Live Engine::Impl::live_of(Transaction& tx, const Lease& lease) {
  Live live;
  if (const auto* memo = memo_of(lease))
    live.row = memo->row;
  else
    live.row = decode_frame(FrameId{lease.key.message.value}, lease.owner);
  live.home.kind = Home::Kind::lease;
  live.home.lease = lease;
  if (!live.row.frame.input && live.row.input_ref)
    live.row.frame.input = load_doc(tx, live.row.input_ref);
  return live;
}

// Whether the verb is a repetition of one that took effect. The answer is in the log: the
// hand-out's fence stands in the row that ended it. Fences grow, so the walk back ends where they
// are smaller.
bool Engine::Impl::took_effect(Reader& reader, const TaskToken& token, queue::Verb verb) {
  if (!token.run) {
    const auto settled = queues.find_settled(reader, {MessageId{token.id}, token.number});
    return settled == verb;
  }
  std::int64_t seq = 0;
  if (const auto live = load(reader, FrameId{token.id})) {
    seq = live->row.last_seq;
  } else if (token.run.value != token.id) {
    auto q = reader.query(sql::last_log_of_child, token.run, FrameId{token.id});
    if (!q.step() || q.is_null(0)) return false;
    seq = q.int64(0);
  } else {
    auto q = reader.query(sql::run_facts, token.run);
    if (!q.step() || q.is_null(7)) return false;
    seq = q.int64(7);
  }
  for (int walked = 0; seq != 0 && walked < repeat_walk_max; ++walked) {
    auto q = reader.query(sql::find_log, seq);
    if (!q.step()) return false;
    bool here = false;
    for (const auto& record : decode_events(seq, q.blob(4))) {
      if (token.kind == TokenKind::callback) {
        if (record.note == "callback " + std::to_string(token.number)) here = true;
      } else if (record.fence != 0) {
        if (record.fence < token.number) return false;
        here = record.fence == token.number;
      }
      if (!here) continue;
      if (record.record.kind == Kind::task_succeeded) return verb == queue::Verb::complete;
      if (record.record.kind == Kind::task_failed)
        return record.note.empty() ? verb == queue::Verb::fail
                                   : record.note == completed && verb == queue::Verb::complete;
      if (record.record.kind == Kind::task_released)
        return verb == queue::Verb::release && record.note.empty();
      if (record.record.kind == Kind::task_timed_out) return false;
    }
    if (token.kind == TokenKind::callback && seq <= token.number) return false;
    seq = q.is_null(2) ? 0 : q.int64(2);
  }
  return false;
}

Result<Held> Engine::Impl::held(Transaction& tx, const std::string& token, queue::Verb verb,
                                std::optional<TaskToken>& parsed) {
  parsed = tokens->read(token);
  if (!parsed)
    return make_error(
        Errc::stale_token,
        "this is not a token of this server: send the one that came with the task, unchanged");
  if (parsed->kind == TokenKind::callback) return Held{};
  const LeaseKey key{MessageId{parsed->id}, parsed->number};
  Lease* lease = queues.find_lease(key);
  if (lease != nullptr && !lease->over) {
    if (parsed->run && parsed->run.value != parsed->id && doomed(tx, live_of(tx, *lease).row))
      return stale();
    return Held{lease, false};
  }
  // It is over, but the worker had it in hand until now.
  if (lease != nullptr) queues.returned(*lease);
  if (took_effect(tx, *parsed, verb)) return Held{nullptr, true};
  return stale();
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const CompleteTask& c) {
  std::optional<TaskToken> token;
  const auto found = held(tx, c.token, queue::Verb::complete, token);
  if (!found) return found.error();
  if (found->repeated) return Unit{};
  if (c.output.size_bytes() > options.payload_bytes_max && !token->run)
    return make_error(Errc::too_large, "the output is larger than the payload limit");
  if (token->kind == TokenKind::callback)
    return settle_callback(tx, *token, TaskSucceeded{c.output}, queue::Verb::complete);

  Lease& lease = *found->lease;
  queue::Queue& q = *queues.find(lease.queue);
  undo.save_once(q.acknowledged);
  q.acknowledged += 1;
  attempt_succeeded(tx, q);
  if (lease.owner.empty()) {
    queues.remember_settled(tx, lease.key, queue::Verb::complete, now());
    queues.remove(tx, lease, now());
    return Unit{};
  }
  Live live = live_of(tx, lease);
  if (live.row.token_number !=
      0) {  // The message was only the call; success or failure comes by token.
    std::vector<LogRecord> records{started_record(lease)};
    LogRecord done;
    done.record.kind = Kind::task_succeeded;
    done.record.state = live.row.frame.state;
    done.note = "submitted";
    records.push_back(std::move(done));
    write_log(tx, live.row, records, next_seq());
    // The message goes; what it knew of the attempts stays with the frame.
    live.row.attempts = lease.attempt;
    if (const auto stored = queues.stored(tx, lease.key.message))
      live.row.failures = stored->failures;
    wait_as_frame(tx, live, WaitKind::token, std::nullopt);
    touched(live.row.run, false);
    return Unit{};
  }
  step(tx, live, TaskSucceeded{c.output}, {started_record(lease)});
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const FailTask& c) {
  if (c.error && reserved_name(*c.error)) {
    Error error =
        make_error(Errc::invalid_argument,
                   "error names that begin with \"States.\" or \"Sluice.\" are the service's own");
    error.problems.push_back(
        {"/error", "found \"" + *c.error +
                       "\"; expected a name of the worker's own, such as \"Payment.Declined\""});
    return error;
  }
  std::optional<TaskToken> token;
  const auto found = held(tx, c.token, queue::Verb::fail, token);
  if (!found) return found.error();
  if (found->repeated) return Unit{};
  const TaskFailed failed{{c.error, c.cause}};
  if (token->kind == TokenKind::callback)
    return settle_callback(tx, *token, failed, queue::Verb::fail);

  Lease& lease = *found->lease;
  queue::Queue& q = *queues.find(lease.queue);
  undo.save(q.failed);
  q.failed += 1;
  if (!lease.owner.empty()) {
    fail_stage(tx, live_of(tx, lease), failed, lease.worker, lease.since, lease.attempt,
               lease.key.fence, /*by_worker=*/true);
    return Unit{};
  }
  // A bare message: a delivery used up.
  attempt_failed(tx, q, 0, failed.fault);
  const auto stored = queues.stored(tx, lease.key.message);
  const Now time = now();
  const std::string failures = append_failure(stored->failures, lease.attempt, lease.worker,
                                              lease.since, time.wall, failed.fault);
  queues.remember_settled(tx, lease.key, queue::Verb::fail, time);
  if (lease.lost + 1 < q.settings.deliveries_max && !q.settings.at_most_once) {
    std::optional<queue::Due> due;
    if (c.delay && c.delay->us > 0)
      due = queue::Due{queue::ClockKind::engine, (time.engine + *c.delay).us};
    queues.give_back(tx, lease, due, lease.lost + 1, failures, false, time);
    return Unit{};
  }
  const std::string error = c.error.value_or(""), cause = c.cause.value_or("");
  queues.add_dead_letter(
      tx,
      {.id = DeadLetterId{ids.next(time.wall)},
       .kind = queue::DeadKind::queue,
       .queue = lease.queue,
       .error = error,
       .cause = cause,
       .attempts = lease.attempt,
       .priority = lease.priority,
       .body = stored->body ? std::string_view{*stored->body} : std::string_view{"null"},
       .headers = stored->headers,
       .failures = failures,
       .message = lease.key.message},
      time);
  queues.remove(tx, lease, time);
  return Unit{};
}

void Engine::Impl::fail_stage(Transaction& tx, Live live, const TaskFailed& failed,
                              const std::string& worker, WallTime since, std::int64_t attempt,
                              std::int64_t fence, bool by_worker) {
  const auto stored = queues.stored(tx, MessageId{live.row.frame.id.value});
  Fault fault = failed.fault;
  if (failed.timed_out) fault.error = "States.Timeout";
  if (failed.heartbeat) fault.error = "States.HeartbeatTimeout";
  std::string failures = append_failure(stored ? stored->failures : live.row.failures, attempt,
                                        worker, since, now().wall, fault);
  std::vector<LogRecord> before;
  if (fence != 0) {
    LogRecord started;
    started.record.kind = Kind::task_started;
    started.fence = fence;
    started.attempt = attempt;
    started.worker = worker;
    started.started_at = since;
    if (!by_worker) started.note = by_others;
    before.push_back(std::move(started));
  }
  queue::Queue* q = nullptr;
  if (live.home.kind == Home::Kind::lease) q = queues.find(live.home.lease.queue);
  if (live.home.kind == Home::Kind::message) q = queues.find(live.home.message.queue);
  if (q != nullptr && q->settings.breaker)
    attempt_failed(tx, *q, catalog.version(live.row.version_id).workflow->id.value, fault);
  step(tx, live, failed, std::move(before), std::move(failures));
}

Result<HeartbeatTask::Reply> Engine::Impl::apply(Transaction& tx, const HeartbeatTask& c) {
  const auto token = tokens->read(c.token);
  if (!token)
    return make_error(
        Errc::stale_token,
        "this is not a token of this server: send the one that came with the task, unchanged");
  const Now time = now();
  if (token->kind == TokenKind::callback) {
    const auto live = load(tx, FrameId{token->id});
    if (!live || live->row.token_number != token->number) return stale();
    if (live->row.heartbeat_us > 0) {
      beats[live->row.frame.id.value] = time.engine + Duration{live->row.heartbeat_us};
      return HeartbeatTask::Reply{time.wall + Duration{live->row.heartbeat_us}};
    }
    return HeartbeatTask::Reply{time.wall};
  }
  Lease* lease = queues.find_lease({MessageId{token->id}, token->number});
  if (lease == nullptr || lease->over) return stale();
  const Duration length = c.lease.value_or(lease->length);
  const EngineTime until = std::max(lease->until, time.engine + length);
  queues.extend(tx, *lease, until, true);
  if (!lease->owner.empty()) {
    const auto* memo = memo_of(*lease);
    const std::int64_t beat = memo != nullptr
                                  ? memo->row.heartbeat_us
                                  : decode_frame(FrameId{token->id}, lease->owner).heartbeat_us;
    if (beat > 0) beats[token->id] = time.engine + Duration{beat};
  }
  return HeartbeatTask::Reply{time.wall + (until - time.engine)};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const ReleaseTask& c) {
  std::optional<TaskToken> token;
  const auto found = held(tx, c.token, queue::Verb::release, token);
  if (!found) return found.error();
  if (found->repeated) return Unit{};
  if (token->kind == TokenKind::callback) {
    const auto live = load(tx, FrameId{token->id});
    if (!live || live->row.token_number != token->number) return stale();
    return make_error(Errc::conflict,
                      "a .waitForTaskToken token cannot be released: complete or fail it");
  }
  Lease& lease = *found->lease;
  const Now time = now();
  std::optional<queue::Due> due;
  if (c.delay.us > 0) due = queue::Due{queue::ClockKind::engine, (time.engine + c.delay).us};
  const auto stored = queues.stored(tx, lease.key.message);
  const std::optional<std::string> failures =
      stored->failures.empty() ? std::nullopt : std::optional{stored->failures};
  if (lease.owner.empty()) {
    queues.remember_settled(tx, lease.key, queue::Verb::release, time);
    queues.give_back(tx, lease, due, lease.lost, failures, false, time);
    return Unit{};
  }
  Live live = live_of(tx, lease);
  LogRecord released;
  released.record.kind = Kind::task_released;
  released.record.state = live.row.frame.state;
  std::vector<LogRecord> records{started_record(lease), std::move(released)};
  write_log(tx, live.row, records, next_seq());
  live.row.fence = lease.key.fence;
  tx.run(sql::set_message_owner, lease.key.message, storage::as_blob(encode(live.row)));
  queues.give_back(tx, lease, due, lease.lost, failures, paused_runs.contains(live.row.run.value),
                   time);
  touched(live.row.run, false);
  return Unit{};
}

Result<Unit> Engine::Impl::settle_callback(Transaction& tx, const TaskToken& token,
                                           const Event& event, queue::Verb verb) {
  auto live = load(tx, FrameId{token.id});
  if (!live || live->row.token_number != token.number) {
    if (took_effect(tx, token, verb)) return Unit{};
    return stale();
  }
  if (live->row.frame.parent && doomed(tx, live->row)) return stale();
  std::vector<LogRecord> before;
  LogRecord mark;
  mark.record.kind = Kind::task_started;
  mark.note = "callback " + std::to_string(token.number);
  if (live->home.kind == Home::Kind::lease) {
    const Lease& lease = live->home.lease;
    mark.fence = lease.key.fence;
    mark.attempt = lease.attempt;
    mark.worker = lease.worker;
    mark.started_at = lease.since;
  }
  before.push_back(std::move(mark));
  std::string failures;
  if (const auto* failed = std::get_if<TaskFailed>(&event)) {
    const auto stored = queues.stored(tx, MessageId{token.id});
    const Lease& lease = live->home.lease;
    const bool in_hands = live->home.kind == Home::Kind::lease;
    failures =
        append_failure(stored ? stored->failures : live->row.failures,
                       in_hands ? lease.attempt : std::max<std::int64_t>(1, live->row.attempts),
                       in_hands ? lease.worker : "", in_hands ? lease.since : live->home.since,
                       now().wall, failed->fault);
  }
  step(tx, *live, event, std::move(before), std::move(failures));
  return Unit{};
}

void Engine::Impl::lose(Transaction& tx, const LeaseKey& key, std::string_view why) {
  Lease* lease = queues.find_lease(key);
  if (lease == nullptr || lease->over) return;
  const Now time = now();
  queue::Queue& q = *queues.find(lease->queue);
  undo.save(q.redelivered);
  q.redelivered += 1;
  revoke(*lease);
  const std::int64_t lost = lease->lost + 1;
  const bool once = q.settings.at_most_once;
  const Lease copy = *lease;
  queues.mark_over(*lease);
  if (once || lost >= q.settings.deliveries_max) {
    Fault fault{once ? "Sluice.DeliveryLost" : "Sluice.DeliveriesExhausted",
                once ? "the worker's lease was lost (" + std::string(why) +
                           ") and the queue hands out at most once"
                     : "handed out " + std::to_string(lost) +
                           " times and lost each time; the last: " + std::string(why)};
    if (!copy.owner.empty()) {
      fail_stage(tx, live_of(tx, copy), TaskFailed{fault}, copy.worker, copy.since, copy.attempt,
                 copy.key.fence);
      return;
    }
    const auto stored = queues.stored(tx, key.message);
    const std::string failures =
        append_failure(stored->failures, copy.attempt, copy.worker, copy.since, time.wall, fault);
    queues.add_dead_letter(
        tx,
        {.id = DeadLetterId{ids.next(time.wall)},
         .kind = queue::DeadKind::queue,
         .queue = copy.queue,
         .error = *fault.error,
         .cause = *fault.cause,
         .attempts = copy.attempt,
         .priority = copy.priority,
         .body = stored->body ? std::string_view{*stored->body} : std::string_view{"null"},
         .headers = stored->headers,
         .failures = failures,
         .message = key.message},
        time);
    queues.remove(tx, copy, time);
    return;
  }
  const auto stored = queues.stored(tx, key.message);
  const std::string failures =
      append_failure(stored->failures, copy.attempt, copy.worker, copy.since, time.wall,
                     Fault{"Sluice.LeaseLost", std::string(why)});
  bool hold = false;
  if (!copy.owner.empty()) {
    Live live = live_of(tx, copy);
    LogRecord gone;
    gone.record.kind = Kind::task_released;
    gone.record.state = live.row.frame.state;
    gone.note = "lost: " + std::string(why);
    write_log(tx, live.row, {started_record(copy), std::move(gone)}, next_seq());
    tx.run(sql::set_message_owner, key.message, storage::as_blob(encode(live.row)));
    hold = paused_runs.contains(live.row.run.value);
    touched(live.row.run, false);
  }
  queues.give_back(tx, copy, std::nullopt, lost, failures, hold, time);
}

}  // namespace sluice::orchestrator
