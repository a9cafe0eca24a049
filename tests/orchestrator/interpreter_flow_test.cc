// Data on its way through states, and the states that do no work.
#include <fmt/format.h>

#include "machine_fixture.h"

namespace sluice::orchestrator {
namespace {

struct Row {
  const char* fields;
  const char* input;
  const char* result;  // an output, or an error's name
};

TEST_CASE("what a state cannot evaluate is States.Runtime with a cause that names the state") {
  struct Refusal {
    const char* fields;
    const char* input;
    const char* error;
    const char* says;
  };
  for (const auto& [fields, input, error, says] : {
           Refusal{R"("Type":"Pass","InputPath":"$.gone","End":true)", "{}", "States.Runtime",
                   "An error occurred while executing the state 'S'. Invalid path '$.gone'"},
           Refusal{R"("Type":"Pass","OutputPath":"$.gone","End":true)", "{}", "States.Runtime",
                   "'$.gone'"},
           Refusal{R"("Type":"Pass","Parameters":{"a.$":"$.gone"},"End":true)", "{}",
                   "States.Runtime",
                   "specified for the field 'a.$' could not be found in the input '{}'"},
           Refusal{R"x("Type":"Pass","Parameters":{"a.$":"States.ArrayLength($)"},"End":true)x",
                   "{}", "States.IntrinsicFailure", "argument 1 must be an array"},
           Refusal{R"("Type":"Pass","ResultPath":"$.a.b","End":true)", R"({"a":1})",
                   "States.ResultPathMatchFailure", "'$.a.b'"},
           Refusal{R"("Type":"Choice","Choices":[{"Variable":"$.a","IsNull":true,"Next":"T"}])",
                   "{}", "States.Runtime", "Invalid path '$.a'"},
           Refusal{R"("Type":"Choice","Choices":[{"Variable":"$.a","IsNull":true,"Next":"T"}])",
                   R"({"a":1})", "States.NoChoiceMatched", "no Default"},
           Refusal{R"("Type":"Wait","SecondsPath":"$.n","End":true)", "{}", "States.Runtime",
                   "Invalid path '$.n'"},
           Refusal{R"("Type":"Wait","SecondsPath":"$.n","End":true)", R"({"n":-1})",
                   "States.Runtime",
                   "The SecondsPath parameter references a negative value: $.n == -1"},
           Refusal{R"("Type":"Wait","SecondsPath":"$.n","End":true)", R"({"n":1.5})",
                   "States.Runtime",
                   "The SecondsPath parameter cannot be parsed as a long value: $.n == 1.5"},
           Refusal{R"("Type":"Wait","SecondsPath":"$.n","End":true)", R"({"n":"5"})",
                   "States.Runtime", "cannot be parsed as a long value"},
           Refusal{R"("Type":"Wait","SecondsPath":"$.n","End":true)", R"({"n":3000000000})",
                   "States.Runtime", "Wait state delay is too long."},
           Refusal{R"("Type":"Wait","SecondsPath":"$.n","End":true)", R"({"n":1e30})",
                   "States.Runtime", "Wait state delay is too long."},
           Refusal{R"("Type":"Wait","TimestampPath":"$.t","End":true)",
                   R"({"t":"2026-01-01T25:00:00Z"})", "States.Runtime",
                   "valid ISO-8601 extended offset date-time format string: $.t == "
                   "2026-01-01T25:00:00Z"},
           Refusal{R"("Type":"Wait","TimestampPath":"$.t","End":true)", R"({"t":5})",
                   "States.Runtime", "$.t == 5"},
           Refusal{R"("Type":"Wait","Timestamp":"2099-01-01T00:00:00Z","End":true)", "{}",
                   "States.Runtime", "Wait state delay is too long."},
           Refusal{R"("Type":"Fail","ErrorPath":"$.gone")", "{}", "States.Runtime",
                   "for the field 'ErrorPath'"},
           Refusal{R"("Type":"Fail","CausePath":"$.a")", R"({"a":1})", "States.Runtime",
                   "CausePath field refers to a value that is not a string"},
       }) {
    CAPTURE(fields);
    CAPTURE(input);
    Bench bench(state_machine(fields), input);
    bench.start();
    CHECK(bench.error() == error);
    CAPTURE(bench.cause());
    CHECK(bench.cause().find(says) != std::string::npos);
    CHECK(bench.next<Finish>().dead_letter);
    CHECK(bench.story().ends_with("ExecutionFailed"));
    CHECK(bench.frame.input.text() == input);
  }
}

TEST_CASE("a state's data goes InputPath, Parameters, ResultPath, OutputPath") {
  for (
      const auto& [fields, input, result] : {
          Row{R"("Type":"Pass","End":true)", R"({"a": 1})", R"({"a": 1})"},
          Row{R"("Type":"Pass","InputPath":"$.a","End":true)", R"({"a":{"b":1}})", R"({"b":1})"},
          Row{R"("Type":"Pass","InputPath":null,"End":true)", R"({"a":1})", "{}"},
          Row{R"("Type":"Pass","OutputPath":null,"End":true)", R"({"a":1})", "{}"},
          Row{R"("Type":"Pass","Result":7,"ResultPath":null,"End":true)", R"({"a":1})",
              R"({"a":1})"},
          Row{R"("Type":"Pass","Result":{"x.$":"$.a"},"End":true)", R"({"a":1})",
              R"({"x.$":"$.a"})"},
          Row{R"("Type":"Pass","Result":7,"ResultPath":"$.b.c","End":true)", R"({"a":1})",
              R"({"a":1,"b":{"c":7}})"},
          Row{R"("Type":"Pass","Result":7,"ResultPath":"$.b","OutputPath":"$.b","End":true)",
              R"({"a":1})", "7"},
          Row{R"("Type":"Pass","InputPath":"$.a","Parameters":{"v.$":"$.x"},"ResultPath":"$.r","End":true)",
              R"({"a":{"x":5}})", R"({"a":{"x":5},"r":{"v":5}})"},
          Row{R"("Type":"Pass","Parameters":{"id.$":"$$.Execution.Name","s.$":"$$.State.Name"},"End":true)",
              "{}", R"({"id":"order-7","s":"S"})"},
          Row{R"("Type":"Pass","InputPath":"$$.Execution.Input","End":true)", R"({"a":1})",
              R"({"a":1})"},
          Row{R"("Type":"Succeed","InputPath":"$.a","OutputPath":"$.b")", R"({"a":{"b":3}})", "3"},
          Row{R"("Type":"Choice","InputPath":"$.a","Choices":[{"Variable":"$.b","NumericEquals":3,"Next":"T"}])",
              R"({"a":{"b":3}})", R"({"b":3})"},
          Row{R"("Type":"Choice","Choices":[{"Variable":"$.b","NumericEquals":4,"Next":"C"}],"Default":"T")",
              R"({"b":3})", R"({"b":3})"},
      }) {
    CAPTURE(fields);
    Bench bench(state_machine(fields), input);
    bench.start();
    CHECK(bench.output() == result);
  }
}

TEST_CASE("a document that states only hand on stays the same document") {
  Bench bench(machine(R"({"StartAt":"A","States":{
      "A":{"Type":"Pass","Next":"B"},
      "B":{"Type":"Wait","Seconds":0,"Next":"C"},
      "C":{"Type":"Pass","Result":1,"ResultPath":null,"Next":"D"},
      "D":{"Type":"Task","Resource":"queue:q","Next":"E"},
      "E":{"Type":"Succeed"}}})"),
              "not even JSON: it is never read");
  const Doc input = bench.frame.input;
  bench.start();
  CHECK(bench.next<ScheduleTask>().body.same_as(input));
  for (const Record& record : bench.effects.history)
    if (record.doc) CHECK(record.doc.same_as(input));
  const Doc result = Doc::from_text("nor this");
  bench.apply(TaskSucceeded{result});
  CHECK(bench.next<Finish>().output.same_as(result));
}

TEST_CASE("a Pass state's Result is a document of the run's own") {
  const auto shared = state_machine(R"("Type":"Pass","Result":{"a":1},"End":true)");
  Bench one(shared), other(shared);
  one.start();
  other.start();
  const Doc mine = one.next<Finish>().output;
  mine.set_ref({5, 0});
  CHECK_FALSE(mine.same_as(other.next<Finish>().output));
  CHECK_FALSE(other.next<Finish>().output.ref());
}

TEST_CASE("history is recorded in the service's order") {
  Bench bench(machine(R"({"StartAt":"A","States":{
      "A":{"Type":"Pass","Next":"B"},
      "B":{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":false,"Next":"D"}]},
      "D":{"Type":"Task","Resource":"queue:q","Next":"E"},
      "E":{"Type":"Fail","Error":"Broken","Cause":"by hand"}}})"));
  bench.start();
  CHECK(bench.story() ==
        "ExecutionStarted PassStateEntered PassStateExited ChoiceStateEntered ChoiceStateExited "
        "TaskStateEntered "
        "TaskScheduled");
  bench.succeed("5");
  CHECK(bench.story() == "TaskSucceeded TaskStateExited FailStateEntered ExecutionFailed");
  CHECK(bench.error() == "Broken");
  CHECK(bench.cause() == "by hand");
  CHECK_FALSE(bench.next<Finish>().dead_letter);
}

TEST_CASE("a Fail state gives its error and cause as written, computed, or not at all") {
  Bench computed(
      state_machine(
          R"x("Type":"Fail","ErrorPath":"$.e","CausePath":"States.Format('{} of {}', $.e, $$.Execution.Name)")x"),
      R"({"e":"Late"})");
  computed.start();
  CHECK(computed.error() == "Late");
  CHECK(computed.cause() == "Late of order-7");
  Bench bare(state_machine(R"("Type":"Fail")"));
  bare.start();
  CHECK_FALSE(bare.next<Finish>().fault.error.has_value());
  CHECK_FALSE(bare.next<Finish>().fault.cause.has_value());
}

TEST_CASE("a Wait state waits until its time, and not at all for one that is past") {
  struct Wait {
    const char* fields;
    std::int64_t seconds;  // from 2026-01-01T00:00:00Z; 0: goes on at once
  };
  for (const auto& [fields, count] : {
           Wait{R"("Seconds":90)", 90},
           Wait{R"("Seconds":0)", 0},
           Wait{R"("SecondsPath":"$.n")", 5},
           Wait{R"("SecondsPath":"$.whole")", 7},
           Wait{R"("Timestamp":"2026-01-01T01:00:30+01:00")", 30},
           Wait{R"("Timestamp":"2025-12-31T23:59:59Z")", 0},
           Wait{R"("TimestampPath":"$.t")", 60},
           Wait{R"("TimestampPath":"$.far")", 2'147'472'000},
       }) {
    CAPTURE(fields);
    Bench bench(state_machine(R"("Type":"Wait",)" + std::string(fields) +
                              R"(,"OutputPath":"$.n","End":true)"),
                R"({"n":5,"whole":7.0,"t":"2026-01-01T00:01:00Z","far":"2094-01-19T00:00:00Z"})");
    bench.start();
    if (count != 0) {
      CHECK((bench.next<WaitUntil>().at - bench.now).us == seconds(count).us);
      CHECK(bench.story() == "ExecutionStarted WaitStateEntered");
      bench.now = bench.next<WaitUntil>().at;
      bench.apply(TimerDue{});
      CHECK(bench.story() == "WaitStateExited ExecutionSucceeded");
    }
    CHECK(bench.output() == "5");
  }
}

TEST_CASE("the context object says who, where and when") {
  Bench bench(
      state_machine(R"("Type":"Pass","Parameters":{"c.$":"$$"},"OutputPath":"$.c","End":true)"),
      R"({"a":1})");
  bench.facts.redrives = 1;
  bench.facts.redriven_at = bench.now;
  bench.start();
  CHECK(
      bench.output() ==
      R"({"Execution":{"Id":"arn:aws:states:local:000000000000:execution:orders:order-7","Input":{"a":1},)"
      R"("StartTime":"2026-01-01T00:00:00.000Z","Name":"order-7","RoleArn":"arn:aws:iam::000000000000:role/sluice",)"
      R"("RedriveCount":1,"RedriveTime":"2026-01-01T00:00:00.000Z"},)"
      R"("StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:orders","Name":"orders"},)"
      R"("State":{"Name":"S","EnteredTime":"2026-01-01T00:00:00.000Z"}})");
}

TEST_CASE("sixty-four states are walked at a time, and then the frame asks to be continued") {
  std::string text = R"({"StartAt":"S0","States":{)";
  for (int i = 0; i < 100; ++i)
    text += fmt::format(R"("S{}":{{"Type":"Pass","Next":"S{}"}},)", i, i + 1);
  Bench bench(machine(text + R"("S100":{"Type":"Succeed"}}})"));
  bench.start();
  bench.next<Continue>();
  CHECK(bench.frame.entries == 64);
  CHECK(bench.compiled().states[bench.frame.state].name == "S64");
  bench.apply(Continued{});
  CHECK(bench.output() == "{}");
  CHECK(bench.frame.entries == 101);
  CHECK(bench.frame.transitions == 101);
}

TEST_CASE("a runaway loop ends at MaxTransitions") {
  Bench bench(machine(R"({"StartAt":"A","MaxTransitions":150,"States":{
      "A":{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"Z"}],"Default":"A"},
      "Z":{"Type":"Succeed"}}})"));
  bench.start();
  int steps = 1;
  while (std::holds_alternative<Continue>(bench.effects.next)) {
    bench.apply(Continued{});
    REQUIRE(++steps < 10);
  }
  CHECK(bench.error() == "Sluice.TransitionLimit");
  CHECK(bench.next<Finish>().dead_letter);
  CHECK(bench.frame.transitions == 150);
}

TEST_CASE("what grows over the payload limit, or nests without end, is States.DataLimitExceeded") {
  Bench large(state_machine(R"("Type":"Pass","Parameters":{"a.$":"$.a","b.$":"$.a"},"End":true)"),
              R"({"a":")" + std::string(600, 'x') + R"("})");
  large.limits.payload_bytes_max = 1'000;
  large.start();
  CHECK(large.error() == "States.DataLimitExceeded");
  CHECK(large.cause() ==
        "The state/task 'S' returned a result with a size exceeding the maximum number of bytes "
        "service limit.");

  Bench deep(machine(R"({"StartAt":"A","States":{
      "A":{"Type":"Pass","Parameters":{"n.$":"$"},"Next":"B"},
      "B":{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"Z"}],"Default":"A"},
      "Z":{"Type":"Succeed"}}})"));
  deep.start();
  int steps = 1;
  while (std::holds_alternative<Continue>(deep.effects.next)) {
    deep.apply(Continued{});
    REQUIRE(++steps < 100);
  }
  CHECK(deep.error() == "States.DataLimitExceeded");
}

}  // namespace
}  // namespace sluice::orchestrator
