// Commands that begin bulk jobs, and those that look at them.
#include <doctest/doctest.h>

#include "command_runner.h"

namespace sluice::cli {
namespace {

constexpr const char* ended =
    R"({"id":"j1","verb":"replay","status":"DONE","collecting":false,"matched":5,"to_come":0,"done":3,
        "failed":1,"skipped":1,"refused":0,"problems":[{"id":"d2","outcome":"skipped","detail":"it is closed"}],
        "request":{},"principal":"ada","created_at":"2026-01-31T10:00:00Z"})";

Json body(PlayedServer& server, const std::string& route) {
  const auto bodies = server.bodies(route);
  REQUIRE(bodies.size() == 1);
  return Json::parse(bodies[0]);
}

}  // namespace

TEST_CASE("many dead letters are replayed by a job, whose counts and problems are told") {
  PlayedServer server;
  server.on("POST /v1/jobs", 201, R"({"id":"j1"})").on("GET /v1/jobs/j1", 200, ended);
  const Outcome outcome = server.run({"dlq", "replay", "--queue", "pay", "--error", "E", "--label",
                                      "a=b:c", "--rate", "2.5", "--max-in-flight", "7",
                                      "--stop-on-failures", "20%", "--merge", "{\"x\":null}"});
  CHECK(outcome.code == static_cast<int>(Exit::failed));
  CHECK(outcome.out == "3 of 5 done, 1 failed, 1 skipped\n");
  CHECK(contains(outcome.err, "d2  skipped: it is closed"));
  CHECK(body(server, "POST /v1/jobs") ==
        Json::parse(R"({"verb":"replay","filter":{"queue":"pay","error":"E","label":{"a":"b:c"}},
                        "rate_per_second":2.5,"max_in_flight":7,
                        "stop_on_failures":{"share":0.2},"merge":{"x":null}})"));
}

TEST_CASE("on a terminal a job is begun only after a yes, with the count before it") {
  PlayedServer server;
  server.on("POST /v1/jobs", 200,
            R"({"dry_run":true,"verb":"replay","matched":2,"complete":true,"examples":[]})");
  const Outcome outcome =
      server.run({"dlq", "replay", "--all"}, {.input = "\n", .in_is_terminal = true});
  CHECK(contains(outcome.err, "replay 2? [y/N]"));
  CHECK(outcome.code == static_cast<int>(Exit::failed));
  CHECK(body(server, "POST /v1/jobs")["dry_run"] == true);
}

TEST_CASE("a dry run shows what would be done, and why not") {
  PlayedServer server;
  server.on("POST /v1/jobs", 200,
            R"({"dry_run":true,"verb":"replay","matched":1200,"complete":false,"set_aside":3,
                "examples":[{"id":"d1","what":"orders/Pay: E","input":{"x":1}},
                            {"id":"d2","what":"orders/Pay: F","refusal":"set aside"}]})");
  const Outcome outcome = server.run({"dlq", "replay", "--all", "--dry-run"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "more than 1,200 match (3 set aside)"));
  CHECK(contains(outcome.out, "orders/Pay: E"));
  CHECK(contains(outcome.out, "{\"x\":1}"));
  CHECK(contains(outcome.out, "set aside"));
}

TEST_CASE("runs are cancelled, paused, resumed, redriven and moved by filter") {
  for (const std::string verb : {"cancel", "pause", "resume", "redrive", "move"}) {
    CAPTURE(verb);
    PlayedServer server;
    server.on("POST /v1/jobs", 201, R"({"id":"j1"})");
    const Outcome outcome = server.run({verb, "-w", "orders", "--state", "Pay", "--search", "x",
                                        "--detach", "--limit", "3", "--reason", "why"});
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "j1\n");
    CHECK(body(server, "POST /v1/jobs") ==
          Json::parse(R"({"verb":")" + verb +
                      R"(","filter":{"workflow":"orders","state":"Pay","q":"x"},"limit":3,)" +
                      R"("reason":"why"})"));
    CHECK(server.run({verb}).code == static_cast<int>(Exit::usage));
    CHECK(server.run({verb, "r1", "-w", "orders"}).code == static_cast<int>(Exit::usage));
  }
}

TEST_CASE("dead letters are dropped by filter with a reason, and edited one at a time too") {
  PlayedServer server;
  server.on("POST /v1/jobs", 201, R"({"id":"j1"})");
  CHECK(server.run({"dlq", "drop", "-q", "pay", "--reason", "old", "--detach"}).code == 0);
  CHECK(body(server, "POST /v1/jobs") ==
        Json::parse(R"({"verb":"drop","filter":{"queue":"pay"},"reason":"old"})"));
  server.on("POST /v1/dead-letters/d1/replay", 200, "{}");
  CHECK(server.run({"dlq", "replay", "d1", "--patch", "[]", "--force"}).code == 0);
  CHECK(body(server, "POST /v1/dead-letters/d1/replay") ==
        Json::parse(R"({"force":true,"patch":[]})"));
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"dlq", "replay", "--all", "--force"},
        {"dlq", "replay", "d1", "--rate", "1", "--input", "{}"},
        {"dlq", "replay", "--all", "--stop-on-failures", "many"},
        {"dlq", "drop", "--reason", "x"}})
    CHECK(server.run(wrong).code == static_cast<int>(Exit::usage));
}

TEST_CASE("what is set aside is shown so") {
  PlayedServer server;
  server.on("GET /v1/dead-letters", 200,
            R"({"items":[{"id":"d1","kind":"queue","queue":"pay","error":"E","status":"OPEN",
                "replays":3,"set_aside":true}],"next":null})");
  server.on("GET /v1/dead-letters/d1", 200,
            R"({"id":"d1","kind":"queue","queue":"pay","error":"E","status":"OPEN","replays":3,
                "set_aside":true})");
  CHECK(contains(server.run({"dlq", "list"}).out, "set aside"));
  const Outcome one = server.run({"dlq", "show", "d1"});
  CHECK(contains(one.out, "3, set aside (MaxReplays)"));
  CHECK(contains(one.err, "sluice dlq replay d1 --force"));
}

TEST_CASE("jobs are listed, shown, waited for and stopped") {
  PlayedServer server;
  server.on("GET /v1/jobs", 200, R"({"items":[)" + std::string(ended) + R"(],"next":null})");
  server.on("GET /v1/jobs/j1", 200, ended).on("POST /v1/jobs/j1/stop", 200, "{}");
  CHECK(contains(server.run({"jobs"}).out, "j1  replay  DONE"));
  const Outcome one = server.run({"jobs", "show", "j1"});
  CHECK(contains(one.out, "matched"));
  CHECK(contains(one.out, "d2  skipped: it is closed"));
  CHECK(contains(server.run({"jobs", "wait", "j1"}).out, "3 of 5 done"));
  CHECK(server.run({"jobs", "stop", "j1"}).out == "j1  stopped\n");
}

}  // namespace sluice::cli
