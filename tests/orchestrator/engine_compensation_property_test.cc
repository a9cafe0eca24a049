// Random runs that fail anywhere, with restarts: whatever was completed and can be undone is undone
// exactly once, in reverse order of completion.
#include <fmt/format.h>

#include "base/random.h"
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

struct Saga {
  explicit Saga(std::uint64_t seed) : random(seed) {}

  bool chance(double p) { return random.unit() < p; }
  int from(int least, int most) {
    return least + static_cast<int>(random.next() % static_cast<std::uint64_t>(most - least + 1));
  }

  std::string task(const std::string& name, const std::string& onward) {
    std::string text =
        fmt::format(R"("{}":{{"Type":"Task","Resource":"queue:work",{})", name, onward);
    if (chance(0.7)) {
      can_be_undone.insert(name);
      text += R"(,"Compensate":{"Resource":"queue:undo","Parameters":{"done.$":"$.output.done"},)"
              R"("Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":1,"MaxAttempts":1}]})";
    }
    return text + "}";
  }
  // One or two Tasks, one after the other.
  std::string line(const std::string& name) {
    const std::string first = name + "a", second = name + "b";
    std::string text = fmt::format(R"("StartAt":"{}","States":{{)", first);
    if (chance(0.5))
      text += task(first, R"("End":true)");
    else
      text +=
          task(first, fmt::format(R"("Next":"{}")", second)) + "," + task(second, R"("End":true)");
    return text + "}";
  }
  std::string definition() {
    const int parts = from(1, 4);
    std::string text = R"({"StartAt":"S0","OnFailure":"Compensate","States":{)";
    for (int i = 0; i < parts; ++i) {
      const std::string name = fmt::format("S{}", i);
      const std::string onward =
          i + 1 < parts ? fmt::format(R"("Next":"S{}")", i + 1) : R"("End":true)";
      if (i > 0) text += ",";
      switch (from(0, 2)) {
        case 0:
          text += task(name, onward);
          break;
        case 1:
          text += fmt::format(R"("{}":{{"Type":"Parallel",{},"Branches":[{{{}}},{{{}}}]}})", name,
                              onward, line(name + "x"), line(name + "y"));
          break;
        default:
          text += fmt::format(
              R"("{0}":{{"Type":"Pass","Result":[1,2,3],"Next":"{0}m"}},)"
              R"("{0}m":{{"Type":"Map","MaxConcurrency":2,{1},"ItemProcessor":{{{2}}}}})",
              name, onward, line(name + "i"));
      }
    }
    return text + "}}";
  }

  Random random;
  std::set<std::string> can_be_undone;
};

}  // namespace

TEST_CASE("what a random run has completed is undone once each, in reverse, across restarts") {
  int undone_runs = 0, undone_stages = 0, replayed = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    Saga saga(seed);
    World w;
    const std::string definition = saga.definition();
    CAPTURE(definition);
    w.deploy("saga", definition);
    const RunId run = w.start("saga");
    std::vector<std::int64_t> done;  // what is to be undone, in order of completion
    std::int64_t next = 0;
    const double fails = saga.chance(0.3) ? 0 : 0.15;
    while (w.status(run) == "RUNNING") {
      auto tasks = w.lease("work", saga.from(1, 4));
      if (tasks.empty()) w.advance(milliseconds(100));
      while (!tasks.empty()) {
        const auto at =
            static_cast<std::ptrdiff_t>(saga.from(0, static_cast<int>(tasks.size()) - 1));
        const Delivery task = tasks[static_cast<std::size_t>(at)];
        tasks.erase(tasks.begin() + at);
        if (saga.chance(0.1)) w.reopen();
        if (saga.chance(fails)) {
          if (!w.run(FailTask{task.token, "Broken", {}, {}}).has_value()) continue;
        } else {
          const std::int64_t number = next++;
          const auto answer =
              w.run(CompleteTask{task.token, doc(fmt::format(R"({{"done":{}}})", number))});
          // Stopped, since another failed.
          if (!answer.has_value()) continue;
          if (saga.can_be_undone.contains(task.state)) done.push_back(number);
        }
      }
    }
    w.sound();
    const bool failed = w.status(run) != "SUCCEEDED";
    if (failed && !done.empty()) undone_runs += 1;
    if (!failed || done.empty()) {
      CHECK(w.status(run) == (failed ? "FAILED" : "SUCCEEDED"));
      CHECK(w.lease("undo", 10).empty());
      continue;
    }
    bool busy = false;
    while (!done.empty()) {
      REQUIRE(w.status(run) == "COMPENSATING");
      if (saga.chance(0.3)) w.reopen(seconds(saga.from(0, 5)));
      auto tasks = w.lease("undo", 10);
      if (tasks.empty()) {
        const auto letter = w.detail(run).dead_letter;
        if (letter) {
          w.must(ReplayDeadLetter{*letter, {}});
          replayed += 1;
          busy = false;
        } else {
          w.advance(seconds(2));
        }
        continue;
      }
      REQUIRE(tasks.size() == 1);
      CHECK(tasks[0].body.json()["done"] == done.back());
      if (saga.chance(busy ? 0.6 : 0.2)) {
        busy = true;
        w.fail(tasks[0].token, "Busy");
        continue;
      }
      w.complete(tasks[0].token);
      done.pop_back();
      undone_stages += 1;
      busy = false;
    }
    holds(w, [&] {
      CHECK(w.status(run) == "COMPENSATED");
      CHECK(w.lease("undo", 10).empty());
      for (const auto& stage : w.detail(run).compensations) CHECK(stage.status == "COMPENSATED");
    });
  }
  CHECK(undone_runs > 20);
  CHECK(undone_stages > 60);
  CHECK(replayed > 0);
}

}  // namespace sluice::orchestrator::engine_test
