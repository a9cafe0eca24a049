// Those who wait for messages, and handing messages to them in turn.
#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {

std::int64_t Queues::add_consumer(Consumer consumer) {
  consumer.id = next_consumer_++;
  auto made = std::make_unique<Consumer>(std::move(consumer));
  Consumer& c = *made;
  consumers_[c.id] = std::move(made);
  Queue& q = *find(c.queue);
  undo_.save(q.consumers);
  q.consumers += 1;
  touch(q);
  undo_.add([this, id = c.id] {
    consumers_.find(id)->second->gone = true;
    gone_consumers_.push_back(id);
  });
  into_line(c);
  return c.id;
}

Consumer* Queues::consumer(std::int64_t id) {
  if (id == 0) return nullptr;
  const auto at = consumers_.find(id);
  return at == consumers_.end() || at->second->gone ? nullptr : at->second.get();
}

void Queues::set_credit(Consumer& c, std::int64_t credit) {
  // Undone, it may take again, and its turn may have been passed over meanwhile.
  undo_.add([this, id = c.id, before = c.credit] {
    Consumer& again = *consumers_.find(id)->second;
    again.credit = before;
    into_line(again);
  });
  c.credit = credit;
  into_line(c);
}

void Queues::remove_consumer(std::int64_t id) {
  Consumer* c = consumer(id);
  if (c == nullptr) return;
  c->gone = true;
  if (Queue* q = find(c->queue)) {
    undo_.save(q->consumers);
    q->consumers -= 1;
    touch(*q);
  }
  gone_consumers_.push_back(id);
  undo_.add([this, id] {
    Consumer& again = *consumers_.find(id)->second;
    again.gone = false;
    std::erase(gone_consumers_, id);
    into_line(again);
  });
}

// A consumer that may take stands in its queue's line once. One that may not is dropped from it
// when its turn comes, so that a rollback needs no bookkeeping of the line itself.
void Queues::into_line(Consumer& c) {
  if (c.in_line || !c.can_take()) return;
  Queue* q = find(c.queue);
  if (q == nullptr) return;
  c.in_line = true;
  q->line.push_back(c.id);
  touch_line(*q);
}

// The next consumer that may take, with one more message counted into its hands; or none.
Consumer* Queues::next_consumer(Queue& q) {
  while (!q.line.empty()) {
    const auto at = consumers_.find(q.line.front());
    q.line.pop_front();
    if (at == consumers_.end()) continue;
    Consumer* c = at->second.get();
    c->in_line = false;  // Also of one that is gone: a rollback may bring it back.
    if (!c->can_take()) continue;
    undo_.add([this, id = c->id] {
      if (Consumer* again = consumer(id)) into_line(*again);
    });
    count(c->in_hands, 1);
    into_line(*c);
    return c;
  }
  return nullptr;
}

void Queues::hand_out(Handout handout) {
  handouts_.push_back(std::move(handout));
  undo_.add([this] { handouts_.pop_back(); });
}

void Queues::not_delivered(const Handout& handout) {
  if (Lease* lease = find_lease(handout.lease); lease != nullptr && lease->over) {
    returned(*lease);
    return;
  }
  // A waiting lease holds no lease in its name: it goes on waiting.
  if (Consumer* c = consumer(handout.consumer); c != nullptr && !c->session) {
    count(c->in_hands, -1);
    into_line(*c);
  }
}

void Queues::touch_line(Queue& q) {
  if (q.dirty || q.ready == 0 || q.line.empty()) return;
  q.dirty = true;
  dirty_.push_back(&q);
}

void Queues::dispatch(Transaction& tx, Now now, std::int64_t max) {
  struct Row {
    MessageId id;
    int priority;
    std::int64_t attempt, lost, fence, body_ref;
    std::string body, headers, owner;
    bool has_body;
  };
  std::vector<Queue*> later;
  std::vector<Queue*> now_dirty;
  now_dirty.swap(dirty_);
  // Undone last: by then the rows are ready and the line is as it was, and nobody else would look
  // again.
  undo_.add([this, now_dirty] {
    for (Queue* q : now_dirty) {
      q->dirty = false;
      std::erase(dirty_, q);
      touch_line(*q);
    }
  });
  for (Queue* q : now_dirty) {
    if (q->paused || find(q->id) != q) {
      q->dirty = false;
      continue;
    }
    std::size_t idle_lanes = 0;
    std::int64_t room = q->limited() ? allowance(*q, now.engine) : INT64_MAX;
    while (max > 0 && room > 0 && q->ready > 0 && idle_lanes < q->lanes.size()) {
      Lane& turn = *q->lanes[q->next_lane % q->lanes.size()];
      q->next_lane = (q->next_lane + 1) % q->lanes.size();
      if (turn.ready == 0 || paused_lanes_.contains(turn.id)) {
        idle_lanes += 1;
        continue;
      }
      idle_lanes = 0;
      // One lane alone is taken in one go; several take turns.
      const std::int64_t want =
          turn.ready == q->ready ? std::min<std::int64_t>({max, room, 64}) : 1;
      std::vector<Consumer*> takers;
      while (static_cast<std::int64_t>(takers.size()) < std::min(want, turn.ready)) {
        Consumer* c = next_consumer(*q);
        if (c == nullptr) break;
        takers.push_back(c);
      }
      if (takers.empty()) break;
      std::vector<Row> rows;
      {
        auto found =
            tx.query(sql::next_ready, q->id, turn.id, static_cast<std::int64_t>(takers.size()));
        while (found.step()) {
          rows.push_back({found.id<MessageTag>(0), static_cast<int>(found.int64(1)), found.int64(2),
                          found.int64(3), found.int64(4), found.int64(6),
                          std::string(found.text(5)), std::string(found.text(7)),
                          std::string(found.blob(8)), !found.is_null(5)});
        }
      }
      SLUICE_CHECK(rows.size() == takers.size(), "as many ready rows as counted");
      for (std::size_t i = 0; i < rows.size(); ++i) {
        Row& row = rows[i];
        Put like;
        like.id = row.id;
        like.lane = turn.id;
        like.priority = row.priority;
        like.owner = row.owner;
        Lease lease = make_lease(*q, *takers[i], like, row.fence + 1, row.attempt + 1, now);
        lease.lost = row.lost;
        tx.run(sql::lease_ready, row.id, lease.attempt, lease.key.fence, now.wall, lease.until,
               lease.session, lease.worker);
        hand_out({takers[i]->id, lease.key,
                  row.has_body ? Doc::from_text(std::move(row.body)) : Doc{}, row.body_ref,
                  std::move(row.headers)});
        count_state(*q, turn.id, State::ready, -1);
        count_state(*q, turn.id, State::leased, 1);
        add_lease(std::move(lease));
        max -= 1;
        room -= 1;
      }
    }
    if (room <= 0 && q->ready > 0) await_token(*q, now.engine);
    q->dirty = false;  // Not before: who takes his turn in line is no reason to look again.
    if (max <= 0) later.push_back(q);
  }
  for (Queue* q : later) touch_line(*q);
  save_rates(tx);
}

}  // namespace sluice::queue
