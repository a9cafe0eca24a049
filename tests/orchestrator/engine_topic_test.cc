// Topics: where messages go, what becomes of those that a target cannot take, and triggers.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

using Published = PublishMessages::Published;

void put_binding(World& w, const std::string& topic, const std::string& name, BindingText text) {
  w.must(PutBinding{topic, name, std::move(text)});
}
BindingText to(const std::string& target, const std::string& pattern = "#",
               std::optional<std::string> filter = {}, std::optional<std::string> event_key = {}) {
  return {pattern, std::move(filter), target, std::move(event_key)};
}
Published publish(World& w, const std::string& topic, const std::string& key,
                  const std::string& body = "{}") {
  return w.must(PublishMessages{{{.topic = topic, .key = key, .body = doc(body)}}}).published.at(0);
}
std::int64_t ready(World& w, const std::string& queue) {
  const auto q = w.engine->queue(queue);
  return q ? q->ready : 0;
}
std::vector<RunSummary> runs(World& w, const std::string& workflow) {
  RunFilter filter;
  filter.workflow = workflow;
  return w.inspector->runs(filter, 1'000, {}).items;
}

constexpr const char* waits = R"({"StartAt":"Paid","States":{"Paid":{"Type":"Task",
  "Resource":"event:paid","Parameters":{"Key.$":"$.order"},"End":true}}})";

}  // namespace

TEST_CASE("a message goes to every binding that takes it: queues, workflows and events") {
  World w;
  w.deploy("review", stages({"Look"}));
  w.deploy("waits", waits);
  const RunId waiting = w.start("waits", R"({"order":"o-1"})");
  put_binding(w, "orders", "all", to("queue:all"));
  put_binding(w, "orders", "eu", to("queue:eu", "order.eu.*"));
  put_binding(w, "orders", "large", to("workflow:review", "order.#", "{% amount > 1000 %}"));
  put_binding(w, "orders", "paid", to("event:paid", "order.*.paid", {}, "{% id %}"));
  CHECK(publish(w, "orders", "order.us.created", R"({"amount":1})").routed == 1);
  CHECK(publish(w, "orders", "order.eu.created", R"({"amount":2000})").routed == 3);
  const auto paid = publish(w, "orders", "order.us.paid", R"({"id":"o-1"})");
  CHECK(paid.routed == 2);
  CHECK(paid.dead_letters == 0);
  CHECK_FALSE(paid.queued);
  holds(w, [&] {
    CHECK(ready(w, "all") == 3);
    CHECK(ready(w, "eu") == 1);
    CHECK(w.detail(waiting).output.text() == R"({"id":"o-1"})");
    REQUIRE(runs(w, "review").size() == 1);
    CHECK(w.detail(runs(w, "review")[0].id).input.text() == R"({"amount":2000})");
  });
  CHECK(w.take("eu").headers == R"({"Key":"order.eu.created"})");
  w.complete(w.take("look").token);
  CHECK(w.status(runs(w, "review")[0].id) == "SUCCEEDED");
}

TEST_CASE("a message keeps its headers, and its key is one of them") {
  World w;
  put_binding(w, "orders", "all", to("queue:all", "#", "{% $headers.region = 'eu' %}"));
  w.must(PublishMessages{
      {{.topic = "orders", .key = "k", .body = doc("1"), .headers = {{"region", "eu"}}},
       {.topic = "orders", .key = "k", .body = doc("2"), .headers = {{"region", "us"}}}}});
  holds(w, [&] { CHECK(ready(w, "all") == 1); });
  const auto task = w.take("all");
  CHECK(task.body.text() == "1");
  CHECK(task.headers == R"({"region":"eu","Key":"k"})");
}

TEST_CASE("without a binding the messages stand in the topic's queue; with one they do not") {
  World w;
  const auto first = publish(w, "orders", "k", "1");
  CHECK(first.queued);
  CHECK(first.routed == 1);
  holds(w, [&] { CHECK(ready(w, "topic:orders") == 1); });
  put_binding(w, "orders", "one", to("queue:one", "other"));
  // The next publish sees it, and nothing takes the key.
  const auto dropped = publish(w, "orders", "k", "2");
  CHECK(dropped.routed == 0);
  CHECK_FALSE(dropped.queued);
  CHECK(publish(w, "orders", "other", "3").routed == 1);
  put_binding(w, "orders", "one", to("queue:two"));
  CHECK(publish(w, "orders", "k", "4").routed == 1);
  w.must(DeleteBinding{"orders", "one"});
  CHECK(publish(w, "orders", "k", "5").queued);
  holds(w, [&] {
    CHECK(ready(w, "topic:orders") == 2);
    CHECK(ready(w, "one") == 1);
    CHECK(ready(w, "two") == 1);
  });
  CHECK(w.code(DeleteBinding{"orders", "one"}) == "not_found");
}

TEST_CASE("a publish and the change of a binding in one commit happen in their order") {
  World w;
  std::vector<Published> seen;
  const auto publishing = [&] {
    w.engine->submit<PublishMessages>(
        PublishMessages{{{.topic = "orders", .key = "k", .body = doc("1")}}},
        [&](Result<PublishMessages::Reply> reply) { seen.push_back(reply->published.at(0)); });
  };
  const auto changed = [](const auto& reply) { CHECK(reply.has_value()); };
  publishing();
  w.engine->submit<PutBinding>(PutBinding{"orders", "one", to("queue:one")}, changed);
  publishing();
  w.engine->submit<PutBinding>(PutBinding{"orders", "one", to("queue:one", "never")}, changed);
  publishing();
  w.engine->submit<DeleteBinding>(DeleteBinding{"orders", "one"}, changed);
  publishing();
  w.engine->pump();
  REQUIRE(seen.size() == 4);
  CHECK(seen[0].queued);
  CHECK(seen[1].routed == 1);
  CHECK_FALSE(seen[1].queued);
  CHECK(seen[2].routed == 0);
  CHECK(seen[3].queued);
  holds(w, [&] {
    CHECK(ready(w, "one") == 1);
    CHECK(ready(w, "topic:orders") == 2);
  });
}

TEST_CASE("a publish is all or nothing") {
  Options options;
  options.payload_bytes_max = 100;
  World w(options);
  put_binding(w, "orders", "all", to("queue:all"));
  const Publication good{.topic = "orders", .key = "k", .body = doc("1")};
  const Error wrong = w.refused(PublishMessages{
      {good,
       {.topic = "white space", .key = std::string(256, 'k'), .body = doc("1")},
       {.topic = "orders", .key = "k", .body = doc('"' + std::string(100, 'x') + '"')}}});
  std::string places;
  for (const auto& problem : wrong.problems) places += problem.pointer + " ";
  CHECK(places == "/messages/1/topic /messages/1/key /messages/2/body ");
  CHECK(wrong.code == Errc::too_large);
  CHECK(w.code(PublishMessages{{good},
                               {{.queue = "mail",
                                 .body = doc('"' + std::string(100, 'x') + '"'),
                                 .headers = {},
                                 .expires = {},
                                 .dedup_id = {}}}}) == "too_large");
  for (int i = 0; i < 1'000; ++i) put_binding(w, "wide", "b" + std::to_string(i), to("queue:wide"));
  std::vector<Publication> many(101, {.topic = "wide", .key = "k", .body = doc("1")});
  CHECK(w.code(PublishMessages{many}) == "too_large");
  CHECK(w.code(PutBinding{"wide", "one more", to("queue:q")}) == "invalid_argument");
  CHECK(w.code(PutBinding{"wide", "more", to("queue:q")}) == "conflict");
  CHECK(w.code(PutBinding{"wide", "b7", to("queue:other")}) == "ok");
  holds(w, [&] {
    CHECK(ready(w, "all") == 0);
    CHECK(ready(w, "mail") == 0);
    CHECK(ready(w, "wide") == 0);
    CHECK(w.letters().empty());
  });
}

TEST_CASE("a publish in an atomic batch that is refused was never made") {
  World w;
  put_binding(w, "orders", "all", to("queue:all"));
  put_binding(w, "orders", "gone", to("workflow:none"));
  std::optional<Result<Engine::BatchReply>> answer;
  w.engine->submit_batch({PublishMessages{{{.topic = "orders", .key = "k", .body = doc("1")},
                                           {.topic = "free", .key = "k", .body = doc("1")}}},
                          PublishMessages{{{.topic = "white space", .body = doc("2")}}}},
                         /*atomic=*/true, {}, [&](auto reply) { answer = std::move(reply); });
  w.engine->pump();
  REQUIRE(answer.has_value());
  holds(w, [&] {
    CHECK(ready(w, "all") == 0);
    CHECK(ready(w, "topic:free") == 0);
    CHECK(w.letters().empty());
  });
}

TEST_CASE("what a target cannot take is a dead letter, and can be replayed or dropped") {
  Options options;
  options.events_kept_max = 1;
  World w(options);
  w.must(PublishEvent{"other", "", doc("1")});
  put_binding(w, "orders", "a-queue", to("queue:q"));
  put_binding(w, "orders", "b-none", to("workflow:none"));
  put_binding(w, "orders", "c-full", to("event:paid"));
  put_binding(w, "orders", "d-filter", to("queue:q", "#", "{% amount + 'x' %}"));
  put_binding(w, "orders", "e-key", to("event:paid", "#", {}, "{% amount %}"));
  const auto outcome = w.must(PublishMessages{{{.topic = "orders",
                                                .key = "order.eu",
                                                .body = doc(R"({"amount":7})"),
                                                .headers = {{"region", "eu"}}}}})
                           .published.at(0);
  CHECK(outcome.routed == 5);
  CHECK(outcome.dead_letters == 4);
  std::map<std::string, DeadLetterId> of;
  holds(w, [&] {
    CHECK(ready(w, "q") == 1);
    std::string told;
    for (const auto& letter : w.letters()) {
      CHECK(letter.kind == "binding");
      CHECK(letter.topic == "orders");
      CHECK(letter.key == "order.eu");
      CHECK(letter.status == "OPEN");
      CHECK(letter.queue.empty());
      CHECK_FALSE(letter.run.has_value());
      CHECK(letter.body.text() == R"({"amount":7})");
      CHECK(letter.headers == Json::parse(R"({"region":"eu"})"));
      told = letter.binding + " " + letter.error + ", " + told;
      of[letter.binding] = letter.id;
    }
    CHECK(told ==
          "b-none StateMachineDoesNotExist, c-full Sluice.EventsFull, d-filter "
          "States.QueryEvaluationError, e-key States.QueryEvaluationError, ");
  });

  // Refused while the reason lasts; the letter stays.
  for (const char* name : {"b-none", "c-full", "e-key"}) {
    CAPTURE(name);
    CHECK(w.code(ReplayDeadLetter{of[name], {}}) == "conflict");
  }
  CHECK(w.letters().size() == 4);
  w.deploy("none", stages({"Work"}));
  w.must(ReplayDeadLetter{of["b-none"], {}});
  w.must(ReplayDeadLetter{of["d-filter"], {}});  // The filter is not asked again.
  put_binding(w, "orders", "e-key", to("queue:mended"));
  w.must(ReplayDeadLetter{of["e-key"], doc("8")});
  w.must(DropDeadLetter{of["c-full"], "too late"});
  holds(w, [&] {
    CHECK(w.letters().empty());
    CHECK(runs(w, "none").size() == 1);
    CHECK(ready(w, "q") == 2);
    CHECK(ready(w, "mended") == 1);
  });
  const auto mended = w.take("mended");
  CHECK(mended.body.text() == "8");
  CHECK(mended.headers == R"({"region":"eu","Key":"order.eu"})");
  CHECK(w.code(ReplayDeadLetter{of["b-none"], {}}) == "conflict");
}

TEST_CASE("a dead letter of a binding that is gone waits until it is bound again") {
  World w;
  put_binding(w, "orders", "b", to("workflow:none"));
  publish(w, "orders", "k", "1");
  w.must(DeleteBinding{"orders", "b"});
  const auto letter = w.letters().at(0).id;
  const Error gone = w.refused(ReplayDeadLetter{letter, {}});
  CHECK(gone.code == Errc::conflict);
  CHECK(gone.detail.find("no longer has binding \"b\"") != std::string::npos);
  put_binding(w, "orders", "b", to("queue:q"));
  const auto all = w.must(ReplayDeadLetters{"", {}, 10});
  CHECK(all.replayed == 1);
  holds(w, [&] { CHECK(ready(w, "q") == 1); });
}

TEST_CASE("events that a topic passes on: one wakes one, in their order, the rest are kept") {
  World w;
  w.deploy("waits", waits);
  put_binding(w, "payments", "paid", to("event:paid", "#", {}, "{% order %}"));
  std::vector<RunId> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(w.start("waits", R"({"order":"a"})"));
  std::vector<Publication> messages;
  for (int i = 0; i < 5; ++i)
    messages.push_back({.topic = "payments",
                        .key = "k",
                        .body = doc(R"({"order":"a","n":)" + std::to_string(i) + "}")});
  w.must(PublishMessages{messages});
  holds(w, [&] {
    for (std::size_t i = 0; i < 3; ++i) CHECK(w.detail(waiting[i]).output.json()["n"] == i);
  });
  for (int i = 3; i < 5; ++i) {
    const RunId late = w.start("waits", R"({"order":"a"})");
    w.advance({});
    CHECK(w.detail(late).output.json()["n"] == i);
  }
  const RunId none = w.start("waits", R"({"order":"a"})");
  w.advance({});
  holds(w, [&] { CHECK(w.detail(none).waiting_for.at(0).kind == "event"); });
}

TEST_CASE("an event for all that a topic passes on wakes all; one that is not kept finds nobody") {
  World w;
  w.deploy("open",
           R"({"StartAt":"Open","Events":{"open":{"Deliver":"All"},"bell":{"KeepSeconds":0}},
    "States":{"Open":{"Type":"Task","Resource":"event:open","Next":"Bell"},
              "Bell":{"Type":"Task","Resource":"event:bell","End":true}}})");
  put_binding(w, "shop", "open", to("event:open", "open"));
  put_binding(w, "shop", "bell", to("event:bell", "bell"));
  std::vector<RunId> waiting;
  for (int i = 0; i < 400; ++i) waiting.push_back(w.start("open"));
  publish(w, "shop", "bell");
  publish(w, "shop", "open");
  w.advance({});
  holds(w, [&] {
    for (const RunId run : waiting) CHECK(w.detail(run).waiting_for.at(0).name == "bell");
  });
  for (int i = 0; i < 400; ++i) publish(w, "shop", "bell");
  w.advance({});
  holds(w, [&] {
    for (const RunId run : waiting) CHECK(w.status(run) == "SUCCEEDED");
  });
}

TEST_CASE("a state publishes to a topic, and its run goes on whatever becomes of the message") {
  World w;
  w.deploy("sends", R"({"StartAt":"Send","States":{
    "Send":{"Type":"Task","Resource":"topic:orders","Parameters":{"Key":"order.eu","Body.$":"$","Headers":{"h":"1"}},
            "ResultPath":null,"Next":"Put"},
    "Put":{"Type":"Task","Resource":"arn:aws:states:::events:putEvents","Parameters":{"Entries":[
      {"EventBusName":"bus","Source":"s","DetailType":"Order Created","Detail":{"n":1}},
      {"EventBusName":"bus","Source":"s","DetailType":"Other","Detail":{"n":2}}]},"End":true}}})");
  w.deploy("started", stages({"Work"}));
  put_binding(w, "orders", "q", to("queue:q", "order.*"));
  put_binding(w, "orders", "w", to("workflow:started"));
  put_binding(w, "orders", "none", to("workflow:none"));
  put_binding(w, "bus", "created", to("queue:created", "Order Created"));
  const RunId run = w.start("sends", R"({"amount":7})");
  w.advance({});
  w.advance({});
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(ready(w, "created") == 1);
    CHECK(ready(w, "topic:bus") == 0);
    CHECK(runs(w, "started").size() == 1);
    CHECK(w.letters().size() == 1);
  });
  const auto task = w.take("q");
  CHECK(task.body.text() == R"({"amount":7})");
  CHECK(task.headers == R"({"h":"1","Key":"order.eu"})");
}

TEST_CASE("a state whose message cannot be published fails, and nothing was sent") {
  World w;
  w.deploy("sends", R"({"StartAt":"Send","States":{"Send":{"Type":"Task","Resource":"topic:orders",
    "Parameters":{"Key.$":"$.key","Body":1},"End":true}}})");
  const RunId run = w.start("sends", R"({"key":")" + std::string(256, 'k') + "\"}");
  w.advance({});
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "States.Runtime");
    CHECK(w.detail(run).cause.value_or("").find("256 bytes") != std::string::npos);
    CHECK(ready(w, "topic:orders") == 0);
  });
}

TEST_CASE("workflows that publish what starts them or wakes them take turns with all others") {
  World w;
  const std::string loop = R"({"StartAt":"Send","States":{"Send":{"Type":"Task",
    "Resource":"topic:loop","Parameters":{"Key":"k","Body":{}},"End":true}}})";
  w.deploy("loop", loop);
  w.deploy("echo", R"({"StartAt":"Hear","States":{
    "Hear":{"Type":"Task","Resource":"event:echo","Next":"Say"},
    "Say":{"Type":"Task","Resource":"topic:echo","Parameters":{"Key":"k","Body":{}},"Next":"Hear",
           "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Done"}]},
    "Done":{"Type":"Succeed"}}})");
  put_binding(w, "loop", "self", to("workflow:loop"));
  put_binding(w, "echo", "self", to("event:echo"));
  for (int i = 0; i < 3; ++i) w.start("echo");
  // What the messages bring about begins with a later batch, when the bindings are gone.
  w.engine->submit<PublishMessages>(
      PublishMessages{{{.topic = "loop", .key = "k", .body = doc("{}")},
                       {.topic = "echo", .key = "k", .body = doc("{}")}}},
      [](const auto& reply) { CHECK(reply.has_value()); });
  w.engine->submit<DeleteBinding>(DeleteBinding{"loop", "self"},
                                  [](const auto& reply) { CHECK(reply.has_value()); });
  w.engine->submit<DeleteBinding>(DeleteBinding{"echo", "self"},
                                  [](const auto& reply) { CHECK(reply.has_value()); });
  w.engine->pump();
  w.advance({});
  holds(w, [&] {
    CHECK(runs(w, "loop").size() == 1);
    CHECK(ready(w, "topic:loop") == 1);
    CHECK(ready(w, "topic:echo") == 1);
  });
}

TEST_CASE("the triggers of a definition are its workflow's bindings") {
  World w;
  const auto definition = [](const std::string& triggers) {
    return R"({"StartAt":"Work","Triggers":)" + triggers +
           R"(,"States":{"Work":{"Type":"Task","Resource":"queue:work","End":true}}})";
  };
  w.deploy("orders", definition(R"([{"Topic":"orders","Pattern":"order.*.created",
    "Filter":"{% amount > 0 %}"},{"Topic":"other"}])"));
  CHECK(publish(w, "orders", "order.eu.created", R"({"amount":1})").routed == 1);
  CHECK(publish(w, "orders", "order.eu.created", R"({"amount":0})").routed == 0);
  CHECK(publish(w, "other", "any", R"(5)").routed == 1);
  holds(w, [&] {
    CHECK(runs(w, "orders").size() == 2);
    const auto bound = w.inspector->bindings("orders");
    REQUIRE(bound.size() == 1);
    CHECK(bound[0].name == "workflow:orders:0");
    CHECK(bound[0].workflow == "orders");
    CHECK(bound[0].text == to("workflow:orders", "order.*.created", "{% amount > 0 %}"));
  });
  const Error owned = w.refused(DeleteBinding{"orders", "workflow:orders:0"});
  CHECK(owned.code == Errc::conflict);
  CHECK(owned.detail.find("change its definition's Triggers") != std::string::npos);
  CHECK(w.code(PutBinding{"orders", "workflow:orders:0", to("queue:q")}) == "conflict");
  CHECK(w.code(PutBinding{"orders", "workflow:x:1", to("queue:q")}) == "conflict");

  // Another version exchanges them.
  put_binding(w, "orders", "mine", to("queue:q"));
  w.deploy("orders", definition(R"([{"Topic":"orders","Pattern":"late"}])"));
  CHECK(publish(w, "other", "any").queued);
  CHECK(publish(w, "orders", "late").routed == 2);
  CHECK(publish(w, "orders", "order.eu.created", R"({"amount":1})").routed == 1);
  holds(w, [&] {
    CHECK(runs(w, "orders").size() == 3);
    CHECK(w.inspector->topics(10, {}).items.size() == 1);
  });
  w.must(DeleteWorkflow{"orders"});
  CHECK(publish(w, "orders", "late").routed == 1);
  holds(w, [&] { CHECK(w.inspector->bindings("orders").size() == 1); });
  w.deploy("orders", definition(R"([{"Topic":"orders","Pattern":"late"}])"));
  CHECK(publish(w, "orders", "late").routed == 2);
}

TEST_CASE("triggers that find no room are refused with their places") {
  World w;
  for (int i = 0; i < 999; ++i) put_binding(w, "wide", "b" + std::to_string(i), to("queue:wide"));
  const std::string two = R"({"StartAt":"A","Triggers":[{"Topic":"wide"},{"Topic":"wide"}],
    "States":{"A":{"Type":"Pass","End":true}}})";
  auto compiled = workflows::compile(two);
  REQUIRE(compiled.has_value());
  const Error full = w.refused(DeployWorkflow{"two", two, compiled->machine});
  REQUIRE(full.problems.size() == 1);
  CHECK(full.problems[0].pointer == "/Triggers/1/Topic");
  w.deploy("one", R"({"StartAt":"A","Triggers":[{"Topic":"wide","Pattern":"a"}],
    "States":{"A":{"Type":"Pass","End":true}}})");
  // Its next version takes the place of its own.
  w.deploy("one", R"({"StartAt":"A","Triggers":[{"Topic":"wide","Pattern":"b"}],
    "States":{"A":{"Type":"Pass","End":true}}})");
  holds(w, [&] { CHECK(w.inspector->bindings("wide").size() == 1'000); });
}

TEST_CASE("bindings are shown page by page, and one by one") {
  World w;
  for (const char* topic : {"c", "a", "b"}) put_binding(w, topic, "one", to("queue:q"));
  put_binding(w, "b", "two", to("event:e", "k", {}, "key"));
  const auto first = w.inspector->topics(2, {});
  REQUIRE(first.items.size() == 2);
  CHECK(first.items[1].name == "b");
  CHECK(first.items[1].bindings == 2);
  const auto rest = w.inspector->topics(2, first.next);
  REQUIRE(rest.items.size() == 1);
  CHECK(rest.items[0].name == "c");
  CHECK_FALSE(rest.next.has_value());
  const auto one = w.inspector->binding("b", "two");
  REQUIRE(one.has_value());
  CHECK(one->text == to("event:e", "k", {}, "key"));
  CHECK(one->workflow.empty());
  CHECK_FALSE(w.inspector->binding("b", "three").has_value());
  CHECK(w.inspector->bindings("none").empty());
}

}  // namespace sluice::orchestrator::engine_test
