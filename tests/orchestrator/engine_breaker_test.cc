// Circuit breakers as runs, workers and operators see them, before and after a restart.
#include "engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

std::string with_breaker(const std::string& breaker) {
  return R"({"StartAt":"Pay","Queues":{"pay":{"Breaker":)" + breaker + R"(}},"States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Ship",
      "Retry":[{"ErrorEquals":["Down"],"IntervalSeconds":1,"MaxAttempts":9}]},
    "Ship":{"Type":"Task","Resource":"queue:ship","End":true}}})";
}
std::string breaker(World& w) {
  const auto state = w.stats("pay").breaker;
  return !state ? "closed" : state->half_open ? "half-open" : "open";
}
void fail_all(World& w, const std::string& error = "Down") {
  for (const auto& task : w.lease("pay", 10)) w.fail(task.token, error);
}
std::string why(World& w, RunId run) { return w.detail(run).waiting_for.at(0).sentence; }

TEST_CASE("failed attempts trip the breaker: the queue stands still, and says why") {
  World w;
  w.deploy("orders", with_breaker(R"({"Failures":3,"WithinSeconds":60,"ResumeAfterSeconds":30})"));
  std::vector<RunId> runs;
  for (int i = 0; i < 3; ++i) runs.push_back(w.start("orders"));
  auto tasks = w.lease("pay", 3);
  w.fail(tasks[0].token, "Down");
  w.fail(tasks[1].token, "Down");
  CHECK(breaker(w) == "closed");
  w.fail(tasks[2].token, "Down");
  holds(w, [&] {
    CHECK(breaker(w) == "open");
    CHECK(w.stats("pay").paused);
    CHECK(w.stats("pay").breaker->reason == "3 failed attempts within 60 s, the last with Down");
  });
  w.pass(seconds(5));  // the back-off is over
  CHECK(w.lease("pay", 10).empty());
  CHECK(why(w, runs[0]).find("its breaker has been open for") != std::string::npos);
  CHECK(why(w, runs[0]).find("one is tried in") != std::string::npos);
  CHECK(w.inspector->audit({}, 1, {}).items[0].kind == "breaker.open");
  CHECK(w.inspector->audit({}, 1, {}).items[0].principal == "sluice");
}

TEST_CASE(
    "half-open, one message is tried: its failure opens the breaker again, its success closes it") {
  World w;
  w.deploy("orders", with_breaker(R"({"Failures":3,"ResumeAfterSeconds":30})"));
  for (int i = 0; i < 5; ++i) w.start("orders");
  auto tasks = w.lease("pay", 3);
  for (const auto& task : tasks) w.fail(task.token, "Down");
  w.pass(seconds(29));
  CHECK(breaker(w) == "open");
  w.pass(seconds(2));
  holds(w, [&] {
    CHECK(breaker(w) == "half-open");
    CHECK_FALSE(w.stats("pay").paused);
  });
  auto probe = w.lease("pay", 10);
  REQUIRE(probe.size() == 1);
  CHECK(w.lease("pay", 10).empty());
  w.fail(probe[0].token, "Down");
  holds(w, [&] {
    CHECK(breaker(w) == "open");
    CHECK(w.stats("pay").breaker->reason == "the probe failed with Down");
  });
  w.pass(seconds(31));
  probe = w.lease("pay", 10);
  REQUIRE(probe.size() == 1);
  w.complete(probe[0].token);
  holds(w, [&] {
    CHECK(breaker(w) == "closed");
    CHECK_FALSE(w.stats("pay").paused);
    CHECK(w.stats("pay").ready == 4);
  });
  CHECK(w.lease("pay", 10).size() == 4);
  CHECK(w.inspector->audit({}, 1, {}).items[0].kind == "breaker.close");
}

TEST_CASE("only failures within the window count") {
  World w;
  w.deploy("orders", with_breaker(R"({"Failures":2,"WithinSeconds":10})"));
  w.start("orders");
  fail_all(w);
  w.pass(seconds(11));
  fail_all(w);
  CHECK(breaker(w) == "closed");
  w.pass(seconds(3));
  fail_all(w);
  CHECK(breaker(w) == "open");
}

TEST_CASE("dead letters trip it, and it waits for an operator who resumes the queue") {
  World w;
  w.deploy("orders", with_breaker(R"({"DeadLetters":2})"));
  const RunId a = w.start("orders"), b = w.start("orders"), c = w.start("orders");
  auto tasks = w.lease("pay", 2);
  w.fail(tasks[0].token, "Broken");
  CHECK(breaker(w) == "closed");
  w.fail(tasks[1].token, "Broken");
  holds(w, [&] {
    CHECK(breaker(w) == "open");
    CHECK(w.stats("pay").breaker->reason == "2 dead letters within 60 s");
    CHECK_FALSE(w.stats("pay").breaker->probe_at);
  });
  w.pass(seconds(600));
  CHECK(breaker(w) == "open");
  RunId waiting;
  for (const RunId run : {a, b, c})
    if (w.status(run) == "RUNNING") waiting = run;
  CHECK(why(w, waiting).find("resume the queue when the trouble is over") != std::string::npos);
  CHECK(w.code(DeleteQueue{"pay"}) == "conflict");
  w.must(PauseQueue{"pay", false});
  holds(w, [&] {
    CHECK(breaker(w) == "closed");
    CHECK_FALSE(w.stats("pay").paused);
  });
  w.must(PauseWorkflow{"orders", true});
  CHECK(why(w, waiting).ends_with("; workflow \"orders\" is paused: resume it"));
  w.must(PauseWorkflow{"orders", false});
  CHECK(w.lease("pay", 10).size() == 1);
}

TEST_CASE(
    "Pause: Workflow stops the other stages too, until a probe succeeds or somebody resumes it") {
  World w;
  w.deploy("orders", with_breaker(R"({"Failures":1,"Pause":"Workflow","ResumeAfterSeconds":30})"));
  const RunId a = w.start("orders");
  w.complete(w.take("pay").token);
  w.start("orders");
  fail_all(w);
  holds(w, [&] {
    CHECK(breaker(w) == "open");
    CHECK(w.inspector->workflows().at(0).paused);
    CHECK(w.lease("ship", 10).empty());
    CHECK(why(w, a).find("workflow \"orders\" is paused by the breaker of queue \"pay\": 1 failed "
                         "attempts") != std::string::npos);
  });
  SUBCASE("a probe") {
    w.pass(seconds(31));
    CHECK(breaker(w) == "half-open");
    CHECK_FALSE(w.inspector->workflows().at(0).paused);
    CHECK(w.lease("ship", 10, seconds(300)).size() == 1);
    fail_all(w);
    holds(w, [&] { CHECK(w.inspector->workflows().at(0).paused); });
    w.pass(seconds(31));
    w.complete(w.take("pay").token);
    holds(w, [&] { CHECK(breaker(w) == "closed"); });
  }
  SUBCASE("an operator") {
    w.must(PauseWorkflow{"orders", false});
    holds(w, [&] {
      CHECK(breaker(w) == "closed");
      CHECK_FALSE(w.stats("pay").paused);
    });
    CHECK(w.lease("ship", 10).size() == 1);
  }
  CHECK(w.status(a) == "RUNNING");
}

TEST_CASE("a bare queue has a breaker too, and one that an operator paused does not trip") {
  World w;
  auto settings = workflows::parse_queue_settings(Json::parse(R"({"Breaker":{"Failures":2}})"), "");
  REQUIRE(settings.has_value());
  w.must(PutQueue{"pay", *settings});
  SendMessages sending;
  for (int i = 0; i < 4; ++i) {
    NewMessage message;
    message.queue = "pay";
    message.body = doc("1");
    sending.messages.push_back(std::move(message));
  }
  w.must(sending);
  auto tasks = w.lease("pay", 4);
  w.must(PauseQueue{"pay", true});
  w.fail(tasks[0].token, "Down");
  w.fail(tasks[1].token, "Down");
  CHECK(breaker(w) == "closed");
  w.must(PauseQueue{"pay", false});
  w.fail(tasks[2].token, "Down");
  w.fail(tasks[3].token, "Down");
  holds(w, [&] { CHECK(breaker(w) == "open"); });
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
