// Retry and Catch; a row for each rule.
#include "definition_support.h"

namespace sluice::workflows::testing {
namespace {

struct Row {
  std::string_view field;     // of a Task: `"Retry":[…]`
  std::string_view pointer;   // below /States/A
  std::string_view fragment;  // of the message
};

std::string with_field(std::string_view field) {
  return with_state(fmt::format(R"({{"Type":"Task","Resource":"queue:a",{},"End":true}})", field));
}

void check_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    check_refused(with_field(row.field), fmt::format("/States/A{}", row.pointer), row.fragment);
  }
}

TEST_CASE("a retrier's numbers have the language's bounds") {
  check_rows({
      {R"("Retry":7)", "/Retry", "must be an array"},
      {R"("Retry":[7])", "/Retry/0", "a retrier must be an object"},
      {R"("Retry":[{"ErrorEquals":["E"],"IntervalSeconds":0}])", "/Retry/0/IntervalSeconds",
       "from 1"},
      {R"("Retry":[{"ErrorEquals":["E"],"IntervalSeconds":3.5}])", "/Retry/0/IntervalSeconds",
       "an integer"},
      {R"("Retry":[{"ErrorEquals":["E"],"MaxAttempts":-1}])", "/Retry/0/MaxAttempts",
       "from 0 to 99999999"},
      {R"("Retry":[{"ErrorEquals":["E"],"MaxAttempts":100000000}])", "/Retry/0/MaxAttempts",
       "from 0 to 99999999"},
      {R"("Retry":[{"ErrorEquals":["E"],"MaxAttempts":"3"}])", "/Retry/0/MaxAttempts",
       "an integer"},
      {R"("Retry":[{"ErrorEquals":["E"],"BackoffRate":0.5}])", "/Retry/0/BackoffRate",
       "a number from 1"},
      {R"("Retry":[{"ErrorEquals":["E"],"BackoffRate":-2}])", "/Retry/0/BackoffRate",
       "a number from 1"},
      {R"("Retry":[{"ErrorEquals":["E"],"MaxDelaySeconds":-1}])", "/Retry/0/MaxDelaySeconds",
       "from 1 to 31622400"},
      {R"("Retry":[{"ErrorEquals":["E"],"MaxDelaySeconds":31622401}])", "/Retry/0/MaxDelaySeconds",
       "31622400"},
      {R"("Retry":[{"ErrorEquals":["E"],"IntervalSeconds":5,"MaxDelaySeconds":5}])",
       "/Retry/0/MaxDelaySeconds", "must be greater than \"IntervalSeconds\" (5)"},
      {R"("Retry":[{"ErrorEquals":["E"],"MaxDelaySeconds":1}])", "/Retry/0/MaxDelaySeconds",
       "must be greater than \"IntervalSeconds\" (1)"},
      {R"("Retry":[{"ErrorEquals":["E"],"JitterStrategy":"Full"}])", "/Retry/0/JitterStrategy",
       "did you mean \"FULL\"?"},
      {R"("Retry":[{"ErrorEquals":["E"],"Interval":5}])", "/Retry/0/Interval",
       "a retrier has no field \"Interval\""},
      {R"("Retry":[{"ErrorEquals":["E"],"BackOffRate":2}])", "/Retry/0/BackOffRate",
       "did you mean \"BackoffRate\"?"},
  });
}

TEST_CASE("ErrorEquals is a list of names in which States.ALL stands alone and last") {
  check_rows({
      {R"("Retry":[{}])", "/Retry/0", "\"ErrorEquals\" is missing"},
      {R"("Retry":[{"ErrorEquals":[]}])", "/Retry/0/ErrorEquals", "at least one error"},
      {R"("Retry":[{"ErrorEquals":"E"}])", "/Retry/0/ErrorEquals", "must be an array"},
      {R"("Retry":[{"ErrorEquals":[true]}])", "/Retry/0/ErrorEquals/0",
       "must be a string, not true"},
      {R"("Retry":[{"ErrorEquals":["E","States.ALL"]}])", "/Retry/0/ErrorEquals/1",
       "must stand alone"},
      {R"("Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["E"]}])",
       "/Retry/0/ErrorEquals/0", "must be in the last retrier"},
      {R"("Catch":[{"ErrorEquals":["States.ALL"],"Next":"Ship"},{"ErrorEquals":["E"],"Next":"Ship"}])",
       "/Catch/0/ErrorEquals/0", "must be in the last catcher"},
      {R"("Catch":[{"ErrorEquals":[],"Next":"Ship"}])", "/Catch/0/ErrorEquals",
       "at least one error"},
      {R"("Catch":[{"ErrorEquals":["E"]}])", "/Catch/0", "\"Next\" is missing"},
      {R"("Catch":[{"ErrorEquals":["E"],"Next":"Bil"}])", "/Catch/0/Next",
       "did you mean \"Bill\"?"},
      {R"("Catch":[{"ErrorEquals":["E"],"Next":"Ship","ResultPath":"$.a[*]"}])",
       "/Catch/0/ResultPath", ""},
      {R"("Catch":[{"ErrorEquals":["E"],"Next":"Ship","Retry":1}])", "/Catch/0/Retry",
       "a catcher has no field"},
      {R"("Catch":[{"ErrorEquals":["E"],"Next":"Ship","Output":{}}])", "/Catch/0/Output",
       "\"Output\" belongs to JSONata states"},
      {R"("Catch":[{"ErrorEquals":["E"],"Next":"Ship","Assign":1}])", "/Catch/0/Assign",
       "must be an object"},
      {R"("Catch":["Ship"])", "/Catch/0", "a catcher must be an object"},
  });
}

TEST_CASE("a reserved error name that does not exist is only a warning, since it never matches") {
  check_warned(with_field(R"("Retry":[{"ErrorEquals":["States.TimeOut"]}])"),
               "/States/A/Retry/0/ErrorEquals/0", "did you mean \"States.Timeout\"?");
  check_warned(with_field(R"("Catch":[{"ErrorEquals":["Sluice.Dedlock"],"Next":"Ship"}])"),
               "/States/A/Catch/0/ErrorEquals/0", "did you mean \"Sluice.Deadlock\"?");
  CHECK(compile(with_field(R"("Retry":[{"ErrorEquals":["State.ALL"]}])"))->warnings.empty());
}

TEST_CASE("retriers and catchers keep what they say, and the language's defaults for the rest") {
  const auto machine = check_accepted(with_field(
      R"("Retry":[{"ErrorEquals":["A","B"],"IntervalSeconds":2,"MaxAttempts":0,"BackoffRate":1.5,
                   "MaxDelaySeconds":9,"JitterStrategy":"FULL","Comment":"c"},{"ErrorEquals":["States.ALL"]}],
         "Catch":[{"ErrorEquals":["A"],"Next":"Ship","ResultPath":null},
                  {"ErrorEquals":["B"],"Next":"Ship","ResultPath":"$.e"},
                  {"ErrorEquals":["States.ALL"],"Next":"Bill"}])"));
  const State& state = machine->states[machine->find("A")];
  REQUIRE(state.retry.size() == 2);
  CHECK(state.retry[0].error_equals == std::vector<std::string>{"A", "B"});
  CHECK(state.retry[0].interval_s == 2);
  CHECK(state.retry[0].attempts_max == 0);
  CHECK(state.retry[0].backoff_rate == 1.5);
  CHECK(state.retry[0].delay_max_s == 9);
  CHECK(state.retry[0].full_jitter);
  CHECK(state.retry[1].interval_s == 1);
  CHECK(state.retry[1].attempts_max == 3);
  CHECK(state.retry[1].backoff_rate == 2);
  CHECK_FALSE(state.retry[1].delay_max_s.has_value());
  CHECK_FALSE(state.retry[1].full_jitter);
  REQUIRE(state.catchers.size() == 3);
  CHECK_FALSE(state.catchers[0].result_path.has_value());
  CHECK(state.catchers[1].result_path->text() == "$.e");
  CHECK(state.catchers[2].result_path->is_root());
  CHECK(state.catchers[2].next == machine->find("Bill"));
}

}  // namespace
}  // namespace sluice::workflows::testing
