// What the compiler refuses and accepts on each kind of state; a row for each rule.
#include "definition_support.h"

namespace sluice::workflows::testing {
namespace {

struct Row {
  std::string_view state;     // the state "A"
  std::string_view pointer;   // below /States/A
  std::string_view fragment;  // of the message
};

void check_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    check_refused(with_state(row.state), fmt::format("/States/A{}", row.pointer), row.fragment);
  }
}

TEST_CASE("every state names a known type") {
  check_rows({
      {R"({"End":true})", "", "\"Type\" is missing"},
      {R"({"Type":"Taks","End":true})", "/Type", "did you mean \"Task\"?"},
      {R"({"Type":"task","End":true})", "/Type", "did you mean \"Task\"?"},
      {R"({"Type":7,"End":true})", "/Type", "must be \"Task\""},
      {R"("Pass")", "", "must be an object, not the string \"Pass\""},
      {R"(null)", "", "must be an object, not null"},
  });
}

TEST_CASE("a state goes on by Next or ends by End, never both and never neither") {
  check_rows({
      {R"({"Type":"Pass"})", "", "leads nowhere"},
      {R"({"Type":"Pass","End":false})", "", "leads nowhere"},
      {R"({"Type":"Pass","End":true,"Next":"Ship"})", "/Next", "exclude each other"},
      {R"({"Type":"Pass","End":"true"})", "/End", "must be true, not the string"},
      {R"({"Type":"Pass","Next":7})", "/Next", "expected the name of a state, not the number 7"},
      {R"({"Type":"Pass","Next":"Shipp"})", "/Next", "no state \"Shipp\"; did you mean \"Ship\"?"},
      {R"({"Type":"Pass","Next":"ship"})", "/Next", "did you mean \"Ship\"?"},
      {R"({"Type":"Pass","Next":"Elsewhere"})", "/Next", "no state \"Elsewhere\""},
  });
  check_accepted(with_state(R"({"Type":"Pass","End":false,"Next":"Ship"})"));
}

TEST_CASE("an unknown field is refused with the near name, also in another case") {
  check_rows({
      {R"({"Type":"Pass","Resultt":1,"End":true})", "/Resultt", "did you mean \"Result\"?"},
      {R"({"Type":"Pass","result":1,"End":true})", "/result", "did you mean \"Result\"?"},
      {R"({"Type":"Pass","Frobnicate":1,"End":true})", "/Frobnicate",
       "a Pass state has no field \"Frobnicate\""},
      {R"({"Type":"Pass","a/b~c":1,"End":true})", "/a~1b~0c", "has no field"},
  });
}

TEST_CASE("a field of another kind of state is refused and its own kinds are named") {
  check_rows({
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Ship"}],"Parameters":"x"})",
       "/Parameters", "it belongs to Task, Pass, Parallel and Map states"},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Ship"}],"ResultSelector":{}})",
       "/ResultSelector", "belongs to Task, Parallel and Map"},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Ship"}],"End":true})",
       "/End", "a Choice state has no field \"End\""},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Ship"}],"Next":"Ship"})",
       "/Next", "a Choice state has no field \"Next\""},
      {R"({"Type":"Fail","Parameters":"x"})", "/Parameters", "a Fail state has no field"},
      {R"({"Type":"Fail","ResultPath":"$.x"})", "/ResultPath", "a Fail state has no field"},
      {R"({"Type":"Fail","InputPath":"$.x"})", "/InputPath", "a Fail state has no field"},
      {R"({"Type":"Fail","Next":"Ship"})", "/Next", "a Fail state has no field"},
      {R"({"Type":"Succeed","End":true})", "/End", "a Succeed state has no field"},
      {R"({"Type":"Succeed","Assign":{}})", "/Assign", "a Succeed state has no field"},
      {R"({"Type":"Wait","Seconds":1,"Parameters":{},"End":true})", "/Parameters",
       "a Wait state has no"},
      {R"({"Type":"Wait","Seconds":1,"ResultPath":"$.x","End":true})", "/ResultPath",
       "a Wait state has no"},
      {R"({"Type":"Pass","Retry":[],"End":true})", "/Retry",
       "belongs to Task, Parallel and Map states"},
      {R"({"Type":"Pass","Resource":"queue:a","End":true})", "/Resource", "belongs to Task states"},
      {R"({"Type":"Wait","Seconds":1,"Priority":3,"End":true})", "/Priority",
       "belongs to Task states"},
  });
}

TEST_CASE("paths of the data flow are checked where they stand") {
  check_rows({
      {R"({"Type":"Pass","InputPath":"x","End":true})", "/InputPath", ""},
      {R"({"Type":"Pass","InputPath":"$.","End":true})", "/InputPath", ""},
      {R"({"Type":"Pass","InputPath":7,"End":true})", "/InputPath",
       "must be a string, not the number 7"},
      {R"({"Type":"Pass","OutputPath":"$...","End":true})", "/OutputPath", ""},
      {R"({"Type":"Pass","ResultPath":".guid","End":true})", "/ResultPath", ""},
      {R"({"Type":"Pass","ResultPath":"$.a[*]","End":true})", "/ResultPath", ""},
      {R"({"Type":"Pass","ResultPath":"$..a","End":true})", "/ResultPath", ""},
      {R"({"Type":"Pass","ResultPath":"$$.a","End":true})", "/ResultPath", ""},
      {R"({"Type":"Pass","ResultPath":false,"End":true})", "/ResultPath",
       "must be a string, not false"},
      {R"({"Type":"Pass","Comment":7,"End":true})", "/Comment", "must be a string"},
  });
  check_accepted(with_state(
      R"({"Type":"Pass","InputPath":null,"OutputPath":null,"ResultPath":null,"End":true})"));
  check_accepted(with_state(
      R"({"Type":"Pass","InputPath":"$$.Execution.Input","OutputPath":"$..a","End":true})"));
}

TEST_CASE("templates are checked at every depth") {
  check_rows({
      {R"({"Type":"Pass","Parameters":{"x":1,"x.$":"$.x"},"End":true})", "/Parameters/x.$", ""},
      {R"({"Type":"Pass","Parameters":{"a":[{"b.$":"lorem"}]},"End":true})", "/Parameters/a/0/b.$",
       ""},
      {R"({"Type":"Pass","Parameters":{"a.$":7},"End":true})", "/Parameters/a.$", ""},
      {R"j({"Type":"Pass","Parameters":{"a.$":"States.Frobnicate()"},"End":true})j",
       "/Parameters/a.$", ""},
      {R"({"Type":"Task","Resource":"queue:a","ResultSelector":{"a.$":"nope"},"End":true})",
       "/ResultSelector/a.$", ""},
  });
  // What Pass gives as it is may look like a template.
  check_accepted(with_state(R"({"Type":"Pass","Result":{"x":1,"x.$":"not a path"},"End":true})"));
}

TEST_CASE("a Choice has rules, each with one operator of the right type") {
  check_rows({
      {R"({"Type":"Choice","Default":"Ship"})", "", "\"Choices\" is missing"},
      {R"({"Type":"Choice","Choices":[]})", "/Choices", "at least one rule"},
      {R"({"Type":"Choice","Choices":{}})", "/Choices", "must be an array, not an object"},
      {R"({"Type":"Choice","Choices":[7],"Default":"Ship"})", "/Choices/0", ""},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true}],"Default":"Ship"})",
       "/Choices/0", "Next"},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Bil"}]})",
       "/Choices/0/Next", "did you mean \"Bill\"?"},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Bill"}],"Default":"Shipp"})",
       "/Default", "did you mean \"Ship\"?"},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","Next":"Bill"}]})", "/Choices/0", ""},
      {R"({"Type":"Choice","Choices":[{"Variable":"$.x","NumericEquals":"1","Next":"Bill"}]})",
       "/Choices/0/NumericEquals", ""},
      {R"({"Type":"Choice","Choices":[{"And":[],"Next":"Bill"}]})", "/Choices/0/And", ""},
      {R"({"Type":"Choice","Choices":[{"Not":{"Variable":"x","IsNull":true},"Next":"Bill"}]})",
       "/Choices/0/Not/Variable", ""},
  });
}

TEST_CASE("a mistyped operator of a Choice is refused with the near one") {
  const auto problems = problems_of(with_state(
      R"({"Type":"Choice","Choices":[{"Variable":"$.x","StringEqual":"a","Next":"Bill"}]})"));
  REQUIRE_FALSE(problems.empty());
  CHECK(problems[0].pointer == "/States/A/Choices/0/StringEqual");
  CHECK(problems[0].detail.find("did you mean \"StringEquals\"?") != std::string::npos);
}

TEST_CASE("a Wait has exactly one time, and it is one") {
  check_rows({
      {R"({"Type":"Wait","End":true})", "", "needs exactly one of"},
      {R"({"Type":"Wait","Seconds":1,"SecondsPath":"$.s","End":true})", "/SecondsPath",
       "exclude each other"},
      {R"({"Type":"Wait","Timestamp":"2026-01-01T00:00:00Z","TimestampPath":"$.s","End":true})",
       "/TimestampPath", "exclude each other"},
      {R"({"Type":"Wait","Seconds":-1,"End":true})", "/Seconds",
       "an integer from 0 to 99999999, not the number -1"},
      {R"({"Type":"Wait","Seconds":1.5,"End":true})", "/Seconds", "an integer"},
      {R"({"Type":"Wait","Seconds":1.0,"End":true})", "/Seconds", "an integer"},
      {R"({"Type":"Wait","Seconds":"1","End":true})", "/Seconds", "an integer"},
      {R"({"Type":"Wait","Seconds":100000000,"End":true})", "/Seconds", "an integer"},
      {R"({"Type":"Wait","Seconds":18446744073709551615,"End":true})", "/Seconds", "an integer"},
      {R"({"Type":"Wait","SecondsPath":"$.a[*]","End":true})", "/SecondsPath", "needs one value"},
      {R"({"Type":"Wait","SecondsPath":"a","End":true})", "/SecondsPath", ""},
      {R"({"Type":"Wait","Timestamp":"2026-01-01","End":true})", "/Timestamp", "is no time"},
      {R"({"Type":"Wait","Timestamp":"2026-01-01 00:00:00Z","End":true})", "/Timestamp",
       "is no time"},
      {R"({"Type":"Wait","Timestamp":"2026-13-01T00:00:00Z","End":true})", "/Timestamp",
       "is no time"},
      {R"({"Type":"Wait","Timestamp":"2026-01-01T25:00:00Z","End":true})", "/Timestamp",
       "is no time"},
      {R"({"Type":"Wait","Timestamp":"2026-01-01T00:00:00","End":true})", "/Timestamp",
       "is no time"},
  });
}

TEST_CASE("a Fail state's error and cause are written down or computed, not both") {
  check_rows({
      {R"({"Type":"Fail","Error":"E","ErrorPath":"$.e"})", "/ErrorPath", "exclude each other"},
      {R"({"Type":"Fail","Cause":"C","CausePath":"$.c"})", "/CausePath", "exclude each other"},
      {R"({"Type":"Fail","Error":7})", "/Error", "must be a string"},
      {R"({"Type":"Fail","ErrorPath":"Error"})", "/ErrorPath", ""},
      {R"j({"Type":"Fail","ErrorPath":"States.StringToJson($.e)"})j", "/ErrorPath", "gives none"},
      {R"j({"Type":"Fail","CausePath":"States.MathAdd($.a, $.b)"})j", "/CausePath", "gives none"},
  });
  check_accepted(with_state(R"({"Type":"Fail"})"));
  check_accepted(
      with_state(R"j({"Type":"Fail","ErrorPath":"$.e","CausePath":"States.Format('{}', $.c)"})j"));
}

TEST_CASE("a Task's times are positive and the heartbeat is the shorter") {
  check_rows({
      {R"({"Type":"Task","Resource":"queue:a","TimeoutSeconds":0,"End":true})", "/TimeoutSeconds",
       "an integer from 1"},
      {R"({"Type":"Task","Resource":"queue:a","TimeoutSeconds":null,"End":true})",
       "/TimeoutSeconds", "an integer from 1 to 99999999, not null"},
      {R"({"Type":"Task","Resource":"queue:a","TimeoutSeconds":9,"TimeoutSecondsPath":"$.t","End":true})",
       "/TimeoutSecondsPath", "exclude each other"},
      {R"({"Type":"Task","Resource":"queue:a","HeartbeatSeconds":9,"HeartbeatSecondsPath":"$.t","End":true})",
       "/HeartbeatSecondsPath", "exclude each other"},
      {R"({"Type":"Task","Resource":"queue:a","TimeoutSeconds":9,"HeartbeatSeconds":9,"End":true})",
       "/HeartbeatSeconds", "must be smaller than \"TimeoutSeconds\" (9)"},
      {R"({"Type":"Task","Resource":"queue:a","TimeoutSecondsPath":"$.a[0:2]","End":true})",
       "/TimeoutSecondsPath", "needs one value"},
  });
}

TEST_CASE("a Task's priority is 0 to 9 and its headers are strings") {
  check_rows({
      {R"({"Type":"Task","Resource":"queue:a","Priority":10,"End":true})", "/Priority",
       "from 0 to 9"},
      {R"({"Type":"Task","Resource":"queue:a","Priority":"9","End":true})", "/Priority",
       "from 0 to 9"},
      {R"({"Type":"Task","Resource":"queue:a","Priority":1,"Priority.$":"$.p","End":true})",
       "/Priority.$", "exclude each other"},
      {R"({"Type":"Task","Resource":"queue:a","Priority.$":"p","End":true})", "/Priority.$", ""},
      {R"({"Type":"Task","Resource":"queue:a","Headers":[],"End":true})", "/Headers",
       "must be an object"},
      {R"({"Type":"Task","Resource":"queue:a","Headers":{"a":1},"End":true})", "/Headers/a",
       "must be a string, not the number 1"},
      {R"({"Type":"Task","Resource":"queue:a","Headers":{"":"x"},"End":true})", "/Headers/",
       "must not be empty"},
      {R"({"Type":"Task","Resource":"queue:a","Headers":{"a.$":"x"},"End":true})", "/Headers/a.$",
       "neither a path"},
  });
}

TEST_CASE("each kind of state is compiled to what it says") {
  const auto machine =
      check_accepted(R"({"StartAt":"Pay","Comment":"c","TimeoutSeconds":60,"States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","TimeoutSeconds":60,"HeartbeatSecondsPath":"$.h",
           "Parameters":{"a.$":"$.a"},"ResultSelector":{"b.$":"$.b"},"ResultPath":"$.paid","InputPath":"$.in",
           "OutputPath":null,"Priority":9,"Headers":{"region":"eu","x":"y"},"Next":"Done"},
    "Done":{"Type":"Pass","Result":{"k.$":1},"ResultPath":null,"Next":"Rest"},
    "Rest":{"Type":"Wait","Timestamp":"2026-01-01T00:00:00Z","Next":"Nap"},
    "Nap":{"Type":"Wait","SecondsPath":"$.s","Next":"Which"},
    "Which":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"Good"}],"Default":"Bad"},
    "Good":{"Type":"Succeed"},
    "Bad":{"Type":"Fail","Error":"E","CausePath":"$.c"}}})");
  CHECK(machine->comment == "c");
  CHECK(machine->timeout_s == 60);
  CHECK(machine->start_at == machine->find("Pay"));
  CHECK(machine->find("pay") == no_state);
  CHECK(machine->stage_queues == std::vector<std::string>{"pay"});
  REQUIRE(machine->states.size() == 7);

  const State& pay = machine->states[machine->find("Pay")];
  const auto& task = std::get<TaskState>(pay.body);
  CHECK(pay.type == StateType::task);
  CHECK(pay.pointer == "/States/Pay");
  CHECK(pay.next == machine->find("Done"));
  CHECK_FALSE(pay.end);
  CHECK(pay.input_path->text() == "$.in");
  CHECK_FALSE(pay.input_null);
  CHECK(pay.output_null);
  CHECK(pay.result_path->text() == "$.paid");
  CHECK(task.resource.queue == "pay");
  CHECK(std::get<std::int64_t>(*task.timeout) == 60);
  CHECK(std::get<Path>(*task.heartbeat).text() == "$.h");
  CHECK(task.arguments.has_value());
  CHECK(pay.result_selector.has_value());
  CHECK(std::get<std::int64_t>(*task.priority) == 9);
  CHECK(task.headers ==
        std::vector<std::pair<std::string, std::string>>{{"region", "eu"}, {"x", "y"}});

  const State& done = machine->states[machine->find("Done")];
  CHECK(done.result_null);
  CHECK_FALSE(done.result_path.has_value());
  CHECK(std::get<PassState>(done.body).result->text() == R"({"k.$":1})");
  const auto& rest = std::get<WaitState>(machine->states[machine->find("Rest")].body);
  CHECK(std::get<WallTime>(std::get<WaitState::Until>(rest.until).at) ==
        *parse_rfc3339("2026-01-01T00:00:00Z"));
  const auto& nap = std::get<WaitState>(machine->states[machine->find("Nap")].body);
  CHECK(std::get<Path>(std::get<Seconds>(nap.until)).text() == "$.s");
  const auto& which = std::get<ChoiceState>(machine->states[machine->find("Which")].body);
  REQUIRE(which.rules.size() == 1);
  CHECK(which.rules[0].next == machine->find("Good"));
  CHECK(which.conditions == std::vector<std::string>{"$.n == 1"});
  CHECK(which.otherwise == machine->find("Bad"));
  const auto& bad = std::get<FailState>(machine->states[machine->find("Bad")].body);
  CHECK(bad.error == "E");
  CHECK_FALSE(bad.cause.has_value());
  CHECK(bad.cause_path->text() == "$.c");
}

}  // namespace
}  // namespace sluice::workflows::testing
