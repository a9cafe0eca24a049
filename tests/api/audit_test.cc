// The audit log over REST: who and why, from headers and bodies.
#include "server_fixture.h"

namespace sluice::api::http_test {

TEST_CASE("the audit log tells who changed what and why, by header or in the body") {
  Host host;
  const httplib::Headers ada{{"Sluice-Principal", "ada"},
                             {"Sluice-Reason", "der%20Dienst%20ist%20%C3%BCberlastet"}};
  REQUIRE(host->put("/v1/workflows/orders", orders_definition).status == 201);
  REQUIRE(host->post("/v1/queues/pay/pause", "", ada).status == 200);
  REQUIRE(host->post("/v1/queues/pay/resume", R"({"reason":"better"})", ada).status == 200);
  const std::string run =
      host->post("/v1/workflows/orders/runs", R"({"input":{}})").json()["id"].get<std::string>();
  REQUIRE(host->post("/v1/runs/" + run + "/cancel", R"({"cause":"late","reason":"asked for"})",
                     {{"Idempotency-Key", "k"}})
              .status == 200);
  const Json items = host->get("/v1/audit").json()["items"];
  REQUIRE(items.size() == 4);
  CHECK(items[0]["kind"] == "run.cancel");
  CHECK(items[0]["target"] == "run:" + run);
  CHECK(items[0]["principal"] == "anonymous");
  CHECK(items[0]["reason"] == "asked for");
  CHECK(items[0]["detail"] == Json::parse(R"({"cause":"late"})"));
  CHECK(items[1]["reason"] == "better");
  CHECK(items[1]["principal"] == "ada");
  CHECK(items[2]["reason"] == "der Dienst ist \u00fcberlastet");
  CHECK(items[3]["kind"] == "workflow.deploy");
  CHECK_FALSE(items[3].contains("reason"));

  CHECK(host->get("/v1/audit?kind=queue").json()["items"].size() == 2);
  CHECK(host->get("/v1/audit?target=run:" + run).json()["items"].size() == 1);
  CHECK(host->get("/v1/audit?until=2000-01-01T00:00:00Z").json()["items"].empty());
  const Json page = host->get("/v1/audit?limit=3").json();
  CHECK(page["items"].size() == 3);
  const Json rest = host->get("/v1/audit?limit=3&cursor=" + page["next"].get<std::string>()).json();
  CHECK(rest["items"].size() == 1);
  CHECK(rest["next"].is_null());
}

TEST_CASE("headers for the audit log that cannot be kept are refused, and nothing changes") {
  Host host;
  REQUIRE(host->put("/v1/workflows/orders", orders_definition).status == 201);
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>{"Sluice-Principal", std::string(129, 'a')},
        {"Sluice-Principal", "a%0Ab"},
        {"Sluice-Reason", "%FF"},
        {"Sluice-Reason", std::string(1'001, 'a')}}) {
    const Reply refused = host->post("/v1/queues/pay/pause", "", {{name, value}});
    check_problem(refused, 422, "invalid_argument");
    CHECK(refused.names(name));
  }
  const Reply long_reason =
      host->post("/v1/queues/pay/pause", R"({"reason":")" + std::string(1'001, 'a') + R"("})");
  check_problem(long_reason, 422, "invalid_argument");
  CHECK(long_reason.names("/reason"));
  check_problem(host->get("/v1/audit?since=yesterday"), 422, "invalid_argument");
  CHECK(host->get("/v1/audit").json()["items"].size() == 1);
  CHECK(host->get("/v1/queues/pay").json()["paused"] == false);
}

}  // namespace sluice::api::http_test
