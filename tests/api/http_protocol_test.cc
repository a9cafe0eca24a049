#include <atomic>

#include "raw_socket.h"
#include "server_fixture.h"

namespace sluice::api::http_test {
namespace {

ServerOptions impatient() {
  ServerOptions options;
  options.limits.header_timeout = milliseconds(100);
  options.limits.body_timeout = milliseconds(100);
  options.limits.idle_timeout = milliseconds(150);
  options.limits.write_timeout = milliseconds(150);
  options.limits.write_rate_min = 1 << 30;
  options.limits.tick = milliseconds(10);
  return options;
}

}  // namespace

TEST_CASE("an unknown path is a 404 problem, and the connection goes on") {
  Host host;
  check_problem(host->get("/v1/nothing"), 404, "not_found");
  check_problem(host->get("/v1/queues/"), 404, "not_found");
  check_problem(host->get("//"), 404, "not_found");
  check_problem(host->post("/v1/nothing/more", "{}"), 404, "not_found");
  CHECK(host->get("/healthz").status == 200);
}

TEST_CASE("a method that a path does not take is a 405 which says what it takes") {
  Host host;
  const Reply refused = host->call("DELETE", "/v1/queues");
  check_problem(refused, 405, "method_not_allowed");
  CHECK(refused.headers.find("Allow")->second == "GET, HEAD");
  const Reply patch = host->call("PATCH", "/v1/workflows/orders", "{}");
  check_problem(patch, 405, "method_not_allowed");
  CHECK(patch.headers.find("Allow")->second == "GET, HEAD, PUT, DELETE");
}

TEST_CASE("HEAD answers what GET would, without the body") {
  Host host;
  RawSocket socket(host.server->port());
  REQUIRE(socket.say("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
  const std::string head = socket.response(false);
  CHECK(status_of(head) == 200);
  CHECK(head.find("Content-Length: 3\r\n") != std::string::npos);
  REQUIRE(socket.say(get_request("/healthz")));
  CHECK(socket.response().ends_with("\r\n\r\nok\n"));
}

TEST_CASE("pipelined requests are answered one after the other, in their order") {
  Host host;
  RawSocket socket(host.server->port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += i % 2 ? get_request("/healthz") : get_request("/v1/none");
  REQUIRE(socket.say(all));
  for (int i = 0; i < 50; ++i) CHECK(status_of(socket.response()) == (i % 2 ? 200 : 404));
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection after the answer") {
  Host host;
  for (const char* request : {"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                              "GET /healthz HTTP/1.0\r\n\r\n"}) {
    RawSocket socket(host.server->port());
    REQUIRE(socket.say(request));
    const std::string all = socket.until_closed();
    CHECK(status_of(all) == 200);
    CHECK(all.find("Connection: close\r\n") != std::string::npos);
  }
  RawSocket kept(host.server->port());
  REQUIRE(kept.say("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  CHECK(kept.response().find("Connection: keep-alive\r\n") != std::string::npos);
  REQUIRE(kept.say("GET /healthz HTTP/1.0\r\n\r\n"));
  CHECK(status_of(kept.until_closed()) == 200);
}

TEST_CASE("what is not HTTP is answered 400 and the connection closed") {
  Host host;
  for (const std::string request :
       {"hello\r\n\r\n", "GET /healthz\r\n\r\n", "GET /healthz HTTP/9.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nno colon\r\n\r\n", "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"}) {
    INFO(request);
    RawSocket socket(host.server->port());
    REQUIRE(socket.say(request));
    const std::string answer = socket.response();
    CHECK(status_of(answer) == 400);
    CHECK(answer.find("application/problem+json") != std::string::npos);
  }
  CHECK(host->get("/healthz").status == 200);
}

TEST_CASE("a broken percent-escape in the path is refused") {
  Host host;
  check_problem(host->get("/v1/queues/a%2"), 400, "bad_request");
  check_problem(host->get("/v1/queues/a%zz"), 400, "bad_request");
  check_problem(host->get("/v1/queues/a%00b"), 400, "bad_request");
  check_problem(host->get("/v1/queues/%ff%fe"), 400, "bad_request");
  check_problem(host->get("/v1/queues/a%2Fb"), 404, "not_found");
}

TEST_CASE("a header over its limit is a 431") {
  Host host;
  RawSocket socket(host.server->port());
  socket.say("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
  CHECK(status_of(socket.response()) == 431);
  RawSocket target(host.server->port());
  target.say("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(status_of(target.response()) == 431);
}

TEST_CASE("a body over its limit is a 413 that the client can read, announced or in chunks") {
  ServerOptions options;
  options.limits.body_bytes_max = 0;  // the least that the payload limit allows
  orchestrator::Options small;
  small.payload_bytes_max = 1'000;
  Host host(options, small);
  const std::string large(200'000, ' ');
  check_problem(host->post("/v1/check", large), 413, "too_large");

  RawSocket chunked(host.server->port());
  REQUIRE(chunked.say("POST /v1/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (int i = 0; i < 200; ++i)
    if (!chunked.say("400\r\n" + std::string(0x400, ' ') + "\r\n")) break;
  CHECK(status_of(chunked.response()) == 413);
}

TEST_CASE("a body in chunks is a body") {
  Host host;
  RawSocket socket(host.server->port());
  REQUIRE(socket.say(
      "POST /v1/queues/q/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "10\r\n{\"messages\":[{\"b\r\n"));
  REQUIRE(socket.say("9\r\nody\":1}]}\r\n0\r\n\r\n"));
  CHECK(status_of(socket.response()) == 201);
}

TEST_CASE(
    "a body in a coding that is not known is refused, and nothing of it is taken for a request") {
  Host host;
  for (const char* coding : {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: chunked, gzip\r\n",
                             "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    RawSocket socket(host.server->port());
    socket.say("POST /v1/check HTTP/1.1\r\nHost: x\r\n" + std::string(coding) + "\r\n" +
               get_request("/healthz"));
    socket.stop_sending();
    const std::string answer = socket.until_closed();
    INFO(coding, answer);
    CHECK(status_of(answer) >= 400);
    CHECK(answer.find("\r\nHTTP/1.1 ") == std::string::npos);
  }
}

TEST_CASE("Expect: 100-continue is met before the body, and any other expectation refused") {
  Host host;
  RawSocket socket(host.server->port());
  const std::string body = R"({"messages":[{"body":1}]})";
  REQUIRE(socket.say(
      "POST /v1/queues/q/messages HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n"));
  CHECK(socket.response().starts_with("HTTP/1.1 100 Continue\r\n"));
  REQUIRE(socket.say(body));
  CHECK(status_of(socket.response()) == 201);

  RawSocket early(host.server->port());
  REQUIRE(
      early.say("POST /v1/check HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
                "99999999\r\n\r\n"));
  CHECK(status_of(early.response()) == 413);

  RawSocket other(host.server->port());
  REQUIRE(other.say(
      "POST /v1/check HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}"));
  CHECK(status_of(other.response()) == 417);
}

TEST_CASE("a body that ends too early is a 400") {
  Host host;
  RawSocket socket(host.server->port());
  REQUIRE(socket.say("POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"));
  socket.stop_sending();
  CHECK(status_of(socket.response()) == 400);
}

TEST_CASE("a client that is slow with its header or its body is answered 408 and let go") {
  Host host(impatient());
  RawSocket header(host.server->port());
  REQUIRE(header.say("GET /healthz HTTP/1.1\r\nHo"));
  CHECK(status_of(header.until_closed()) == 408);
  RawSocket body(host.server->port());
  REQUIRE(body.say("POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"));
  CHECK(status_of(body.until_closed()) == 408);
}

TEST_CASE("an idle connection is closed without a word") {
  Host host(impatient());
  RawSocket silent(host.server->port());
  CHECK(silent.until_closed().empty());
  RawSocket served(host.server->port());
  REQUIRE(served.say(get_request("/healthz")));
  CHECK(status_of(served.until_closed()) == 200);
}

TEST_CASE("a client that does not read its answers is let go") {
  Host host(impatient());
  RawSocket socket(host.server->port(), 4096);
  // Enough answers to fill every buffer between the two.
  std::string many;
  for (int i = 0; i < 2'000; ++i) many += get_request("/openapi.json");
  socket.say(many);
  // The server has closed when another connection's count of time-outs says so.
  while (host->get("/metrics").text.find("sluice_http_time_outs_total 0") != std::string::npos)
    std::this_thread::yield();
  CHECK(socket.closed());
}

TEST_CASE("connections over the limit are told so and closed; when one goes, another may come") {
  ServerOptions options;
  options.limits.connections_max = 3;
  Host host(options);
  host.client.reset();
  {
    std::vector<RawSocket> held;
    for (int i = 0; i < 3; ++i) {
      held.emplace_back(host.server->port());
      REQUIRE(held.back().say(get_request("/healthz")));
      CHECK(status_of(held.back().response()) == 200);
    }
    RawSocket refused(host.server->port());
    const std::string answer = refused.until_closed();
    CHECK(status_of(answer) == 503);
    CHECK(answer.find("Retry-After: 1\r\n") != std::string::npos);
    const auto body = answer.substr(answer.find("\r\n\r\n") + 4);
    CHECK(answer.find("Content-Length: " + std::to_string(body.size()) + "\r\n") !=
          std::string::npos);
    CHECK(parse_json(body).has_value());
  }
  for (;;) {
    RawSocket again(host.server->port());
    again.say(get_request("/healthz"));
    if (status_of(again.response()) == 200) break;
  }
}

TEST_CASE("stop ends idle connections, and answers waits with what there is") {
  Host host;
  RawSocket idle(host.server->port());
  REQUIRE(idle.say(get_request("/healthz")));
  REQUIRE(status_of(idle.response()) == 200);
  RawSocket waiting(host.server->port());
  REQUIRE(waiting.say(post_request("/v1/queues/q/lease", R"({"wait":60})")));
  while (!host.engine->queue("q") || host.engine->queue("q")->consumers == 0)
    std::this_thread::yield();
  host.server->stop();
  CHECK(idle.until_closed().empty());
  const std::string answer = waiting.until_closed();
  CHECK(status_of(answer) == 200);
  CHECK(answer.ends_with(R"({"tasks":[]})"));
  CHECK(answer.find("Connection: close") != std::string::npos);
}

TEST_CASE("a client that hangs up ends its wait") {
  Host host;
  {
    RawSocket waiting(host.server->port());
    REQUIRE(waiting.say(post_request("/v1/queues/q/lease", R"({"wait":60})")));
    while (!host.engine->queue("q") || host.engine->queue("q")->consumers == 0)
      std::this_thread::yield();
  }
  while (host.engine->queue("q")->consumers != 0) std::this_thread::yield();
  CHECK(host.engine->queue("q")->consumers == 0);
}

TEST_CASE("a thousand waiting leases hold up nobody") {
  Host host;
  std::vector<RawSocket> waiting;
  for (int i = 0; i < 1'100; ++i) {
    waiting.emplace_back(host.server->port());
    REQUIRE(waiting.back().say(post_request("/v1/queues/crowd/lease", R"({"wait":60,"max":1})")));
  }
  while (!host.engine->queue("crowd") || host.engine->queue("crowd")->consumers < 1'100)
    std::this_thread::yield();
  CHECK(host->get("/healthz").status == 200);
  CHECK(host->get("/v1/queues").status == 200);
  // Each message ends one wait.
  std::string body = R"({"messages":[)";
  for (int i = 0; i < 1'000; ++i)
    body += (i ? ",{\"body\":" : "{\"body\":") + std::to_string(i) + "}";
  body += "]}";
  CHECK(host->post("/v1/queues/crowd/messages", body).status == 201);
  while (host.engine->queue("crowd")->leased < 1'000) std::this_thread::yield();
  CHECK(host.engine->queue("crowd")->consumers == 100);
  host.server->stop();
  int with_task = 0, without = 0;
  for (auto& socket : waiting) {
    const std::string answer = socket.response();
    REQUIRE(status_of(answer) == 200);
    (answer.ends_with(R"({"tasks":[]})") ? without : with_task) += 1;
  }
  CHECK(with_task == 1'000);
  CHECK(without == 100);
}

}  // namespace sluice::api::http_test
