// Queue limits over REST: settings, what a queue shows, and what is refused.
#include "server_fixture.h"

namespace sluice::api::http_test {

TEST_CASE("limits are set, shown and cleared, and each wrong one is named with its place") {
  Host host;
  const std::string queue = "/v1/queues/pay";
  const Reply set = host->put(
      queue, R"({"Concurrency":2,"RatePerSecond":50,"Burst":100,"Capacity":3,"WhenFull":"Reject",)"
             R"("OrderOnDead":"Block","DedupBy":"Body","DedupSeconds":60})");
  CHECK(set.status == 200);
  const Json settings = set.json()["settings"];
  CHECK(settings["Concurrency"] == 2);
  CHECK(settings["RatePerSecond"] == 50);
  CHECK(settings["Burst"] == 100);
  CHECK(settings["Capacity"] == 3);
  CHECK(settings["WhenFull"] == "Reject");
  CHECK(settings["MaxWaiting"] == 1000);
  CHECK(settings["OrderOnDead"] == "Block");
  CHECK(settings["DedupBy"] == "Body");
  CHECK(host->call("DELETE", queue + "/settings", "").status == 200);
  const Json cleared = host->get(queue).json();
  CHECK_FALSE(cleared["settings"].contains("Concurrency"));
  CHECK_FALSE(cleared["settings"].contains("Capacity"));
  CHECK(cleared["waiting"] == 0);
  CHECK(cleared["next_token_at"].is_null());

  const Reply wrong =
      host->put(queue, R"({"Concurrency":0,"Burst":5,"Capacity":1,"WhenFull":"DropOldest",)"
                       R"("Breaker":{},"OrderOnDead":7})");
  check_problem(wrong, 422, "invalid_argument");
  std::string places;
  const Json problem = wrong.json();
  for (const auto& error : problem["errors"]) places += error["pointer"].get<std::string>() + " ";
  CHECK(places == "/Burst /Concurrency /OrderOnDead /WhenFull /Breaker ");
}

TEST_CASE("messages of one key are shown as blocked, and a full queue answers 429") {
  Host host;
  CHECK(host->put("/v1/queues/mail", R"({"Capacity":2})").status == 200);
  const std::string messages = "/v1/queues/mail/messages";
  CHECK(host->post(messages,
                   R"({"messages":[{"body":1,"order_key":"k"},{"body":2,"order_key":"k"}]})")
            .status == 201);
  const Json queue = host->get("/v1/queues/mail").json();
  CHECK(queue["ready"] == 1);
  CHECK(queue["blocked"] == 1);
  CHECK(queue["depth"] == 2);
  const Json page = host->get(messages).json();
  CHECK(page["items"][1]["status"] == "blocked");
  CHECK(page["items"][1]["order_key"] == "k");
  const Reply full = host->post(messages, R"({"messages":[{"body":3}]})");
  check_problem(full, 429, "overloaded");
  CHECK(full.json()["detail"].get<std::string>().find("Capacity of 2") != std::string::npos);
  check_problem(host->post(messages, R"({"messages":[{"body":3,"order_key":""}]})"), 422,
                "invalid_argument");
  const auto tasks = host->post("/v1/queues/mail/lease", R"({"max":10})").json()["tasks"];
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0]["body"] == 1);
}

}  // namespace sluice::api::http_test
