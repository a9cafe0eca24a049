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

}  // namespace
}  // namespace sluice::orchestrator::engine_test
