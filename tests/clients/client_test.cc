#include "clients/client.h"

#include <doctest/doctest.h>

#include "api/server.h"
#include "base/clock.h"
#include "clients/worker.h"
#include "orchestrator/inspect.h"
#include "orchestrator/orchestrator.h"
#include "storage/storage.h"
#include "support/scratch_directory.h"

#include <future>

namespace sluice::clients {
namespace {

constexpr std::string_view orders =
    R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay","End":true}}})";

// The whole service in this process.
struct Service {
  Service() {
    database = storage::open_sqlite({.directory = directory.path()});
    engine = std::make_unique<orchestrator::Engine>(*database, clock, orchestrator::Options{});
    engine->start();
    inspector = std::make_unique<orchestrator::Inspector>(*database, *engine);
    api::ServerOptions options;
    options.port = 0;
    options.threads = 1;
    server = std::make_unique<api::Server>(*engine, *inspector, options);
    server->start();
  }
  ~Service() {
    server->stop();
    engine->stop();
  }
  Client::Options at() const {
    Client::Options options;
    options.port = server->port();
    return options;
  }

  test_support::ScratchDirectory directory;
  SystemClock clock;
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<orchestrator::Engine> engine;
  std::unique_ptr<orchestrator::Inspector> inspector;
  std::unique_ptr<api::Server> server;
};

TEST_CASE("deploy a workflow, serve its queue, start a run and see it end") {
  Service service;
  Client client(service.at());
  const auto deployed = client.deploy("orders", orders);
  REQUIRE_MESSAGE(deployed, (deployed ? std::string() : deployed.error().detail));
  CHECK((*deployed)["version"] == 1);

  Worker::Options options;
  options.port = service.server->port();
  Worker worker(options);
  worker.on("pay", [](const Task& task) {
    CHECK(task.workflow == "orders");
    CHECK(task.state == "Pay");
    return Outcome::success(R"({"paid":true})");
  });
  auto running = std::async(std::launch::async, [&] { return worker.run(); });
  const auto run =
      client.start_and_wait("orders", {.input = R"({"order":7})"}, std::chrono::seconds(20));
  REQUIRE_MESSAGE(run, (run ? std::string() : run.error().detail));
  CHECK((*run)["status"] == "SUCCEEDED");
  CHECK((*run)["output"]["paid"] == true);
  worker.stop();
  CHECK(running.get());
}

TEST_CASE("the same name and input again is the first run again, another input a conflict") {
  Service service;
  Client client(service.at());
  REQUIRE(client.deploy("orders", orders));
  const auto first = client.start("orders", {.input = "1", .name = "n"});
  REQUIRE(first);
  const auto again = client.start("orders", {.input = "1", .name = "n"});
  REQUIRE(again);
  CHECK(*again == *first);
  const auto other = client.start("orders", {.input = "2", .name = "n"});
  REQUIRE(!other);
  CHECK(other.error().code == Errc::conflict);
  const auto seen = client.run(*first);
  REQUIRE(seen);
  CHECK((*seen)["status"] == "RUNNING");
  CHECK(client.cancel(*first, "enough"));
}

TEST_CASE("a leased task is answered by its token, once") {
  Service service;
  Client client(service.at());
  REQUIRE(client.send("odd name/50%", {{.body = R"({"x":1})", .headers = {{"k", "v"}}}}));
  const auto lease =
      client.call("POST", "/v1/queues/" + path_segment("odd name/50%") + "/lease", "{}");
  REQUIRE_MESSAGE(lease, (lease ? std::string() : lease.error().detail));
  REQUIRE((*lease)["tasks"].size() == 1);
  const Json& task = (*lease)["tasks"][0];
  CHECK(task["body"]["x"] == 1);
  CHECK(task["headers"]["k"] == "v");
  const std::string token = task["token"];
  CHECK(client.heartbeat(token));
  CHECK(client.complete(token, "true"));
  CHECK(client.complete(token, "true"));
  CHECK(!client.fail(token, "E"));
  const auto stale = client.complete("nonsense", "true");
  REQUIRE(!stale);
  CHECK(stale.error().code == Errc::stale_token);
}

TEST_CASE("refusals arrive with their code and every place at fault") {
  Service service;
  Client client(service.at());
  const auto missing = client.run("0000000000001");
  REQUIRE(!missing);
  CHECK(missing.error().code == Errc::not_found);
  const auto wrong =
      client.deploy("orders", R"({"StartAt":"Pay","States":{"Pya":{"Type":"Pass","Next":"X"}}})");
  REQUIRE(!wrong);
  CHECK(wrong.error().code == Errc::invalid_definition);
  CHECK(wrong.error().problems.size() >= 2);
  CHECK(client.call("POST", "/v1/queues/q/lease", "{").error().code == Errc::bad_json);
}

TEST_CASE("no server is an error, not an exception") {
  Client::Options options;
  options.port = 1;
  Client client(options);
  const auto run = client.run("x");
  REQUIRE(!run);
  CHECK(run.error().code == Errc::unavailable);
}

TEST_CASE("a path segment is escaped byte by byte") {
  CHECK(path_segment("a-b_c.d~9") == "a-b_c.d~9");
  CHECK(path_segment("a/b c%\xC3\xA4") == "a%2Fb%20c%25%C3%A4");
}

}  // namespace
}  // namespace sluice::clients
