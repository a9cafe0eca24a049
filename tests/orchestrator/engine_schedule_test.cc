#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

// A run of one stage, started by the trigger.
std::string nightly(const std::string& trigger) {
  return R"({"StartAt":"Work","Triggers":[)" + trigger +
         R"(],"States":{"Work":{"Type":"Task","Resource":"queue:work","End":true}}})";
}

std::vector<RunSummary> runs(World& w) {
  return w.inspector->runs(RunFilter{}, 100, std::nullopt).items;
}

ScheduleInfo only(World& w) {
  const auto page = w.inspector->schedules(10, std::nullopt);
  REQUIRE(page.items.size() == 1);
  return page.items[0];
}

// The world's clock stands at the beginning of an hour, whatever it was.
void to_full_hour(World& w) {
  const std::int64_t hour = seconds(3'600).us;
  w.advance(Duration{hour - w.clock.wall_now().us % hour});
}

void finish(World& w) {
  const auto task = w.take("work");
  w.complete(task.token, "1");
}

TEST_CASE("a schedule starts a run at each of its times, with the time as input") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":3600})"));
  const WallTime from = w.clock.wall_now();
  w.advance(seconds(3'599));
  CHECK(runs(w).empty());
  w.advance(seconds(1));
  holds(w, [&] {
    REQUIRE(runs(w).size() == 1);
    CHECK(only(w).stored.started == 1);
    CHECK(only(w).next.at(0) == from + seconds(7'200));
    CHECK(only(w).next.size() == 10);
    CHECK(only(w).workflow == "nightly");
  });
  const auto detail = w.detail(runs(w)[0].id);
  CHECK(detail.input.json()["time"] == to_rfc3339(from + seconds(3'600)));
  CHECK(detail.input.json()["schedule"] == to_string(only(w).stored.id));
  finish(w);
  w.advance(seconds(3'600));
  CHECK(runs(w).size() == 2);
  CHECK(only(w).stored.run == runs(w)[0].id);
}

TEST_CASE("the input that a trigger gives is its runs'") {
  World w;
  w.deploy("nightly", nightly(R"({"EverySeconds":60,"Input":{"full":true}})"));
  w.advance(seconds(60));
  REQUIRE(runs(w).size() == 1);
  CHECK(w.detail(runs(w)[0].id).input.text() == R"({"full":true})");
}

TEST_CASE("a single time starts one run, and one that was past at the deploy none") {
  World w;
  const WallTime soon = w.clock.wall_now() + seconds(10), gone = w.clock.wall_now() - seconds(10);
  w.deploy("nightly",
           nightly(R"({"At":")" + to_rfc3339(soon) + R"("},{"At":")" + to_rfc3339(gone) + "\"}"));
  w.advance(seconds(9));
  CHECK(runs(w).empty());
  w.advance(seconds(100));
  w.advance(seconds(100'000));
  CHECK(runs(w).size() == 1);
  for (const auto& schedule : w.inspector->schedules(10, std::nullopt).items)
    CHECK(schedule.next.empty());
}

TEST_CASE("while a run is live, Skip leaves the occurrence out") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60})"));
  w.pass(seconds(190), seconds(10));
  holds(w, [&] {
    CHECK(runs(w).size() == 1);
    CHECK(only(w).stored.skipped == 2);
  });
  finish(w);
  w.pass(seconds(60), seconds(10));
  CHECK(runs(w).size() == 2);
}

TEST_CASE("while a run is live, Queue lets the occurrence wait for its end") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60,"Overlap":"Queue","CatchUpSeconds":150})"));
  const WallTime from = w.clock.wall_now();
  w.pass(seconds(130), seconds(10));
  holds(w, [&] {
    CHECK(runs(w).size() == 1);
    CHECK(only(w).next.at(0) == from + seconds(120));  // waits since
  });
  finish(w);
  w.advance({});
  CHECK(runs(w).size() == 2);
  // It waits no longer than CatchUpSeconds: those of minutes 3 and 4 are too late by now.
  w.pass(seconds(280), seconds(10));
  CHECK(runs(w).size() == 2);
  finish(w);
  w.advance({});
  CHECK(runs(w).size() == 3);
  CHECK(only(w).stored.skipped == 2);
  CHECK(w.detail(runs(w)[0].id).input.json()["time"] == to_rfc3339(from + seconds(300)));
}

TEST_CASE("while a run is live, CancelPrevious cancels it") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60,"Overlap":"CancelPrevious"})"));
  w.pass(seconds(130), seconds(10));
  holds(w, [&] {
    REQUIRE(runs(w).size() == 2);
    CHECK(w.status(runs(w)[1].id) == "ABORTED");
    CHECK(w.status(runs(w)[0].id) == "RUNNING");
  });
}

TEST_CASE("while a run is live, Allow lets both run") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60,"Overlap":"Allow"})"));
  w.pass(seconds(130), seconds(10));
  REQUIRE(runs(w).size() == 2);
  for (const auto& run : runs(w)) CHECK(w.status(run.id) == "RUNNING");
}

TEST_CASE("after a downtime, occurrences within CatchUpSeconds are started, older ones are not") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60,"Overlap":"Allow","CatchUpSeconds":150})"));
  w.reopen(seconds(10 * 60 + 1));
  w.advance({});
  CHECK(runs(w).size() == 3);  // of minutes 8, 9 and 10
  CHECK(only(w).stored.skipped == 7);
  // A year is passed over at once.
  w.reopen(seconds(31'536'000));
  w.advance({});
  CHECK(runs(w).size() == 6);
  CHECK(only(w).stored.skipped == 1'007);
}

TEST_CASE("a clock that is set back starts nothing twice") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60,"Overlap":"Allow"})"));
  w.pass(seconds(121), seconds(10));
  CHECK(runs(w).size() == 2);
  w.clock.advance_wall_only(Duration{-seconds(100).us});
  w.pass(seconds(90), seconds(10));
  CHECK(runs(w).size() == 2);
  w.pass(seconds(80), seconds(10));
  CHECK(runs(w).size() == 3);
}

TEST_CASE("a paused schedule starts nothing, and resumed it goes on with what is to come") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60,"Overlap":"Allow"})"));
  const WallTime from = w.clock.wall_now();
  const ScheduleId id = only(w).stored.id;
  w.must(PauseSchedule{.schedule = id, .paused = true});
  w.must(PauseSchedule{.schedule = id, .paused = true});
  w.pass(seconds(150), seconds(10));
  holds(w, [&] {
    CHECK(runs(w).empty());
    CHECK(only(w).stored.paused);
    CHECK(only(w).next.at(0) == from + seconds(180));
  });
  w.must(PauseSchedule{.schedule = id, .paused = false});
  w.advance(seconds(24));
  CHECK(runs(w).empty());
  w.advance(seconds(1));
  CHECK(runs(w).size() == 1);
}

TEST_CASE("run-now starts a run at once and leaves what is to come as it is") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60})"));
  const ScheduleInfo before = only(w);
  const RunId run = w.must(RunSchedule{.schedule = before.stored.id}).run;
  const RunId again = w.must(RunSchedule{.schedule = before.stored.id}).run;
  CHECK(run == again);  // the same moment
  holds(w, [&] {
    CHECK(w.detail(run).status == "RUNNING");
    CHECK(only(w).next == before.next);
    CHECK(only(w).stored.started == 1);
  });
  w.advance(seconds(60));
  CHECK(runs(w).size() == 1);  // Overlap Skip sees it
}

TEST_CASE("a new version keeps the schedules whose times are the same, and the others go") {
  World w;
  to_full_hour(w);
  w.deploy("nightly", nightly(R"({"EverySeconds":60},{"EverySeconds":90})"));
  const auto before = w.inspector->schedules(10, std::nullopt).items;
  REQUIRE(before.size() == 2);
  w.must(PauseSchedule{.schedule = before[0].stored.id, .paused = true});
  w.deploy("nightly", nightly(R"({"EverySeconds":30},{"EverySeconds":60,"Overlap":"Allow"})"));
  holds(w, [&] {
    const auto after = w.inspector->schedules(10, std::nullopt).items;
    REQUIRE(after.size() == 2);
    CHECK(after[0].stored.id == before[0].stored.id);
    CHECK(after[0].stored.paused);
    CHECK(after[0].stored.schedule.overlap == workflows::Overlap::allow);
    CHECK(after[0].stored.schedule.place == 1);
    CHECK(after[1].stored.schedule.text == "30");
  });
  w.must(DeleteWorkflow{"nightly"});
  holds(w, [&] { CHECK(w.inspector->schedules(10, std::nullopt).items.empty()); });
  w.pass(seconds(100), seconds(10));
  CHECK(runs(w).empty());
}

TEST_CASE("an unknown schedule and an input over the payload limit are refused") {
  Options options;
  options.payload_bytes_max = 1'000;
  World w(options);
  CHECK(w.refused(PauseSchedule{.schedule = ScheduleId{7}, .paused = true}).code ==
        Errc::not_found);
  CHECK(w.refused(RunSchedule{.schedule = ScheduleId{7}}).code == Errc::not_found);
  CHECK_FALSE(w.inspector->schedule(ScheduleId{7}).has_value());
  const std::string definition =
      nightly(R"({"Topic":"t"},{"EverySeconds":60,"Input":")" + std::string(1'000, 'x') + "\"}");
  const auto compiled = workflows::compile(definition);
  REQUIRE(compiled.has_value());
  const Error error = w.refused(
      DeployWorkflow{"nightly", workflows::canonical_text(definition), compiled->machine});
  REQUIRE(error.problems.size() == 1);
  CHECK(error.problems[0].pointer == "/Triggers/1/Input");
  CHECK(w.inspector->schedules(10, std::nullopt).items.empty());
}

TEST_CASE("schedules are listed in pages") {
  World w;
  for (const char* name : {"a", "b", "c"}) w.deploy(name, nightly(R"({"EverySeconds":60})"));
  const auto first = w.inspector->schedules(2, std::nullopt);
  REQUIRE(first.items.size() == 2);
  REQUIRE(first.next.has_value());
  const auto rest = w.inspector->schedules(2, first.next);
  REQUIRE(rest.items.size() == 1);
  CHECK(rest.items[0].workflow == "c");
  CHECK_FALSE(rest.next.has_value());
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
