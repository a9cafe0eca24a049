// Random commands to an engine that runs random workflows with children, and what must hold after
// any of them.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>

#include "orchestrator/engine_fixture.h"
#include "orchestrator/frame_row.h"
#include "orchestrator/random_workflow.h"
#include "orchestrator/wait_kind.h"

namespace sluice::orchestrator::engine_test {

inline const std::vector<std::string> model_queues = {"a", "b", "t"};
// Enough for as many items one after the other, each with a wait.
inline constexpr int rounds_max = 1'000;

struct ChildrenModel {
  struct Limits {
    std::size_t runs_max = 8;
    std::int64_t live_max = 1'000;  // children of one state at a time
    int tasks_max = 4;              // taken by one step, and about as many answered
    bool redeploys = false;         // new versions, and runs that go on in them
  };

  ChildrenModel(std::uint64_t seed, Limits limits_in) : chance(seed), limits(limits_in) {}

  void deploy(RandomWorkflow made, bool startable) {
    INFO(made.text);
    w.deploy(made.name, made.text);
    if (startable) names.push_back(made.name);
    workflows[made.name].push_back(std::move(made));
  }
  const RandomWorkflow& shape(const RunDetail& run) const {
    return workflows.at(run.workflow).at(static_cast<std::size_t>(run.version) - 1);
  }

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
  }
  // Runs that runs started are the model's as well.
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

  void redrive(RunId run) {
    RedriveRun command{run, {}, {}, {}};
    if (one_in(3)) {
      const auto detail = w.detail(run);
      command.from = shape(detail).start_at;
      command.input = detail.input;
    } else if (limits.redeploys && one_in(2)) {
      command.version =
          1 + static_cast<std::int64_t>(below(workflows.at(w.detail(run).workflow).size()));
      if (w.run(std::move(command))) moved.insert(run);
      return;
    }
    (void)w.run(std::move(command));
  }

  void letters() {
    const auto open = w.inspector->dead_letters({}, 100, {}).items;
    if (open.empty()) return;
    const DeadLetterId letter = open[below(open.size())].id;
    switch (below(3)) {
      case 0:
        (void)w.run(ReplayDeadLetter{letter, std::nullopt});
        break;
      case 1:
        (void)w.run(DropDeadLetter{letter, "not wanted"});
        break;
      default:
        (void)w.run(ReplayDeadLetters{"", {}, 2});
        break;
    }
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

  void decide_stage(RunId run) {
    const auto waits = w.detail(run).waiting_for;
    if (waits.empty()) return;
    const FrameId frame = waits[below(waits.size())].frame;
    if (!one_in(2)) {
      (void)w.run(FailStage{run, frame, "Operator", {}});
    } else if (const bool call = calls_a_run(run, frame);
               w.run(SkipStage{run, frame, doc(skipped_output)}) && !call) {
      completions[run] += 1;
    }
  }
  bool calls_a_run(RunId run, FrameId frame) {
    const auto detail = w.detail(run);
    for (const auto& wait : detail.waiting_for)
      if (wait.frame == frame) return shape(detail).calls.contains(wait.state);
    return false;
  }

  void step() {
    if (one_in(6)) w.database->fail_at(static_cast<std::int64_t>(1 + below(40)));
    switch (below(25)) {
      case 0:
      case 1:
        if (started < limits.runs_max) {
          ++started;
          if (const auto run = w.run(World::starting(any(names), R"({"path":"r"})")))
            note_run(run->id);
        }
        break;
      case 2:
      case 3:
      case 4:
        lease(any_queue(), 1 + static_cast<int>(below(static_cast<std::size_t>(limits.tasks_max))));
        break;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        for (int i = 0; i < limits.tasks_max; i += 2) verb();
        break;
      case 10:
      case 11:
        w.pass(seconds(static_cast<std::int64_t>(1 + below(20))), seconds(2));
        break;
      case 12:
        if (!runs.empty()) (void)w.run(PauseRun{any(runs)});
        break;
      case 13:
        if (!runs.empty()) (void)w.run(ResumeRun{any(runs)});
        break;
      case 14:
        if (!runs.empty()) redrive(any(runs));
        break;
      case 15:
        if (!runs.empty() && one_in(2)) cancel(any(runs));
        break;
      case 16:
        if (!runs.empty()) decide_stage(any(runs));
        break;
      case 17:
        session_step();
        break;
      case 18:
        (void)w.run(PauseQueue{any_queue(), one_in(3)});
        break;
      case 19:
        letters();
        break;
      case 20:
      case 21:
        batch();
        break;
      case 22:
        (void)w.run(PauseWorkflow{any(names), one_in(3)});
        break;
      case 23:
        crash();
        break;
      default:
        w.database->forgive();
        reopen();
        break;
    }
    if (!hands->tasks.empty()) got(std::exchange(hands->tasks, {}));
    w.database->forgive();
    REQUIRE(w.fatal.empty());
  }
  // The process ends in the midst of what a command brings about, between two commits or in one.
  void crash() {
    if (runs.empty()) return;
    const RunId run = any(runs);
    w.database->fail_at(static_cast<std::int64_t>(1 + below(one_in(2) ? 60 : 4'000)), true);
    switch (below(3)) {
      case 0:
        (void)w.run(CancelRun{run, {}});
        break;
      case 1:
        redrive(run);
        break;
      default:
        decide_stage(run);
        break;
    }
    hands->tasks.clear();
    session.clear();
    w.close();
    w.open();
    for (const auto& finding : w.inspector->check())
      FAIL_CHECK(finding.invariant << ": " << finding.detail);
    check_frames();
    w.engine->pump();
    w.sound();
  }

  std::string any_queue() { return model_queues[below(model_queues.size())]; }
  void lease(const std::string& queue, int max) { got(w.lease(queue, max)); }

  // Whatever its state, a cancelled run has ended soon, and so has what it waited for.
  void cancel(RunId run) {
    if (!w.run(CancelRun{run, {}})) return;
    w.pass(seconds(3));
    CHECK(w.status(run) == "ABORTED");
  }

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

  // What people are told of every run; without sentences, which tell of time and of workers.
  std::string inspection() {
    std::string told;
    for (const RunId run : runs) {
      const auto d = w.detail(run);
      told += fmt::format("{} {} {} {} {} {}\n", to_string(run), d.status, d.error,
                          d.cause.value_or(""), d.redrives, d.output ? d.output.text() : "");
      for (const auto& wait : d.waiting_for)
        told += fmt::format("  {} {} {} {} {}\n", to_string(wait.frame), wait.state, wait.kind,
                            wait.name, to_text(wait.detail));
    }
    return told;
  }

  void reopen() {
    hands->tasks.clear();
    session.clear();
    w.engine->pump();
    const std::string before = inspection();
    w.close();
    w.open();
    CHECK(before == inspection());
    w.clock.advance_wall_only(seconds(static_cast<std::int64_t>(below(100))));
    w.engine->pump();
    w.sound();
  }

  void check() {
    w.sound();
    note_all_runs();
    check_frames();
    for (const RunId run : runs) {
      CAPTURE(to_string(run));
      const auto detail = w.detail(run);
      CAPTURE(detail.workflow);
      const bool live = detail.status == "RUNNING" || detail.status == "PAUSED";
      CHECK(detail.waiting_for.empty() == !live);
      if (moved.contains(run)) continue;  // Its parts are of several versions.
      if (detail.status == "SUCCEEDED")
        CHECK(expected.of_run(detail.workflow, detail.input.json()["path"].get<std::string>(),
                              detail.output.json()) == "");
      std::int64_t succeeded = 0;
      for (const auto& e : w.history(run))
        if (e.type == "TaskSucceeded" && !shape(detail).calls.contains(e.state)) succeeded += 1;
      CHECK(succeeded == completions[run]);
    }
  }

  // What has happened so far, by the names of the events.
  void tell(std::map<std::string, int>& events) {
    for (const RunId run : runs)
      for (const auto& e : w.history(run)) ++events[e.type];
  }

  // Every frame is the root of a live run or a live child of one that waits for it, and nothing
  // stands for a frame that is no more.
  void check_frames() {
    static constexpr storage::Sql frames{"test.all_frames",
                                         "SELECT id, wait_kind, due, data FROM frames UNION ALL "
                                         "SELECT id, 1, 1, owner FROM messages "
                                         "WHERE owner IS NOT NULL"};
    static constexpr storage::Sql live_children{
        "test.live_children", "SELECT spawn, idx, frame FROM children WHERE status = 1"};
    struct Stored {
      WaitKind kind = WaitKind::message;
      bool due = false;
      FrameRow row;
    };
    std::map<FrameId, Stored> all;
    std::map<FrameId, std::pair<std::int64_t, std::int64_t>> children;
    w.database->read([&](storage::Reader& reader) {
      for (auto q = reader.query(frames); q.step();) {
        const FrameId id{q.int64(0)};
        REQUIRE(all.emplace(id, Stored{static_cast<WaitKind>(q.int64(1)), !q.is_null(2),
                                       decode_frame(id, q.blob(3))})
                    .second);
      }
      for (auto q = reader.query(live_children); q.step();)
        REQUIRE(children.emplace(FrameId{q.int64(2)}, std::pair{q.int64(0), q.int64(1)}).second);
    });
    for (const auto& [id, frame] : all) {
      CAPTURE(to_string(id));
      const FrameRow& row = frame.row;
      const bool timed = frame.kind == WaitKind::message || frame.kind == WaitKind::delay ||
                         frame.kind == WaitKind::continuation;
      CHECK(frame.due == timed);
      if (!row.frame.parent) {
        CHECK(id.value == row.run.value);
      } else {
        REQUIRE(children.contains(id));
        CHECK(children.at(id) == std::pair{row.spawn, row.index});
        REQUIRE(all.contains(row.frame.parent));
        CHECK(all.at(row.frame.parent).row.spawned == row.spawn);
        CHECK(all.at(row.frame.parent).row.run == row.run);
      }
      if (frame.kind == WaitKind::child_run) {
        REQUIRE(all.contains(FrameId{row.child_run.value}));
        CHECK(all.at(FrameId{row.child_run.value}).row.waiter == id);
      }
      if (frame.kind == WaitKind::children) CHECK(row.spawned != 0);
      // Nobody runs for a state that waits no longer, unless it is being stopped.
      if (row.waiter && row.stopping.run_status == 0) {
        REQUIRE(all.contains(row.waiter));
        CHECK(all.at(row.waiter).row.child_run == row.run);
      }
    }
    for (const auto& [id, place] : children) CHECK(all.contains(id));
  }

  bool any_live() {
    note_all_runs();
    return std::ranges::any_of(runs, [&](RunId run) { return w.status(run) == "RUNNING"; });
  }

  // With workers that do their work, everything ends: no wake-up was lost.
  void end_all() {
    w.database->forgive();
    for (const auto& queue : model_queues) (void)w.run(PauseQueue{queue, false});
    for (const auto& name : names) (void)w.run(PauseWorkflow{name, false});
    note_all_runs();
    for (const RunId run : runs) (void)w.run(ResumeRun{run});
    for (int round = 0; round < rounds_max && any_live(); ++round) {
      for (bool more = true; more;) {
        more = false;
        for (const auto& queue : model_queues) {
          const std::size_t before = tasks.size();
          lease(queue, 100);
          for (std::size_t i = before; i < tasks.size(); ++i) (void)complete(tasks[i]);
          more = more || tasks.size() > before;
        }
      }
      // A call that was heard and forgotten is answered in the end.
      for (Task& task : tasks)
        if (!task.call && task.took_effect.empty()) (void)complete(task);
      w.pass(seconds(10), seconds(5));
    }
    for (const RunId run : runs)
      CHECK_MESSAGE(w.status(run) != "RUNNING", w.inspector->why(run)->at(0).sentence);
  }

  // What failed or was cancelled can be gone on with, and then it succeeds and leaves no row.
  void succeed_all() {
    for (int round = 0; round < 10; ++round) {
      bool failed = false;
      for (const RunId run : std::vector(runs))
        if (w.run(RedriveRun{run, {}, {}, {}})) failed = true;
      if (!failed) break;
      end_all();
    }
    for (const RunId run : runs) {
      if (moved.contains(run)) continue;
      const auto detail = w.detail(run);
      CAPTURE(detail.workflow);
      CAPTURE(detail.cause.value_or(""));
      CHECK_MESSAGE(detail.status == "SUCCEEDED", detail.error);
    }
    if (!moved.empty()) return;
    w.pass(seconds(2'000), seconds(500));
    static constexpr storage::Sql left{
        "test.left",
        "SELECT (SELECT count(*) FROM frames), (SELECT count(*) FROM messages), (SELECT count(*) "
        "FROM children), (SELECT count(*) FROM spent_spawns), (SELECT count(*) FROM deadlines)"};
    w.database->read([&](storage::Reader& reader) {
      auto q = reader.query(left);
      REQUIRE(q.step());
      for (int i = 0; i < 5; ++i) {
        CAPTURE(i);
        CHECK(q.int64(i) == 0);
      }
    });
  }

  // The outputs that the files of a Map hold; what is wrong, or "".
  std::string read_files(const Json& result, std::vector<Json>& outputs) const {
    const Json details = result.value("ResultWriterDetails", Json::object());
    const std::string bucket = results.path() + "/" + details.value("Bucket", "") + "/";
    const auto read = [](const std::string& path) {
      std::ifstream file(path);
      std::stringstream text;
      text << file.rdbuf();
      return parse_json(text.str());
    };
    const auto manifest = read(bucket + details.value("Key", ""));
    if (!manifest) return "there is no manifest";
    for (const Json& part : (*manifest)["ResultFiles"]["SUCCEEDED"]) {
      const auto list = read(bucket + part["Key"].get<std::string>());
      if (!list) return "a file of the manifest is missing";
      for (const Json& one : *list)
        outputs.push_back(*parse_json(one["Output"].get<std::string>()));
    }
    return "";
  }

  Random chance;
  Limits limits;
  ScratchDirectory results;
  World w{options()};
  std::map<std::string, std::vector<RandomWorkflow>> workflows;  // by version
  Expected expected{workflows, [this](const Json& result, std::vector<Json>& outputs) {
                      return read_files(result, outputs);
                    }};
  std::vector<std::string> names;  // those that are started
  std::size_t started = 0;
  std::vector<RunId> runs;
  std::set<RunId> known, moved;  // moved: to another version
  std::vector<Task> tasks;
  std::set<std::string> hand_outs, callbacks;
  std::map<RunId, std::int64_t> completions;
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
