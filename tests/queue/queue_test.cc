#include "queue/queue.h"

#include <list>

#include "queue/queue_fixture.h"
#include "queue/statements.h"

namespace sluice::queue {

TEST_CASE("messages are taken in the order in which they came") {
  Bench b;
  for (const char* body : {"1", "2", "3", "4"}) b.send("q", body);
  holds(b, [&] { CHECK(b.queue("q").ready == 4); });
  b.send("q", "5");
  b.subscribe("q", 10);
  CHECK(b.bodies() == "12345");
  b.sound();
}

TEST_CASE("a higher priority is worth a minute of waiting for each step, and nothing starves") {
  Bench b;
  b.send("q", "1", 4);
  b.advance(seconds(59));
  b.send("q", "2", 5);  // One step, and 59 s later: before it.
  b.advance(seconds(2));
  b.send("q", "3", 5);  // 61 s later: behind it.
  b.send("q", "4", 9);
  b.send("q", "5", 0);
  b.reopen();
  b.subscribe("q", 10);
  CHECK(b.bodies() == "42135");
}

TEST_CASE("a waiting consumer is handed a message in the transaction that sends it, and in turn") {
  Bench b;
  const auto one = b.subscribe("q", 2), two = b.subscribe("q", 1, SessionId{2});
  for (const char* body : {"1", "2", "3", "4"}) b.send("q", body);
  REQUIRE(b.given.size() == 3);
  CHECK(b.given[0].consumer == one);
  CHECK(b.given[1].consumer == two);
  CHECK(b.given[2].consumer == one);
  CHECK(b.queue("q").ready == 1);
  CHECK(b.queue("q").leased == 3);
  b.commit([&](Transaction& tx) { b.queues->remove(tx, b.lease(1), b.time); });
  CHECK(b.given.size() == 4);
  CHECK(b.given[3].consumer == two);
  holds(b, [&] { CHECK(b.queue("q").leased == 3); });
}

TEST_CASE("a delayed message comes when it is due, by the clock it was given") {
  Bench b;
  b.subscribe("q", 10);
  Put wall = b.message("q", "1"), engine = b.message("q", "2");
  wall.due = Due{ClockKind::wall, (b.time.wall + seconds(10)).us};
  engine.due = Due{ClockKind::engine, (b.time.engine + seconds(10)).us};
  b.commit([&](Transaction& tx) {
    b.queues->put(tx, wall, b.time);
    b.queues->put(tx, engine, b.time);
  });
  CHECK(b.given.empty());
  CHECK(b.queues->next_engine_due() == EngineTime{engine.due->us});
  holds(b, [&] { CHECK(b.queue("q").delayed == 2); });
  b.subscribe("q", 10);
  b.time.wall = b.time.wall + seconds(11);
  b.commit([](Transaction&) {});
  CHECK(b.bodies() == "1");
  b.time.engine = b.time.engine + seconds(11);
  b.commit([](Transaction&) {});
  CHECK(b.bodies() == "12");
  b.sound();
}

TEST_CASE("what was due is due again after a rollback") {
  Bench b;
  b.subscribe("q", 10);
  Put put = b.message("q", "1");
  put.due = Due{ClockKind::engine, seconds(10).us};
  put.expires = b.time.wall + seconds(100);
  b.commit([&](Transaction& tx) { b.queues->put(tx, put, b.time); });
  b.advance(seconds(11));
  b.roll_back([&](Transaction& tx) {
    b.queues->wake_due(tx, b.time, 256);
    CHECK_FALSE(b.queues->next_engine_due().has_value());
  });
  CHECK(b.queues->next_engine_due().has_value());
  b.sound();
  b.commit([](Transaction&) {});
  CHECK(b.bodies() == "1");
  b.sound();
}

TEST_CASE("a message that nobody claims in time has expired; one that was claimed has not") {
  Bench b;
  Put put = b.message("q", "1"), other = b.message("q", "2");
  put.expires = other.expires = b.time.wall + seconds(10);
  b.commit([&](Transaction& tx) { b.queues->put(tx, put, b.time); });
  b.subscribe("q", 1);
  b.commit([&](Transaction& tx) { b.queues->put(tx, other, b.time); });
  b.advance(seconds(11));
  b.commit([&](Transaction& tx) {
    const auto gone = b.queues->expired(tx, b.time, 10);
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].id == other.id);
    CHECK(gone[0].body == "2");
    b.queues->remove_stored(tx, gone[0], b.time);
  });
  holds(b, [&] {
    CHECK(b.queue("q").leased == 1);
    CHECK(b.queue("q").ready == 0);
  });
}

TEST_CASE("each hand-out has a fence of its own, which only grows") {
  Bench b;
  const auto id = b.send("q", "1");
  b.subscribe("q", 1);
  CHECK(b.given.at(0).lease == LeaseKey{id, 1});
  b.commit(
      [&](Transaction& tx) { b.queues->give_back(tx, b.lease(0), {}, 1, "[1]", false, b.time); });
  REQUIRE(b.given.size() == 2);
  CHECK(b.given[1].lease == LeaseKey{id, 2});
  CHECK(b.queues->find_lease(b.given[0].lease) == nullptr);
  CHECK(b.lease(1).attempt == 2);
  CHECK(b.lease(1).lost == 1);
  b.reopen();
  b.database->read([&](Reader& reader) {
    const auto stored = b.queues->stored(reader, id);
    REQUIRE(stored.has_value());
    CHECK(stored->fence == 2);
    CHECK(stored->failures == "[1]");
  });
}

TEST_CASE("a lease of nobody's runs out at its deadline, unless it is extended") {
  Bench b;
  b.send("q", "1");
  b.subscribe("q", 1, SessionId{});
  CHECK(b.queues->first_deadline() == b.time.engine + seconds(30));
  b.advance(seconds(29));
  CHECK(b.past() == 0);
  b.commit([&](Transaction& tx) {
    b.queues->extend(tx, b.lease(0), b.time.engine + seconds(30), true);
  });
  b.roll_back([&](Transaction& tx) { b.queues->extend(tx, b.lease(0), b.time.engine, true); });
  b.advance(seconds(29));
  const auto key = b.given.at(0).lease;
  holds(b, [&] { CHECK(b.past() == 0); });
  b.advance(seconds(2));
  CHECK(b.past() == 1);
  CHECK(b.queues->past_deadline(b.time.engine, 10).at(0) == key);
}

TEST_CASE("a session's lease has no deadline of its own until its session is gone") {
  Bench b;
  b.send("q", "1");
  b.subscribe("q", 1, SessionId{5});
  b.advance(seconds(100));
  CHECK(b.past() == 0);
  CHECK(b.queues->leases_of(SessionId{5}).size() == 1);
  b.reopen();
  CHECK(b.past() == 1);
  CHECK(b.queues->leases_of(SessionId{5}).size() == 1);
}

TEST_CASE("what is over stays in its worker's hands until it lets go") {
  Bench b;
  b.send("q", "1");
  b.send("q", "2");
  const auto consumer = b.subscribe("q", 1);
  b.commit([&](Transaction& tx) {
    const Lease copy = b.lease(0);
    b.queues->mark_over(b.lease(0));
    b.queues->remove(tx, copy, b.time);
  });
  CHECK(b.given.size() == 1);
  CHECK(b.queues->consumer(consumer)->in_hands == 1);
  b.commit([&](Transaction&) { b.queues->returned(b.lease(0)); });
  CHECK(b.bodies() == "12");
  b.sound();
}

TEST_CASE("a paused queue and a paused lane hand out nothing; time paused is counted") {
  Bench b;
  b.subscribe("q", 10);
  b.commit([&](Transaction& tx) { b.queues->pause(tx, b.queue("q"), true, b.time); });
  b.send("q", "1");
  b.advance(seconds(10));
  CHECK(Queues::paused_for(b.queue("q"), b.time.engine) == seconds(10));
  holds(b, [&] {
    CHECK(b.queue("q").paused);
    CHECK(b.given.empty());
  });
  b.subscribe("q", 10);
  b.commit([&](Transaction& tx) { b.queues->pause(tx, b.queue("q"), false, b.time); });
  CHECK(b.bodies() == "1");
  Put put = b.message("q", "2");
  put.lane = 7;
  b.commit([&](Transaction&) { b.queues->pause_lane(7, true); });
  b.commit([&](Transaction& tx) { b.queues->put(tx, put, b.time); });
  b.send("q", "3");
  CHECK(b.bodies() == "13");
  b.roll_back([&](Transaction&) { b.queues->pause_lane(7, false); });
  CHECK(b.queues->lane_paused(7));
  b.commit([&](Transaction&) { b.queues->pause_lane(7, false); });
  CHECK(b.bodies() == "132");
  CHECK(Queues::paused_for(b.queue("q"), b.time.engine + seconds(99)) == seconds(10));
}

TEST_CASE("lanes take turns, however long the one is") {
  Bench b;
  for (int i = 0; i < 10; ++i) {
    Put put = b.message("q", "1");
    put.lane = 1;
    b.commit([&](Transaction& tx) { b.queues->put(tx, put, b.time); });
  }
  for (int i = 0; i < 3; ++i) {
    Put put = b.message("q", "2");
    put.lane = 2;
    b.commit([&](Transaction& tx) { b.queues->put(tx, put, b.time); });
  }
  b.subscribe("q", 8);
  CHECK((b.bodies() == "12121211" || b.bodies() == "21212111"));
  b.sound();
}

TEST_CASE("a held message waits for its owner's word") {
  Bench b;
  b.subscribe("q", 5);
  Put put = b.message("q", "1");
  put.held = true;
  b.commit([&](Transaction& tx) { b.queues->put(tx, put, b.time); });
  holds(b, [&] { CHECK(b.queue("q").held == 1); });
  b.subscribe("q", 5);
  b.commit(
      [&](Transaction& tx) { b.queues->unhold(tx, *b.queues->stored(tx, put.id), {}, b.time); });
  CHECK(b.bodies() == "1");
  b.sound();
}

TEST_CASE("an owned message moves from queue to queue as one row, and keeps its number") {
  Bench b;
  Put put = b.message("one", "1");
  put.owner = "frame";
  put.lane = 3;
  b.commit([&](Transaction& tx) { b.queues->put(tx, put, b.time); });
  b.subscribe("one", 1);
  const auto next = b.subscribe("two", 1);
  Put on = put;
  on.queue = b.queue("two").id;
  on.body = Doc::from_text("2");
  on.fence = 1;
  b.commit([&](Transaction& tx) { b.queues->move(tx, b.lease(0), on, b.time); });
  REQUIRE(b.given.size() == 2);
  CHECK(b.given[1].consumer == next);
  CHECK(b.given[1].lease == LeaseKey{put.id, 2});
  holds(b, [&] {
    CHECK(b.queue("one").leased == 0);
    CHECK(b.queue("two").leased == 1);
  });
  // With a story it is not handed over directly, so that the story is kept.
  Put again = on;
  again.fence = 2;
  again.failures = "[{}]";
  b.commit([&](Transaction& tx) {
    b.queues->move(tx, *b.queues->find_lease({put.id, 2}), again, b.time);
  });
  b.sound();
  b.database->read(
      [&](Reader& reader) { CHECK(b.queues->stored(reader, put.id)->failures == "[{}]"); });
}

TEST_CASE(
    "a dead letter is counted while it is open, found by queue, run and error, and closed once") {
  Bench b;
  const QueueId q = b.queue("q").id;
  NewDeadLetter letter;
  letter.queue = q;
  letter.error = "E";
  letter.cause = "c";
  letter.attempts = 2;
  letter.body = "{}";
  letter.failures = R"([{"attempt":1},{"attempt":2}])";
  for (int i = 1; i <= 3; ++i) {
    letter.id = DeadLetterId{100 + i};
    b.commit([&](Transaction& tx) { b.queues->add_dead_letter(tx, letter, b.time); });
  }
  b.roll_back([&](Transaction& tx) {
    letter.id = DeadLetterId{200};
    b.queues->add_dead_letter(tx, letter, b.time);
  });
  holds(b, [&] {
    CHECK(b.queue("q").dead == 3);
    b.database->read([&](Reader& reader) {
      CHECK(b.queues->count_open(reader, q, {}) == 3);
      CHECK(b.queues->count_open(reader, q, "F") == 0);
      CHECK(b.queues->open_dead_letters(reader, q, DeadLetterId{101}, "E", 10).size() == 2);
      CHECK(b.queues->open_dead_letters(reader, std::nullopt, DeadLetterId{}, {}, 2).size() == 2);
      const auto found = b.queues->dead_letter(reader, DeadLetterId{101});
      REQUIRE(found.has_value());
      CHECK(found->open);
      CHECK(found->error == "E");
      CHECK_FALSE(b.queues->dead_letter(reader, DeadLetterId{200}).has_value());
    });
  });
  b.commit([&](Transaction& tx) {
    const auto found = *b.queues->dead_letter(tx, DeadLetterId{101});
    CHECK(b.queues->close_dead_letter(tx, found, false, "no use"));
    CHECK_FALSE(b.queues->close_dead_letter(tx, found, true, ""));
  });
  holds(b, [&] { CHECK(b.queue("q").dead == 2); });
}

TEST_CASE("a dedup id is remembered for its time, per queue") {
  Bench b;
  Queue& q = b.queue("q");
  Queue& other = b.queue("other");
  b.commit([&](Transaction& tx) { b.queues->remember_dedup(tx, q, "x", MessageId{9}, b.time); });
  const auto find = [&](Queue& in) {
    std::optional<MessageId> found;
    b.commit([&](Transaction& tx) { found = b.queues->find_duplicate(tx, in, "x", b.time); });
    return found;
  };
  CHECK(find(q) == MessageId{9});
  CHECK_FALSE(find(other).has_value());
  b.advance(seconds(299));
  CHECK(find(q) == MessageId{9});
  b.advance(seconds(2));
  CHECK_FALSE(find(q).has_value());
  b.commit([&](Transaction& tx) { b.queues->sweep(tx, b.time); });
  b.time.wall = b.time.wall - seconds(10);
  CHECK_FALSE(find(q).has_value());  // It is gone, not only too old.
}

TEST_CASE("verbs that took effect are remembered by hand-out for ten minutes") {
  Bench b;
  b.commit([&](Transaction& tx) {
    b.queues->remember_settled(tx, {MessageId{5}, 1}, Verb::fail, b.time);
    b.queues->remember_settled(tx, {MessageId{5}, 2}, Verb::complete, b.time);
  });
  const auto find = [&](std::int64_t fence) {
    std::optional<Verb> verb;
    b.database->read([&](Reader& reader) {
      verb = b.queues->find_settled(reader, {MessageId{5}, fence});
    });
    return verb;
  };
  holds(b, [&] {
    CHECK(find(1) == Verb::fail);
    CHECK(find(2) == Verb::complete);
    CHECK_FALSE(find(3).has_value());
  });
  b.advance(seconds(601));
  b.commit([&](Transaction& tx) {
    b.queues->remember_settled(tx, {MessageId{5}, 3}, Verb::release, b.time);
    b.queues->sweep(tx, b.time);
  });
  CHECK_FALSE(find(1).has_value());
  CHECK(find(3) == Verb::release);
}

TEST_CASE(
    "a purge takes ready and delayed bare messages, a step at a time, and leaves what is leased or "
    "owned") {
  Bench b;
  for (int i = 0; i < 5; ++i) b.send("q", "1");
  b.subscribe("q", 1);
  Put delayed = b.message("q", "2"), owned = b.message("q", "3");
  delayed.due = Due{ClockKind::engine, seconds(100).us};
  owned.lane = 4;
  owned.owner = "frame";
  b.commit([&](Transaction& tx) {
    b.queues->put(tx, delayed, b.time);
    b.queues->put(tx, owned, b.time);
  });
  std::int64_t removed = 0;
  b.commit([&](Transaction& tx) { removed = b.queues->purge(tx, b.queue("q"), 3, b.time); });
  CHECK(removed == 3);
  b.roll_back([&](Transaction& tx) { CHECK(b.queues->purge(tx, b.queue("q"), 100, b.time) == 2); });
  b.commit([&](Transaction& tx) { removed = b.queues->purge(tx, b.queue("q"), 100, b.time); });
  CHECK(removed == 2);
  holds(b, [&] {
    CHECK(b.queue("q").leased == 1);
    CHECK(b.queue("q").ready == 1);
    CHECK(b.queue("q").delayed == 0);
  });
}

TEST_CASE("a deleted queue's number is not given again") {
  Bench b;
  const auto first = b.queue("one").id;
  b.roll_back([&](Transaction& tx) { b.queues->erase(tx, b.queue("one")); });
  CHECK(b.queues->find("one") != nullptr);
  b.commit([&](Transaction& tx) { b.queues->erase(tx, b.queue("one")); });
  CHECK(b.queues->find("one") == nullptr);
  b.reopen();
  CHECK(b.queue("two").id != first);
}

TEST_CASE("a consumer keeps its place through every rollback") {
  Bench b;
  const auto id = b.subscribe("q", 1);
  // Passed over in line because it may not take; then it may, after all.
  b.roll_back([&](Transaction& tx) {
    b.queues->set_credit(*b.queues->consumer(id), 0);
    b.queues->put(tx, b.message("q", "0"), b.time);
  });
  b.roll_back([&](Transaction& tx) {
    b.queues->remove_consumer(id);
    b.queues->put(tx, b.message("q", "0"), b.time);
  });
  b.roll_back([&](Transaction& tx) { b.queues->put(tx, b.message("q", "0"), b.time); });
  CHECK(b.queues->consumer(id)->in_hands == 0);
  b.send("q", "1");
  CHECK(b.bodies() == "1");
  b.roll_back([&](Transaction& tx) { b.queues->remove(tx, b.lease(0), b.time); });
  CHECK(b.queues->consumer(id)->in_hands == 1);
  b.sound();
}

TEST_CASE("a dispatch that fails at any statement is done again") {
  for (std::int64_t nth = 1; nth <= 12; ++nth) {
    CAPTURE(nth);
    Bench b;
    for (const char* name : {"p", "q"})
      for (int i = 0; i < 3; ++i) b.send(name, "1");
    b.database->fail_at(nth);
    Consumer consumer;
    consumer.session = SessionId{1};
    consumer.credit = 10;
    const QueueId p = b.queue("p").id, q = b.queue("q").id;
    const auto subscribe = [&](Transaction&) {
      for (const auto id : {p, q}) {
        consumer.queue = id;
        b.queues->add_consumer(consumer);
      }
    };
    if (!b.commit(subscribe)) REQUIRE(b.commit(subscribe));
    b.database->forgive();
    CHECK(b.given.size() == 6);
    b.sound();
    // A rollback after the dispatch of what waits: the next batch does it.
    for (std::size_t i = 0; i < 6; ++i)
      b.commit([&](Transaction& tx) { b.queues->remove(tx, b.lease(i), b.time); });
    b.sound();
  }
}

TEST_CASE("the hot statements search an index; none scans a table or sorts") {
  Bench b;
  const storage::Sql* statements[] = {
      &sql::next_ready,       &sql::lease_ready,       &sql::oldest_ready,  &sql::extend_lease,
      &sql::release,          &sql::delete_message,    &sql::find_message,  &sql::next_due,
      &sql::due_messages,     &sql::make_ready,        &sql::next_expiring, &sql::expired_messages,
      &sql::move_leased,      &sql::move_message,      &sql::purge_ready,   &sql::purge_delayed,
      &sql::find_dedup,       &sql::find_settled,      &sql::open_of_run,   &sql::open_of_queue,
      &sql::find_dead_letter, &sql::close_dead_letter, &sql::hold_message,  &sql::unhold_message};
  std::list<std::string> texts;
  std::list<storage::Sql>
      explains;  // Prepared statements are known by the address of their text's constant.
  for (const auto* statement : statements) {
    texts.push_back("EXPLAIN QUERY PLAN " + std::string(statement->text));
    const storage::Sql& explain = explains.emplace_back(storage::Sql{"test.explain", texts.back()});
    b.database->read([&](Reader& reader) {
      bool any = false;
      for (auto q = reader.query(explain); q.step(); any = true) {
        const std::string plan(q.text(3));
        INFO(statement->name << ": " << plan);
        CHECK(plan.starts_with("SEARCH"));
        CHECK(plan.find("TEMP B-TREE") == std::string::npos);
      }
      CHECK(any);
    });
  }
}

}  // namespace sluice::queue
