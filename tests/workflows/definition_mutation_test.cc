// Whatever is done to a definition, the compiler answers: accepted and drawable, or refused with
// reasons.
#include <random>

#include "definition_support.h"
#include "workflows/graph.h"

namespace sluice::workflows::testing {
namespace {

constexpr std::string_view sample =
    R"json({"StartAt":"Pay","Comment":"Bestellung über Ä","TimeoutSeconds":60,"Version":"1.0",
  "Queues":{"pay":{"LeaseSeconds":30,"MaxDeliveries":5,"Delivery":"AtLeastOnce"}},"MaxTransitions":100,
  "States":{
    "Pay":{"Type":"Task","Resource":"queue:pay.waitForTaskToken","Next":"Big?","TimeoutSeconds":60,
      "HeartbeatSecondsPath":"$.h","Priority":3,"Headers":{"region":"eu"},
      "Parameters":{"token.$":"$$.Task.Token","n":{"x.$":"States.Format('{} of {}', $.a, $.b[0])"}},
      "ResultSelector":{"id.$":"$.id"},"ResultPath":"$.paid",
      "Retry":[{"ErrorEquals":["A","B"],"IntervalSeconds":1,"MaxAttempts":2,"BackoffRate":1.5,
        "MaxDelaySeconds":60,"JitterStrategy":"FULL"},{"ErrorEquals":["States.ALL"]}],
      "Catch":[{"ErrorEquals":["Declined"],"Next":"Stop","ResultPath":null}]},
    "Big?":{"Type":"Choice","Choices":[
      {"And":[{"Variable":"$.total","NumericGreaterThan":100},
              {"Not":{"Variable":"$.s","StringMatches":"a*"}}],"Next":"Rest"},
      {"Variable":"$.t","TimestampLessThan":"2026-01-01T00:00:00Z","Next":"Call"}],"Default":"Done"},
    "Rest":{"Type":"Wait","Seconds":1,"Next":"Until"},
    "Until":{"Type":"Wait","TimestampPath":"$.at","Next":"Note"},
    "Note":{"Type":"Pass","Result":{"a":[1,2,{"b":null}]},"InputPath":"$.x","OutputPath":null,"End":true},
    "Call":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
            "Parameters":{"FunctionName":"f:1","Payload.$":"$"},"End":true},
    "Done":{"Type":"Succeed"},
    "Stop":{"Type":"Fail","ErrorPath":"$.e","CausePath":"States.Format('{}', $.c)"}}})json";

// Every answer is whole: its reasons are text that can be sent, its places are pointers.
void check_answer(const std::string& text) {
  const auto compiled = compile(text);
  if (compiled) {
    const Graph graph = graph_of(*compiled->machine);
    REQUIRE_NOTHROW((void)to_json(graph).dump());
    REQUIRE_NOTHROW((void)Json(to_mermaid(graph)).dump());
    REQUIRE_NOTHROW((void)Json(to_dot(graph)).dump());
    REQUIRE(compile(canonical_text(text)).has_value());
    for (const Problem& each : compiled->warnings) REQUIRE_NOTHROW((void)Json(each.detail).dump());
    return;
  }
  const Error& error = compiled.error();
  const bool named = error.code == Errc::bad_json || error.code == Errc::invalid_definition;
  REQUIRE(named);
  if (error.code == Errc::invalid_definition) REQUIRE_FALSE(error.problems.empty());
  REQUIRE_NOTHROW((void)Json(error.detail).dump());
  for (const Problem& each : error.problems) {
    const bool is_pointer = each.pointer.empty() || each.pointer.starts_with('/');
    REQUIRE(is_pointer);
    REQUIRE_FALSE(each.detail.empty());
    REQUIRE_NOTHROW((void)Json(each.detail).dump());
    REQUIRE_NOTHROW((void)Json(each.pointer).dump());
  }
}

std::size_t below(std::mt19937_64& chance, std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(chance);
}

TEST_CASE("the sample that is mutated is itself valid") { check_accepted(sample); }

TEST_CASE("no change of bytes makes the compiler fail to answer") {
  std::mt19937_64 chance(20260131);
  for (int round = 0; round < 4'000; ++round) {
    std::string text(sample);
    for (std::size_t changes = 1 + below(chance, 4); changes > 0; --changes) {
      const std::size_t at = below(chance, text.size());
      const std::size_t size = std::min(1 + below(chance, 20), text.size() - at);
      switch (below(chance, 4)) {
        case 0:
          text[at] = static_cast<char>(below(chance, 256));
          break;
        case 1:
          text.erase(at, size);
          break;
        case 2:
          text.insert(at, text.substr(below(chance, text.size()), size));
          break;
        default:
          text[at] = "{}[]\",:$.*0"[below(chance, 11)];
          break;
      }
      if (text.empty()) text = " ";
    }
    CAPTURE(round);
    CAPTURE(text);
    check_answer(text);
  }
}

// One node of the document, any depth, chosen evenly.
Json* any_node(std::mt19937_64& chance, Json& root) {
  std::vector<Json*> open{&root}, all;
  while (!open.empty()) {
    Json* node = open.back();
    open.pop_back();
    all.push_back(node);
    if (node->is_structured()) {
      for (Json& each : *node) open.push_back(&each);
    }
  }
  return all[below(chance, all.size())];
}

TEST_CASE("no change of the tree makes the compiler fail to answer") {
  const Json values = *parse_json(
      R"([null,true,false,0,-1,3.5,1e300,-9223372036854775808,18446744073709551615,"","$","$$","$.a[*]","Pay","States.ALL",
          "Übermäßig lange Zeichenkette: äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü","a b",[],{},
          ["States.ALL","E"],[[]],[{}],{"Type":"Task"},{"x":1,"x.$":"$.x"},{"And":[{"Or":[]}]},{"Next":7}])");
  std::mt19937_64 chance(20260201);
  const Json whole = *parse_json(sample);
  for (int round = 0; round < 4'000; ++round) {
    Json root = whole;
    for (std::size_t changes = 1 + below(chance, 3); changes > 0; --changes) {
      Json* node = any_node(chance, root);
      const Json other =
          below(chance, 2) == 0 ? *any_node(chance, root) : values[below(chance, values.size())];
      if (node->is_object() && !node->empty() && below(chance, 2) == 0) {
        const auto member =
            std::next(node->begin(), static_cast<std::ptrdiff_t>(below(chance, node->size())));
        const std::string key = member.key();
        const Json value = member.value();
        node->erase(key);
        if (below(chance, 2) == 0) (*node)[key + "x"] = value;
      } else {
        *node = other;
      }
    }
    const std::string text = to_text(root);
    CAPTURE(round);
    CAPTURE(text);
    check_answer(text);
  }
}

}  // namespace
}  // namespace sluice::workflows::testing
