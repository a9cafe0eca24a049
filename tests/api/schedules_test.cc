// Schedules over REST.
#include "server_fixture.h"

namespace sluice::api::http_test {
namespace {

TEST_CASE("schedules are shown with their next ten times, paused, resumed, and run at once") {
  Host host;
  CHECK(host->get("/v1/schedules").json()["items"].empty());
  const auto deployed = host->put(
      "/v1/workflows/nightly",
      R"({"StartAt":"A","Triggers":[{"Schedule":"0 3 * * *","TimeZone":"Europe/Berlin","Input":[1]},)"
      R"({"EverySeconds":86400,"Overlap":"Queue"}],)"
      R"("States":{"A":{"Type":"Task","Resource":"queue:a","End":true}}})");
  REQUIRE(deployed.status == 201);
  const Json items = host->get("/v1/schedules").json()["items"];
  REQUIRE(items.size() == 2);
  CHECK(items[0]["schedule"] == "0 3 * * *");
  CHECK(items[0]["time_zone"] == "Europe/Berlin");
  CHECK(items[0]["input"] == Json::array({1}));
  CHECK(items[0]["next"].size() == 10);
  CHECK(items[1]["every_seconds"] == 86'400);
  CHECK(items[1]["overlap"] == "Queue");
  const std::string one = "/v1/schedules/" + items[0]["id"].get<std::string>();
  CHECK(host->post(one + "/pause", "").status == 200);
  CHECK(host->get(one).json()["paused"] == true);
  CHECK(host->post(one + "/resume", "").status == 200);
  CHECK(host->get(one).json()["paused"] == false);
  const auto started = host->post(one + "/run-now", "");
  REQUIRE(started.status == 201);
  const std::string run = started.json()["id"];
  CHECK(host->get("/v1/runs/" + run).json()["input"] == Json::array({1}));
  CHECK(host->get(one).json()["last_run"] == run);
  CHECK(host->get("/v1/runs?label=schedule:" + items[0]["id"].get<std::string>())
            .json()["items"]
            .size() == 1);
}

TEST_CASE("a schedule that is not there is 404, and a wrong one is refused at its place") {
  Host host;
  for (const char* id : {"0000000000001", "nonsense", "0"}) {
    CAPTURE(id);
    const std::string path = std::string("/v1/schedules/") + id;
    CHECK(host->get(path).status == 404);
    CHECK(host->post(path + "/pause", "").status == 404);
    CHECK(host->post(path + "/run-now", "").status == 404);
  }
  const auto refused = host->put(
      "/v1/workflows/nightly",
      R"({"StartAt":"A","Triggers":[{"Schedule":"0 25 * * *","TimeZone":"Europe/Berln"}],)"
      R"("States":{"A":{"Type":"Pass","End":true}}})");
  CHECK(refused.status == 422);
  CHECK(refused.json()["errors"][0]["pointer"] == "/Triggers/0/Schedule");
}

}  // namespace
}  // namespace sluice::api::http_test
