// A whole service on a free port of this machine: database, engine, server; and clients that talk
// to it.
#pragma once

#include <httplib.h>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "api/server.h"
#include "base/clock.h"
#include "base/json.h"
#include "orchestrator/inspect.h"
#include "orchestrator/orchestrator.h"
#include "schema_check.h"
#include "storage/storage.h"
#include "support/scratch_directory.h"

namespace sluice::api::http_test {

struct Reply {
  int status = 0;
  std::string text;
  std::string content_type;
  httplib::Headers headers;

  Json json() const {
    auto parsed = parse_json(text);
    REQUIRE_MESSAGE(parsed, text);
    return *parsed;
  }
  // Of errors: does one stand at this pointer, parameter or header?
  bool names(const std::string& place) const {
    for (const auto& error : json().value("errors", Json::array()))
      for (const char* kind : {"pointer", "parameter", "header"})
        if (error.contains(kind) && error[kind] == place) return true;
    return false;
  }
};

// Every refusal is a problem document that says so in its body too.
inline void check_problem(const Reply& reply, int status, const std::string& code) {
  INFO(reply.text);
  CHECK(reply.status == status);
  CHECK(reply.content_type == "application/problem+json");
  const Json body = reply.json();
  CHECK(body.value("status", 0) == status);
  CHECK(body.value("code", "") == code);
  CHECK(!body.value("title", "").empty());
  CHECK(!body.value("detail", "").empty());
}

class Client {
 public:
  explicit Client(std::uint16_t port) : http_("127.0.0.1", port) {
    http_.set_keep_alive(true);
    http_.set_tcp_nodelay(true);
    http_.set_url_encode(false);
    http_.set_read_timeout(60);
  }
  Reply call(const std::string& method, const std::string& path, const std::string& body = "",
             const httplib::Headers& headers = {}) {
    httplib::Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.headers = headers;
    const auto result = http_.send(request);
    REQUIRE_MESSAGE(result, method << " " << path << ": " << httplib::to_string(result.error()));
    // What succeeds is as the description says, and what is refused a problem.
    const std::string type = result->get_header_value("Content-Type");
    if (type == "application/json") check_described(method, path, result->status, result->body);
    if (result->status >= 400)
      CHECK(difference(description()["components"]["schemas"]["Problem"], *parse_json(result->body),
                       "") == "");
    return {result->status, result->body, type, result->headers};
  }
  Reply get(const std::string& path) { return call("GET", path); }
  Reply post(const std::string& path, const std::string& body = "",
             const httplib::Headers& headers = {}) {
    return call("POST", path, body, headers);
  }
  Reply put(const std::string& path, const std::string& body) { return call("PUT", path, body); }
  Reply del(const std::string& path, const std::string& body = "") {
    return call("DELETE", path, body);
  }

 private:
  httplib::Client http_;
};

// One Task, then one more.
inline constexpr const char* orders_definition = R"({
  "Comment": "pay, then ship",
  "StartAt": "Pay",
  "States": {
    "Pay": {"Type": "Task", "Resource": "queue:pay", "Next": "Ship"},
    "Ship": {"Type": "Task", "Resource": "queue:ship", "End": true}
  }
})";

struct Host {
  explicit Host(ServerOptions options = {}, orchestrator::Options engine_options = {}) {
    database = storage::open_sqlite({.directory = directory.path()});
    engine = std::make_unique<orchestrator::Engine>(*database, clock, std::move(engine_options));
    engine->start();
    inspector = std::make_unique<orchestrator::Inspector>(*database, *engine);
    options.port = 0;
    if (options.threads == 0) options.threads = 2;
    server = std::make_unique<Server>(*engine, *inspector, std::move(options));
    server->start();
    client = std::make_unique<Client>(server->port());
  }
  ~Host() {
    client.reset();
    server->stop();
    engine->stop();
  }
  Client& operator*() { return *client; }
  Client* operator->() { return client.get(); }

  void deploy() {
    const Reply deployed = client->put("/v1/workflows/orders", orders_definition);
    REQUIRE_MESSAGE(deployed.status == 201, deployed.text);
  }
  std::string start(const std::string& input = R"({"n":1})") {
    const Reply started = client->post("/v1/workflows/orders/runs", R"({"input":)" + input + "}");
    REQUIRE_MESSAGE(started.status == 201, started.text);
    return started.json()["id"];
  }
  Json lease_one(const std::string& queue) {
    const Reply leased =
        client->post("/v1/queues/" + queue + "/lease", R"({"max":1,"wait":20,"worker":"w"})");
    REQUIRE_MESSAGE(leased.status == 200, leased.text);
    const Json tasks = leased.json()["tasks"];
    REQUIRE(tasks.size() == 1);
    return tasks[0];
  }
  // Fails the run's first task, for which nothing catches: the run FAILED, with a dead letter.
  std::string failed_run() {
    const std::string run = start();
    const Json task = lease_one("pay");
    const Reply failed = client->post("/v1/tasks/" + task["token"].get<std::string>() + "/fail",
                                      R"({"error":"Payment.Declined","cause":"no money"})");
    REQUIRE_MESSAGE(failed.status == 200, failed.text);
    return run;
  }

  test_support::ScratchDirectory directory;
  SystemClock clock;
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<orchestrator::Engine> engine;
  std::unique_ptr<orchestrator::Inspector> inspector;
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;
};

}  // namespace sluice::api::http_test
