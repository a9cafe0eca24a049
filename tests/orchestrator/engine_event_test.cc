// States that wait for events: who is woken, what is kept, and that nothing is left behind.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

constexpr const char* waits = R"({"StartAt":"Paid","States":{"Paid":{"Type":"Task",
  "Resource":"event:paid","Parameters":{"Key.$":"$.order"},"TimeoutSeconds":60,"End":true}}})";
constexpr const char* waits_for_all = R"({"StartAt":"Open",
  "Events":{"open":{"Deliver":"All","KeepSeconds":100}},
  "States":{"Open":{"Type":"Task","Resource":"event:open","End":true}}})";

PublishEvent::Reply publish(World& w, const std::string& name, const std::string& key,
                            const std::string& body = "{}") {
  return w.must(PublishEvent{name, key, doc(body)});
}

}  // namespace

TEST_CASE("a state waits for the event with its key, and the event's body is its result") {
  World w;
  w.deploy("waits", waits);
  const RunId a = w.start("waits", R"({"order":"a"})"), b = w.start("waits", R"({"order":"b"})");
  holds(w, [&] {
    const auto waiting = w.detail(a).waiting_for;
    REQUIRE(waiting.size() == 1);
    CHECK(waiting[0].kind == "event");
    CHECK(waiting[0].name == "paid");
    CHECK(waiting[0].detail["key"] == "a");
    CHECK(waiting[0].sentence.find("waits for the event \"paid\" with key \"a\"") == 0);
  });
  const auto other = publish(w, "paid", "c");
  CHECK(other.woken == 0);
  CHECK(other.kept);
  const auto woke = publish(w, "paid", "b", R"({"amount":7})");
  CHECK(woke.woken == 1);
  CHECK_FALSE(woke.kept);
  holds(w, [&] {
    CHECK(w.status(a) == "RUNNING");
    CHECK(w.detail(b).output.text() == R"({"amount":7})");
  });
}

TEST_CASE("the one who has waited longest is woken, and one event wakes one") {
  World w;
  w.deploy("waits", waits);
  std::vector<RunId> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(w.start("waits", R"({"order":"same"})"));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    publish(w, "paid", "same", std::to_string(i));
    holds(w, [&] {
      for (std::size_t j = 0; j < runs.size(); ++j)
        CHECK(w.status(runs[j]) == (j <= i ? "SUCCEEDED" : "RUNNING"));
    });
    CHECK(w.detail(runs[i]).output.text() == std::to_string(i));
  }
}

TEST_CASE("an event that comes early is kept, in order, each for one, until its time is over") {
  World w;
  w.deploy("waits", waits);
  publish(w, "paid", "a", "1");
  publish(w, "paid", "a", "2");
  w.reopen();
  for (const char* expected : {"1", "2"}) {
    const RunId run = w.start("waits", R"({"order":"a"})");
    w.advance({});
    holds(w, [&] { CHECK(w.detail(run).output.text() == expected); });
  }
  const RunId third = w.start("waits", R"({"order":"a"})");
  CHECK(w.detail(third).waiting_for.at(0).kind == "event");
  publish(w, "paid", "b", "3");
  w.advance(seconds(86'401));
  const RunId late = w.start("waits", R"({"order":"b"})");
  holds(w, [&] { CHECK(w.detail(late).waiting_for.at(0).kind == "event"); });
}

TEST_CASE("an event that is not kept is only for those who wait") {
  World w;
  w.deploy("now", R"({"StartAt":"A","Events":{"bell":{"KeepSeconds":0}},
    "States":{"A":{"Type":"Task","Resource":"event:bell","End":true}}})");
  const auto unheard = publish(w, "bell", "");
  CHECK(unheard.woken == 0);
  CHECK_FALSE(unheard.kept);
  const RunId run = w.start("now");
  CHECK(w.detail(run).waiting_for.at(0).kind == "event");
  CHECK(publish(w, "bell", "").woken == 1);
  CHECK(w.status(run) == "SUCCEEDED");
}

TEST_CASE("an event for all wakes every waiter, however many, and those who come in its time") {
  World w;
  w.deploy("open", waits_for_all);
  std::vector<RunId> runs;
  for (int i = 0; i < 700; ++i) runs.push_back(w.start("open"));
  const auto reply = publish(w, "open", "", R"("now")");
  CHECK(reply.woken == 256);
  CHECK(reply.kept);
  w.advance({});
  holds(w, [&] {
    for (const RunId run : runs) CHECK(w.detail(run).output.text() == R"("now")");
  });
  w.advance(seconds(10));
  const RunId later = w.start("open");
  w.advance({});
  holds(w, [&] { CHECK(w.detail(later).output.text() == R"("now")"); });
  publish(w, "open", "", R"("again")");
  const RunId newest = w.start("open");
  w.advance({});
  CHECK(w.detail(newest).output.text() == R"("again")");
  w.advance(seconds(101));
  const RunId too_late = w.start("open");
  holds(w, [&] { CHECK(w.detail(too_late).waiting_for.at(0).kind == "event"); });
}

TEST_CASE("a run that waits in a loop for an event for all gets each once") {
  World w;
  w.deploy("loop", R"({"StartAt":"Key","Events":{"open":{"Deliver":"All"}},"States":{
    "Key":{"Type":"Pass","Result":{"key":"a"},"ResultPath":"$.k","Next":"Open"},
    "Open":{"Type":"Task","Resource":"event:open","Parameters":{"Key.$":"$.k.key"},"ResultPath":"$.told","Next":"Tell"},
    "Tell":{"Type":"Task","Resource":"queue:tell","ResultPath":"$.k","Next":"More"},
    "More":{"Type":"Choice","Choices":[{"Variable":"$.k.key","IsPresent":true,"Next":"Open"}],"Default":"Closed"},
    "Closed":{"Type":"Succeed"}}})");
  publish(w, "open", "b", R"("b1")");
  const RunId run = w.start("loop");
  const auto told = [&] {
    const auto task = w.take("tell");
    return std::pair(task.token, task.body.json()["told"].get<std::string>());
  };
  publish(w, "open", "a", R"("a1")");
  auto [token, body] = told();
  CHECK(body == "a1");
  w.complete(token, R"({"key":"a"})");
  w.advance({});
  holds(w, [&] { CHECK(w.detail(run).waiting_for.at(0).kind == "event"); });
  publish(w, "open", "a", R"("a2")");
  std::tie(token, body) = told();
  CHECK(body == "a2");
  // Another key, whose event is older than what it had of the first.
  w.complete(token, R"({"key":"b"})");
  w.advance({});
  std::tie(token, body) = told();
  CHECK(body == "b1");
  w.complete(token, R"({"key":"a"})");
  w.advance({});
  holds(w, [&] { CHECK(w.detail(run).waiting_for.at(0).detail["key"] == "a"); });
  CHECK(w.lease("tell").empty());
}

TEST_CASE("a server that is killed while an event is on its way to all goes on with it") {
  World w;
  w.deploy("open", waits_for_all);
  std::vector<RunId> runs;
  for (int i = 0; i < 600; ++i) runs.push_back(w.start("open"));
  const auto ended = [&] {
    return std::ranges::count_if(runs, [&](RunId run) { return w.status(run) == "SUCCEEDED"; });
  };
  w.database->fail_at(2'000, /*always=*/true);
  CHECK(publish(w, "open", "", "1").woken == 256);
  CHECK(w.database->failed());
  CHECK(ended() == 256);
  w.reopen();
  w.sound();
  CHECK(ended() == 600);
}

TEST_CASE("waiting for an event ends with its time-out, and the event then is for the next") {
  World w;
  w.deploy("waits", waits);
  const RunId run = w.start("waits", R"({"order":"a"})");
  w.pass(seconds(61));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "States.Timeout");
  });
  CHECK(publish(w, "paid", "a").kept);
}

TEST_CASE("a run that is ended from outside leaves the line of its event") {
  World w;
  w.deploy("waits", waits);
  w.deploy("beside", R"({"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"E","States":{"E":{"Type":"Task","Resource":"event:paid","Parameters":{"Key":"a"},"End":true}}},
    {"StartAt":"Q","States":{"Q":{"Type":"Task","Resource":"queue:q","End":true}}}]}}})");
  const RunId cancelled = w.start("waits", R"({"order":"a"})");
  const RunId failed = w.start("beside");
  const RunId waiting = w.start("waits", R"({"order":"a"})");
  w.must(CancelRun{cancelled, {}});
  w.fail(w.take("q").token);
  holds(w, [&] { CHECK(w.status(failed) == "FAILED"); });
  CHECK(publish(w, "paid", "a", "1").woken == 1);
  CHECK(w.detail(waiting).output.text() == "1");
  // What was stopped waits again after a redrive.
  w.must(RedriveRun{failed, {}, {}, {}});
  holds(w, [&] { CHECK(w.status(failed) == "RUNNING"); });
  CHECK(publish(w, "paid", "a", "2").woken == 1);
  w.complete(w.take("q").token, "3");
  holds(w, [&] { CHECK(w.detail(failed).output.text() == "[2,3]"); });
}

TEST_CASE("an operator can give a state that waits for an event its result, or fail it") {
  World w;
  w.deploy("waits", waits);
  const RunId skipped = w.start("waits", R"({"order":"a"})");
  w.must(SkipStage{skipped, {}, doc("1")});
  holds(w, [&] { CHECK(w.detail(skipped).output.text() == "1"); });
  const RunId failed = w.start("waits", R"({"order":"a"})");
  w.must(FailStage{failed, {}, "Enough", {}});
  holds(w, [&] { CHECK(w.status(failed) == "FAILED"); });
  CHECK(publish(w, "paid", "a").kept);
}

TEST_CASE("a paused run takes its event; it goes on, and its time-out, when it is resumed") {
  World w;
  w.deploy("waits", R"({"StartAt":"Paid","States":{
    "Paid":{"Type":"Task","Resource":"event:paid","TimeoutSeconds":60,"Next":"Q"},
    "Q":{"Type":"Task","Resource":"queue:q","End":true}}})");
  const RunId run = w.start("waits"), patient = w.start("waits");
  w.must(PauseRun{run});
  w.must(PauseRun{patient});
  w.pass(seconds(100), seconds(5));
  CHECK(publish(w, "paid", "").woken == 1);
  holds(w, [&] { CHECK(w.lease("q").empty()); });
  w.must(ResumeRun{run});
  w.complete(w.take("q").token);
  holds(w, [&] { CHECK(w.status(run) == "SUCCEEDED"); });
  w.must(ResumeRun{patient});
  w.pass(seconds(59));
  CHECK(w.status(patient) == "RUNNING");
  w.pass(seconds(2));
  CHECK(w.status(patient) == "FAILED");
}

TEST_CASE("what is wrong with an event is refused by its place") {
  Options options;
  options.events_kept_max = 2;
  options.payload_bytes_max = 100;
  World w(options);
  CHECK(w.code(PublishEvent{"white space", "", doc("1")}) == "invalid_argument");
  CHECK(w.code(PublishEvent{"", "", doc("1")}) == "invalid_argument");
  const Error key = w.refused(PublishEvent{"e", std::string(1'025, 'k'), doc("1")});
  REQUIRE(key.problems.size() == 1);
  CHECK(key.problems[0].pointer == "/key");
  CHECK(w.code(PublishEvent{"e", "", doc('"' + std::string(100, 'x') + '"')}) == "too_large");
  publish(w, "e", "");
  publish(w, "e", "");
  CHECK(w.code(PublishEvent{"e", "", doc("1")}) == "overloaded");
  w.pass(seconds(86'402), seconds(40'000));
  w.pass(seconds(20), seconds(10));
  CHECK(publish(w, "e", "").kept);
  w.sound();
}

TEST_CASE("a key that is too long fails its state") {
  World w;
  w.deploy("waits", waits);
  const RunId run = w.start("waits", R"({"order":")" + std::string(1'025, 'k') + "\"}");
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).cause.value_or("").find("1025 bytes; at most 1024") != std::string::npos);
  });
}

TEST_CASE("two workflows that disagree about an event's settings are refused, with each place") {
  World w;
  w.deploy("open", waits_for_all);
  const std::string other = R"({"StartAt":"A","Events":{"open":{"Deliver":"One"}},
    "States":{"A":{"Type":"Task","Resource":"event:open","End":true}}})";
  auto compiled = workflows::compile(other);
  REQUIRE(compiled.has_value());
  const Error error = w.refused(DeployWorkflow{"other", other, compiled->machine});
  CHECK(error.code == Errc::invalid_definition);
  REQUIRE(error.problems.size() == 1);
  CHECK(error.problems[0].pointer == "/Events/open");
  CHECK(error.problems[0].detail.find("workflow \"open\" says") == 0);
  // The workflow's own next version may change them.
  w.deploy("open", R"({"StartAt":"Open","Events":{"open":{"Deliver":"One"}},
    "States":{"Open":{"Type":"Task","Resource":"event:open","End":true}}})");
  publish(w, "open", "");
  w.reopen();
  w.start("open");
  w.advance({});
  const RunId second = w.start("open");
  CHECK(w.status(second) == "RUNNING");
}

TEST_CASE("an event that is rolled back was never published") {
  World w;
  w.deploy("waits", waits);
  const RunId run = w.start("waits", R"({"order":"a"})");
  std::optional<Result<Engine::BatchReply>> answer;
  w.engine->submit_batch({PublishEvent{"paid", "a", doc("1")}, PublishEvent{"paid", "b", doc("2")},
                          PublishEvent{"bad name", "", doc("3")}},
                         /*atomic=*/true, {}, [&](auto reply) { answer = std::move(reply); });
  w.engine->pump();
  REQUIRE(answer.has_value());
  holds(w, [&] { CHECK(w.status(run) == "RUNNING"); });
  const RunId other = w.start("waits", R"({"order":"b"})");
  CHECK(w.status(other) == "RUNNING");
  CHECK(publish(w, "paid", "a", "4").woken == 1);
  holds(w, [&] { CHECK(w.detail(run).output.text() == "4"); });
}

}  // namespace sluice::orchestrator::engine_test
