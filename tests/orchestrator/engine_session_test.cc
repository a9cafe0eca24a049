// Workers: sessions with credit, waits without a session, batches; and who gets what.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

namespace {

NewMessage message(const std::string& body = "1") {
  return {.queue = "bare",
          .body = doc(body),
          .headers = {},
          .delay = {},
          .expires = {},
          .dedup_id = {}};
}
void send(World& w, int count) {
  w.must(SendMessages{std::vector<NewMessage>(static_cast<std::size_t>(count), message())});
}

}  // namespace

TEST_CASE("a session gets as many messages as it has credit, and more as it ends them") {
  World w;
  const auto hands = std::make_shared<Hands>();
  w.subscribe(w.session(hands), "bare", 3);
  send(w, 5);
  REQUIRE(hands->tasks.size() == 3);
  w.complete(hands->tasks[0].token);
  CHECK(hands->tasks.size() == 4);
  w.must(FailTask{hands->tasks[1].token, "E", "c", seconds(5)});
  CHECK(hands->tasks.size() == 5);
  w.must(ReleaseTask{hands->tasks[2].token, seconds(5)});
  CHECK(hands->tasks.size() == 5);
  w.pass(seconds(6));
  CHECK(hands->tasks.size() == 6);
  w.sound();
}

TEST_CASE("messages go to the sessions in turn") {
  World w;
  std::vector<std::shared_ptr<Hands>> hands;
  for (int i = 0; i < 4; ++i) {
    hands.push_back(std::make_shared<Hands>());
    w.subscribe(w.session(hands.back()), "bare", 100);
  }
  for (int i = 0; i < 40; ++i) send(w, 1);
  send(w, 40);
  for (const auto& h : hands) CHECK(h->tasks.size() == 20);
}

TEST_CASE("a session's signs of life keep its leases; silence gives them back") {
  World w;
  const auto hands = std::make_shared<Hands>();
  const auto session = w.session(hands);
  w.subscribe(session, "bare", 1);
  send(w, 1);
  for (int i = 0; i < 60; ++i) {
    w.pass(seconds(5));
    w.engine->touch(session);
  }
  CHECK(w.stats("bare").leased == 1);
  w.pass(seconds(14));
  CHECK(w.stats("bare").leased == 1);
  w.pass(seconds(3));
  CHECK(w.stats("bare").ready == 1);
  CHECK(w.take("bare").attempt == 2);
  CHECK(w.code(CompleteTask{hands->tasks[0].token, doc("1")}) == "stale_token");
  w.sound();
}

TEST_CASE("a lost connection has two seconds to come back with what it holds") {
  World w;
  const auto hands = std::make_shared<Hands>();
  const auto session = w.session(hands);
  w.subscribe(session, "bare", 2);
  send(w, 3);
  REQUIRE(hands->tasks.size() == 2);
  w.engine->detach_session(session, hands.get(), false);
  w.engine->pump();
  w.pass(milliseconds(1'500));
  CHECK(w.stats("bare").leased == 2);
  SUBCASE("it does, with one of them: the other is handed out again") {
    const auto again = std::make_shared<Hands>();
    CHECK(w.session(again, {.worker = "worker",
                            .resume = session,
                            .holds = {hands->tasks[0].token, "nonsense"}}) == session);
    CHECK(w.taken_back == std::vector<std::string>{hands->tasks[0].token});
    w.subscribe(session, "bare", 2);
    CHECK(again->tasks.size() == 1);  // One is in its hands already.
    w.pass(seconds(10));
    w.engine->touch(session);
    w.complete(hands->tasks[0].token);
    CHECK(again->tasks.size() == 2);
    CHECK(w.code(CompleteTask{hands->tasks[1].token, doc("1")}) == "stale_token");
  }
  SUBCASE("it does not: everything is handed out again") {
    w.pass(seconds(2));
    CHECK(w.stats("bare").ready == 3);
    CHECK(w.stats("bare").consumers == 0);
    CHECK(w.code(CompleteTask{hands->tasks[0].token, doc("1")}) == "stale_token");
  }
  SUBCASE("the detaching of a connection that was replaced means nothing") {
    const auto again = std::make_shared<Hands>();
    w.session(again, {.worker = "worker",
                      .resume = session,
                      .holds = {hands->tasks[0].token, hands->tasks[1].token}});
    w.engine->detach_session(session, hands.get(), true);
    w.pass(seconds(5));
    CHECK(w.stats("bare").leased == 2);
  }
  w.sound();
}

TEST_CASE("a graceful end gives everything back at once and uses up no delivery") {
  World w;
  workflows::QueueSettings once;
  once.deliveries_max = 1;
  w.must(PutQueue{"bare", once});
  const auto hands = std::make_shared<Hands>();
  const auto session = w.session(hands);
  w.subscribe(session, "bare", 2);
  send(w, 2);
  w.engine->detach_session(session, hands.get(), true);
  w.engine->pump();
  CHECK(w.stats("bare").ready == 2);
  CHECK(w.letters().empty());
  w.sound();
}

TEST_CASE("after a restart a session has until its leases' own deadlines") {
  World w;
  const auto hands = std::make_shared<Hands>();
  const auto session = w.session(hands);
  w.subscribe(session, "bare", 3);
  send(w, 3);
  w.pass(seconds(10));
  w.engine->touch(session);
  w.reopen(seconds(600));
  w.pass(seconds(10));
  CHECK(w.stats("bare").leased == 3);
  const auto again = std::make_shared<Hands>();
  w.session(again, {.worker = "worker",
                    .resume = session,
                    .holds = {hands->tasks[0].token, hands->tasks[1].token}});
  CHECK(w.taken_back.size() == 2);
  w.subscribe(session, "bare", 3);
  CHECK(again->tasks.size() == 1);
  w.complete(hands->tasks[0].token);
  for (int i = 0; i < 12; ++i) {
    w.pass(seconds(5));
    w.engine->touch(session);
  }
  w.complete(hands->tasks[1].token);
  w.complete(again->tasks[0].token);
  w.sound();
  CHECK(w.stats("bare").depth() == 0);

  send(w, 2);
  w.reopen(seconds(600));
  w.pass(seconds(29), seconds(1));
  CHECK(w.stats("bare").leased == 2);
  w.pass(seconds(3), seconds(1));
  CHECK(w.stats("bare").ready == 2);
  w.sound();
}

TEST_CASE("an unsubscribed queue gives nothing more, and what is in hand can be finished") {
  World w;
  const auto hands = std::make_shared<Hands>();
  const auto session = w.session(hands);
  w.subscribe(session, "bare", 5);
  send(w, 1);
  w.engine->unsubscribe(session, "bare", [](Status s) { CHECK(s.has_value()); });
  send(w, 1);
  CHECK(hands->tasks.size() == 1);
  w.complete(hands->tasks[0].token);
  w.subscribe(session, "bare", 5);
  CHECK(hands->tasks.size() == 2);
  w.engine->subscribe("0000000000001", "bare", 1, [](Status s) { CHECK_FALSE(s.has_value()); });
  w.engine->pump();
}

TEST_CASE(
    "a wait without a session is answered by a message, by its end, or not at all when cancelled") {
  World w;
  std::vector<std::string> answers;
  const auto wait = [&](const std::string& name, Duration time) {
    return w.engine->lease({.queue = "bare", .max = 5, .wait = time, .lease = {}, .worker = name},
                           [&answers, name](Result<std::vector<Delivery>> r) {
                             REQUIRE(r.has_value());
                             answers.push_back(name + std::to_string(r->size()));
                           });
  };
  wait("a", seconds(10));
  wait("b", seconds(5));
  const auto c = wait("c", seconds(20));
  w.engine->pump();
  CHECK(w.stats("bare").consumers == 3);
  w.pass(seconds(6));
  CHECK(answers == std::vector<std::string>{"b0"});
  send(w, 1);
  CHECK(answers == std::vector<std::string>{"b0", "a1"});
  w.engine->cancel_lease(c);
  w.pass(seconds(30));
  CHECK(answers.size() == 2);
  CHECK(w.stats("bare").consumers == 0);
  for (const auto& task : w.lease("bare", 5)) w.complete(task.token);
  // Cancelled in the very batch that served it: the message goes to the next at once.
  const auto d = wait("d", seconds(20));
  w.engine->pump();
  w.engine->submit<SendMessages>(SendMessages{{message()}}, [](auto) {});
  w.engine->cancel_lease(d);
  w.engine->pump();
  CHECK(answers == std::vector<std::string>{"b0", "a1"});
  CHECK(w.take("bare").body.text() == "1");
  w.sound();
}

TEST_CASE("a run that is cancelled in the batch that handed it out costs its worker nothing") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const auto hands = std::make_shared<Hands>();
  w.subscribe(w.session(hands), "pay", 1);
  const RunId stopped = [&] {
    RunId id;
    // Named, so that its id is known within the batch by asking for it again.
    w.engine->submit_batch({World::starting("orders")}, false, {},
                           [&](Result<Engine::BatchReply> r) {
                             REQUIRE(r.has_value());
                             id = std::get<StartRun::Reply>(*r->items.at(0)).id;
                           });
    w.engine->pump();
    return id;
  }();
  w.complete(hands->tasks.at(0).token);
  CHECK(w.status(stopped) == "SUCCEEDED");
  // The failure of a run with a waiting retry hands it out and cancels it in one go.
  const RunId run = w.start("orders");
  w.must(ReleaseTask{hands->tasks.at(1).token, seconds(5)});
  w.clock.advance(seconds(6));
  w.engine->submit<CancelRun>(CancelRun{run, {}}, [](auto) {});
  w.engine->pump();
  w.start("orders");
  CHECK(hands->tasks.back().run != run);
  w.sound();
}

TEST_CASE("thousands wait at once and every one is served once") {
  World w;
  int served = 0, empty = 0;
  for (int i = 0; i < 5'000; ++i)
    w.engine->lease({.queue = "bare", .max = 1, .wait = seconds(10), .lease = {}, .worker = "w"},
                    [&](Result<std::vector<Delivery>> r) {
                      REQUIRE(r.has_value());
                      (r->empty() ? empty : served) += 1;
                    });
  w.engine->pump();
  CHECK(w.stats("bare").consumers == 5'000);
  for (int i = 0; i < 4; ++i) send(w, 1'000);
  CHECK(served == 4'000);
  w.advance(seconds(11));
  CHECK(empty == 1'000);
  CHECK(w.stats("bare").consumers == 0);
  w.sound();
}

TEST_CASE("an atomic batch does all or nothing, and says which item was refused") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const auto task = w.take("pay");
  const auto batch = [&](bool atomic) {
    std::optional<Engine::BatchReply> reply;
    std::vector<AnyCommand> commands{World::starting("orders"), CompleteTask{task.token, doc("{}")},
                                     World::starting("missing"), SendMessages{{message()}}};
    w.engine->submit_batch(std::move(commands), atomic, {}, [&](Result<Engine::BatchReply> r) {
      REQUIRE(r.has_value());
      reply = *std::move(r);
    });
    w.engine->pump();
    REQUIRE(reply.has_value());
    std::string codes;
    for (const auto& item : reply->items)
      codes += item ? "ok " : std::string(to_string(item.error().code)) + " ";
    return codes;
  };
  CHECK(batch(true) == "conflict conflict not_found conflict ");
  holds(w, [&] {
    CHECK(w.status(run) == "RUNNING");
    CHECK(w.stats("pay").leased == 1);
    CHECK(w.stats("pay").ready == 0);
    CHECK_FALSE(w.engine->queue("bare").has_value());
  });
  CHECK(batch(false) == "ok ok not_found ok ");
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.stats("pay").ready == 1);
    CHECK(w.stats("bare").ready == 1);
  });
}

TEST_CASE("a batch may take the next tasks in the same commit, and does not wait for them") {
  World w;
  send(w, 3);
  const auto first = w.take("bare");
  const auto batch = [&](const std::string& token) {
    std::vector<Delivery> tasks;
    const auto commits = w.engine->stats().commits;
    w.engine->submit_batch(
        {CompleteTask{token, doc("1")}}, false,
        LeaseRequest{.queue = "bare", .max = 2, .wait = seconds(20), .lease = {}, .worker = "w"},
        [&](Result<Engine::BatchReply> r) {
          REQUIRE(r.has_value());
          CHECK(r->items.at(0).has_value());
          tasks = std::move(r->tasks);
        });
    w.engine->pump();
    CHECK(w.engine->stats().commits == commits + 1);
    return tasks;
  };
  const auto next = batch(first.token);
  REQUIRE(next.size() == 2);
  CHECK(batch(next[0].token).empty());
  CHECK(w.stats("bare").consumers == 0);
  send(w, 1);
  CHECK(w.stats("bare").ready == 1);
  CHECK(w.stats("bare").leased == 1);
  w.sound();
}

TEST_CASE(
    "an Idempotency-Key gives the first answer again, also after a restart; another body is a "
    "conflict") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const auto start = [&](const std::string& key, const std::string& fingerprint,
                         const std::string& workflow = "orders") {
    std::string text;
    w.engine->submit<StartRun>(
        World::starting(workflow), Engine::Idempotency{key, fingerprint},
        [](const Result<StartRun::Reply>& r) {
          return r ? to_string(r->id) : std::string(to_string(r.error().code));
        },
        [&](Result<std::string> r) {
          text = r ? *r : "refused " + std::string(to_string(r.error().code));
        });
    w.engine->pump();
    return text;
  };
  const std::string first = start("k", "f");
  CHECK(first.size() == 13);
  CHECK(start("n", "f", "later") == "not_found");
  holds(w, [&] {
    CHECK(start("k", "f") == first);
    CHECK(start("k", "g") == "refused conflict");
    CHECK(w.stats("pay").ready == 1);
  });
  w.deploy("later", stages({"Pay"}));
  CHECK(start("n", "f", "later").size() == 13);  // A refusal is not kept.
  w.advance(seconds(86'401));
  CHECK(start("k", "f") != first);
}

TEST_CASE("a queue shared by workflows serves them in turn") {
  World w;
  w.deploy("a", stages({"Pay"}));
  w.deploy("b", stages({"Pay"}));
  for (int i = 0; i < 20; ++i) w.start("a");
  for (int i = 0; i < 3; ++i) w.start("b");
  std::string order;
  for (const auto& task : w.lease("pay", 6)) order += task.workflow;
  CHECK(std::count(order.begin(), order.end(), 'b') == 3);
  w.sound();
}

TEST_CASE("a stopped engine takes nothing and says so") {
  World w;
  w.engine->stop();
  CHECK(w.refused(SendMessages{{message()}}).code == Errc::unavailable);
}

TEST_CASE("a watched run is told of after each commit that touched it, and of its end") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders");
  std::string told;
  const auto id = w.engine->watch(run, [&](bool ended) { told += ended ? 'E' : 'c'; });
  w.start("orders");
  CHECK(told.empty());
  w.complete(w.take("pay").token);
  w.must(CancelRun{run, {}});
  CHECK(told == "cE");
  w.engine->unwatch(id);
  w.must(RedriveRun{run, {}, {}, {}});
  CHECK(told == "cE");
}

}  // namespace sluice::orchestrator::engine_test
