// Stages on queues that are full: their frames wait for room, or fail.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int admitted_max = 256;  // let in with one batch

Fault queue_full(const queue::Queue& q) {
  return {"Sluice.QueueFull", "The queue \"" + q.name + "\" is full: it holds its Capacity of " +
                                  std::to_string(q.settings.capacity) + " messages."};
}

}  // namespace

Error full_queue(const queue::Queue& q) {
  return make_error(Errc::overloaded, queue_full(q).cause.value_or("") + " Send again later.");
}

// The stage's message has no room in the queue. Its frame stands in the line for it, or fails; a
// retry that is yet to come is asked again when its time has come.
void Engine::Impl::await_room(Transaction& tx, Live& live, queue::Queue& q, const queue::Put& put) {
  FrameRow& row = live.row;
  row.room = {q.id.value, 0, put.due ? put.due->us : 0, put.priority, std::string(put.order_key)};
  row.headers = put.headers;
  row.attempts = put.attempt;
  row.failures = put.failures.value_or("");
  if (!q.settings.rejects) {
    row.room.place = queues.wait_for_room(tx, q, row.frame.id.value, now());
    wait_as_frame(tx, live, WaitKind::capacity, std::nullopt);
    return;
  }
  if (put.due) {
    wait_as_frame(tx, live, WaitKind::delay, put.due);
    return;
  }
  refuse_room(tx, live, q);
}

void Engine::Impl::refuse_room(Transaction& tx, Live& live, const queue::Queue& q) {
  live.row.room = {};
  live.row.headers.clear();
  Pending pending;
  pending.kind = Pending::Kind::failed;
  pending.fault = queue_full(q);
  live.row.token_number = 0;
  go_on_later(tx, live, std::move(pending));
}

// The frame's turn has come, or the time of its retry: its message is put into the queue.
void Engine::Impl::enter_queue(Transaction& tx, Live& live) {
  FrameRow& row = live.row;
  const Now time = now();
  queue::Queue& q = *queues.find(QueueId{row.room.queue});
  if (row.room.place == 0 && !queues.has_room(q)) {
    refuse_room(tx, live, q);
    return;
  }
  const RoomWait room = std::exchange(row.room, {});
  const std::string headers = std::exchange(row.headers, {});
  const std::string failures = std::exchange(row.failures, {});
  queue::Put put;
  put.attempt = std::exchange(row.attempts, 0);
  put.id = MessageId{row.frame.id.value};
  put.queue = q.id;
  put.lane = catalog.version(row.version_id).workflow->id.value;
  put.priority = room.priority;
  put.body_ref = pack(row.body_ref);
  put.headers = headers;
  if (room.due > time.engine.us) put.due = queue::Due{queue::ClockKind::engine, room.due};
  put.held = paused_runs.contains(row.run.value);
  if (put.held && put.due) row.held_delay_us = room.due - time.engine.us;
  if (!failures.empty()) put.failures = failures;
  put.fence = row.fence;
  put.order_key = room.order_key;
  const std::string owner = encode(row);
  put.owner = owner;
  put.memo = std::make_shared<FrameMemo>(row);
  tx.run(sql::delete_frame, row.frame.id);
  queues.put(tx, put, time);
}

void Engine::Impl::leave_room_line(Transaction& tx, FrameRow& row) {
  if (row.room.queue == 0) return;
  if (row.room.place != 0)
    queues.leave_room_line(tx, *queues.find(QueueId{row.room.queue}), row.room.place);
  row.room = {};
  row.headers.clear();
}

// Lets those in whose turn it is; before the batch's hand-outs.
void Engine::Impl::admit(Transaction& tx) {
  int budget = admitted_max;
  for (const QueueId id : queues.take_roomy()) {
    queue::Queue* q = queues.find(id);
    if (q == nullptr) continue;
    while (const auto next = queues.next_for_room(tx, *q)) {
      if (--budget < 0) {
        queues.touch_room(*q);
        break;
      }
      auto live = load(tx, FrameId{next->who});
      SLUICE_CHECK(live.has_value() && live->row.room.place == next->place,
                   "a frame that waits for room");
      queues.leave_room_line(tx, *q, next->place);
      enter_queue(tx, *live);
    }
  }
}

// A start is refused while too many wait for room in a queue of the workflow.
Status Engine::Impl::check_pressure(const workflows::Machine& machine) {
  if (queues.waiting() == 0) return ok();
  for (const auto& name : machine.stage_queues) {
    const queue::Queue* q = queues.find(name);
    if (q != nullptr && q->waiting > q->settings.waiting_max)
      return make_error(Errc::overloaded,
                        "queue \"" + name + "\" is full and " + std::to_string(q->waiting) +
                            " stages wait for room in it, more than its MaxWaiting of " +
                            std::to_string(q->settings.waiting_max) + "; start again later");
  }
  return ok();
}

}  // namespace sluice::orchestrator
