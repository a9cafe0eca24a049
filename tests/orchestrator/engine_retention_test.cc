// What is too old goes, in small steps; what anybody may still need stays.
#include "base/random.h"
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

constexpr std::int64_t day = 86'400;

std::int64_t rows(World& w, const std::string& table) {
  const std::string text = "SELECT count(*) FROM " + table;
  const storage::Sql count{text, text};
  std::int64_t n = 0;
  w.database->read([&](storage::Reader& reader) {
    auto q = reader.query(count);
    REQUIRE(q.step());
    n = q.int64(0);
  });
  return n;
}

bool gone(World& w, RunId run) { return !w.inspector->run(run).has_value(); }

// The walk rests between its rounds.
void rounds(World& w) {
  for (int i = 0; i < 3; ++i) w.advance(seconds(11));
}

}  // namespace

TEST_CASE("an ended run is kept for 30 days, then it goes with its history and its name") {
  World w;
  w.deploy("a", stages({"A"}));
  StartRun named = World::starting("a", "1");
  named.name = "order-7";
  const RunId run = w.must(named).id;
  w.complete(w.take("a").token);
  w.advance(seconds(30 * day - 60));
  rounds(w);
  holds(w, [&] { CHECK(w.status(run) == "SUCCEEDED"); });
  w.advance(seconds(60));
  rounds(w);
  holds(w, [&] {
    CHECK(gone(w, run));
    CHECK(rows(w, "runs") == 0);
    CHECK(rows(w, "log") == 0);
  });
  CHECK(w.engine->stats().runs_deleted <= 1);
  const auto again = w.must(named);
  CHECK_FALSE(again.existing);
}

TEST_CASE("a definition says how long its runs are kept; the server speaks for the others") {
  Options options;
  options.retention = seconds(10 * day);
  World w(options);
  w.deploy("short", stages({"A"}, "", R"("RetentionSeconds": 3600)"));
  w.deploy("long", stages({"A"}, "", R"("RetentionSeconds": 8640000)"));
  w.deploy("other", stages({"A"}));
  const RunId brief = w.start("short"), lasting = w.start("long"), usual = w.start("other");
  for (int i = 0; i < 3; ++i) w.complete(w.take("a").token);
  w.advance(seconds(3'601));
  rounds(w);
  CHECK(gone(w, brief));
  CHECK_FALSE(gone(w, usual));
  w.advance(seconds(10 * day));
  rounds(w);
  holds(w, [&] {
    CHECK(gone(w, usual));
    CHECK(w.status(lasting) == "SUCCEEDED");
  });
  w.advance(seconds(100 * day));
  rounds(w);
  CHECK(gone(w, lasting));
  CHECK(w.engine->stats().runs_deleted == 1);  // since the reopening
}

TEST_CASE("without a time of the server's, only what a definition limits goes") {
  Options options;
  options.retention = {};
  World w(options);
  w.deploy("at-once", stages({"A"}, "", R"("RetentionSeconds": 0)"));
  w.deploy("for-ever", stages({"A"}));
  const RunId brief = w.start("at-once"), lasting = w.start("for-ever");
  for (int i = 0; i < 2; ++i) w.complete(w.take("a").token);
  w.advance(seconds(20'000 * day));
  rounds(w);
  CHECK(gone(w, brief));
  CHECK(w.status(lasting) == "SUCCEEDED");
}

TEST_CASE("a live run is never too old, and neither is one whose dead letter is open") {
  World w;
  w.deploy("a", stages({"A", "B"}));
  const RunId live = w.start("a"), failed = w.start("a");
  w.complete(w.take("a").token);
  w.fail(w.take("a").token);
  REQUIRE(w.letters().size() == 1);
  w.advance(seconds(400 * day));
  rounds(w);
  holds(w, [&] {
    CHECK(w.status(live) == "RUNNING");
    CHECK(w.status(failed) == "FAILED");
  });
  w.must(DropDeadLetter{w.letters()[0].id, "known"});
  w.advance(seconds(3'600));
  rounds(w);
  holds(w, [&] {
    CHECK(gone(w, failed));
    CHECK(rows(w, "dead_letters") == 0);
    CHECK(w.status(live) == "RUNNING");
  });
  w.complete(w.take("b").token);
  CHECK(w.status(live) == "SUCCEEDED");
}

TEST_CASE("a run with many items goes a step at a time, also over a restart, and leaves nothing") {
  World w;
  w.deploy(
      "many",
      R"({"StartAt":"M","States":{"M":{"Type":"Map","ToleratedFailureCount":599,"End":true,"ItemProcessor":{
    "StartAt":"P","States":{"P":{"Type":"Map","ItemsPath":"$.inner","End":true,"ItemProcessor":{
      "StartAt":"F","States":{"F":{"Type":"Choice","Choices":[
        {"Variable":"$","IsPresent":true,"Next":"Bad"}]},"Bad":{"Type":"Fail","Error":"No"}}}}}}}}})");
  std::string input = "[";
  for (int i = 0; i < 600; ++i) input += std::string(i > 0 ? "," : "") + R"({"inner":[1,2]})";
  const RunId run = w.start("many", input + "]");
  w.deploy("parent",
           R"({"StartAt":"R","States":{"R":{"Type":"Task","Resource":"run:child","End":true}}})");
  w.deploy(
      "child",
      R"({"StartAt":"P","RetentionSeconds":1,"States":{"P":{"Type":"Pass","Result":"told","End":true}}})");
  const RunId parent = w.start("parent");
  w.advance(seconds(20));
  CHECK(w.status(run) == "FAILED");
  for (const auto& letter : w.letters()) w.must(DropDeadLetter{letter.id, "known"});
  CHECK(rows(w, "log") > 600);
  w.advance(seconds(60));
  rounds(w);
  // The child is gone; its parent still knows what it said.
  CHECK(w.detail(parent).output.text() == R"("told")");
  CHECK(w.history(parent).size() > 3);
  w.clock.advance(seconds(31 * day));
  w.database->fail_at(3'000, /*always=*/true);
  w.engine->pump();
  w.reopen();
  CHECK(gone(w, run));
  rounds(w);
  holds(w, [&] {
    CHECK(rows(w, "log") == 0);
    CHECK(rows(w, "children") == 0);
    CHECK(rows(w, "dropped_runs") == 0);
    CHECK(rows(w, "spent_spawns") == 0);
  });
}

TEST_CASE("space that is free is given back to the file system a step at a time") {
  World w;
  w.deploy("a", stages({"A"}, "", R"("RetentionSeconds": 60)"));
  // Letters without a pattern, which packing makes little smaller.
  Random chance(7);
  std::string big = "\"";
  for (int i = 0; i < 500'000; ++i) big += static_cast<char>('A' + chance.next() % 26);
  big += '"';
  for (int i = 0; i < 160; ++i) {
    w.start("a", big);
    w.complete(w.take("a").token, "1");
  }
  w.database->checkpoint();
  const std::int64_t full = w.database->file_bytes();
  CHECK(full > 20'000'000);
  w.advance(seconds(61));
  rounds(w);
  w.database->checkpoint();
  CHECK(w.database->file_bytes() < full / 2);
  w.sound();
}

}  // namespace sluice::orchestrator::engine_test
