// Messages coming in, moving on and ending.
#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {
namespace {

std::optional<std::string_view> unless_empty(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return text;
}

// The columns `body` and `body_ref`: one of the two.
std::optional<std::string_view> inline_body(const Put& put) {
  if (put.body_ref != 0) return std::nullopt;
  return put.body.text();
}
std::optional<std::int64_t> body_reference(const Put& put) {
  if (put.body_ref == 0) return std::nullopt;
  return put.body_ref;
}

}  // namespace

std::int64_t Queues::next_place(EngineTime now) {
  line_clock_ = std::max(line_clock_ + 1, now.us);
  return line_clock_;
}

std::int64_t Queues::rank(const Queue& q, int priority, EngineTime now) {
  return next_place(now) - priority * q.settings.ageing.us;
}

bool Queues::may_hand_off(Queue& q, const Put& put, Now now) {
  return !put.due && !put.held && q.ready == 0 && !q.paused && !paused_lanes_.contains(put.lane) &&
         (!q.limited() || allowance(q, now.engine) > 0);
}

Lease Queues::make_lease(Queue& q, const Consumer& c, const Put& put, std::int64_t fence,
                         std::int64_t attempt, Now now) {
  Lease lease;
  lease.key = {put.id, fence};
  lease.queue = q.id;
  lease.lane = put.lane;
  lease.priority = put.priority;
  lease.attempt = attempt;
  lease.session = c.session;
  lease.consumer = c.session ? c.id : 0;  // A waiting lease ends with its hand-out.
  lease.worker = c.worker;
  lease.since = now.wall;
  lease.length = c.lease.value_or(q.settings.lease);
  lease.until = lease.stored_until = now.engine + lease.length;
  lease.owner = put.owner;
  lease.memo = put.memo;
  lease.watched = !c.session;
  take_token(q, now.engine);
  return lease;
}

void Queues::put(Transaction& tx, const Put& put, Now now) {
  Queue& q = *find(put.queue);
  undo_.save_once(q.sent);
  q.sent += 1;
  const State at_once = put.order_key.empty() ? State::ready : enter_line(tx, q, put, now);
  Consumer* taker =
      at_once == State::ready && may_hand_off(q, put, now) ? next_consumer(q) : nullptr;
  const std::int64_t place = rank(q, put.priority, now.engine);
  if (taker != nullptr) {
    Lease lease = make_lease(q, *taker, put, put.fence + 1, put.attempt + 1, now);
    tx.run(sql::insert_message, put.id, q.id, put.lane, static_cast<int>(State::leased), place,
           put.priority, put.attempt + 1, 0, put.fence + 1, now.wall, nullptr, nullptr, nullptr,
           lease.until, lease.session, lease.worker, inline_body(put), body_reference(put),
           unless_empty(put.headers), put.failures,
           put.owner.empty() ? std::nullopt : std::optional{storage::as_blob(put.owner)});
    hand_out({taker->id, lease.key, put.body, put.body_ref, std::string(put.headers)});
    count_state(q, put.lane, State::leased, 1);
    add_lease(std::move(lease));
    return;
  }
  const State state = put.held ? State::held : put.due ? State::delayed : at_once;
  const std::optional<Due> due = state == State::delayed ? put.due : std::nullopt;
  tx.run(sql::insert_message, put.id, q.id, put.lane, static_cast<int>(state), place, put.priority,
         put.attempt, 0, put.fence, now.wall,
         due ? std::optional{static_cast<int>(due->clock)} : std::nullopt,
         due ? std::optional{due->us} : std::nullopt, put.expires, nullptr, nullptr, nullptr,
         inline_body(put), body_reference(put), unless_empty(put.headers), put.failures,
         put.owner.empty() ? std::nullopt : std::optional{storage::as_blob(put.owner)});
  count_state(q, put.lane, state, 1);
  note_due(due);
  if (put.expires) next_expiring_ = std::min(next_expiring_, put.expires->us);
  if (state == State::ready) touch_line(q);
}

void Queues::move(Transaction& tx, const Lease& from, const Put& put, Now now) {
  Queue& q = *find(put.queue);
  Queue& old = *find(from.queue);
  undo_.save_once(q.sent);
  q.sent += 1;
  if (Lease* held = find_lease(from.key); held != nullptr && !held->over) {
    returned(*held);
  }
  count_state(old, from.lane, State::leased, -1);
  const State at_once = move_in_line(tx, old, q, put, now);
  Consumer* taker =
      at_once == State::ready && may_hand_off(q, put, now) ? next_consumer(q) : nullptr;
  const std::int64_t place = rank(q, put.priority, now.engine);
  if (taker != nullptr && !put.failures) {
    Lease lease = make_lease(q, *taker, put, put.fence + 1, put.attempt + 1, now);
    tx.run(sql::move_leased, put.id, q.id, place, put.priority, put.attempt + 1, put.fence + 1,
           now.wall, lease.until, lease.session, lease.worker, inline_body(put),
           body_reference(put), unless_empty(put.headers), storage::as_blob(put.owner));
    hand_out({taker->id, lease.key, put.body, put.body_ref, std::string(put.headers)});
    count_state(q, put.lane, State::leased, 1);
    add_lease(std::move(lease));
    return;
  }
  if (taker != nullptr) {  // A repeated attempt keeps its story; dispatch() hands it out.
    count(taker->in_hands, -1);
    into_line(*taker);
  }
  const State state = put.held ? State::held : put.due ? State::delayed : at_once;
  const std::optional<Due> due = state == State::delayed ? put.due : std::nullopt;
  tx.run(sql::move_message, put.id, q.id, static_cast<int>(state), place, put.priority, put.attempt,
         0, now.wall, due ? std::optional{static_cast<int>(due->clock)} : std::nullopt,
         due ? std::optional{due->us} : std::nullopt, inline_body(put), body_reference(put),
         unless_empty(put.headers), put.failures, storage::as_blob(put.owner));
  count_state(q, put.lane, state, 1);
  note_due(due);
  if (state == State::ready) touch_line(q);
}

void Queues::move_stored(Transaction& tx, const StoredMessage& from, const Put& put, Now now) {
  SLUICE_CHECK(from.state != State::leased, "a message that nobody holds");
  Queue& q = *find(put.queue);
  undo_.save_once(q.sent);
  q.sent += 1;
  Queue& old = *find(from.queue);
  count_state(old, from.lane, from.state, -1);
  const State at_once = move_in_line(tx, old, q, put, now);
  const State state = put.held ? State::held : put.due ? State::delayed : at_once;
  const std::optional<Due> due = state == State::delayed ? put.due : std::nullopt;
  tx.run(sql::move_message, put.id, q.id, static_cast<int>(state),
         rank(q, put.priority, now.engine), put.priority, put.attempt, 0, now.wall,
         due ? std::optional{static_cast<int>(due->clock)} : std::nullopt,
         due ? std::optional{due->us} : std::nullopt, inline_body(put), body_reference(put),
         unless_empty(put.headers), put.failures, storage::as_blob(put.owner));
  count_state(q, put.lane, state, 1);
  note_due(due);
  if (state == State::ready) touch_line(q);
}

void Queues::remove(Transaction& tx, const Lease& lease, Now now) {
  Queue& q = *find(lease.queue);
  tx.run(sql::delete_message, lease.key.message);
  count_state(q, lease.lane, State::leased, -1);
  leave_line(tx, q, lease.key.message, now);
  if (Lease* held = find_lease(lease.key); held != nullptr && !held->over) returned(*held);
}

void Queues::remove_stored(Transaction& tx, const StoredMessage& message, Now now) {
  SLUICE_CHECK(message.state != State::leased, "a message that nobody holds");
  Queue& q = *find(message.queue);
  tx.run(sql::delete_message, message.id);
  count_state(q, message.lane, message.state, -1);
  leave_line(tx, q, message.id, now);
}

void Queues::give_back(Transaction& tx, const Lease& lease, std::optional<Due> due,
                       std::int64_t lost, const std::optional<std::string>& failures, bool hold,
                       Now now) {
  Queue& q = *find(lease.queue);
  const State state = hold ? State::held : due ? State::delayed : State::ready;
  if (state != State::delayed) due.reset();
  tx.run(sql::release, lease.key.message, static_cast<int>(state),
         rank(q, lease.priority, now.engine), lost, now.wall,
         due ? std::optional{static_cast<int>(due->clock)} : std::nullopt,
         due ? std::optional{due->us} : std::nullopt, failures);
  count_state(q, lease.lane, State::leased, -1);
  count_state(q, lease.lane, state, 1);
  note_due(due);
  if (Lease* held = find_lease(lease.key); held != nullptr && !held->over) returned(*held);
  if (state == State::ready) touch_line(q);
}

void Queues::hold(Transaction& tx, const StoredMessage& message, Now now) {
  SLUICE_CHECK(message.state == State::ready || message.state == State::delayed ||
                   message.state == State::blocked,
               "a message that waits");
  tx.run(sql::hold_message, message.id, now.wall);
  count_state(*find(message.queue), message.lane, message.state, -1);
  count_state(*find(message.queue), message.lane, State::held, 1);
}

void Queues::unhold(Transaction& tx, const StoredMessage& message, std::optional<Due> due,
                    Now now) {
  SLUICE_CHECK(message.state == State::held, "a held message");
  Queue& q = *find(message.queue);
  const State at_once = first_of_key(tx, q, message.id) ? State::ready : State::blocked;
  const State state = due ? State::delayed : at_once;
  tx.run(sql::unhold_message, message.id, static_cast<int>(state),
         rank(q, message.priority, now.engine), now.wall,
         due ? std::optional{static_cast<int>(due->clock)} : std::nullopt,
         due ? std::optional{due->us} : std::nullopt);
  count_state(q, message.lane, State::held, -1);
  count_state(q, message.lane, state, 1);
  note_due(due);
  if (state == State::ready) touch_line(q);
}

std::optional<StoredMessage> Queues::stored(Reader& reader, MessageId id) {
  auto q = reader.query(sql::find_message, id);
  if (!q.step()) return std::nullopt;
  StoredMessage m;
  m.id = id;
  m.queue = q.id<QueueTag>(1);
  m.lane = q.int64(2);
  m.state = static_cast<State>(q.int64(3));
  m.priority = static_cast<int>(q.int64(4));
  m.attempt = q.int64(5);
  m.lost = q.int64(6);
  m.fence = q.int64(7);
  m.since = WallTime{q.int64(8)};
  if (!q.is_null(9)) m.due = Due{static_cast<ClockKind>(q.int64(9)), q.int64(10)};
  if (!q.is_null(11)) m.body = q.text(11);
  if (!q.is_null(12)) m.body_ref = q.int64(12);
  m.headers = q.text(13);
  m.failures = q.text(14);
  m.owner = q.blob(15);
  m.worker = q.text(16);
  return m;
}

std::optional<MessageId> Queues::find_duplicate(Transaction& tx, const Queue& q,
                                                std::string_view dedup_id, Now now) {
  auto found = tx.query(sql::find_dedup, q.id, dedup_id, now.wall);
  if (!found.step()) return std::nullopt;
  return found.id<MessageTag>(0);
}

void Queues::remember_dedup(Transaction& tx, const Queue& q, std::string_view dedup_id,
                            MessageId id, Now now) {
  tx.run(sql::put_dedup, q.id, dedup_id, id, now.wall + q.settings.dedup);
}

std::int64_t Queues::purge(Transaction& tx, Queue& q, std::int64_t max, Now now) {
  std::int64_t removed = 0;
  const auto purge_one_kind = [&](const storage::Sql& statement, State state) {
    std::vector<std::pair<MessageId, std::int64_t>> found;
    for (auto rows = tx.query(statement, q.id, max - removed); rows.step();)
      found.emplace_back(rows.id<MessageTag>(0), rows.int64(1));
    for (const auto& [id, lane_id] : found) {
      tx.run(sql::delete_message, id);
      count_state(q, lane_id, state, -1);
      leave_line(tx, q, id, now);
    }
    removed += static_cast<std::int64_t>(found.size());
  };
  // Those behind another first: none of them is let through to be removed the next moment.
  if (q.blocked > 0) purge_one_kind(sql::purge_blocked, State::blocked);
  if (removed < max) purge_one_kind(sql::purge_ready, State::ready);
  if (removed < max) purge_one_kind(sql::purge_delayed, State::delayed);
  return removed;
}

}  // namespace sluice::queue
