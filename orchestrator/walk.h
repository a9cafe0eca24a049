// One call of advance(): the states walked in it, and what is recorded on the way. Internal to this
// room.
//
// A step either ends the call with a Next, or moves frame_ to a state that is to be entered (no
// Next). interpreter.cc has the walk and the data flow around a state, interpreter_states.cc the
// states that do no work, interpreter_task.cc Task, interpreter_errors.cc what follows an error.
//
// Not thread-safe, caller serialises (it lives inside one call).
#pragma once

#include <optional>
#include <string_view>

#include "base/random.h"
#include "orchestrator/interpreter.h"
#include "workflows/evaluation.h"

namespace sluice::orchestrator {

class Walk {
 public:
  Walk(const workflows::Machine& machine, const RunFacts& run, Frame frame, WallTime now,
       std::uint64_t seed, const Limits& limits);
  Effects after(const Event& event);

 private:
  using Step = std::optional<Next>;
  template <class T>
  using Evaluated = workflows::Evaluated<T>;

  // An error on its way through Retry and Catch.
  struct Trouble {
    Fault fault;
    bool of_task =
        false;  // the task reported it, or it is about the task's result: States.TaskFailed matches
    bool heartbeat = false;  // States.HeartbeatTimeout matches as well
    bool retryable = false;  // an attempt was made that may go otherwise next time
    bool dead_letter = true;
  };

  Step happened(const Started&);
  Step happened(const TaskSucceeded& event);
  Step happened(const TaskFailed& event);
  Step happened(const TimerDue&);
  Step happened(const Continued&);
  Step happened(const Redriven&);
  Step happened(const BranchStarted&);
  Step happened(const ChildrenSucceeded& event);
  Step happened(const ChildrenFailed& event);
  Step happened(const RunStarted& event);
  Step happened(const RunEnded& event);

  // ---- the walk ----
  Next walk();
  Step enter();
  Step run_state();
  Step leave(Doc output);  // by Next, or End
  Step go(workflows::StateIndex next, Doc output);
  Step succeed(Doc output);

  // ---- data around a state ----
  const workflows::State& state() const { return machine_.states[frame_.state]; }
  workflows::Scope scope(workflows::Needs needs, const Doc& input);
  Evaluated<Doc> effective_input();  // InputPath
  Evaluated<Doc> select(const std::optional<workflows::Path>& path, bool null, const Doc& from);
  Evaluated<Doc> fill(const workflows::Value& form, const Doc& input);
  Evaluated<Doc> state_output(Doc result);  // ResultPath, OutputPath
  Step leave_with_result(Doc result, bool retryable);
  std::optional<workflows::Failure> too_large(const Doc& made) const;

  // ---- states that do no work ----
  Step pass(const workflows::PassState& body);
  Step choose(const workflows::ChoiceState& body);
  Step wait(const workflows::WaitState& body);
  Step waited();
  Step fail_state(const workflows::FailState& body);
  Evaluated<WallTime> wait_until(const workflows::WaitState& body, const Doc& input);

  // ---- Task ----
  Step schedule(Duration delay);
  Evaluated<ScheduleTask> task(const workflows::TaskState& body);
  Evaluated<std::optional<Duration>> time_limit(const std::optional<workflows::Seconds>& seconds,
                                                std::string_view field, const Doc& input);
  Doc wrapped_invocation(const Doc& payload);

  // ---- errors ----
  Step failed(const workflows::Failure& failure, bool retryable = false);
  Step failed(const Trouble& trouble);
  bool matches(const std::vector<std::string>& error_equals, const Trouble& trouble) const;
  std::optional<Duration> retry_delay(const Trouble& trouble);
  Step caught(const workflows::Catcher& catcher, const Trouble& trouble);
  Next fail_run(Fault fault, bool dead_letter);
  Fault fault_here(const workflows::Failure& failure) const;

  void record(Kind kind, Doc doc = {}, Fault fault = {});
  void record_in_state(Kind kind, Doc doc = {}, Fault fault = {});

  const workflows::Machine& machine_;
  const RunFacts& run_;
  Frame frame_;
  const WallTime now_;
  Random chance_;
  const Limits& limits_;
  std::vector<Record> history_;
  std::optional<Json> context_;  // of the entry and attempt; made when first asked for
};

}  // namespace sluice::orchestrator
