// Bulk jobs over REST.
#include "server_fixture.h"

namespace sluice::api::http_test {
namespace {

void fail_some(Host& host, int count) {
  REQUIRE(host->put("/v1/workflows/orders",
                    R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",)"
                    R"("End":true}}})")
              .status == 201);
  for (int i = 0; i < count; ++i) {
    REQUIRE(host->post("/v1/workflows/orders/runs", R"({"input":{"n":1}})").status == 201);
    const std::string token = host->post("/v1/queues/pay/lease", "{}").json()["tasks"][0]["token"];
    REQUIRE(host->post("/v1/tasks/" + token + "/fail", R"({"error":"E"})").status == 200);
  }
}

Json ended(Host& host, const std::string& path) {
  for (int i = 0; i < 500; ++i) {
    Json job = host->get(path).json();
    if (job["status"] != "RUNNING") return job;
  }
  return {};
}

TEST_CASE("a job is tried dry, begun, looked at and stopped") {
  Host host;
  fail_some(host, 3);
  const auto dry = host->post(
      "/v1/jobs", R"({"verb":"replay","filter":{"queue":"pay"},"dry_run":true,"merge":{"n":2}})");
  REQUIRE(dry.status == 200);
  CHECK(dry.json()["matched"] == 3);
  CHECK(dry.json()["examples"][0]["input"] == Json::parse(R"({"n":2})"));
  CHECK(host->get("/v1/jobs").json()["items"].empty());
  const auto begun = host->post(
      "/v1/jobs", R"({"verb":"replay","filter":{"queue":"pay"},"merge":{"n":2},"reason":"again"})");
  REQUIRE(begun.status == 201);
  const std::string path = "/v1/jobs/" + begun.json()["id"].get<std::string>();
  const Json job = ended(host, path);
  CHECK(job["status"] == "DONE");
  CHECK(job["done"] == 3);
  CHECK(job["reason"] == "again");
  CHECK(host->get("/v1/jobs").json()["items"].size() == 1);
  CHECK(host->post("/v1/queues/pay/lease", "{}").json()["tasks"][0]["body"]["n"] == 2);
  CHECK(host->post(path + "/stop", "").status == 200);
  const Json log = host->get("/v1/audit?kind=job").json()["items"];
  CHECK(log.size() == 2);
}

TEST_CASE("live runs are planned for, moved one by one and moved as a job") {
  Host host;
  const std::string first =
      R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay","End":true}}})";
  const std::string second =
      R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:bank","End":true}}})";
  REQUIRE(host->put("/v1/workflows/orders", first).status == 201);
  std::vector<std::string> runs;
  for (int i = 0; i < 3; ++i)
    runs.push_back(host->post("/v1/workflows/orders/runs", R"({"input":{"n":1}})").json()["id"]);
  const auto planned = host->put("/v1/workflows/orders?plan=true", second);
  REQUIRE(planned.status == 200);
  const Json plan = planned.json()["plan"];
  CHECK(plan["version"] == 2);
  CHECK(plan["live"] == 3);
  CHECK(plan["restarts"] == 3);
  CHECK(plan["groups"][0]["verdict"] == "restarts");
  CHECK(plan["groups"][0]["state"] == "Pay");
  CHECK(host->get("/v1/workflows/orders").json()["version"] == 1);
  const std::string move = "/v1/runs/" + runs[0] + "/move";
  CHECK(host->post(move, R"({"version":2})").status == 404);
  REQUIRE(host->put("/v1/workflows/orders", second).status == 201);
  CHECK(host->post(move, R"({"version":0})").status == 422);
  CHECK(host->post("/v1/runs/0000000000001/move", "").status == 404);
  const auto moved = host->post(move, R"({"reason":"other bank"})");
  REQUIRE(moved.status == 200);
  CHECK(moved.json() == Json::parse(R"({"version":2,"before":1,"restarted":1})"));
  CHECK(host->get("/v1/runs/" + runs[0]).json()["version"] == 2);
  CHECK(host->get("/v1/audit?kind=run.move").json()["items"][0]["reason"] == "other bank");
  const std::string request = R"({"verb":"move","filter":{"workflow":"orders"})";
  const Json dry = host->post("/v1/jobs", request + R"(,"dry_run":true})").json();
  CHECK(dry["matched"] == 3);
  CHECK(dry["refused"] == 1);
  const auto begun = host->post("/v1/jobs", request + "}");
  REQUIRE(begun.status == 201);
  const Json job = ended(host, "/v1/jobs/" + begun.json()["id"].get<std::string>());
  CHECK(job["done"] == 2);
  CHECK(job["skipped"] == 1);
  REQUIRE(host->put("/v1/workflows/orders",
                    R"({"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}})")
              .status == 201);
  const auto refused = host->post(move, "");
  CHECK(refused.status == 409);
  CHECK(refused.json()["detail"].get<std::string>().find("is not there") != std::string::npos);
}

TEST_CASE("a job that is at fault is refused at its place, and one that is not there is 404") {
  Host host;
  const auto refused =
      host->post("/v1/jobs", R"({"verb":"replay","filter":{"que":"pay"},"rate_per_second":-1})");
  CHECK(refused.status == 422);
  CHECK(refused.json()["errors"][0]["pointer"] == "/filter/que");
  CHECK(host->post("/v1/jobs", "{").status == 400);
  for (const char* id : {"0000000000001", "nonsense"}) {
    CHECK(host->get(std::string("/v1/jobs/") + id).status == 404);
    CHECK(host->post(std::string("/v1/jobs/") + id + "/stop", "").status == 404);
  }
}

TEST_CASE("a set-aside dead letter says so, and is replayed by force") {
  Host host;
  fail_some(host, 1);
  REQUIRE(host->put("/v1/queues/pay", R"({"DeadLetters":{"MaxReplays":1}})").status == 200);
  CHECK(host->get("/v1/queues/pay").json()["settings"]["DeadLetters"]["MaxReplays"] == 1);
  const auto newest = [&] {
    return "/v1/dead-letters/" +
           host->get("/v1/dead-letters").json()["items"][0]["id"].get<std::string>();
  };
  REQUIRE(host->post(newest() + "/replay", R"({"patch":[{"op":"remove","path":"/n"}]})").status ==
          200);
  const Json task = host->post("/v1/queues/pay/lease", "{}").json()["tasks"][0];
  CHECK(task["body"] == Json::object());
  REQUIRE(host->post("/v1/tasks/" + task["token"].get<std::string>() + "/fail", "{}").status ==
          200);
  CHECK(host->get(newest()).json()["set_aside"] == true);
  CHECK(host->post(newest() + "/replay", "").status == 409);
  CHECK(host->post(newest() + "/replay", R"({"input":1,"merge":2})").status == 422);
  CHECK(host->post(newest() + "/replay", R"({"force":true})").status == 200);
}

}  // namespace
}  // namespace sluice::api::http_test
