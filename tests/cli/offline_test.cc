#include <doctest/doctest.h>

#include "cli/locate.h"
#include "command_runner.h"

namespace sluice::cli {
namespace {

constexpr const char* orders = R"({
  "StartAt": "Pay",
  "States": {
    "Pay": {"Type": "Task", "Resource": "queue:pay", "Next": "Done"},
    "Done": {"Type": "Succeed"}
  }
})";

constexpr const char* broken = R"({
  "StartAt": "Pay",
  "States": {
    "Pay": {
      "Type": "Task",
      "Resource": "queue:pay",
      "Next": "Shipp"
    },
    "Ship": {"Type": "Task", "Resource": 7, "End": true}
  }
})";

std::string place(std::string_view text, std::string_view pointer) {
  const auto at = locate(text, pointer);
  return at ? std::to_string(at->line) + ":" + std::to_string(at->column) : "nowhere";
}

}  // namespace

TEST_CASE("a pointer is found in the text it points into") {
  const std::string text = "{\n  \"a\": [1, {\"b/c\": \"}]\"},\n    3],\n  \"d\\u0065\": null\n}";
  CHECK(place(text, "") == "1:1");
  CHECK(place(text, "/a") == "2:3");
  CHECK(place(text, "/a/0") == "2:9");
  CHECK(place(text, "/a/1/b~1c") == "2:13");
  CHECK(place(text, "/a/2") == "3:5");
  CHECK(place(text, "/de") == "4:3");
}

TEST_CASE("a pointer to what is missing leads to the deepest place that is there") {
  const std::string text = "{\n  \"a\": {\"b\": 1}\n}";
  CHECK(place(text, "/a/x") == "2:3");
  CHECK(place(text, "/a/b/c/d") == "2:9");
  CHECK(place(text, "/a/7") == "2:3");
  CHECK(place("", "") == "nowhere");
  CHECK(place("{\"a\": [1, ", "/a/5") == "1:2");
}

TEST_CASE("a valid definition is told so, without a server") {
  const TemporaryFile file("orders.json", orders);
  const Outcome outcome = sluice({"validate", file.path()});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, file.path() + ": valid\n"));
}

TEST_CASE("every problem has its file, line, column and pointer") {
  const TemporaryFile good("orders.json", orders), bad("broken.json", broken);
  const Outcome outcome = sluice({"validate", bad.path(), good.path()});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(contains(outcome.out, bad.path() + ":7:7: /States/Pay/Next: error: "));
  CHECK(contains(outcome.out, "did you mean \"Ship\"?"));
  CHECK(contains(outcome.out, bad.path() + ":9:30: /States/Ship/Resource: error: "));
  CHECK(contains(outcome.out, good.path() + ": valid\n"));
  CHECK(contains(outcome.err, "problems"));
}

TEST_CASE("validate --json is a list of files with their problems") {
  const TemporaryFile bad("broken.json", broken);
  const Outcome outcome = sluice({"validate", bad.path(), "--json"});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(outcome.err.empty());
  const auto parsed = parse_json(outcome.out);
  REQUIRE(parsed);
  CHECK((*parsed)[0]["file"] == bad.path());
  CHECK((*parsed)[0]["errors"].size() >= 2);
}

TEST_CASE("text that is not JSON, and a file that is not there, are refused by name") {
  const TemporaryFile bad("broken.json", "{\"a\": }");
  const Outcome outcome = sluice({"validate", bad.path()});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(contains(outcome.out, bad.path()));
  const Outcome missing = sluice({"validate", "/nowhere/x.json"});
  CHECK(missing.code == static_cast<int>(Exit::invalid));
  CHECK(contains(missing.err, "cannot read /nowhere/x.json: No such file or directory"));
  CHECK(sluice({"validate", "/tmp"}).code == static_cast<int>(Exit::invalid));
}

TEST_CASE("a graph is drawn in each format, without a server") {
  const TemporaryFile file("orders.json", orders);
  const Outcome mermaid = sluice({"graph", file.path()});
  CHECK(mermaid.code == 0);
  CHECK(contains(mermaid.out, "flowchart"));
  CHECK(contains(mermaid.out, "Pay"));
  CHECK(contains(sluice({"graph", file.path(), "--format", "dot"}).out, "digraph"));
  const auto json = parse_json(sluice({"graph", file.path(), "--format", "json"}).out);
  REQUIRE(json);
  CHECK((*json)["nodes"].size() == 2);
}

TEST_CASE("a definition with problems is not drawn") {
  const TemporaryFile file("broken.json", broken);
  const Outcome outcome = sluice({"graph", file.path()});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(outcome.out.empty());
  CHECK(contains(outcome.err, "sluice validate"));
}

}  // namespace sluice::cli
