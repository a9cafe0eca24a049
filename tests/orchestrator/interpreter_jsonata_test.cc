// States whose query language is JSONata: what they look at, what they leave behind, how they fail.
#include <fmt/format.h>

#include "machine_fixture.h"

namespace sluice::orchestrator {
namespace {

// One JSONata state, "S", with `fields`.
std::shared_ptr<const workflows::Machine> jsonata_state(const std::string& fields) {
  return state_machine(R"("QueryLanguage":"JSONata",)" + fields);
}

TEST_CASE("Output is any JSON, made of the input, the result and the context") {
  struct Row {
    const char* fields;
    const char* output;
  };
  for (const Row row : {
           Row{R"("Type":"Pass","End":true)", R"({"a":1})"},
           Row{R"("Type":"Pass","Output":"{% $states.input.a + 1 %}","End":true)", "2"},
           Row{R"("Type":"Pass","Output":null,"End":true)", "null"},
           Row{R"("Type":"Pass","Output":" {% 1 %}","End":true)", R"(" {% 1 %}")"},
           Row{R"("Type":"Pass","Output":{"k":["{% $states.input %}",2]},"End":true)",
               R"({"k":[{"a":1},2]})"},
           Row{R"("Type":"Pass","Output":"{% $states.context.State.Name %}","End":true)", R"("S")"},
           Row{R"("Type":"Succeed","Output":"{% $states.input.a %}")", "1"},
           Row{R"("Type":"Succeed")", R"({"a":1})"},
           Row{R"("Type":"Wait","Seconds":"{% $states.input.a - 1 %}","Output":7,"End":true)", "7"},
       }) {
    CAPTURE(row.fields);
    Bench bench(jsonata_state(row.fields), R"({"a":1})");
    bench.start();
    CHECK(bench.output() == row.output);
  }
}

TEST_CASE("a Task's Arguments are its message, and $states.result is what came back") {
  Bench bench(
      jsonata_state(
          R"("Type":"Task","Resource":"queue:q","Arguments":{"n":"{% $states.input.a * 2 %}"},)"
          R"("TimeoutSeconds":"{% $states.input.a + 9 %}","HeartbeatSeconds":"{% 3 %}",)"
          R"("Priority":"{% 7 %}","Output":{"in":"{% $states.input.a %}","out":"{% $states.result %}"},)"
          R"("End":true)"),
      R"({"a":1})");
  bench.start();
  const auto& task = bench.next<ScheduleTask>();
  CHECK(task.body.text() == R"({"n":2})");
  CHECK(task.timeout == seconds(10));
  CHECK(task.heartbeat == seconds(3));
  CHECK(task.priority == 7);
  bench.succeed("[5]");
  CHECK(bench.output() == R"({"in":1,"out":[5]})");
}

TEST_CASE("without Output a Task's result goes out, not its input") {
  Bench bench(jsonata_state(R"("Type":"Task","Resource":"queue:q","End":true)"), R"({"a":1})");
  bench.start();
  CHECK(bench.next<ScheduleTask>().body.text() == R"({"a":1})");
  bench.succeed("5");
  CHECK(bench.output() == "5");
}

TEST_CASE("an expression that cannot be used says which, where and why") {
  struct Row {
    const char* fields;
    const char* cause;
    const char* location;
  };
  for (const Row row : {
           Row{R"("Type":"Pass","Output":{"r":"{% $none %}"},"End":true)",
               "The JSONata expression '$none' specified for the field 'Output/r' returned nothing "
               "(undefined).",
               "Output/r"},
           Row{R"("Type":"Pass","Output":"{% function($x){$x} %}","End":true)",
               "returned an unsupported result type.", "Output"},
           Row{R"("Type":"Pass","Output":["{% 1 + 'a' %}"],"End":true)",
               "specified for the field 'Output[0]' threw an error during evaluation. T2002",
               "Output[0]"},
           Row{R"("Type":"Pass","Assign":{"v":"{% $none %}"},"End":true)", "'Assign/v'",
               "Assign/v"},
           Row{R"("Type":"Choice","Choices":[{"Condition":false,"Next":"T"},)"
               R"({"Condition":"{% 1 %}","Next":"T"}])",
               "The JSONata expression '1' specified for the field 'Choices[1]/Condition' returned "
               "an unexpected result type. Expected 'boolean', but was 'number' for value: 1",
               "Choices[1]/Condition"},
           Row{R"("Type":"Wait","Seconds":"{% 'x' %}","End":true)",
               "'Seconds' returned an unexpected result type. Expected 'integer', but was 'string' "
               "for value: \"x\"",
               "Seconds"},
           Row{R"("Type":"Wait","Seconds":"{% 1.5 %}","End":true)", "Expected 'integer'",
               "Seconds"},
           Row{R"("Type":"Wait","Seconds":"{% -1 %}","End":true)", "must not be negative", ""},
           Row{R"("Type":"Wait","Timestamp":"{% '2016-12-05 21:29:29Z' %}","End":true)",
               "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time "
               "format string: 2016-12-05 21:29:29Z",
               "Timestamp"},
           Row{R"("Type":"Fail","Error":"{% 1 %}")", "Expected 'string', but was 'number'",
               "Error"},
           Row{R"("Type":"Task","Resource":"queue:q","TimeoutSeconds":"{% 0 %}","End":true)",
               "The TimeoutSeconds field must be a value from 1 to 99999999, but was: 0", ""},
           Row{R"("Type":"Task","Resource":"queue:q","Priority":"{% 10 %}","End":true)",
               "Priority must be a whole number from 0 to 9: 10 == 10", ""},
           Row{R"("Type":"Map","Items":"{% {'k':1} %}","ItemProcessor":{"StartAt":"P","States":)"
               R"({"P":{"Type":"Pass","End":true}}},"End":true)",
               "specified for the field 'Items' returned an unexpected result type. Expected "
               "'array', but was 'object' for value: {\"k\":1}",
               "Items"},
           Row{R"("Type":"Map","ItemProcessor":{"StartAt":"P","States":)"
               R"({"P":{"Type":"Pass","End":true}}},"End":true)",
               "Map state input must be an array but was: {\"a\":1}", ""},
       }) {
    CAPTURE(row.fields);
    Bench bench(jsonata_state(row.fields), R"({"a":1})");
    bench.start();
    CHECK(bench.error() == "States.QueryEvaluationError");
    CAPTURE(bench.cause());
    CHECK(bench.cause().starts_with("An error occurred while executing the state 'S'"));
    CHECK(bench.cause().find(row.cause) != std::string::npos);
    auto history = bench.effects.history;
    std::erase_if(history, [](const Record& record) { return record.kind == Kind::stage_left; });
    REQUIRE(history.size() == 4);
    CHECK(history[2].kind == Kind::evaluation_failed);
    CHECK(history[2].doc.json()["location"] == row.location);
    CHECK(history[2].fault.cause == bench.cause());
  }
}

TEST_CASE("an evaluation that failed is retried after the delay, then caught") {
  Bench bench(jsonata_state(
      R"("Type":"Task","Resource":"queue:q","Arguments":)"
      R"({"n":"{% $states.context.State.RetryCount = 1 ? 'ok' : $none %}"},)"
      R"("Retry":[{"ErrorEquals":["States.QueryEvaluationError"],"IntervalSeconds":4}],)"
      R"("End":true)"));
  bench.start();
  CHECK(bench.next<RetryLater>().delay == seconds(4));
  CHECK(bench.frame.retry_count == 1);
  bench.apply(TimerDue{});
  CHECK(bench.next<ScheduleTask>().body.text() == R"({"n":"ok"})");
  CHECK(bench.story() == "TaskScheduled");

  Bench caught(jsonata_state(R"("Type":"Task","Resource":"queue:q","Arguments":"{% $none %}",)"
                             R"("Catch":[{"ErrorEquals":["States.ALL"],"Next":"C","Output":)"
                             R"("{% $states.errorOutput.Error %}"}],"End":true)"));
  caught.start();
  CHECK(caught.output() == R"("States.QueryEvaluationError")");
}

TEST_CASE("a failed task's Arguments are evaluated again for the next attempt") {
  Bench bench(jsonata_state(
      R"("Type":"Task","Resource":"queue:q","Arguments":"{% $states.context.State.RetryCount %}",)"
      R"("Retry":[{"ErrorEquals":["E"]}],"End":true)"));
  bench.start();
  CHECK(bench.next<ScheduleTask>().body.text() == "0");
  bench.fail("E");
  CHECK(bench.next<ScheduleTask>().body.text() == "1");
  CHECK(bench.next<ScheduleTask>().delay == seconds(1));
}

TEST_CASE("the rule that holds gives Output and Assign; the state's own are for Default") {
  const auto m = machine(
      R"({"QueryLanguage":"JSONata","StartAt":"S","States":{"S":{"Type":"Choice","Choices":[)"
      R"({"Condition":"{% $states.input = 1 %}","Next":"T","Output":"one","Assign":{"v":1}},)"
      R"({"Condition":"{% $states.input = 2 %}","Next":"T"}],"Default":"T","Output":"own",)"
      R"("Assign":{"v":0}},"T":{"Type":"Pass","Output":)"
      R"(["{% $states.input %}","{% $exists($v) ? $v : 'none' %}"],"End":true}}})");
  for (const auto& [input, output] :
       {std::pair{"1", R"(["one",1])"}, {"2", R"([2,"none"])"}, {"3", R"(["own",0])"}}) {
    Bench bench(m, input);
    bench.start();
    CHECK(bench.output() == output);
  }
}

TEST_CASE("a Catch has the input and the error, and leaves the error if it says nothing else") {
  const std::string task = R"("Type":"Task","Resource":"queue:q","End":true,)";
  Bench plain(jsonata_state(task + R"("Catch":[{"ErrorEquals":["E"],"Next":"C"}])"));
  plain.start();
  plain.fail("E", "why");
  CHECK(plain.output() == R"({"Error":"E","Cause":"why"})");

  Bench both(
      jsonata_state(task + R"("Catch":[{"ErrorEquals":["E"],"Next":"C","Output":)"
                           R"(["{% $states.input.a %}","{% $states.errorOutput.Cause %}"]}])"),
      R"({"a":1})");
  both.start();
  both.fail("E", "why");
  CHECK(both.output() == R"([1,"why"])");

  Bench broken(jsonata_state(task +
                             R"("Catch":[{"ErrorEquals":["E"],"Next":"C","Output":)"
                             R"({"x":"{% $none %}"}},{"ErrorEquals":["States.ALL"],"Next":"C"}])"));
  broken.start();
  broken.fail("E");
  CHECK(broken.error() == "States.QueryEvaluationError");
  CHECK(broken.cause().find("'Catch[0]/Output/x'") != std::string::npos);
  CHECK(broken.story() == "TaskFailed EvaluationFailed ExecutionFailed");
}

TEST_CASE("a Fail state's Error and Cause may be computed") {
  Bench bench(
      jsonata_state(R"("Type":"Fail","Error":"{% 'E' & $states.input %}","Cause":"{% 'C' %}")"),
      "7");
  bench.start();
  CHECK(bench.error() == "E7");
  CHECK(bench.cause() == "C");
  CHECK(!bench.next<Finish>().dead_letter);
}

}  // namespace
}  // namespace sluice::orchestrator
