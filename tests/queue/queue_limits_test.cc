// Concurrency, rate and ordering keys of a queue, before and after a restart.
#include "queue/queue_fixture.h"

namespace sluice::queue {
namespace {

Settings at_most(std::int64_t in_flight) {
  Settings settings;
  settings.concurrency = in_flight;
  return settings;
}
Settings at_rate(std::int64_t per_second, std::int64_t burst) {
  Settings settings;
  settings.rate_interval_ns = 1'000'000'000 / per_second;
  settings.burst = burst;
  return settings;
}
void end(Bench& b, std::size_t given) {
  REQUIRE(b.commit([&](Transaction& tx) { b.queues->remove(tx, b.lease(given), b.time); }));
}

TEST_CASE("no more than Concurrency are leased, and a freed slot goes to the next in one commit") {
  Bench b;
  b.limit("q", at_most(2));
  b.subscribe("q", 10);
  for (const char* body : {"1", "2", "3", "4"}) b.send("q", body);
  CHECK(b.bodies() == "12");
  end(b, 0);
  CHECK(b.bodies() == "123");
  b.roll_back([&](Transaction& tx) { b.queues->remove(tx, b.lease(1), b.time); });
  CHECK(b.bodies() == "123");
  CHECK(b.queue("q").leased == 2);
  REQUIRE(b.commit([&](Transaction& tx) {
    b.queues->give_back(tx, b.lease(1), std::nullopt, 1, std::nullopt, false, b.time);
  }));
  CHECK(b.bodies() == "1234");
  holds(b, [&] {
    CHECK(b.queue("q").leased == 2);
    CHECK(b.queue("q").ready == 1);
  });
}

TEST_CASE(
    "a limit that is raised or cleared lets the next out at once; a lower one takes nothing") {
  Bench b;
  b.limit("q", at_most(1));
  b.subscribe("q", 10);
  for (const char* body : {"1", "2", "3", "4", "5"}) b.send("q", body);
  CHECK(b.bodies() == "1");
  b.limit("q", at_most(3));
  CHECK(b.bodies() == "123");
  b.limit("q", at_most(1));
  CHECK(b.queue("q").leased == 3);
  end(b, 0);
  CHECK(b.bodies() == "123");
  b.limit("q", Settings{});
  CHECK(b.bodies() == "12345");
  b.sound();
}

TEST_CASE(
    "a rate lets out its burst, then one a token, and asks to be woken when the next is there") {
  Bench b;
  b.limit("q", at_rate(10, 2));
  b.subscribe("q", 10);
  const EngineTime start = b.time.engine;
  for (const char* body : {"1", "2", "3", "4", "5"}) b.send("q", body);
  CHECK(b.bodies() == "12");
  REQUIRE(b.queues->next_engine_due().has_value());
  CHECK(*b.queues->next_engine_due() == start + milliseconds(100));
  b.advance(Duration{99'999});
  REQUIRE(b.commit([](Transaction&) {}));
  CHECK(b.bodies() == "12");
  b.advance(Duration{1});
  REQUIRE(b.commit([](Transaction&) {}));
  CHECK(b.bodies() == "123");
  CHECK(*b.queues->next_engine_due() == start + milliseconds(200));
  b.advance(milliseconds(200));
  REQUIRE(b.commit([](Transaction&) {}));
  CHECK(b.bodies() == "12345");
  b.sound();
}

TEST_CASE("a restart fills no bucket, and a hand-out that was rolled back costs no token") {
  Bench b;
  b.limit("q", at_rate(1, 3));
  for (const char* body : {"1", "2", "3", "4"}) b.send("q", body);
  Consumer consumer;
  consumer.queue = b.queue("q").id;
  consumer.session = SessionId{1};
  consumer.credit = 10;
  b.roll_back([&](Transaction&) { b.queues->add_consumer(consumer); });
  CHECK(Queues::allowance(b.queue("q"), b.time.engine) == 3);
  b.subscribe("q", 10);
  CHECK(b.bodies() == "123");
  holds(b, [&] { CHECK(Queues::allowance(b.queue("q"), b.time.engine) == 0); });
  b.subscribe("q", 10);
  CHECK(b.bodies().empty());
  b.advance(seconds(1));
  REQUIRE(b.commit([](Transaction&) {}));
  CHECK(b.bodies() == "4");
}

TEST_CASE("messages of one key go one at a time and in sequence, whatever their priority") {
  Bench b;
  b.subscribe("q", 10);
  b.send_keyed("q", "1", "a");
  b.send_keyed("q", "2", "a", 0);
  b.send_keyed("q", "3", "a", 9);
  b.send_keyed("q", "4", "b");
  b.send("q", "5");
  CHECK(b.bodies() == "145");
  CHECK(b.queue("q").blocked == 2);
  b.roll_back([&](Transaction& tx) { b.queues->remove(tx, b.lease(0), b.time); });
  CHECK(b.queue("q").blocked == 2);
  end(b, 0);
  CHECK(b.bodies() == "1452");
  holds(b, [&] {
    CHECK(b.queue("q").blocked == 1);
    CHECK(b.queue("q").keyed == 3);
  });
}

TEST_CASE("a key is kept through back-off, a lost lease and a wait of its first message") {
  Bench b;
  b.subscribe("q", 10);
  b.send_keyed("q", "1", "a");
  b.send_keyed("q", "2", "a");
  const Due later{ClockKind::engine, (b.time.engine + seconds(5)).us};
  REQUIRE(b.commit([&](Transaction& tx) {
    b.queues->give_back(tx, b.lease(0), later, 1, std::nullopt, false, b.time);
  }));
  CHECK(b.bodies() == "1");
  holds(b, [&] {
    CHECK(b.queue("q").delayed == 1);
    CHECK(b.queue("q").blocked == 1);
  });
  b.subscribe("q", 10);
  b.advance(seconds(5));
  REQUIRE(b.commit([](Transaction&) {}));
  CHECK(b.bodies() == "1");
  end(b, 0);
  CHECK(b.bodies() == "12");
  b.sound();
}

TEST_CASE(
    "a delayed message has its turn by when it was sent, and is blocked when it comes early") {
  Bench b;
  Put late = b.message("q", "1");
  late.order_key = "a";
  late.due = Due{ClockKind::engine, (b.time.engine + seconds(5)).us};
  REQUIRE(b.commit([&](Transaction& tx) { b.queues->put(tx, late, b.time); }));
  Put early = b.message("q", "2");
  early.order_key = "a";
  early.due = Due{ClockKind::engine, (b.time.engine + seconds(1)).us};
  REQUIRE(b.commit([&](Transaction& tx) { b.queues->put(tx, early, b.time); }));
  b.advance(seconds(2));
  REQUIRE(b.commit([](Transaction&) {}));
  holds(b, [&] {
    CHECK(b.queue("q").delayed == 1);
    CHECK(b.queue("q").blocked == 1);
  });
  b.subscribe("q", 10);
  b.advance(seconds(4));
  REQUIRE(b.commit([](Transaction&) {}));
  CHECK(b.bodies() == "1");
  end(b, 0);
  CHECK(b.bodies() == "12");
}

NewDeadLetter letter_of(const Lease& lease, std::int64_t id) {
  NewDeadLetter letter;
  letter.id = DeadLetterId{id};
  letter.queue = lease.queue;
  letter.error = "E";
  letter.body = "null";
  letter.message = lease.key.message;
  return letter;
}

TEST_CASE("a dead letter releases its key, or holds it until it is replayed or dropped") {
  for (const bool blocks : {false, true}) {
    CAPTURE(blocks);
    Bench b;
    Settings settings;
    settings.order_blocks = blocks;
    b.limit("q", settings);
    b.subscribe("q", 10);
    b.send_keyed("q", "1", "a");
    b.send_keyed("q", "2", "a");
    b.send_keyed("q", "3", "a");
    REQUIRE(b.commit([&](Transaction& tx) {
      Lease& lease = b.lease(0);
      b.queues->add_dead_letter(tx, letter_of(lease, 1'000), b.time);
      b.queues->remove(tx, lease, b.time);
    }));
    CHECK(b.bodies() == (blocks ? "1" : "12"));
    holds(b, [&] { CHECK(b.queue("q").blocked == (blocks ? 2 : 1)); });
    b.subscribe("q", 10);
    std::optional<StoredDeadLetter> letter;
    b.database->read(
        [&](Reader& reader) { letter = b.queues->dead_letter(reader, DeadLetterId{1'000}); });
    REQUIRE(letter.has_value());
    CHECK(letter->order_key == "a");
    // Replayed, it has the place that it kept; else it stands at the end.
    Put again = b.message("q", "9");
    again.order_key = letter->order_key;
    again.replay_of = letter->id;
    const std::size_t before = b.given.size();
    REQUIRE(b.commit([&](Transaction& tx) {
      CHECK(b.queues->close_dead_letter(tx, *letter, true, ""));
      b.queues->put(tx, again, b.time);
      b.queues->free_place_of(tx, *letter, b.time);
    }));
    CHECK(b.given.size() == before + (blocks ? 1 : 0));
    if (blocks) CHECK(b.given.back().body == "9");
    b.sound();
    CHECK(b.queue("q").keyed == 3);
  }
}

TEST_CASE("a dropped dead letter lets the next of its key through in the same commit") {
  Bench b;
  Settings settings;
  settings.order_blocks = true;
  b.limit("q", settings);
  b.subscribe("q", 10);
  b.send_keyed("q", "1", "a");
  b.send_keyed("q", "2", "a");
  REQUIRE(b.commit([&](Transaction& tx) {
    Lease& lease = b.lease(0);
    b.queues->add_dead_letter(tx, letter_of(lease, 1'000), b.time);
    b.queues->remove(tx, lease, b.time);
  }));
  CHECK(b.bodies() == "1");
  REQUIRE(b.commit([&](Transaction& tx) {
    const auto letter = b.queues->dead_letter(tx, DeadLetterId{1'000});
    CHECK(b.queues->close_dead_letter(tx, *letter, false, "no longer wanted"));
    b.queues->free_place_of(tx, *letter, b.time);
  }));
  CHECK(b.bodies() == "12");
  b.sound();
}

TEST_CASE("a purge takes the blocked ones too, and leaves no place behind") {
  Bench b;
  b.send_keyed("q", "1", "a");
  b.send_keyed("q", "2", "a");
  b.send_keyed("q", "3", "b");
  std::int64_t removed = 0;
  REQUIRE(
      b.commit([&](Transaction& tx) { removed = b.queues->purge(tx, b.queue("q"), 100, b.time); }));
  CHECK(removed == 3);
  holds(b, [&] { CHECK(b.queue("q").keyed == 0); });
}

TEST_CASE("a full queue lets in who waits longest when a message ends, and no one past the line") {
  Bench b;
  Settings settings;
  settings.capacity = 2;
  b.limit("q", settings);
  b.send("q", "1");
  CHECK(Queues::has_room(b.queue("q")));
  CHECK_FALSE(Queues::has_room(b.queue("q"), 2));
  b.send("q", "2");
  REQUIRE(b.commit([&](Transaction& tx) {
    b.queues->wait_for_room(tx, b.queue("q"), 71, b.time);
    b.queues->wait_for_room(tx, b.queue("q"), 72, b.time);
  }));
  b.roll_back([&](Transaction& tx) {
    b.queues->purge(tx, b.queue("q"), 1, b.time);
    CHECK(b.queues->take_roomy().size() == 1);
  });
  REQUIRE(b.commit([&](Transaction& tx) { b.queues->purge(tx, b.queue("q"), 1, b.time); }));
  CHECK_FALSE(Queues::has_room(b.queue("q")));  // It is for those who wait.
  holds(b, [&] {
    CHECK(b.queue("q").waiting == 2);
    CHECK(b.queues->waiting() == 2);
    CHECK(b.queues->has_roomy());
  });
  REQUIRE(b.commit([&](Transaction& tx) {
    CHECK(b.queues->take_roomy() == std::vector{b.queue("q").id});
    const auto next = b.queues->next_for_room(tx, b.queue("q"));
    REQUIRE(next.has_value());
    CHECK(next->who == 71);
    b.queues->leave_room_line(tx, b.queue("q"), next->place);
    b.queues->put(tx, b.message("q", "3"), b.time);
    CHECK_FALSE(b.queues->next_for_room(tx, b.queue("q")).has_value());
  }));
  holds(b, [&] { CHECK(b.queue("q").waiting == 1); });
}

}  // namespace
}  // namespace sluice::queue
