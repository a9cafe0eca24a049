// Queues of a bounded depth, and the lines of those who wait for room in one.
//
// Who waits is an opaque number, the owner's. The line is first come, first served; while somebody
// stands in it nobody else is let in. When room appears the queue is among take_roomy(), and the
// owner of the line lets the first ones in with the same transaction.
#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {

// What is set aside keeps its slot: it comes back.
std::int64_t Queues::depth(const Queue& q) {
  return q.ready + q.delayed + q.blocked + q.leased + q.held;
}

bool Queues::has_room(const Queue& q, std::int64_t messages) {
  return q.settings.capacity == 0 || (q.waiting == 0 && depth(q) + messages <= q.settings.capacity);
}

std::int64_t Queues::wait_for_room(Transaction& tx, Queue& q, std::int64_t who, Now now) {
  const std::int64_t place = next_place(now.engine);
  tx.run(sql::join_room_line, q.id, place, who);
  count(q.waiting, 1);
  count(waiting_, 1);
  touch(q);
  return place;
}

void Queues::leave_room_line(Transaction& tx, Queue& q, std::int64_t place) {
  const auto gone = tx.run(sql::leave_room_line, q.id, place);
  SLUICE_CHECK(gone == 1, "a place in the line for room");
  count(q.waiting, -1);
  count(waiting_, -1);
  touch(q);  // It leaves no room: had there been some, it would have been let in.
}

std::optional<Queues::RoomWaiter> Queues::next_for_room(Transaction& tx, Queue& q) {
  if (q.waiting == 0) return std::nullopt;
  if (q.settings.capacity != 0 && depth(q) >= q.settings.capacity) return std::nullopt;
  auto first = tx.query(sql::first_for_room, q.id);
  SLUICE_CHECK(first.step(), "as many in the line for room as counted");
  return RoomWaiter{first.int64(0), first.int64(1)};
}

void Queues::touch_room(Queue& q) {
  if (q.waiting == 0 || q.roomy) return;
  q.roomy = true;
  roomy_.push_back(q.id);
}

std::vector<QueueId> Queues::take_roomy() {
  if (roomy_.empty()) return {};
  auto taken = std::exchange(roomy_, {});
  // Undone last: by then everybody stands in line again.
  undo_.add([this, taken] {
    for (const QueueId id : taken)
      if (Queue* q = find(id)) touch_room(*q);
  });
  for (const QueueId id : taken)
    if (Queue* q = find(id)) q->roomy = false;
  return taken;
}

}  // namespace sluice::queue
