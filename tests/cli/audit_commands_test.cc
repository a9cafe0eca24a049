// Narrowing dead letters, and the audit log.
#include <doctest/doctest.h>

#include "command_runner.h"

namespace sluice::cli {
TEST_CASE("dead letters are narrowed by time, label and text; what cannot be narrowed is refused") {
  PlayedServer server;
  server.on("GET /v1/dead-letters", 200, R"({"items":[],"next":null})");
  (void)server.run({"dlq", "list", "--kind", "stage", "--since", "2026-01-31T10:00:00Z", "--label",
                    "region=eu", "--search", "bank"});
  CHECK(server.seen()[0].target ==
        "/v1/dead-letters?kind=stage&since=2026-01-31T10%3A00%3A00.000000Z&label=region%3Aeu&"
        "q=bank&limit=50");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"dlq", "replay", "d1", "--since", "2h"},
        {"dlq", "replay", "d1", "--search", "bank"},
        {"dlq", "replay", "--all", "--from", "Pay"},
        {"dlq", "replay", "--search", "bank"}})
    CHECK(server.run(wrong).code == static_cast<int>(Exit::usage));
  CHECK(server.seen().size() == 1);
  server.on("POST /v1/dead-letters/d1/replay", 200, "{}");
  CHECK(server.run({"dlq", "replay", "d1", "--from", "Pay", "--version", "2"}).code == 0);
  CHECK(server.bodies("POST /v1/dead-letters/d1/replay") ==
        std::vector<std::string>{R"({"from":"Pay","version":2})"});
}

TEST_CASE("who changes something and why goes with it, and is read with audit") {
  PlayedServer server;
  server.on("POST /v1/runs/r1/pause", 200, "{}");
  CHECK(server
            .run({"pause", "r1", "--reason", "b\xc3\xa4nk is down"},
                 {.environment = {{"USER", "ada"}}})
            .code == 0);
  CHECK(server.seen()[0].principal == "ada");
  CHECK(server.seen()[0].reason == "b\xc3\xa4nk is down");  // the test's server decodes
  (void)server.run({"pause", "r1"}, {.environment = {{"USER", "x"}, {"SLUICE_PRINCIPAL", "bob"}}});
  CHECK(server.seen()[1].principal == "bob");
  CHECK(server.seen()[1].reason.empty());
  server.on("GET /v1/audit", 200,
            R"({"items":[{"id":1,"at":"2026-01-31T10:00:00Z","principal":"ada","kind":"run.pause",
                "target":"run:r1","reason":"bank is down","detail":{}}],"next":null})");
  const Outcome list = server.run({"audit", "--kind", "run", "--target", "run:r1"},
                                  {.environment = {{"USER", "ada"}}});
  CHECK(contains(list.out, "ada"));
  CHECK(contains(list.out, "run.pause"));
  CHECK(contains(list.out, "bank is down"));
  CHECK(server.seen()[2].target == "/v1/audit?kind=run&target=run%3Ar1&limit=50");
  CHECK(server.seen()[2].principal.empty());
}

}  // namespace sluice::cli
