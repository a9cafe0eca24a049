#include "laboratory/state_test.h"

#include <doctest/doctest.h>

namespace sluice::laboratory {
namespace {

Json parsed(std::string_view text) {
  auto read = parse_json(text);
  REQUIRE_MESSAGE(read.has_value(), text);
  return *read;
}

StateQuestion about(std::string_view state, std::string text = "{}") {
  auto machine = machine_of_state(parsed(state));
  REQUIRE_MESSAGE(machine.has_value(), machine.error().detail);
  StateQuestion question{.machine = *machine, .state = std::string(lone_state)};
  question.input = Doc::from_text(std::move(text));
  return question;
}

StateAnswer answered(const StateQuestion& question) {
  auto answer = test_state(question);
  REQUIRE_MESSAGE(answer.has_value(), answer.error().detail);
  return *std::move(answer);
}

constexpr const char* pay = R"({"Type": "Task", "Resource": "queue:pay", "InputPath": "$.order",
  "Parameters": {"id.$": "$.id"}, "ResultSelector": {"ok.$": "$.paid"}, "ResultPath": "$.payment",
  "OutputPath": "$.payment", "Next": "Ship",
  "Retry": [{"ErrorEquals": ["Slow"]}, {"ErrorEquals": ["Busy"], "IntervalSeconds": 7}],
  "Catch": [{"ErrorEquals": ["Other"], "Next": "A"}, {"ErrorEquals": ["Broken"], "Next": "B"}]})";

}  // namespace

TEST_CASE("a state's data is told of step by step") {
  StateQuestion question = about(pay, R"({"order": {"id": 7}})");
  question.result = Doc::from_text(R"({"paid": true})");
  const StateAnswer answer = answered(question);
  CHECK(to_string(answer.status) == "SUCCEEDED");
  CHECK(answer.output.json() == parsed(R"({"ok": true})"));
  CHECK(answer.next_state == "Ship");
  CHECK(answer.inspection == parsed(R"({"input": {"order": {"id": 7}},
    "afterInputPath": {"id": 7}, "afterParameters": {"id": 7}, "result": {"paid": true},
    "afterResultSelector": {"ok": true},
    "afterResultPath": {"order": {"id": 7}, "payment": {"ok": true}}})"));
}

TEST_CASE("a failure is retried, caught or the end, and it is told by which") {
  StateQuestion question = about(pay, R"({"order": {"id": 7}})");
  question.failure = {"Busy", "later"};
  const StateAnswer again = answered(question);
  CHECK(to_string(again.status) == "RETRIABLE");
  CHECK(again.fault.error == "Busy");
  CHECK(again.inspection["errorDetails"] ==
        parsed(R"({"retryBackoffIntervalSeconds": 7, "retryIndex": 1})"));
  question.failure = {"Broken", "it broke"};
  const StateAnswer caught = answered(question);
  CHECK(to_string(caught.status) == "CAUGHT_ERROR");
  CHECK(caught.next_state == "B");
  CHECK(caught.output.json() == parsed(R"({"Error": "Broken", "Cause": "it broke"})"));
  CHECK(caught.inspection["errorDetails"] == parsed(R"({"catchIndex": 1})"));
  question.failure = {"Unknown", std::nullopt};
  const StateAnswer failed = answered(question);
  CHECK(to_string(failed.status) == "FAILED");
  CHECK(failed.fault.error == "Unknown");
  CHECK(failed.next_state.empty());
}

TEST_CASE("a choice leads to the state it chooses and hands its input on") {
  const char* choice = R"({"Type": "Choice", "Choices": [
    {"Variable": "$.n", "NumericGreaterThan": 5, "Next": "Many"}], "Default": "Few"})";
  CHECK(answered(about(choice, R"({"n": 9})")).next_state == "Many");
  const StateAnswer few = answered(about(choice, R"({"n": 1})"));
  CHECK(few.next_state == "Few");
  CHECK(few.output.json() == parsed(R"({"n": 1})"));
}

TEST_CASE("a wait is over at once, and a Fail state says its error") {
  CHECK(to_string(answered(about(R"({"Type": "Wait", "Seconds": 60, "End": true})")).status) ==
        "SUCCEEDED");
  const StateAnswer failed =
      answered(about(R"({"Type": "Fail", "Error": "NotPaid", "Cause": "why"})"));
  CHECK(to_string(failed.status) == "FAILED");
  CHECK(failed.fault.error == "NotPaid");
  CHECK(failed.fault.cause == "why");
}

TEST_CASE("the context object may be given") {
  StateQuestion question =
      about(R"({"Type": "Pass", "Parameters": {"n.$": "$$.Execution.Name"}, "End": true})");
  question.context = Doc::from_text(R"({"Execution": {"Name": "mine"}})");
  CHECK(answered(question).output.json() == parsed(R"({"n": "mine"})"));
}

TEST_CASE("questions that cannot be answered are refused") {
  StateQuestion question = about(pay, R"({"order": {"id": 7}})");
  const auto detail = [&] {
    const auto answer = test_state(question);
    REQUIRE_FALSE(answer.has_value());
    return answer.error().detail;
  };
  CHECK(detail() == "a Task state needs the result of its work, or how it fails");
  question.result = Doc::from_text("1");
  question.failure = {"Busy", std::nullopt};
  CHECK(detail() == "either a result or a failure can be given, not both");
  question = about(R"({"Type": "Succeed"})");
  question.result = Doc::from_text("1");
  CHECK(detail() == "a Succeed state does no work whose result could be given");
  question.state = "Nowhere";
  CHECK(detail() == "there is no state \"Nowhere\"");
  const auto broken = machine_of_state(parsed(R"({"Type": "Pas"})"));
  CHECK_FALSE(broken.has_value());
}

}  // namespace sluice::laboratory
