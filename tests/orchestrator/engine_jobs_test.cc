// Bulk jobs: replaying, dropping, redriving, cancelling, pausing and resuming many.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

JobSpec spec_of(const std::string& text) {
  auto parsed = parse_job(Json::parse(text));
  REQUIRE_MESSAGE(parsed.has_value(), World::problems(parsed.error()));
  return std::move(parsed->spec);
}

JobId begin(World& w, const std::string& text) {
  return w.must(StartJob{spec_of(text), By{"ada", "the bank is back"}}).id;
}

Job job(World& w, JobId id) {
  auto found = w.inspector->job(id);
  REQUIRE(found.has_value());
  const Job& j = *found;
  CHECK(j.matched == j.done + j.failed + j.skipped + j.refused + j.to_come());
  if (j.spec->in_flight_max && j.status == JobStatus::running)
    CHECK(j.done == j.in_flight + j.went_on + j.failed_again);
  return *found;
}

// So many failed runs of the workflow "orders", which has the stages Pay and Ship.
std::vector<RunId> failed_runs(World& w, int count) {
  w.deploy("orders", stages({"Pay", "Ship"}));
  std::vector<RunId> runs;
  for (int i = 0; i < count; ++i) {
    runs.push_back(w.start("orders", R"({"n":)" + std::to_string(i) + "}"));
    w.fail(w.take("pay").token, i % 2 == 0 ? "Http.503" : "Declined", "down");
  }
  return runs;
}

void put_bare(World& w, std::optional<std::int64_t> replays_max = {}) {
  workflows::QueueSettings settings;
  settings.deliveries_max = 1;
  settings.replays_max = replays_max;
  w.must(PutQueue{"bare", settings});
}

void dead_bare(World& w, const std::string& body) {
  NewMessage message;
  message.queue = "bare";
  message.body = doc(body);
  w.must(SendMessages{{std::move(message)}});
  w.fail(w.take("bare").token);
}

std::size_t ready(World& w, const std::string& queue) {
  return static_cast<std::size_t>(w.stats(queue).ready);
}

}  // namespace

TEST_CASE("a job replays what its filter takes of what was there, and its counts add up") {
  World w;
  const auto runs = failed_runs(w, 7);
  const JobId id = begin(w, R"({"verb":"replay","filter":{"queue":"pay","error":"Http.503"}})");
  holds(w, [&] {
    const Job j = job(w, id);
    CHECK(j.status == JobStatus::done);
    CHECK(j.matched == 4);
    CHECK(j.done == 4);
    CHECK(w.letters().size() == 3);
    CHECK(ready(w, "pay") == 4);
    const auto log = w.inspector->audit({"dead-letter.replay", {}, {}, {}}, 100, {}).items;
    REQUIRE(log.size() == 4);
    CHECK(log[0].principal == "ada");
    CHECK(log[0].reason == "the bank is back");
    CHECK(log[0].detail == R"({"job":")" + to_string(id) + "\"}");
    CHECK(w.inspector->audit({"job.start", {}, {}, {}}, 100, {}).items.size() == 1);
  });
  // What it did is safe to ask for again: nothing is left that it would take.
  const JobId again = begin(w, R"({"verb":"replay","filter":{"queue":"pay","error":"Http.503"}})");
  CHECK(job(w, again).matched == 0);
}

TEST_CASE("a job goes on at its rate after a restart in the middle, each item once") {
  for (const char* what : {R"({"verb":"replay","filter":{},"rate_per_second":1})",
                           R"({"verb":"redrive","filter":{},"rate_per_second":1})"}) {
    CAPTURE(what);
    World w;
    (void)failed_runs(w, 5);
    const JobId id = begin(w, what);
    CHECK(job(w, id).done == 1);
    w.advance(seconds(1));
    CHECK(job(w, id).done == 2);
    holds(w, [&] {
      const Job j = job(w, id);
      CHECK(j.status == JobStatus::running);
      CHECK(j.matched == 5);
      CHECK(j.done >= 2);
      CHECK(j.done <= 3);
    });
    w.pass(seconds(5));
    w.sound();
    CHECK(job(w, id).done == 5);
    CHECK(job(w, id).status == JobStatus::done);
    CHECK(ready(w, "pay") == 5);
  }
}

TEST_CASE("a job keeps its cap on what is in flight until runs are past the failed state") {
  World w;
  (void)failed_runs(w, 5);
  const JobId id = begin(w, R"({"verb":"replay","filter":{},"max_in_flight":2})");
  holds(w, [&] {
    CHECK(ready(w, "pay") == 2);
    CHECK(job(w, id).in_flight == 2);
    CHECK(job(w, id).to_come() == 3);
  });
  w.complete(w.take("pay").token);
  w.pass(seconds(3));
  CHECK(job(w, id).went_on == 1);
  CHECK(job(w, id).in_flight == 2);
  CHECK(ready(w, "pay") == 2);
  for (int i = 0; i < 4; ++i) {
    w.complete(w.take("pay").token);
    w.pass(seconds(3));
  }
  holds(w, [&] {
    const Job j = job(w, id);
    CHECK(j.status == JobStatus::done);
    CHECK(j.went_on == 5);
    CHECK(ready(w, "ship") == 5);
  });
}

TEST_CASE("a job stops by itself when the failures come back, and leaves the rest as it was") {
  for (const char* stop : {R"({"count":3})", R"({"share":0.5})"}) {
    CAPTURE(stop);
    World w;
    (void)failed_runs(w, 30);
    const JobId id = begin(w, R"({"verb":"replay","filter":{},"max_in_flight":1,)"
                              R"("stop_on_failures":)" +
                                  std::string(stop) + "}");
    for (int i = 0; i < 30 && job(w, id).status == JobStatus::running; ++i) {
      w.fail(w.take("pay").token);
      w.pass(seconds(3));
    }
    holds(w, [&] {
      const Job j = job(w, id);
      CHECK(j.status == JobStatus::stopped);
      CHECK(j.failed_again == (std::string(stop).find("count") != std::string::npos ? 3 : 10));
      CHECK(j.why.find("failed again") != std::string::npos);
      CHECK(w.letters().size() == 30);
    });
  }
}

TEST_CASE("bare messages are followed too: ended or dead again") {
  World w;
  put_bare(w);
  for (int i = 0; i < 3; ++i) dead_bare(w, std::to_string(i));
  const JobId id = begin(w, R"({"verb":"replay","filter":{"queue":"bare"},"max_in_flight":1})");
  w.complete(w.take("bare").token);
  w.pass(seconds(3));
  w.fail(w.take("bare").token);
  w.pass(seconds(3));
  holds(w, [&] {
    const Job j = job(w, id);
    CHECK(j.went_on == 1);
    CHECK(j.failed_again == 1);
    CHECK(j.in_flight == 1);
    REQUIRE(j.problems.size() == 1);
    CHECK(j.problems[0]["outcome"] == "failed again");
  });
}

TEST_CASE("what has changed since a job was begun is skipped, with why") {
  World w;
  const auto runs = failed_runs(w, 3);
  const auto letters = w.letters();  // newest first
  const JobId id = begin(w, R"({"verb":"replay","filter":{},"rate_per_second":0.1})");
  CHECK(job(w, id).done == 1);
  w.must(DropDeadLetter{letters[1].id, "test data"});
  w.must(RedriveRun{runs[2], {}, {}, {}});
  w.pass(seconds(30));
  holds(w, [&] {
    const Job j = job(w, id);
    CHECK(j.status == JobStatus::done);
    CHECK(j.done == 1);
    CHECK(j.skipped == 2);
    REQUIRE(j.problems.size() == 2);
    CHECK(j.problems[0]["id"] == to_string(letters[1].id));
    CHECK(j.problems[0]["outcome"] == "skipped");
  });
}

TEST_CASE("a patch is applied to each input; one to which it does not apply has failed") {
  World w;
  put_bare(w);
  dead_bare(w, R"({"order":{"id":1},"amount":"7"})");
  dead_bare(w, R"({"id":2})");
  const auto failing = w.letters().at(0).id;
  const JobId id = begin(
      w,
      R"({"verb":"replay","filter":{},"patch":[{"op":"replace","path":"/order/id","value":9}]})");
  holds(w, [&] {
    const Job j = job(w, id);
    CHECK(j.done == 1);
    CHECK(j.failed == 1);
    REQUIRE(j.problems.size() == 1);
    CHECK(j.problems[0]["id"] == to_string(failing));
    CHECK(w.letters().size() == 1);
  });
  CHECK(w.take("bare").body.text() == R"({"order":{"id":9},"amount":"7"})");
  const JobId merged = begin(w, R"({"verb":"replay","filter":{},"merge":{"id":null,"x":[1]}})");
  CHECK(job(w, merged).done == 1);
  CHECK(w.take("bare").body.text() == R"({"x":[1]})");
}

TEST_CASE("the input of a run's failed state is edited, one run or many") {
  World w;
  const auto runs = failed_runs(w, 2);
  w.must(RedriveRun{.run = runs[0],
                    .from = {},
                    .input = {},
                    .version = {},
                    .edit = Edit{true, Json::parse(R"({"fixed":true})")}});
  CHECK(w.take("pay").body.text() == R"({"n":0,"fixed":true})");
  const auto letter = w.letters().at(0).id;
  ReplayDeadLetter wrong{.id = letter, .input = {}};
  wrong.edit = Edit{false, Json::parse(R"([{"op":"remove","path":"/nothing"}])")};
  CHECK(w.code(wrong) == "invalid_argument");
  CHECK(w.letters().size() == 1);
  const JobId id = begin(w, R"({"verb":"redrive","filter":{},"merge":{"n":null}})");
  CHECK(job(w, id).done == 1);
  CHECK(w.take("pay").body.text() == "{}");
}

TEST_CASE("a dead letter that was replayed as often as its queue says is set aside") {
  World w;
  put_bare(w, 2);
  dead_bare(w, "1");
  for (int i = 0; i < 2; ++i) {
    const JobId id = begin(w, R"({"verb":"replay","filter":{}})");
    CHECK(job(w, id).done == 1);
    w.fail(w.take("bare").token);
  }
  holds(w, [&] {
    const auto letter = w.letters().at(0);
    CHECK(letter.replays == 2);
    CHECK(letter.set_aside);
    CHECK(w.code(ReplayDeadLetter{letter.id, {}}) == "conflict");
  });
  const JobId refused = begin(w, R"({"verb":"replay","filter":{}})");
  CHECK(job(w, refused).refused == 1);
  CHECK(w.must(ReplayDeadLetters{"bare", {}, 10}).refused == 1);
  ReplayDeadLetter forced{.id = w.letters().at(0).id, .input = {}};
  forced.force = true;
  w.must(forced);
  CHECK(w.take("bare").body.text() == "1");
}

TEST_CASE("a state of a run that fails again and again is set aside") {
  World w;
  w.deploy("orders",
           stages({"Pay"}, "", R"("Queues": {"pay": {"DeadLetters": {"MaxReplays": 1}}})"));
  const RunId run = w.start("orders");
  w.fail(w.take("pay").token);
  w.must(ReplayDeadLetter{w.letters().at(0).id, {}});
  w.fail(w.take("pay").token);
  holds(w, [&] {
    CHECK(w.letters().at(0).set_aside);
    CHECK(w.code(ReplayDeadLetter{w.letters().at(0).id, {}}) == "conflict");
  });
  const JobId id = begin(w, R"({"verb":"redrive","filter":{}})");
  CHECK(job(w, id).refused == 1);
  CHECK(w.status(run) == "FAILED");
  // A person's word for one run is not a loop.
  w.must(RedriveRun{run, {}, {}, {}});
  CHECK(w.status(run) == "RUNNING");
}

TEST_CASE("dead letters are dropped with a reason, by filter or by id") {
  World w;
  put_bare(w);
  for (int i = 0; i < 4; ++i) dead_bare(w, std::to_string(i));
  const auto letters = w.letters();
  const JobId one = begin(w, R"({"verb":"drop","ids":[")" + to_string(letters[0].id) + R"(",")" +
                                 to_string(letters[0].id) + R"(","0000000000001"],"reason":"x"})");
  CHECK(job(w, one).done == 1);
  CHECK(job(w, one).skipped == 1);
  const JobId all = begin(w, R"({"verb":"drop","filter":{"q":"broke"},"limit":2,"reason":"x"})");
  holds(w, [&] {
    CHECK(job(w, all).done == 2);
    CHECK(w.letters().size() == 1);
    CHECK(w.inspector->dead_letter(letters[0].id)->reason == "the bank is back");
  });
}

TEST_CASE("runs are paused, resumed and cancelled by filter") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  w.deploy("other", stages({"Pay"}));
  std::vector<RunId> runs;
  for (int i = 0; i < 40; ++i) runs.push_back(w.start(i % 4 == 0 ? "other" : "orders"));
  const JobId paused = begin(w, R"({"verb":"pause","filter":{"workflow":"orders","state":"Pay"}})");
  holds(w, [&] {
    CHECK(job(w, paused).done == 30);
    CHECK(w.status(runs[1]) == "PAUSED");
    CHECK(w.status(runs[0]) == "RUNNING");
  });
  const JobId resumed = begin(w, R"({"verb":"resume","filter":{}})");
  CHECK(job(w, resumed).done == 30);
  const JobId cancelled = begin(w, R"({"verb":"cancel","filter":{},"cause":"a mistake"})");
  holds(w, [&] {
    CHECK(job(w, cancelled).done == 40);
    CHECK(w.status(runs[0]) == "ABORTED");
    CHECK(w.stats("pay").ready == 0);
  });
}

TEST_CASE("a job that is stopped leaves what it has not done, and forgets it") {
  World w;
  (void)failed_runs(w, 4);
  const JobId id = begin(w, R"({"verb":"replay","filter":{},"rate_per_second":0.01})");
  w.must(StopJob{id});
  w.must(StopJob{id});
  CHECK(w.code(StopJob{JobId{5}}) == "not_found");
  w.advance(seconds(1));
  static constexpr storage::Sql items{"test.items", "SELECT count(*) FROM job_items"};
  holds(w, [&] {
    const Job j = job(w, id);
    CHECK(j.status == JobStatus::stopped);
    CHECK(j.done == 1);
    CHECK(j.to_come() == 3);
    CHECK(w.letters().size() == 3);
    w.database->read([&](storage::Reader& reader) {
      auto q = reader.query(items);
      REQUIRE(q.step());
      CHECK(q.int64(0) == 0);
    });
  });
}

TEST_CASE("a dry run counts and shows the first, and changes nothing") {
  World w;
  put_bare(w, 1);
  dead_bare(w, R"({"a":1})");
  w.must(ReplayDeadLetter{w.letters().at(0).id, {}});
  w.fail(w.take("bare").token);
  dead_bare(w, R"({"a":2})");
  dead_bare(w, "3");
  const auto plan = w.inspector->plan(
      spec_of(R"({"verb":"replay","filter":{},"patch":[{"op":"remove","path":"/a"}]})"));
  CHECK(plan.matched == 3);
  CHECK(plan.set_aside == 1);
  CHECK(plan.complete);
  REQUIRE(plan.examples.size() == 3);
  CHECK(plan.examples[0].refusal.find("set aside") == 0);
  CHECK(plan.examples[1].refusal.empty());
  CHECK(plan.examples[1].input.text() == "{}");
  CHECK(plan.examples[2].refusal.find("does not apply") != std::string::npos);
  const auto runs = failed_runs(w, 2);
  const auto redrive =
      w.inspector->plan(spec_of(R"({"verb":"redrive","filter":{},"merge":{"x":1}})"));
  CHECK(redrive.matched == 2);
  CHECK(redrive.examples[1].input.text() == R"({"n":1,"x":1})");
  CHECK(w.letters().size() == 5);
  CHECK(w.inspector->jobs(10, {}).items.empty());
}

TEST_CASE("a job waits for room in a queue that is full") {
  World w;
  workflows::QueueSettings settings;
  settings.deliveries_max = 1;
  settings.capacity = 2;
  w.must(PutQueue{"bare", settings});
  for (int i = 0; i < 4; ++i) dead_bare(w, std::to_string(i));
  const JobId id = begin(w, R"({"verb":"replay","filter":{}})");
  CHECK(job(w, id).done == 2);
  CHECK(job(w, id).status == JobStatus::running);
  w.complete(w.take("bare").token);
  w.complete(w.take("bare").token);
  w.pass(seconds(2));
  holds(w, [&] {
    CHECK(job(w, id).done == 4);
    CHECK(job(w, id).status == JobStatus::done);
  });
}

TEST_CASE("only so many jobs run at a time") {
  World w;
  (void)failed_runs(w, 20);
  for (std::size_t i = 0; i < jobs_running_max; ++i)
    (void)begin(w, R"({"verb":"replay","filter":{},"rate_per_second":0.001})");
  const auto refused = w.refused(StartJob{spec_of(R"({"verb":"replay","filter":{}})"), {}});
  CHECK(refused.code == Errc::overloaded);
}

TEST_CASE("a queue keeps so many of its dead letters, and for so long; a held run keeps its own") {
  World w;
  w.deploy("held", R"({"StartAt":"A","OnFailure":"Hold","States":{"A":{"Type":"Task",)"
                   R"("Resource":"queue:bare","End":true}}})");
  const RunId held = w.start("held");
  w.fail(w.take("bare").token);
  REQUIRE(w.status(held) == "PAUSED");
  workflows::QueueSettings settings;
  settings.deliveries_max = 1;
  settings.letters_max = 3;
  w.must(PutQueue{"bare", settings});
  for (int i = 0; i < 6; ++i) dead_bare(w, std::to_string(i));
  w.pass(seconds(30));
  holds(w, [&] {
    const auto letters = w.letters();
    REQUIRE(letters.size() == 3);
    CHECK(letters[0].body.text() == "5");
    CHECK(letters[1].body.text() == "4");
    CHECK(letters[2].run == held);
    CHECK(w.status(held) == "PAUSED");
  });
  settings.letters_max.reset();
  settings.letters_retention_seconds = 60;
  w.must(PutQueue{"bare", settings});
  w.pass(seconds(120), seconds(1));
  holds(w, [&] {
    REQUIRE(w.letters().size() == 1);
    CHECK(w.letters()[0].run == held);
  });
  w.must(RedriveRun{held, {}, {}, {}});
  CHECK(w.status(held) == "RUNNING");
}

TEST_CASE("many are collected and done in bounded steps") {
  World w;
  put_bare(w);
  for (int i = 0; i < 1'300; ++i) dead_bare(w, std::to_string(i));
  const JobId id = begin(w, R"({"verb":"drop","filter":{"queue":"bare"},"reason":"x"})");
  CHECK(job(w, id).done == 1'300);
  w.sound();
}

TEST_CASE("what is asked of a job is refused with its place") {
  const auto problems = [](const std::string& text) {
    const auto parsed = parse_job(Json::parse(text));
    if (parsed) return std::string("ok");
    std::string all;
    for (const auto& p : parsed.error().problems) all += p.pointer + " ";
    return all;
  };
  CHECK(problems(R"({"verb":"replay","filter":{}})") == "ok");
  CHECK(problems(R"({"filter":{}})") == "/verb ");
  CHECK(problems(R"({"verb":"shove","filter":{}})") == "/verb ");
  CHECK(problems(R"({"verb":"move","filter":{},"from":"Pay","max_in_flight":3})") ==
        "/max_in_flight /from ");
  CHECK(problems(R"({"verb":"replay"})") == "/filter ");
  CHECK(problems(R"({"verb":"replay","ids":[]})") == "/ids ");
  CHECK(problems(R"({"verb":"replay","ids":["x"]})") == "/ids/0 ");
  CHECK(problems(R"({"verb":"drop","filter":{}})") == "/reason ");
  CHECK(problems(R"({"verb":"cancel","filter":{"queue":"pay"}})") == "/filter/queue ");
  CHECK(problems(R"({"verb":"pause","filter":{},"merge":{}})") == "/merge ");
  CHECK(problems(R"({"verb":"pause","filter":{},"rate_per_second":0})") == "/rate_per_second ");
  CHECK(problems(R"({"verb":"replay","filter":{},"patch":[{"op":"drop"}]})") == "/patch/0/op ");
  CHECK(problems(R"({"verb":"replay","filter":{},"stop_on_failures":{}})") == "/stop_on_failures ");
  CHECK(problems(R"({"verb":"replay","filter":{"run":"x"}})") == "/filter/run ");
  CHECK(problems(R"({"verb":"replay","filter":{"since":"x"}})") == "/filter/since ");
  CHECK(problems(R"({"verb":"redrive","filter":{"status":"BROKEN"}})") == "/filter/status ");
}

TEST_CASE("an edit cannot make a document of any size or depth") {
  Json patch = Json::array();
  for (int i = 0; i < 40; ++i)
    patch.push_back(Json{{"op", "copy"}, {"from", ""}, {"path", "/a" + std::to_string(i)}});
  const auto grown = edited(doc(R"({"x":"yyyyyyyyyyyyyyyyyyyy"})"), Edit{false, patch}, 1 << 20);
  REQUIRE_FALSE(grown.has_value());
  CHECK(grown.error().code == Errc::too_large);
  CHECK(edited(doc("1"), Edit{true, Json::parse(R"({"a":{"b":null}})")}, 100)->text() ==
        R"({"a":{}})");
}

TEST_CASE("what a JSON Patch cannot do to a document is said, and never taken for done") {
  const auto answer = [](const char* input, const char* patch) {
    const auto changed = edited(doc(input), Edit{false, Json::parse(patch)}, 1'000);
    return changed ? changed->text() : std::string("refused");
  };
  CHECK(answer("3", R"([{"op":"remove","path":"/a"}])") == "refused");
  CHECK(answer("3", R"([{"op":"remove","path":""}])") == "refused");
  CHECK(answer(R"({"a":3})", R"([{"op":"add","path":"/a/b","value":1}])") == "refused");
  CHECK(answer(R"({"a":3})", R"([{"op":"add","path":"/b/c","value":1}])") == "refused");
  CHECK(answer(R"({"a":3})", R"([{"op":"copy","from":"/a","path":"/a/b"}])") == "refused");
  CHECK(answer(R"([{},3])", R"([{"op":"move","from":"/0","path":"/0/x"}])") == "refused");
  CHECK(answer(R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])") == "refused");
  CHECK(answer(R"([1])", R"([{"op":"add","path":"/2","value":1}])") == "refused");
  CHECK(answer(R"([1])", R"([{"op":"remove","path":"/01"}])") == "refused");
  CHECK(answer(R"([1])", R"([{"op":"test","path":"/0","value":2}])") == "refused");
  CHECK(answer(R"([1])", R"([{"op":"add","path":"/-","value":2}])") == "[1,2]");
  CHECK(answer(R"({"a":1,"b":2})", R"([{"op":"move","from":"/a","path":"/c"}])") ==
        R"({"b":2,"c":1})");
  CHECK(answer(R"({"a":1})", R"([{"op":"replace","path":"","value":[]}])") == "[]");
}

TEST_CASE("a damaged run fails alone, and the job and the timers go on") {
  World w;
  const auto runs = failed_runs(w, 3);
  w.close();
  {
    auto database = storage::open_sqlite({.directory = w.directory.path(), .vfs = w.disk.name()});
    static constexpr storage::Sql damage{
        "test.damage", "DELETE FROM log WHERE seq = (SELECT last_seq FROM runs WHERE id = ?1)"};
    storage::Transaction tx(database->writer_connection());
    CHECK(tx.run(damage, runs[1]) == 1);
    tx.commit();
  }
  w.open();
  const JobId id = begin(w, R"({"verb":"redrive","filter":{}})");
  w.advance(seconds(1));
  const Job j = job(w, id);
  CHECK(j.status == JobStatus::done);
  CHECK(j.done == 2);
  CHECK(j.failed == 1);
  CHECK(j.problems[0]["id"] == to_string(runs[1]));
  CHECK(w.status(runs[2]) == "RUNNING");
}

TEST_CASE("a statement that fails once changes nothing of what jobs do, whichever it is") {
  const auto scene = [](World& w) {
    std::string seen;
    const auto note = [&](const Job& j) {
      seen += std::to_string(static_cast<int>(j.status)) + " " + std::to_string(j.matched) + " " +
              std::to_string(j.done) + " " + std::to_string(j.skipped) + " " +
              std::to_string(j.failed) + " " + std::to_string(j.went_on) + " " +
              std::to_string(j.failed_again) + "\n";
    };
    (void)failed_runs(w, 3);
    put_bare(w, 1);
    for (int i = 0; i < 3; ++i) dead_bare(w, i == 1 ? "{}" : R"({"a":1})");
    const JobId followed = begin(w, R"({"verb":"redrive","filter":{},"max_in_flight":2})");
    const JobId bare = begin(w, R"({"verb":"replay","filter":{"queue":"bare"},"max_in_flight":2,)"
                                R"("patch":[{"op":"remove","path":"/a"}]})");
    w.pass(seconds(3));
    for (auto& task : w.lease("pay", 1)) w.complete(task.token);
    for (auto& task : w.lease("bare", 1)) w.fail(task.token);
    w.pass(seconds(12));
    for (auto& task : w.lease("pay", 5)) w.complete(task.token);
    for (auto& task : w.lease("bare", 5)) w.complete(task.token);
    w.pass(seconds(12));
    const JobId paused = begin(w, R"({"verb":"pause","filter":{}})");
    const JobId stopped = begin(w, R"({"verb":"drop","filter":{},"rate_per_second":0.01,)"
                                   R"("reason":"x"})");
    w.pass(seconds(2));
    w.must(StopJob{stopped});
    w.pass(seconds(2));
    for (const JobId id : {followed, bare, paused, stopped}) note(job(w, id));
    seen += std::to_string(w.letters().size()) + " letters, " + std::to_string(ready(w, "ship"));
    w.sound();
    return seen;
  };
  std::int64_t statements = 0;
  std::string expected;
  {
    World w;
    const std::int64_t before = w.database->statements();
    expected = scene(w);
    statements = w.database->statements() - before;
    CHECK_MESSAGE(expected ==
                      "2 3 3 0 0 3 0\n2 3 2 0 1 1 1\n2 3 3 0 0 0 0\n3 2 1 0 0 0 0\n"
                      "1 letters, 0",
                  expected);
  }
  const std::int64_t stride = 1 + statements / 400;
  for (std::int64_t nth = 1; nth <= statements; nth += stride) {
    CAPTURE(nth);
    World w;
    w.database->fail_at(nth);
    const std::string seen = scene(w);
    CHECK(w.database->failed());
    REQUIRE(seen == expected);
  }
}

}  // namespace sluice::orchestrator::engine_test
