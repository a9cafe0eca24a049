// Variables, in both query languages: when they are computed, who sees them, how long they live.
#include <fmt/format.h>

#include "machine_fixture.h"

namespace sluice::orchestrator {
namespace {

std::string assigned(const Effects& effects) {
  std::string all;
  for (const Record& record : effects.history)
    if (record.kind == Kind::variables_assigned)
      all += (all.empty() ? "" : " ") + record.doc.text();
  return all;
}

TEST_CASE("what is assigned is seen from the next state on, in both languages") {
  const auto m = machine(
      R"({"StartAt":"A","States":{)"
      R"("A":{"Type":"Pass","Assign":{"x":1,"y.$":"$.in"},"Next":"B"},)"
      R"("B":{"Type":"Pass","Parameters":{"x.$":"$x"},"Assign":{"x.$":"$y","y.$":"$x"},"Next":"C"},)"
      R"("C":{"Type":"Pass","QueryLanguage":"JSONata","Output":["{% $states.input %}","{% $x %}","{% $y %}"],)"
      R"("End":true}}})");
  Bench bench(m, R"({"in":2})");
  bench.start();
  CHECK(bench.output() == R"([{"x":1},2,1])");
  CHECK(assigned(bench.effects) == R"({"x":1,"y":2} {"x":2,"y":1})");
  CHECK(bench.frame.variables.text() == R"({"x":2,"y":1})");
}

TEST_CASE("a JSONata state's Output and Assign see the same values") {
  const auto m =
      machine(R"({"QueryLanguage":"JSONata","StartAt":"A","States":{)"
              R"("A":{"Type":"Pass","Assign":{"x":1},"Next":"B"},)"
              R"("B":{"Type":"Pass","Assign":{"x":"{% $x + 1 %}"},"Output":"{% $x %}","Next":"C"},)"
              R"("C":{"Type":"Succeed","Output":["{% $states.input %}","{% $x %}"]}}})");
  Bench bench(m);
  bench.start();
  CHECK(bench.output() == "[1,2]");
}

TEST_CASE(
    "JSONPath Assign looks at the result behind ResultSelector, not at what ResultPath makes") {
  const auto m =
      machine(R"({"StartAt":"A","States":{)"
              R"("A":{"Type":"Task","Resource":"queue:q","ResultSelector":{"r.$":"$.deep"},)"
              R"("ResultPath":"$.kept","Assign":{"v.$":"$.r"},"Next":"B"},)"
              R"("B":{"Type":"Pass","Parameters":{"v.$":"$v","all.$":"$"},"End":true}}})");
  Bench bench(m, R"({"a":0})");
  bench.start();
  bench.succeed(R"({"deep":9})");
  CHECK(bench.output() == R"({"v":9,"all":{"a":0,"kept":{"r":9}}})");
  CHECK(bench.story() ==
        "TaskSucceeded VariablesAssigned TaskStateExited PassStateEntered PassStateExited "
        "ExecutionSucceeded");
}

TEST_CASE("a Catch assigns, and what the failed state would have assigned does not exist") {
  const auto m = machine(
      R"({"StartAt":"A","States":{)"
      R"("A":{"Type":"Task","Resource":"queue:q","Assign":{"ok":true},)"
      R"("Catch":[{"ErrorEquals":["E"],"Next":"B","ResultPath":null,"Assign":{"e.$":"$.Error"}}],)"
      R"("End":true},)"
      R"("B":{"Type":"Pass","QueryLanguage":"JSONata","Output":["{% $e %}","{% $exists($ok) %}"],)"
      R"("End":true}}})");
  Bench bench(m);
  bench.start();
  bench.fail("E");
  CHECK(bench.output() == R"(["E",false])");
}

TEST_CASE(
    "a Choice rule's Assign stands in place of the state's, and Wait and Choice look at the "
    "input") {
  const auto m = machine(
      R"({"StartAt":"W","States":{)"
      R"("W":{"Type":"Wait","Seconds":0,"Assign":{"w.$":"$.n"},"Next":"S"},)"
      R"("S":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"T","Assign":)"
      R"({"v.$":"$.n"}}],"Default":"T","Assign":{"v":"default"}},)"
      R"("T":{"Type":"Pass","Parameters":{"v.$":"$v","w.$":"$w"},"End":true}}})");
  Bench one(m, R"({"n":1})");
  one.start();
  CHECK(one.output() == R"({"v":1,"w":1})");
  Bench two(m, R"({"n":2})");
  two.start();
  CHECK(two.output() == R"({"v":"default","w":2})");
}

TEST_CASE("a variable that was never assigned fails the state, and assigns nothing") {
  const auto m = machine(
      R"({"StartAt":"A","States":{)"
      R"("A":{"Type":"Choice","Choices":[{"Variable":"$.n","IsPresent":true,"Next":"B"}],"Default":"C"},)"
      R"("B":{"Type":"Pass","Assign":{"x":1},"Next":"C"},)"
      R"("C":{"Type":"Pass","Parameters":{"v.$":"$x"},"Assign":{"y":1},"End":true}}})");
  Bench bench(m);
  bench.start();
  CHECK(bench.error() == "States.Runtime");
  CHECK(!bench.frame.variables);
}

TEST_CASE("variables together keep the payload's limit") {
  const auto m = machine(R"({"StartAt":"A","States":{)"
                         R"("A":{"Type":"Pass","Assign":{"x.$":"$.big"},"Next":"B"},)"
                         R"("B":{"Type":"Pass","Assign":{"y.$":"$.big"},"End":true}}})");
  Bench bench(m, R"({"big":")" + std::string(600, 'x') + R"("})");
  bench.limits.payload_bytes_max = 1'000;
  bench.start();
  CHECK(bench.error() == "States.DataLimitExceeded");
  CHECK(bench.cause().find("The variables that the state 'B' sees") != std::string::npos);
  CHECK(assigned(bench.effects).size() < 700);
}

}  // namespace
}  // namespace sluice::orchestrator
