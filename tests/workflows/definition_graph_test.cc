// The graph of states: what is refused about it, and how it is drawn.
#include "workflows/graph.h"

#include "definition_support.h"
#include "workflows/condition_text.h"

namespace sluice::workflows::testing {
namespace {

TEST_CASE("a state that nothing leads to is refused") {
  check_refused(R"({"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}}})",
                "/States/B", "\"B\" cannot be reached");
  // One that only leads to itself, or from an unreachable one, is no better.
  const auto problems = problems_of(R"({"StartAt":"A","States":{"A":{"Type":"Succeed"},
      "B":{"Type":"Pass","Next":"B"},"C":{"Type":"Pass","Next":"A"}}})");
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].pointer == "/States/B");
  CHECK(problems[1].pointer == "/States/C");
}

TEST_CASE("Next, Default, a choice and a Catch each make a state reachable") {
  check_accepted(R"({"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"queue:a","Catch":[{"ErrorEquals":["E"],"Next":"D"}],"Next":"B"},
    "B":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"C"}],"Default":"A"},
    "C":{"Type":"Succeed"},"D":{"Type":"Fail"}}})");
}

TEST_CASE("a mistyped transition is one problem, not also an unreachable state") {
  check_refused(
      R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"Bil"},"Bill":{"Type":"Succeed"}}})",
      "/States/A/Next", "did you mean \"Bill\"?");
  check_refused(
      R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"Elsewhere"},"Bill":{"Type":"Succeed"}}})",
      "/States/A/Next", "no state \"Elsewhere\"");
  // With a near name for the one, the other is still known to be unreachable.
  const auto problems = problems_of(R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"Bil"},
      "Bill":{"Type":"Succeed"},"Other":{"Type":"Succeed"}}})");
  REQUIRE(problems.size() == 2);
  CHECK(problems[1].pointer == "/States/Other");
}

TEST_CASE("a mistyped StartAt is taken as meant, so that the rest is judged as well") {
  const auto problems = problems_of(
      R"({"StartAt":"Fist","States":{"First":{"Type":"Succeed"},"Other":{"Type":"Succeed"}}})");
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].pointer == "/StartAt");
  CHECK(problems[1].pointer == "/States/Other");
}

TEST_CASE("where no name is near, the few that there are get named") {
  check_refused(
      R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"Elsewhere"},"Bill":{"Type":"Succeed"}}})",
      "/States/A/Next", "no state \"Elsewhere\"; expected \"A\" or \"Bill\"");
}

TEST_CASE("a definition that cannot end is refused, a part that cannot is warned of") {
  check_refused(
      R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}})",
      "/States", "no end can be reached");
  check_warned(R"({"StartAt":"A","States":{
    "A":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Loop"}],"Default":"Z"},
    "Loop":{"Type":"Pass","Next":"Loop"},"Z":{"Type":"Succeed"}}})",
               "/States/Loop", "no end can be reached");
}

TEST_CASE("a loop of ten thousand states is judged without recursion") {
  std::string text = R"({"StartAt":"s0","States":{"s0":{"Type":"Pass","Next":"s1"})";
  for (int i = 1; i < 10'000; ++i) {
    text += fmt::format(R"(,"s{}":{{"Type":"Pass","Next":"s{}"}})", i, i + 1);
  }
  check_accepted(text + R"(,"s10000":{"Type":"Succeed"}}})");
}

constexpr std::string_view orders = R"({"StartAt":"Pay","Comment":"Orders","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Big?",
           "Catch":[{"ErrorEquals":["Declined","Fraud"],"Next":"Stop"}]},
    "Big?":{"Type":"Choice","Choices":[{"Variable":"$.total","NumericGreaterThan":100,"Next":"Rest"}],"Default":"Done"},
    "Rest":{"Type":"Wait","Seconds":1,"Next":"Note"},
    "Note":{"Type":"Pass","End":true},
    "Done":{"Type":"Succeed"},
    "Stop":{"Type":"Fail"}}})";

TEST_CASE("a graph has a node for each state and an edge for each way on") {
  const Graph graph = graph_of(*check_accepted(orders));
  CHECK(to_text(to_json(graph)) ==
        R"({"comment":"Orders","start":"Pay","nodes":[)"
        R"({"name":"Pay","type":"Task","pointer":"/States/Pay","queue":"pay","start":true},)"
        R"({"name":"Big?","type":"Choice","pointer":"/States/Big?"},)"
        R"({"name":"Rest","type":"Wait","pointer":"/States/Rest"},)"
        R"({"name":"Note","type":"Pass","pointer":"/States/Note","end":true},)"
        R"({"name":"Done","type":"Succeed","pointer":"/States/Done","end":true},)"
        R"({"name":"Stop","type":"Fail","pointer":"/States/Stop","end":true}],"edges":[)"
        R"({"from":"Pay","to":"Big?","kind":"next"},)"
        R"({"from":"Pay","to":"Stop","kind":"catch","label":"Declined, Fraud"},)"
        R"({"from":"Big?","to":"Rest","kind":"choice","label":"$.total > 100"},)"
        R"({"from":"Big?","to":"Done","kind":"default"},)"
        R"({"from":"Rest","to":"Note","kind":"next"}]})");
}

TEST_CASE("a graph is drawn for Mermaid") {
  CHECK(to_mermaid(graph_of(*check_accepted(orders))) == R"(flowchart TD
  start((" ")) --> s0
  s0["Pay"]
  s1{"Big?"}
  s2[/"Rest"/]
  s3("Note")
  s4(["Done"])
  s5(["Stop"])
  s0 --> s1
  s0 -.->|"Declined, Fraud"| s5
  s1 -->|"#36;.total #62; 100"| s2
  s1 -->|"default"| s4
  s2 --> s3
  s3 --> finish
  s4 --> finish
  s5 --> finish
  finish(((" ")))
)");
}

TEST_CASE("a graph is drawn for Graphviz") {
  CHECK(to_dot(graph_of(*check_accepted(orders))) == R"(digraph workflow {
  rankdir=TB;
  node [fontname="sans-serif"];
  edge [fontname="sans-serif"];
  start [shape=point];
  s0 [shape=box, label="Pay"];
  s1 [shape=diamond, label="Big?"];
  s2 [shape=parallelogram, label="Rest"];
  s3 [shape=ellipse, label="Note", peripheries=2];
  s4 [shape=ellipse, label="Done", peripheries=2];
  s5 [shape=octagon, label="Stop", peripheries=2];
  start -> s0;
  s0 -> s1;
  s0 -> s5 [label="Declined, Fraud", style=dashed];
  s1 -> s2 [label="$.total > 100"];
  s1 -> s4 [label="default"];
  s2 -> s3;
}
)");
}

TEST_CASE("no name can break out of a drawing") {
  const auto machine = check_accepted(
      R"({"StartAt":"a\"];\nclick <b>#;`|\\","States":{"a\"];\nclick <b>#;`|\\":{"Type":"Succeed"}}})");
  const Graph graph = graph_of(*machine);
  CHECK(to_mermaid(graph).find(R"(  s0(["a#34;]#59; click #60;b#62;#35;#59;#96;#124;#92;"]))") !=
        std::string::npos);
  CHECK(to_dot(graph).find(R"(label="a\"]; click <b>#;`|\\")") != std::string::npos);
}

TEST_CASE("a long label is cut between characters") {
  std::string name;
  for (int i = 0; i < 79; ++i) name += "ü";
  const auto machine = check_accepted(
      fmt::format(R"({{"StartAt":"x{0}","States":{{"x{0}":{{"Type":"Succeed"}}}}}})", name));
  // 60 bytes: the "x", 29 whole characters, and no half of the thirtieth.
  CHECK(to_dot(graph_of(*machine)).find("label=\"x" + name.substr(0, 58) + "…\"") !=
        std::string::npos);
}

TEST_CASE("conditions read as a person would say them") {
  const auto text = [](std::string_view rule) { return condition_text(*parse_json(rule)); };
  CHECK(text(R"({"Variable":"$.s","StringEquals":"a \"b\"","Next":"X"})") == R"($.s == "a \"b\"")");
  CHECK(text(R"({"Variable":"$.s","StringMatches":"log-*","Next":"X"})") ==
        R"($.s matches "log-*")");
  CHECK(text(R"({"Variable":"$.n","NumericLessThanEquals":3,"Next":"X"})") == "$.n <= 3");
  CHECK(text(R"({"Variable":"$.n","NumericGreaterThanEqualsPath":"$.m","Next":"X"})") ==
        "$.n >= $.m");
  CHECK(text(R"({"Variable":"$.t","TimestampLessThan":"2026-01-01T00:00:00Z","Next":"X"})") ==
        R"($.t < "2026-01-01T00:00:00Z")");
  CHECK(text(R"({"Variable":"$.b","BooleanEquals":true,"Next":"X"})") == "$.b == true");
  CHECK(text(R"({"Variable":"$.x","IsPresent":false,"Next":"X"})") == "$.x is not present");
  CHECK(text(R"({"Variable":"$.x","IsTimestamp":true,"Next":"X"})") == "$.x is a timestamp");
  CHECK(text(R"({"Not":{"Variable":"$.x","IsNull":true},"Comment":"c","Next":"X"})") ==
        "not ($.x is null)");
  CHECK(text(R"({"And":[{"Variable":"$.a","IsNull":true},{"Or":[{"Variable":"$.b","IsNull":true},
      {"Not":{"Variable":"$.c","IsNull":true}}]}],"Next":"X"})") ==
        "$.a is null and ($.b is null or not ($.c is null))");
}

}  // namespace
}  // namespace sluice::workflows::testing
