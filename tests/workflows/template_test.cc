#include "workflows/template.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace sluice::workflows {
namespace {

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed, text);
  return *std::move(parsed);
}

TEST_CASE("every fault of a template is told at once, each with its place") {
  const auto parsed = PayloadTemplate::parse(
      json(
          R"x({"a.$": 1, "b.$": "plain text", "c": 1, "c.$": "$.c", "d": [{"e/f.$": "$..."}], "g.$": "States.Nope()"})x"),
      "/States/S/Parameters");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Errc::invalid_definition);
  std::vector<std::string> places;
  for (const Problem& problem : parsed.error().problems) places.push_back(problem.pointer);
  CHECK(places == std::vector<std::string>{"/States/S/Parameters/a.$", "/States/S/Parameters/b.$",
                                           "/States/S/Parameters/c.$",
                                           "/States/S/Parameters/d/0/e~1f.$",
                                           "/States/S/Parameters/g.$"});
}

TEST_CASE("keys with .$ are computed at any depth, the rest is kept in order") {
  const auto form = PayloadTemplate::parse(
      json(
          R"x({"z.$":"$.x","fixed":{"y":[1,{"deep.$":"$$.State.Name"},"$.x"]},"all.$":"$","f.$":"States.MathAdd($.x, 1)"})x"),
      "");
  REQUIRE(form);
  CHECK_FALSE(form->constant());
  CHECK(form->needs().input);
  CHECK(form->needs().context);
  const Json input = json(R"({"x":5})"), context = json(R"({"State":{"Name":"Pay"}})");
  Random chance(1);
  const auto value = form->evaluate({&input, &context}, chance);
  REQUIRE(value);
  CHECK(to_text(*value) == R"({"z":5,"fixed":{"y":[1,{"deep":"Pay"},"$.x"]},"all":{"x":5},"f":6})");
}

TEST_CASE("a template that computes nothing needs no document") {
  const auto form =
      PayloadTemplate::parse(json(R"x({"a":"$.x","b":[{"c":"States.UUID()"}]})x"), "");
  REQUIRE(form);
  CHECK(form->constant());
  CHECK_FALSE(form->needs().input);
  Random chance(1);
  CHECK(to_text(*form->evaluate({}, chance)) == R"x({"a":"$.x","b":[{"c":"States.UUID()"}]})x");
}

TEST_CASE("a path that finds nothing is named with its field and the input") {
  const auto form = PayloadTemplate::parse(json(R"({"a":{"value.$":"$.gone"}})"), "");
  const Json input = json(R"({"here":1})");
  Random chance(1);
  const auto value = form->evaluate({&input, nullptr}, chance);
  REQUIRE_FALSE(value);
  CHECK(value.failure().error == "States.Runtime");
  CHECK(
      value.failure().cause ==
      R"(The JSONPath '$.gone' specified for the field 'value.$' could not be found in the input '{"here":1}')");
}

TEST_CASE("a cause quotes only the start of a large input, cut between characters") {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "ä";
  const std::string quoted = excerpt(Json(text), 100);
  CHECK(quoted.size() < 110);
  CHECK(quoted.ends_with("ä…"));
}

TEST_CASE("a template cannot make more than its bound of one evaluation") {
  Json form = Json::object();
  for (int i = 0; i < 300; ++i) form["copy" + std::to_string(i) + ".$"] = "$";
  Json input = Json::array();
  for (int i = 0; i < 10'000; ++i) input.push_back(i);
  Random chance(1);
  const auto value = PayloadTemplate::parse(form, "")->evaluate({&input, nullptr}, chance);
  REQUIRE_FALSE(value);
  CHECK(value.failure().cause.find("more than 1000000 steps") != std::string::npos);
}

TEST_CASE("nesting is measured without walking deeper than the limit") {
  CHECK_FALSE(nests_deeper(json("[[1]]"), 2));
  CHECK(nests_deeper(json("[1,[[1]]]"), 2));
  CHECK_FALSE(nests_deeper(Json(1), 0));
  CHECK(nests_deeper(json("{}"), 0));
}

}  // namespace
}  // namespace sluice::workflows
