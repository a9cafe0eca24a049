// Ordering keys: the messages of one key go one at a time, in the order in which they came.
//
// Each has a place in the line of its queue and key, from its sending to its end: through
// hand-outs, back-off and every wait. Only the first of a line may become ready; whoever ends it
// lets the next through in the same transaction. A queue without keyed messages runs no statement
// of this file.
#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {
namespace {

struct Place {
  QueueId queue;
  std::string key;
  std::int64_t place = 0;
};

std::optional<Place> place_of(Reader& reader, const storage::Sql& statement, std::int64_t id) {
  auto q = reader.query(statement, id);
  if (!q.step()) return std::nullopt;
  return Place{q.id<QueueTag>(0), std::string(q.text(1)), q.int64(2)};
}

bool is_first(Reader& reader, const Place& place) {
  return !reader.query(sql::before_in_line, place.queue, place.key, place.place).step();
}

}  // namespace

// A place in the line of the key: at its end, or where the same work or its dead letter stood.
State Queues::enter_line(Transaction& tx, Queue& q, const Put& put, Now now) {
  std::optional<Place> kept;
  if (put.replay_of)
    kept = place_of(tx, sql::place_of_letter, put.replay_of.value);
  else if (!put.owner.empty())
    kept = place_of(tx, sql::kept_place_of, put.id.value);
  if (kept && kept->queue == q.id && kept->key == put.order_key) {
    tx.run(sql::take_place, q.id, kept->key, kept->place, put.id);
    return is_first(tx, *kept) ? State::ready : State::blocked;
  }
  if (kept) {
    Queue& other = *find(kept->queue);
    tx.run(sql::delete_place, other.id, kept->key, kept->place);
    count(other.keyed, -1);
    let_next_through(tx, other, kept->key, kept->place, now);
  }
  const Place place{q.id, std::string(put.order_key), next_place(now.engine)};
  tx.run(sql::insert_place, q.id, place.key, place.place, put.id);
  count(q.keyed, 1);
  return is_first(tx, place) ? State::ready : State::blocked;
}

void Queues::leave_line(Transaction& tx, Queue& q, MessageId id, Now now) {
  if (q.keyed == 0) return;
  const auto place = place_of(tx, sql::place_of_message, id.value);
  if (!place) return;
  tx.run(sql::delete_place, q.id, place->key, place->place);
  count(q.keyed, -1);
  let_next_through(tx, q, place->key, place->place, now);
}

// `place` of the key's line is free.
void Queues::let_next_through(Transaction& tx, Queue& q, const std::string& key, std::int64_t place,
                              Now now) {
  MessageId next;
  std::int64_t next_lane = 0;
  {
    auto first = tx.query(sql::first_in_line, q.id, key);
    if (!first.step() || first.int64(1) < place || first.is_null(2) ||
        static_cast<State>(first.int64(2)) != State::blocked)
      return;
    next = first.id<MessageTag>(0);
    next_lane = first.int64(3);
  }
  // It keeps its rank: who has waited behind its key is not behind who came later.
  tx.run(sql::unblock_message, next, now.wall);
  count_state(q, next_lane, State::blocked, -1);
  count_state(q, next_lane, State::ready, 1);
  touch_line(q);
}

// Its own place is given up or kept, and the one of its next work is taken.
State Queues::move_in_line(Transaction& tx, Queue& old, Queue& q, const Put& put, Now now) {
  if (old.keyed != 0) {
    const auto place = place_of(tx, sql::place_of_message, put.id.value);
    if (place && put.same_work && &old == &q && place->key == put.order_key)
      return is_first(tx, *place) ? State::ready : State::blocked;
    if (place) {
      tx.run(sql::delete_place, old.id, place->key, place->place);
      count(old.keyed, -1);
      let_next_through(tx, old, place->key, place->place, now);
    }
  }
  return put.order_key.empty() ? State::ready : enter_line(tx, q, put, now);
}

bool Queues::first_of_key(Reader& reader, const Queue& q, MessageId id) {
  if (q.keyed == 0) return true;
  const auto place = place_of(reader, sql::place_of_message, id.value);
  return !place || is_first(reader, *place);
}

std::string Queues::key_of(Reader& reader, const Queue& q, MessageId id) {
  if (q.keyed == 0) return {};
  auto place = place_of(reader, sql::place_of_message, id.value);
  return place ? std::move(place->key) : std::string{};
}

void Queues::leave_to_letter(Transaction& tx, Queue& q, MessageId message, DeadLetterId letter) {
  if (q.keyed != 0 && q.settings.order_blocks) tx.run(sql::leave_to_letter, message, letter);
}

void Queues::free_place_of(Transaction& tx, const StoredDeadLetter& letter, Now now) {
  const auto place = place_of(tx, sql::place_of_letter, letter.id.value);
  if (!place) return;
  Queue& q = *find(place->queue);
  tx.run(sql::delete_place, place->queue, place->key, place->place);
  count(q.keyed, -1);
  let_next_through(tx, q, place->key, place->place, now);
}

}  // namespace sluice::queue
