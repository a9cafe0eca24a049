// What the compiler refuses and accepts of a definition as a whole.
#include "definition_support.h"

namespace sluice::workflows::testing {
namespace {

constexpr std::string_view one_state = R"("StartAt":"A","States":{"A":{"Type":"Succeed"}})";

std::string with_top(std::string_view fields) {
  return fmt::format("{{{},{}}}", one_state, fields);
}

TEST_CASE("text that is not JSON is bad_json, with line and column") {
  for (const std::string_view text :
       {"", " ", "not a definition", "{", R"({"StartAt":"A",})", "{} {}"}) {
    CAPTURE(text);
    const auto compiled = compile(text);
    REQUIRE_FALSE(compiled.has_value());
    CHECK(compiled.error().code == Errc::bad_json);
    CHECK(compiled.error().detail.find("line 1") != std::string::npos);
  }
}

TEST_CASE("invalid UTF-8 is refused") {
  const auto compiled = compile(
      "{\"StartAt\":\"A\",\"Comment\":\"\xC3\x28\",\"States\":{\"A\":{\"Type\":\"Succeed\"}}}");
  REQUIRE_FALSE(compiled.has_value());
  CHECK(compiled.error().code == Errc::bad_json);
}

TEST_CASE("ten thousand levels of nesting are refused, wherever they stand") {
  const std::string open(10'000, '['), close(10'000, ']');
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += R"({"a":)";
  objects += "1" + std::string(10'000, '}');
  for (const std::string& nested : {open + close, objects}) {
    for (const std::string& text :
         {nested, with_top("\"Comment\":" + nested),
          with_state("{\"Type\":\"Pass\",\"End\":true,\"Result\":" + nested + "}")}) {
      const auto compiled = compile(text);
      REQUIRE_FALSE(compiled.has_value());
      CHECK(compiled.error().code == Errc::invalid_definition);
      REQUIRE_FALSE(compiled.error().problems.empty());
    }
  }
}

TEST_CASE("a definition of more than a mebibyte is refused, one of exactly that is not") {
  std::string text = with_top(R"("Comment":"")");
  const std::size_t at = text.rfind("\"\"") + 1;
  text.insert(at, std::string(definition_bytes_max - text.size(), 'x'));
  CHECK(text.size() == definition_bytes_max);
  CHECK(compile(text).has_value());
  text.insert(at, "x");
  const auto compiled = compile(text);
  REQUIRE_FALSE(compiled.has_value());
  CHECK(compiled.error().code == Errc::too_large);
}

TEST_CASE("keys that stand twice are refused, and the rest is still checked") {
  check_refused(R"({"StartAt":"A","States":{"A":{"Type":"Succeed"},"A":{"Type":"Fail"}}})",
                "/States/A", "");
  const auto problems = problems_of(
      R"({"StartAt":"A","States":{"A":{"Type":"Pass","Type":"Pass","Next":"B"},"Bee":{"Type":"Succeed"}}})");
  INFO(to_lines(problems));
  REQUIRE(problems.size() >= 2);
  CHECK(problems[0].pointer == "/States/A/Type");
  CHECK(problems[1].pointer == "/States/A/Next");
}

TEST_CASE("the fields at the top are checked") {
  struct Row {
    std::string_view text, pointer, fragment;
  };
  const Row rows[] = {
      {R"(7)", "", "must be an object, not the number 7"},
      {R"([])", "", "must be an object, not an array"},
      {R"({"States":{"A":{"Type":"Succeed"}}})", "", "\"StartAt\" is missing"},
      {R"({"StartAt":"A"})", "", "\"States\" is missing"},
      {R"({"StartAt":7,"States":{"A":{"Type":"Succeed"}}})", "/StartAt", "must be a string"},
      {R"({"StartAt":"A","States":[]})", "/States", "must be an object"},
      {R"({"StartAt":"A","States":{}})", "/States", "at least one state"},
      {R"({"StartAt":"Fist","States":{"First":{"Type":"Succeed"}}})", "/StartAt",
       "no state \"Fist\"; did you mean \"First\"?"},
      {R"({"StartAt":"","States":{"":{"Type":"Succeed"}}})", "/States/",
       "1 to 80 characters, not 0"},
  };
  for (const Row& row : rows) check_refused(row.text, row.pointer, row.fragment);

  const Row fields[] = {
      {R"("Comment":7)", "/Comment", "must be a string"},
      {R"("Version":"2.0")", "/Version", "\"1.0\""},
      {R"("Version":1.0)", "/Version", "must be a string"},
      {R"("TimeoutSeconds":0)", "/TimeoutSeconds", "from 1 to 99999999"},
      {R"("TimeoutSeconds":1.5)", "/TimeoutSeconds", "an integer"},
      {R"("MaxTransitions":0)", "/MaxTransitions", "an integer from 1"},
      {R"("RetentionSeconds":-1)", "/RetentionSeconds", "an integer from 0"},
      {R"("TimeoutSecond":60)", "/TimeoutSecond", "did you mean \"TimeoutSeconds\"?"},
      {R"("queryLanguage":"JSONPath")", "/queryLanguage", "did you mean \"QueryLanguage\"?"},
      {R"("QueryLanguage":"JSONPAth")", "/QueryLanguage", "did you mean \"JSONPath\"?"},
      {R"("Frobnicate":1)", "/Frobnicate", "a definition has no field \"Frobnicate\""},
  };
  for (const Row& row : fields) check_refused(with_top(row.text), row.pointer, row.fragment);

  const auto machine = check_accepted(with_top(
      R"("Version":"1.0","QueryLanguage":"JSONPath","MaxTransitions":7,"RetentionSeconds":9)"));
  CHECK(machine->transitions_max == 7);
  CHECK(machine->retention_s == 9);
  CHECK(check_accepted(fmt::format("{{{}}}", one_state))->transitions_max == 1'000'000);
}

TEST_CASE("a state's name has 80 characters at most, counted as characters") {
  const auto named = [](const std::string& name) {
    return fmt::format(R"({{"StartAt":"{0}","States":{{"{0}":{{"Type":"Succeed"}}}}}})", name);
  };
  std::string eighty;
  for (int i = 0; i < 80; ++i) eighty += "ü";
  check_accepted(named(eighty));
  check_refused(named(eighty + "u"), "/States/" + eighty + "u", "not 81");
}

TEST_CASE("a definition's problems are all found at once") {
  const auto problems = problems_of(R"({"StartAt":"Fist","Extra":1,"States":{
    "First":{"Type":"Task","Resource":"pay","Retry":[{"ErrorEquals":[],"MaxAttempts":-1}],"Next":"Secnd"},
    "Second":{"Type":"Wait","Seconds":-1,"Nxt":"First"},
    "Third":{"Type":"Chioce"}}})");
  std::vector<std::string> pointers;
  for (const Problem& each : problems) pointers.push_back(each.pointer);
  INFO(to_lines(problems));
  CHECK(pointers == std::vector<std::string>{
                        "/Extra",
                        "/States/First/Next",
                        "/States/First/Retry/0/ErrorEquals",
                        "/States/First/Retry/0/MaxAttempts",
                        "/States/First/Resource",
                        "/States/Second/Nxt",
                        "/States/Second",
                        "/States/Second/Seconds",
                        "/States/Third/Type",
                        "/StartAt",
                    });
}

TEST_CASE("a wholly wrong definition is answered soon and with a bounded list") {
  std::string text = R"({"StartAt":"state number 0","States":{)";
  for (int i = 0; i < 15'000; ++i) {
    text += fmt::format(R"({}"state number {}":{{"Type":"Pass","Next":"x{}"}})", i == 0 ? "" : ",",
                        i, i);
  }
  text += "}}";
  const auto problems = problems_of(text);
  CHECK(problems.size() == 1'001);
  CHECK(problems.back().detail == "14000 more problems are not listed");
  CHECK(compile(text).error().detail == "the definition has 15000 problems");
}

TEST_CASE("what the language or Sluice has and this version does not is refused by name") {
  struct Row {
    std::string_view text, pointer, what;
  };
  const Row top[] = {
      {R"("InputSchema":{})", "/InputSchema", "\"InputSchema\""},
  };
  for (const Row& row : top) {
    check_refused(with_top(row.text), row.pointer,
                  fmt::format("{} is not offered by this version", row.what));
  }
  const Row states[] = {
      {R"({"Type":"Task","Resource":"queue:a","ExpiresSeconds":1,"End":true})", "/ExpiresSeconds",
       "\"ExpiresSeconds\""},
  };
  for (const Row& row : states) {
    check_refused(with_state(row.text), fmt::format("/States/A{}", row.pointer),
                  fmt::format("{} is not offered by this version", row.what));
  }
}

TEST_CASE("a field of the other query language is refused, and so is a step back to JSONPath") {
  check_refused(with_state(R"({"Type":"Task","Resource":"queue:a","Arguments":{},"End":true})"),
                "/States/A/Arguments", "belongs to JSONata states");
  check_refused(
      with_state(R"({"Type":"Pass","QueryLanguage":"JSONata","ResultPath":"$.x","End":true})"),
      "/States/A/ResultPath", "belongs to JSONPath states");
  check_refused(
      R"({"StartAt":"A","QueryLanguage":"JSONata","States":{"A":{"Type":"Succeed","QueryLanguage":"JSONPath"}}})",
      "/States/A/QueryLanguage", "a state cannot be \"JSONPath\"");
}

TEST_CASE("canonical text drops the white space that means nothing, and only that") {
  CHECK(canonical_text("{ \"a b\" :\t[ 1 ,\n\"x \\\" y\\\\\" , { } ]\r\n}") ==
        R"({"a b":[1,"x \" y\\",{}]})");
  CHECK(canonical_text(R"({"a":1})") == R"({"a":1})");
  // Numbers and escapes stay as they were written: the text is kept, not made anew.
  CHECK(canonical_text(R"([1.0, 1e2, "\u00e9"])") == R"([1.0,1e2,"\u00e9"])");
}

}  // namespace
}  // namespace sluice::workflows::testing
