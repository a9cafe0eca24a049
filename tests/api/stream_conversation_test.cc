#include "api/stream_conversation.h"

#include "stream_fixture.h"

namespace sluice::api {
namespace {

Json ok(int ref) { return Json{{"op", "ok"}, {"ref", ref}}; }

TEST_CASE("a worker says hello, subscribes, gets its tasks and completes them") {
  Service service;
  service.send("pay", 1, R"({"order":7})");
  Peer peer(service);
  CHECK(!peer.hello().empty());
  const auto tasks = peer.subscribe("pay", 2);
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0]["op"] == "task");
  CHECK(tasks[0]["queue"] == "pay");
  CHECK(tasks[0]["body"]["order"] == 7);
  CHECK(tasks[0]["attempt"] == 1);
  const auto heard = peer.say(verb("complete", 2, tasks[0], R"(,"output":{"paid":true})"));
  REQUIRE(heard.size() == 1);
  CHECK(heard[0] == ok(2));
  CHECK(service.engine->queue("pay")->depth() == 0);
}

TEST_CASE("the welcome carries the limits in force") {
  Service service;
  Peer peer(service);
  peer.hello();
  CHECK(peer.welcome["holds"].empty());
  CHECK(peer.welcome["limits"]["payload_bytes_max"] == 1 << 20);
  CHECK(peer.welcome["limits"]["credit_max"] == 1000);
  CHECK(peer.welcome["limits"]["ping_seconds"] == 5);
  CHECK(peer.welcome["now"] == to_rfc3339(service.clock.wall_now()));
}

TEST_CASE(
    "requests may follow hello in its own frame, and no task precedes the ok of its subscribe") {
  Service service;
  service.send("pay", 3);
  Peer peer(service);
  const auto heard = peer.say(
      R"([{"op":"hello","version":1,"worker":"w"},{"op":"ping","ref":1},{"op":"subscribe","ref":2,"queue":"pay","credit":2}])");
  REQUIRE(heard.size() == 5);
  CHECK(heard[0]["op"] == "welcome");
  CHECK(heard[1] == ok(1));
  CHECK(heard[2] == ok(2));
  CHECK(heard[3]["op"] == "task");
  CHECK(heard[4]["op"] == "task");
}

TEST_CASE("no more tasks are in a worker's hands than its credit") {
  Service service;
  service.send("pay", 10);
  Peer peer(service);
  peer.hello();
  const auto tasks = peer.subscribe("pay", 3);
  REQUIRE(tasks.size() == 3);
  CHECK(service.leased("pay") == 3);

  SUBCASE("complete gives credit back") {
    const auto heard = peer.say(verb("complete", 2, tasks[0], R"(,"output":1)"));
    REQUIRE(heard.size() == 2);
    CHECK(service.leased("pay") == 3);
  }
  SUBCASE("fail gives credit back") {
    CHECK(peer.say(verb("fail", 2, tasks[0], R"(,"error":"E","delay_seconds":60)")).size() == 2);
  }
  SUBCASE("release gives credit back") {
    CHECK(peer.say(verb("release", 2, tasks[0], R"(,"delay_seconds":60)")).size() == 2);
  }
  SUBCASE("heartbeat does not, and tells the new deadline") {
    const auto heard = peer.say(verb("heartbeat", 2, tasks[0], R"(,"lease_seconds":300)"));
    REQUIRE(heard.size() == 1);
    CHECK(heard[0]["op"] == "ok");
    CHECK(heard[0]["lease_until"] == to_rfc3339(service.clock.wall_now() + seconds(300)));
  }
  SUBCASE("a larger credit brings more, a smaller one takes nothing away") {
    const auto heard = peer.say(R"({"op":"credit","ref":2,"queue":"pay","credit":5})");
    CHECK(heard.size() == 3);
    CHECK(peer.say(R"({"op":"credit","ref":3,"queue":"pay","credit":0})").size() == 1);
    CHECK(peer.say(verb("complete", 4, tasks[0], R"(,"output":1)")).size() == 1);
  }
  SUBCASE("unsubscribing ends hand-outs, and what is in hand can still be answered") {
    CHECK(peer.say(R"({"op":"unsubscribe","ref":2,"queue":"pay"})") == std::vector<Json>{ok(2)});
    CHECK(peer.say(verb("complete", 3, tasks[0], R"(,"output":1)")) == std::vector<Json>{ok(3)});
    CHECK(peer.say(R"({"op":"unsubscribe","ref":4,"queue":"pay"})")[0]["code"] == "not_found");
  }
}

TEST_CASE("answers come in the order of the requests, though the engine answers some later") {
  Service service;
  service.send("pay", 1);
  Peer peer(service);
  peer.hello();
  const auto tasks = peer.subscribe("pay", 1);
  // The complete waits for its commit, the others need none.
  peer.utter("[" + verb("complete", 10, tasks[0], R"(,"output":1)") +
             R"(,{"op":"ping","ref":11},{"op":"nonsense","ref":12},{"op":"ping","ref":13}])");
  CHECK(!peer.talk().has_output());
  const auto heard = peer.hear();
  REQUIRE(heard.size() == 4);
  for (int n = 0; n < 4; ++n) CHECK(heard[static_cast<std::size_t>(n)]["ref"] == 10 + n);
  CHECK(heard[2]["code"] == "unsupported");
}

TEST_CASE("repeating a complete is ok, another verb after it is refused") {
  Service service;
  service.send("pay", 1);
  Peer peer(service);
  peer.hello();
  const auto task = peer.subscribe("pay", 1)[0];
  CHECK(peer.say(verb("complete", 2, task, R"(,"output":1)"))[0] == ok(2));
  CHECK(peer.say(verb("complete", 3, task, R"(,"output":2)"))[0] == ok(3));
  const auto heard = peer.say(verb("fail", 4, task));
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["op"] == "error");
  CHECK(heard[0]["ref"] == 4);
}

TEST_CASE("a token that is none is stale, and the connection lives on") {
  Service service;
  Peer peer(service);
  peer.hello();
  const auto heard = peer.say(R"({"op":"complete","ref":1,"token":"nonsense","output":1})");
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["code"] == "stale_token");
  CHECK(peer.closed() == 0);
}

TEST_CASE("send, start, event and publish work here too") {
  Service service;
  Peer peer(service);
  peer.hello();
  auto heard = peer.say(
      R"({"op":"send","ref":1,"queue":"mail","messages":[{"body":1,"dedup_id":"d"},{"body":2}]})");
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["op"] == "ok");
  CHECK(heard[0]["messages"].size() == 2);
  CHECK(service.engine->queue("mail")->ready == 2);
  heard = peer.say(R"({"op":"event","ref":3,"name":"paid","key":"a","body":{"x":1}})");
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["ref"] == 3);
  CHECK(heard[0]["op"] == "ok");
  CHECK(heard[0]["woken"] == 0);
  CHECK(heard[0]["kept"] == true);
  heard = peer.say(
      R"({"op":"publish","ref":4,"topic":"t","messages":[{"key":"k","body":1,"headers":{"h":"1"}},{"body":2}]})");
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["ref"] == 4);
  CHECK(heard[0]["op"] == "ok");
  CHECK(heard[0]["messages"] == Json::parse(R"([{"routed":1,"dead_letters":0,"queued":true},
                        {"routed":1,"dead_letters":0,"queued":true}])"));
  CHECK(service.engine->queue("topic:t")->ready == 2);
  heard = peer.say(R"({"op":"start","ref":2,"workflow":"none","input":{}})");
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["ref"] == 2);
  CHECK(heard[0]["code"] == "not_found");
}

TEST_CASE("what was not promised is refused and ends nothing") {
  Service service;
  Peer peer(service);
  peer.hello();
  CHECK(peer.say(R"({"op":"publish","ref":1,"topic":"t"})")[0]["code"] == "invalid_argument");
  CHECK(peer.say(R"({"op":"event","ref":2})")[0]["code"] == "invalid_argument");
  CHECK(peer.say(R"({"op":"hello","ref":3,"version":1,"worker":"w"})")[0]["code"] == "conflict");
  CHECK(peer.say(R"({"op":"credit","ref":4,"queue":"q","credit":1})")[0]["code"] == "not_found");
  CHECK(peer.say(R"({"op":"complete","ref":5})")[0]["code"] == "invalid_argument");
  CHECK(peer.say("[]").empty());
  CHECK(peer.closed() == 0);
}

TEST_CASE("a conversation that does not begin with a hello ends") {
  struct Row {
    std::string frame;
    std::string code;
    std::uint16_t close;
  };
  const Row rows[] = {
      {R"({"op":"ping"})", "invalid_argument", 1008},
      {R"({"op":"hello","version":2,"worker":"w"})", "unsupported", 1008},
      {R"({"op":"hello","version":1})", "invalid_argument", 1008},
      {R"({"op":"complete"})", "invalid_argument", 1008},
      {"nonsense", "bad_json", 1007},
      {"[" + std::string(2000, '1') + "]", "bad_json", 1007},
  };
  for (const Row& row : rows) {
    CAPTURE(row.frame);
    Service service;
    Peer peer(service);
    const auto heard = peer.say(row.frame);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0]["op"] == "error");
    if (row.code != "bad_json") CHECK(heard[0]["code"] == row.code);
    CHECK(peer.closed() != 0);
    if (row.code != "bad_json") CHECK(peer.closed() == row.close);
    CHECK(peer.say(R"({"op":"hello","version":1,"worker":"w"})").empty());
  }
}

TEST_CASE("a hello that does not come in time ends the connection, one that came does not") {
  Service service;
  Peer late(service), timely(service);
  late.talk().hello_is_late();
  CHECK(late.hear().size() == 1);
  CHECK(late.closed() == 1008);
  timely.hello();
  timely.talk().hello_is_late();
  CHECK(timely.closed() == 0);
}

TEST_CASE("a frame that is no JSON ends the connection after what was asked before is answered") {
  Service service;
  service.send("pay", 1);
  Peer peer(service);
  peer.hello();
  const auto task = peer.subscribe("pay", 1)[0];
  peer.utter(verb("complete", 2, task, R"(,"output":1)"));
  peer.utter("{nonsense");
  CHECK(peer.talk().closing() == nullptr);
  const auto heard = peer.hear();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0] == ok(2));
  CHECK(heard[1]["code"] == "bad_json");
  CHECK(peer.closed() == 1007);
}

TEST_CASE("binary frames, endless arrays and bottomless nesting end the connection") {
  Service service;
  {
    Peer peer(service);
    peer.hello();
    peer.talk().receive_binary();
    CHECK(peer.closed() == 1003);
  }
  {
    Peer peer(service);
    peer.hello();
    std::string many = "[";
    for (int n = 0; n < 1001; ++n) many += n == 0 ? R"({"op":"ping"})" : R"(,{"op":"ping"})";
    CHECK(peer.say(many + "]").size() == 1);
    CHECK(peer.closed() == 1008);
  }
  {
    Peer peer(service);
    peer.hello();
    const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
    const auto heard = peer.say(R"({"op":"complete","token":"t","output":)" + deep + "}");
    REQUIRE(heard.size() == 1);
    CHECK(heard[0]["code"] == "invalid_argument");
    CHECK(peer.closed() == 1008);
  }
}

TEST_CASE("a cancelled run's task is revoked, and its credit comes back") {
  Service service;
  service.deploy("orders",
                 R"({"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"queue:pay",
    "HeartbeatSeconds":20,"End":true}}})");
  Peer peer(service);
  peer.hello();
  CHECK(peer.subscribe("pay", 1).empty());
  auto heard = peer.say(R"({"op":"start","ref":2,"workflow":"orders","input":{"order":7}})");
  REQUIRE(heard.size() == 2);
  const Json task = heard[0]["op"] == "task" ? heard[0] : heard[1];
  const Json started = heard[0]["op"] == "task" ? heard[1] : heard[0];
  CHECK(started["existing"] == false);
  CHECK(task["run"] == started["id"]);
  CHECK(task["workflow"] == "orders");
  CHECK(task["state"] == "Pay");
  CHECK(task["heartbeat_seconds"] == 20);
  service.send("pay", 1);
  CHECK(peer.hear().empty());

  service.cancel(started["id"]);
  heard = peer.hear();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0] == Json{{"op", "revoke"}, {"token", task["token"]}});
  const std::string revoked =
      R"({"op":"revoked","token":")" + task["token"].get<std::string>() + "\"}";
  SUBCASE("by the acknowledgement") {
    heard = peer.say(revoked);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0]["op"] == "task");
  }
  SUBCASE("or by an answer that crossed the revoke, which is stale") {
    heard = peer.say(verb("complete", 3, task, R"(,"output":1)"));
    REQUIRE(heard.size() == 2);
    const Json& refused = heard[0]["op"] == "error" ? heard[0] : heard[1];
    CHECK(refused["ref"] == 3);
    CHECK(refused["code"] == "stale_token");
    CHECK(peer.say(revoked).empty());
  }
}

TEST_CASE("a lost connection has the grace to come back with what it holds") {
  Service service;
  service.send("pay", 2);
  std::string session;
  Json first, second;
  {
    Peer peer(service);
    session = peer.hello();
    const auto tasks = peer.subscribe("pay", 2);
    REQUIRE(tasks.size() == 2);
    first = tasks[0], second = tasks[1];
    peer.lose();
  }
  service.clock.advance(milliseconds(1500));
  service.engine->pump();
  CHECK(service.leased("pay") == 2);
  Peer again(service);
  again.hello(
      fmt::format(R"(,"session":"{}","holds":["{}"])", session, first["token"].get<std::string>()));
  REQUIRE(again.welcome["holds"].size() == 1);
  CHECK(again.welcome["holds"][0] == first["token"]);
  // What it did not name never reached it, and is handed out again.
  const auto tasks = again.subscribe("pay", 2);
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0]["id"] == second["id"]);
  CHECK(tasks[0]["attempt"] == 2);
  CHECK(again.say(verb("complete", 5, first, R"(,"output":1)"))[0] == ok(5));
  CHECK(again.say(verb("complete", 6, second, R"(,"output":1)"))[0]["code"] == "stale_token");
}

TEST_CASE("after the grace what a lost connection held is handed to others") {
  Service service;
  service.send("pay", 1);
  Peer lost(service);
  lost.hello();
  const auto task = lost.subscribe("pay", 1)[0];
  Peer other(service);
  other.hello();
  CHECK(other.subscribe("pay", 1).empty());
  lost.lose();
  service.clock.advance(milliseconds(1900));
  CHECK(other.hear().empty());
  service.clock.advance(milliseconds(500));
  const auto heard = other.hear();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["id"] == task["id"]);
  CHECK(heard[0]["attempt"] == 2);
  CHECK(other.say(verb("complete", 2, task, R"(,"output":1)"))[0]["code"] == "stale_token");
}

TEST_CASE("a completion sent again after a reconnect is ok") {
  Service service;
  service.send("pay", 1);
  std::string session;
  Json task;
  {
    Peer peer(service);
    session = peer.hello();
    task = peer.subscribe("pay", 1)[0];
    peer.utter(
        verb("complete", 2, task, R"(,"output":1)"));  // its answer is lost with the connection
    peer.lose();
  }
  Peer again(service);
  again.hello(
      fmt::format(R"(,"session":"{}","holds":["{}"])", session, task["token"].get<std::string>()));
  CHECK(again.welcome["holds"].empty());
  CHECK(again.say(verb("complete", 1, task, R"(,"output":1)"))[0] == ok(1));
}

TEST_CASE("bye answers what was asked, releases what is held at once, and closes") {
  Service service;
  service.send("pay", 2);
  Peer leaving(service), other(service);
  leaving.hello();
  other.hello();
  const auto tasks = leaving.subscribe("pay", 2);
  REQUIRE(tasks.size() == 2);
  CHECK(other.subscribe("pay", 5).empty());
  const auto heard =
      leaving.say("[" + verb("complete", 2, tasks[0], R"(,"output":1)") + R"(,{"op":"bye"}])");
  REQUIRE(heard.size() == 1);
  CHECK(heard[0] == ok(2));
  CHECK(leaving.closed() == 1000);
  const auto released = other.hear();
  REQUIRE(released.size() == 1);
  CHECK(released[0]["id"] == tasks[1]["id"]);
}

TEST_CASE("a graceful close releases at once, without a bye") {
  Service service;
  service.send("pay", 1);
  Peer leaving(service), other(service);
  leaving.hello();
  other.hello();
  REQUIRE(leaving.subscribe("pay", 1).size() == 1);
  other.subscribe("pay", 1);
  leaving.lose(/*graceful=*/true);
  CHECK(other.hear().size() == 1);
}

TEST_CASE("a second connection takes the session over, and the first cannot detach it any more") {
  Service service;
  service.send("pay", 1);
  Peer first(service);
  const std::string session = first.hello();
  const auto task = first.subscribe("pay", 1)[0];
  Peer second(service);
  second.hello(
      fmt::format(R"(,"session":"{}","holds":["{}"])", session, task["token"].get<std::string>()));
  CHECK(second.welcome["session"] == session);
  CHECK(second.welcome["holds"].size() == 1);
  CHECK(first.closed() == 4001);
  first.lose();
  service.clock.advance(seconds(5));
  second.talk().alive();
  second.settle();
  CHECK(service.leased("pay") == 1);
  CHECK(second.say(verb("complete", 2, task, R"(,"output":1)"))[0] == ok(2));
}

TEST_CASE("a sign of life extends every lease of the session") {
  Service service;
  service.send("pay", 1);
  Peer peer(service);
  peer.hello();
  const auto task = peer.subscribe("pay", 1)[0];
  for (int n = 0; n < 30; ++n) {  // 150 s over a lease of 30 s
    service.clock.advance(seconds(5));
    peer.talk().alive();
    CHECK(peer.hear().empty());
  }
  CHECK(peer.say(verb("complete", 2, task, R"(,"output":1)"))[0] == ok(2));
}

TEST_CASE("a session that is silent for too long is lost though its connection stands") {
  Service service;
  service.send("pay", 1);
  Peer silent(service);
  silent.hello();
  REQUIRE(silent.subscribe("pay", 1).size() == 1);
  service.clock.advance(seconds(16));
  Peer other(service);
  other.hello();
  CHECK(other.subscribe("pay", 1).size() == 1);
}

TEST_CASE("a connection lost before its welcome leaves no session behind") {
  Service service;
  Peer peer(service);
  peer.utter(R"({"op":"hello","version":1,"worker":"w"})");
  SUBCASE("the engine has not seen the hello") {}
  SUBCASE("the connection has not seen the answer") { service.engine->pump(); }
  peer.lose();
  service.clock.advance(seconds(3));
  service.engine->pump();
  service.clock.advance(seconds(1));
  service.engine->pump();
  CHECK(service.engine->stats().sessions == 0);
  CHECK(service.registry->size() == 0);
}

TEST_CASE("when the server stops, what was asked is answered, and leases run on") {
  Service service;
  service.send("pay", 2);
  Peer peer(service);
  peer.hello();
  const auto tasks = peer.subscribe("pay", 2);
  peer.utter(verb("complete", 2, tasks[0], R"(,"output":1)"));
  peer.talk().stop();
  CHECK(peer.hear() == std::vector<Json>{ok(2)});
  CHECK(peer.closed() == 1001);
  peer.lose();
  service.clock.advance(seconds(5));
  service.engine->pump();
  CHECK(service.leased("pay") == 1);
}

TEST_CASE("a worker that does not read is handed nothing more, and resumes when it reads again") {
  Service service;
  StreamLimits limits;
  limits.pause_bytes = 4'000;
  Peer peer(service, limits);
  peer.hello();
  peer.subscribe("pay", 1000);
  const std::string body = '"' + std::string(1'000, 'x') + '"';
  service.send("pay", 6, body);
  peer.settle();
  CHECK(!peer.talk().wants_input());
  const auto leased = service.leased("pay");
  service.send("pay", 20, body);
  peer.settle();
  CHECK(service.leased("pay") == leased);
  CHECK(peer.hear().size() == 26);
  CHECK(service.leased("pay") == 26);
  CHECK(peer.talk().wants_input());
}

TEST_CASE("tasks that cannot be buffered are released unsent, and come later") {
  Service service;
  StreamLimits limits;
  limits.pause_bytes = 2'000;
  limits.full_bytes = 4'000;
  const std::string body = '"' + std::string(1'000, 'x') + '"';
  service.send("pay", 20, body);
  Peer peer(service, limits);
  peer.hello();
  peer.utter(R"({"op":"subscribe","ref":1,"queue":"pay","credit":1000})");
  peer.settle();
  CHECK(service.leased("pay") < 5);
  CHECK(service.leased("pay") > 0);
  std::set<std::string> got;
  for (int round = 0; round < 100 && got.size() < 20; ++round)
    for (const Json& message : peer.hear())
      if (message["op"] == "task") got.insert(message["id"]);
  CHECK(got.size() == 20);
}

TEST_CASE("nothing more is read while too many requests are unanswered") {
  Service service;
  StreamLimits limits;
  limits.unanswered_max = 3;
  Peer peer(service, limits);
  peer.hello();
  CHECK(peer.talk().wants_input());
  for (int n = 0; n < 3; ++n) peer.utter(R"({"op":"send","queue":"q","messages":[{"body":1}]})");
  CHECK(!peer.talk().wants_input());
  CHECK(peer.hear().size() == 3);
  CHECK(peer.talk().wants_input());
}

TEST_CASE("a connection subscribes to a bounded number of queues") {
  Service service;
  StreamLimits limits;
  limits.queues_max = 2;
  Peer peer(service, limits);
  peer.hello();
  peer.subscribe("a", 1);
  peer.subscribe("b", 1);
  CHECK(peer.say(R"({"op":"subscribe","ref":3,"queue":"c","credit":1})")[0]["code"] ==
        "invalid_argument");
  peer.subscribe("a", 2);
}

TEST_CASE("what the engine says after the connection has gone is harmless") {
  Service service;
  service.send("pay", 5);
  Peer peer(service);
  peer.hello();
  peer.utter(R"({"op":"subscribe","ref":1,"queue":"pay","credit":5})");
  peer.utter(R"({"op":"send","ref":2,"queue":"other","messages":[{"body":1}]})");
  peer.lose();
  CHECK(!peer.talk().has_output());
  service.clock.advance(seconds(3));
  service.engine->pump();
  service.clock.advance(seconds(1));
  service.engine->pump();
  CHECK(service.leased("pay") == 0);
}

}  // namespace
}  // namespace sluice::api
