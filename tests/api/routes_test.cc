#include "raw_socket.h"
#include "server_fixture.h"

namespace sluice::api::http_test {

TEST_CASE("a definition is deployed once for each text, and every version can be read") {
  Host host;
  const Reply first = host->put("/v1/workflows/orders", orders_definition);
  REQUIRE(first.status == 201);
  CHECK(first.json()["version"] == 1);
  CHECK(first.json()["warnings"].is_array());
  const Reply again = host->put("/v1/workflows/orders", orders_definition);
  CHECK(again.status == 200);
  CHECK(again.json()["version"] == 1);
  CHECK(again.json()["hash"] == first.json()["hash"]);
  const Reply second = host->put("/v1/workflows/orders",
                                 R"({"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}})");
  CHECK(second.status == 201);
  CHECK(second.json()["version"] == 2);

  CHECK(host->get("/v1/workflows/orders").json()["version"] == 2);
  const Json old = host->get("/v1/workflows/orders/versions/1").json();
  CHECK(old["definition"]["StartAt"] == "Pay");
  check_problem(host->get("/v1/workflows/orders/versions/3"), 404, "not_found");
  check_problem(host->get("/v1/workflows/orders/versions/x"), 404, "not_found");
  check_problem(host->get("/v1/workflows/none"), 404, "not_found");

  const Json page = host->get("/v1/workflows/orders/versions?limit=1").json();
  REQUIRE(page["items"].size() == 1);
  CHECK(page["items"][0]["version"] == 2);
  const Json rest =
      host->get("/v1/workflows/orders/versions?cursor=" + page["next"].get<std::string>()).json();
  CHECK(rest["items"][0]["version"] == 1);
  CHECK(rest["next"].is_null());
  CHECK(host->get("/v1/workflows").json()["items"][0]["name"] == "orders");
}

TEST_CASE("a dry run deploys nothing, and tells every problem of a wrong definition") {
  Host host;
  CHECK(host->put("/v1/workflows/orders?dry_run=true", orders_definition).status == 200);
  check_problem(host->get("/v1/workflows/orders"), 404, "not_found");
  const Reply wrong = host->put(
      "/v1/workflows/orders",
      R"({"StartAt":"Py","States":{"Pay":{"Type":"Task","Resource":"queue:pay","Next":"Shp"}}})");
  check_problem(wrong, 422, "invalid_definition");
  CHECK(wrong.names("/StartAt"));
  CHECK(wrong.names("/States/Pay/Next"));
  check_problem(host->put("/v1/workflows/orders", ""), 400, "bad_json");
}

TEST_CASE("a workflow is drawn as JSON, Mermaid and Graphviz") {
  Host host;
  host.deploy();
  const Reply json = host->get("/v1/workflows/orders/graph");
  CHECK(json.json()["nodes"].size() == 2);
  CHECK(host->get("/v1/workflows/orders/graph?format=mermaid").text.find("flowchart") !=
        std::string::npos);
  CHECK(host->get("/v1/workflows/orders/graph?format=dot").text.find("digraph") !=
        std::string::npos);
  check_problem(host->get("/v1/workflows/none/graph"), 404, "not_found");
}

TEST_CASE("a run goes through its stages by lease and complete, and can be looked at on the way") {
  Host host;
  host.deploy();
  const std::string run = host.start(R"({"n":1})");
  const Json waiting = host->get("/v1/runs/" + run).json();
  CHECK(waiting["status"] == "RUNNING");
  CHECK(waiting["input"] == Json{{"n", 1}});
  REQUIRE(waiting["waiting_for"].size() == 1);
  CHECK(waiting["waiting_for"][0]["state"] == "Pay");
  CHECK(waiting["waiting_for"][0]["kind"] == "message");
  CHECK(host->get("/v1/runs/" + run + "/why").json()["waiting_for"].size() == 1);

  const Json task = host.lease_one("pay");
  CHECK(task["body"] == Json{{"n", 1}});
  CHECK(task["run"] == run);
  CHECK(task["state"] == "Pay");
  CHECK(task["attempt"] == 1);
  const std::string token = task["token"];
  CHECK(host->post("/v1/tasks/" + token + "/heartbeat").json().contains("lease_until"));
  CHECK(host->post("/v1/tasks/" + token + "/complete", R"({"output":{"paid":true}})").status ==
        200);
  CHECK(host->post("/v1/tasks/" + token + "/complete", R"({"output":1})").status == 200);
  check_problem(host->post("/v1/tasks/" + token + "/fail", R"({"error":"X"})"), 409, "stale_token");

  const Json ship = host.lease_one("ship");
  CHECK(host->post("/v1/tasks/" + ship["token"].get<std::string>() + "/complete",
                   R"({"output":{"done":1}})")
            .status == 200);
  const Json ended = host->get("/v1/runs/" + run + "?wait=30").json();
  CHECK(ended["status"] == "SUCCEEDED");
  CHECK(ended["output"] == Json{{"done", 1}});
  CHECK(ended.contains("ended_at"));
  CHECK(ended["waiting_for"].empty());

  const Json history = host->get("/v1/runs/" + run + "/history?limit=1000").json();
  CHECK(history["items"][0]["type"] == "ExecutionStarted");
  CHECK(history["items"].back()["type"] == "ExecutionSucceeded");
  std::vector<std::string> handed_out;
  for (const auto& event : history["items"])
    if (event["type"] == "TaskStarted") handed_out.push_back(event.value("state", ""));
  CHECK(handed_out == std::vector<std::string>{"Pay", "Ship"});
  const Json page = host->get("/v1/runs/" + run + "/history?limit=2").json();
  REQUIRE(page["items"].size() == 2);
  const Json next =
      host->get("/v1/runs/" + run + "/history?limit=2&cursor=" + page["next"].get<std::string>())
          .json();
  CHECK(next["items"][0]["id"] == 3);
  CHECK(host->get("/v1/runs/" + run + "/history?after=2&limit=1").json()["items"][0]["id"] == 3);
}

TEST_CASE(
    "an answer by task token is given once; its repetition is harmless wherever the run stands") {
  Host host;
  REQUIRE(host->put("/v1/workflows/parcels", R"({"StartAt":"Ship","States":{
      "Ship":{"Type":"Task","Resource":"queue:ship.waitForTaskToken",
              "Parameters":{"token.$":"$$.Task.Token"},"HeartbeatSeconds":30,"Next":"Window"},
      "Window":{"Type":"Wait","Seconds":3600,"Next":"Ask"},
      "Ask":{"Type":"Task","Resource":"queue:ask","End":true}}})")
              .status == 201);
  const Json started = host->post("/v1/workflows/parcels/runs", R"({"input":{}})").json();
  const std::string run = started["id"];
  const Json call = host.lease_one("ship");
  const std::string answer = "/v1/tasks/" + call["body"]["token"].get<std::string>();
  CHECK(host->post("/v1/tasks/" + call["token"].get<std::string>() + "/complete", R"({"output":1})")
            .status == 200);
  CHECK(host->get("/v1/runs/" + run).json()["waiting_for"][0]["kind"] == "token");
  CHECK(host->post(answer + "/complete", R"({"output":{"arrived":true}})").status == 200);
  CHECK(host->get("/v1/runs/" + run).json()["waiting_for"][0]["state"] == "Window");
  CHECK(host->post(answer + "/complete", R"({"output":2})").status == 200);
  check_problem(host->post(answer + "/fail", R"({"error":"Lost"})"), 409, "stale_token");
  check_problem(host->post(answer + "/heartbeat"), 409, "stale_token");
  CHECK(host->get("/v1/runs/" + run).json()["waiting_for"][0]["state"] == "Window");
}

TEST_CASE("complete with a lease takes the next task in the same call") {
  Host host;
  host.deploy();
  host.start();
  const Json task = host.lease_one("pay");
  const Reply next = host->post("/v1/tasks/" + task["token"].get<std::string>() + "/complete",
                                R"({"output":{},"lease":{"queue":"ship","max":1,"wait":20}})");
  REQUIRE(next.status == 200);
  REQUIRE(next.json()["tasks"].size() == 1);
  CHECK(next.json()["tasks"][0]["state"] == "Ship");
  check_problem(host->post("/v1/tasks/x/complete", R"({"output":1,"lease":{"max":1}})"), 422,
                "invalid_argument");
}

TEST_CASE("a batch of task verbs has a result for each") {
  Host host;
  host.deploy();
  host.start();
  host.start();
  const Json tasks = host->post("/v1/queues/pay/lease", R"({"max":2,"wait":20})").json()["tasks"];
  REQUIRE(tasks.size() == 2);
  const Json body{{"items",
                   {{{"op", "complete"}, {"token", tasks[0]["token"]}, {"output", 1}},
                    {{"op", "heartbeat"}, {"token", tasks[1]["token"]}},
                    {{"op", "release"}, {"token", "nonsense"}}}},
                  {"lease", {{"queue", "ship"}, {"wait", 20}}}};
  const Reply reply = host->post("/v1/tasks:batch", to_text(body));
  REQUIRE_MESSAGE(reply.status == 200, reply.text);
  const Json items = reply.json()["items"];
  CHECK(items[0]["status"] == 200);
  CHECK(items[1].contains("lease_until"));
  CHECK(items[2]["status"].get<int>() >= 400);
  CHECK(items[2].contains("code"));
  CHECK(reply.json()["tasks"].size() == 1);

  const Reply wrong = host->post(
      "/v1/tasks:batch", R"({"items":[{"op":"complete","token":"x"},{"op":"dance","token":"y"}]})");
  check_problem(wrong, 422, "invalid_argument");
  CHECK(wrong.names("/items/0/output"));
  CHECK(wrong.names("/items/1/op"));
}

TEST_CASE("a start with a name is the same run again, and another input a conflict") {
  Host host;
  host.deploy();
  const Reply first =
      host->post("/v1/workflows/orders/runs", R"({"input":1,"name":"n1","labels":{"shop":"b"}})");
  CHECK(first.status == 201);
  const Reply again = host->post("/v1/workflows/orders/runs", R"({"input":1,"name":"n1"})");
  CHECK(again.status == 200);
  CHECK(again.json()["id"] == first.json()["id"]);
  check_problem(host->post("/v1/workflows/orders/runs", R"({"input":2,"name":"n1"})"), 409,
                "conflict");
  check_problem(host->post("/v1/workflows/none/runs", R"({"input":1})"), 404, "not_found");

  host.start();
  CHECK(host->get("/v1/runs?workflow=orders").json()["items"].size() == 2);
  CHECK(host->get("/v1/runs?label=shop:b").json()["items"].size() == 1);
  CHECK(host->get("/v1/runs?label=shop:c").json()["items"].empty());
  CHECK(host->get("/v1/runs?q=n1").json()["items"].size() == 1);
  CHECK(host->get("/v1/runs?state=Pay&status=RUNNING").json()["items"].size() == 2);
  check_problem(host->get("/v1/runs?label=shop"), 422, "invalid_argument");
  const Json page = host->get("/v1/runs?limit=1").json();
  REQUIRE(page["items"].size() == 1);
  const Json rest = host->get("/v1/runs?limit=1&cursor=" + page["next"].get<std::string>()).json();
  REQUIRE(rest["items"].size() == 1);
  CHECK(rest["items"][0]["id"] != page["items"][0]["id"]);
}

TEST_CASE("a cursor that no page can have given is refused, not taken for the beginning") {
  Host host;
  host.deploy();
  host.start();
  for (const char* list :
       {"/v1/runs", "/v1/dead-letters", "/v1/queues/pay/dead-letters", "/v1/queues/pay/messages"}) {
    const Reply refused = host->get(std::string(list) + "?cursor=nonsense");
    check_problem(refused, 422, "invalid_argument");
    CHECK(refused.names("cursor"));
  }
}

TEST_CASE("an Idempotency-Key gives the first answer again, and refuses another body") {
  Host host;
  host.deploy();
  const httplib::Headers key{{"Idempotency-Key", "k-1"}};
  const Reply first = host->post("/v1/workflows/orders/runs", R"({"input":1})", key);
  CHECK(first.status == 201);
  const Reply again = host->post("/v1/workflows/orders/runs", R"({"input":1})", key);
  CHECK(again.status == 201);
  CHECK(again.text == first.text);
  check_problem(host->post("/v1/workflows/orders/runs", R"({"input":2})", key), 409, "conflict");
  const Reply sent = host->post("/v1/queues/q/messages", R"({"messages":[{"body":1}]})", key);
  CHECK(sent.status == 201);
  CHECK(host->post("/v1/queues/q/messages", R"({"messages":[{"body":1}]})", key).text == sent.text);
  CHECK(host.engine->queue("q")->ready == 1);
  const Reply refused = host->post("/v1/queues/q/messages", R"({"messages":[{"body":1}]})",
                                   {{"Idempotency-Key", std::string(256, 'a')}});
  check_problem(refused, 422, "invalid_argument");
  CHECK(refused.names("Idempotency-Key"));
}

TEST_CASE("a start that waits answers with the run when it has ended, or 202") {
  Host host;
  REQUIRE(host->put("/v1/workflows/quick",
                    R"({"StartAt":"A","States":{"A":{"Type":"Pass","Result":7,"End":true}}})")
              .status == 201);
  const Reply ended = host->post("/v1/workflows/quick/runs?wait=30", R"({"input":1})");
  CHECK(ended.status == 200);
  CHECK(ended.json()["status"] == "SUCCEEDED");
  CHECK(ended.json()["output"] == 7);
  host.deploy();
  const Reply still = host->post("/v1/workflows/orders/runs?wait=0.01", R"({"input":1})");
  CHECK(still.status == 202);
  CHECK(still.json()["status"] == "RUNNING");
}

TEST_CASE("many runs start in one commit; with atomic, all or none") {
  Host host;
  host.deploy();
  const Reply some =
      host->post("/v1/workflows/orders/runs:batch",
                 R"({"items":[{"input":1,"name":"a"},{"input":2,"name":"a"},{"input":3}]})");
  REQUIRE(some.status == 200);
  CHECK(some.json()["items"][0]["status"] == 201);
  CHECK(some.json()["items"][1]["status"] == 409);
  CHECK(some.json()["items"][2]["status"] == 201);
  const Reply none = host->post("/v1/workflows/orders/runs:batch?atomic=true",
                                R"({"items":[{"input":1,"name":"b"},{"input":2,"name":"b"}]})");
  CHECK(none.json()["items"][0]["status"] == 409);
  CHECK(host->get("/v1/runs").json()["items"].size() == 2);
  std::string many = R"({"items":[)";
  for (int i = 0; i < 1'001; ++i) many += i ? R"(,{"input":1})" : R"({"input":1})";
  const Reply refused = host->post("/v1/workflows/orders/runs:batch", many + "]}");
  check_problem(refused, 422, "invalid_argument");
  CHECK(refused.names("/items"));
}

TEST_CASE("an operator pauses, resumes, skips, fails and cancels runs") {
  Host host;
  host.deploy();
  const std::string run = host.start();
  CHECK(host->post("/v1/runs/" + run + "/pause").status == 200);
  CHECK(host->get("/v1/runs/" + run).json()["status"] == "PAUSED");
  CHECK(host->post("/v1/runs/" + run + "/resume").status == 200);
  CHECK(host->post("/v1/runs/" + run + "/skip", R"({"output":{"skipped":1}})").status == 200);
  CHECK(host->get("/v1/runs/" + run).json()["waiting_for"][0]["state"] == "Ship");
  CHECK(host->post("/v1/runs/" + run + "/fail", R"({"error":"By.Hand"})").status == 200);
  const Json failed = host->get("/v1/runs/" + run).json();
  CHECK(failed["status"] == "FAILED");
  CHECK(failed["error"] == "By.Hand");
  CHECK(host->post("/v1/runs/" + run + "/redrive").status == 200);
  CHECK(host->post("/v1/runs/" + run + "/cancel", R"({"cause":"enough"})").status == 200);
  CHECK(host->get("/v1/runs/" + run).json()["status"] == "ABORTED");
  check_problem(host->post("/v1/runs/" + run + "/pause"), 409, "conflict");
  check_problem(host->post("/v1/runs/0000000000001/pause"), 404, "not_found");
  check_problem(host->post("/v1/runs/what/pause"), 404, "not_found");
  check_problem(host->post("/v1/runs/" + run + "/skip", R"({"output":1,"frame":"x"})"), 422,
                "invalid_argument");
}

TEST_CASE("a queue has settings, messages, and can be paused, purged and deleted") {
  Host host;
  const Reply put = host->put("/v1/queues/mail", R"({"LeaseSeconds":5,"MaxDeliveries":2})");
  REQUIRE_MESSAGE(put.status == 200, put.text);
  CHECK(put.json()["settings"]["LeaseSeconds"] == 5);
  CHECK(put.json()["settings_by_operator"] == true);
  check_problem(host->put("/v1/queues/mail", R"({"LeaseSeconds":"x","Colour":1})"), 422,
                "invalid_argument");
  CHECK(host->del("/v1/queues/mail/settings").status == 200);
  CHECK(host->get("/v1/queues/mail").json()["settings_by_operator"] == false);

  const Reply sent = host->post(
      "/v1/queues/mail/messages",
      R"({"messages":[{"body":{"a":[1, 2]},"headers":{"k":"v"},"priority":9},{"body":2,"delay_seconds":3600}]})");
  REQUIRE_MESSAGE(sent.status == 201, sent.text);
  CHECK(sent.json()["items"].size() == 2);
  const Json queue = host->get("/v1/queues/mail").json();
  CHECK(queue["ready"] == 1);
  CHECK(queue["delayed"] == 1);
  CHECK(queue["depth"] == 2);
  const Json peeked = host->get("/v1/queues/mail/messages").json();
  REQUIRE(peeked["items"].size() == 2);
  const Json task = host.lease_one("mail");
  CHECK(task["headers"] == Json{{"k", "v"}});
  CHECK(task["body"] == Json{{"a", {1, 2}}});
  CHECK(host->post("/v1/tasks/" + task["token"].get<std::string>() + "/release").status == 200);

  CHECK(host->post("/v1/queues/mail/pause").status == 200);
  CHECK(host->post("/v1/queues/mail/lease").json()["tasks"].empty());
  CHECK(host->post("/v1/queues/mail/resume").status == 200);
  check_problem(host->del("/v1/queues/mail"), 409, "conflict");
  CHECK(host->post("/v1/queues/mail/purge").json()["removed"] == 2);
  CHECK(host->del("/v1/queues/mail").status == 200);
  check_problem(host->get("/v1/queues/mail"), 404, "not_found");
  check_problem(host->get("/v1/queues/none/messages"), 404, "not_found");
}

TEST_CASE("messages to several queues are sent all or none") {
  Host host;
  CHECK(host->post("/v1/messages:batch",
                   R"({"messages":[{"queue":"a","body":1},{"queue":"b","body":2}]})")
            .status == 201);
  CHECK(host->get("/v1/queues?limit=1").json()["items"][0]["name"] == "a");
  CHECK(host->get("/v1/queues?limit=1&cursor=a").json()["items"][0]["name"] == "b");
  const Reply wrong =
      host->post("/v1/messages:batch", R"({"messages":[{"queue":"a","body":1},{"body":2}]})");
  check_problem(wrong, 422, "invalid_argument");
  CHECK(wrong.names("/messages/1/queue"));
  CHECK(host.engine->queue("a")->ready == 1);
}

TEST_CASE("a payload over the limit is refused at its place") {
  orchestrator::Options small;
  small.payload_bytes_max = 100;
  Host host({}, small);
  const Reply refused = host->post("/v1/queues/q/messages",
                                   R"({"messages":[{"body":")" + std::string(200, 'a') + "\"}]}");
  check_problem(refused, 422, "invalid_argument");
  CHECK(refused.names("/messages/0/body"));
}

TEST_CASE("a body passes through as it was written") {
  Host host;
  const std::string body = R"({"z":1.0,"a":[1e2, "\u00e9 \/"], "z2" : 12345678901234567890})";
  REQUIRE(host->post("/v1/queues/q/messages", R"({"messages":[{"body": )" + body + " }]}").status ==
          201);
  CHECK(host->post("/v1/queues/q/lease").text.find(body) != std::string::npos);
}

TEST_CASE(
    "a failed run leaves a dead letter, which is listed, shown, replayed with another input, and "
    "dropped") {
  Host host;
  host.deploy();
  const std::string run = host.failed_run();
  const Json page = host->get("/v1/dead-letters").json();
  REQUIRE(page["items"].size() == 1);
  const std::string id = page["items"][0]["id"];
  CHECK(page["items"][0]["error"] == "Payment.Declined");
  CHECK(page["items"][0]["run"] == run);
  CHECK(host->get("/v1/queues/pay/dead-letters").json()["items"].size() == 1);
  CHECK(host->get("/v1/queues/ship/dead-letters").json()["items"].empty());
  CHECK(host->get("/v1/dead-letters?run=" + run).json()["items"].size() == 1);
  check_problem(host->get("/v1/dead-letters?run=x"), 422, "invalid_argument");
  const Json groups = host->get("/v1/dead-letters?group_by=error").json();
  REQUIRE(groups["items"].size() == 1);
  CHECK(groups["items"][0]["count"] == 1);
  const Json shown = host->get("/v1/dead-letters/" + id).json();
  CHECK(shown["body"] == Json{{"n", 1}});
  CHECK(shown["attempt_list"].size() == 1);

  CHECK(host->post("/v1/dead-letters/" + id + "/replay", R"({"input":{"n":2}})").status == 200);
  CHECK(host.lease_one("pay")["body"] == Json{{"n", 2}});
  check_problem(host->post("/v1/dead-letters/" + id + "/replay"), 409, "conflict");
  check_problem(host->get("/v1/dead-letters/0000000000001"), 404, "not_found");

  host.failed_run();
  const std::string other = host->get("/v1/dead-letters").json()["items"][0]["id"];
  check_problem(host->del("/v1/dead-letters/" + other), 422, "invalid_argument");
  check_problem(host->del("/v1/dead-letters/" + other, R"({"reason":""})"), 422,
                "invalid_argument");
  CHECK(host->del("/v1/dead-letters/" + other, R"({"reason":"known"})").status == 200);
  CHECK(host->get("/v1/dead-letters/" + other).json()["reason"] == "known");
}

TEST_CASE("an event wakes who waits for it, and what nobody waits for is shown") {
  Host host;
  REQUIRE(host->put("/v1/workflows/waits", R"({"StartAt":"Paid","States":{"Paid":{"Type":"Task",
      "Resource":"event:paid","Parameters":{"Key.$":"$.order"},"End":true}}})")
              .status == 201);
  const auto start = [&](const std::string& order) {
    return host->post("/v1/workflows/waits/runs", R"({"input":{"order":")" + order + "\"}}")
        .json()["id"]
        .get<std::string>();
  };
  const std::string a = start("a"), b = start("b");
  const Json why = host->get("/v1/runs/" + a).json()["waiting_for"][0];
  CHECK(why["kind"] == "event");
  CHECK(why["name"] == "paid");

  const Json first = host->get("/v1/events/paid/waiters?limit=1").json();
  REQUIRE(first["items"].size() == 1);
  CHECK(first["items"][0]["key"] == "a");
  CHECK(first["items"][0]["run"] == a);
  const Json rest =
      host->get("/v1/events/paid/waiters?cursor=" + first["next"].get<std::string>()).json();
  REQUIRE(rest["items"].size() == 1);
  CHECK(rest["items"][0]["run"] == b);
  CHECK(rest["next"].is_null());

  const Json woken = host->post("/v1/events/paid", R"({"key":"b","body":{"amount":1}})").json();
  CHECK(woken["woken"] == 1);
  CHECK(woken["kept"] == false);
  CHECK(host->get("/v1/runs/" + b).json()["output"] == Json::parse(R"({"amount":1})"));

  for (const char* body : {R"({"key":"z","body":1})", R"({"key":"y"})", R"({"key":"z","body":2})"})
    CHECK(host->post("/v1/events/paid", body).json()["kept"] == true);
  const Json kept = host->get("/v1/events/paid/kept?limit=2").json();
  REQUIRE(kept["items"].size() == 2);
  CHECK(kept["items"][0]["key"] == "y");
  CHECK(kept["items"][0]["body"] == Json::object());
  CHECK(kept["items"][1]["body"] == 1);
  const Json last =
      host->get("/v1/events/paid/kept?cursor=" + kept["next"].get<std::string>()).json();
  REQUIRE(last["items"].size() == 1);
  CHECK(last["items"][0]["body"] == 2);
  CHECK(host->get("/v1/events/other/kept").json()["items"].empty());
  check_problem(host->post("/v1/events/paid", R"({"colour":1})"), 422, "invalid_argument");
  check_problem(host->post("/v1/events/white%20space", "{}"), 422, "invalid_argument");
}

TEST_CASE("the dead letters of a queue are replayed together") {
  Host host;
  host.deploy();
  for (int i = 0; i < 3; ++i) host.failed_run();
  const Json replayed = host->post("/v1/queues/pay/dead-letters/replay",
                                   R"({"limit":2,"filter":{"error":"Payment.Declined"}})")
                            .json();
  CHECK(replayed["replayed"] == 2);
  CHECK(replayed["remaining"] == 1);
  CHECK(host->post("/v1/queues/pay/dead-letters/replay", R"({"filter":{"error":"Other"}})")
            .json()["replayed"] == 0);
  check_problem(host->post("/v1/queues/pay/dead-letters/replay", R"({"filter":{"colour":"x"}})"),
                422, "invalid_argument");
}

TEST_CASE(
    "a history is followed as server-sent events until the run ends, and from where a reader was") {
  Host host;
  host.deploy();
  const std::string run = host.start();
  RawSocket follower(host.server->port());
  REQUIRE(follower.say(
      get_request("/v1/runs/" + run + "/history?follow=true", "Connection: close\r\n")));
  for (const char* queue : {"pay", "ship"}) {
    const Json task = host.lease_one(queue);
    REQUIRE(
        host->post("/v1/tasks/" + task["token"].get<std::string>() + "/complete", R"({"output":1})")
            .status == 200);
  }
  const std::string stream = follower.until_closed();
  CHECK(stream.find("Content-Type: text/event-stream") != std::string::npos);
  CHECK(stream.find("id: 1\nevent: ExecutionStarted\ndata: {") != std::string::npos);
  CHECK(stream.find("event: ExecutionSucceeded\n") != std::string::npos);
  CHECK(stream.ends_with("\r\n0\r\n\r\n"));

  RawSocket again(host.server->port());
  REQUIRE(again.say(get_request("/v1/runs/" + run + "/history?follow=true",
                                "Last-Event-ID: 2\r\nConnection: close\r\n")));
  const std::string rest = again.until_closed();
  CHECK(rest.find("id: 2\n") == std::string::npos);
  CHECK(rest.find("id: 3\n") != std::string::npos);
  check_problem(
      host->call("GET", "/v1/runs/" + run + "/history?follow=true", "", {{"Last-Event-ID", "x"}}),
      422, "invalid_argument");
  check_problem(host->get("/v1/runs/0000000000001/history?follow=true"), 404, "not_found");
}

TEST_CASE(
    "the service says that it lives, is ready, holds its invariants, and counts what it does") {
  Host host;
  host.deploy();
  host.start();
  CHECK(host->get("/healthz").text == "ok\n");
  CHECK(host->get("/readyz").text == "ready\n");
  CHECK(host->get("/").text.find("/openapi.json") != std::string::npos);
  const Json checked = host->post("/v1/check").json();
  CHECK_MESSAGE(checked["ok"] == true, to_text(checked));
  const std::string metrics = host->get("/metrics").text;
  for (const char* line :
       {"sluice_queue_depth{queue=\"pay\"} 1\n", "sluice_runs_started_total 1\n",
        "sluice_http_requests_total{method=\"PUT\",route=\"/v1/workflows/{name}\",status=\"201\"} "
        "1\n",
        "sluice_build_info{version=\"", "# TYPE sluice_http_request_seconds histogram\n"})
    CHECK_MESSAGE(metrics.find(line) != std::string::npos, line);
}

TEST_CASE("an upgrade that is not a WebSocket's is told what to ask for") {
  Host host;
  const Reply refused = host->get("/v1/stream");
  check_problem(refused, 426, "upgrade_required");
  CHECK(refused.headers.find("Upgrade")->second == "websocket");
}

}  // namespace sluice::api::http_test
