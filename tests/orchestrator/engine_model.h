// Random commands to an engine that runs random workflows with children, and what must hold after
// any of them.
#pragma once

#include <fmt/format.h>

#include "orchestrator/engine_invariants.h"
#include "orchestrator/engine_model_workers.h"

namespace sluice::orchestrator::engine_test {

// Enough for as many items one after the other, each with a wait.
inline constexpr int rounds_max = 1'000;

struct ChildrenModel : WorkersModel {
  using WorkersModel::WorkersModel;

  void deploy(RandomWorkflow made, bool startable) {
    INFO(made.text);
    w.deploy(made.name, made.text);
    if (startable) names.push_back(made.name);
    workflows[made.name].push_back(std::move(made));
  }
  const RandomWorkflow& shape(const RunDetail& run) const {
    return workflows.at(run.workflow).at(static_cast<std::size_t>(run.version) - 1);
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
    check_frames(w);
    w.engine->pump();
    w.sound();
  }

  // Whatever its state, a cancelled run has ended soon, and so has what it waited for.
  void cancel(RunId run) {
    if (!w.run(CancelRun{run, {}})) return;
    w.pass(seconds(3));
    CHECK(w.status(run) == "ABORTED");
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
    check_frames(w);
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
      if (!limits.histories) continue;
      std::int64_t succeeded = 0;
      for (const auto& e : w.history(run))
        if (e.type == "TaskSucceeded" && !shape(detail).calls.contains(e.state)) succeeded += 1;
      CHECK(succeeded == completions[run]);
    }
  }

  // What has happened so far, by the names of the events.
  void tell(std::map<std::string, int>& events) {
    if (!limits.histories) return;
    for (const RunId run : runs)
      for (const auto& e : w.history(run)) ++events[e.type];
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
    check_nothing_left(w);
  }

  std::map<std::string, std::vector<RandomWorkflow>> workflows;  // by version
  Expected expected{workflows, [this](const Json& result, std::vector<Json>& outputs) {
                      return read_result_files(results.path(), result, outputs);
                    }};
  std::vector<std::string> names;  // those that are started
  std::size_t started = 0;
  std::set<RunId> moved;  // to another version
};

}  // namespace sluice::orchestrator::engine_test
