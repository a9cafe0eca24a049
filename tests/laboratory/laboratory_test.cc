#include "laboratory/laboratory.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>

namespace sluice::laboratory {
namespace {

using orchestrator::Delivery;

Doc doc(std::string text) { return Doc::from_text(std::move(text)); }

Answer completed(std::string output) {
  return {
      .kind = Answer::Kind::complete, .output = doc(std::move(output)), .error = {}, .cause = {}};
}
Answer failed(std::string error) {
  return {.kind = Answer::Kind::fail, .output = {}, .error = std::move(error), .cause = "why"};
}
Answer vanished() { return {.kind = Answer::Kind::vanish, .output = {}, .error = {}, .cause = {}}; }

struct Crew final : Workers {
  explicit Crew(std::function<std::optional<Answer>(const Delivery&)> does_in = {})
      : does(std::move(does_in)) {}
  std::optional<Answer> work(const Delivery& task) override {
    ++calls;
    return does ? does(task) : std::nullopt;
  }
  std::function<std::optional<Answer>(const Delivery&)> does;
  int calls = 0;
};

constexpr const char* pay = R"({"StartAt": "Pay", "States": {
  "Pay": {"Type": "Task", "Resource": "queue:pay", "End": true}}})";

Outcome run(Laboratory& laboratory, const std::string& definition, Workers& workers,
            const std::string& input = "{}") {
  const auto deployed = laboratory.deploy("it", definition);
  REQUIRE_MESSAGE(deployed.has_value(), deployed.error().detail);
  const auto started = laboratory.start("it", doc(input));
  REQUIRE_MESSAGE(started.has_value(), started.error().detail);
  return laboratory.run_to_end(*started, workers);
}

std::string task_with(const std::string& fields) {
  return R"({"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "queue:pay", )" +
         fields + R"(, "End": true}}})";
}

}  // namespace

TEST_CASE("a run whose tasks are answered ends with what they gave") {
  Laboratory laboratory;
  Crew crew([](const Delivery& task) {
    CHECK(task.queue == "pay");
    CHECK(task.state == "Pay");
    CHECK(task.body.json() == Json{{"id", 7}});
    return completed(R"({"paid": true})");
  });
  const Outcome outcome = run(laboratory, pay, crew, R"({"id": 7})");
  CHECK(outcome.end == Outcome::End::ended);
  CHECK(outcome.status == "SUCCEEDED");
  CHECK(outcome.output.json() == Json{{"paid", true}});
  CHECK(outcome.waits.empty());
  CHECK(crew.calls == 1);
}

TEST_CASE("a wait of three days takes no time and is told of in virtual time") {
  Laboratory laboratory;
  Crew nobody;
  const Outcome outcome = run(laboratory, R"({"StartAt": "Cool", "States": {
    "Cool": {"Type": "Wait", "Seconds": 259200, "End": true}}})",
                              nobody);
  CHECK(outcome.status == "SUCCEEDED");
  CHECK(outcome.at - outcome.started_at == seconds(259'200));
}

TEST_CASE("a wait until a time far away ends there") {
  Laboratory laboratory;
  Crew nobody;
  const Outcome outcome = run(laboratory, R"({"StartAt": "Cool", "States": {
    "Cool": {"Type": "Wait", "Timestamp": "2028-12-11T16:37:49Z", "End": true}}})",
                              nobody);
  CHECK(outcome.status == "SUCCEEDED");
  CHECK(to_rfc3339(outcome.at) == "2028-12-11T16:37:49.000000Z");
}

TEST_CASE("retries wait as long as they say and the history tells of them") {
  Laboratory laboratory;
  int call = 0;
  Crew crew([&](const Delivery&) { return ++call < 3 ? failed("Busy") : completed("1"); });
  const Outcome outcome =
      run(laboratory, task_with(R"("Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 10}])"),
          crew);
  CHECK(outcome.status == "SUCCEEDED");
  CHECK(outcome.at - outcome.started_at == seconds(30));
  CHECK(call == 3);
}

TEST_CASE("a failed run has its error and cause") {
  Laboratory laboratory;
  Crew crew([](const Delivery&) { return failed("Broken"); });
  const Outcome outcome = run(laboratory, pay, crew);
  CHECK(outcome.end == Outcome::End::ended);
  CHECK(outcome.status == "FAILED");
  CHECK(outcome.error == "Broken");
  CHECK(outcome.cause == "why");
}

TEST_CASE("a task that nobody answers stops the run there, and it is told which") {
  Laboratory laboratory;
  Crew nobody;
  const Outcome outcome = run(laboratory, task_with(R"("TimeoutSeconds": 60)"), nobody);
  CHECK(outcome.end == Outcome::End::stuck);
  CHECK(outcome.status == "RUNNING");
  REQUIRE(outcome.waits.size() == 1);
  CHECK(outcome.waits[0].find("state Pay waits for queue pay") == 0);
}

TEST_CASE("a worker that vanishes lets the state's time run out") {
  Laboratory laboratory;
  Crew crew([](const Delivery&) { return vanished(); });
  const Outcome outcome = run(laboratory, task_with(R"("TimeoutSeconds": 60)"), crew);
  CHECK(outcome.status == "FAILED");
  CHECK(outcome.error == "States.Timeout");
  CHECK(outcome.at - outcome.started_at == seconds(60));
}

TEST_CASE("a worker that vanishes from a state without a time-out leaves the run waiting") {
  Laboratory laboratory;
  Crew crew([](const Delivery&) { return vanished(); });
  const Outcome outcome = run(laboratory, pay, crew);
  CHECK(outcome.end != Outcome::End::ended);
  REQUIRE(outcome.waits.size() == 1);
  CHECK(outcome.waits[0].find("pay") != std::string::npos);
}

TEST_CASE("a worker that takes its time beats as often as its state asks") {
  Laboratory laboratory;
  Crew crew([](const Delivery&) {
    Answer answer = completed("1");
    answer.after = seconds(100);
    return answer;
  });
  const Outcome outcome = run(laboratory, task_with(R"("HeartbeatSeconds": 10)"), crew);
  CHECK(outcome.status == "SUCCEEDED");
  CHECK(outcome.at - outcome.started_at == seconds(100));
}

TEST_CASE("an answer that comes after the state's time is over is lost") {
  Laboratory laboratory;
  Crew crew([](const Delivery&) {
    Answer answer = completed("1");
    answer.after = seconds(100);
    return answer;
  });
  const Outcome outcome = run(laboratory, task_with(R"("TimeoutSeconds": 5)"), crew);
  CHECK(outcome.error == "States.Timeout");
}

TEST_CASE("a state that waits for a task token is answered through the token in its message") {
  const std::string definition = R"({"StartAt": "Ask", "States": {"Ask": {"Type": "Task",
    "Resource": "queue:ask.waitForTaskToken", "Parameters": {"to": {"token.$": "$$.Task.Token"}},
    "End": true}}})";
  SUBCASE("with an output") {
    Laboratory laboratory;
    Crew crew([](const Delivery&) { return completed("\"yes\""); });
    const Outcome outcome = run(laboratory, definition, crew);
    CHECK(outcome.status == "SUCCEEDED");
    CHECK(outcome.output.json() == "yes");
  }
  SUBCASE("with an error") {
    Laboratory laboratory;
    Crew crew([](const Delivery&) { return failed("No"); });
    CHECK(run(laboratory, definition, crew).error == "No");
  }
}

TEST_CASE("what a definition publishes is answered in the topic's queue, its own triggers asleep") {
  Laboratory laboratory;
  Crew crew([](const Delivery& task) {
    CHECK(task.queue == "topic:orders");
    return completed("5");
  });
  const auto outcome = run(laboratory, R"({"StartAt":"Send","Triggers":[{"Topic":"orders"}],
    "States":{"Send":{"Type":"Task","Resource":"topic:orders",
      "Parameters":{"Key":"k","Body":1},"Next":"Rest"},"Rest":{"Type":"Wait","Seconds":1,"End":true}}})",
                           crew);
  CHECK(outcome.status == "SUCCEEDED");
  CHECK(crew.calls == 1);
}

TEST_CASE("without a token in the message nobody can answer") {
  Laboratory laboratory;
  Crew crew([](const Delivery&) { return completed("1"); });
  const Outcome outcome = run(laboratory, R"({"StartAt": "Ask", "States": {"Ask": {"Type": "Task",
    "Resource": "queue:ask.waitForTaskToken", "End": true}}})",
                              crew);
  CHECK(outcome.end == Outcome::End::stuck);
  CHECK(outcome.waits.size() == 1);
}

TEST_CASE("what is asked for at a virtual time happens then") {
  Laboratory laboratory;
  Crew nobody;
  REQUIRE(laboratory
              .deploy("it", R"({"StartAt": "W", "States": {
                "W": {"Type": "Wait", "Seconds": 60, "End": true}}})")
              .has_value());
  const auto started = laboratory.start("it", doc("{}"));
  REQUIRE(started.has_value());
  laboratory.after(seconds(20), [&] {
    CHECK(laboratory.submit(orchestrator::CancelRun{*started, {}}).has_value());
  });
  const Outcome outcome = laboratory.run_to_end(*started, nobody);
  CHECK(outcome.status == "ABORTED");
  CHECK(outcome.at - outcome.started_at == seconds(20));
}

TEST_CASE("a run that goes on for ever is stopped by the number of steps") {
  Laboratory laboratory({.steps_max = 100});
  Crew nobody;
  const Outcome outcome = run(laboratory, R"({"StartAt": "W", "States": {
    "W": {"Type": "Wait", "Seconds": 1, "Next": "C"},
    "C": {"Type": "Choice", "Choices": [{"Variable": "$.over", "IsPresent": true, "Next": "E"}],
          "Default": "W"}, "E": {"Type": "Succeed"}}})",
                              nobody);
  CHECK(outcome.end == Outcome::End::bounded);
  CHECK(outcome.status == "RUNNING");
}

TEST_CASE("a run that goes on for ever without waiting is stopped by its transitions") {
  Laboratory laboratory;
  Crew nobody;
  const Outcome outcome = run(laboratory, R"({"StartAt": "P", "MaxTransitions": 500, "States": {
    "P": {"Type": "Pass", "Next": "C"},
    "C": {"Type": "Choice", "Choices": [{"Variable": "$.over", "IsPresent": true, "Next": "E"}],
          "Default": "P"}, "E": {"Type": "Succeed"}}})",
                              nobody);
  CHECK(outcome.status == "FAILED");
  CHECK(outcome.error == "Sluice.TransitionLimit");
}

TEST_CASE("the same definitions, inputs and answers give the same outcome") {
  const auto once = [] {
    Laboratory laboratory;
    Crew nobody;
    const Outcome outcome = run(laboratory, R"json({"StartAt": "P", "States": {"P": {"Type": "Pass",
      "Parameters": {"id.$": "States.UUID()", "run.$": "$$.Execution.Id"}, "End": true}}})json",
                                nobody);
    return outcome.output.text();
  };
  CHECK(once() == once());
}

TEST_CASE("a definition with problems is refused with all of them, and an unknown name too") {
  Laboratory laboratory;
  const auto refused = laboratory.deploy("it", R"({"StartAt": "A", "States": {"A": {}, "B": {}}})");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().problems.size() >= 2);
  const auto unknown = laboratory.start("it", doc("{}"));
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == Errc::not_found);
}

TEST_CASE("nothing is left behind") {
  std::string directory;
  {
    const ScratchDirectory scratch;
    directory = scratch.path();
    CHECK(std::filesystem::is_directory(directory));
  }
  CHECK_FALSE(std::filesystem::exists(directory));
}

}  // namespace sluice::laboratory
