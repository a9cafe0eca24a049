#include "workflows/choice.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

namespace sluice::workflows {
namespace {

Json json(std::string_view text) {
  auto parsed = parse_json(text, {.depth_max = 1'000});
  REQUIRE_MESSAGE(parsed, text);
  return *std::move(parsed);
}

Result<ChoiceRule> parse(const Json& rule) {
  return parse_choice_rule(rule, "/Choices/0", QueryLanguage::jsonpath,
                           [](std::string_view name, std::string_view pointer, auto& problems) {
                             if (name == "Next") return StateIndex{3};
                             problems.push_back({std::string(pointer), "no state"});
                             return no_state;
                           });
}

Evaluated<bool> holds(std::string_view test, std::string_view input) {
  Json rule = json(test);
  rule["Next"] = "Next";
  const auto parsed = parse(rule);
  REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().problems[0].detail));
  const Json document = json(input), context = json(R"({"State":{"Name":"Pay"}})");
  return parsed->holds({&document, &context});
}

TEST_CASE("every fault of a choice rule is told at once, each with its place") {
  const auto parsed =
      parse(json(R"({"Or":[{"Variable":"x","StringEquals":1},{"Not":{"IsNull":true,"Next":"A"}},
      {"And":[]},{"Variable":"$.a"},{"Variable":"$.a","NumericEqual":1},
      {"Variable":"$.a","TimestampEquals":"noon"},7,{"Variable":"$.a","IsNull":true,"IsString":true}],
      "Next":"Nowhere"})"));
  REQUIRE_FALSE(parsed);
  std::vector<std::string> found;
  for (const Problem& problem : parsed.error().problems)
    found.push_back(problem.pointer + " " + problem.detail);
  const auto told = [&](const char* pointer, const char* detail) {
    for (const auto& each : found)
      if (each.starts_with(std::string(pointer) + " ") && each.find(detail) != std::string::npos)
        return true;
    return false;
  };
  CHECK(told("/Choices/0/Or/0/Variable", "is not a path"));
  CHECK(told("/Choices/0/Or/0/StringEquals", "takes a string, found 1"));
  CHECK(told("/Choices/0/Or/1/Not", "needs a Variable"));
  CHECK(told("/Choices/0/Or/1/Not/Next", "outermost rule only"));
  CHECK(told("/Choices/0/Or/2/And", "at least one"));
  CHECK(told("/Choices/0/Or/3", "tests nothing"));
  CHECK(told("/Choices/0/Or/4/NumericEqual", "did you mean \"NumericEquals\"?"));
  CHECK(told("/Choices/0/Or/5/TimestampEquals", "timestamp"));
  CHECK(told("/Choices/0/Or/6", "expected a choice rule"));
  CHECK(told("/Choices/0/Or/7", "more than one test"));
  CHECK(told("/Choices/0/Next", "no state"));
}

TEST_CASE("a rule needs a Next, and And, Or and Not nest within a bound") {
  CHECK_FALSE(parse(json(R"({"Variable":"$.a","IsNull":true})")));
  CHECK_FALSE(parse(json(R"({"Variable":"$.a","IsNull":true,"Next":1})")));
  CHECK_FALSE(
      parse(json(R"({"Variable":"$.a","Not":{"Variable":"$.a","IsNull":true},"Next":"Next"})")));
  CHECK_FALSE(parse(json("[]")));
  Json rule = json(R"({"Variable":"$.a","IsNull":true})");
  for (int i = 0; i < 63; ++i) rule = Json{{"Not", rule}};
  rule["Next"] = "Next";
  CHECK(parse(rule));
  rule.erase("Next");
  rule = Json{{"Not", rule}};
  rule["Next"] = "Next";
  CHECK_FALSE(parse(rule));
}

TEST_CASE("each comparison holds for what it names, and is false for another type") {
  struct Row {
    const char* test;  // name and value of the comparison of $.v
    const char* value;
    bool holds;
  };
  for (const auto& [test, value, expected] : {
           Row{R"("StringEquals":"a")", R"("a")", true},
           Row{R"("StringEquals":"a")", R"("A")", false},
           Row{R"("StringEquals":"1")", "1", false},
           Row{R"("StringEquals":"null")", "null", false},
           Row{R"("StringLessThan":"b")", R"("a")", true},
           Row{R"("StringLessThan":"b")", R"("b")", false},
           Row{R"("StringGreaterThan":"a")", R"("b")", true},
           Row{R"("StringLessThanEquals":"b")", R"("b")", true},
           Row{R"("StringGreaterThanEquals":"b")", R"("a")", false},
           Row{R"("StringGreaterThanEquals":"b")", "7", false},
           Row{R"("NumericEquals":0)", "0.0", true},
           Row{R"("NumericEquals":0)", "-0.0", true},
           Row{R"("NumericEquals":1)", R"("1")", false},
           Row{R"("NumericEquals":1)", "true", false},
           Row{R"("NumericLessThan":10)", "9.99", true},
           Row{R"("NumericLessThan":10)", "10", false},
           Row{R"("NumericGreaterThan":10)", "10.01", true},
           Row{R"("NumericLessThanEquals":10)", "10", true},
           Row{R"("NumericGreaterThanEquals":10)", "9", false},
           Row{R"("BooleanEquals":true)", "true", true},
           Row{R"("BooleanEquals":true)", "false", false},
           Row{R"("BooleanEquals":true)", R"("true")", false},
           Row{R"("TimestampEquals":"2026-01-01T00:00:00Z")", R"("2026-01-01T01:00:00+01:00")",
               true},
           Row{R"("TimestampLessThan":"2026-01-01T00:00:00Z")", R"("2025-12-31T23:59:59.999Z")",
               true},
           Row{R"("TimestampGreaterThan":"2026-01-01T00:00:00Z")", R"("2026-01-01T00:00:00Z")",
               false},
           Row{R"("TimestampGreaterThanEquals":"2026-01-01T00:00:00Z")",
               R"("2026-01-01T00:00:00Z")", true},
           Row{R"("TimestampLessThanEquals":"2026-01-01T00:00:00Z")", R"("yesterday")", false},
           Row{R"("StringMatches":"log-*.txt")", R"("log-1.txt")", true},
           Row{R"("StringMatches":"log-*.txt")", R"("log-1.txt.gz")", false},
           Row{R"("StringMatches":"*")", "5", false},
           Row{R"("IsNull":true)", "null", true},
           Row{R"("IsNull":false)", "0", true},
           Row{R"("IsNull":false)", "null", false},
           Row{R"("IsPresent":true)", "null", true},
           Row{R"("IsPresent":false)", "null", false},
           Row{R"("IsNumeric":true)", "1.5", true},
           Row{R"("IsNumeric":false)", R"("1.5")", true},
           Row{R"("IsString":true)", R"("")", true},
           Row{R"("IsString":true)", "[]", false},
           Row{R"("IsBoolean":true)", "false", true},
           Row{R"("IsTimestamp":true)", R"("2026-01-31T00:00:00Z")", true},
           Row{R"("IsTimestamp":true)", R"("2026-02-30T00:00:00Z")", false},
           Row{R"("IsTimestamp":true)", R"("2026-01-31 00:00:00Z")", false},
           Row{R"("IsTimestamp":false)", "1", true},
       }) {
    CAPTURE(test);
    CAPTURE(value);
    const auto result =
        holds(fmt::format(R"({{"Variable":"$.v",{}}})", test), fmt::format(R"({{"v":{}}})", value));
    REQUIRE(result);
    CHECK(*result == expected);
  }
}

TEST_CASE("the Path forms compare with what a path selects") {
  CHECK(*holds(R"({"Variable":"$.a","NumericLessThanPath":"$.b"})", R"({"a":1,"b":2})"));
  CHECK_FALSE(*holds(R"({"Variable":"$.a","NumericLessThanPath":"$.b"})", R"({"a":1,"b":"2"})"));
  CHECK(*holds(R"({"Variable":"$$.State.Name","StringEqualsPath":"$.a"})", R"({"a":"Pay"})"));
  CHECK(*holds(R"({"Variable":"$.a","BooleanEqualsPath":"$.b"})", R"({"a":false,"b":false})"));
  CHECK(*holds(R"({"Variable":"$.a","TimestampGreaterThanPath":"$.b"})",
               R"({"a":"2026-01-02T00:00:00Z","b":"2026-01-01T00:00:00Z"})"));
  CHECK_FALSE(parse(json(R"({"Variable":"$.a","StringMatchesPath":"$.b","Next":"Next"})")));
  CHECK_FALSE(parse(json(R"({"Variable":"$.a","IsNullPath":"$.b","Next":"Next"})")));
}

TEST_CASE("a path that selects nothing is States.Runtime for all but IsPresent") {
  for (const char* test :
       {R"({"Variable":"$.gone","StringEquals":"a"})", R"({"Variable":"$.gone","IsNull":true})",
        R"({"Variable":"$.gone","IsString":false})",
        R"({"Variable":"$.a","NumericEqualsPath":"$.gone"})",
        R"({"Not":{"Variable":"$.gone","IsNull":true}})"}) {
    CAPTURE(test);
    const auto result = holds(test, R"({"a":1})");
    REQUIRE_FALSE(result);
    CHECK(result.failure().error == "States.Runtime");
    CHECK(result.failure().cause ==
          "Invalid path '$.gone': The choice state's condition path references an invalid value.");
  }
  CHECK_FALSE(*holds(R"({"Variable":"$.gone.deeper","IsPresent":true})", "{}"));
  CHECK(*holds(R"({"Variable":"$.gone","IsPresent":false})", "{}"));
}

TEST_CASE("And, Or and Not join tests, and stop where the outcome is known") {
  CHECK(*holds(
      R"({"And":[{"Variable":"$.a","IsPresent":true},{"Variable":"$.a","NumericEquals":1}]})",
      R"({"a":1})"));
  CHECK_FALSE(*holds(
      R"({"And":[{"Variable":"$.a","IsPresent":true},{"Variable":"$.a","NumericEquals":1}]})",
      "{}"));
  CHECK(*holds(
      R"({"Or":[{"Variable":"$.a","IsPresent":false},{"Variable":"$.a","NumericEquals":1}]})",
      "{}"));
  CHECK(*holds(R"({"Not":{"Variable":"$.a","NumericEquals":1}})", R"({"a":2})"));
  CHECK_FALSE(*holds(R"({"Or":[{"Not":{"Variable":"$.a","IsPresent":true}}]})", R"({"a":2})"));
}

TEST_CASE("a pattern's star stands for any run of characters, and can be escaped") {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const auto& [pattern, text, matches] : {
           Row{"", "", true},
           Row{"", "a", false},
           Row{"*", "", true},
           Row{"*", "abc", true},
           Row{"a*c", "abbc", true},
           Row{"a*c", "abbd", false},
           Row{"*b*", "abc", true},
           Row{"a*b*c", "aXbYbZc", true},
           Row{"**a", "bba", true},
           Row{"ab", "abc", false},
           Row{"abc", "ab", false},
           Row{"\\*", "*", true},
           Row{"\\*", "x", false},
           Row{"a\\*b", "a*b", true},
           Row{"\\\\", "\\", true},
           Row{"\\n", "\\n", true},
           Row{"*.json", "a.json.json", true},
           Row{"a\\", "a\\", true},
           Row{"?", "a", false},
       }) {
    CAPTURE(pattern);
    CAPTURE(text);
    CHECK(string_matches(pattern, text) == matches);
  }
  std::string stars;
  for (int i = 0; i < 50; ++i) stars += "a*";
  CHECK_FALSE(string_matches(stars + "b", std::string(20'000, 'a')));
}

}  // namespace
}  // namespace sluice::workflows
