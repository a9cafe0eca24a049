// A person's word: cancel, pause, resume, skip, fail, redrive; and what stands still meanwhile.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

TEST_CASE("a cancelled run is ABORTED; its worker is told, and its late verb is stale") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const auto hands = std::make_shared<Hands>();
  const auto session = w.session(hands);
  w.subscribe(session, "pay", 1);
  const RunId run = w.start("orders");
  REQUIRE(hands->tasks.size() == 1);
  w.must(CancelRun{run, "not wanted"});
  CHECK(hands->revoked == std::vector<std::string>{hands->tasks[0].token});
  CHECK(w.code(CancelRun{run, "twice"}) == "ok");
  const RunId next = w.start("orders");
  CHECK(hands->tasks.size() == 1);  // Its credit is still in its hands.
  w.engine->revoked(session, hands->tasks[0].token);
  w.engine->pump();
  REQUIRE(hands->tasks.size() == 2);
  CHECK(hands->tasks[1].run == next);
  w.must(CancelRun{next, {}});
  w.start("orders");
  CHECK(w.code(CompleteTask{hands->tasks[1].token, doc("{}")}) == "stale_token");
  CHECK(hands->tasks.size() == 3);  // A stale verb gives its credit back as well.
  holds(w, [&] {
    CHECK(w.status(run) == "ABORTED");
    CHECK(w.detail(run).cause == "not wanted");
    CHECK(w.letters().empty());
    CHECK(w.code(CompleteTask{hands->tasks[0].token, doc("{}")}) == "stale_token");
    CHECK(w.code(PauseRun{run}) == "conflict");
    CHECK(w.code(ResumeRun{run}) == "conflict");
    CHECK(w.code(SkipStage{run, {}, doc("{}")}) == "conflict");
    CHECK(w.code(FailStage{run, {}, "E", {}}) == "conflict");
  });
}

TEST_CASE("commands about a run that does not exist are not_found") {
  World w;
  const RunId none{12345};
  CHECK(w.code(CancelRun{none, {}}) == "not_found");
  CHECK(w.code(PauseRun{none}) == "not_found");
  CHECK(w.code(ResumeRun{none}) == "not_found");
  CHECK(w.code(RedriveRun{none, {}, {}, {}}) == "not_found");
  CHECK(w.code(SkipStage{none, {}, doc("{}")}) == "not_found");
  CHECK(w.code(FailStage{none, {}, "E", {}}) == "not_found");
  CHECK(w.code(World::starting("nothing")) == "not_found");
  CHECK(w.code(ReplayDeadLetter{DeadLetterId{5}, {}}) == "not_found");
  CHECK_FALSE(w.inspector->run(none).has_value());
  CHECK_FALSE(w.inspector->history(none, 10, 0).has_value());
}

TEST_CASE("a paused run's message is not handed out, and its time-outs stand still") {
  World w;
  w.deploy("orders", stages({"Pay"}, R"("TimeoutSeconds":20)", R"("TimeoutSeconds":100)"));
  const RunId run = w.start("orders");
  w.pass(seconds(10));
  w.must(PauseRun{run});
  holds(w, [&] {
    CHECK(w.status(run) == "PAUSED");
    CHECK(w.stats("pay").held == 1);
    CHECK(w.lease("pay").empty());
    CHECK(w.detail(run).waiting_for.at(0).kind == "operator");
  });
  w.pass(seconds(1'000), seconds(10));
  CHECK(w.status(run) == "PAUSED");
  w.must(ResumeRun{run});
  w.pass(seconds(8));
  holds(w, [&] { CHECK(w.status(run) == "RUNNING"); });
  w.pass(seconds(4));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");  // The stage's own, after 20 s of running.
    CHECK(w.detail(run).error == "States.Timeout");
  });
}

TEST_CASE("a run's own time-out stands still while it is paused, and ends it TIMED_OUT") {
  World w;
  w.deploy("orders", stages({"Pay"}, "", R"("TimeoutSeconds":100)"));
  const RunId run = w.start("orders");
  w.pass(seconds(10));
  w.must(PauseRun{run});
  w.pass(seconds(1'000), seconds(10));
  w.reopen(seconds(1'000));
  w.must(ResumeRun{run});
  w.pass(seconds(85), seconds(1));
  holds(w, [&] { CHECK(w.status(run) == "RUNNING"); });
  w.pass(seconds(10), seconds(1));
  holds(w, [&] {
    CHECK(w.status(run) == "TIMED_OUT");
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].kind == "state");
  });
  w.must(RedriveRun{run, {}, {}, {}});
  w.complete(w.take("pay").token);
  holds(w, [&] { CHECK(w.status(run) == "SUCCEEDED"); });
}

TEST_CASE("work in a worker's hands may be finished while its run is paused; what follows waits") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}, R"("TimeoutSeconds":20)"));
  const RunId run = w.start("orders");
  const auto task = w.take("pay");
  w.must(PauseRun{run});
  w.pass(seconds(100), seconds(1));  // Neither its lease nor its time-out run out.
  w.complete(task.token);
  holds(w, [&] {
    CHECK(w.status(run) == "PAUSED");
    CHECK(w.stats("ship").held == 1);
  });
  w.must(ResumeRun{run});
  w.pass(seconds(18), seconds(1));
  w.complete(w.take("ship").token);
  holds(w, [&] { CHECK(w.status(run) == "SUCCEEDED"); });
}

TEST_CASE("a paused run that waits for a time goes on when it is resumed") {
  World w;
  w.deploy("later",
           R"({"StartAt":"Rest","States":{"Rest":{"Type":"Wait","Seconds":10,"End":true}}})");
  const RunId run = w.start("later");
  w.must(PauseRun{run});
  w.pass(seconds(30), seconds(1));
  holds(w, [&] { CHECK(w.status(run) == "PAUSED"); });
  w.must(ResumeRun{run});
  w.pass(seconds(2), seconds(1));
  holds(w, [&] { CHECK(w.status(run) == "SUCCEEDED"); });
}

TEST_CASE("back-off goes on where it stood when a paused run is resumed") {
  World w;
  w.deploy("orders",
           stages({"Pay"}, R"("Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":60}])"));
  const RunId run = w.start("orders");
  w.fail(w.take("pay").token);
  w.pass(seconds(20), seconds(1));
  w.must(PauseRun{run});
  w.pass(seconds(100), seconds(1));
  w.reopen(seconds(3));
  w.must(ResumeRun{run});
  w.pass(seconds(38), seconds(1));
  CHECK(w.lease("pay").empty());
  w.pass(seconds(3), seconds(1));
  CHECK(w.lease("pay").size() == 1);
  w.sound();
}

TEST_CASE("a paused queue hands out nothing; leases and time-outs on it stand still, exactly") {
  World w;
  w.deploy("orders", stages({"Pay"}, R"("TimeoutSeconds":100)"));
  w.start("orders");
  w.start("orders");
  const auto task = w.take("pay");
  w.pass(seconds(10), seconds(1));
  bool by_workflow = false;
  SUBCASE("the queue is paused") {}
  SUBCASE("its workflow is paused") { by_workflow = true; }
  const auto pause = [&](bool paused) {
    if (by_workflow)
      w.must(PauseWorkflow{"orders", paused});
    else
      w.must(PauseQueue{"pay", paused});
  };
  pause(true);
  w.pass(seconds(1'000), seconds(1));
  CHECK(w.lease("pay").empty());
  w.reopen(seconds(50));
  CHECK(w.lease("pay").empty());
  pause(false);
  w.pass(seconds(17), seconds(1));
  CHECK(w.code(HeartbeatTask{task.token, {}}) == "ok");
  w.pass(seconds(60), seconds(5));
  CHECK(w.letters().empty());
  w.pass(seconds(20), seconds(5));
  CHECK(w.letters().size() == 2);
  w.sound();
}

TEST_CASE("an operator gives a stage its output, or fails it, whoever holds it") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders");
  const auto task = w.take("pay");
  w.must(SkipStage{run, {}, doc(R"({"skipped":true})")});
  holds(w, [&] {
    CHECK(w.code(CompleteTask{task.token, doc("{}")}) == "stale_token");
    CHECK(w.stats("ship").ready == 1);
  });
  const auto ship = w.take("ship");
  CHECK(ship.body.text() == R"({"skipped":true})");
  w.must(FailStage{run, {}, "Operator.Said", "no"});
  holds(w, [&] {
    CHECK(w.code(FailTask{ship.token, "Broken", "x", {}}) == "stale_token");
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "Operator.Said");
    REQUIRE(w.letters().size() == 1);
  });
}

TEST_CASE("a redrive goes on from the failed state, with another input, state or version") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders", R"({"n":1})");
  CHECK(w.code(RedriveRun{run, {}, {}, {}}) == "conflict");
  const auto pay = w.take("pay");
  w.complete(pay.token, R"({"n":2})");
  const auto ship = w.take("ship");
  w.fail(ship.token);
  CHECK(w.code(RedriveRun{run, "Nowhere", {}, {}}) == "invalid_argument");
  CHECK(w.code(RedriveRun{run, {}, {}, 9}) == "not_found");
  SUBCASE("as it was: the same work") {
    w.must(RedriveRun{run, {}, {}, {}});
    const auto again = w.take("ship");
    CHECK(again.body.text() == R"({"n":2})");
    CHECK(again.idempotency_key == ship.idempotency_key);
    w.complete(again.token);
    holds(w, [&] {
      CHECK(w.status(run) == "SUCCEEDED");
      CHECK(w.detail(run).redrives == 1);
      CHECK(w.story(run) ==
            "ExecutionStarted TaskStateEntered(Pay) TaskScheduled(Pay) TaskStarted(Pay) "
            "TaskSucceeded(Pay) "
            "TaskStateExited(Pay) TaskStateEntered(Ship) TaskScheduled(Ship) TaskStarted(Ship) "
            "TaskFailed(Ship) "
            "ExecutionFailed DeadLettered(Ship) ExecutionRedriven TaskStateEntered(Ship) "
            "TaskScheduled(Ship) TaskStarted(Ship) "
            "TaskSucceeded(Ship) TaskStateExited(Ship) ExecutionSucceeded");
    });
  }
  SUBCASE("from a state that had completed: new work") {
    w.must(RedriveRun{run, "Pay", doc(R"({"n":3})"), {}});
    const auto again = w.take("pay");
    CHECK(again.body.text() == R"({"n":3})");
    CHECK(again.idempotency_key != pay.idempotency_key);
    CHECK(again.idempotency_key != ship.idempotency_key);
    holds(w, [&] { CHECK(w.code(CompleteTask{pay.token, doc("{}")}) == "ok"); });
  }
  SUBCASE("on another version: the history keeps the names of its time") {
    w.deploy("orders", stages({"Check", "Ship", "Pay"}));
    w.must(RedriveRun{run, {}, {}, 2});
    w.complete(w.take("ship").token);
    CHECK(w.lease("pay").size() == 1);
    holds(w, [&] {
      CHECK(w.detail(run).version == 2);
      CHECK(w.story(run).starts_with("ExecutionStarted TaskStateEntered(Pay) "));
      CHECK(w.story(run).find("Check") == std::string::npos);
    });
  }
}

TEST_CASE("a workflow or queue in use is not deleted; one that is not is gone") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  CHECK(w.code(DeleteQueue{"pay"}) == "conflict");
  CHECK(w.code(DeleteQueue{"none"}) == "not_found");
  const RunId run = w.start("orders");
  w.must(DeleteWorkflow{"orders"});
  CHECK(w.code(World::starting("orders")) == "not_found");
  CHECK(w.code(DeleteQueue{"pay"}) == "conflict");
  w.complete(w.take("pay").token);
  CHECK(w.status(run) == "SUCCEEDED");
  w.must(DeleteQueue{"pay"});
  holds(w, [&] {
    CHECK_FALSE(w.engine->queue("pay").has_value());
    CHECK(w.status(run) == "SUCCEEDED");
  });
}

}  // namespace sluice::orchestrator::engine_test
