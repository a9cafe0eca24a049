// Whatever statement fails, nothing is half done, nothing is forgotten, and everything goes on.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

namespace {

// A day of an engine in one scene: sessions, waits, retries, dead letters, dues, pauses, a lost
// worker. Returns what a caller can see of it, which must not depend on a statement that failed
// once and was run again.
std::string scene(World& w) {
  std::string seen;
  const auto note = [&](const std::string& what) { seen += what + "\n"; };
  w.deploy("orders", R"({"StartAt":"Pay","TimeoutSeconds":500,"States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","TimeoutSeconds":60,"Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":2}],"Next":"Rest"},
    "Rest":{"Type":"Wait","Seconds":3,"Next":"Ship"},
    "Ship":{"Type":"Task","Resource":"queue:ship","End":true}}})");
  w.deploy("paid", R"({"StartAt":"Paid","Events":{"bell":{"Deliver":"All"}},"States":{
    "Paid":{"Type":"Task","Resource":"event:paid","TimeoutSeconds":30,"Next":"Bell"},
    "Bell":{"Type":"Task","Resource":"event:bell","End":true}}})");
  std::vector<RunId> paid;
  for (int i = 0; i < 3; ++i) paid.push_back(w.start("paid"));
  for (int i = 0; i < 2; ++i)
    note("woken " + std::to_string(w.must(PublishEvent{"paid", "", doc("1")}).woken));
  w.must(CancelRun{paid[2], {}});
  w.must(PublishEvent{"paid", "", doc("2")});
  note("woken by the bell " + std::to_string(w.must(PublishEvent{"bell", "", doc("3")}).woken));
  paid.push_back(w.start("paid"));
  w.must(PutBinding{"t", "event", {"#", {}, "event:paid", {}}});
  w.must(PutBinding{"t", "queue", {"a.*", {}, "queue:bound", {}}});
  w.must(PutBinding{"t", "none", {"a.#", {}, "workflow:none", {}}});
  for (const char* key : {"a", "a.b", "c"}) {
    const auto sent = w.must(PublishMessages{{{.topic = "t", .key = key, .body = doc("4")}}});
    note("routed " + std::to_string(sent.published.at(0).routed));
  }
  w.must(DeleteBinding{"t", "event"});
  w.pass(seconds(1));
  for (const auto run : paid) note(w.status(run) + " " + w.story(run));
  const auto hands = std::make_shared<Hands>(), others = std::make_shared<Hands>();
  const auto session = w.session(hands), other = w.session(others);
  w.subscribe(session, "pay", 2);
  w.subscribe(other, "ship", 1);
  std::vector<RunId> runs;
  for (int i = 0; i < 4; ++i) runs.push_back(w.start("orders", std::to_string(i)));
  note("in hands " + std::to_string(hands->tasks.size()));
  w.fail(hands->tasks.at(0).token, "Again");
  w.complete(hands->tasks.at(1).token);
  w.must(PauseRun{runs[3]});
  w.must(ResumeRun{runs[3]});
  const auto alive = [&] {
    w.engine->touch(other);
    w.pass(milliseconds(500));
  };
  w.must(SendMessages{{{.queue = "bare",
                        .body = doc("1"),
                        .headers = {},
                        .delay = seconds(2),
                        .expires = seconds(2),
                        .dedup_id = {}}}});
  for (int i = 0; i < 8; ++i) {
    w.engine->touch(session);
    alive();
  }
  note("in hands " + std::to_string(hands->tasks.size()) + ", shipping " +
       std::to_string(others->tasks.size()));
  w.engine->detach_session(session, hands.get(), false);
  for (int i = 0; i < 8; ++i) alive();
  note("letters " + std::to_string(w.letters().size()));
  auto rest = w.lease("pay", 10);
  note("leased " + std::to_string(rest.size()));
  if (!rest.empty()) w.fail(rest.front().token, "Final");
  for (std::size_t i = 1; i < rest.size(); ++i) w.complete(rest[i].token);
  for (int i = 0; i < 10; ++i) alive();
  for (std::size_t i = 0; i < others->tasks.size(); ++i) {
    w.complete(others->tasks[i].token);
    for (int k = 0; k < 2; ++k) alive();
  }
  for (const auto& letter :
       w.letters({.queue = "pay", .workflow = {}, .error = {}, .status = {}, .run = {}}))
    w.must(ReplayDeadLetter{letter.id, {}});
  for (const auto& task : w.lease("pay", 10)) w.complete(task.token);
  for (int i = 0; i < 10; ++i) alive();
  for (std::size_t i = 4 - 1; i < others->tasks.size(); ++i)
    (void)w.run(CompleteTask{others->tasks[i].token, doc("{}")});
  for (const auto run : runs) note(w.status(run) + " " + w.story(run));
  const auto stats = w.engine->stats();
  note("started " + std::to_string(stats.runs_started) + " succeeded " +
       std::to_string(stats.runs_succeeded) + " failed " + std::to_string(stats.runs_failed) +
       " transitions " + std::to_string(stats.transitions));
  for (const auto& q : w.engine->queues())
    note(q.name + " " + std::to_string(q.depth()) + " sent " + std::to_string(q.sent) + " failed " +
         std::to_string(q.failed) + " redelivered " + std::to_string(q.redelivered) +
         " consumers " + std::to_string(q.consumers));
  w.sound();
  return seen;
}

}  // namespace

TEST_CASE("a statement that fails once changes nothing of what happens, whichever it is") {
  std::int64_t statements = 0;
  std::string expected;
  {
    World w;
    const std::int64_t before = w.database->statements();
    expected = scene(w);
    statements = w.database->statements() - before;
    for (const char* part :
         {"succeeded 7", "woken by the bell 2", "in hands 4, shipping 1", "letters 3"})
      CHECK_MESSAGE(expected.find(part) != std::string::npos, expected);
  }
  const std::int64_t stride = 1 + statements / 400;
  for (std::int64_t nth = 1; nth <= statements; nth += stride) {
    CAPTURE(nth);
    World w;
    w.database->fail_at(nth);
    const std::string seen = scene(w);
    CHECK(w.database->failed());
    REQUIRE(seen == expected);
  }
}

TEST_CASE("a command whose every statement fails is refused alone and changes nothing") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const auto task = w.take("pay");
  for (std::int64_t nth = 1; nth < 40; ++nth) {
    w.database->fail_at(nth, true);
    const auto answer = w.code(CompleteTask{task.token, doc("{}")});
    const bool failed = w.database->failed();
    w.database->forgive();
    w.advance(seconds(1));
    w.sound();
    if (!failed) {
      CHECK(answer == "ok");
      break;
    }
    if (answer == "ok") continue;
    CHECK(answer == "storage_failed");
    CHECK(w.status(run) == "RUNNING");
  }
  CHECK(w.code(CompleteTask{task.token, doc("{}")}) == "ok");
  CHECK(w.status(run) == "SUCCEEDED");
  w.sound();
}

}  // namespace sluice::orchestrator::engine_test
