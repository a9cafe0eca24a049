// Topics: bindings, publishing, batches that mix queues and topics, triggers.
#include "server_fixture.h"

namespace sluice::api::http_test {

TEST_CASE("a topic's bindings are made, shown and removed, and its messages go where they say") {
  Host host;
  CHECK(host->get("/v1/topics").json()["items"].empty());
  CHECK(host->get("/v1/topics/orders").json() ==
        Json::parse(R"({"name":"orders","queue":"topic:orders","bindings":[]})"));
  const auto publish = [&](const std::string& body) {
    return host->post("/v1/topics/orders/publish", body);
  };
  const Reply unbound = publish(R"({"messages":[{"key":"k","body":1}]})");
  CHECK(unbound.status == 201);
  CHECK(unbound.json() == Json::parse(R"({"routed":1,"items":[{"status":201,"routed":1,)"
                                      R"("dead_letters":0,"queued":true}]})"));

  const std::string eu = "/v1/topics/orders/bindings/eu";
  const Reply made = host->put(eu, R"({"pattern":"order.eu.#","to":"queue:eu"})");
  CHECK(made.status == 201);
  CHECK(made.json() == Json::parse(R"({"topic":"orders","name":"eu","pattern":"order.eu.#",)"
                                   R"("to":"queue:eu","origin":"operator"})"));
  CHECK(host->put(eu, R"({"pattern":"order.#","to":"queue:eu","filter":"{% n > 1 %}"})").status ==
        200);
  CHECK(host->get(eu).json()["filter"] == "{% n > 1 %}");
  CHECK(host->put("/v1/topics/orders/bindings/none", R"({"pattern":"#","to":"workflow:none"})")
            .status == 201);
  const Json topic = host->get("/v1/topics/orders").json();
  CHECK(topic["bindings"].size() == 2);
  CHECK_FALSE(topic.contains("queue"));
  CHECK(host->get("/v1/topics").json()["items"] ==
        Json::parse(R"([{"name":"orders","bindings":2}])"));

  const Json sent = publish(R"({"messages":[{"key":"order.a","body":{"n":2}},
                                            {"key":"order.a","body":{"n":1}}]})")
                        .json();
  CHECK(sent["routed"] == 3);
  CHECK(sent["items"][0] == Json::parse(R"({"status":201,"routed":2,"dead_letters":1})"));
  CHECK(host->get("/v1/queues/eu").json()["ready"] == 1);
  const Json letter = host->get("/v1/dead-letters").json()["items"][0];
  CHECK(letter["kind"] == "binding");
  CHECK(letter["topic"] == "orders");
  CHECK(letter["binding"] == "none");
  CHECK(letter["key"] == "order.a");
  const std::string one = "/v1/dead-letters/" + letter["id"].get<std::string>();
  check_problem(host->post(one + "/replay", "{}"), 409, "conflict");
  CHECK(host->call("DELETE", one, R"({"reason":"known"})").status == 200);

  CHECK(host->call("DELETE", eu, "").status == 200);
  check_problem(host->call("DELETE", eu, ""), 404, "not_found");
  check_problem(host->get(eu), 404, "not_found");
  const Reply wrong = host->put(eu, R"({"pattern":"a..b","to":"topic:x","filter":"n > 1"})");
  check_problem(wrong, 422, "invalid_argument");
  CHECK(wrong.json()["errors"].size() == 3);
  check_problem(host->put(eu, R"({"to":5})"), 422, "invalid_argument");
  check_problem(publish(R"({"messages":[{"key":"k"}]})"), 422, "invalid_argument");
  check_problem(publish(R"({"messages":[]})"), 422, "invalid_argument");
}

TEST_CASE("one batch sends to queues and publishes to topics, or does neither") {
  Host host;
  REQUIRE(host->put("/v1/topics/t/bindings/b", R"({"pattern":"k","to":"queue:bound"})").status ==
          201);
  const Reply sent = host->post("/v1/messages:batch", R"({"messages":[
      {"topic":"t","key":"k","body":1},{"queue":"q","body":2},{"topic":"t","key":"x","body":3}]})");
  CHECK(sent.status == 201);
  const Json items = sent.json()["items"];
  REQUIRE(items.size() == 3);
  CHECK(items[0]["routed"] == 1);
  CHECK(items[1].contains("id"));
  CHECK(items[2]["routed"] == 0);
  const Reply wrong = host->post("/v1/messages:batch", R"({"messages":[{"queue":"q","body":1},
      {"topic":"white space","key":"\u0001","body":1},{"topic":"t","queue":"q","body":1}]})");
  check_problem(wrong, 422, "invalid_argument");
  std::string places;
  const Json said = wrong.json();
  for (const auto& error : said["errors"]) places += error["pointer"].get<std::string>() + " ";
  CHECK(places == "/messages/1/topic /messages/1/key /messages/2/queue ");
  CHECK(host->get("/v1/queues/q").json()["ready"] == 1);
  CHECK(host->get("/v1/queues/bound").json()["ready"] == 1);
}

TEST_CASE("a trigger is shown with its workflow, and only its definition takes it away") {
  Host host;
  REQUIRE(host->put("/v1/workflows/fulfil", R"({"StartAt":"A","Triggers":[{"Topic":"orders",
      "Pattern":"order.*"}],"States":{"A":{"Type":"Pass","End":true}}})")
              .status == 201);
  const Json binding = host->get("/v1/topics/orders").json()["bindings"][0];
  CHECK(binding["origin"] == "workflow");
  CHECK(binding["workflow"] == "fulfil");
  CHECK(binding["to"] == "workflow:fulfil");
  const std::string place = "/v1/topics/orders/bindings/workflow:fulfil:0";
  check_problem(host->call("DELETE", place, ""), 409, "conflict");
  check_problem(host->put(place, R"({"pattern":"#","to":"queue:q"})"), 409, "conflict");
  check_problem(host->put("/v1/workflows/fulfil", R"({"StartAt":"A","Triggers":[{"Pattern":"a*"},
      {"EverySeconds":5}],"States":{"A":{"Type":"Pass","End":true}}})"),
                422, "invalid_definition");
}

}  // namespace sluice::api::http_test
