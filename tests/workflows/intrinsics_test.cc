#include <doctest/doctest.h>

#include <set>

#include "workflows/template.h"

namespace sluice::workflows {
namespace {

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed, text);
  return *std::move(parsed);
}

Evaluated<Json> call(std::string_view text, const Json& input, std::uint64_t seed = 1) {
  const auto expression = Expression::parse(text);
  REQUIRE_MESSAGE(expression, (expression ? std::string(text) : expression.error().detail));
  Random chance(seed);
  return expression->evaluate({&input, &input}, chance, "field.$");
}

TEST_CASE("what is no call is refused when it is read") {
  struct Row {
    const char* text;
    const char* says;
  };
  for (const auto& [text, says] : {
           Row{"", "neither a path"},
           Row{"plain", "neither a path"},
           Row{"States.Nope()", "there is no function States.Nope"},
           Row{"States.format('x')", "there is no function States.format"},
           Row{"States.UUID", "expected '('"},
           Row{"States.UUID(", "expected"},
           Row{"States.UUID() x", "expected the end"},
           Row{"States.UUID(1)", "takes 0 arguments, not 1"},
           Row{"States.ArrayLength()", "takes 1 argument, not 0"},
           Row{"States.MathRandom(1)", "takes 2 to 3 arguments, not 1"},
           Row{"States.Format()", "takes at least 1 arguments, not 0"},
           Row{"States.Format('x)", "a closing '"},
           Row{"States.Format('x' 'y')", "expected ',' or ')'"},
           Row{"States.Format(\"x\")", "expected a 'string'"},
           Row{"States.Array(1,)", "expected a 'string'"},
           Row{"States.Array(nope)", "expected a 'string'"},
           Row{"States.Array($.a[)", "the path"},
           Row{"States.Array($states.input)", "belongs to JSONata"},
       }) {
    CAPTURE(text);
    const auto parsed = Expression::parse(text);
    REQUIRE_FALSE(parsed);
    CAPTURE(parsed.error().detail);
    CHECK(parsed.error().detail.find(says) != std::string::npos);
  }
}

TEST_CASE("calls nest ten deep and no deeper") {
  const auto nested = [](int depth) {
    std::string text = "1";
    for (int i = 0; i < depth; ++i) text = "States.Array(" + text + ")";
    return text;
  };
  CHECK(Expression::parse(nested(10)));
  CHECK_FALSE(Expression::parse(nested(11)));
  CHECK_FALSE(Expression::parse(nested(50'000)));
}

TEST_CASE("functions refuse arguments that they cannot take") {
  const Json input =
      json(R"({"s":"text","n":3,"list":[1,2],"long":")" + std::string(10'001, 'x') + R"("})");
  for (const char* text : {
           "States.Format('{} {}', 1)",
           "States.Format('none', 1)",
           "States.Format($.n)",
           "States.StringToJson($.n)",
           "States.StringToJson('{')",
           "States.StringToJson('[1')",
           "States.ArrayPartition($.s, 1)",
           "States.ArrayPartition($.list, 0)",
           "States.ArrayPartition($.list, -1)",
           "States.ArrayPartition($.list, 'a')",
           "States.ArrayContains($.s, 1)",
           "States.ArrayRange(1, 2, 0)",
           "States.ArrayRange(0, 1000, 1)",
           "States.ArrayRange('a', 2, 1)",
           "States.ArrayRange(-9000000000000000000, 9000000000000000000, 1)",
           "States.ArrayGetItem($.list, 2)",
           "States.ArrayGetItem($.list, -1)",
           "States.ArrayGetItem($.s, 0)",
           "States.ArrayLength($.s)",
           "States.ArrayUnique($.n)",
           "States.Base64Encode($.n)",
           "States.Base64Encode($.long)",
           "States.Base64Decode('a')",
           "States.Base64Decode('a===')",
           "States.Base64Decode('ab=c')",
           "States.Base64Decode('ab c')",
           "States.Base64Decode('/w==')",
           "States.Hash($.s, 'MD4')",
           "States.Hash($.s, 1)",
           "States.Hash($.long, 'MD5')",
           "States.JsonMerge($.s, $.s, false)",
           "States.JsonMerge($, $, true)",
           "States.JsonMerge($, $, 'false')",
           "States.MathRandom(2, 2)",
           "States.MathRandom('1', 2)",
           "States.MathRandom(1, 2, 'seed')",
           "States.MathAdd('1', 2)",
           "States.MathAdd(9223372036854775807, 1)",
           "States.MathAdd(1e300, 1)",
           "States.StringSplit($.n, ',')",
           "States.StringSplit($.s, $.n)",
       }) {
    CAPTURE(text);
    const auto value = call(text, input);
    REQUIRE_FALSE(value);
    CHECK(value.failure().error == "States.IntrinsicFailure");
    CHECK(value.failure().cause.starts_with("The function 'States."));
  }
}

TEST_CASE("a path argument that finds nothing is States.Runtime") {
  const auto value = call("States.ArrayLength($.gone)", json("{}"));
  REQUIRE_FALSE(value);
  CHECK(value.failure().error == "States.Runtime");
  CHECK(value.failure().cause ==
        "The function 'States.ArrayLength($.gone)' had the following error: The JsonPath argument "
        "for the field "
        "'$.gone' could not be found in the input '{}'");
}

TEST_CASE("functions give what the service gives") {
  struct Row {
    const char* text;
    const char* input;
    const char* value;
  };
  for (const auto& [text, input, value] : {
           Row{"States.Format('Hi {}, {}', $.a, 2)", R"({"a":"you"})", R"("Hi you, 2")"},
           Row{"States.Format('{}', $)", "null", R"("null")"},
           Row{"States.Format('{}', $)", "1.5", R"("1.5")"},
           Row{"States.Format('{}', $)", R"({"Arg1":1,"Arg2":[],"b":{"c":["x",true]}})",
               R"("{Arg1=1, Arg2=[], b={c=[x, true]}}")"},
           Row{"States.Format('\\{\\} \\' \\\\ {}{', 1)", "1", R"("{} ' \\ 1{")"},
           Row{"States.Format('a\\nb')", "1", R"("a\nb")"},
           Row{"States.Format($.t, 1)", R"({"t":"\\{} {} \\n"})", R"("{} 1 \\n")"},
           Row{"States.Format('{}', $.a['b c'][0])", R"({"a":{"b c":[7]}})", R"("7")"},
           Row{" States.Format( '{}' ,\n 1 ) ", "1", nullptr},
           Row{"States.Format( '{}' ,\n\t 1 )", "1", R"("1")"},
           Row{"States.StringToJson($)", R"("{\"a\":[1, 2]}")", R"({"a":[1,2]})"},
           Row{"States.StringToJson('')", "1", "null"},
           Row{"States.StringToJson('  ')", "1", "null"},
           Row{"States.StringToJson('-0')", "1", "0"},
           Row{"States.JsonToString($)", R"({"a": [1, 2.5, "x"]})", R"("{\"a\":[1,2.5,\"x\"]}")"},
           Row{"States.Array()", "1", "[]"},
           Row{"States.Array(1, 'a', true, null, $.x, States.Array(-2.5))", R"({"x":{}})",
               R"([1,"a",true,null,{},[-2.5]])"},
           Row{"States.ArrayPartition($, 2)", "[1,2,3]", "[[1,2],[3]]"},
           Row{"States.ArrayPartition($, 4)", "[1,2,3]", "[[1,2,3]]"},
           Row{"States.ArrayPartition($, 1)", "[]", "[]"},
           Row{"States.ArrayContains($.a, $.b)", R"({"a":[{"x":1,"y":2}],"b":{"y":2,"x":1.0}})",
               "true"},
           Row{"States.ArrayContains($, 'null')", "[null]", "false"},
           Row{"States.ArrayRange(1, 9, 3)", "1", "[1,4,7]"},
           Row{"States.ArrayRange(1, 9, 9)", "1", "[1]"},
           Row{"States.ArrayRange(3, 1, -1)", "1", "[3,2,1]"},
           Row{"States.ArrayRange(1, 3, -1)", "1", "[]"},
           Row{"States.ArrayRange(2, 2, -5)", "1", "[2]"},
           Row{"States.ArrayGetItem($, 1)", "[1,[2]]", "[2]"},
           Row{"States.ArrayLength($)", "[1,1]", "2"},
           Row{"States.ArrayUnique($)",
               R"([1,1.0,"1",[2],[2],{"a":1,"b":2},{"b":2,"a":1},null,null])",
               R"([1,"1",[2],{"a":1,"b":2},null])"},
           Row{"States.Base64Encode('Data to encode')", "1", R"("RGF0YSB0byBlbmNvZGU=")"},
           Row{"States.Base64Encode('')", "1", R"("")"},
           Row{"States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "1", R"("Data to encode")"},
           Row{"States.Base64Decode('RGF0YQ')", "1", R"("Data")"},
           Row{"States.Base64Decode('')", "1", R"("")"},
           Row{"States.Hash('input data', 'MD5')", "1", R"("812f45842bc6d66ee14572ce20db8e86")"},
           Row{"States.Hash('input data', 'SHA-1')", "1",
               R"("aaff4a450a104cd177d28d18d74485e8cae074b7")"},
           Row{"States.Hash('input data', 'SHA-256')", "1",
               R"("b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3")"},
           Row{"States.JsonMerge($.a, $.b, false)",
               R"({"a":{"x":1,"y":{"p":1}},"b":{"y":{"q":2},"z":3}})",
               R"({"x":1,"y":{"q":2},"z":3})"},
           Row{"States.MathAdd(1.49, 1.5)", "1", "3"},
           Row{"States.MathAdd(-1.5, 0)", "1", "-1"},
           Row{"States.MathAdd(-2.5, 0)", "1", "-2"},
           Row{"States.MathAdd(-0.5, 0.5)", "1", "1"},
           Row{"States.MathAdd(-1.51, -1)", "1", "-3"},
           Row{"States.StringSplit('This.is+a,test', '.+,')", "1", R"(["This","is","a","test"])"},
           Row{"States.StringSplit(',,,,', ',')", "1", "[]"},
           Row{"States.StringSplit('aäbäc', 'ä')", "1", R"(["a","b","c"])"},
           Row{"States.StringSplit('abc', '')", "1", R"(["abc"])"},
           Row{"States.StringSplit('a T\\nb', 'T\\n')", "1", R"(["a ","b"])"},
           Row{"States.ArrayGetItem(States.StringSplit($$.n, '-'), "
               "States.MathAdd(States.ArrayLength(States.StringSplit($$.n, '-')), -1))",
               R"({"n":"a-b-c"})", R"("c")"},
           Row{"States.ArrayLength($.a[?(@.x == ')')])", R"x({"a":[{"x":")"},{"x":1}]})x", "1"},
       }) {
    CAPTURE(text);
    if (value == nullptr) {
      CHECK_FALSE(Expression::parse(text));
      continue;
    }
    const auto result = call(text, json(input));
    REQUIRE_MESSAGE(result, (result ? "" : result.failure().cause));
    CHECK(to_text(*result) == value);
  }
}

TEST_CASE("chance comes from the seed alone") {
  const Json input = json("{}");
  CHECK(*call("States.UUID()", input, 7) == *call("States.UUID()", input, 7));
  CHECK(*call("States.UUID()", input, 7) != *call("States.UUID()", input, 8));
  const std::string uuid = *call("States.UUID()", input, 7);
  REQUIRE(uuid.size() == 36);
  CHECK(uuid[14] == '4');
  CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
  CHECK(*call("States.MathRandom(1, 1000000, 5)", input, 1) ==
        *call("States.MathRandom(1, 1000000, 5)", input, 2));
  std::set<int> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    seen.insert(call("States.MathRandom(-1, 2)", input, seed)->get<int>());
  CHECK(seen == std::set<int>{-1, 0, 1});
}

}  // namespace
}  // namespace sluice::workflows
