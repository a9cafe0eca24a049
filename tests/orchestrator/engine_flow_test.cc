// Gates, locks and counters as runs and operators see them, before and after a restart.
#include "engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

WaitingFor waits(World& w, RunId run) {
  const auto list = w.detail(run).waiting_for;
  REQUIRE(list.size() == 1);
  return list[0];
}
bool says(const WaitingFor& wait, std::string_view what) {
  INFO(wait.sentence);
  return wait.sentence.find(what) != std::string::npos;
}
std::int64_t counter(World& w, const std::string& name) {
  for (const auto& item : w.inspector->counters(1'000, {}).items)
    if (item.name == name) return item.value;
  return 0;
}
std::vector<RunId> holders(World& w, const std::string& name) {
  std::vector<RunId> runs;
  if (const auto lock = w.inspector->lock(name); lock.has_value())
    for (const auto& place : lock->holders) runs.push_back(place.run);
  return runs;
}
using Runs = std::vector<RunId>;

const std::string lock_on_pay = R"({"StartAt":"Pay","QueryLanguage":"JSONata","States":{
  "Pay":{"Type":"Task","Resource":"queue:pay","End":true,
         "Lock":{"Name":"{% 'customer-' & $states.input.customer %}"}}}})";

TEST_CASE("a lock lets one owner in at a time, in the order of asking") {
  World w;
  w.deploy("orders", lock_on_pay);
  const RunId a = w.start("orders", R"({"customer":7})"),
              b = w.start("orders", R"({"customer":7})"),
              c = w.start("orders", R"({"customer":7})"),
              d = w.start("orders", R"({"customer":8})");
  holds(w, [&] {
    CHECK(holders(w, "customer-7") == Runs{a});
    CHECK(holders(w, "customer-8") == Runs{d});
    CHECK(waits(w, b).kind == "lock");
    CHECK(says(waits(w, b), "waits for lock \"customer-7\", number 1 in line"));
    CHECK(says(waits(w, c), "number 2 in line"));
    CHECK(says(waits(w, c), "held by run " + to_string(a)));
    CHECK(waits(w, c).detail["place"] == 2);
    CHECK(w.engine->stats().lock_waiters == 2);
    CHECK(w.engine->stats().locks_held == 2);
  });
  auto tasks = w.lease("pay", 10);
  REQUIRE(tasks.size() == 2);
  const auto before = w.engine->stats().commits;
  w.complete(tasks[0].token);
  CHECK(w.engine->stats().commits == before + 1);
  CHECK(w.status(a) == "SUCCEEDED");
  holds(w, [&] {
    CHECK(holders(w, "customer-7") == Runs{b});
    CHECK(waits(w, b).kind == "message");
  });
  w.complete(w.take("pay").token);
  CHECK(holders(w, "customer-7") == Runs{c});
  w.complete(w.take("pay").token);
  CHECK(w.status(c) == "SUCCEEDED");
  w.must(CancelRun{d, {}, false});
  CHECK(w.inspector->locks(10, {}).items.empty());
  w.sound();
  CHECK(w.story(b) ==
        "ExecutionStarted TaskStateEntered(Pay) LockAwaited(Pay) LockAcquired(Pay) "
        "TaskScheduled(Pay) TaskStarted(Pay) TaskSucceeded(Pay) LockReleased(Pay) "
        "TaskStateExited(Pay) ExecutionSucceeded");
}

TEST_CASE("a freed lock is handed on in the same commit, straight into a worker's hands") {
  World w;
  w.deploy("orders", lock_on_pay);
  auto hands = std::make_shared<Hands>();
  w.subscribe(w.session(hands), "pay", 10);
  for (int i = 0; i < 3; ++i) w.start("orders", R"({"customer":7})");
  REQUIRE(hands->tasks.size() == 1);
  const auto before = w.engine->stats().commits;
  w.complete(hands->tasks[0].token);
  CHECK(w.engine->stats().commits == before + 1);
  CHECK(hands->tasks.size() == 2);
  w.sound();
}

TEST_CASE("Permits are how many may hold it at once") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",
    "End":true,"Lock":{"Name.$":"$.bank","Permits":2}}}})");
  Runs runs;
  for (int i = 0; i < 5; ++i) runs.push_back(w.start("orders", R"({"bank":"north"})"));
  holds(w, [&] {
    CHECK(holders(w, "north") == Runs{runs[0], runs[1]});
    CHECK(w.inspector->locks(10, {}).items[0].permits == 2);
    CHECK(w.inspector->locks(10, {}).items[0].waiting == 3);
  });
  w.complete(w.take("pay").token);
  CHECK(holders(w, "north") == Runs{runs[1], runs[2]});
}

const std::string held_through = R"({"StartAt":"Pay","States":{
  "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Pack",
         "Lock":{"Name":"till","HeldThrough":"Ship"},
         "Catch":[{"ErrorEquals":["Refused"],"Next":"Ship"}]},
  "Pack":{"Type":"Task","Resource":"queue:pack","Next":"Ship"},
  "Ship":{"Type":"Task","Resource":"queue:ship","Next":"Bill"},
  "Bill":{"Type":"Task","Resource":"queue:bill","End":true}}})";

TEST_CASE("a lock is held through back-off, errors and every state up to the one it names") {
  World w;
  w.deploy("orders", held_through);
  const RunId a = w.start("orders"), b = w.start("orders");
  w.fail(w.take("pay").token, "Refused");
  holds(w, [&] { CHECK(holders(w, "till") == Runs{a}); });
  w.complete(w.take("ship").token);
  holds(w, [&] {
    CHECK(holders(w, "till") == Runs{b});
    CHECK(waits(w, a).name == "bill");
  });
}

TEST_CASE("a lock is given back on every way a run can end") {
  World w;
  w.deploy("orders", held_through);
  const auto stand_at_pack = [&] {
    const RunId run = w.start("orders");
    w.complete(w.take("pay").token);
    REQUIRE(holders(w, "till") == Runs{run});
    return run;
  };
  SUBCASE("it fails") {
    stand_at_pack();
    w.fail(w.take("pack").token);
  }
  SUBCASE("it is cancelled") { w.must(CancelRun{stand_at_pack(), {}, false}); }
  SUBCASE("it is cancelled while it waits") {
    const RunId a = stand_at_pack(), b = w.start("orders");
    CHECK(waits(w, b).kind == "lock");
    w.must(CancelRun{b, {}, false});
    CHECK(holders(w, "till") == Runs{a});
    w.must(CancelRun{a, {}, false});
  }
  holds(w, [&] { CHECK(w.inspector->locks(10, {}).items.empty()); });
}

TEST_CASE("a run that failed takes back what its position needs when it is redriven") {
  World w;
  w.deploy("orders", held_through);
  const RunId a = w.start("orders");
  w.complete(w.take("pay").token);
  const RunId b = w.start("orders");
  CHECK(waits(w, b).kind == "lock");
  w.fail(w.take("pack").token);
  CHECK(holders(w, "till") == Runs{b});
  w.must(RedriveRun{a, {}, {}, {}});
  holds(w, [&] {
    CHECK(waits(w, a).kind == "lock");
    CHECK(waits(w, a).state == "Pack");
  });
  w.must(CancelRun{b, {}, false});
  holds(w, [&] {
    CHECK(holders(w, "till") == Runs{a});
    CHECK(waits(w, a).name == "pack");
  });
  w.complete(w.take("pack").token);
  w.complete(w.take("ship").token);
  CHECK(w.inspector->locks(10, {}).items.empty());
  SUBCASE("but not one that is over where it goes on") {
    w.fail(w.take("bill").token);
    const RunId c = w.start("orders");
    REQUIRE(holders(w, "till") == Runs{c});
    w.must(RedriveRun{a, {}, {}, {}});
    CHECK(waits(w, a).name == "bill");
  }
}

TEST_CASE("a lock that is not free in time fails the stage, which may be tried again or caught") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","End":true,
           "Lock":{"Name":"till","TimeoutSeconds":60},
           "Retry":[{"ErrorEquals":["Sluice.LockTimeout"],"IntervalSeconds":10,"MaxAttempts":1}],
           "Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Late","ResultPath":"$.error"}]},
    "Late":{"Type":"Task","Resource":"queue:late","End":true}}})");
  const RunId a = w.start("orders"), b = w.start("orders");
  CHECK(says(waits(w, b), "gives up in 60 s"));
  w.advance(seconds(59));
  CHECK(waits(w, b).kind == "lock");
  holds(w, [&] { CHECK(waits(w, b).kind == "lock"); });
  w.advance(seconds(2));
  CHECK(waits(w, b).kind == "delay");
  w.sound();
  w.pass(seconds(11));
  CHECK(waits(w, b).kind == "lock");
  w.pass(seconds(61));
  holds(w, [&] { CHECK(waits(w, b).name == "late"); });
  const auto late = w.take("late");
  CHECK(Json::parse(late.body.text())["error"]["Error"] == "Sluice.LockTimeout");
  CHECK(holders(w, "till") == Runs{a});
  CHECK(w.engine->stats().lock_waiters == 0);
}

TEST_CASE(
    "the newest waiter of a circle fails with Sluice.Deadlock, and lets go when it is caught") {
  World w;
  w.deploy("left", R"({"StartAt":"A","States":{
      "A":{"Type":"Task","Resource":"queue:a","Next":"B","Lock":{"Name":"x","HeldThrough":"B"}},
      "B":{"Type":"Task","Resource":"queue:b","End":true,"Lock":{"Name":"y"}}}})");
  w.deploy("right", R"({"StartAt":"A","States":{
      "A":{"Type":"Task","Resource":"queue:a","Next":"B","Lock":{"Name":"y","HeldThrough":"C"}},
      "B":{"Type":"Task","Resource":"queue:b","Next":"C","Lock":{"Name":"x"},
           "Retry":[{"ErrorEquals":["States.ALL"]}],
           "Catch":[{"ErrorEquals":["Sluice.Deadlock"],"Next":"C"}]},
      "C":{"Type":"Task","Resource":"queue:c","End":true}}})");
  const RunId left = w.start("left"), right = w.start("right");
  for (const auto& task : w.lease("a", 2)) w.complete(task.token);
  holds(w, [&] {
    CHECK(waits(w, right).name == "c");
    CHECK(holders(w, "x") == Runs{left});
    CHECK(holders(w, "y") == Runs{left});
  });
  CHECK(
      w.story(right).ends_with("ErrorCaught(B) LockReleased(B) TaskStateExited(B) "
                               "TaskStateEntered(C) TaskScheduled(C)"));
  w.complete(w.take("b").token);
  w.complete(w.take("c").token);
  CHECK(w.status(left) == "SUCCEEDED");
  CHECK(w.status(right) == "SUCCEEDED");
}

TEST_CASE("a run that waits for a run that waits for its lock is a circle too") {
  World w;
  w.deploy("inner", R"({"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:a","End":true,
    "Lock":{"Name":"x"}}}})");
  w.deploy("outer", R"({"StartAt":"A","States":{"A":{"Type":"Task","Resource":"run:inner",
    "End":true,"Lock":{"Name":"x"}}}})");
  const RunId outer = w.start("outer");
  CHECK(w.status(outer) == "FAILED");
  const auto list = w.letters();
  REQUIRE(list.size() == 2);
  CHECK(list[0].error == "Sluice.Deadlock");
  CHECK(list[1].error == "Sluice.Deadlock");
  w.sound();
}

TEST_CASE("a semaphore is no circle while one of its holders can go on") {
  World w;
  w.deploy("one", R"({"StartAt":"A","States":{
      "A":{"Type":"Task","Resource":"queue:a","Next":"B","Lock":{"Name":"s","Permits":2,"HeldThrough":"B"}},
      "B":{"Type":"Task","Resource":"queue:b","End":true,"Lock":{"Name":"x"}}}})");
  w.deploy("two", R"({"StartAt":"A","States":{
      "A":{"Type":"Task","Resource":"queue:a","Next":"B","Lock":{"Name":"x","HeldThrough":"B"}},
      "B":{"Type":"Task","Resource":"queue:b","End":true,"Lock":{"Name":"s","Permits":2}}}})");
  const RunId first = w.start("one"), free = w.start("one"), last = w.start("two");
  const auto tasks = w.lease("a", 3);
  REQUIRE(tasks.size() == 3);
  const auto finish = [&](RunId run) {
    for (const auto& task : tasks)
      if (task.run == run) w.complete(task.token);
  };
  finish(last);  // holds x, waits for s: two hold it
  CHECK(waits(w, last).kind == "lock");
  finish(first);  // holds s, waits for x: the other may still give s back
  CHECK(waits(w, first).kind == "lock");
  finish(free);  // it waits for x as well: now nobody can
  CHECK(w.status(free) == "FAILED");
  CHECK(w.letters()[0].error == "Sluice.Deadlock");
  holds(w, [&] { CHECK(holders(w, "s") == Runs{first, last}); });
}

TEST_CASE("branches take a lock again that is held around them, and compete for others") {
  World w;
  w.deploy("orders", R"({"StartAt":"Both","States":{
    "Both":{"Type":"Parallel","End":true,"Lock":{"Name":"x"},"Branches":[
      {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:a","End":true,"Lock":{"Name":"x"}}}},
      {"StartAt":"B","States":{"B":{"Type":"Task","Resource":"queue:b","End":true,"Lock":{"Name":"y"}}}},
      {"StartAt":"C","States":{"C":{"Type":"Task","Resource":"queue:b","End":true,"Lock":{"Name":"y"}}}}]}}})");
  const RunId run = w.start("orders");
  CHECK(w.engine->stats().locks_held == 2);
  CHECK(w.engine->stats().lock_waiters == 1);
  w.complete(w.take("a").token);
  w.complete(w.take("b").token);
  holds(w, [&] { CHECK(holders(w, "x") == Runs{run}); });
  w.complete(w.take("b").token);
  CHECK(w.status(run) == "SUCCEEDED");
  CHECK(w.inspector->locks(10, {}).items.empty());
}

TEST_CASE("a Parallel that failed takes its lock back before its branches go on") {
  World w;
  w.deploy("orders", R"({"StartAt":"Both","States":{
    "Both":{"Type":"Parallel","End":true,"Lock":{"Name":"x"},
      "Counters":[{"Name":"open","On":"Enter","Add":1},{"Name":"open","On":"Exit","Add":-1}],"Branches":[
      {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:a","End":true}}},
      {"StartAt":"B","States":{"B":{"Type":"Task","Resource":"queue:b","End":true}}}]}}})");
  const RunId first = w.start("orders"), second = w.start("orders");
  w.complete(w.take("a").token);
  w.fail(w.take("b").token);
  CHECK(w.status(first) == "FAILED");
  CHECK(holders(w, "x") == Runs{second});
  w.must(RedriveRun{first, {}, {}, {}});
  holds(w, [&] {
    CHECK(waits(w, first).kind == "lock");
    CHECK(counter(w, "open") == 2);
  });
  w.must(CancelRun{second, {}, false});
  holds(w, [&] {
    CHECK(holders(w, "x") == Runs{first});
    CHECK(counter(w, "open") == 1);
  });
  CHECK(w.lease("a", 10).empty());
  w.complete(w.take("b").token);
  CHECK(w.status(first) == "SUCCEEDED");
  CHECK(counter(w, "open") == 0);
}

TEST_CASE("counters change with each entry: Enter and Exit, Success or Failure, not by attempt") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","End":true,
      "Retry":[{"ErrorEquals":["Again"],"MaxAttempts":1}],
      "Catch":[{"ErrorEquals":["Caught"],"Next":"After"}],
      "Counters":[{"Name":"in","On":"Enter","Add":1},{"Name":"in","On":"Exit","Add":-1},
                  {"Name":"good","On":"Success","Add":10},{"Name":"bad","On":"Failure","Add":3}]},
    "After":{"Type":"Succeed"}}})");
  const RunId a = w.start("orders"), b = w.start("orders"), c = w.start("orders"),
              d = w.start("orders");
  holds(w, [&] { CHECK(counter(w, "in") == 4); });
  auto tasks = w.lease("pay", 4);
  w.fail(tasks[0].token, "Again");
  CHECK(counter(w, "in") == 4);
  w.fail(tasks[1].token, "Caught");
  w.fail(tasks[2].token, "Broken");
  w.must(CancelRun{d, {}, false});
  holds(w, [&] {
    CHECK(counter(w, "in") == 1);
    CHECK(counter(w, "bad") == 6);
    CHECK(counter(w, "good") == 0);
  });
  w.pass(seconds(2));
  w.complete(w.take("pay").token);
  holds(w, [&] {
    CHECK(counter(w, "in") == 0);
    CHECK(counter(w, "good") == 10);
  });
  w.must(RedriveRun{c, {}, {}, {}});
  CHECK(counter(w, "in") == 1);
  CHECK(w.status(a) == "SUCCEEDED");
  CHECK(w.status(b) == "SUCCEEDED");
}

const std::string gated = R"({"StartAt":"Pay","States":{
  "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Ship","Gate":{"Counter":"open","Below":2},
         "Counters":[{"Name":"open","On":"Enter","Add":1}]},
  "Ship":{"Type":"Task","Resource":"queue:ship","End":true,
         "Counters":[{"Name":"open","On":"Exit","Add":-1}]}}})";

TEST_CASE("a gate holds runs until the counter lets them through, exactly as many and in order") {
  World w;
  w.deploy("orders", gated);
  Runs runs;
  for (int i = 0; i < 5; ++i) runs.push_back(w.start("orders"));
  holds(w, [&] {
    CHECK(counter(w, "open") == 2);
    CHECK(waits(w, runs[1]).kind == "message");
    CHECK(waits(w, runs[2]).kind == "gate");
    CHECK(
        says(waits(w, runs[3]), "opens when counter \"open\" is below 2, now 2: number 2 in line"));
    CHECK(waits(w, runs[4]).detail["opens"] == Json{{"Below", 2}});
    CHECK(w.inspector->counters(10, {}).items[0].waiting == 3);
    CHECK(w.engine->stats().gate_waiters == 3);
  });
  w.complete(w.take("pay").token);
  CHECK(waits(w, runs[2]).kind == "gate");
  const auto before = w.engine->stats().commits;
  w.complete(w.take("ship").token);
  CHECK(w.engine->stats().commits == before + 2);  // the lease, the completion
  holds(w, [&] {
    CHECK(counter(w, "open") == 2);
    CHECK(waits(w, runs[2]).kind == "message");
    CHECK(waits(w, runs[3]).kind == "gate");
  });
  w.must(AdjustCounter{"open", {}, -2});
  holds(w, [&] {
    CHECK(counter(w, "open") == 2);
    CHECK(waits(w, runs[4]).kind == "message");
  });
  CHECK(w.must(AdjustCounter{"open", 17, 0}).before == 2);
  CHECK(counter(w, "open") == 17);
}

TEST_CASE("a gate that does not open in time fails the stage, and its counters stay as they are") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","QueryLanguage":"JSONata","States":{
  "Pay":{"Type":"Task","Resource":"queue:pay","End":true,
     "Gate":{"Counter":"{% $states.input.gate %}","AtLeast":"{% $states.input.n %}","TimeoutSeconds":5},
     "Counters":[{"Name":"in","On":"Enter","Add":1},{"Name":"in","On":"Exit","Add":-1},{"Name":"bad","On":"Failure","Add":1}]}}})");
  const RunId run = w.start("orders", R"({"gate":"g","n":3})");
  CHECK(says(waits(w, run), "is at least at 3, now 0"));
  w.pass(seconds(6));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.letters()[0].error == "Sluice.GateTimeout");
    CHECK(counter(w, "in") == 0);
    CHECK(counter(w, "bad") == 0);
  });
  w.must(AdjustCounter{"g", 3, 0});
  w.must(RedriveRun{run, {}, {}, {}});
  CHECK(counter(w, "in") == 1);
  CHECK(waits(w, run).name == "pay");
}

TEST_CASE("ten thousand runs at a gate wake as the counter lets them, over several batches") {
  World w;
  w.deploy("orders", R"({"StartAt":"Go","States":{"Go":{"Type":"Pass","Next":"Done",
     "Gate":{"Counter":"go","Equals":1}},"Done":{"Type":"Succeed"}}})");
  for (int i = 0; i < 2'000; ++i) w.start("orders");
  CHECK(w.engine->stats().gate_waiters == 2'000);
  w.must(AdjustCounter{"go", 1, 0});
  CHECK(w.engine->stats().gate_waiters == 0);
  CHECK(w.engine->stats().live_runs == 0);
  w.sound();
}

TEST_CASE("Pass and Wait count, and pass gates and locks") {
  World w;
  w.deploy("orders", R"({"StartAt":"In","States":{
    "In":{"Type":"Pass","Next":"Rest","Counters":[{"Name":"n","On":"Enter","Add":5}]},
    "Rest":{"Type":"Wait","Seconds":10,"Next":"Out","Lock":{"Name":"x"},
       "Counters":[{"Name":"n","On":"Exit","Add":-2}]},
    "Out":{"Type":"Pass","End":true,"Counters":[{"Name":"n","On":"Success","Add":-3}]}}})");
  const RunId a = w.start("orders"), b = w.start("orders");
  holds(w, [&] {
    CHECK(waits(w, a).kind == "delay");
    CHECK(waits(w, b).kind == "lock");
    CHECK(counter(w, "n") == 10);
  });
  w.pass(seconds(11));
  CHECK(w.status(a) == "SUCCEEDED");
  CHECK(counter(w, "n") == 5);
  CHECK(waits(w, b).kind == "delay");
  w.pass(seconds(11));
  CHECK(w.status(b) == "SUCCEEDED");
  CHECK(counter(w, "n") == 0);
  w.sound();
}

TEST_CASE("an operator takes a lock away: the next has it, and who held it goes on without") {
  World w;
  w.deploy("orders", held_through);
  const RunId a = w.start("orders"), b = w.start("orders");
  CHECK(w.code(ReleaseLock{"nothing", {}}) == "not_found");
  CHECK(w.code(ReleaseLock{"till", b}) == "not_found");
  CHECK(w.must(ReleaseLock{"till", a}).runs == Runs{a});
  holds(w, [&] { CHECK(holders(w, "till") == Runs{b}); });
  auto tasks = w.lease("pay", 2);
  REQUIRE(tasks.size() == 2);
  w.complete(tasks[0].token);
  w.complete(w.take("pack").token);
  w.complete(w.take("ship").token);
  holds(w, [&] {
    CHECK(waits(w, a).name == "bill");
    CHECK(holders(w, "till") == Runs{b});
  });
}

TEST_CASE("what undoes a stage stands outside of its locks") {
  World w;
  w.deploy("orders", R"({"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"queue:a","Next":"B","Lock":{"Name":"x","HeldThrough":"B"},
         "Compensate":{"Resource":"queue:undo"}},
    "B":{"Type":"Task","Resource":"queue:b","End":true}}})");
  const RunId a = w.start("orders");
  w.complete(w.take("a").token);
  const RunId b = w.start("orders");
  w.fail(w.take("b").token);
  holds(w, [&] {
    CHECK(holders(w, "x") == Runs{b});
    CHECK(w.status(a) == "COMPENSATING");
  });
  w.complete(w.take("undo").token);
  CHECK(w.status(a) == "COMPENSATED");
}

TEST_CASE("a paused run keeps its place in line, and what is left of its time-out") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",
     "End":true,"Lock":{"Name":"till","TimeoutSeconds":60}}}})");
  const RunId a = w.start("orders"), b = w.start("orders");
  w.pass(seconds(30));
  w.must(PauseRun{b});
  w.pass(seconds(120));
  holds(w, [&] { CHECK(waits(w, b).kind == "lock"); });
  w.must(ResumeRun{b});
  w.pass(seconds(20));
  CHECK(waits(w, b).kind == "lock");
  w.complete(w.take("pay").token);
  CHECK(w.status(a) == "SUCCEEDED");
  CHECK(holders(w, "till") == Runs{b});
}

TEST_CASE("wrong values at run time are refused by name") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","QueryLanguage":"JSONata","States":{
  "Pay":{"Type":"Task","Resource":"queue:pay","End":true,
     "Lock":{"Name":"{% $states.input.name %}","Permits":"{% $states.input.permits %}"}}}})");
  const RunId a = w.start("orders", R"({"name":"","permits":1})");
  CHECK(w.status(a) == "FAILED");
  CHECK(w.detail(a).cause->find("Lock/Name must be a string of 1 to 255 bytes") !=
        std::string::npos);
  const RunId b = w.start("orders", R"({"name":"x","permits":0})");
  CHECK(w.detail(b).cause->find("Lock/Permits must be a whole number from 1") != std::string::npos);
  CHECK(w.code(AdjustCounter{"stage:orders/Pay.entered", 1, 0}) == "invalid_argument");
  CHECK(w.code(AdjustCounter{"", 1, 0}) == "invalid_argument");
  w.sound();
}

TEST_CASE("ten thousand runs that contend for one lock go through in the order of asking") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",
    "End":true,"Lock":{"Name":"till"}}}})");
  Runs runs;
  for (int i = 0; i < 10'000; ++i) runs.push_back(w.start("orders"));
  auto hands = std::make_shared<Hands>();
  w.subscribe(w.session(hands), "pay", 10);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    REQUIRE(hands->tasks.size() == i + 1);
    REQUIRE(hands->tasks[i].run == runs[i]);
    w.complete(hands->tasks[i].token);
  }
  CHECK(w.engine->stats().live_runs == 0);
  CHECK(w.engine->stats().locks_held == 0);
  w.sound();
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
