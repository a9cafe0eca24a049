// Counters and locks: what is shown, and an operator's word.
#include <doctest/doctest.h>

#include "command_runner.h"

namespace sluice::cli {

TEST_CASE("counters are listed, and adjusted with a reason") {
  PlayedServer server;
  server.on("GET /v1/counters", 200,
            R"({"items":[{"name":"open orders","value":-3,"waiting":2}],"next":null})");
  const Outcome list = server.run({"counters"});
  CHECK(contains(list.out, "open orders"));
  CHECK(contains(list.out, "-3"));
  CHECK(contains(server.seen()[0].target, "builtin=false"));
  (void)server.run({"counters", "--builtin"});
  CHECK(contains(server.seen()[1].target, "builtin=true"));

  server.on("POST /v1/counters/adjust", 200, R"({"value":5,"before":-3})");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"counters", "adjust", "n", "--set", "5"},
        {"counters", "adjust", "n", "--reason", "x"},
        {"counters", "adjust", "n", "--set", "5", "--add", "1", "--reason", "x"}})
    CHECK(server.run(wrong).code == static_cast<int>(Exit::usage));
  CHECK(server.seen().size() == 2);
  const Outcome done =
      server.run({"counters", "adjust", "open orders", "--set", "5", "--reason", "counted"});
  CHECK(done.code == 0);
  CHECK(contains(done.out, "5 (was -3)"));
  CHECK(server.seen()[2].target == "/v1/counters/adjust?name=open%20orders");
  CHECK(server.seen()[2].reason == "counted");
  CHECK(server.seen()[2].body == R"({"value":5})");
}

TEST_CASE("locks are listed with who holds them, one is shown with its line, and taken away") {
  PlayedServer server;
  server.on("GET /v1/locks", 200,
            R"({"items":[{"name":"c-7","permits":1,"waiting":1,"holders":[{"run":"r1","frame":"r1",
               "since":"2026-01-31T10:00:00Z"}],"line":[{"run":"r2","frame":"r2",
               "since":"2026-01-31T10:01:00Z"}]}],"next":null})");
  const Outcome list = server.run({"locks"});
  CHECK(contains(list.out, "c-7"));
  CHECK(contains(list.out, "r1"));
  const Outcome one = server.run({"locks", "c-7"});
  CHECK(contains(one.out, "1 of 1 held, 1 waiting"));
  CHECK(contains(one.out, "r2"));
  CHECK(server.seen()[1].target == "/v1/locks?name=c-7");
  CHECK(server.run({"locks", "release", "c-7"}).code == static_cast<int>(Exit::usage));
  server.on("POST /v1/locks/release", 200, R"({"runs":["r1"]})");
  const Outcome released =
      server.run({"locks", "release", "c-7", "--run", "r1", "--reason", "gone"});
  CHECK(released.code == 0);
  CHECK(contains(released.out, "taken from run r1"));
  CHECK(server.seen()[2].body == R"({"run":"r1"})");
}

}  // namespace sluice::cli
