// What time does to messages: delays that end, bare messages that expire, memories that fade.
#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {

void Queues::note_due(const std::optional<Due>& due) {
  if (!due) return;
  auto& next = due->clock == ClockKind::wall ? next_wall_due_ : next_engine_due_;
  next = std::min(next, due->us);  // A rollback may leave it too early: one look in vain, no harm.
}

void Queues::refresh_due(Transaction& tx, ClockKind clock) {
  auto q = tx.query(sql::next_due, static_cast<int>(clock));
  auto& next = clock == ClockKind::wall ? next_wall_due_ : next_engine_due_;
  undo_.save(next);  // Rolled back, what was due is due again.
  next = q.step() && !q.is_null(0) ? q.int64(0) : INT64_MAX;
}

std::optional<WallTime> Queues::next_wall_due() const {
  const auto next = std::min(next_wall_due_, next_expiring_);
  if (next == INT64_MAX) return std::nullopt;
  return WallTime{next};
}

std::optional<EngineTime> Queues::next_engine_due() const {
  std::int64_t next = next_engine_due_;
  if (!token_wakes_.empty()) next = std::min(next, token_wakes_.begin()->first);
  if (next == INT64_MAX) return std::nullopt;
  return EngineTime{next};
}

bool Queues::wake_due(Transaction& tx, Now now, std::int64_t max) {
  struct Row {
    MessageId id;
    QueueId queue;
    std::int64_t lane;
    int priority;
  };
  bool more = false;
  wake_limited(now.engine);
  for (const auto clock : {ClockKind::wall, ClockKind::engine}) {
    const std::int64_t time = clock == ClockKind::wall ? now.wall.us : now.engine.us;
    if ((clock == ClockKind::wall ? next_wall_due_ : next_engine_due_) > time) continue;
    std::vector<Row> rows;
    for (auto q = tx.query(sql::due_messages, static_cast<int>(clock), time, max); q.step();)
      rows.push_back(
          {q.id<MessageTag>(0), q.id<QueueTag>(1), q.int64(2), static_cast<int>(q.int64(3))});
    for (const Row& row : rows) {
      Queue& q = *find(row.queue);
      const bool first = first_of_key(tx, q, row.id);
      tx.run(first ? sql::make_ready : sql::block_message, row.id,
             rank(q, row.priority, now.engine), now.wall);
      count_state(q, row.lane, State::delayed, -1);
      count_state(q, row.lane, first ? State::ready : State::blocked, 1);
      touch_line(q);
    }
    if (static_cast<std::int64_t>(rows.size()) == max) more = true;
    refresh_due(tx, clock);
  }
  return more;
}

std::vector<StoredMessage> Queues::expired(Transaction& tx, Now now, std::int64_t max) {
  std::vector<StoredMessage> gone;
  if (next_expiring_ > now.wall.us) return gone;
  std::vector<MessageId> ids;
  for (auto q = tx.query(sql::expired_messages, now.wall, max); q.step();)
    ids.push_back(q.id<MessageTag>(0));
  for (const auto id : ids) {
    auto message = stored(tx, id);
    // One that was claimed in time has not expired; it will not be asked again.
    if (message->state == State::leased)
      tx.run(sql::clear_expiry, id);
    else
      gone.push_back(std::move(*message));
  }
  auto q = tx.query(sql::next_expiring);
  undo_.save(next_expiring_);
  next_expiring_ = q.step() && !q.is_null(0) ? q.int64(0) : INT64_MAX;
  return gone;
}

void Queues::sweep(Transaction& tx, Now now) {
  constexpr std::int64_t step = 256;
  tx.run(sql::sweep_dedup, now.wall, step);
  sweep_replays(tx, now);
  std::int64_t last = 0, seen = 0;
  {
    auto q = tx.query(sql::sweep_settled_to, settled_cursor_, step);
    if (q.step()) {
      last = q.int64(0);
      seen = q.int64(1);
    }
  }
  if (seen == 0) {
    settled_cursor_ = 0;
    return;
  }
  tx.run(sql::sweep_settled, settled_cursor_, now.wall - seconds(600), step);
  settled_cursor_ = last;
}

}  // namespace sluice::queue
