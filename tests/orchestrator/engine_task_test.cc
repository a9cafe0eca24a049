// A task in a worker's hands: verbs, tokens, leases, heartbeats, time-outs.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

namespace {

std::string one_task(const std::string& extra, const std::string& resource = "queue:pay") {
  return R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":")" + resource + "\"," +
         extra + R"("End":true}}})";
}
NewMessage message(const std::string& queue, const std::string& body = "1") {
  return {
      .queue = queue, .body = doc(body), .headers = {}, .delay = {}, .expires = {}, .dedup_id = {}};
}
FailTask failing(const std::string& token, const std::string& error = "Broken") {
  return {token, error, "it broke", {}};
}

}  // namespace

TEST_CASE("a verb that took effect is answered ok again; any other verb after it is stale") {
  World w;
  w.deploy("orders",
           stages({"Pay", "Ship"}, R"("Retry":[{"ErrorEquals":["Broken"],"IntervalSeconds":1}])"));
  const RunId run = w.start("orders");
  const std::string failed = w.take("pay").token;
  w.must(failing(failed));
  w.pass(seconds(2));
  const std::string released = w.take("pay").token;
  w.must(ReleaseTask{released, {}});
  const std::string completed = w.take("pay").token;
  w.complete(completed);
  const auto length = w.history(run).size();
  holds(w, [&] {
    CHECK(w.code(failing(failed)) == "ok");
    CHECK(w.code(CompleteTask{failed, doc("{}")}) == "stale_token");
    CHECK(w.code(ReleaseTask{failed, {}}) == "stale_token");
    CHECK(w.code(HeartbeatTask{failed, {}}) == "stale_token");
    CHECK(w.code(ReleaseTask{released, {}}) == "ok");
    CHECK(w.code(CompleteTask{released, doc("{}")}) == "stale_token");
    CHECK(w.code(failing(released)) == "stale_token");
    CHECK(w.code(CompleteTask{completed, doc("[1]")}) == "ok");
    CHECK(w.code(failing(completed)) == "stale_token");
    CHECK(w.code(CompleteTask{"nonsense", doc("{}")}) == "stale_token");
    CHECK(w.history(run).size() == length);
    CHECK(w.stats("ship").ready == 1);
  });
  w.complete(w.take("ship").token);
  holds(w, [&] { CHECK(w.code(CompleteTask{completed, doc("{}")}) == "ok"); });
}

TEST_CASE("verbs on a bare message are recognised for ten minutes, each hand-out for itself") {
  World w;
  w.must(SendMessages{{message("bare")}});
  const std::string failed = w.take("bare").token;
  w.must(failing(failed));
  const std::string completed = w.take("bare").token;
  w.complete(completed);
  holds(w, [&] {
    CHECK(w.code(failing(failed)) == "ok");
    CHECK(w.code(CompleteTask{failed, doc("1")}) == "stale_token");
    CHECK(w.code(CompleteTask{completed, doc("1")}) == "ok");
    CHECK(w.code(failing(completed)) == "stale_token");
  });
  w.pass(seconds(700), seconds(1));
  w.must(SendMessages{{message("bare")}});
  w.pass(seconds(700), seconds(1));
  CHECK(w.code(CompleteTask{completed, doc("1")}) == "stale_token");
  w.sound();
}

TEST_CASE("error names of the service's own are refused to workers") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const auto task = w.take("pay");
  CHECK(w.refused(failing(task.token, "States.Timeout")).code == Errc::invalid_argument);
  CHECK(w.refused(failing(task.token, "Sluice.Anything")).code == Errc::invalid_argument);
  w.complete(task.token);
  CHECK(w.status(run) == "SUCCEEDED");
}

TEST_CASE("a lease that runs out is handed out again, and the late worker is refused") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const auto first = w.take("pay");
  w.pass(seconds(29));
  CHECK(w.lease("pay").empty());
  w.pass(seconds(2));
  const auto second = w.take("pay");
  CHECK(second.attempt == 2);
  CHECK(second.idempotency_key == first.idempotency_key);
  holds(w, [&] {
    CHECK(w.code(CompleteTask{first.token, doc("{}")}) == "stale_token");
    CHECK(w.code(failing(first.token)) == "stale_token");
    CHECK(w.status(run) == "RUNNING");
  });
  w.complete(second.token);
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.story(run) ==
          "ExecutionStarted TaskStateEntered(Pay) TaskScheduled(Pay) TaskStarted(Pay) "
          "TaskLost(Pay) TaskStarted(Pay) "
          "TaskSucceeded(Pay) TaskStateExited(Pay) ExecutionSucceeded");
  });
}

TEST_CASE("a task that is lost too often fails its stage with the service's own error") {
  World w;
  w.deploy("orders",
           stages({"Pay"}, "", R"("Queues":{"pay":{"MaxDeliveries":2,"LeaseSeconds":5}})"));
  const RunId run = w.start("orders");
  const auto first = w.take("pay");
  w.pass(seconds(6));
  const auto second = w.take("pay");
  w.pass(seconds(6));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "Sluice.DeliveriesExhausted");
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].attempt_list.size() == 2);
    CHECK(w.code(failing(second.token)) == "stale_token");
    CHECK(w.code(CompleteTask{second.token, doc("{}")}) == "stale_token");
  });
}

TEST_CASE("a queue that hands out at most once never does so twice") {
  World w;
  w.deploy("orders", stages({"Pay"}, "", R"("Queues":{"pay":{"Delivery":"AtMostOnce"}})"));
  const RunId run = w.start("orders");
  w.take("pay");
  w.pass(seconds(31));
  holds(w, [&] {
    CHECK(w.detail(run).error == "Sluice.DeliveryLost");
    CHECK(w.lease("pay").empty());
  });
}

TEST_CASE("a heartbeat extends the lease; engine time stands still while the server is down") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  w.start("orders");
  const auto task = w.take("pay");
  w.pass(seconds(20));
  w.must(HeartbeatTask{task.token, {}});
  w.pass(seconds(25));
  w.reopen(seconds(3'600));
  CHECK(w.lease("pay").empty());
  w.must(HeartbeatTask{task.token, {}});
  w.pass(seconds(28));
  CHECK(w.lease("pay").empty());
  w.complete(task.token);
  w.sound();
}

TEST_CASE("TimeoutSeconds ends an attempt however the worker does, anew for each") {
  World w;
  w.deploy(
      "orders",
      one_task(
          R"("TimeoutSeconds":10,"Retry":[{"ErrorEquals":["States.Timeout"],"IntervalSeconds":1,"MaxAttempts":1}],)"));
  const RunId run = w.start("orders");
  const auto first = w.take("pay");
  w.pass(seconds(8));
  w.must(HeartbeatTask{first.token, {}});
  w.reopen(seconds(3'600));
  w.pass(seconds(1));
  CHECK(w.code(HeartbeatTask{first.token, {}}) == "ok");
  w.pass(seconds(4));
  CHECK(w.code(CompleteTask{first.token, doc("{}")}) == "stale_token");
  const auto second = w.take("pay");
  CHECK(second.attempt == 2);
  w.pass(seconds(6));
  CHECK(w.code(HeartbeatTask{second.token, {}}) == "ok");
  w.pass(seconds(6));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "States.Timeout");
    REQUIRE(w.letters().size() == 1);
    CHECK(w.letters()[0].attempt_list.size() == 2);
  });
}

TEST_CASE(
    "HeartbeatSeconds counts from the hand-out and from each beat, also after a restart and a "
    "pause") {
  World w;
  w.deploy("orders", one_task(R"("TimeoutSeconds":900,"HeartbeatSeconds":10,)"));
  const RunId run = w.start("orders");
  w.pass(seconds(60));  // Waiting for a worker is no missed beat.
  const auto task = w.take("pay");
  CHECK(task.heartbeat == seconds(10));
  const auto beat = [&](int times) {
    for (int i = 0; i < times; ++i) {
      w.pass(seconds(8));
      REQUIRE(w.code(HeartbeatTask{task.token, {}}) == "ok");
    }
  };
  beat(4);
  w.reopen(seconds(100));
  beat(4);
  w.must(PauseRun{run});
  w.must(ResumeRun{run});
  beat(4);
  CHECK(w.status(run) == "RUNNING");
  w.pass(seconds(11));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "States.Timeout");
  });
}

TEST_CASE("a .waitForTaskToken state waits for its token, not for the message") {
  World w;
  w.deploy(
      "orders",
      R"({"StartAt":"Ask","States":{"Ask":{"Type":"Task","Resource":"queue:ask.waitForTaskToken",
    "Parameters":{"token.$":"$$.Task.Token","order.$":"$.order"},"Next":"Rest"},
    "Rest":{"Type":"Wait","Seconds":60,"End":true}}})");
  const RunId run = w.start("orders", R"({"order":7})");
  const auto call = w.take("ask");
  CHECK(call.body.json()["order"] == 7);
  const std::string token = call.body.json()["token"];
  w.complete(call.token);
  holds(w, [&] {
    CHECK(w.status(run) == "RUNNING");
    CHECK(w.detail(run).waiting_for.at(0).kind == "token");
    CHECK(w.code(CompleteTask{call.token, doc("{}")}) == "ok");
    CHECK(w.code(ReleaseTask{token, {}}) == "conflict");
    CHECK(w.code(HeartbeatTask{token, {}}) == "ok");
  });
  w.complete(token, R"({"said":"yes"})");
  holds(w, [&] {
    CHECK(w.detail(run).waiting_for.at(0).state == "Rest");
    CHECK(w.code(CompleteTask{token, doc("{}")}) == "ok");
    CHECK(w.code(failing(token)) == "stale_token");
    CHECK(w.code(HeartbeatTask{token, {}}) == "stale_token");
  });
  w.pass(seconds(61), seconds(5));
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.code(CompleteTask{token, doc("{}")}) == "ok");
  });
}

TEST_CASE("a task token's retries count their attempts, tell them all, and end the earlier token") {
  World w;
  w.deploy(
      "orders",
      R"({"StartAt":"Ask","States":{"Ask":{"Type":"Task","Resource":"queue:ask.waitForTaskToken",
    "Parameters":{"token.$":"$$.Task.Token"},"TimeoutSeconds":20,
    "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":2}],"End":true}}})");
  const RunId run = w.start("orders");
  const auto first = w.take("ask");
  const std::string early = first.body.json()["token"];
  w.complete(first.token);
  w.reopen(seconds(1));
  w.must(failing(early, "No"));
  w.pass(seconds(2));
  const auto second = w.take("ask");
  CHECK(second.attempt == 2);
  CHECK(w.code(CompleteTask{early, doc("{}")}) == "stale_token");
  w.complete(second.token);
  w.pass(seconds(21));
  w.pass(seconds(3));
  const auto third = w.take("ask");
  CHECK(third.attempt == 3);
  w.must(failing(third.body.json()["token"], "Never"));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    REQUIRE(letters[0].attempt_list.size() == 3);
    CHECK(letters[0].attempt_list[0]["error"] == "No");
    CHECK(letters[0].attempt_list[1]["error"] == "States.Timeout");
    CHECK(letters[0].attempt_list[2]["error"] == "Never");
    CHECK(letters[0].attempts == 3);
  });
}

TEST_CASE("the beat of an earlier stage is not that of a task token") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","HeartbeatSeconds":10,"TimeoutSeconds":900,"Next":"Ask"},
    "Ask":{"Type":"Task","Resource":"queue:ask.waitForTaskToken","HeartbeatSeconds":60,"TimeoutSeconds":900,
      "Parameters":{"token.$":"$$.Task.Token"},"End":true}}})");
  const RunId run = w.start("orders");
  const auto pay = w.take("pay");
  w.pass(seconds(5));
  w.complete(pay.token);
  w.complete(w.take("ask").token);
  w.pass(seconds(50));
  CHECK(w.status(run) == "RUNNING");
  w.pass(seconds(12));
  CHECK(w.status(run) == "FAILED");
  w.sound();
}

TEST_CASE("after a redrive no earlier hand-out is current again") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const auto first = w.take("pay");
  w.pass(seconds(31));
  const auto second = w.take("pay");
  w.fail(second.token, "Broken");
  CHECK(w.status(run) == "FAILED");
  SUBCASE("by replaying its dead letter") { w.must(ReplayDeadLetter{w.letters().at(0).id, {}}); }
  SUBCASE("by redriving") { w.must(RedriveRun{run, {}, {}, {}}); }
  SUBCASE("after a cancel") {
    w.must(RedriveRun{run, {}, {}, {}});
    const auto third = w.take("pay");
    w.must(CancelRun{run, {}});
    w.must(RedriveRun{run, {}, {}, {}});
    CHECK(w.code(CompleteTask{third.token, doc("{}")}) == "stale_token");
  }
  const auto again = w.take("pay");
  CHECK(again.idempotency_key == first.idempotency_key);
  holds(w, [&] {
    CHECK(w.code(CompleteTask{first.token, doc("{}")}) == "stale_token");
    CHECK(w.code(CompleteTask{second.token, doc("{}")}) == "stale_token");
    CHECK(w.code(failing(second.token)) == "ok");
    CHECK(w.letters().empty());
    CHECK(w.status(run) == "RUNNING");
  });
  w.complete(again.token);
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    int succeeded = 0;
    for (const auto& e : w.history(run)) succeeded += e.type == "TaskSucceeded" ? 1 : 0;
    CHECK(succeeded == 1);
  });
}

TEST_CASE("a bare message is a dead letter after its deliveries, and comes back by replay") {
  World w;
  auto m = message("bare", R"({"n":1})");
  m.headers = {{"region", "eu"}};
  m.priority = 7;
  w.must(SendMessages{{m}});
  for (int i = 0; i < 5; ++i) w.must(failing(w.take("bare").token, "E" + std::to_string(i)));
  holds(w, [&] {
    CHECK(w.lease("bare").empty());
    CHECK(w.stats("bare").dead == 1);
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].kind == "queue");
    CHECK(letters[0].error == "E4");
    CHECK(letters[0].attempt_list.size() == 5);
    CHECK(letters[0].body.text() == R"({"n":1})");
  });
  const auto id = w.letters().at(0).id;
  w.must(ReplayDeadLetter{id, doc(R"({"n":2})")});
  CHECK(w.code(ReplayDeadLetter{id, {}}) == "conflict");
  CHECK(w.code(DropDeadLetter{id, "no"}) == "conflict");
  const auto again = w.take("bare");
  CHECK(again.body.text() == R"({"n":2})");
  CHECK(again.headers.find("eu") != std::string::npos);
  w.complete(again.token);
  holds(w, [&] { CHECK(w.stats("bare").dead == 0); });
}

TEST_CASE("replaying many takes the oldest and counts what is left") {
  World w;
  workflows::QueueSettings once;
  once.deliveries_max = 1;
  w.must(PutQueue{"bare", once});
  std::vector<NewMessage> many(10, message("bare"));
  w.must(SendMessages{many});
  for (const auto& task : w.lease("bare", 10)) w.must(failing(task.token));
  CHECK(w.stats("bare").dead == 10);
  const auto reply = w.must(ReplayDeadLetters{"bare", {}, 4});
  CHECK(reply.replayed == 4);
  CHECK(reply.remaining == 6);
  CHECK(w.must(ReplayDeadLetters{"bare", "Nothing", 4}).replayed == 0);
  CHECK(w.must(ReplayDeadLetters{"", "Broken", 100}).replayed == 6);
  holds(w, [&] {
    CHECK(w.stats("bare").dead == 0);
    CHECK(w.stats("bare").ready == 10);
  });
}

TEST_CASE("a message that nobody claims in time is a dead letter") {
  World w;
  auto m = message("bare");
  m.expires = seconds(60);
  w.must(SendMessages{{m, message("bare")}});
  w.reopen(seconds(61));
  holds(w, [&] {
    REQUIRE(w.letters().size() == 1);
    CHECK(w.letters()[0].error == "States.Timeout");
    CHECK(w.stats("bare").ready == 1);
  });
}

TEST_CASE("the order of arrival survives a restart") {
  World w;
  for (int i = 0; i < 5; ++i) {
    w.must(SendMessages{{message("bare", std::to_string(i))}});
    w.advance(milliseconds(150));
  }
  w.reopen(seconds(5));
  w.must(SendMessages{{message("bare", "5")}});
  std::string order;
  for (const auto& task : w.lease("bare", 10)) order += task.body.text();
  CHECK(order == "012345");
}

TEST_CASE("a deleted queue leaves nothing to the next of another name") {
  World w;
  auto m = message("one");
  m.dedup_id = "x";
  w.must(SendMessages{{m}});
  w.complete(w.take("one").token);
  CHECK(w.must(SendMessages{{m}}).at(0).duplicate);
  w.must(DeleteQueue{"one"});
  w.reopen();
  m.queue = "two";
  CHECK_FALSE(w.must(SendMessages{{m}}).at(0).duplicate);
  w.sound();
}

}  // namespace sluice::orchestrator::engine_test
