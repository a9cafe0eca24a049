// Live runs that are moved to another version of their workflow.
#include "engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

WaitingFor waits(World& w, RunId run) {
  const auto list = w.detail(run).waiting_for;
  REQUIRE(list.size() == 1);
  return list[0];
}
bool has(const std::string& text, std::string_view what) {
  INFO(text);
  return text.find(what) != std::string::npos;
}
std::int64_t version(World& w, RunId run) { return w.detail(run).version; }
std::string in_flight(World& w, const std::string& state) {
  for (const auto& item : w.inspector->counters(1'000, {}, true).items)
    if (item.name == "stage:orders/" + state + ".in_flight") return std::to_string(item.value);
  return "";
}
std::int64_t counter(World& w, const std::string& name) {
  for (const auto& item : w.inspector->counters(1'000, {}).items)
    if (item.name == name) return item.value;
  return 0;
}
std::vector<AuditRecord> moves(World& w) {
  AuditFilter filter;
  filter.kind = "run.move";
  return w.inspector->audit(filter, 10, {}).items;
}
// A workflow of one state, `Pay`, with these members.
std::string pay(const std::string& members) {
  return R"({"StartAt":"Pay","QueryLanguage":"JSONata","States":{"Pay":{"End":true,)" + members +
         "}}}";
}
const std::string task = R"("Type":"Task","Resource":"queue:pay")";

TEST_CASE("a run that is moved ends its stage as it was begun and goes on with the new version") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders", R"({"total":5})");
  const auto held = w.take("pay");
  w.deploy("orders", stages({"Pay", "Check", "Ship"}));
  CHECK(version(w, run) == 1);
  const auto moved = w.must(MoveRun{run});
  CHECK(moved.version == 2);
  CHECK(moved.before == 1);
  CHECK(moved.restarted == 0);
  holds(w, [&] {
    CHECK(version(w, run) == 2);
    CHECK(waits(w, run).detail["status"] == "leased");
    CHECK(in_flight(w, "Pay") == "1");
  });
  w.complete(held.token, R"({"paid":true})");
  holds(w, [&] {
    CHECK(waits(w, run).state == "Check");
    CHECK(in_flight(w, "Pay") == "0");
    CHECK(in_flight(w, "Check") == "1");
  });
  w.complete(w.take("check").token);
  w.complete(w.take("ship").token);
  CHECK(w.status(run) == "SUCCEEDED");
  CHECK(w.story(run) ==
        "ExecutionStarted TaskStateEntered(Pay) TaskScheduled(Pay) ExecutionMoved "
        "TaskStarted(Pay) TaskSucceeded(Pay) TaskStateExited(Pay) TaskStateEntered(Check) "
        "TaskScheduled(Check) TaskStarted(Check) TaskSucceeded(Check) TaskStateExited(Check) "
        "TaskStateEntered(Ship) TaskScheduled(Ship) TaskStarted(Ship) TaskSucceeded(Ship) "
        "TaskStateExited(Ship) ExecutionSucceeded");
  for (const auto& event : w.history(run))
    if (event.type == "ExecutionMoved") {
      CHECK(event.detail["version"] == 2);
      CHECK(event.detail["note"] == "from version 1");
    }
}

TEST_CASE("names in a history are those of the version that was in force") {
  World w;
  w.deploy("orders", stages({"Aa", "Bb", "Cc"}));
  const RunId run = w.start("orders");
  w.complete(w.take("aa").token);
  // The states have other numbers here.
  w.deploy("orders", stages({"Zz", "Yy", "Bb", "Cc"}));
  const auto held = w.take("bb");
  w.must(MoveRun{run});
  w.complete(held.token);
  w.complete(w.take("cc").token);
  holds(w, [&] {
    const std::string story = w.story(run);
    CHECK(has(story, "TaskSucceeded(Aa) TaskStateExited(Aa) TaskStateEntered(Bb)"));
    CHECK(has(story, "ExecutionMoved TaskStarted(Bb) TaskSucceeded(Bb)"));
    CHECK_FALSE(has(story, "Zz"));
    CHECK_FALSE(has(story, "Yy"));
  });
}

TEST_CASE("what waits in a queue is left there when its state asks for the same work") {
  World w;
  w.deploy("orders", pay(task));
  const RunId run = w.start("orders");
  w.deploy("orders", pay(task + R"(,"Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":1}],
                                    "Output":"paid","Comment":"other")"));
  CHECK(w.must(MoveRun{run}).restarted == 0);
  holds(w, [&] { CHECK(waits(w, run).detail["status"] == "ready"); });
  // The new version's Retry and Output are in force.
  w.fail(w.take("pay").token, "Busy");
  w.advance(seconds(2));
  w.complete(w.take("pay").token);
  CHECK(w.detail(run).output.text() == R"("paid")");
}

TEST_CASE("what waits in a queue goes to another when its state names another") {
  World w;
  w.deploy("orders", pay(task + R"(,"Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":1}])"));
  const RunId run = w.start("orders", R"({"total":5})");
  const auto first = w.take("pay");
  w.fail(first.token, "Busy");
  w.deploy("orders", pay(R"("Type":"Task","Resource":"queue:bank","Arguments":{"sum":7})"));
  CHECK(w.must(MoveRun{run}).restarted == 1);
  w.advance(milliseconds(1));
  holds(w, [&] {
    CHECK(waits(w, run).name == "bank");
    CHECK(w.stats("pay").delayed == 0);
    CHECK(in_flight(w, "Pay") == "1");
  });
  const auto second = w.take("bank");
  CHECK(second.body.text() == R"({"sum":7})");
  CHECK(second.attempt == 2);  // the same work, which was tried before
  CHECK(second.idempotency_key == first.idempotency_key);
  w.complete(second.token);
  CHECK(w.status(run) == "SUCCEEDED");
  CHECK(in_flight(w, "Pay") == "0");
}

TEST_CASE("a run that has no place in the other version stays, and is told why") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders");
  SUBCASE("its state is not there") {
    w.deploy("orders", stages({"Charge", "Ship"}));
    const Error error = w.refused(MoveRun{run});
    CHECK(error.code == Errc::conflict);
    CHECK(has(error.detail, "cannot move to version 2 now"));
    CHECK(has(error.detail, "the state \"Pay\", at which it stands, is not there"));
  }
  SUBCASE("its state is of another type") {
    w.deploy("orders", R"({"StartAt":"Pay","States":{"Pay":{"Type":"Pass","End":true}}})");
    CHECK(has(w.refused(MoveRun{run}).detail, "\"Pay\" is a Pass there, and it stands at a Task"));
  }
  SUBCASE("a worker has what the new version could not take") {
    w.take("pay");
    w.deploy(
        "orders",
        R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"event:paid","End":true}}})");
    CHECK(has(w.refused(MoveRun{run}).detail, "its Resource is of another kind"));
  }
  SUBCASE("there is no such version") {
    const Error error = w.refused(MoveRun{run, 7});
    CHECK(error.code == Errc::not_found);
    CHECK(has(error.detail, "no version 7; its latest is 1"));
  }
  holds(w, [&] {
    CHECK(version(w, run) == 1);
    CHECK(waits(w, run).state == "Pay");
  });
  CHECK(w.code(MoveRun{RunId{99}}) == "not_found");
  w.must(CancelRun{run, {}, false});
  CHECK(has(w.refused(MoveRun{run}).detail, "is not live"));
}

TEST_CASE("a move to the version that the run is on changes nothing; an older one will do, too") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders");
  CHECK(w.must(MoveRun{run}).before == 2);
  CHECK_FALSE(has(w.story(run), "ExecutionMoved"));
  CHECK(moves(w).empty());
  w.must(MoveRun{run, 1});
  w.complete(w.take("pay").token);
  CHECK(w.status(run) == "SUCCEEDED");
  const auto rows = moves(w);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].target == "run:" + to_string(run));
  CHECK(rows[0].detail == R"({"version":1,"before":2})");
}

TEST_CASE("a Wait whose time differs is begun again; one whose time does not goes on") {
  World w;
  const auto wait = [](const std::string& seconds, const std::string& next) {
    return R"({"StartAt":"Cool","States":{"Cool":{"Type":"Wait","Seconds":)" + seconds +
           R"(,"Next":")" + next + R"("},")" + next + R"(":{"Type":"Pass","End":true}}})";
  };
  w.deploy("orders", wait("1000", "Done"));
  const RunId run = w.start("orders");
  w.deploy("orders", wait("1000", "Ready"));
  w.advance(seconds(900));
  CHECK(w.must(MoveRun{run}).restarted == 0);
  holds(w, [&] { CHECK(waits(w, run).kind == "delay"); });
  w.deploy("orders", wait("30", "Ready"));
  CHECK(w.must(MoveRun{run}).restarted == 1);
  w.advance(milliseconds(1));
  w.advance(seconds(20));
  CHECK(w.status(run) == "RUNNING");
  w.advance(seconds(11));
  CHECK(w.status(run) == "SUCCEEDED");
  CHECK(has(w.story(run), "PassStateEntered(Ready)"));
}

TEST_CASE("at a gate it keeps its place, asks the new gate, or comes through where there is none") {
  World w;
  const std::string counts = R"(,"Counters":[{"Name":"open","On":"Enter","Add":1},
                                             {"Name":"open","On":"Exit","Add":-1}])";
  const auto gate = [&](const std::string& rest) {
    return pay(task + R"(,"Gate":{"Counter":"done","AtLeast":)" + rest + "}" + counts);
  };
  w.deploy("orders", gate("5"));
  const RunId run = w.start("orders");
  holds(w, [&] { CHECK(in_flight(w, "Pay") != "1"); });
  SUBCASE("the same gate") {
    w.deploy("orders", pay(task + R"(,"Gate":{"Counter":"done","AtLeast":5},"Output":1)" + counts));
    CHECK(w.must(MoveRun{run}).restarted == 0);
    holds(w, [&] { CHECK(waits(w, run).kind == "gate"); });
    w.must(AdjustCounter{.name = "done", .value = 5});
  }
  SUBCASE("a gate that asks for less") {
    w.deploy("orders", gate("2"));
    CHECK(w.must(MoveRun{run}).restarted == 1);
    w.advance(milliseconds(1));
    holds(w, [&] { CHECK(waits(w, run).kind == "gate"); });
    w.must(AdjustCounter{.name = "done", .value = 2});
  }
  SUBCASE("no gate, but counters") {
    w.deploy("orders", pay(task + counts));
    CHECK(w.must(MoveRun{run}).restarted == 1);
    w.advance(milliseconds(1));
  }
  SUBCASE("neither") {
    w.deploy("orders", pay(task));
    CHECK(w.must(MoveRun{run}).restarted == 1);
    w.advance(milliseconds(1));
    holds(w, [&] { CHECK(counter(w, "open") == 0); });
  }
  holds(w, [&] {
    CHECK(waits(w, run).kind == "message");
    CHECK(in_flight(w, "Pay") == "1");
  });
  w.complete(w.take("pay").token);
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(counter(w, "open") == 0);
    CHECK(in_flight(w, "Pay") == "0");
  });
}

TEST_CASE("what it counted on entering is counted back, whatever the new version says") {
  World w;
  w.deploy("orders", pay(task + R"(,"Counters":[{"Name":"open","On":"Enter","Add":2},
                                                {"Name":"open","On":"Exit","Add":-2}])"));
  const RunId run = w.start("orders");
  CHECK(counter(w, "open") == 2);
  SUBCASE("without counters") { w.deploy("orders", pay(task)); }
  SUBCASE("with others, and a gate and a lock") {
    w.deploy("orders", pay(task + R"(,"Gate":{"Counter":"never","AtLeast":9},"Lock":{"Name":"a"},
                                      "Counters":[{"Name":"open","On":"Enter","Add":7}])"));
  }
  CHECK(w.must(MoveRun{run}).restarted == 1);
  w.advance(milliseconds(1));
  holds(w, [&] { CHECK(counter(w, "open") == 2); });
  w.complete(w.take("pay").token);
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(counter(w, "open") == 0);
    CHECK(w.inspector->locks(10, {}).items.empty());
  });
}

TEST_CASE("a lock that is held stays held, one that is waited for is asked for anew") {
  World w;
  const auto chain = [](const std::string& lock, const std::string& resource) {
    return R"({"StartAt":"Pay","QueryLanguage":"JSONata","States":{
      "Pay":{"Type":"Task","Resource":"queue:pay","Lock":)" +
           lock + R"(,"Next":"Ship"},
      "Ship":{"Type":"Task","Resource":"queue:)" +
           resource + R"(","Next":"Bill"},
      "Bill":{"Type":"Task","Resource":"queue:bill","End":true}}})";
  };
  w.deploy("orders", chain(R"({"Name":"a","HeldThrough":"Ship"})", "ship"));
  const RunId a = w.start("orders"), b = w.start("orders");
  w.complete(w.take("pay").token);
  CHECK(waits(w, b).kind == "lock");
  w.deploy("orders", chain(R"({"Name":"b","HeldThrough":"Ship"})", "dock"));
  w.must(MoveRun{a});  // in Ship, on another queue
  w.advance(milliseconds(1));
  holds(w, [&] {
    CHECK(waits(w, a).name == "dock");
    CHECK(waits(w, b).kind == "lock");
    const auto lock = w.inspector->lock("a");
    REQUIRE(lock.has_value());
    CHECK(lock->holders.size() == 1);
  });
  SUBCASE("the waiting one follows: its lock is free") {
    w.must(MoveRun{b});
    w.advance(milliseconds(1));
    holds(w, [&] {
      CHECK(waits(w, b).kind == "message");
      CHECK(w.inspector->lock("b")->holders.size() == 1);
      CHECK(w.inspector->lock("a")->waiting == 0);
    });
    w.complete(w.take("pay").token);
    w.complete(w.take("dock").token);
    w.complete(w.take("dock").token);
  }
  SUBCASE("the waiting one stays: it gets the lock when the moved one leaves Ship") {
    w.complete(w.take("dock").token);
    holds(w, [&] { CHECK(waits(w, b).kind == "message"); });
    w.complete(w.take("pay").token);
    w.complete(w.take("ship").token);
  }
  for (int i = 0; i < 2; ++i) w.complete(w.take("bill").token);
  CHECK(w.status(a) == "SUCCEEDED");
  CHECK(w.status(b) == "SUCCEEDED");
  CHECK(w.inspector->locks(10, {}).items.empty());
  w.sound();
}

TEST_CASE("all branches and items of a run move with it") {
  World w;
  const auto both = [](const std::string& resource, const std::string& next) {
    return R"({"StartAt":"Both","States":{"Both":{"Type":"Parallel","Next":"Last","Branches":[
      {"StartAt":"One","States":{"One":{"Type":"Task","Resource":"queue:one","Next":"Two"},
        "Two":{"Type":"Task","Resource":"queue:)" +
           resource + R"(","End":true}}},
      {"StartAt":"Each","States":{"Each":{"Type":"Map","End":true,"ItemsPath":"$.items","ItemProcessor":{
        "StartAt":"Item","States":{"Item":{"Type":"Task","Resource":"queue:)" +
           resource +
           R"(","End":true}}}}}}]},
      "Last":{"Type":"Task","Resource":"queue:)" +
           next + R"(","End":true}}})";
  };
  w.deploy("orders", both("old", "last"));
  const RunId run = w.start("orders", R"({"items":[1,2]})");
  REQUIRE(w.stats("old").ready == 2);
  const auto one = w.take("one");
  w.deploy("orders", both("new", "end"));
  CHECK(w.must(MoveRun{run}).restarted == 2);
  w.advance(milliseconds(1));
  holds(w, [&] {
    CHECK(version(w, run) == 2);
    CHECK(w.stats("old").ready == 0);
    CHECK(w.stats("new").ready == 2);
  });
  w.complete(one.token, R"("1")");
  for (int i = 0; i < 3; ++i) w.complete(w.take("new").token, R"("2")");
  const auto last = w.take("end");
  CHECK(last.body.text() == R"(["2",["2","2"]])");
  w.complete(last.token);
  CHECK(w.status(run) == "SUCCEEDED");
  w.sound();
}

TEST_CASE("branches that the new version could not gather hold the run where it is") {
  World w;
  const auto branches = [](int count) {
    std::string list;
    for (int i = 0; i < count; ++i)
      list += (i > 0 ? "," : "") + std::string(R"({"StartAt":"B)") + std::to_string(i) +
              R"(","States":{"B)" + std::to_string(i) +
              R"(":{"Type":"Task","Resource":"queue:b","End":true}}})";
    return R"({"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[)" +
           list + "]}}}";
  };
  w.deploy("orders", branches(2));
  const RunId run = w.start("orders");
  w.deploy("orders", branches(3));
  CHECK(has(w.refused(MoveRun{run}).detail, "another number of branches"));
  w.complete(w.take("b").token);
  w.complete(w.take("b").token);
  CHECK(w.status(run) == "SUCCEEDED");
}

TEST_CASE("a paused run moves and stays paused") {
  World w;
  w.deploy("orders", pay(task + R"(,"TimeoutSeconds":100)"));
  const RunId run = w.start("orders");
  w.must(PauseRun{run});
  w.deploy("orders", pay(R"("Type":"Task","Resource":"queue:bank","TimeoutSeconds":50)"));
  w.must(MoveRun{run});
  w.advance(seconds(200));
  holds(w, [&] {
    CHECK(w.status(run) == "PAUSED");
    CHECK(w.lease("bank").empty());
  });
  // Until it goes on it is not asked to move once more.
  w.deploy("orders", pay(R"("Type":"Task","Resource":"queue:third")"));
  CHECK(has(w.refused(MoveRun{run}).detail, "it was moved just now"));
  w.must(ResumeRun{run});
  w.advance(seconds(2));
  CHECK(w.must(MoveRun{run}).restarted == 1);
  w.advance(seconds(2));
  w.complete(w.take("third").token);
  CHECK(w.status(run) == "SUCCEEDED");
}

TEST_CASE("what has passed of the run's time has passed") {
  World w;
  const auto limited = [](const std::string& top) { return stages({"Pay", "Ship"}, "", top); };
  w.deploy("orders", limited(R"("TimeoutSeconds":100)"));
  const RunId run = w.start("orders");
  w.advance(seconds(60));
  SUBCASE("more time") {
    w.deploy("orders", limited(R"("TimeoutSeconds":130)"));
    w.must(MoveRun{run});
    w.advance(seconds(60));
    CHECK(w.status(run) == "RUNNING");
    w.advance(seconds(20));
    CHECK(w.status(run) == "TIMED_OUT");
  }
  SUBCASE("less") {
    w.deploy("orders", limited(R"("TimeoutSeconds":30)"));
    w.must(MoveRun{run});
    w.advance(milliseconds(1));
    CHECK(w.status(run) == "TIMED_OUT");
  }
  SUBCASE("none any more") {
    w.deploy("orders", limited(R"("Comment":"patient")"));
    w.must(MoveRun{run});
    w.advance(seconds(1'000));
    CHECK(w.status(run) == "RUNNING");
  }
  SUBCASE("paused, from none") {
    w.deploy("orders", limited(R"("Comment":"patient")"));
    w.must(MoveRun{run});
    w.must(PauseRun{run});
    w.deploy("orders", limited(R"("TimeoutSeconds":10)"));
    w.must(MoveRun{run});
    w.advance(seconds(1'000));
    CHECK(w.status(run) == "PAUSED");
    w.must(ResumeRun{run});
    w.advance(seconds(9));
    CHECK(w.status(run) == "RUNNING");
    w.advance(seconds(2));
    CHECK(w.status(run) == "TIMED_OUT");
  }
  w.sound();
}

TEST_CASE("a moved run can fail, be redriven and be undone, each stage as it was done") {
  World w;
  const auto undone = [](const std::string& undo, const std::string& ship) {
    return R"({"StartAt":"Pay","OnFailure":"Hold","States":{
      "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Ship",
             "Compensate":{"Resource":"queue:)" +
           undo + R"("}},
      "Ship":{"Type":"Task","Resource":"queue:)" +
           ship + R"(","End":true}}})";
  };
  w.deploy("orders", undone("refund", "ship"));
  const RunId run = w.start("orders");
  w.complete(w.take("pay").token);
  w.deploy("orders", undone("credit", "dock"));
  w.must(MoveRun{run});
  w.advance(milliseconds(1));
  w.fail(w.take("dock").token);
  holds(w, [&] { CHECK(waits(w, run).kind == "operator"); });
  CHECK(has(w.refused(MoveRun{run, 1}).detail, "it has failed and is held"));
  w.must(RedriveRun{run, {}, {}, {}});
  w.fail(w.take("dock").token);
  w.must(CompensateRun{run});
  CHECK(has(w.refused(MoveRun{run, 1}).detail, "is not live"));
  // What undoes it is what the version said with which it was done.
  w.complete(w.take("refund").token);
  CHECK(w.status(run) == "COMPENSATED");
  w.sound();
}

TEST_CASE("a run that has not begun begins with the version it was moved to") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  auto later = World::starting("orders");
  later.not_before = w.clock.wall_now() + seconds(100);
  const RunId run = w.must(later).id;
  w.deploy("orders", stages({"Charge"}));
  CHECK(w.must(MoveRun{run}).restarted == 0);
  w.reopen();
  w.advance(seconds(101));
  w.complete(w.take("charge").token);
  CHECK(w.status(run) == "SUCCEEDED");
}

TEST_CASE("what waits for an event, a token, a child run or room moves too") {
  World w;
  w.deploy("child", stages({"Inner"}));
  const auto of = [](const std::string& members, const std::string& next) {
    return R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task",)" + members + R"(,"Next":")" + next +
           R"("},")" + next + R"(":{"Type":"Pass","End":true}}})";
  };
  SUBCASE("an event of another name") {
    w.deploy("orders", of(R"("Resource":"event:paid")", "A"));
    const RunId run = w.start("orders");
    w.deploy("orders", of(R"("Resource":"event:charged")", "B"));
    CHECK(w.must(MoveRun{run}).restarted == 1);
    w.advance(milliseconds(1));
    holds(w, [&] { CHECK(waits(w, run).kind == "event"); });
    CHECK(w.must(PublishEvent{"paid", "", doc("1")}).woken == 0);
    w.must(PublishEvent{"charged", "", doc("1")});
    w.advance(milliseconds(1));
    CHECK(w.status(run) == "SUCCEEDED");
  }
  SUBCASE("a child run") {
    w.deploy("orders", of(R"("Resource":"run:child")", "A"));
    const RunId run = w.start("orders");
    w.advance(milliseconds(1));
    w.deploy("orders", of(R"("Resource":"run:child","Parameters":{"x":1})", "B"));
    CHECK(w.must(MoveRun{run}).restarted == 0);
    w.reopen();
    w.complete(w.take("inner").token);
    w.advance(milliseconds(1));
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(has(w.story(run), "PassStateEntered(B)"));
  }
  SUBCASE("a token") {
    const std::string asks =
        R"("Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"ask","Payload":{"t.$":"$$.Task.Token"}})";
    w.deploy("orders", of(asks, "A"));
    const RunId run = w.start("orders");
    const auto call = w.take("ask");
    const std::string token = call.body.json()["t"];
    w.complete(call.token);
    w.deploy("orders", of(asks, "B"));
    CHECK(w.must(MoveRun{run}).restarted == 0);
    w.reopen();
    w.complete(token, "{}");
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(has(w.story(run), "PassStateEntered(B)"));
  }
  SUBCASE("room") {
    workflows::QueueSettings settings;
    settings.capacity = 1;
    w.must(PutQueue{"pay", settings});
    w.deploy("orders", of(R"("Resource":"queue:pay")", "A"));
    w.start("orders");
    const RunId run = w.start("orders");
    CHECK(waits(w, run).kind == "capacity");
    w.deploy("orders", of(R"("Resource":"queue:bank")", "B"));
    CHECK(w.must(MoveRun{run}).restarted == 1);
    w.advance(milliseconds(1));
    holds(w, [&] { CHECK(waits(w, run).name == "bank"); });
    w.complete(w.take("bank").token);
    CHECK(w.status(run) == "SUCCEEDED");
  }
  w.sound();
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
