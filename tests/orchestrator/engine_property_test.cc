// Random commands against a model of what was acknowledged, with failing statements, crashes and
// lost workers; and at the end every run must be able to end.
#include "base/random.h"
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

namespace {

constexpr const char* definitions[][2] = {
    {"plain", R"({"StartAt":"A","States":{
      "A":{"Type":"Task","Resource":"queue:a","Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":2,"MaxAttempts":2}],"Next":"B"},
      "B":{"Type":"Task","Resource":"queue:b","TimeoutSeconds":40,"HeartbeatSeconds":15,"End":true}}})"},
    {"waits", R"({"StartAt":"A","TimeoutSeconds":300,"States":{
      "A":{"Type":"Task","Resource":"queue:a","Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"Next":"W"},
      "W":{"Type":"Wait","Seconds":5,"Next":"B"},
      "B":{"Type":"Task","Resource":"queue:b","End":true}}})"},
    {"asks", R"({"StartAt":"A","States":{
      "A":{"Type":"Task","Resource":"queue:t.waitForTaskToken","Parameters":{"token.$":"$$.Task.Token"},"TimeoutSeconds":60,
           "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],"Next":"B"},
      "B":{"Type":"Task","Resource":"queue:b","End":true}}})"},
};

struct Model {
  explicit Model(std::uint64_t seed) : chance(seed) {
    for (const auto& [name, text] : definitions) w.deploy(name, text);
  }

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(chance.next() % n); }
  template <class T>
  T& any(std::vector<T>& list) {
    return list[below(list.size())];
  }

  struct Task {
    std::string token;
    RunId run;
    bool call = false;        // its message is only the call; another token decides
    std::string took_effect;  // the verb that did
  };

  void got(std::vector<Delivery> given) {
    for (auto& d : given) {
      REQUIRE(d.run.has_value());
      REQUIRE(hand_outs.insert(d.token).second);  // A token names one hand-out for ever.
      const bool call = d.queue == "t";
      tasks.push_back({d.token, *d.run, call, ""});
      if (!call) continue;
      // A call that is handed out again carries the same token.
      const auto other = d.body.json()["token"].get<std::string>();
      if (callbacks.insert(other).second) tasks.push_back({other, *d.run, false, ""});
    }
  }

  // A verb is ok at most once in effect; repeated it is ok again, another one is stale.
  void verb() {
    if (tasks.empty()) return;
    Task& task = any(tasks);
    const std::string verbs[] = {"complete", "complete", "fail", "release", "heartbeat"};
    const std::string verb = verbs[below(5)];
    std::string code;
    if (verb == "complete") code = w.code(CompleteTask{task.token, doc("{}")});
    if (verb == "fail")
      code = w.code(FailTask{task.token, below(2) == 0 ? "Again" : "Broken", "c", {}});
    if (verb == "release")
      code = w.code(ReleaseTask{task.token, seconds(static_cast<std::int64_t>(below(3)))});
    if (verb == "heartbeat") code = w.code(HeartbeatTask{task.token, {}});
    CAPTURE(verb);
    CAPTURE(task.took_effect);
    if (!task.took_effect.empty()) {
      CHECK(code == (verb == task.took_effect ? "ok" : "stale_token"));
      return;
    }
    CHECK((code == "ok" || code == "stale_token" || code == "conflict"));
    if (code != "ok" || verb == "heartbeat") return;
    task.took_effect = verb;
    if (verb == "complete" && !task.call) completions[task.run] += 1;
  }

  void step() {
    if (below(6) == 0) w.database->fail_at(static_cast<std::int64_t>(1 + below(20)));
    switch (below(16)) {
      case 0:
      case 1:
        if (runs.size() < 30) runs.push_back(w.start(definitions[below(3)][0]));
        break;
      case 2:
      case 3: {
        const char* queues[] = {"a", "b", "t"};
        got(w.lease(queues[below(3)], 3));
        break;
      }
      case 4:
      case 5:
      case 6:
      case 7:
        verb();
        break;
      case 8:
        w.pass(seconds(static_cast<std::int64_t>(1 + below(20))), seconds(2));
        break;
      case 9:
        if (!runs.empty()) (void)w.run(PauseRun{any(runs)});
        break;
      case 10:
        if (!runs.empty()) (void)w.run(ResumeRun{any(runs)});
        break;
      case 11:
        if (!runs.empty()) {
          if (below(3) == 0)
            (void)w.run(CancelRun{any(runs), {}});
          else
            (void)w.run(RedriveRun{any(runs), {}, {}, {}});
        }
        break;
      case 12: {
        if (runs.empty()) break;
        const RunId run = any(runs);
        if (below(2) == 0) {
          if (w.run(SkipStage{run, {}, doc("{}")})) completions[run] += 1;
        } else {
          (void)w.run(FailStage{run, {}, "Operator", {}});
        }
        break;
      }
      case 13: {
        session_step();
        break;
      }
      case 14:
        (void)w.run(PauseQueue{below(2) == 0 ? "a" : "b", below(3) == 0});
        break;
      default:
        hands->tasks.clear();
        w.reopen(seconds(static_cast<std::int64_t>(below(100))));
        session.clear();
        break;
    }
    if (!hands->tasks.empty()) got(std::exchange(hands->tasks, {}));
    w.database->forgive();
    REQUIRE(w.fatal.empty());
  }

  void session_step() {
    if (session.empty()) {
      session = w.session(hands);
      w.subscribe(session, below(2) == 0 ? "a" : "b", 3);
    } else if (below(2) == 0) {
      w.engine->touch(session);
      w.engine->pump();
    } else {
      w.engine->detach_session(session, hands.get(), below(2) == 0);
      w.engine->pump();
      session.clear();
    }
  }

  void check() {
    w.sound();
    for (const RunId run : runs) {
      CAPTURE(to_string(run));
      const auto detail = w.detail(run);
      const bool live = detail.status == "RUNNING" || detail.status == "PAUSED";
      CHECK(detail.waiting_for.size() == (live ? 1U : 0U));
      std::int64_t succeeded = 0, of_entry = 0;
      for (const auto& e : w.history(run)) {
        if (e.type == "TaskStateEntered") of_entry = 0;
        if (e.type != "TaskSucceeded") continue;
        succeeded += 1;
        of_entry += 1;
        CHECK(of_entry == 1);
      }
      CHECK(succeeded == completions[run]);
    }
  }

  // With workers that do their work, everything ends: no wake-up was lost.
  void end_all() {
    w.database->forgive();
    for (const char* queue : {"a", "b", "t"}) (void)w.run(PauseQueue{queue, false});
    for (const RunId run : runs) (void)w.run(ResumeRun{run});
    for (int round = 0; round < 60; ++round) {
      bool live = false;
      for (const RunId run : runs) live = live || w.status(run) == "RUNNING";
      if (!live) return;
      for (const char* queue : {"a", "b", "t"})
        for (const auto& d : w.lease(queue, 50)) {
          const std::string other = d.queue == "t" ? d.body.json()["token"].get<std::string>() : "";
          (void)w.run(CompleteTask{d.token, doc("{}")});
          if (!other.empty()) (void)w.run(CompleteTask{other, doc("{}")});
          completions[*d.run] += 1;
        }
      w.pass(seconds(10), seconds(5));
    }
    for (const RunId run : runs)
      CHECK_MESSAGE(w.status(run) != "RUNNING", w.inspector->why(run)->at(0).sentence);
  }

  World w;
  Random chance;
  std::vector<RunId> runs;
  std::vector<Task> tasks;
  std::set<std::string> hand_outs, callbacks;
  std::map<RunId, std::int64_t> completions;
  std::shared_ptr<Hands> hands = std::make_shared<Hands>();
  std::string session;
};

}  // namespace

TEST_CASE(
    "whatever is asked in whatever order, what was acknowledged holds and nothing stands still") {
  const char* given = std::getenv("SLUICE_TEST_SEED");
  const std::uint64_t first = given != nullptr ? std::stoull(given) : 1;
  const std::uint64_t last = given != nullptr ? first : 40;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    Model model(seed);
    for (int i = 0; i < 150; ++i) {
      CAPTURE(i);
      model.step();
      if (i % 5 == 4) model.check();
    }
    model.end_all();
    model.check();
    model.w.reopen(seconds(10));
    model.check();
  }
}

}  // namespace sluice::orchestrator::engine_test
