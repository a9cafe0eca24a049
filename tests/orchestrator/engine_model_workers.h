// Workers that a random model plays: what they were given, and what became of it.
#pragma once

#include "orchestrator/engine_fixture.h"
#include "orchestrator/random_workflow.h"

namespace sluice::orchestrator::engine_test {

inline const std::vector<std::string> model_queues = {"a", "b", "t"};

struct ModelLimits {
  std::size_t runs_max = 8;
  std::int64_t live_max = 1'000;  // children of one state at a time
  int tasks_max = 4;              // taken by one step, and about as many answered
  bool redeploys = false;         // new versions, and runs that go on in them
  bool histories = true;          // are read; those of wide runs are more than one look may ask for
};

struct WorkersModel {
  WorkersModel(std::uint64_t seed, ModelLimits limits_in) : chance(seed), limits(limits_in) {}

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(chance.below(n)); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  T& any(std::vector<T>& list) {
    return list[below(list.size())];
  }

  struct Task {
    std::string token;
    RunId run;
    bool call = false;  // its message is only the call; another token decides
    Doc body;
    std::string took_effect;  // the verb that did
  };

  void got(std::vector<Delivery> given) {
    for (auto& d : given) {
      REQUIRE(d.run.has_value());
      REQUIRE(hand_outs.insert(d.token).second);  // A token names one hand-out for ever.
      note_run(*d.run);
      const bool call = d.queue == "t";
      tasks.push_back({d.token, *d.run, call, d.body, ""});
      if (!call) continue;
      const auto other = d.body.json()["token"].get<std::string>();
      if (callbacks.insert(other).second) tasks.push_back({other, *d.run, false, d.body, ""});
    }
  }  // Runs that runs started are the model's as well.
  void note_run(RunId run) {
    if (known.insert(run).second) runs.push_back(run);
  }
  void note_all_runs() {
    for (const auto& run : w.inspector->runs({}, 1'000, {}).items) note_run(run.id);
  }

  std::string complete(Task& task) {
    std::string code = w.code(CompleteTask{task.token, answer_to(task.body)});
    if (code == "ok" && task.took_effect.empty()) completed(task);
    return code;
  }
  void completed(Task& task) {
    task.took_effect = "complete";
    if (!task.call) completions[task.run] += 1;
  }

  // A verb is ok at most once in effect; repeated it is ok again, another one is stale.
  void verb() {
    if (tasks.empty()) return;
    // Mostly one of the latest, which may still be in its worker's hands.
    const std::size_t recent =
        std::min<std::size_t>(tasks.size(), 2 * static_cast<std::size_t>(limits.tasks_max));
    Task& task = one_in(4) ? any(tasks) : tasks[tasks.size() - 1 - below(recent)];
    static const std::string verbs[] = {"complete", "complete", "complete", "fail",
                                        "fail",     "fail",     "release",  "heartbeat"};
    const std::string verb = verbs[below(8)];
    const std::string before = task.took_effect;
    std::string code;
    if (verb == "complete") code = complete(task);
    if (verb == "fail")
      code = w.code(FailTask{task.token, one_in(2) ? "Again" : "Broken", "c", {}});
    if (verb == "release")
      code = w.code(ReleaseTask{task.token, seconds(static_cast<std::int64_t>(below(3)))});
    if (verb == "heartbeat") code = w.code(HeartbeatTask{task.token, {}});
    CAPTURE(verb);
    CAPTURE(before);
    if (!before.empty()) {
      CHECK(code == (verb == before ? "ok" : "stale_token"));
      return;
    }
    CHECK((code == "ok" || code == "stale_token" || code == "conflict"));
    if (code == "ok" && verb != "heartbeat") task.took_effect = verb;
  }
  // Some tasks are answered in one commit, with the next ones taken in it.
  void batch() {
    std::vector<AnyCommand> commands;
    std::vector<std::size_t> asked;
    for (std::size_t i = tasks.size(); i > 0 && asked.size() < 4; --i) {
      if (!tasks[i - 1].took_effect.empty() || one_in(3)) continue;
      asked.push_back(i - 1);
      commands.push_back(CompleteTask{tasks[i - 1].token, answer_to(tasks[i - 1].body)});
    }
    if (commands.empty()) return;
    std::optional<Result<Engine::BatchReply>> answer;
    w.engine->submit_batch(
        std::move(commands), one_in(2),
        LeaseRequest{.queue = any_queue(), .max = 2, .wait = {}, .lease = {}, .worker = "w"},
        [&](Result<Engine::BatchReply> r) { answer = std::move(r); });
    w.engine->pump();
    REQUIRE(answer.has_value());
    if (!*answer) return;
    for (std::size_t i = 0; i < asked.size(); ++i)
      if ((*answer)->items[i]) completed(tasks[asked[i]]);
    got(std::move((*answer)->tasks));
  }

  std::string any_queue() { return model_queues[below(model_queues.size())]; }
  void lease(const std::string& queue, int max) { got(w.lease(queue, max)); }

  void session_step() {
    if (session.empty()) {
      session = w.session(hands);
      w.subscribe(session, any_queue(), 3);
    } else if (one_in(2)) {
      w.engine->touch(session);
      w.engine->pump();
    } else {
      w.engine->detach_session(session, hands.get(), one_in(2));
      w.engine->pump();
      session.clear();
    }
  }

  Random chance;
  ModelLimits limits;
  ScratchDirectory results;  // files of Maps
  World w{options()};
  std::vector<RunId> runs;
  std::set<RunId> known;
  std::vector<Task> tasks;
  std::set<std::string> hand_outs, callbacks;
  std::map<RunId, std::int64_t> completions;  // acknowledged
  std::shared_ptr<Hands> hands = std::make_shared<Hands>();
  std::string session;

 private:
  Options options() const {
    Options made;
    made.children_live_max = limits.live_max;
    made.items_directory = results.path();
    return made;
  }
};

}  // namespace sluice::orchestrator::engine_test
