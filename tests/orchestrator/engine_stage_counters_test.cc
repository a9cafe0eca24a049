// The stages' own counters, and gates that ask for them.
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

// "entered in_flight completed failed dead" of a stage of workflow `orders`.
std::string stage(World& w, const std::string& state) {
  std::string text;
  for (const char* metric : {"entered", "in_flight", "completed", "failed", "dead"})
    for (const auto& item : w.inspector->counters(1'000, {}, true).items)
      if (item.name == "stage:orders/" + state + "." + metric)
        text += (text.empty() ? "" : " ") + std::to_string(item.value);
  return text;
}

TEST_CASE("each stage has counters of its own, which no restart and no way out forgets") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Each","Catch":[{"ErrorEquals":["Caught"],"Next":"After"}]},
    "Each":{"Type":"Map","Next":"After","ItemsPath":"$.items","ItemProcessor":{"StartAt":"Item","States":{
      "Item":{"Type":"Task","Resource":"queue:item","End":true}}}},
    "After":{"Type":"Pass","End":true}}})");
  const RunId a = w.start("orders"), b = w.start("orders"), c = w.start("orders"),
              d = w.start("orders"), e = w.start("orders");
  holds(w, [&] { CHECK(stage(w, "Pay") == "5 5 0 0 0"); });
  const auto tasks = w.lease("pay", 5);
  const auto task_of = [&](RunId run) {
    for (const auto& task : tasks)
      if (task.run == run) return task.token;
    return std::string();
  };
  w.complete(task_of(a), R"({"items":[1,2,3]})");
  w.fail(task_of(b), "Caught");
  w.fail(task_of(c), "Broken");
  w.must(CancelRun{d, {}, false});
  holds(w, [&] {
    CHECK(stage(w, "Pay") == "5 1 1 2 1");
    CHECK(stage(w, "Each") == "1 1 0 0 0");
    CHECK(stage(w, "Item") == "3 3 0 0 0");
  });
  w.fail(w.take("item").token, "Broken");
  holds(w, [&] {
    CHECK(stage(w, "Item") == "3 0 0 1 1");
    CHECK(stage(w, "Each") == "1 0 0 1 0");
  });
  w.must(RedriveRun{c, {}, {}, {}});
  w.advance(seconds(2));
  holds(w, [&] { CHECK(stage(w, "Pay") == "6 2 1 2 1"); });
  w.deploy("orders", R"({"StartAt":"Zero","States":{"Zero":{"Type":"Pass","Next":"Pay"},
    "Pay":{"Type":"Task","Resource":"queue:pay","End":true}}})");
  w.must(CancelRun{c, {}, false});
  w.must(RedriveRun{c, {}, {}, 2});
  holds(w, [&] { CHECK(stage(w, "Pay") == "7 2 1 2 1"); });
  w.must(CancelRun{c, {}, false});
  w.must(CancelRun{e, {}, false});
  holds(w, [&] { CHECK(stage(w, "Pay") == "7 0 1 2 1"); });
}

TEST_CASE("a gate may wait until another stage has drained, and does not count who waits at it") {
  World w;
  w.deploy("orders", R"({"StartAt":"Pay","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Close"},
    "Close":{"Type":"Task","Resource":"queue:close","End":true,
             "Gate":{"Counter":"stage:orders/Pay.in_flight","Equals":0,"TimeoutSeconds":60},
             "Catch":[{"ErrorEquals":["Sluice.GateTimeout"],"Next":"Late"}]},
    "Late":{"Type":"Pass","End":true}}})");
  const RunId a = w.start("orders"), b = w.start("orders"), c = w.start("orders");
  w.complete(w.take("pay").token);
  holds(w, [&] {
    CHECK(waits(w, a).kind == "gate");
    CHECK(says(waits(w, a), "is at exactly 0, now 2"));
    CHECK(stage(w, "Close") == "0 0 0 0 0");
  });
  w.must(CancelRun{c, {}, false});
  CHECK(waits(w, a).kind == "gate");
  SUBCASE("it drains") {
    w.complete(w.take("pay").token);
    holds(w, [&] {
      CHECK(waits(w, a).kind == "message");
      CHECK(waits(w, b).kind == "message");
      CHECK(stage(w, "Close") == "2 2 0 0 0");
    });
  }
  SUBCASE("it does not, and the gate gives up") {
    w.pass(seconds(61));
    CHECK(w.status(a) == "SUCCEEDED");
    holds(w, [&] { CHECK(stage(w, "Close") == "0 0 0 0 0"); });
  }
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
