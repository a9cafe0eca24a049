#include "base/json.h"

#include <doctest/doctest.h>

#include "json_texts.h"

namespace sluice {
namespace {

Json parsed(std::string_view text) {
  auto result = parse_json(text);
  REQUIRE_MESSAGE(result.has_value(), std::string(text.substr(0, 80)));
  return *std::move(result);
}

}  // namespace

TEST_CASE("every JSON text is parsed to what nlohmann's own parser makes of it") {
  for (const auto& text : test::good_texts()) {
    INFO("text: ", text.substr(0, 80));
    const Json ours = parsed(text);
    const Json theirs = Json::parse(text);
    CHECK(ours.type() == theirs.type());
    CHECK(ours == theirs);
    CHECK(ours.dump() == theirs.dump());
  }
}

TEST_CASE("a text that is not JSON is refused with the place and what was expected there") {
  for (const auto& bad : test::bad_texts()) {
    INFO("text: ", bad.text.substr(0, 80));
    const auto result = parse_json(bad.text);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::bad_json);
    CHECK_MESSAGE(result.error().detail.find(bad.expected) != std::string::npos,
                  result.error().detail);
    CHECK(result.error().detail.find("line ") != std::string::npos);
    // The message itself can be sent as JSON.
    CHECK_NOTHROW((void)Json(result.error().detail).dump());
  }
}

TEST_CASE("columns count characters, lines count line feeds") {
  const auto result = parse_json("{\n  \"é€\": x}");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().detail == "not JSON: line 2, column 9: expected a JSON value, found 'x'");
}

TEST_CASE("nesting is allowed up to the limit and refused, with its pointer, one beyond it") {
  CHECK(parse_json(test::nested(256, "[", "", "]")).has_value());
  CHECK(parse_json("[[1]]", {.depth_max = 2}).has_value());
  CHECK(parse_json("1", {.depth_max = 0}).has_value());

  const auto result = parse_json(R"({"a/b":[0,{"~":[]}]})", {.depth_max = 3});
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Errc::invalid_argument);
  REQUIRE(result.error().problems.size() == 1);
  CHECK(result.error().problems[0].pointer == "/a~1b/1/~0");
  CHECK(result.error().problems[0].detail ==
        "expected at most 3 arrays and objects inside each other, found one more");

  CHECK_FALSE(parse_json(test::nested(257, "[", "", "]")).has_value());
  CHECK_FALSE(parse_json(test::nested(1'000'000, "[", "", "]")).has_value());
}

TEST_CASE("very deep text is parsed and its tree destroyed without recursion") {
  constexpr std::size_t depth = 200'000;
  for (const auto& text :
       {test::nested(depth, "[", "", "]"), test::nested(depth, "{\"a\":", "1", "}"),
        test::nested(depth, "[{\"a\":", "1", "}]")}) {
    auto result = parse_json(text, {.depth_max = 2 * depth});
    REQUIRE(result.has_value());
    std::size_t levels = 0;
    for (const Json* at = &*result; at->is_structured() && !at->empty(); ++levels)
      at = at->is_array() ? &at->front() : &at->begin().value();
    CHECK(levels >= depth - 1);
  }
}

TEST_CASE("every repeated name is reported at once, with its pointer and place") {
  const auto result = parse_json("{\"a\":1,\n\"b\":[{\"c\":1,\"\\u0063\":2}],\n\"a\":2,\"a\":3}");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Errc::invalid_argument);
  const auto& problems = result.error().problems;
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].pointer == "/b/0/c");
  CHECK(problems[1].pointer == "/a");
  CHECK(problems[2].pointer == "/a");
  CHECK(problems[1].detail ==
        "expected each name once in an object, found \"a\" again at line 3, column 1");
  CHECK(problems[2].detail.find("line 3, column 7") != std::string::npos);
}

TEST_CASE("of very many repeated names the first hundred are listed and all are counted") {
  std::string text = "{\"a\":0";
  for (int i = 0; i < 150; ++i) text += ",\"a\":0";
  const auto result = parse_json(text + "}");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().problems.size() == 100);
  CHECK(result.error().detail.find("150 names") != std::string::npos);
}

TEST_CASE("where repeated names are let through the last one counts, in the first one's place") {
  auto result = parse_json(R"({"a":1,"b":2,"a":3})", {.refuse_duplicate_keys = false});
  REQUIRE(result.has_value());
  CHECK(to_text(*result) == R"({"a":3,"b":2})");
}

TEST_CASE("the same name in two objects is no repetition") {
  CHECK(parse_json(R"([{"a":{"a":1}},{"a":2}])").has_value());
}

TEST_CASE("to_text is the inverse of parse_json and keeps the members' order") {
  const std::string text = R"({"z":1,"a":[1.0,-2,"é\n\u0000",null,true],"m":{}})";
  CHECK(to_text(parsed(text)) == text);
}

TEST_CASE("to_text does not throw on bytes that are not UTF-8") {
  CHECK(to_text(Json("a\xff")) == "\"a\xEF\xBF\xBD\"");
}

TEST_CASE("pointer_token escapes what JSON Pointer reserves") {
  CHECK(pointer_token("a/b~c~1") == "a~1b~0c~01");
  CHECK(pointer_token("") == "");
}

TEST_CASE("objects are equal whatever the order of their members") {
  CHECK(parsed(R"({"a":1,"b":[{"x":1,"y":2}]})") == parsed(R"({"b":[{"y":2,"x":1}],"a":1})"));
  CHECK(parsed(R"({"a":1})") == parsed(R"({"a":1.0})"));
  CHECK(parsed(R"({"a":1,"b":2})") != parsed(R"({"a":1,"b":3})"));
  CHECK(parsed(R"({"a":1,"b":2})") != parsed(R"({"a":1,"c":2})"));
  CHECK(parsed(R"({"a":1})") != parsed(R"({"a":1,"b":2})"));
  CHECK(parsed(R"({"a":null})") != parsed(R"({"b":null})"));
}

TEST_CASE("Json offers what nlohmann promises of an object") {
  Json value = parsed(R"({"b":1,"a":2})");
  CHECK(value.contains("a"));
  CHECK_FALSE(value.contains("c"));
  CHECK(value.find("a") != value.end());
  CHECK(value.find("c") == value.end());
  CHECK(value.at("b") == 1);
  CHECK(value.value("c", 7) == 7);
  CHECK_THROWS((void)value.at("c"));
  value["c"] = {{"d", 1}};
  value.emplace("e", 5);
  CHECK(value.emplace("e", 6).second == false);
  std::string names;
  for (const auto& [name, member] : value.items()) names += name + to_text(member);
  CHECK(names == "b1a2c{\"d\":1}e5");
  CHECK(value.erase("a") == 1);
  CHECK(value.erase(std::string("a")) == 0);
  value.erase(value.find("b"));
  CHECK(to_text(value) == R"({"c":{"d":1},"e":5})");
  value.update(parsed(R"({"e":6,"f":7})"));
  CHECK(to_text(value) == R"({"c":{"d":1},"e":6,"f":7})");
  value.merge_patch(parsed(R"({"c":{"d":null,"g":1},"f":null})"));
  CHECK(to_text(value) == R"({"c":{"g":1},"e":6})");
  Json more = Json::object();
  more.insert(value.begin(), value.end());
  CHECK(more == value);
  CHECK(value.at(Json::json_pointer("/c/g")) == 1);
  CHECK(value.get<std::map<std::string, Json>>().size() == 2);
  CHECK(Json(std::map<std::string, int>{{"x", 1}}) == parsed(R"({"x":1})"));
  CHECK(Json::diff(value, more).empty());
  Json copy = value;
  copy["c"]["g"] = 2;
  CHECK(value["c"]["g"] == 1);
  const Json moved = std::move(copy);
  CHECK(moved["c"]["g"] == 2);
}

TEST_CASE("an object of 100,000 members is parsed, found in and written back whole") {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i)
    text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  text += "}";
  const Json value = parsed(text);
  CHECK(value.size() == 100'000);
  bool all = true;
  for (int i = 0; i < 100'000; ++i) all = all && value.at("k" + std::to_string(i)) == i;
  CHECK(all);
  CHECK(to_text(value) == text);
}

}  // namespace sluice
