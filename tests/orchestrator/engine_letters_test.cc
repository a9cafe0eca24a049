// Looking for dead letters, counting them by error, and replaying one elsewhere.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

void send(World& w, const std::string& queue, const std::string& body) {
  NewMessage message;
  message.queue = queue;
  message.body = doc(body);
  w.must(SendMessages{{std::move(message)}});
}

std::size_t found(World& w, const DeadLetterFilter& filter) {
  return w.inspector->dead_letters(filter, 1'000, {}).items.size();
}

RunId start_labelled(World& w, const std::string& region) {
  StartRun start = World::starting("orders");
  start.labels = {{"region", region}, {"tier", "gold"}};
  return w.must(start).id;
}

}  // namespace

TEST_CASE("dead letters are found by kind, time, labels of their run and text") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId eu = start_labelled(w, "eu");
  w.fail(w.take("pay").token, "Payment.Declined", "no money on account 17");
  const WallTime between = w.engine->wall_now() + seconds(30);
  w.advance(seconds(60));
  (void)start_labelled(w, "us");
  w.fail(w.take("pay").token, "Http.503", "the bank is down");
  workflows::QueueSettings settings;
  settings.deliveries_max = 1;
  w.must(PutQueue{"bare", settings});
  send(w, "bare", "1");
  w.fail(w.take("bare").token, "Http.503", "");
  holds(w, [&] {
    const auto with = [](auto change) {
      DeadLetterFilter filter;
      change(filter);
      return filter;
    };
    CHECK(found(w, {}) == 3);
    CHECK(found(w, with([](auto& f) { f.kind = "stage"; })) == 2);
    CHECK(found(w, with([](auto& f) { f.kind = "queue"; })) == 1);
    CHECK(found(w, with([](auto& f) { f.kind = "binding"; })) == 0);
    CHECK(found(w, with([&](auto& f) { f.since = between; })) == 2);
    CHECK(found(w, with([&](auto& f) { f.until = between; })) == 1);
    CHECK(found(w, with([](auto& f) { f.labels = {{"region", "eu"}}; })) == 1);
    CHECK(found(w, with([](auto& f) { f.labels = {{"tier", "gold"}}; })) == 2);
    CHECK(found(w, with([](auto& f) { f.labels = {{"tier", "gold"}, {"region", "asia"}}; })) == 0);
    CHECK(found(w, with([](auto& f) { f.text = "account 17"; })) == 1);
    CHECK(found(w, with([](auto& f) { f.text = "Http"; })) == 2);
    CHECK(found(w, with([&](auto& f) { f.text = to_string(eu); })) == 1);
    CHECK(found(w, with([](auto& f) {
                  f.text = "Http";
                  f.queue = "pay";
                })) == 1);
  });
}

TEST_CASE("dead letters are counted by error and queue, with the newest as an example") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  std::string newest;
  for (int i = 0; i < 5; ++i) {
    (void)w.start("orders");
    w.advance(seconds(1));
    w.fail(w.take("pay").token, i == 4 ? "Rare" : "Http.503", "down");
    if (i == 3) newest = to_string(w.inspector->dead_letters({}, 1, {}).items.at(0).id);
  }
  holds(w, [&] {
    const auto counted = w.inspector->dead_letter_groups({});
    CHECK(counted.complete);
    REQUIRE(counted.groups.size() == 2);
    CHECK(counted.groups[0].error == "Http.503");
    CHECK(counted.groups[0].queue == "pay");
    CHECK(counted.groups[0].count == 4);
    CHECK(to_string(counted.groups[0].example) == newest);
    CHECK((counted.groups[0].last - counted.groups[0].first) == seconds(3));
    CHECK(counted.groups[1].count == 1);
  });
}

TEST_CASE("a run's dead letter is replayed at another state, with another version, once") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship"}));
  const RunId run = w.start("orders");
  w.fail(w.take("pay").token);
  w.deploy("orders", stages({"Pay", "Check", "Ship"}));
  const DeadLetterId letter = w.letters().at(0).id;
  CHECK(w.code(ReplayDeadLetter{letter, {}, "Nowhere", {}}) == "invalid_argument");
  CHECK(w.code(ReplayDeadLetter{letter, {}, {}, 9}) == "not_found");
  CHECK(w.letters().size() == 1);
  w.must(ReplayDeadLetter{letter, doc(R"({"n":2})"), "Check", 2});
  CHECK(w.code(ReplayDeadLetter{letter, {}, "Check", 2}) == "conflict");
  holds(w, [&] {
    CHECK(w.status(run) == "RUNNING");
    CHECK(w.letters().empty());
    const auto log = w.inspector->audit({}, 1, {}).items;
    REQUIRE(log.size() == 1);
    CHECK(log[0].kind == "dead-letter.replay");
    CHECK(log[0].detail == R"({"from":"Check","version":2,"input_edited":true})");
  });
  const auto task = w.take("check");
  CHECK(task.body.text() == R"({"n":2})");
}

TEST_CASE("a bare message's dead letter cannot be replayed at a state") {
  World w;
  workflows::QueueSettings settings;
  settings.deliveries_max = 1;
  w.must(PutQueue{"bare", settings});
  send(w, "bare", "1");
  w.fail(w.take("bare").token);
  const DeadLetterId letter = w.letters().at(0).id;
  CHECK(w.code(ReplayDeadLetter{letter, {}, "Pay", {}}) == "invalid_argument");
  CHECK(w.code(ReplayDeadLetter{letter, {}, {}, 1}) == "invalid_argument");
  holds(w, [&] { CHECK(w.letters().size() == 1); });
  w.must(ReplayDeadLetter{letter, {}});
  CHECK(w.take("bare").body.text() == "1");
}

}  // namespace sluice::orchestrator::engine_test
