// `sluice test` and `sluice eval`.
#include <doctest/doctest.h>

#include "command_runner.h"

namespace sluice::cli {
namespace {

constexpr const char* orders = R"({
  "StartAt": "Pay",
  "States": {
    "Pay": {"Type": "Task", "Resource": "queue:pay", "Retry": [{"ErrorEquals": ["Busy"]}],
            "Next": "Cool"},
    "Cool": {"Type": "Wait", "Seconds": 259200, "End": true}
  }
})";

struct Desk {
  TemporaryFile definition{"orders.json", orders};
  Outcome test(const std::string& mocks, std::vector<std::string> more = {}) const {
    const TemporaryFile file("mocks.json", mocks);
    std::vector<std::string> arguments{"test", definition.path(), "--mocks", file.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return sluice(arguments);
  }
};

}  // namespace

TEST_CASE("a test prints the path that the run took, retries and virtual times with it") {
  const Desk desk;
  const Outcome outcome = desk.test(R"({"states": {"Pay": [{"error": "Busy"}, {"output": 1}]}})",
                                    {"--input", R"({"id": 7})"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "Pay"));
  CHECK(contains(outcome.out, "failed: Busy"));
  CHECK(contains(outcome.out, "retry 1 in 1 s"));
  CHECK(contains(outcome.out, R"({"id":7} -> 1)"));
  CHECK(contains(outcome.out, "SUCCEEDED after 3 d: 1\n"));
  CHECK(outcome.err.empty());
}

TEST_CASE("a test with an expectation fails where it differs, and says how") {
  const Desk desk;
  const std::string right = R"({"states": {"Pay": {"output": {"paid": true}}},
    "expect": {"status": "SUCCEEDED", "output": {"paid": true}}})";
  const Outcome passed = desk.test(right);
  CHECK(passed.code == 0);
  CHECK(contains(passed.out, "as expected\n"));
  const Outcome differs = desk.test(right, {"--expect", R"({"output": {"paid": false}})"});
  CHECK(differs.code == 1);
  CHECK(contains(differs.out, "not as expected\n  output/paid: expected false, got true\n"));
  // A failure that was expected is a success.
  CHECK(desk.test(R"({"states": {"Pay": {"error": "Broken"}},
                      "expect": {"status": "FAILED", "error": "Broken"}})")
            .code == 0);
}

TEST_CASE("how a test ended is its exit code") {
  const Desk desk;
  CHECK(desk.test(R"({"states": {"Pay": {"error": "Broken"}}})").code == 1);
  const Outcome stuck = desk.test("{}");
  CHECK(stuck.code == 10);
  CHECK(contains(stuck.out, "state Pay waits for queue pay"));
  const Outcome unknown = desk.test(R"({"states": {"Pai": {"echo": true}}})");
  CHECK(unknown.code == 11);
  CHECK(contains(unknown.err, "mocks.json:1:13: /states/Pai: there is no state \"Pai\""));
  CHECK(desk.test("{").code == 11);
  CHECK(desk.test("{}", {"--expect", R"({"stauts": "FAILED"})"}).code == 11);
  CHECK(sluice({"test", desk.definition.path(), "--mocks", "/nowhere/mocks.json"}).code == 11);
  const TemporaryFile broken("broken.json", R"({"StartAt": "A", "States": {}})");
  const Outcome invalid = sluice({"test", broken.path()});
  CHECK(invalid.code == 6);
  CHECK(contains(invalid.err, "broken.json:1:"));
  CHECK(sluice({"test", "/nowhere/orders.json"}).code == 6);
}

TEST_CASE("one state alone is tested with its first answer") {
  const Desk desk;
  const Outcome outcome = desk.test(R"({"states": {"Pay": [{"error": "Busy", "cause": "later"}]}})",
                                    {"--state", "Pay", "--input", R"({"id": 7})"});
  CHECK(outcome.code == 1);
  CHECK(contains(outcome.out, "RETRIABLE: Busy: later\n"));
  CHECK(contains(outcome.out, R"("retryIndex":0)"));
  const Outcome json =
      desk.test(R"({"states": {"Pay": {"echo": true}}})", {"--state", "Pay", "--json"});
  CHECK(json.code == 0);
  const auto told = parse_json(json.out);
  REQUIRE(told.has_value());
  CHECK((*told)["status"] == "SUCCEEDED");
  CHECK((*told)["nextState"] == "Cool");
  CHECK(desk.test("{}", {"--state", "Pay"}).code == 11);
  CHECK(desk.test("{}", {"--state", "Pai"}).code == 4);
}

TEST_CASE("a test can be read by programs") {
  const Desk desk;
  const Outcome outcome = desk.test(R"({"states": {"Pay": {"output": 1}}})", {"--json"});
  const auto told = parse_json(outcome.out);
  REQUIRE(told.has_value());
  CHECK((*told)["status"] == "SUCCEEDED");
  CHECK((*told)["seconds"] == 259'200.0);
  REQUIRE((*told)["steps"].size() == 2);
  CHECK((*told)["steps"][0]["state"] == "Pay");
  CHECK((*told)["steps"][0]["output"] == 1);
}

TEST_CASE("eval prints what a path, a function or JSONata gives") {
  const std::string input = R"({"a": [1, 2], "b": "x"})";
  const auto answer = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "eval");
    arguments.insert(arguments.end(), {"--input", input, "--json"});
    const Outcome outcome = sluice(arguments);
    CHECK_MESSAGE(outcome.code == 0, outcome.err);
    return outcome.out;
  };
  CHECK(answer({"$.a[0]"}) == "1\n");
  CHECK(answer({"$.a[*]"}) == "[1,2]\n");
  CHECK(answer({"States.Format('{}!', $.b)"}) == "\"x!\"\n");
  CHECK(answer({"{% $sum($states.input.a) + $v %}", "--variables", R"({"v": 4})"}) == "7\n");
  CHECK(answer({"--language", "jsonata", "$sum(a)"}) == "3\n");
  CHECK(answer({"$$.Execution.Name", "--context", R"({"Execution": {"Name": "n"}})"}) == "\"n\"\n");
}

TEST_CASE("eval points at what is wrong with an expression") {
  const Outcome path = sluice({"eval", "$.a[x]"});
  CHECK(path.code == 6);
  CHECK(contains(path.err, "\n  $.a[x]\n      ^\n"));
  const Outcome syntax = sluice({"eval", "{% 1 + %}"});
  CHECK(syntax.code == 6);
  CHECK(contains(syntax.err, "(S0207)\n  1 +\n    ^\n"));
  const Outcome context = sluice({"eval", "{% a %}"});
  CHECK(context.code == 6);
  CHECK(contains(context.err, "$states.input.a"));
  const Outcome nothing = sluice({"eval", "{% $states.input.b %}"});
  CHECK(nothing.code == 6);
  CHECK(contains(nothing.err, "nothing (undefined)"));
  const Outcome missing = sluice({"eval", "$.b"});
  CHECK(missing.code == 6);
  CHECK(contains(missing.err, "States.Runtime"));
  CHECK(sluice({"eval", "{% 1 %}", "--language", "jsonpath"}).code == 2);
  CHECK(sluice({"eval", "1", "--variables", "7"}).code == 6);
}

TEST_CASE("a test shows what is undone, with mocks for it") {
  const TemporaryFile definition("trip.json", R"({"StartAt":"Hotel","States":{
    "Hotel":{"Type":"Task","Resource":"queue:hotel","Next":"Pay","Compensate":{"Resource":"queue:undo"}},
    "Pay":{"Type":"Task","Resource":"queue:pay","End":true}}})");
  const TemporaryFile mocks("mocks.json", R"({"states":{"Hotel":{"output":{"room":7}},
    "Pay":{"error":"Declined"},"Hotel.Compensate":{"output":{}}},
    "expect":{"status":"COMPENSATED","error":"Declined"}})");
  const Outcome outcome = sluice({"test", definition.path(), "--mocks", mocks.path()});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "Hotel.Compensate"));
  CHECK(contains(outcome.out, "COMPENSATED"));
}

}  // namespace sluice::cli
