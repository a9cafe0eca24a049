#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {

void Queues::load(Reader& reader) {
  for (auto q = reader.query(sql::all_queues); q.step();) {
    auto made = std::make_unique<Queue>();
    made->id = q.id<QueueTag>(0);
    made->name = q.text(1);
    if (!q.is_null(2)) made->operator_settings = q.text(2);
    if (!q.is_null(3)) made->definition_settings = q.text(3);
    made->paused = q.int64(4) != 0;
    made->paused_since = EngineTime{q.int64(5)};
    made->paused_total = Duration{q.int64(6)};
    next_queue_ = std::max(next_queue_, made->id.value + 1);
    by_name_[made->name] = made.get();
    touch(*made);
    queues_[made->id.value] = std::move(made);
  }
  for (auto q = reader.query(sql::all_limits); q.step();)
    if (Queue* queue = find(q.id<QueueTag>(0))) queue->rate_next_ns = q.int64(1);
  const auto count_each = [&](const storage::Sql& statement, State state) {
    for (auto q = reader.query(statement); q.step();) {
      if (Queue* queue = find(q.id<QueueTag>(0)))
        count_state(*queue, q.int64(1), state, q.int64(2));
      if (q.int64(1) != 0) loaded_in_lanes_ += q.int64(2);
    }
  };
  count_each(sql::count_ready, State::ready);
  count_each(sql::count_delayed, State::delayed);
  count_each(sql::count_held, State::held);
  count_each(sql::count_blocked, State::blocked);
  for (auto q = reader.query(sql::count_waiting); q.step();)
    if (Queue* queue = find(q.id<QueueTag>(0))) {
      queue->waiting = q.int64(1);
      waiting_ += q.int64(1);
      touch_room(*queue);
    }
  for (auto q = reader.query(sql::count_keyed); q.step();)
    if (Queue* queue = find(q.id<QueueTag>(0))) queue->keyed = q.int64(1);
  for (auto q = reader.query(sql::count_dead); q.step();) {
    if (Queue* queue = find(q.id<QueueTag>(0))) queue->dead += q.int64(1);
  }
  for (auto q = reader.query(sql::all_leased); q.step();) {
    Lease lease;
    lease.key = {q.id<MessageTag>(0), q.int64(6)};
    lease.queue = q.id<QueueTag>(1);
    lease.lane = q.int64(2);
    lease.priority = static_cast<int>(q.int64(3));
    lease.attempt = q.int64(4);
    lease.lost = q.int64(5);
    lease.since = WallTime{q.int64(7)};
    lease.until = lease.stored_until = EngineTime{q.int64(8)};
    lease.session = q.id<SessionTag>(9);
    lease.worker = q.text(10);
    lease.owner = q.blob(11);
    Queue* queue = find(lease.queue);
    SLUICE_CHECK(queue != nullptr, "the queue of a leased message");
    lease.length = queue->settings.lease;
    count_state(*queue, lease.lane, State::leased, 1);
    lease.watched = true;  // Until its session comes back, its own deadline counts.
    add_lease(std::move(lease));
  }
  if (auto q = reader.query(sql::last_queue); q.step())
    next_queue_ = std::max(next_queue_, q.int64(0) + 1);
  for (const auto* statement : {&sql::max_message, &sql::max_dead_letter, &sql::max_settled}) {
    auto q = reader.query(*statement);
    if (q.step()) largest_id_ = std::max(largest_id_, q.int64(0));
  }
  // What is due is looked up at the first tick.
  next_wall_due_ = next_engine_due_ = next_expiring_ = 0;
  undo_.clear();
}

Queue* Queues::find(std::string_view name) {
  const auto at = by_name_.find(std::string(name));
  return at == by_name_.end() ? nullptr : at->second;
}

Queue* Queues::find(QueueId id) {
  const auto at = queues_.find(id.value);
  return at == queues_.end() ? nullptr : at->second.get();
}

Queue& Queues::get_or_make(Transaction& tx, std::string_view name, Now now) {
  if (Queue* found = find(name)) return *found;
  auto made = std::make_unique<Queue>();
  Queue& queue = *made;
  queue.id = QueueId{next_queue_++};
  queue.name = name;
  tx.run(sql::insert_queue, queue.id, queue.name, now.wall);
  by_name_[queue.name] = &queue;
  queues_[queue.id.value] = std::move(made);
  touch(queue);
  undo_.add([this, id = queue.id] {
    const auto at = queues_.find(id.value);
    by_name_.erase(at->second->name);
    // Others of this batch's undo entries may still point into it; it goes with the commit or the
    // next.
    gone_queues_.push_back(std::move(at->second));
    queues_.erase(at);
  });
  return queue;
}

void Queues::set_operator_settings(Transaction& tx, Queue& q,
                                   const std::optional<std::string>& json, Settings in_force) {
  tx.run(sql::set_operator_settings, q.id, json);
  undo_.add([&q, text = q.operator_settings] { q.operator_settings = text; });
  q.operator_settings = json;
  put_settings(q, in_force);
  touch(q);
}

void Queues::set_definition_settings(Transaction& tx, Queue& q,
                                     const std::optional<std::string>& json, Settings in_force) {
  tx.run(sql::set_definition_settings, q.id, json);
  undo_.add([&q, text = q.definition_settings] { q.definition_settings = text; });
  q.definition_settings = json;
  put_settings(q, in_force);
  touch(q);
}

void Queues::pause(Transaction& tx, Queue& q, bool paused, Now now) {
  if (q.paused == paused) return;
  undo_.add([&q, was = q.paused, since = q.paused_since, total = q.paused_total] {
    q.paused = was;
    q.paused_since = since;
    q.paused_total = total;
  });
  q.paused_total = paused_for(q, now.engine);
  q.paused_since = now.engine;
  q.paused = paused;
  tx.run(sql::set_paused, q.id, paused, q.paused_since, q.paused_total);
  touch(q);
  if (!paused) touch_line(q);
}

Duration Queues::paused_for(const Queue& q, EngineTime now) {
  return q.paused ? q.paused_total + (now - q.paused_since) : q.paused_total;
}

void Queues::erase(Transaction& tx, Queue& q) {
  SLUICE_CHECK(depth(q) + q.dead + q.keyed + q.waiting == 0, "an empty queue");
  tx.run(sql::delete_queue, q.id);
  tx.run(sql::delete_limits, q.id);
  const auto at = queues_.find(q.id.value);
  by_name_.erase(q.name);
  gone_queues_.push_back(std::move(at->second));
  queues_.erase(at);
  undo_.add([this, id = q.id] {
    const auto gone = std::find_if(gone_queues_.begin(), gone_queues_.end(),
                                   [id](const auto& candidate) { return candidate->id == id; });
    by_name_[(*gone)->name] = gone->get();
    queues_[id.value] = std::move(*gone);
    gone_queues_.erase(gone);
  });
}

void Queues::pause_lane(std::int64_t lane, bool paused) {
  if (paused_lanes_.contains(lane) == paused) return;
  undo_.add([this, lane, paused] {
    if (paused)
      paused_lanes_.erase(lane);
    else
      paused_lanes_.insert(lane);
  });
  if (paused) {
    paused_lanes_.insert(lane);
    return;
  }
  paused_lanes_.erase(lane);
  for (auto& [id, q] : queues_) touch_line(*q);
}

Lane& Queues::lane(Queue& q, std::int64_t id) {
  for (auto& l : q.lanes)
    if (l->id == id) return *l;
  q.lanes.push_back(std::make_unique<Lane>(Lane{id, 0}));
  return *q.lanes.back();
}

void Queues::count(std::int64_t& number, std::int64_t delta) {
  undo_.save(number);
  number += delta;
  SLUICE_CHECK(number >= 0, "a count that is not negative");
}

void Queues::touch(Queue& q) {
  if (q.touched) return;
  q.touched = true;
  touched_.push_back(&q);
}

std::vector<Queue*> Queues::take_touched() {
  for (Queue* q : touched_) q->touched = false;
  return std::exchange(touched_, {});
}

void Queues::count_state(Queue& q, std::int64_t lane_id, State state, std::int64_t delta) {
  touch(q);
  if (delta < 0) touch_room(q);
  switch (state) {
    case State::ready:
      count(q.ready, delta);
      count(lane(q, lane_id).ready, delta);
      return;
    case State::delayed:
      count(q.delayed, delta);
      return;
    case State::leased:
      undo_.save_once(q.leased);
      q.leased += delta;
      SLUICE_CHECK(q.leased >= 0, "a count that is not negative");
      if (delta < 0 && q.settings.concurrency != 0) touch_line(q);  // A slot is free.
      return;
    case State::held:
      count(q.held, delta);
      return;
    case State::blocked:
      count(q.blocked, delta);
      return;
  }
}

void Queues::committed() {
  for (const auto id : gone_consumers_) consumers_.erase(id);
  gone_consumers_.clear();
  for (const auto& gone : gone_queues_) {
    std::erase(dirty_, gone.get());
    std::erase(touched_, gone.get());
    std::erase(rates_unsaved_, gone.get());
  }
  gone_queues_.clear();
  handouts_.clear();
}

}  // namespace sluice::queue
