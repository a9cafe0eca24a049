#include "laboratory/mocks.h"

#include <doctest/doctest.h>

#include "laboratory/difference.h"
#include "laboratory/trace.h"

namespace sluice::laboratory {
namespace {

Json parsed(std::string_view text) {
  auto read = parse_json(text);
  REQUIRE_MESSAGE(read.has_value(), text);
  return *read;
}

Mocks mocks_of(std::string_view text) {
  auto mocks = parse_mocks(parsed(text));
  REQUIRE_MESSAGE(mocks.has_value(), mocks.error().detail);
  return *std::move(mocks);
}

// The pointers of what is refused, in order.
std::string refused(std::string_view text) {
  const auto mocks = parse_mocks(parsed(text));
  REQUIRE_FALSE(mocks.has_value());
  CHECK(mocks.error().code == Errc::invalid_argument);
  std::string pointers;
  for (const auto& problem : mocks.error().problems) {
    CHECK_FALSE(problem.detail.empty());
    pointers += (pointers.empty() ? "" : " ") + problem.pointer;
  }
  return pointers;
}

orchestrator::Delivery task(const std::string& state, const std::string& queue,
                            std::int64_t frame = 1) {
  orchestrator::Delivery delivery;
  delivery.state = state;
  delivery.queue = queue;
  delivery.id = MessageId{frame};
  delivery.body = Doc::from_text(R"({"id": 7})");
  return delivery;
}

}  // namespace

TEST_CASE("answers are given call by call, and the last one repeats") {
  const Mocks mocks = mocks_of(R"({"states": {"Pay": [{"error": "Busy", "cause": "later"},
                                                      {"output": 1}, {"echo": true}]}})");
  MockWorkers workers(mocks);
  const auto first = workers.work(task("Pay", "pay"));
  REQUIRE(first.has_value());
  CHECK(first->kind == Answer::Kind::fail);
  CHECK(first->error == "Busy");
  CHECK(first->cause == "later");
  CHECK(workers.work(task("Pay", "pay"))->output.json() == 1);
  CHECK(workers.work(task("Pay", "pay"))->output.json() == Json{{"id", 7}});
  CHECK(workers.work(task("Pay", "pay"))->output.json() == Json{{"id", 7}});
}

TEST_CASE("each branch and item begins with the first answer") {
  const Mocks mocks = mocks_of(R"({"states": {"Pay": [{"output": 1}, {"output": 2}]}})");
  MockWorkers workers(mocks);
  CHECK(workers.work(task("Pay", "pay", 1))->output.json() == 1);
  CHECK(workers.work(task("Pay", "pay", 2))->output.json() == 1);
  CHECK(workers.work(task("Pay", "pay", 1))->output.json() == 2);
}

TEST_CASE("a state's answers go before its queue's, and what has none is not answered") {
  const Mocks mocks =
      mocks_of(R"({"states": {"Pay": {"output": "s"}}, "queues": {"pay": {"output": "q"}}})");
  MockWorkers workers(mocks);
  CHECK(workers.work(task("Pay", "pay"))->output.json() == "s");
  CHECK(workers.work(task("Refund", "pay"))->output.json() == "q");
  CHECK_FALSE(workers.work(task("Ship", "ship")).has_value());
}

TEST_CASE("an answer may take its time, or never come") {
  const Mocks mocks =
      mocks_of(R"({"queues": {"a": {"output": 1, "delay_seconds": 1.5}, "b": {"timeout": true}}})");
  CHECK(mocks.queues.at("a")[0].answer.after == milliseconds(1'500));
  CHECK(mocks.queues.at("b")[0].answer.kind == Answer::Kind::vanish);
}

TEST_CASE("a file of mocks is refused with everything that is wrong with it") {
  CHECK(refused(R"([])") == "");
  CHECK(refused(R"({"state": {}})") == "/state");
  CHECK(refused(R"({"states": []})") == "/states");
  CHECK(refused(R"({"states": {"A": [], "B": 7, "C": {}}})") == "/states/A /states/B /states/C");
  CHECK(refused(R"({"states": {"A": {"output": 1, "echo": true}}})") == "/states/A");
  CHECK(refused(R"({"states": {"A": {"error": 7}}})") == "/states/A/error");
  CHECK(refused(R"({"states": {"A": {"output": 7, "cause": "x"}}})") == "/states/A/cause");
  CHECK(refused(R"({"states": {"A": {"echo": false}}})") == "/states/A/echo");
  CHECK(refused(R"({"states": {"A": [{"output": 1}, {"output": 1, "delay_seconds": -1}]}})") ==
        "/states/A/1/delay_seconds");
  CHECK(refused(R"({"queues": {"a/b": {"outptu": 1}}})") == "/queues/a~1b/outptu /queues/a~1b");
  CHECK(refused(R"({"workflows": {"w": 7}})") == "/workflows/w");
  CHECK(refused(R"({"expect": {}})") == "/expect");
  CHECK(refused(R"({"expect": {"status": "OK", "error": 1}})") == "/expect/status /expect/error");
}

TEST_CASE("events are published in their time, and end what waits for them") {
  const Mocks mocks = mocks_of(R"({"events":[{"name":"paid","key":"A","body":7,"after_seconds":60},
    {"name":"shipped"}]})");
  Laboratory laboratory;
  REQUIRE(laboratory
              .deploy("order", R"({"StartAt":"Paid","States":{
    "Paid":{"Type":"Task","Resource":"event:paid","Parameters":{"Key":"A"},"ResultPath":"$.paid","Next":"Shipped"},
    "Shipped":{"Type":"Task","Resource":"event:shipped","ResultPath":"$.shipped","End":true}}})")
              .has_value());
  const auto run = laboratory.start("order", Doc::empty_object());
  REQUIRE(run.has_value());
  MockWorkers workers(mocks);
  publish_events(laboratory, mocks.events);
  const Outcome outcome = laboratory.run_to_end(*run, workers);
  CHECK(outcome.status == "SUCCEEDED");
  CHECK(outcome.output.text() == R"({"paid":7,"shipped":{}})");
  CHECK((outcome.at - outcome.started_at) == seconds(60));
}

TEST_CASE("an event that cannot be published is refused with the rest of the file") {
  CHECK(refused(R"({"events":{}})") == "/events");
  CHECK(refused(R"({"events":[{"key":"a"},{"name":"white space"},{"name":5},
    {"name":"e","after_seconds":-1,"colour":1},7]})") ==
        "/events/0 /events/1/name /events/2/name /events/3/colour /events/3/after_seconds "
        "/events/4");
}

TEST_CASE("a member that is nearly right is answered with the right one") {
  const auto mocks = parse_mocks(parsed(R"({"states": {"A": {"outptu": 1}}})"));
  REQUIRE_FALSE(mocks.has_value());
  CHECK(mocks.error().problems[0].detail.find("did you mean \"output\"?") != std::string::npos);
}

TEST_CASE("a state that no definition has is told of, with the one that was meant") {
  const auto compiled = workflows::compile(R"({"StartAt": "Pay", "States": {
    "Pay": {"Type": "Task", "Resource": "queue:pay", "End": true}}})");
  REQUIRE(compiled.has_value());
  const auto problems =
      unknown_states(mocks_of(R"({"states": {"Pai": {"echo": true}, "Pay": {"echo": true}}})"),
                     {compiled->machine.get()});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].pointer == "/states/Pai");
  CHECK(problems[0].detail == "there is no state \"Pai\"; did you mean \"Pay\"?");
}

TEST_CASE("what is not as expected is told in lines") {
  Outcome outcome;
  outcome.status = "SUCCEEDED";
  outcome.output = Doc::from_text(R"({"a": 1, "b": [1, 2]})");
  Expectation expectation;
  expectation.status = "SUCCEEDED";
  expectation.output = parsed(R"({"b": [1, 2], "a": 1.0})");
  CHECK(unmet(expectation, outcome).empty());
  expectation.status = "FAILED";
  expectation.error = "Broken";
  expectation.output = parsed(R"({"a": 1, "b": [1, 3]})");
  CHECK(unmet(expectation, outcome) ==
        std::vector<std::string>{"status: expected FAILED, got SUCCEEDED",
                                 "error: expected Broken, got none",
                                 "output/b/1: expected 3, got 2"});
  outcome.output = {};
  CHECK(unmet(expectation, outcome).back() == "output: expected one, got none");
}

TEST_CASE("documents are compared place by place") {
  CHECK(differences(parsed("[1, 2]"), parsed("[1]")) ==
        std::vector<std::string>{"/1: expected 2, got nothing"});
  CHECK(differences(parsed("[1]"), parsed("[1, 2]")) ==
        std::vector<std::string>{"/1: expected nothing, got 2"});
  CHECK(differences(parsed(R"({"a/b": 1})"), parsed(R"({"c": 2})")) ==
        std::vector<std::string>{"/a~1b: expected 1, got nothing", "/c: expected nothing, got 2"});
  CHECK(differences(parsed("1"), parsed("\"1\"")) ==
        std::vector<std::string>{": expected 1, got \"1\""});
  Json many = Json::array(), none = Json::array();
  for (int i = 0; i < 100; ++i) many.push_back(i);
  CHECK(differences(many, none).size() == differences_max);
}

TEST_CASE("the path of a run has each state with its input, output and what happened in it") {
  const std::string definition = R"({"StartAt": "Pay", "States": {
    "Pay": {"Type": "Task", "Resource": "queue:pay", "Retry": [{"ErrorEquals": ["Busy"]}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}], "Next": "Sorry"},
    "Sorry": {"Type": "Pass", "Result": "sorry", "End": true}}})";
  const Mocks mocks = mocks_of(R"({"states": {"Pay": [{"error": "Busy"}, {"error": "Broken"}]}})");
  Laboratory laboratory;
  REQUIRE(laboratory.deploy("it", definition).has_value());
  const auto run = laboratory.start("it", Doc::from_text(R"({"id": 7})"));
  REQUIRE(run.has_value());
  MockWorkers workers(mocks);
  CHECK(laboratory.run_to_end(*run, workers).status == "SUCCEEDED");
  const auto compiled = workflows::compile(definition);
  REQUIRE(compiled.has_value());
  const auto steps = steps_of(laboratory.history(*run), *compiled->machine);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].state == "Pay");
  CHECK(steps[0].type == "Task");
  CHECK(steps[0].input == Json{{"id", 7}});
  std::string notes;
  for (const auto& note : steps[0].notes) notes += note.text + "; ";
  CHECK(notes == "failed: Busy; retry 1 in 1 s; failed: Broken; caught: Broken; ");
  CHECK(steps[1].state == "Sorry");
  CHECK(steps[1].output == Json("sorry"));
}

}  // namespace sluice::laboratory
