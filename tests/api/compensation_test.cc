// Runs that are undone, over HTTP.
#include "server_fixture.h"

namespace sluice::api::http_test {
namespace {

constexpr const char* trip = R"({"StartAt":"Hotel","OnFailure":"Hold","States":{
  "Hotel":{"Type":"Task","Resource":"queue:hotel","Next":"Pay","Compensate":{"Resource":"queue:undo"}},
  "Pay":{"Type":"Task","Resource":"queue:pay","End":true}}})";

Json take(Host& host, const std::string& queue) {
  const Json tasks = host->post("/v1/queues/" + queue + "/lease", R"({"max":1})").json()["tasks"];
  REQUIRE(tasks.size() == 1);
  return tasks[0];
}
std::string verb(const Json& task, const std::string& what) {
  return "/v1/tasks/" + task["token"].get<std::string>() + "/" + what;
}

}  // namespace

TEST_CASE("a held run is compensated by a word, and its letter's replay is refused from then on") {
  Host host;
  CHECK(host->put("/v1/workflows/trip", trip).status == 201);
  const std::string run =
      "/v1/runs/" +
      host->post("/v1/workflows/trip/runs", R"({"input":{"n":1}})").json()["id"].get<std::string>();
  check_problem(host->post(run + "/compensate", "{}"), 409, "conflict");
  CHECK(host->post(verb(take(host, "hotel"), "complete"), R"({"output":{"room":7}})").status ==
        200);
  CHECK(host->post(verb(take(host, "pay"), "fail"), R"({"error":"Declined"})").status == 200);
  const Json held = host->get(run).json();
  CHECK(held["status"] == "PAUSED");
  CHECK(held["waiting_for"][0]["kind"] == "operator");
  CHECK(held["compensations"][0]["state"] == "Hotel");
  CHECK(held["compensations"][0]["status"] == "PENDING");
  const std::string letter = "/v1/dead-letters/" + held["dead_letter"].get<std::string>();

  CHECK(host->post(run + "/compensate", "{}").status == 200);
  CHECK(host->get(run).json()["status"] == "COMPENSATING");
  CHECK(host->get("/v1/runs?status=COMPENSATING").json()["items"].size() == 1);
  CHECK(host->get(letter).json()["status"] == "COMPENSATED");
  CHECK(host->get("/v1/dead-letters?status=COMPENSATED").json()["items"].size() == 1);
  const Reply refused = host->post(letter + "/replay", "{}");
  check_problem(refused, 409, "conflict");
  CHECK(refused.json()["detail"].get<std::string>().find("start a new run") != std::string::npos);
  const Json undo = take(host, "undo");
  CHECK(undo["state"] == "Hotel.Compensate");
  CHECK(undo["body"] == Json::parse(R"({"input":{"n":1},"output":{"room":7}})"));
  CHECK(host->post(verb(undo, "complete"), R"({"output":{}})").status == 200);
  CHECK(host->get(run).json()["status"] == "COMPENSATED");
  check_problem(host->post(run + "/redrive", "{}"), 409, "conflict");
}

TEST_CASE("a cancel takes a wish to compensate, and nothing but true or false for it") {
  Host host;
  CHECK(host->put("/v1/workflows/trip", trip).status == 201);
  const std::string run =
      "/v1/runs/" +
      host->post("/v1/workflows/trip/runs", R"({"input":{"n":1}})").json()["id"].get<std::string>();
  CHECK(host->post(verb(take(host, "hotel"), "complete"), R"({"output":{}})").status == 200);
  check_problem(host->post(run + "/cancel", R"({"compensate":"yes"})"), 422, "invalid_argument");
  CHECK(host->post(run + "/cancel", R"({"compensate":true})").status == 200);
  CHECK(host->get(run).json()["status"] == "COMPENSATING");
  CHECK(host->post(verb(take(host, "undo"), "complete"), R"({"output":{}})").status == 200);
  CHECK(host->get(run).json()["status"] == "ABORTED");
  check_problem(host->post("/v1/runs/0000000000001/compensate", "{}"), 404, "not_found");
}

}  // namespace sluice::api::http_test
