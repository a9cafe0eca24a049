// JSONata states, variables, and fields that are computed in either language.
#include "base/random.h"
#include "definition_support.h"

namespace sluice::workflows::testing {
namespace {

void check_jsonata(std::string_view state, std::string_view pointer, std::string_view fragment) {
  std::string text = with_state(state);
  text.insert(text.find("\"A\":{") + 5, R"("QueryLanguage":"JSONata",)");
  check_refused(text, fmt::format("/States/A{}", pointer), fragment);
}

TEST_CASE("a JSONata definition is compiled to values") {
  const auto machine = check_accepted(R"({"StartAt":"Work","QueryLanguage":"JSONata","States":{
    "Work":{"Type":"Task","Resource":"queue:w","Arguments":{"id":"{% $states.input.id %}"},
            "TimeoutSeconds":"{% $t %}","Priority":"{% 1 %}","Headers":{"a":"{% 'x' %}"},
            "Output":"{% $states.result %}","Assign":{"n":"{% $states.result.n %}"},
            "Catch":[{"ErrorEquals":["States.ALL"],"Output":"{% $states.errorOutput %}","Next":"Stop"}],"Next":"Which"},
    "Which":{"Type":"Choice","Choices":[{"Condition":"{% $n > 1 %}","Output":1,"Assign":{"m":2},"Next":"Nap"},
                                        {"Condition":false,"Next":"Nap"}],"Default":"Each"},
    "Nap":{"Type":"Wait","Seconds":"{% $n %}","Next":"Each"},
    "Each":{"Type":"Map","Items":[1,"{% 2 %}"],"MaxConcurrency":"{% 2 %}","End":true,
            "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","Output":"{% $n %}","End":true}}}},
    "Stop":{"Type":"Fail","Error":"{% $n %}","Cause":"written"}}})");
  const auto at = [&](std::string_view name) -> const State& {
    return machine->states[machine->find(name)];
  };
  CHECK(at("Work").language == QueryLanguage::jsonata);
  CHECK(at("Work").output->needs().result);
  CHECK(at("Work").catchers[0].output->needs().error_output);
  CHECK(at("Work").assign.has_value());
  const auto& task = std::get<TaskState>(at("Work").body);
  CHECK(std::holds_alternative<Value>(*task.timeout));
  CHECK(std::holds_alternative<Value>(*task.priority));
  CHECK(task.headers.empty());
  CHECK(task.headers_computed.has_value());
  const auto& which = std::get<ChoiceState>(at("Which").body);
  CHECK(which.conditions == std::vector<std::string>{"$n > 1", "false"});
  CHECK(which.rules[0].needs().variables);
  CHECK(which.rules[0].output.has_value());
  CHECK(which.rules[0].assign.has_value());
  CHECK(at("I").language == QueryLanguage::jsonata);
  const auto& stop = std::get<FailState>(at("Stop").body);
  CHECK(stop.error_value.has_value());
  CHECK(stop.cause == "written");
}

TEST_CASE("an expression that cannot be read, or looks at what is not there, is refused") {
  check_jsonata(R"({"Type":"Pass","Output":{"a":["{% 1 + %}"]},"End":true})", "/Output/a/0",
                "cannot be read");
  check_jsonata(R"({"Type":"Pass","Output":"{% total %}","End":true})", "/Output",
                "no context item");
  check_jsonata(R"({"Type":"Pass","Output":"{% $states.errorOutput %}","End":true})", "/Output",
                "not to be had here");
  check_jsonata(R"({"Type":"Pass","Output":"1 %}","End":true})", "/Output", "one of its marks");
  check_jsonata(R"({"Type":"Pass","Parameters":{},"End":true})", "/Parameters",
                "belongs to JSONPath states");
  check_jsonata(R"({"Type":"Task","Resource":"queue:a","Arguments":1,"End":true})", "/Arguments",
                "must be an object or an expression");
  check_jsonata(R"({"Type":"Choice","Choices":[{"Condition":1,"Next":"Ship"}]})",
                "/Choices/0/Condition", "must be an expression");
  check_jsonata(
      R"({"Type":"Choice","Choices":[{"Variable":"$.a","Condition":true,"Next":"Ship"}]})",
      "/Choices/0/Variable", "belongs to JSONPath states");
  check_jsonata(R"({"Type":"Wait","Seconds":"{% 1 %}","Timestamp":"{% 2 %}","End":true})",
                "/Timestamp", "exclude each other");
  check_refused(with_state(R"({"Type":"Choice","Choices":[{"Condition":true,"Next":"Ship"}]})"),
                "/States/A/Choices/0/Condition", "belongs to JSONata states");
}

TEST_CASE("a mistyped operator is one problem") {
  check_refused(
      with_state(
          R"({"Type":"Choice","Choices":[{"Variable":"$.a","StringEqual":"x","Next":"Ship"}]})"),
      "/States/A/Choices/0/StringEqual", "did you mean \"StringEquals\"?");
}

TEST_CASE("a variable's name is an identifier that nobody around assigns") {
  const auto assign = [](std::string_view name) {
    return with_state(fmt::format(R"({{"Type":"Pass","Assign":{{"{}":1}},"End":true}})", name));
  };
  check_accepted(assign("größe_2"));
  check_refused(assign("states"), "/States/A/Assign/states", "the language's own");
  check_refused(assign("a.b"), "/States/A/Assign/a.b", "cannot be a variable's name");
  check_refused(assign("2a"), "/States/A/Assign/2a", "cannot be a variable's name");
  check_refused(assign(std::string(81, 'a')), "/States/A/Assign/" + std::string(81, 'a'),
                "at most 80 characters");
  const auto inside = [](std::string_view of_before, std::string_view of_parallel) {
    return fmt::format(
        R"({{"StartAt":"B","States":{{"B":{{"Type":"Pass","Assign":{{"{}":1}},"Next":"P"}},
           "P":{{"Type":"Parallel","Assign":{{"{}":1}},"End":true,"Branches":[{{"StartAt":"X","States":{{
             "X":{{"Type":"Pass","Assign":{{"n.$":"$.n"}},"End":true}}}}}}]}}}}}})",
        of_before, of_parallel);
  };
  check_accepted(inside("other", "n"));
  check_refused(inside("n", "other"), "/States/P/Branches/0/States/X/Assign/n.$",
                "assigned around this state already, at /States/B/Assign/n");
}

TEST_CASE("a path leads into a variable") {
  const Json input = {{"a", 1}};
  const Json variables = {{"order", {{"lines", {5, 6}}}}};
  Scope scope;
  scope.input = &input;
  scope.variables = &variables;
  const auto path = Path::parse("$order.lines[1]");
  REQUIRE(path.has_value());
  CHECK(path->needs().variables);
  CHECK_FALSE(path->needs().input);
  CHECK(*path->evaluate(scope) == Json(6));
  const auto absent = Path::parse("$nobody.lines");
  REQUIRE(absent.has_value());
  CHECK(absent->find(scope) == nullptr);
  const auto failed = absent->evaluate(scope);
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.failure().path_not_found);
  CHECK(failed.failure().cause.find("'$nobody' has not been assigned") != std::string::npos);
  CHECK_FALSE(ReferencePath::parse("$order.x").has_value());

  Random chance(1);
  const auto filled = PayloadTemplate::parse(
      {{"n.$", "States.ArrayLength($order.lines)"}, {"first.$", "$order.lines[0]"}}, "");
  REQUIRE(filled.has_value());
  CHECK(to_text(*filled->evaluate(scope, chance)) == R"({"n":2,"first":5})");
  const auto call = Expression::parse("States.ArrayLength($nobody)");
  REQUIRE(call.has_value());
  CHECK_FALSE(call->evaluate(scope, chance, "x.$").has_value());
}

TEST_CASE("an expression's failure names it and its place") {
  const auto value =
      Value::parse(QueryLanguage::jsonata, {{"a", {1, "{%  $nothing %}"}}, {"b", "{% 1 %}"}}, "");
  REQUIRE(value.has_value());
  Random chance(1);
  const Json input = Json::object();
  Scope scope;
  scope.input = &input;
  const auto made = value->evaluate(scope, {chance, WallTime{}}, "Output");
  REQUIRE_FALSE(made.has_value());
  CHECK(made.failure().error == "States.QueryEvaluationError");
  CHECK(made.failure().cause ==
        "The JSONata expression '$nothing' specified for the field 'Output/a[1]' returned nothing "
        "(undefined).");
  CHECK(is_expression("{%1%}"));
  CHECK_FALSE(is_expression(" {% 1 %}"));
  CHECK_FALSE(is_expression("{%}"));
}

}  // namespace
}  // namespace sluice::workflows::testing
