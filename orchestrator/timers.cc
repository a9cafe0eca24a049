// What time does: waits that end, time-outs, heartbeats missed, leases and messages that run out.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int task_timeout = 1, heartbeat_timeout = 2, run_timeout = 3;
constexpr int status_timed_out = 4, status_compensated = 8;
constexpr Duration look_again = seconds(1);  // while something is paused

}  // namespace

void Engine::Impl::tick(Transaction& tx) {
  more_due = false;
  look_at_clock();
  const Duration steady = clock.steady_now();
  if (steady - disk_checked >= seconds(1) || disk_checked.us == 0) {
    disk_checked = steady;
    disk_low = database.disk_free_bytes() < options.disk_reserve_bytes;
  }
  check_sessions(tx);
  expire_leases(tx);
  if (queues.wake_due(tx, now(), ticks_step)) more_due = true;
  expire_messages(tx);
  fire_frames(tx);
  fire_deadlines(tx);
  tend_events(tx);
  fire_schedules(tx);
  tend_breakers(tx);
  tend_jobs(tx);
  if (spawns_spent) {
    spawns_spent = sweep_spawns(tx, ticks_step);
    more_due = more_due || spawns_spent;
  }
  mark_stages_in_time(tx);
  retain(tx);
  mark_time(tx);
  const EngineTime time = now().engine;
  if (time - swept_at >= seconds(10)) {
    swept_at = time;
    queues.sweep(tx, now());
    drop_old_letters(tx);
    if (event_lines.sweep(tx, now().wall, ticks_step)) more_due = true;
    tx.run(sql::sweep_idempotent, now().wall - seconds(86'400), ticks_step);
  }
}

void Engine::Impl::expire_leases(Transaction& tx) {
  const Now time = now();
  const auto keys = queues.past_deadline(time.engine, static_cast<std::size_t>(ticks_step));
  for (const auto& key : keys) {
    Lease* lease = queues.find_lease(key);
    if (lease == nullptr) continue;
    // Time stands still while the queue, the workflow or the run is paused.
    const bool run_paused =
        !lease->owner.empty() &&
        paused_runs.contains(decode_frame(FrameId{key.message.value}, lease->owner).run.value);
    const std::int64_t stood = pause_total(*lease) - lease->pause_base;
    if (run_paused || stood > 0) {
      // The row follows once time goes on; until then a restart grants a whole lease.
      const bool still =
          run_paused || queues.find(lease->queue)->paused || queues.lane_paused(lease->lane);
      queues.extend(tx, *lease, std::max(lease->until + Duration{stood}, time.engine + look_again),
                    !still);
      undo.save(lease->pause_base);
      lease->pause_base += stood;
      continue;
    }
    lose(tx, key, "its lease ran out");
  }
  if (keys.size() == static_cast<std::size_t>(ticks_step)) more_due = true;
}

void Engine::Impl::expire_messages(Transaction& tx) {
  const Now time = now();
  const auto expired = queues.expired(tx, time, ticks_step);
  for (const auto& message : expired) {
    const std::string body = message.body.value_or("null");
    queues.add_dead_letter(tx,
                           {.id = DeadLetterId{ids.next(time.wall)},
                            .kind = queue::DeadKind::queue,
                            .queue = message.queue,
                            .error = "States.Timeout",
                            .cause = "nobody claimed the message before it expired",
                            .attempts = message.attempt,
                            .priority = message.priority,
                            .body = body,
                            .headers = message.headers,
                            .failures = message.failures,
                            .message = message.id},
                           time);
    queues.remove_stored(tx, message, time);
  }
  if (static_cast<std::int64_t>(expired.size()) == ticks_step) more_due = true;
}

void Engine::Impl::fire_frames(Transaction& tx) {
  const Now time = now();
  for (const auto clock_kind : {queue::ClockKind::wall, queue::ClockKind::engine}) {
    const bool wall = clock_kind == queue::ClockKind::wall;
    const std::int64_t until = wall ? time.wall.us : time.engine.us;
    if ((wall ? next_frame_wall : next_frame_engine) > until) continue;
    std::vector<FrameId> due;
    for (auto q = tx.query(sql::due_frames, static_cast<int>(clock_kind), until, ticks_step);
         q.step();)
      due.push_back(q.id<FrameTag>(0));
    for (const FrameId id : due) {
      // One before it may have stopped it, or moved it on.
      Live live;
      WaitKind kind = WaitKind::delay;
      {
        auto q = tx.query(sql::find_frame, id);
        if (!q.step() || q.is_null(3) || q.int64(2) != static_cast<int>(clock_kind) ||
            q.int64(3) > until)
          continue;
        kind = static_cast<WaitKind>(q.int64(0));
        live.row = decode_frame(id, q.blob(4));
      }
      live.home.kind = Home::Kind::frame;
      // A paused run stands still until it is resumed; but one that is being ended is ended.
      if (paused_runs.contains(live.row.run.value) && live.row.stopping.run_status == 0) {
        tx.run(sql::put_off_frame, id, until + look_again.us);
        continue;
      }
      if (live.row.spawned != 0) {
        look_at(join_of(tx, live.row.spawned, id));
        follow(tx);
      } else if (live.row.pending.kind != Pending::Kind::none) {
        go_on(tx, live);
      } else if (live.row.room.queue != 0) {
        enter_queue(tx, live);
      } else if (live.row.frame.state != workflows::no_state && kind == WaitKind::continuation) {
        step(tx, live, Continued{}, {});
      } else if (live.row.frame.state == workflows::no_state) {  // not_before has come
        const auto& machine = catalog.machine(tx, catalog.version(live.row.version_id));
        if (machine.timeout_s) {
          live.row.run_timeout_due = (time.engine + seconds(*machine.timeout_s)).us;
          tx.run(sql::insert_deadline, live.row.run_timeout_due, id, run_timeout);
          next_deadline = std::min(next_deadline, live.row.run_timeout_due);
        }
        step(tx, live, Started{}, {});
      } else {
        step(tx, live, TimerDue{}, {});
      }
    }
    if (static_cast<std::int64_t>(due.size()) == ticks_step) more_due = true;
    auto q = tx.query(sql::next_frame_due, static_cast<int>(clock_kind));
    undo.save(wall ? next_frame_wall
                   : next_frame_engine);  // Rolled back, what was due is due again.
    (wall ? next_frame_wall : next_frame_engine) =
        q.step() && !q.is_null(0) ? q.int64(0) : INT64_MAX;
  }
}

void Engine::Impl::fire_deadlines(Transaction& tx) {
  const Now time = now();
  if (next_deadline > time.engine.us) return;
  struct Due {
    std::int64_t due;
    FrameId frame;
    int kind;
  };
  std::vector<Due> due;
  for (auto q = tx.query(sql::due_deadlines, time.engine, ticks_step); q.step();)
    due.push_back({q.int64(0), q.id<FrameTag>(1), static_cast<int>(q.int64(2))});
  for (const auto& d : due) {
    tx.run(sql::delete_deadline, d.due, d.frame, d.kind);
    auto live = load(tx, d.frame);
    if (!live) {
      if (d.kind == heartbeat_timeout) beats.erase(d.frame.value);
      continue;
    }
    FrameRow& row = live->row;
    const auto again = [&](std::int64_t when) {
      tx.run(sql::insert_deadline, when, d.frame, d.kind);
      return when;
    };
    if (d.kind == run_timeout) {
      if (row.run_timeout_due != d.due) continue;
      row.run_timeout_due = 0;
      if (row.undoing.stage == Undoing::Stage::held) {  // HoldSeconds
        begin_compensation(tx, *live, status_compensated, row.undoing.fault);
        continue;
      }
      end_from_outside(tx, *live, status_timed_out, {"States.Timeout", std::nullopt});
      continue;
    }
    // A worker that holds it may go on; its beat is asked for again when the run goes on.
    if (d.kind == heartbeat_timeout && paused_runs.contains(row.run.value) &&
        row.heartbeat_us != 0) {
      const EngineTime next = time.engine + std::max(look_again, Duration{row.heartbeat_us});
      beats[d.frame.value] = next;
      again(next.us);
      continue;
    }
    if (d.kind == heartbeat_timeout) {
      const auto beat = beats.find(d.frame.value);
      const bool in_hands = live->home.kind == Home::Kind::lease || row.token_number != 0;
      if (row.heartbeat_us == 0 || !in_hands) {
        if (beat != beats.end()) beats.erase(beat);
        continue;
      }
      // After a restart the last beat is not known: it counts from now.
      const EngineTime next =
          beat == beats.end() ? time.engine + Duration{row.heartbeat_us} : beat->second;
      beats[d.frame.value] = next;
      if (next > time.engine) {
        again(next.us);
        continue;
      }
      beats.erase(d.frame.value);
    } else {
      if (row.timeout_due != d.due) continue;
      const std::int64_t paused_since =
          pause_total(row, queues.find(live->home.message.queue)) - row.pause_base;
      if (paused_since > 0) {  // Time stood still for as long.
        row.timeout_due = again(std::max(d.due + paused_since, (time.engine + look_again).us));
        row.pause_base += paused_since;
        store_frame(tx, *live);
        continue;
      }
      row.timeout_due = 0;
    }
    if (row.door.kind != DoorWait::Kind::none) {
      step(tx, *live, FlowTimedOut{}, {});
      continue;
    }
    std::string worker;
    WallTime since = time.wall;
    std::int64_t fence = 0, attempt = live->home.kind == Home::Kind::frame
                                          ? std::max<std::int64_t>(1, row.attempts)
                                          : live->home.message.attempt;
    if (live->home.kind == Home::Kind::lease) {
      const Lease held_lease = live->home.lease;
      worker = held_lease.worker;
      since = held_lease.since;
      fence = held_lease.key.fence;
      attempt = held_lease.attempt;
      revoke(held_lease);
      if (Lease* lease = queues.find_lease(held_lease.key)) queues.mark_over(*lease);
    }
    TaskFailed failed;
    failed.timed_out = d.kind == task_timeout;
    failed.heartbeat = d.kind == heartbeat_timeout;
    fail_stage(tx, std::move(*live), failed, worker, since, attempt, fence);
  }
  if (static_cast<std::int64_t>(due.size()) == ticks_step) more_due = true;
  auto q = tx.query(sql::next_deadline);
  undo.save(next_deadline);
  next_deadline = q.step() && !q.is_null(0) ? q.int64(0) : INT64_MAX;
}

// Engine time stands still while the server is down: it goes on from the last mark, which is at
// most a second old while anything is measured by it.
void Engine::Impl::mark_time(Transaction& tx) {
  const EngineTime time = now().engine;
  if (time - time_marked < seconds(1)) return;
  tx.run(sql::put_meta, "engine_time_us", time);
  undo.save(time_marked.us);
  time_marked = time;
}

// When something falls due, as far as the clocks go on as they do now.
std::optional<Duration> Engine::Impl::next_due() {
  const Duration steady = clock.steady_now();
  if (more_due || queues.has_dirty() || queues.has_roomy() || !locks.due().empty() ||
      !counters.due().empty())
    return steady;
  const Now time = read_clock();
  std::optional<Duration> next;
  const auto at = [&](Duration when) {
    if (!next || when < *next) next = when;
  };
  const auto at_engine = [&](std::int64_t us) {
    if (us != INT64_MAX) at(steady_of(EngineTime{us}));
  };
  const auto at_wall = [&](std::int64_t us) {
    if (us != INT64_MAX) at(steady + (WallTime{us} - time.wall));
  };
  at_engine(next_frame_engine);
  at_engine(next_deadline);
  at_engine(jobs.next_due());
  at_wall(next_frame_wall);
  if (const auto due = queues.next_engine_due()) at_engine(due->us);
  if (const auto due = breakers.next_probe()) at_engine(due->us);
  if (const auto due = queues.next_wall_due()) at_wall(due->us);
  if (const auto due = schedules.first(); due && !disk_low) at_wall(due->first.us);
  if (const auto due = queues.first_deadline()) at_engine(due->us);
  if (!waiting_until.empty()) at(waiting_until.begin()->first);
  return next;
}

std::optional<Duration> Engine::Impl::next_wake() {
  std::optional<Duration> next = next_due();
  const auto at = [&](Duration when) {
    if (!next || when < *next) next = when;
  };
  // Looked at again within the minute in any case: the wall clock may be set.
  if (next_frame_wall != INT64_MAX || queues.next_wall_due() || schedules.first())
    at(clock.steady_now() + seconds(60));
  at(steady_of(EngineTime{retention.next_us}));
  if (session_count > 0)
    at(sessions_checked + (detached_count > 0 ? milliseconds(250) : seconds(1)));
  // While something is measured by engine time, its mark is kept fresh.
  if (!queues.leases().empty() || next_deadline != INT64_MAX || next_frame_engine != INT64_MAX ||
      queues.next_engine_due() || breakers.next_probe())
    at(steady_of(time_marked + seconds(1)));
  return next;
}

}  // namespace sluice::orchestrator
