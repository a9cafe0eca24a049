#include "base/json_text.h"

#include <doctest/doctest.h>

#include "base/json.h"
#include "base/random.h"
#include "base/suggest.h"
#include "json_texts.h"

namespace sluice {
namespace {

Envelope envelope(std::string_view text, std::string base = {}) {
  auto result = Envelope::scan(text, std::move(base));
  REQUIRE_MESSAGE(result.has_value(), (result ? std::string() : result.error().detail));
  return *std::move(result);
}

std::string told(Status status) {
  if (status) return "ok";
  std::string all;
  for (const auto& [pointer, detail] : status.error().problems)
    all += pointer + ": " + detail + "\n";
  return all;
}

}  // namespace

TEST_CASE("every JSON text passes the check") {
  for (const auto& text : test::good_texts()) CHECK_MESSAGE(check_json(text), text.substr(0, 80));
}

TEST_CASE("every text that is not JSON fails the check as it fails the parser") {
  for (const auto& bad : test::bad_texts()) {
    INFO("text: ", bad.text.substr(0, 80));
    const Status status = check_json(bad.text);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::bad_json);
    CHECK(status.error().detail == parse_json(bad.text).error().detail);
  }
}

TEST_CASE("every beginning of a text fails, unless it is itself a text") {
  const std::string text =
      R"({"a":[1,-2.5e3,"x\u00e9\ud83d\ude00é",true,false,null],"b":{"c":{}}} )";
  for (std::size_t n = 0; n + 1 < text.size(); ++n) CHECK_FALSE(check_json(text.substr(0, n)));
  CHECK(check_json(text.substr(0, text.size() - 1)));
}

TEST_CASE("nesting is checked against its limit without recursion") {
  CHECK(check_json(test::nested(256, "[", "", "]")));
  CHECK_FALSE(check_json(test::nested(257, "[", "", "]")));
  CHECK(check_json(test::nested(10'000, "{\"a\":", "0", "}"), 10'000));
  const Status status = check_json(test::nested(1'000'000, "[", "", "]"));
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::invalid_argument);
}

TEST_CASE("containers of both kinds close in the order they were opened, also beyond 256") {
  const std::string text = test::nested(400, "[{\"a\":", "1", "}]");
  CHECK(check_json(text, 800));
  std::string wrong = text;
  wrong[wrong.size() - 2] = ']';
  CHECK_FALSE(check_json(wrong, 800));
}

TEST_CASE("the check accepts what nlohmann's parser accepts, over random mutations") {
  const std::vector<std::string> seeds = {
      R"({"a":[1,-2.5e3,"x\u00e9\ud83d\ude00é",true,false,null],"b":{"c":{}}})",
      R"([0,-0,1e5,"\\\"\/\b\f\n\r\t",{"k":"v"},[],{}, "€𝄞"])",
      R"({"n":123456789012345678901,"m":0.000001,"long":"abcdefghijklmnopqrstuvwxyz"})",
  };
  const std::string_view alphabet =
      "{}[]:,\"\\/u0123456789abdefDC+-.eE tn\n\x1f\x80\xbf\xc3\xe2\xed\xf0";
  Random random(20'260'101);
  std::size_t accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text = seeds[random.below(seeds.size())];
    for (std::uint64_t edits = 1 + random.below(3); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random.below(text.size());
      const char c = alphabet[random.below(alphabet.size())];
      switch (random.below(4)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        case 2:
          text.erase(at, 1 + random.below(3));
          break;
        default:
          text.insert(at, text.substr(random.below(text.size()), random.below(6)));
      }
    }
    const bool theirs = Json::accept(text);
    accepted += theirs ? 1 : 0;
    REQUIRE_MESSAGE(check_json(text).has_value() == theirs, text);
    if (!theirs) continue;
    const auto ours = parse_json(text, {.refuse_duplicate_keys = false});
    REQUIRE(ours.has_value());
    REQUIRE_MESSAGE(to_text(*ours) == Json::parse(text).dump(), text);
  }
  CHECK(accepted > 1'000);  // The mutations are not all refusals.
}

TEST_CASE("a string that is written is read back the same") {
  std::string every;
  for (int c = 1; c < 0x80; ++c) every += static_cast<char>(c);
  for (const std::string& text :
       {std::string(), std::string("a\0b", 3), every, std::string("é€😀")}) {
    std::string out = "x";
    append_json_string(out, text);
    CHECK(out == "x" + Json(text).dump());
    CHECK(Json::parse(out.substr(1)).get<std::string>() == text);
  }
}

TEST_CASE("an array is cut into its elements as they were written") {
  const auto result = scan_array(" [ 1.50 , \"a,]\" ,[1, 2],{\"a\" : 1} ] ");
  REQUIRE(result.has_value());
  CHECK(*result == std::vector<std::string_view>{"1.50", "\"a,]\"", "[1, 2]", "{\"a\" : 1}"});
  CHECK(scan_array("[]")->empty());
  CHECK(scan_array("[ ]")->empty());
}

TEST_CASE("an array that is no array, or not JSON, is refused") {
  CHECK(scan_array("{\"a\":1}").error().detail == "expected an array, found an object");
  CHECK(scan_array("{\"a\":1}").error().code == Errc::invalid_argument);
  for (const auto& bad : test::bad_texts()) {
    INFO("text: ", bad.text.substr(0, 80));
    REQUIRE_FALSE(scan_array(bad.text));
    CHECK(scan_array(bad.text).error().code == Errc::bad_json);
  }
  CHECK(scan_array("[[1]]", 2));
  CHECK(scan_array("[0,[1]]", 1).error().problems.at(0).pointer == "/1");
  CHECK(scan_array("[]", 0).error().code == Errc::invalid_argument);
}

TEST_CASE("an envelope hands out opaque members exactly as they were written") {
  auto body =
      envelope(R"( { "op" : "complete", "output" : { "a":  [1.50, "\u0061"] } , "ref":7 } )");
  CHECK(body.required_string("op") == "complete");
  CHECK(body.required_raw("output") == R"({ "a":  [1.50, "\u0061"] })");
  CHECK(body.required_integer("ref", 0, 1000) == 7);
  CHECK(told(body.finish()) == "ok");
}

TEST_CASE("an envelope reads members of every type") {
  auto body = envelope(
      R"({"s":"a\nb\u00e9","i":-5,"w":5.0,"b":true,"n":2.5,"l":["x","\t",""],"z":null,"e":[]})");
  const auto s = body.required_string("s");
  Envelope moved = std::move(body);
  CHECK(s == "a\nb\u00e9");
  CHECK(moved.optional_integer("i", -10, 10) == -5);
  CHECK(moved.required_integer("w", 0, 10) == 5);
  CHECK(moved.required_boolean("b"));
  CHECK(moved.required_number("n") == 2.5);
  CHECK(moved.required_string_list("l") == std::vector<std::string_view>{"x", "\t", ""});
  CHECK(moved.optional_string_list("e")->empty());
  CHECK_FALSE(moved.optional_string("z"));
  CHECK_FALSE(moved.optional_boolean("absent"));
  CHECK(moved.optional_raw("z") == "null");
  CHECK(told(moved.finish()) == "ok");
}

TEST_CASE("every problem of an envelope is told at once, with its pointer and the nearest name") {
  auto body =
      envelope(R"({"op":5,"ref":1.5,"prio":11,"tags":["a",1,{}],"ouptut":1,"x/y":2,"b":0,"n":"1"})",
               "/items/3");
  (void)body.required_string("op");
  (void)body.required_integer("ref", 0, 9);
  (void)body.optional_integer("prio", 0, 10);
  (void)body.optional_string_list("tags");
  (void)body.required_raw("output");
  (void)body.required_boolean("b");
  (void)body.required_number("n");
  (void)body.required_string("token");
  body.problem("op", "expected a known op");
  CHECK(told(body.finish()) ==
        "/items/3/op: expected a string, found 5\n"
        "/items/3/ref: expected an integer from 0 to 9, found 1.5\n"
        "/items/3/prio: expected an integer from 0 to 10, found 11\n"
        "/items/3/tags/1: expected a string, found 1\n"
        "/items/3/tags/2: expected a string, found an object\n"
        "/items/3/output: expected a value, found no such member\n"
        "/items/3/b: expected true or false, found 0\n"
        "/items/3/n: expected a number, found \"1\"\n"
        "/items/3/token: expected a string, found no such member\n"
        "/items/3/op: expected a known op\n"
        "/items/3/ouptut: expected no such member; did you mean \"output\"?\n"
        "/items/3/x~1y: expected no such member\n");
}

TEST_CASE("integers beyond what 64 bits or a double hold exactly are refused") {
  constexpr auto min = std::numeric_limits<std::int64_t>::min();
  constexpr auto max = std::numeric_limits<std::int64_t>::max();
  CHECK(envelope(R"({"i":9223372036854775807})").required_integer("i", min, max) == max);
  CHECK(envelope(R"({"i":-9223372036854775808})").required_integer("i", min, max) == min);
  for (const char* text : {R"({"i":9223372036854775808})", R"({"i":1e300})", R"({"i":-1e17})",
                           R"({"i":"1"})", R"({"i":null})", R"({"i":0.1})", R"({"i":true})"}) {
    auto body = envelope(text);
    (void)body.required_integer("i", min, max);
    CHECK_FALSE_MESSAGE(body.finish().has_value(), text);
  }
}

TEST_CASE("a required member that is null is a problem") {
  auto body = envelope(R"({"s":null})");
  (void)body.required_string("s");
  CHECK(told(body.finish()) == "/s: expected a string, found null\n");
}

TEST_CASE("a member that is written twice is a problem, also when one is escaped") {
  auto body = envelope(R"({"a":1,"\u0061":2,"b":1})");
  (void)body.required_raw("a");
  (void)body.required_raw("b");
  CHECK(told(body.finish()) == "/a: expected each name once, found it again\n");
}

TEST_CASE("more members than any envelope has are refused") {
  std::string text = "{\"m0\":0";
  for (int i = 1; i < 100'000; ++i) text += ",\"m" + std::to_string(i) + "\":0";
  text += "}";
  auto body = envelope(text);
  CHECK(told(body.finish()).find("expected at most 64 members, found 100000") != std::string::npos);
}

TEST_CASE("an envelope that is no object, or not JSON, is refused") {
  const auto result = Envelope::scan("[1]", "/items/0");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Errc::invalid_argument);
  CHECK(result.error().problems ==
        std::vector<Problem>{{"/items/0", "expected an object, found an array"}});
  for (const auto& bad : test::bad_texts()) {
    INFO("text: ", bad.text.substr(0, 80));
    REQUIRE_FALSE(Envelope::scan(bad.text).has_value());
    CHECK(Envelope::scan(bad.text).error().code == Errc::bad_json);
  }
  const auto deep = Envelope::scan(R"({"a":[[]]})", "/items/0", 2);
  REQUIRE_FALSE(deep.has_value());
  CHECK(deep.error().problems.at(0).pointer == "/items/0/a/0");
  CHECK(Envelope::scan(R"({"a":[[]]})", "", 3).has_value());
}

TEST_CASE("an empty object is an envelope without members") {
  auto body = envelope("{ }");
  CHECK_FALSE(body.has("a"));
  CHECK(told(body.finish()) == "ok");
}

TEST_CASE("a suggestion is the nearest known name, or none") {
  const std::string_view names[] = {"TimeoutSeconds", "HeartbeatSeconds", "Next", "End", "op"};
  CHECK(suggest("TimeOutSeconds", names) == "TimeoutSeconds");
  CHECK(suggest("TimeoutSecond", names) == "TimeoutSeconds");
  CHECK(suggest("TiemoutSeconsd", names) == "TimeoutSeconds");
  CHECK(suggest("Nxet", names) == "Next");
  CHECK(suggest("Edn", names) == "End");
  CHECK(suggest("Timeout", names).empty());
  CHECK(suggest("Nope", names).empty());
  CHECK(suggest("x", names).empty());
  CHECK(suggest("", names).empty());
  CHECK(suggest(std::string(100'000, 'a'), names).empty());
}

}  // namespace sluice
