#include "outbound/http_call.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <thread>

using namespace sluice;
using namespace sluice::outbound;

namespace {

// A server of the test's own, on a free port.
struct Server {
  httplib::Server http;
  int port = 0;
  std::thread thread;

  void start() {
    port = http.bind_to_any_port("127.0.0.1");
    thread = std::thread([this] { http.listen_after_bind(); });
    while (!http.is_running()) std::this_thread::yield();
  }
  ~Server() {
    http.stop();
    if (thread.joinable()) thread.join();
  }
  HttpRequest request(const std::string& target, const std::string& method = "GET") const {
    HttpRequest request;
    request.host = "127.0.0.1";
    request.port = static_cast<std::uint16_t>(port);
    request.target = target;
    request.method = method;
    return request;
  }
};

constexpr HttpCall::Rules anywhere = {.allow_private = true, .response_bytes_max = 1'000};

std::string error_of(const workflows::Evaluated<Doc>& result) {
  return result ? "none" : result.failure().error;
}

}  // namespace

TEST_CASE("an answer becomes status, headers and body; the idempotency key goes along") {
  Server server;
  server.http.Post("/orders", [](const httplib::Request& q, httplib::Response& r) {
    r.status = 201;
    r.set_header("X-Two", "2");
    r.set_content("{\"got\":" + q.body + ",\"key\":\"" + q.get_header_value("Idempotency-Key") +
                      "\",\"page\":\"" + q.get_param_value("page") + "\"}",
                  "application/json");
  });
  server.http.Get("/text", [](const httplib::Request&, httplib::Response& r) {
    r.set_content("hello", "text/plain");
  });
  server.start();
  auto request = server.request("/orders?page=2", "POST");
  request.body = "{\"n\":1}";
  request.headers = {{"Content-Type", "application/json"}};
  HttpCall call;
  const auto result = call.run(request, "key-1", anywhere);
  REQUIRE(result);
  CHECK(result->json()["StatusCode"] == 201);
  CHECK(result->json()["StatusText"] == "Created");
  CHECK(result->json()["Headers"]["x-two"] == Json::array({"2"}));
  CHECK(to_text(result->json()["ResponseBody"]) == R"({"got":{"n":1},"key":"key-1","page":"2"})");
  HttpCall other;
  const auto text = other.run(server.request("/text"), "key-2", anywhere);
  REQUIRE(text);
  CHECK(text->json()["ResponseBody"] == "hello");
}

TEST_CASE("an answer that is no success is an error named after its status") {
  Server server;
  bool followed = false;
  server.http.Get("/gone", [](const httplib::Request&, httplib::Response& r) {
    r.status = 410;
    r.set_content("no more", "text/plain");
  });
  server.http.Get("/broken", [](const httplib::Request&, httplib::Response& r) { r.status = 503; });
  server.http.Get("/moved",
                  [](const httplib::Request&, httplib::Response& r) { r.set_redirect("/here"); });
  server.http.Get("/here", [&](const httplib::Request&, httplib::Response&) { followed = true; });
  server.http.Get("/large", [](const httplib::Request&, httplib::Response& r) {
    r.set_content(std::string(1'001, 'x'), "text/plain");
  });
  server.http.Get("/bytes", [](const httplib::Request&, httplib::Response& r) {
    r.set_content("\xFF\xFE", "application/octet-stream");
  });
  server.start();
  const auto get = [&](const std::string& target) {
    HttpCall call;
    return call.run(server.request(target), "key", anywhere);
  };
  const auto gone = get("/gone");
  CHECK(error_of(gone) == "Http.4xx");
  CHECK(gone.failure().cause.starts_with("410 Gone"));
  CHECK(gone.failure().cause.find("no more") != std::string::npos);
  CHECK(error_of(get("/broken")) == "Http.5xx");
  CHECK(error_of(get("/moved")) == "Http.3xx");
  CHECK_FALSE(followed);
  CHECK(error_of(get("/large")) == "Http.BadResponse");
  CHECK(error_of(get("/bytes")) == "Http.BadResponse");
}

TEST_CASE("an address that is not public is refused before anything is sent") {
  Server server;
  bool reached = false;
  server.http.Get("/", [&](const httplib::Request&, httplib::Response&) { reached = true; });
  server.start();
  for (const char* host : {"127.0.0.1", "localhost"}) {
    auto request = server.request("/");
    request.host = host;
    HttpCall call;
    const auto result = call.run(request, "key", {});
    CHECK(error_of(result) == "Http.AddressRefused");
    CHECK(result.failure().cause.find("--allow-private-http") != std::string::npos);
  }
  CHECK_FALSE(reached);
}

TEST_CASE("a host that does not answer is Http.Connect, one that is too slow Http.Timeout") {
  int free_port = 0;
  {
    Server gone;
    gone.start();
    free_port = gone.port;
  }
  HttpRequest request;
  request.host = "127.0.0.1";
  request.port = static_cast<std::uint16_t>(free_port);
  request.target = "/";
  request.method = "GET";
  HttpCall refused;
  CHECK(error_of(refused.run(request, "key", anywhere)) == "Http.Connect");

  Server server;
  HttpCall slow;
  // The caller's clock ends the call while the server still works on it.
  server.http.Get("/slow", [&](const httplib::Request&, httplib::Response&) { slow.abort(true); });
  server.start();
  CHECK(error_of(slow.run(server.request("/slow"), "key", anywhere)) == "Http.Timeout");
}
