// Queue limits as runs, operators and senders see them, before and after a restart.
#include "engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

WaitingFor waits(World& w, RunId run) {
  const auto list = w.detail(run).waiting_for;
  REQUIRE(list.size() == 1);
  return list[0];
}
bool says(const WaitingFor& wait, std::string_view what) {
  INFO(wait.sentence);
  return wait.sentence.find(what) != std::string::npos;
}
SendMessages sending(const std::string& queue, const std::vector<std::string>& bodies,
                     const std::string& key = "") {
  SendMessages command;
  for (const auto& body : bodies) {
    NewMessage message;
    message.queue = queue;
    message.body = doc(body);
    message.order_key = key;
    command.messages.push_back(std::move(message));
  }
  return command;
}
PutQueue settings(const std::string& queue, const std::string& json) {
  auto parsed = workflows::parse_queue_settings(Json::parse(json), "");
  REQUIRE(parsed.has_value());
  return {queue, *parsed};
}

TEST_CASE("Concurrency of a definition holds for its stage, and a completion hands the next over") {
  World w;
  w.deploy("orders", stages({"Pay"}, "", R"("Queues":{"pay":{"Concurrency":2}})"));
  const RunId a = w.start("orders"), b = w.start("orders"), c = w.start("orders");
  auto hands = std::make_shared<Hands>();
  const auto session = w.session(hands);
  w.subscribe(session, "pay", 10);
  CHECK(hands->tasks.size() == 2);
  const auto wait = waits(w, c);
  CHECK(says(wait, "2 of 2 in flight"));
  CHECK(wait.detail["limit"]["kind"] == "concurrency");
  CHECK(wait.detail["limit"]["in_flight"] == 2);
  const auto before = w.engine->stats().commits;
  w.complete(hands->tasks[0].token);
  CHECK(w.engine->stats().commits == before + 1);
  CHECK(hands->tasks.size() == 3);
  CHECK(w.status(a) == "SUCCEEDED");
  holds(w, [&] {
    CHECK(w.stats("pay").leased == 2);
    CHECK(w.stats("pay").settings.concurrency == 2);
    CHECK(w.lease("pay", 10).empty());
  });
  CHECK(w.status(b) == "RUNNING");
}

TEST_CASE("a rate hands out the next exactly when its token is there, also after a restart") {
  World w;
  w.must(settings("mail", R"({"RatePerSecond":2,"Burst":1})"));
  w.must(sending("mail", {"1", "2", "3"}));
  CHECK(w.lease("mail", 10).size() == 1);
  const auto stats = w.stats("mail");
  REQUIRE(stats.next_token_at.has_value());
  CHECK(*stats.next_token_at == w.engine->wall_now() + milliseconds(500));
  std::optional<std::size_t> got;
  w.engine->lease({.queue = "mail", .max = 10, .wait = seconds(5), .lease = {}, .worker = "w"},
                  [&](Result<std::vector<Delivery>> r) { got = r->size(); });
  w.engine->pump();
  CHECK_FALSE(got.has_value());
  w.advance(milliseconds(499));
  CHECK_FALSE(got.has_value());
  w.advance(milliseconds(1));
  CHECK(got == 1);
  w.reopen();
  CHECK(w.lease("mail", 10).empty());
  w.pass(seconds(2));
  CHECK(w.lease("mail", 10).size() == 1);
  w.sound();
}

TEST_CASE("a run says that a rate holds it back and until when") {
  World w;
  w.deploy("orders", stages({"Pay"}, "", R"("Queues":{"pay":{"RatePerSecond":0.5,"Burst":1}})"));
  w.start("orders");
  const RunId second = w.start("orders");
  auto hands = std::make_shared<Hands>();
  w.subscribe(w.session(hands), "pay", 10);
  CHECK(hands->tasks.size() == 1);
  const auto wait = waits(w, second);
  CHECK(says(wait, "rate limit of 0.5 per second, the next token comes at 2"));
  CHECK(wait.detail["limit"]["next_token_at"] == to_rfc3339(w.engine->wall_now() + seconds(2)));
  w.pass(seconds(2));
  CHECK(hands->tasks.size() == 2);
  w.sound();
}

TEST_CASE("the operator's limits win over a definition's until they are cleared") {
  World w;
  w.deploy("orders", stages({"Pay"}, "", R"("Queues":{"pay":{"Concurrency":1}})"));
  for (int i = 0; i < 4; ++i) w.start("orders");
  auto hands = std::make_shared<Hands>();
  w.subscribe(w.session(hands), "pay", 10);
  CHECK(hands->tasks.size() == 1);
  w.must(settings("pay", R"({"Concurrency":3})"));
  CHECK(hands->tasks.size() == 3);
  CHECK(w.stats("pay").settings_by_operator);
  w.must(ClearQueueSettings{"pay"});
  CHECK(w.stats("pay").settings.concurrency == 1);
  w.complete(hands->tasks[0].token);
  CHECK(hands->tasks.size() == 3);
  w.sound();
}

std::string keyed(const std::string& language, const std::string& field,
                  const std::string& queues = "{}", const std::string& more = "") {
  return R"({"StartAt":"Pay","QueryLanguage":")" + language + R"(","Queues":{"pay":)" + queues +
         R"(},"States":{"Pay":{"Type":"Task","Resource":"queue:pay",)" + field + more +
         R"(,"End":true}}})";
}

TEST_CASE("a stage's messages of one key go one at a time, in sequence, in both languages") {
  for (const auto& [language, field] :
       {std::pair{"JSONPath", R"("OrderKey.$":"$.customer")"},
        std::pair{"JSONPath", R"x("OrderKey.$":"States.Format('{}', $.customer)")x"},
        std::pair{"JSONata", R"("OrderKey":"{% $states.input.customer %}")"}}) {
    CAPTURE(field);
    World w;
    w.deploy("orders", keyed(language, field));
    const RunId a = w.start("orders", R"({"customer":"x"})");
    const RunId b = w.start("orders", R"({"customer":"x"})");
    const RunId c = w.start("orders", R"({"customer":7})");
    auto got = w.lease("pay", 10);
    REQUIRE(got.size() == 2);
    const auto wait = waits(w, b);
    CHECK(says(wait, "by its ordering key \"x\", 1 ahead of it; the first is message"));
    CHECK(wait.detail["order_key"] == "x");
    CHECK(wait.detail["status"] == "blocked");
    holds(w, [&] { CHECK(w.stats("pay").blocked == 1); });
    w.complete(got[0].token);
    CHECK(w.status(a) == "SUCCEEDED");
    got = w.lease("pay", 10);
    REQUIRE(got.size() == 1);
    CHECK(got[0].run == b);
    CHECK(w.status(c) == "RUNNING");
    w.sound();
  }
}

TEST_CASE("a key is kept through a stage's retries and back-off") {
  World w;
  w.deploy(
      "orders",
      keyed("JSONPath", R"("OrderKey":"all")", "{}",
            R"(,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":10,"MaxAttempts":1}])"));
  const RunId a = w.start("orders"), b = w.start("orders");
  w.fail(w.take("pay").token);
  CHECK(w.lease("pay").empty());
  holds(w, [&] {
    CHECK(w.stats("pay").delayed == 1);
    CHECK(w.stats("pay").blocked == 1);
  });
  w.pass(seconds(11));
  auto again = w.take("pay");
  CHECK(again.run == a);
  // Cancelled in the worker's hands: its key goes on.
  w.must(CancelRun{a, {}});
  CHECK(w.take("pay").run == b);
  w.sound();
}

TEST_CASE("a paused run keeps its key's place, and a blocked one can be paused and cancelled") {
  World w;
  w.deploy("orders", keyed("JSONPath", R"("OrderKey":"all")"));
  const RunId a = w.start("orders"), b = w.start("orders"), c = w.start("orders");
  w.must(PauseRun{a});
  w.must(PauseRun{b});
  CHECK(w.lease("pay").empty());
  holds(w, [&] { CHECK(w.stats("pay").held == 2); });
  w.must(ResumeRun{b});
  CHECK(w.stats("pay").blocked == 2);
  w.must(CancelRun{b, {}});
  w.must(ResumeRun{a});
  auto first = w.take("pay");
  CHECK(first.run == a);
  w.complete(first.token);
  CHECK(w.take("pay").run == c);
  w.sound();
}

TEST_CASE("a dead letter lets its key go, or holds it until its replay has its place again") {
  for (const bool blocks : {false, true}) {
    CAPTURE(blocks);
    World w;
    w.deploy("orders", keyed("JSONPath", R"("OrderKey":"all")",
                             blocks ? R"({"OrderOnDead":"Block"})" : "{}"));
    const RunId a = w.start("orders"), b = w.start("orders");
    w.fail(w.take("pay").token);
    CHECK(w.status(a) == "FAILED");
    holds(w, [&] { CHECK(w.stats("pay").blocked == (blocks ? 1 : 0)); });
    if (!blocks) {
      CHECK(w.take("pay").run == b);
      continue;
    }
    CHECK(says(waits(w, b), "the first is dead letter"));
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    w.must(ReplayDeadLetter{letters[0].id, {}});
    auto again = w.take("pay");
    CHECK(again.run == a);
    w.complete(again.token);
    CHECK(w.take("pay").run == b);
    w.sound();
  }
}

TEST_CASE("a dead letter that is dropped, or whose run goes on elsewhere, frees its key") {
  for (const bool dropped : {false, true}) {
    CAPTURE(dropped);
    World w;
    w.deploy("orders",
             R"({"StartAt":"Pay","Queues":{"pay":{"OrderOnDead":"Block"}},"States":{
        "Pay":{"Type":"Task","Resource":"queue:pay","OrderKey":"all","Next":"Ship"},
        "Ship":{"Type":"Task","Resource":"queue:ship","OrderKey":"all","End":true}}})");
    const RunId a = w.start("orders"), b = w.start("orders");
    w.fail(w.take("pay").token);
    CHECK(w.lease("pay").empty());
    if (dropped) {
      w.must(DropDeadLetter{w.letters().at(0).id, "not wanted"});
    } else {
      w.must(RedriveRun{a, "Ship", {}, {}});
      CHECK(w.take("ship").run == a);
    }
    holds(w, [&] { CHECK(w.stats("pay").blocked == 0); });
    CHECK(w.take("pay").run == b);
    w.sound();
  }
}

TEST_CASE("sent messages have keys too, and a replayed one has its key again") {
  World w;
  w.must(settings("mail", R"({"MaxDeliveries":1})"));
  w.must(sending("mail", {"1", "2", "3"}, "k"));
  w.must(sending("mail", {"9"}));
  auto got = w.lease("mail", 10);
  REQUIRE(got.size() == 2);
  CHECK(got[0].body.text() == "1");
  CHECK(got[1].body.text() == "9");
  w.fail(got[0].token);
  auto second = w.take("mail");
  CHECK(second.body.text() == "2");
  w.must(ReplayDeadLetter{w.letters().at(0).id, {}});
  w.complete(second.token);
  auto third = w.take("mail");
  CHECK(third.body.text() == "3");
  holds(w, [&] { CHECK(w.stats("mail").blocked == 1); });
  const auto page = w.inspector->messages("mail", 10, {});
  REQUIRE(page.has_value());
  CHECK(std::any_of(page->items.begin(), page->items.end(), [](const auto& m) {
    return m.status == "blocked" && m.order_key == "k" && m.body.text() == "1";
  }));
  w.complete(third.token);
  CHECK(w.take("mail").body.text() == "1");
}

TEST_CASE("an OrderKey that comes to nothing of use fails its state") {
  for (const auto& [input, what] : {std::pair{R"({"k":null})", "a string or a number"},
                                    std::pair{R"({"k":""})", "1 to 512 bytes"},
                                    std::pair{R"({"k":[1]})", "a string or a number"}}) {
    CAPTURE(input);
    World w;
    w.deploy("orders", keyed("JSONPath", R"("OrderKey.$":"$.k")"));
    const RunId run = w.start("orders", input);
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "States.Runtime");
    CHECK(w.detail(run).cause->find(what) != std::string::npos);
    w.sound();
  }
}

std::string with_capacity(const std::string& settings_json, const std::string& extra = "") {
  return stages({"Pay"}, extra, R"("Queues":{"pay":)" + settings_json + "}");
}

TEST_CASE(
    "a stage on a full queue waits for room, first come first served, and is let in by an end") {
  World w;
  w.deploy("orders", with_capacity(R"({"Capacity":2})"));
  std::vector<RunId> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(w.start("orders"));
  const auto wait = waits(w, runs[3]);
  CHECK(wait.kind == "capacity");
  CHECK(says(wait, "the queue \"pay\" is full, 2 of 2: waits for room, number 2 in line"));
  CHECK(wait.detail["place"] == 2);
  CHECK(w.stats("pay").waiting == 3);
  auto hands = std::make_shared<Hands>();
  w.subscribe(w.session(hands), "pay", 10);
  REQUIRE(hands->tasks.size() == 2);
  const auto before = w.engine->stats().commits;
  w.complete(hands->tasks[0].token);
  CHECK(w.engine->stats().commits == before + 1);
  REQUIRE(hands->tasks.size() == 3);
  CHECK(hands->tasks[2].run == runs[2]);
  holds(w, [&] {
    CHECK(w.stats("pay").depth() == 2);
    CHECK(w.stats("pay").waiting == 2);
  });
  w.pass(seconds(31));
  for (int i = 0; i < 4; ++i) w.complete(w.take("pay").token);
  for (const RunId run : runs) CHECK(w.status(run) == "SUCCEEDED");
  w.sound();
}

TEST_CASE("a stage that waits for room keeps its body, priority, headers, key and time-out") {
  World w;
  w.deploy("orders",
           with_capacity(R"({"Capacity":1})",
                         R"("Parameters":{"n.$":"$.n"},"Priority":7,"Headers":{"region":"eu"},)"
                         R"("OrderKey.$":"$.n","TimeoutSeconds":60)"));
  w.start("orders", R"({"n":"a"})");
  const RunId second = w.start("orders", R"({"n":"b"})");
  const RunId late = w.start("orders", R"({"n":"c"})");
  const auto first = w.take("pay");
  w.reopen();
  w.complete(first.token);
  const auto task = w.take("pay");
  CHECK(task.run == second);
  CHECK(task.body.text() == R"({"n":"b"})");
  CHECK(task.headers == R"({"region":"eu"})");
  CHECK(task.attempt == 1);
  const auto page = w.inspector->messages("pay", 10, {});
  REQUIRE(page.has_value());
  CHECK(page->items.at(0).priority == 7);
  CHECK(page->items.at(0).order_key == "b");
  w.pass(seconds(61));
  holds(w, [&] {
    CHECK(w.detail(late).error == "States.Timeout");
    CHECK(w.stats("pay").waiting == 0);
  });
}

TEST_CASE("retries and redeliveries keep their slot") {
  World w;
  w.deploy(
      "orders",
      with_capacity(R"({"Capacity":1,"WhenFull":"Reject"})",
                    R"("Retry":[{"ErrorEquals":["Broken"],"IntervalSeconds":5,"MaxAttempts":2}])"));
  const RunId first = w.start("orders");
  w.fail(w.take("pay").token);
  const RunId second = w.start("orders");
  w.pass(seconds(1));
  CHECK(w.detail(second).error == "Sluice.QueueFull");
  w.pass(seconds(5));
  w.take("pay");
  w.pass(seconds(31));
  w.complete(w.take("pay").token);
  CHECK(w.status(first) == "SUCCEEDED");
  w.sound();
}

TEST_CASE("WhenFull: Reject fails the stage, whose Retry asks again when its time has come") {
  World w;
  w.deploy(
      "orders",
      with_capacity(
          R"({"Capacity":1,"WhenFull":"Reject"})",
          R"("Retry":[{"ErrorEquals":["Sluice.QueueFull"],"IntervalSeconds":10,"MaxAttempts":2}])"));
  w.start("orders");
  const RunId lucky = w.start("orders");
  w.pass(seconds(1));
  holds(w, [&] {
    CHECK(w.status(lucky) == "RUNNING");
    CHECK(w.stats("pay").depth() == 1);
  });
  w.complete(w.take("pay").token);
  w.pass(seconds(10));
  const auto task = w.take("pay");
  CHECK(task.run == lucky);
  const RunId unlucky = w.start("orders");
  w.pass(seconds(60));
  CHECK(w.detail(unlucky).error == "Sluice.QueueFull");
  w.sound();
}

TEST_CASE("sends to a full queue are refused, all or none, and duplicates need no room") {
  World w;
  w.must(settings("mail", R"({"Capacity":3})"));
  SendMessages twice = sending("mail", {"1"});
  twice.messages[0].dedup_id = "d";
  w.must(twice);
  CHECK(w.code(sending("mail", {"2", "3", "4"})) == "overloaded");
  CHECK(w.stats("mail").depth() == 1);
  w.must(sending("mail", {"2", "3"}));
  CHECK(w.must(twice).at(0).duplicate);
  holds(w, [&] { CHECK(w.code(sending("mail", {"4"})) == "overloaded"); });
  w.complete(w.take("mail").token);
  w.must(sending("mail", {"4"}));
  w.sound();
}

TEST_CASE("starts are refused while more than MaxWaiting stages wait for room") {
  World w;
  w.deploy("orders", with_capacity(R"({"Capacity":1,"MaxWaiting":1})"));
  for (int i = 0; i < 3; ++i) w.start("orders");
  const Error error = w.refused(World::starting("orders"));
  CHECK(error.code == Errc::overloaded);
  CHECK(error.detail.find("more than its MaxWaiting of 1") != std::string::npos);
  holds(w, [&] { CHECK(w.code(World::starting("orders")) == "overloaded"); });
  w.complete(w.take("pay").token);
  w.start("orders");
  w.sound();
}

TEST_CASE("a run that waits for room can be paused, resumed, skipped and cancelled") {
  World w;
  w.deploy("orders", with_capacity(R"({"Capacity":1})"));
  w.start("orders");
  const RunId paused = w.start("orders"), skipped = w.start("orders"), gone = w.start("orders");
  w.must(PauseRun{paused});
  w.must(SkipStage{skipped, {}, doc("{}")});
  w.must(CancelRun{gone, {}});
  holds(w, [&] {
    CHECK(w.status(skipped) == "SUCCEEDED");
    CHECK(w.status(gone) == "ABORTED");
    CHECK(w.stats("pay").waiting == 1);
  });
  w.pass(seconds(31));
  w.complete(w.take("pay").token);
  CHECK(w.stats("pay").held == 1);
  CHECK(w.lease("pay").empty());
  // What is set aside keeps its slot.
  const RunId behind = w.start("orders");
  CHECK(waits(w, behind).kind == "capacity");
  w.must(ResumeRun{paused});
  w.complete(w.take("pay").token);
  CHECK(w.take("pay").run == behind);
  w.sound();
}

TEST_CASE("a raised capacity lets in as many, over many batches if need be") {
  World w;
  w.deploy("orders", with_capacity(R"({"Capacity":1})"));
  for (int i = 0; i < 700; ++i) w.start("orders");
  CHECK(w.stats("pay").waiting == 699);
  w.must(settings("pay", R"({"Capacity":600})"));
  CHECK(w.stats("pay").waiting == 100);
  w.must(settings("pay", "{}"));
  CHECK(w.stats("pay").waiting == 0);
  CHECK(w.stats("pay").ready == 700);
  w.sound();
}

TEST_CASE("what a binding's full queue cannot take is a dead letter, and is replayed when it can") {
  World w;
  w.must(settings("mail", R"({"Capacity":1})"));
  w.must(PutBinding{"news", "to-mail", {"#", {}, "queue:mail", {}}});
  PublishMessages publish;
  for (int i = 0; i < 2; ++i) {
    Publication message;
    message.topic = "news";
    message.body = doc("1");
    publish.publications.push_back(message);
  }
  const auto reply = w.must(publish);
  CHECK(reply.published.at(1).dead_letters == 1);
  const auto letters = w.letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].error == "Sluice.QueueFull");
  w.complete(w.take("mail").token);
  w.must(ReplayDeadLetter{letters[0].id, {}});
  CHECK(w.stats("mail").depth() == 1);
  w.sound();
}

TEST_CASE("a dead letter of a full queue stays until there is room for its replay") {
  World w;
  w.must(settings("mail", R"({"Capacity":1,"MaxDeliveries":1})"));
  w.must(sending("mail", {"1"}));
  w.fail(w.take("mail").token);
  w.must(sending("mail", {"2"}));
  const auto letter = w.letters().at(0).id;
  CHECK(w.code(ReplayDeadLetter{letter, {}}) == "overloaded");
  CHECK(w.letters().size() == 1);
  w.complete(w.take("mail").token);
  w.must(ReplayDeadLetter{letter, {}});
  CHECK(w.take("mail").body.text() == "1");
  w.sound();
}

TEST_CASE("messages are the same by their id or their body, for as long as the queue says") {
  World w;
  w.must(settings("mail", R"({"DedupBy":"Body","DedupSeconds":10})"));
  const auto first = w.must(sending("mail", {R"({"a":1})"})).at(0);
  const auto again = w.must(sending("mail", {R"({"a":1})", R"({"a":2})"}));
  CHECK(again.at(0).duplicate);
  CHECK(again.at(0).id == first.id);
  CHECK_FALSE(again.at(1).duplicate);
  holds(w, [&] { CHECK(w.must(sending("mail", {R"({"a":2})"})).at(0).duplicate); });
  w.advance(seconds(11));
  CHECK_FALSE(w.must(sending("mail", {R"({"a":1})"})).at(0).duplicate);
}

TEST_CASE("at least once: a task is handed out again after its worker's or the server's death") {
  World w;
  w.deploy("orders", with_capacity(R"({"LeaseSeconds":5})"));
  const RunId run = w.start("orders");
  const auto first = w.take("pay");
  w.pass(seconds(6));  // The worker died.
  const auto second = w.take("pay");
  CHECK(second.attempt == 2);
  w.reopen(seconds(60));  // The server died, and the worker with it.
  CHECK(w.lease("pay").empty());
  w.pass(seconds(6));
  const auto third = w.take("pay");
  CHECK(third.attempt == 3);
  CHECK(w.code(CompleteTask{second.token, doc("{}")}) == "stale_token");
  w.complete(third.token);
  CHECK(w.status(run) == "SUCCEEDED");
  w.sound();
}

TEST_CASE(
    "at most once: no task is handed out twice, whoever dies, and its worker may still end it") {
  World w;
  w.deploy("orders", with_capacity(R"({"LeaseSeconds":5,"Delivery":"AtMostOnce"})"));
  const RunId lost = w.start("orders"), ended = w.start("orders");
  const auto tasks = w.lease("pay", 2);
  REQUIRE(tasks.size() == 2);
  w.reopen(seconds(60));
  CHECK(w.lease("pay", 2).empty());
  w.complete(tasks[1].token);  // Its worker lives, and is in time.
  w.pass(seconds(6));
  CHECK(w.lease("pay", 2).empty());
  holds(w, [&] {
    CHECK(w.detail(lost).error == "Sluice.DeliveryLost");
    CHECK(w.status(ended) == "SUCCEEDED");
  });
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
