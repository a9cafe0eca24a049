// Counters and locks over REST.
#include "server_fixture.h"

namespace sluice::api::http_test {
namespace {

constexpr const char* definition = R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task",
  "Resource":"queue:pay","End":true,"Lock":{"Name.$":"$.who"},
  "Counters":[{"Name":"open orders / eu","On":"Enter","Add":1}]}}})";

std::string start(Host& host, const char* who) {
  const auto started =
      host->post("/v1/workflows/orders/runs", std::string(R"({"input":{"who":")") + who + "\"}}");
  REQUIRE(started.status == 201);
  return started.json()["id"];
}

TEST_CASE("locks and counters are listed, and changed with a reason that the audit log keeps") {
  Host host;
  REQUIRE(host->put("/v1/workflows/orders", definition).status == 201);
  const std::string a = start(host, "a b"), b = start(host, "a b");
  const Json locks = host->get("/v1/locks").json()["items"];
  REQUIRE(locks.size() == 1);
  CHECK(locks[0]["name"] == "a b");
  CHECK(locks[0]["permits"] == 1);
  CHECK(locks[0]["holders"][0]["run"] == a);
  CHECK(locks[0]["waiting"] == 1);
  const Json one = host->get("/v1/locks?name=a%20b").json()["items"][0];
  CHECK(one["line"][0]["run"] == b);
  CHECK(host->get("/v1/locks?name=c").status == 404);
  const Json why = host->get("/v1/runs/" + b + "/why").json();
  CHECK(why["waiting_for"][0]["kind"] == "lock");

  CHECK(host->post("/v1/locks/release?name=a%20b", "{}").status == 422);
  CHECK(host->post("/v1/locks/release?name=a%20b", R"({"reason":"stuck","run":"no id!"})").status ==
        422);
  CHECK(host->post("/v1/locks/release?name=c", R"({"reason":"stuck"})").status == 404);
  const auto released = host->post("/v1/locks/release?name=a%20b", R"({"reason":"stuck"})");
  REQUIRE(released.status == 200);
  CHECK(released.json()["runs"] == Json::array({a}));
  CHECK(host->get("/v1/locks").json()["items"][0]["holders"][0]["run"] == b);

  const Json counters = host->get("/v1/counters").json()["items"];
  REQUIRE(counters.size() == 1);
  CHECK(counters[0] == Json{{"name", "open orders / eu"}, {"value", 2}, {"waiting", 0}});
  const std::string adjust = "/v1/counters/adjust?name=open%20orders%20%2F%20eu";
  CHECK(host->post(adjust, R"({"add":1})").json()["errors"][0]["pointer"] == "/reason");
  CHECK(host->post(adjust, R"({"add":1,"value":3,"reason":"x"})").status == 422);
  CHECK(host->post(adjust, R"({"reason":"x"})").status == 422);
  CHECK(host->post("/v1/counters/adjust", R"({"add":1,"reason":"x"})").status == 422);
  const auto adjusted = host->post(adjust, R"({"value":17,"reason":"counted by hand"})");
  REQUIRE(adjusted.status == 200);
  CHECK(adjusted.json() == Json{{"value", 17}, {"before", 2}});
  const Json audit = host->get("/v1/audit").json()["items"];
  CHECK(audit[0]["kind"] == "counter.adjust");
  CHECK(audit[0]["target"] == "counter:open orders / eu");
  CHECK(audit[0]["reason"] == "counted by hand");
  CHECK(audit[1]["kind"] == "lock.release");
  CHECK(audit[1]["detail"]["runs"] == Json::array({a}));
}

TEST_CASE("pages of locks and counters go on from their cursor") {
  Host host;
  REQUIRE(host->put("/v1/workflows/orders", definition).status == 201);
  for (const char* who : {"a", "b", "c"}) start(host, who);
  const Json first = host->get("/v1/locks?limit=2").json();
  CHECK(first["items"].size() == 2);
  const Json rest =
      host->get("/v1/locks?limit=2&cursor=" + first["next"].get<std::string>()).json();
  REQUIRE(rest["items"].size() == 1);
  CHECK(rest["items"][0]["name"] == "c");
  CHECK(rest["next"].is_null());
}

}  // namespace
}  // namespace sluice::api::http_test
