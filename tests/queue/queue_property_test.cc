// Random operations against a model, some rolled back, some ended by a crash.
#include "base/random.h"
#include "queue/queue_fixture.h"

namespace sluice::queue {

namespace {

struct Model {
  enum class At { ready, delayed, leased, held };
  struct Message {
    At at = At::ready;
    std::int64_t fence = 0, attempt = 0;
    std::string queue;
    std::string key;
    std::int64_t place = 0;  // in the line of its key; grows
  };
  // Ready, as the model has it, is blocked while another of its key stands before it.
  bool first_of_key(const Message& m) const {
    if (m.key.empty()) return true;
    for (const auto& [id, other] : messages)
      if (other.queue == m.queue && other.key == m.key && other.place < m.place) return false;
    return true;
  }

  explicit Model(std::uint64_t seed) : chance(seed) {}

  std::string a_queue() { return std::string(1, static_cast<char>('a' + chance.below(3))); }
  std::string a_key() { return std::string(1, static_cast<char>('k' + chance.below(3))); }
  MessageId any(At at) {
    std::vector<MessageId> found;
    for (const auto& [id, m] : messages)
      if (m.at == at) found.push_back(id);
    return found.empty() ? MessageId{} : found[chance.below(found.size())];
  }

  // What dispatch did is read from what was handed out.
  void absorb() {
    for (; seen < b.given.size(); ++seen) {
      const auto& g = b.given[seen];
      Message& m = messages.at(g.lease.message);
      CHECK(m.at == At::ready);
      CHECK(first_of_key(m));
      CHECK(g.lease.fence == m.fence + 1);
      gave.insert(m.queue);
      times[m.queue].push_back(b.time.engine);
      m.fence = g.lease.fence;
      m.attempt += 1;
      m.at = At::leased;
    }
  }

  // In one of four cases the transaction is rolled back, by hand or by a statement that fails.
  template <class Change>
  bool attempt(Change change) {
    switch (chance.below(8)) {
      case 0:
        b.roll_back(change);
        return false;
      case 1: {
        b.database->fail_at(static_cast<std::int64_t>(1 + chance.below(6)));
        const bool done = b.commit(change);
        b.database->forgive();
        return done;
      }
      default:
        REQUIRE(b.commit(change));
        return true;
    }
  }

  // As the owner of the lines does before a batch ends.
  std::vector<std::pair<MessageId, std::string>> let_in(Transaction& tx) {
    std::vector<std::pair<MessageId, std::string>> came;
    for (const QueueId id : b.queues->take_roomy()) {
      Queue& q = *b.queues->find(id);
      while (const auto next = b.queues->next_for_room(tx, q)) {
        b.queues->leave_room_line(tx, q, next->place);
        Put put;
        put.id = MessageId{next->who};
        put.queue = id;
        put.body = Doc::from_text("1");
        b.queues->put(tx, put, b.time);
        came.emplace_back(put.id, q.name);
      }
    }
    return came;
  }

  void step() {
    depths.clear();
    for (const auto& [id, q] : b.queues->all()) depths[q->name] = Queues::depth(*q);
    gave.clear();
    switch (chance.below(15)) {
      case 0:
      case 1:
      case 2: {
        Put put =
            b.message(a_queue(), std::to_string(b.last_id + 1), static_cast<int>(chance.below(10)));
        put.lane = static_cast<std::int64_t>(chance.below(3));
        if (chance.below(4) == 0) put.due = Due{ClockKind::engine, (b.time.engine + seconds(5)).us};
        const std::string key = chance.below(2) == 0 ? a_key() : "";
        put.order_key = key;
        Queue& full = *b.queues->find(put.queue);
        if (!Queues::has_room(full)) {
          if (attempt([&](Transaction& tx) {
                b.queues->wait_for_room(tx, full, put.id.value, b.time);
              }))
            lines[full.name].push_back(put.id.value);
          break;
        }
        if (attempt([&](Transaction& tx) { b.queues->put(tx, put, b.time); }))
          messages[put.id] = {put.due ? At::delayed : At::ready, 0,   0,
                              b.queues->find(put.queue)->name,   key, ++places};
        break;
      }
      case 3: {  // complete
        const auto id = any(At::leased);
        if (!id) break;
        const LeaseKey key{id, messages[id].fence};
        REQUIRE(b.queues->find_lease(key) != nullptr);
        if (attempt(
                [&](Transaction& tx) { b.queues->remove(tx, *b.queues->find_lease(key), b.time); }))
          messages.erase(id);
        break;
      }
      case 4:
      case 5: {  // fail, release, expire
        const auto id = any(At::leased);
        if (!id) break;
        const LeaseKey key{id, messages[id].fence};
        const auto kind = chance.below(3);
        std::optional<Due> due;
        if (kind == 1) due = Due{ClockKind::engine, (b.time.engine + seconds(3)).us};
        if (attempt([&](Transaction& tx) {
              b.queues->give_back(tx, *b.queues->find_lease(key), due, 0, "[]", kind == 2, b.time);
            }))
          messages[id].at = kind == 0 ? At::ready : kind == 1 ? At::delayed : At::held;
        break;
      }
      case 6: {
        const auto id = any(At::held);
        if (id && attempt([&](Transaction& tx) {
              b.queues->unhold(tx, *b.queues->stored(tx, id), {}, b.time);
            }))
          messages[id].at = At::ready;
        break;
      }
      case 7:
        b.advance(seconds(static_cast<std::int64_t>(chance.below(8))));
        break;
      case 8: {
        Queue& q = b.queue(a_queue());
        const bool paused = chance.below(2) == 0;
        attempt([&](Transaction& tx) { b.queues->pause(tx, q, paused, b.time); });
        break;
      }
      case 9: {
        Consumer consumer;
        consumer.queue = b.queue(a_queue()).id;
        consumer.session = SessionId{static_cast<std::int64_t>(1 + chance.below(3))};
        consumer.credit = static_cast<std::int64_t>(1 + chance.below(3));
        std::int64_t id = 0;
        if (consumers.size() < 6 &&
            attempt([&](Transaction&) { id = b.queues->add_consumer(consumer); }))
          consumers.push_back(id);
        break;
      }
      case 10: {
        if (consumers.empty()) break;
        const auto at = chance.below(consumers.size());
        const auto id = consumers[at];
        if (chance.below(2) == 0) {
          const auto credit = static_cast<std::int64_t>(chance.below(4));
          attempt([&](Transaction&) { b.queues->set_credit(*b.queues->consumer(id), credit); });
        } else if (attempt([&](Transaction&) { b.queues->remove_consumer(id); })) {
          consumers.erase(consumers.begin() + static_cast<std::ptrdiff_t>(at));
        }
        break;
      }
      case 11: {  // limits
        Queue& q = b.queue(a_queue());
        Settings settings;
        settings.concurrency = static_cast<std::int64_t>(chance.below(3));
        settings.capacity = static_cast<std::int64_t>(chance.below(8));
        if (chance.below(2) == 0) {
          settings.rate_interval_ns =
              static_cast<std::int64_t>(700'000'000 * (1 + chance.below(3)));
          settings.burst = static_cast<std::int64_t>(1 + chance.below(3));
        }
        if (attempt([&](Transaction& tx) {
              b.queues->set_operator_settings(tx, q, std::string("{}"), settings);
            }))
          times[q.name].clear();
        break;
      }
      case 12: {  // tried again: the same work, in the same place of its key's line
        const auto id = any(At::leased);
        if (!id) break;
        Message& m = messages[id];
        const LeaseKey key{id, m.fence};
        const Lease lease = *b.queues->find_lease(key);
        Put put;
        put.id = id;
        put.queue = lease.queue;
        put.lane = lease.lane;
        put.body = Doc::from_text("0");
        put.owner = "o";
        put.fence = m.fence;
        put.attempt = m.attempt;
        put.order_key = m.key;
        put.same_work = chance.below(2) == 0;
        if (chance.below(2) == 0) put.due = Due{ClockKind::engine, (b.time.engine + seconds(3)).us};
        if (attempt([&](Transaction& tx) { b.queues->move(tx, lease, put, b.time); })) {
          m.at = put.due ? At::delayed : At::ready;
          if (!put.same_work) m.place = ++places;
        }
        break;
      }
      case 13: {  // whatever waits may be taken away
        const auto id = any(chance.below(2) == 0 ? At::delayed : At::ready);
        if (id && attempt([&](Transaction& tx) {
              b.queues->remove_stored(tx, *b.queues->stored(tx, id), b.time);
            }))
          messages.erase(id);
        break;
      }
      default:
        if (chance.below(3) != 0) break;
        b.reopen();
        consumers.clear();
        seen = 0;
        break;
    }
    // What is due is ready with the next batch.
    if (chance.below(4) == 0) b.roll_back([&](Transaction& tx) { (void)let_in(tx); });
    std::vector<std::pair<MessageId, std::string>> came;
    REQUIRE(b.commit([&](Transaction& tx) { came = let_in(tx); }));
    for (const auto& [id, name] : came) {
      REQUIRE(!lines[name].empty());
      CHECK(lines[name].front() == id.value);
      lines[name].erase(lines[name].begin());
      messages[id] = {At::ready, 0, 0, name, "", 0};
    }
    b.database->read([&](Reader& reader) {
      for (auto& [id, m] : messages) {
        if (m.at != At::delayed) continue;
        const auto stored = b.queues->stored(reader, id);
        REQUIRE(stored.has_value());
        if (stored->state != State::delayed) m.at = At::ready;
      }
    });
    absorb();
  }

  void check() {
    b.sound();
    std::map<std::string, std::map<At, std::int64_t>> counts;
    for (const auto& [id, m] : messages) counts[m.queue][m.at] += 1;
    for (const auto& [id, q] : b.queues->all()) {
      CAPTURE(q->name);
      std::int64_t behind = 0;
      for (const auto& [message, m] : messages)
        if (m.queue == q->name && m.at == At::ready && !first_of_key(m)) behind += 1;
      CHECK(q->blocked == behind);
      CHECK(q->ready == counts[q->name][At::ready] - behind);
      const Settings& limits = q->settings;
      CHECK(q->waiting == static_cast<std::int64_t>(lines[q->name].size()));
      if (limits.capacity != 0)
        CHECK(Queues::depth(*q) <= std::max(limits.capacity, depths[q->name]));
      // Nobody waits for room while there is some.
      if (q->waiting != 0) {
        CHECK(limits.capacity != 0);
        CHECK(Queues::depth(*q) >= limits.capacity);
      }
      if (limits.concurrency != 0 && gave.contains(q->name)) CHECK(q->leased <= limits.concurrency);
      if (limits.rate_interval_ns != 0) {
        const auto& given = times[q->name];
        for (std::size_t i = 0; i < given.size(); ++i) {
          const std::int64_t elapsed = (given.back() - given[i]).us * 1'000;
          CHECK(static_cast<std::int64_t>(given.size() - i) <=
                limits.burst + elapsed / limits.rate_interval_ns);
        }
      }
      CHECK(q->delayed == counts[q->name][At::delayed]);
      CHECK(q->leased == counts[q->name][At::leased]);
      CHECK(q->held == counts[q->name][At::held]);
      // Nobody who may take waits while there is something for him.
      if (q->ready > 0 && !q->paused && Queues::allowance(*q, b.time.engine) > 0)
        for (const auto consumer : consumers) {
          const Consumer* c = b.queues->consumer(consumer);
          if (c->queue == q->id) CHECK_FALSE(c->can_take());
        }
    }
    std::map<std::int64_t, std::int64_t> in_hands;
    for (const auto& [key, lease] : b.queues->leases())
      if (lease.consumer != 0) in_hands[lease.consumer] += 1;
    for (const auto consumer : consumers)
      CHECK(b.queues->consumer(consumer)->in_hands == in_hands[consumer]);
  }

  Bench b;
  Random chance;
  std::map<MessageId, Message> messages;
  std::vector<std::int64_t> consumers;
  std::size_t seen = 0;
  std::int64_t places = 0;
  std::map<std::string, std::vector<std::int64_t>> lines;  // who waits for room
  std::map<std::string, std::int64_t> depths;              // before this step
  std::set<std::string> gave;                              // queues that gave in this step
  std::map<std::string, std::vector<EngineTime>> times;    // of hand-outs, since the rate was set
};

}  // namespace

TEST_CASE("random operations, rollbacks and crashes agree with a model") {
  const char* given = std::getenv("SLUICE_TEST_SEED");
  const std::uint64_t first = given != nullptr ? std::stoull(given) : 1;
  const std::uint64_t last = given != nullptr ? first : 40;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    Model model(seed);
    for (int i = 0; i < 200; ++i) {
      CAPTURE(i);
      model.step();
      model.check();
    }
  }
}

}  // namespace sluice::queue
