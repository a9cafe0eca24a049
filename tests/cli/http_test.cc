#include <doctest/doctest.h>

#include "cli/http.h"
#include "command_runner.h"

namespace sluice::cli {

TEST_CASE("a path's parts are escaped, so that a queue may be called anything") {
  CHECK(path({"queues", "a/b c?"}) == "/v1/queues/a%2Fb%20c%3F");
  CHECK(path({"queues", "größe"}) == "/v1/queues/gr%C3%B6%C3%9Fe");
}

TEST_CASE("a server that is not there is told with its address and how to start one") {
  std::string gone;
  {
    const PlayedServer server;
    gone = server.url();
  }
  const Outcome outcome = sluice({"runs", "--server", gone});
  CHECK(outcome.code == static_cast<int>(Exit::unreachable));
  CHECK(contains(outcome.err, gone));
  CHECK(contains(outcome.err, "sluice serve"));
}

TEST_CASE(
    "a problem document is printed with every pointer, and its status decides the exit code") {
  PlayedServer server;
  server.on("POST /v1/workflows/orders/runs", 422,
            R"({"status":422,"code":"invalid_argument","detail":"the input is wrong","errors":[
                {"pointer":"/input/id","detail":"expected a number"},{"pointer":"","detail":"too short\nby far"}]})");
  const Outcome outcome = server.run({"start", "orders"});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(contains(outcome.err, "the input is wrong (invalid_argument)"));
  CHECK(contains(outcome.err, "\n  /input/id: expected a number"));
  CHECK(contains(outcome.err, "\n  (whole): too short\\nby far"));
}

TEST_CASE("each kind of refusal has its own exit code") {
  struct Row {
    int status;
    Exit code;
  };
  for (const auto& [status, code] : std::initializer_list<Row>{{400, Exit::invalid},
                                                               {404, Exit::not_found},
                                                               {409, Exit::conflict},
                                                               {413, Exit::invalid},
                                                               {418, Exit::failed},
                                                               {422, Exit::invalid},
                                                               {500, Exit::server_error},
                                                               {503, Exit::busy}}) {
    PlayedServer server;
    server.on("GET /v1/runs/x", status, R"({"detail":"no"})");
    CHECK(server.run({"show", "x"}).code == static_cast<int>(code));
  }
}

TEST_CASE("an answer that is not a problem document is shown, shortened and harmless") {
  PlayedServer server;
  server.on("GET /v1/runs/x", 502, "<html>\x1b[2J bad gateway");
  const Outcome outcome = server.run({"show", "x"});
  CHECK(outcome.code == static_cast<int>(Exit::server_error));
  CHECK(contains(outcome.err, "the server answered 502: <html>\\x1b[2J bad gateway"));
}

TEST_CASE("an answer that is not JSON is told as another program's") {
  PlayedServer server;
  server.on("GET /v1/runs/x", 200, "hello");
  const Outcome outcome = server.run({"show", "x"});
  CHECK(outcome.code == static_cast<int>(Exit::server_error));
  CHECK(contains(outcome.err, "is there something else at this address?"));
}

TEST_CASE("a busy server is asked again after the time it names, with the same idempotency key") {
  PlayedServer server;
  server.on("POST /v1/workflows/orders/runs",
            [](const httplib::Request&, httplib::Response& response) {
              response.status = 429;
              response.set_header("Retry-After", "0");
              response.set_content(R"({"detail":"full"})", "application/problem+json");
            });
  server.on("POST /v1/workflows/orders/runs", 201, R"({"id":"r1"})");
  const Outcome outcome = server.run({"start", "orders"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "r1\n");
  const auto seen = server.seen();
  REQUIRE(seen.size() == 2);
  CHECK_FALSE(seen[0].idempotency_key.empty());
  CHECK(seen[0].idempotency_key == seen[1].idempotency_key);
}

TEST_CASE("an unknown outcome is not tried again where that could do harm") {
  PlayedServer server;
  server.on("POST /v1/runs/x/redrive", [](const httplib::Request&, httplib::Response& response) {
    response.status = 503;
    response.set_header("Retry-After", "0");
    response.set_content(R"({"detail":"the outcome is not known","code":"outcome_unknown"})",
                         "application/problem+json");
  });
  CHECK(server.run({"redrive", "x"}).code == static_cast<int>(Exit::busy));
  CHECK(server.seen().size() == 1);
}

TEST_CASE("server-sent events are cut at blank lines, however the bytes arrive") {
  const std::string stream =
      "retry: 1000\n\nid: 1\nevent: A\ndata: {\"x\":\ndata: 1}\n\n: comment\n\nid: "
      "2\r\ndata:y\r\n\r\n";
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    EventParser parser;
    std::vector<Client::ServerEvent> events;
    for (std::size_t at = 0; at < stream.size(); at += step)
      CHECK(parser.feed(std::string_view(stream).substr(at, step),
                        [&](const Client::ServerEvent& event) {
                          events.push_back(event);
                          return true;
                        }));
    REQUIRE(events.size() == 2);
    CHECK(events[0].id == "1");
    CHECK(events[0].event == "A");
    CHECK(events[0].data == "{\"x\":\n1}");
    CHECK(events[1].id == "2");
    CHECK(events[1].data == "y");
  }
}

TEST_CASE("an event without its blank line is not there yet") {
  EventParser parser;
  CHECK(parser.feed("id: 1\ndata: x\n", [](const Client::ServerEvent&) {
    FAIL("the event is not complete");
    return true;
  }));
}

}  // namespace sluice::cli
