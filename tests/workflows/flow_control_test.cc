// Gate, Lock and Counters of a definition: what is read, refused and warned about.
#include <doctest/doctest.h>

#include "workflows/workflow.h"

namespace sluice::workflows {
namespace {

// One Task with these fields, then Ship and Done.
std::string with(const std::string& fields, const std::string& language = "JSONPath") {
  return R"({"StartAt":"Before","QueryLanguage":")" + language + R"(","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Ship",)" +
         fields + R"(},
    "Ship":{"Type":"Task","Resource":"queue:ship","Next":"Done"},
    "Before":{"Type":"Pass","Next":"Pay"},
    "Done":{"Type":"Succeed"}}})";
}
const State& pay(const Compiled& compiled) {
  return compiled.machine->states[compiled.machine->find("Pay")];
}
// "pointer: detail" of the first problem at a place that ends so; "" if there is none.
std::string problem_at(const Result<Compiled>& result, const std::string& end) {
  if (result.has_value()) return "accepted";
  std::string all;
  for (const auto& p : result.error().problems) {
    if (p.pointer.ends_with(end)) return p.detail;
    all += p.pointer + ": " + p.detail + "\n";
  }
  return "none there, but:\n" + all;
}
bool has(const std::string& text, const std::string& part) {
  INFO(text);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}
std::vector<std::string> warnings(const Compiled& compiled, const std::string& end) {
  std::vector<std::string> found;
  for (const auto& w : compiled.warnings)
    if (w.pointer.ends_with(end)) found.push_back(w.detail);
  return found;
}

TEST_CASE("gates, locks and counters are read in both languages") {
  const auto path = compile(with(R"("Lock":{"Name.$":"$.customer","Permits":3,"HeldThrough":"Ship",
    "TimeoutSeconds":9},"Gate":{"Counter":"open","Below.$":"$.most"},
    "Counters":[{"Name":"open","On":"Enter","Add":1},{"Name":"open","On":"Failure","Add.$":"$.n"}])"));
  REQUIRE(path.has_value());
  const auto& flow = *pay(*path).flow;
  CHECK(std::holds_alternative<Value>(flow.lock->name));
  CHECK(std::get<std::int64_t>(flow.lock->permits) == 3);
  CHECK(flow.lock->through == path->machine->find("Ship"));
  CHECK(std::get<std::int64_t>(*flow.lock->timeout_s) == 9);
  CHECK(flow.gate->test == CounterTest::below);
  CHECK(std::holds_alternative<Value>(flow.gate->bound));
  REQUIRE(flow.counters.size() == 2);
  CHECK(flow.counters[0].on == CounterOn::enter);
  CHECK(flow.counters[1].on == CounterOn::failure);
  CHECK(path->machine->flow_controlled);
  const auto jsonata = compile(with(
      R"("Lock":{"Name":"{% $states.input.customer %}"},"Gate":{"Counter":"c","AtMost":"{% 3 %}"})",
      "JSONata"));
  REQUIRE(jsonata.has_value());
  CHECK(pay(*jsonata).flow->lock->through == jsonata->machine->find("Pay"));
  CHECK(std::holds_alternative<Value>(pay(*jsonata).flow->gate->bound));
}

TEST_CASE("what is wrong with a gate is said at its place") {
  const auto gate = [](const std::string& fields) {
    return compile(with(R"("Gate":{)" + fields + "}"));
  };
  has(problem_at(gate(R"("Below":3)"), "/Gate"), "\"Counter\" is missing");
  has(problem_at(gate(R"("Counter":"c")"), "/Gate"), "needs one of");
  has(problem_at(gate(R"("Counter":"c","Below":3,"Above":1)"), "/Gate"), "needs one of");
  has(problem_at(gate(R"("Counter":"","Below":3)"), "/Gate/Counter"), "1 to 255 bytes");
  has(problem_at(gate(R"("Counter":7,"Below":3)"), "/Gate/Counter"), "string");
  has(problem_at(gate(R"("Counter":"c","Below":"3")"), "/Gate/Below"), "Below");
  has(problem_at(gate(R"("Counter":"c","Bellow":3)"), "/Gate/Bellow"), "Below");
  has(problem_at(gate(R"("Counter":"c","Below":3,"TimeoutSeconds":0)"), "/Gate/TimeoutSeconds"),
      "TimeoutSeconds");
  has(problem_at(gate(R"("Counter":"stage:orders","Below":3)"), "/Gate/Counter"),
      "none of the service's counters");
  has(problem_at(gate(R"("Counter.$":"$[","Below":3)"), "/Gate/Counter.$"), "$");
  has(problem_at(gate(R"("Counter":"c","Counter.$":"$.c","Below":3)"), "/Gate/Counter.$"),
      "Counter");
  CHECK(gate(R"("Counter":"stage:orders/Pay.in_flight","Equals":0)").has_value());
  has(problem_at(compile(with(R"("Gate":[])")), "/Gate"), "object");
}

TEST_CASE("what is wrong with a lock is said at its place") {
  const auto lock = [](const std::string& fields) {
    return compile(with(R"("Lock":{)" + fields + "}"));
  };
  has(problem_at(lock(R"("Permits":3)"), "/Lock"), "\"Name\" is missing");
  has(problem_at(lock(R"("Name":"x","Permits":0)"), "/Lock/Permits"), "Permits");
  has(problem_at(lock(R"("Name":"x","HeldThrough":"Shipp")"), "/Lock/HeldThrough"),
      "did you mean \"Ship\"?");
  has(problem_at(lock(R"("Name":"x","HeldThrough":"Before")"), "/Lock/HeldThrough"),
      "cannot be reached");
  has(problem_at(lock(R"("Name":"x","Permits.$":"$.n","Permits":2)"), "/Lock/Permits.$"),
      "Permits");
  has(problem_at(compile(with(R"("Lock":{"Name.$":"$.x"})", "JSONata")), "/Lock/Name.$"),
      "JSONata");
  CHECK(lock(R"("Name":"x","HeldThrough":"Done")").has_value());
}

TEST_CASE("what is wrong with counters is said at its place") {
  const auto counters = [](const std::string& list) {
    return compile(with(R"("Counters":)" + list));
  };
  has(problem_at(counters("{}"), "/Counters"), "array");
  has(problem_at(counters("[3]"), "/Counters/0"), "object");
  has(problem_at(counters(R"([{"On":"Enter","Add":1}])"), "/Counters/0"), "\"Name\" is missing");
  has(problem_at(counters(R"([{"Name":"n","On":"Enter"}])"), "/Counters/0"), "\"Add\" is missing");
  has(problem_at(counters(R"([{"Name":"n","On":"Entry","Add":1}])"), "/Counters/0/On"), "Enter");
  has(problem_at(counters(R"([{"Name":"n","Add":1}])"), "/Counters/0"), "On");
  has(problem_at(counters(R"([{"Name":"stage:x","On":"Enter","Add":1}])"), "/Counters/0/Name"),
      "kept by the service");
  has(problem_at(counters(R"([{"Name":"n","On":"Enter","Add":1.5}])"), "/Counters/0/Add"), "Add");
}

TEST_CASE("they stand only where they can work") {
  const auto in = [](const std::string& state) {
    return compile(R"({"StartAt":"A","States":{"A":)" + state + R"(,"B":{"Type":"Succeed"}}})");
  };
  has(problem_at(
          in(R"({"Type":"Pass","Next":"B","Gate":{"Counter":"c","Below":1,"TimeoutSeconds":5}})"),
          "/Gate/TimeoutSeconds"),
      "a Pass state has no \"Catch\"");
  has(problem_at(
          in(R"({"Type":"Wait","Seconds":1,"Next":"B","Lock":{"Name":"x","TimeoutSeconds":5}})"),
          "/Lock/TimeoutSeconds"),
      "a Wait state has no \"Catch\"");
  has(problem_at(in(R"({"Type":"Succeed","Lock":{"Name":"x"}})"), "/Lock"), "belongs to");
  CHECK(
      in(R"({"Type":"Wait","Seconds":1,"Next":"B","Lock":{"Name":"x"},"Gate":{"Counter":"c","Below":1}})")
          .has_value());
}

TEST_CASE("what is legal but likely wrong is warned about") {
  const auto closed = compile(with(R"("Gate":{"Counter":"c","AtLeast":1})"));
  REQUIRE(closed.has_value());
  REQUIRE(warnings(*closed, "/Pay/Gate").size() == 1);
  has(warnings(*closed, "/Pay/Gate")[0], "nothing in this definition opens the gate");
  const auto opened = compile(
      with(R"("Gate":{"Counter":"c","AtLeast":1},"Counters":[{"Name":"c","On":"Exit","Add":1}])"));
  REQUIRE(opened.has_value());
  CHECK(warnings(*opened, "/Pay/Gate").empty());
  const auto under = compile(R"({"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"queue:a","Next":"B","Lock":{"Name":"x","HeldThrough":"C"}},
    "B":{"Type":"Task","Resource":"queue:b","Next":"C","Gate":{"Counter":"c","Below":1}},
    "C":{"Type":"Task","Resource":"queue:c","Next":"D"},
    "D":{"Type":"Task","Resource":"queue:d","End":true,"Gate":{"Counter":"c","Below":1}}}})");
  REQUIRE(under.has_value());
  REQUIRE(warnings(*under, "/B/Gate").size() == 1);
  has(warnings(*under, "/B/Gate")[0], "while it holds the lock of \"A\"");
  CHECK(warnings(*under, "/D/Gate").empty());
}

}  // namespace
}  // namespace sluice::workflows
