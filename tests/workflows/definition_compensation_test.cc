// Compensate, OnFailure and HoldSeconds in a definition.
#include "definition_support.h"
#include "workflows/graph.h"

namespace sluice::workflows::testing {
namespace {

constexpr std::string_view undone =
    R"({"Type":"Task","Resource":"queue:a","End":true,"Compensate":{"Resource":"queue:undo"}})";

std::string only(std::string_view state, std::string_view top = R"("Comment":"")") {
  return fmt::format(R"({{"StartAt":"A",{},"States":{{"A":{}}}}})", top, state);
}
std::string with_compensation(std::string_view fields) {
  return only(
      fmt::format(R"({{"Type":"Task","Resource":"queue:a","End":true,"Compensate":{}}})", fields));
}
std::string plain(std::string_view top) {
  return only(R"({"Type":"Task","Resource":"queue:a","End":true})", top);
}

}  // namespace

TEST_CASE("a Compensate becomes a Task of its own, which no transition leads to") {
  const auto machine = check_accepted(only(undone));
  REQUIRE(machine->states.size() == 2);
  const State& a = machine->states[0];
  REQUIRE(a.compensation == 1);
  const State& undo = machine->states[1];
  CHECK(undo.name == "A.Compensate");
  CHECK(undo.pointer == "/States/A/Compensate");
  CHECK(undo.compensates == 0);
  CHECK(undo.end);
  CHECK(machine->compensable);
  CHECK(machine->on_failure == OnFailure::compensate);
  CHECK(machine->stage_queues == std::vector<std::string>{"a", "undo"});
  const Graph graph = graph_of(*machine);
  REQUIRE(graph.edges.size() == 1);
  CHECK(to_string(graph.edges[0].kind) == "compensate");
}

TEST_CASE("a Compensate takes arguments, retries and times in the state's language") {
  const auto machine = check_accepted(
      with_compensation(R"({"Resource":"queue:undo","Parameters":{"x.$":"$.output.x"},
        "Retry":[{"ErrorEquals":["States.ALL"]}],"TimeoutSeconds":9,"HeartbeatSeconds":3,
        "Priority":9,"Headers":{"a":"b"},"Comment":"why"})"));
  const auto& task = std::get<TaskState>(machine->states[1].body);
  CHECK(task.arguments.has_value());
  CHECK(std::get<std::int64_t>(*task.timeout) == 9);
  CHECK(machine->states[1].retry.size() == 1);
}

TEST_CASE("what a Compensate cannot have is refused where it stands") {
  struct Row {
    std::string_view fields, pointer, what;
  };
  const Row rows[] = {
      {R"({})", "", "Resource"},
      {R"("queue:undo")", "", "object"},
      {R"({"Resource":"queue:undo","Catch":[]})", "/Catch", "no field \"Catch\""},
      {R"({"Resource":"queue:undo","Next":"A"})", "/Next", "no field \"Next\""},
      {R"({"Resource":"queue:undo","Retries":[]})", "/Retries", "no field \"Retries\""},
      {R"({"Resource":"queue:undo","Arguments":{}})", "/Arguments", "JSONata"},
      {R"({"Resource":"nothing"})", "/Resource", "nothing"},
      {R"({"Resource":"queue:undo","Retry":[{}]})", "/Retry/0", "ErrorEquals"},
      {R"({"Resource":"queue:undo","TimeoutSeconds":0})", "/TimeoutSeconds", "1"},
  };
  for (const Row& row : rows)
    check_refused(with_compensation(row.fields), fmt::format("/States/A/Compensate{}", row.pointer),
                  row.what);
  check_refused(only(R"({"Type":"Pass","End":true,"Compensate":{"Resource":"queue:u"}})"),
                "/States/A/Compensate", "belongs to Task");
  check_refused(fmt::format(R"({{"StartAt":"A.Compensate","States":{{"A":{},
                  "A.Compensate":{{"Type":"Pass","Next":"A"}}}}}})",
                            undone),
                "/States/A.Compensate", "belongs to what undoes");
}

TEST_CASE("OnFailure says what follows a failure, and HoldSeconds for how long a run is held") {
  const auto of = [](std::string_view top) { return check_accepted(only(undone, top)); };
  CHECK(of(R"("OnFailure":"Fail")")->on_failure == OnFailure::fail);
  const auto held = of(R"("OnFailure":"Hold","HoldSeconds":60)");
  CHECK(held->on_failure == OnFailure::hold);
  CHECK(held->hold_s == 60);
  CHECK(check_accepted(plain(R"("OnFailure":"Hold")"))->on_failure == OnFailure::hold);
  check_refused(plain(R"("OnFailure":"Explode")"), "/OnFailure", "Explode");
  check_refused(plain(R"("HoldSeconds":60)"), "/HoldSeconds", "needs \"OnFailure\"");
  check_refused(plain(R"("OnFailure":"Hold","HoldSeconds":60)"), "/HoldSeconds",
                "no state has a \"Compensate\"");
  check_refused(plain(R"("OnFailure":"Hold","HoldSeconds":0)"), "/HoldSeconds", "1");
  check_warned(plain(R"("OnFailure":"Compensate")"), "/OnFailure", "nothing to undo");
}

}  // namespace sluice::workflows::testing
