// A run from its start to its end, and what its history says of it.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

namespace {
Options limited(std::size_t payload_bytes_max) {
  Options options;
  options.payload_bytes_max = payload_bytes_max;
  return options;
}
}  // namespace

TEST_CASE("a run goes from stage to stage and ends with the last one's output") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders", R"({"order":7})");
  holds(w, [&] {
    CHECK(w.status(run) == "RUNNING");
    CHECK(w.stats("pay").ready == 1);
    const auto waiting = w.detail(run).waiting_for;
    REQUIRE(waiting.size() == 1);
    CHECK(waiting[0].kind == "message");
    CHECK(waiting[0].name == "pay");
    CHECK(waiting[0].state == "Pay");
  });
  const Delivery pay = w.take("pay");
  CHECK(pay.run == run);
  CHECK(pay.state == "Pay");
  CHECK(pay.workflow == "orders");
  CHECK(pay.attempt == 1);
  CHECK(pay.body.text() == R"({"order":7})");
  w.complete(pay.token, R"({"paid":true})");
  const Delivery ship = w.take("ship");
  CHECK(ship.body.text() == R"({"paid":true})");
  CHECK(ship.idempotency_key != pay.idempotency_key);
  w.complete(ship.token, R"({"shipped":1})");
  holds(w, [&] {
    const auto detail = w.detail(run);
    CHECK(detail.status == "SUCCEEDED");
    CHECK(detail.output.text() == R"({"shipped":1})");
    CHECK(detail.input.text() == R"({"order":7})");
    CHECK(detail.waiting_for.empty());
    CHECK(w.story(run) ==
          "ExecutionStarted TaskStateEntered(Pay) TaskScheduled(Pay) TaskStarted(Pay) "
          "TaskSucceeded(Pay) "
          "TaskStateExited(Pay) TaskStateEntered(Ship) TaskScheduled(Ship) TaskStarted(Ship) "
          "TaskSucceeded(Ship) TaskStateExited(Ship) ExecutionSucceeded");
    CHECK(w.stats("pay").depth() == 0);
  });
}

TEST_CASE("the same document can be the input of two runs") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const Doc input = doc(R"({"order":7})");
  auto one = World::starting("orders");
  auto two = one;
  one.input = two.input = input;
  const RunId first = w.must(one).id, second = w.must(two).id;
  holds(w, [&] {
    CHECK(w.detail(first).input.text() == R"({"order":7})");
    CHECK(w.detail(second).input.text() == R"({"order":7})");
  });
}

TEST_CASE("a name and the same input start one run; another input is a conflict") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  auto command = World::starting("orders", R"({"a":1,"b":2})");
  command.name = "order-7";
  const auto first = w.must(command);
  CHECK_FALSE(first.existing);
  holds(w, [&] {
    auto again = World::starting("orders", R"({ "b":2, "a":1 })");
    again.name = "order-7";
    const auto reply = w.must(again);
    CHECK(reply.existing);
    CHECK(reply.id == first.id);
    again.input = doc("[]");
    CHECK(w.refused(again).code == Errc::conflict);
  });
}

TEST_CASE("a failed attempt is repeated after its back-off on engine time, then caught") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",
    "Retry":[{"ErrorEquals":["Declined"],"IntervalSeconds":4,"BackoffRate":2,"MaxAttempts":2}],
    "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Sorry","ResultPath":"$.error"}],"End":true},
    "Sorry":{"Type":"Pass","End":true}}})");
  const RunId run = w.start("orders", R"({"order":7})");
  Delivery task = w.take("pay");
  const std::string key = task.idempotency_key;
  w.fail(task.token, "Declined", "no money");
  holds(w, [&] {
    CHECK(w.stats("pay").delayed == 1);
    CHECK(w.lease("pay").empty());
    const auto why = w.detail(run).waiting_for;
    REQUIRE(why.size() == 1);
    CHECK(why[0].detail["last_error"] == "Declined");
  });
  w.clock.advance_wall_only(seconds(3'600));  // The wall clock is no measure of work.
  w.engine->pump();
  CHECK(w.lease("pay").empty());
  w.pass(seconds(6));
  task = w.take("pay");
  CHECK(task.attempt == 2);
  CHECK(task.idempotency_key == key);
  w.fail(task.token, "Declined", "still none");
  w.pass(seconds(7));
  CHECK(w.lease("pay").empty());
  w.pass(seconds(2));
  task = w.take("pay");
  CHECK(task.attempt == 3);
  w.fail(task.token, "Declined", "never");
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.detail(run).output.json()["error"]["Cause"] == "never");
    CHECK(w.letters().empty());
    CHECK(
        w.story(run) ==
        "ExecutionStarted TaskStateEntered(Pay) TaskScheduled(Pay) TaskStarted(Pay) "
        "TaskFailed(Pay) "
        "RetryScheduled(Pay) TaskScheduled(Pay) TaskStarted(Pay) TaskFailed(Pay) "
        "RetryScheduled(Pay) "
        "TaskScheduled(Pay) TaskStarted(Pay) TaskFailed(Pay) ErrorCaught(Pay) TaskStateExited(Pay) "
        "PassStateEntered(Sorry) PassStateExited(Sorry) ExecutionSucceeded");
  });
}

TEST_CASE("a run fails with a dead letter that tells of every attempt, and keeps the headers") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",
    "Headers":{"region":"eu"},
    "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],"End":true}}})");
  const RunId run = w.start("orders", R"({"order":7})");
  w.fail(w.take("pay").token, "A", "first");
  w.pass(seconds(2));
  w.fail(w.take("pay").token, "B", "second");
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "B");
    CHECK(w.detail(run).cause == "second");
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].kind == "stage");
    CHECK(letters[0].queue == "pay");
    CHECK(letters[0].state == "Pay");
    CHECK(letters[0].attempts == 2);
    CHECK(letters[0].body.text() == R"({"order":7})");
    CHECK(letters[0].headers == Json{{"region", "eu"}});
    REQUIRE(letters[0].attempt_list.size() == 2);
    CHECK(letters[0].attempt_list[0]["error"] == "A");
    CHECK(letters[0].attempt_list[1]["cause"] == "second");
    CHECK(w.stats("pay").dead == 1);
    CHECK(w.detail(run).dead_letter == letters[0].id);
  });
}

TEST_CASE(
    "an output that is too large is a failed attempt with its story, also when it is repeated") {
  World w(limited(1'000));
  w.deploy("orders", R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",
    "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":2}],"End":true}}})");
  const RunId run = w.start("orders");
  w.fail(w.take("pay").token, "A", "first");
  w.pass(seconds(2));
  const std::string large = "\"" + std::string(2'000, 'x') + "\"";
  const std::string token = w.take("pay").token;
  w.complete(token, large);
  holds(w, [&] {
    CHECK(w.code(CompleteTask{token, doc("{}")}) == "ok");
    CHECK(w.code(FailTask{token, {}, {}, {}}) == "stale_token");
    CHECK(w.status(run) == "RUNNING");
  });
  w.pass(seconds(3));
  w.fail(w.take("pay").token, "C", "third");
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    REQUIRE(letters[0].attempt_list.size() == 3);
    CHECK(letters[0].attempt_list[1]["error"] == "States.DataLimitExceeded");
  });
}

TEST_CASE("inputs, outputs and bodies above the limit are refused and change nothing") {
  World w(limited(100));
  w.deploy("orders", stages({"Pay"}));
  const std::string large = "\"" + std::string(200, 'x') + "\"";
  CHECK(w.refused(World::starting("orders", large)).code == Errc::too_large);
  CHECK(w.refused(SendMessages{{{.queue = "bare",
                                 .body = doc(large),
                                 .headers = {},
                                 .delay = {},
                                 .expires = {},
                                 .dedup_id = {}}}})
            .code == Errc::too_large);
  const RunId run = w.start("orders");
  CHECK(w.refused(SkipStage{run, {}, doc(large)}).code == Errc::too_large);
  holds(w, [&] { CHECK(w.status(run) == "RUNNING"); });
}

TEST_CASE("a Wait state ends by wall time, also when it passed while the server was down") {
  World w;
  w.deploy("later",
           R"({"StartAt":"Rest","States":{"Rest":{"Type":"Wait","Seconds":600,"Next":"Pay"},
    "Pay":{"Type":"Task","Resource":"queue:pay","End":true}}})");
  const RunId run = w.start("later");
  holds(w, [&] {
    const auto why = w.detail(run).waiting_for;
    REQUIRE(why.size() == 1);
    CHECK(why[0].kind == "delay");
    CHECK(why[0].state == "Rest");
  });
  w.advance(seconds(590));
  CHECK(w.lease("pay").empty());
  w.reopen(seconds(30));
  CHECK(w.lease("pay").size() == 1);
  w.sound();
}

TEST_CASE("a run that may not begin before a time begins then, and times out from then on") {
  World w;
  w.deploy("orders", stages({"Pay"}, "", R"("TimeoutSeconds": 10)"));
  auto command = World::starting("orders", R"({"order":7})");
  command.not_before = w.clock.wall_now() + seconds(3'600);
  const RunId run = w.must(command).id;
  holds(w, [&] {
    CHECK(w.status(run) == "RUNNING");
    CHECK(w.detail(run).input.text() == R"({"order":7})");
    const auto why = w.detail(run).waiting_for;
    REQUIRE(why.size() == 1);
    CHECK(why[0].kind == "delay");
  });
  w.advance(seconds(3'596));
  const Delivery task = w.take("pay");
  CHECK(task.body.text() == R"({"order":7})");
  w.pass(seconds(9));
  CHECK(w.status(run) == "RUNNING");
  w.pass(seconds(2));
  holds(w, [&] { CHECK(w.status(run) == "TIMED_OUT"); });
}

TEST_CASE("more states than one step walks are walked in several, and none twice") {
  World w;
  std::string text = R"({"StartAt":"S0","States":{)";
  for (int i = 0; i < 300; ++i)
    text += "\"S" + std::to_string(i) + R"(":{"Type":"Pass","Next":"S)" + std::to_string(i + 1) +
            "\"},";
  text += R"("S300":{"Type":"Task","Resource":"queue:end","End":true}}})";
  w.deploy("long", text);
  const RunId run = w.start("long", R"({"n":1})");
  w.complete(w.take("end").token, "2");
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    int entered = 0;
    for (const auto& e : w.history(run)) entered += e.type == "PassStateEntered" ? 1 : 0;
    CHECK(entered == 300);
  });
}

TEST_CASE("runs stay on the version they started on, and a new run can be pinned to an old one") {
  World w;
  CHECK(w.deploy("orders", stages({"Pay"})).version == 1);
  const RunId old = w.start("orders");
  const auto second = w.deploy("orders", stages({"Pay", "Ship"}));
  CHECK(second.version == 2);
  CHECK(second.created);
  CHECK_FALSE(w.deploy("orders", stages({"Pay", "Ship"})).created);
  w.reopen();
  CHECK_FALSE(w.deploy("orders", stages({"Pay", "Ship"})).created);
  const RunId fresh = w.start("orders");
  auto pinned = World::starting("orders");
  pinned.version = 1;
  const RunId third = w.must(pinned).id;
  pinned.version = 3;
  CHECK(w.refused(pinned).code == Errc::not_found);
  for (const auto& task : w.lease("pay", 10)) w.complete(task.token);
  holds(w, [&] {
    CHECK(w.status(old) == "SUCCEEDED");
    CHECK(w.status(third) == "SUCCEEDED");
    CHECK(w.status(fresh) == "RUNNING");
    CHECK(w.detail(fresh).version == 2);
    CHECK(w.detail(third).version == 1);
  });
}

TEST_CASE("below the disk's reserve nothing new is taken, and what runs goes on") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const auto task = w.take("pay");
  w.database->disk_free = 1 << 20;
  w.advance(seconds(2));
  CHECK(w.refused(World::starting("orders")).code == Errc::disk_full);
  CHECK(w.refused(SendMessages{{{.queue = "bare",
                                 .body = doc("1"),
                                 .headers = {},
                                 .delay = {},
                                 .expires = {},
                                 .dedup_id = {}}}})
            .code == Errc::disk_full);
  w.complete(task.token);
  CHECK(w.status(run) == "SUCCEEDED");
  w.database->disk_free.reset();
  w.advance(seconds(2));
  w.start("orders");
  w.sound();
}

TEST_CASE("runs are found by workflow, status, state, label, name and time") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  w.deploy("other", stages({"Pay"}));
  auto command = World::starting("orders");
  command.labels = {{"customer", "7"}, {"region", "eu"}};
  command.name = "named";
  const RunId first = w.must(command).id;
  w.advance(seconds(10));
  const WallTime later = w.clock.wall_now() - seconds(1);
  command.labels = {{"customer", "8"}};
  command.name = {};
  const RunId second = w.must(command).id;
  const RunId third = w.start("other");
  w.complete(w.take("pay").token);
  w.must(CancelRun{third, "not wanted"});
  const auto ids = [&](RunFilter filter) {
    std::vector<RunId> list;
    std::optional<std::string> cursor;
    do {
      auto page = w.inspector->runs(filter, 1, cursor);
      for (const auto& run : page.items) list.push_back(run.id);
      cursor = page.next;
    } while (cursor);
    return list;
  };
  using Ids = std::vector<RunId>;
  holds(w, [&] {
    CHECK(ids({}) == Ids{third, second, first});
    CHECK(ids({.workflow = "orders",
               .status = {},
               .state = {},
               .text = {},
               .labels = {},
               .started_after = {}}) == Ids{second, first});
    CHECK(ids({.workflow = {},
               .status = "ABORTED",
               .state = {},
               .text = {},
               .labels = {},
               .started_after = {}}) == Ids{third});
    CHECK(ids({.workflow = {},
               .status = "RUNNING",
               .state = {},
               .text = {},
               .labels = {},
               .started_after = {}}) == Ids{second, first});
    CHECK(ids({.workflow = {},
               .status = {},
               .state = "Ship",
               .text = {},
               .labels = {},
               .started_after = {}}) == Ids{first});
    CHECK(ids({.workflow = {},
               .status = {},
               .state = {},
               .text = "nam",
               .labels = {},
               .started_after = {}}) == Ids{first});
    CHECK(ids({.workflow = {},
               .status = {},
               .state = {},
               .text = {},
               .labels = {{"customer", "7"}},
               .started_after = {}}) == Ids{first});
    CHECK(ids({.workflow = {},
               .status = {},
               .state = {},
               .text = {},
               .labels = {},
               .started_after = later}) == Ids{third, second});
    CHECK(ids({.workflow = {},
               .status = "NONSENSE",
               .state = {},
               .text = {},
               .labels = {},
               .started_after = {}})
              .empty());
  });
}

}  // namespace sluice::orchestrator::engine_test
