// One call of advance(): the states walked in it, and what is recorded on the way. Internal to this
// room.
//
// A step either ends the call with a Next, or moves frame_ to a state that is to be entered (no
// Next). interpreter.cc has the walk, interpreter_data.cc the data flow around a state,
// interpreter_fields.cc single fields that are written down or computed, interpreter_states.cc the
// states that do no work, interpreter_task.cc Task, interpreter_calls.cc what a Task on no queue
// asks for, interpreter_runs.cc child runs, interpreter_children.cc Parallel and Map,
// interpreter_errors.cc what follows an error, interpreter_flow.cc gates, locks and counters.
//
// Not thread-safe, caller serialises (it lives inside one call).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "orchestrator/interpreter.h"
#include "workflows/evaluation.h"

namespace sluice::orchestrator {

class Walk {
 public:
  Walk(const workflows::Machine& machine, const RunFacts& run, Frame frame, WallTime now,
       std::uint64_t seed, const Limits& limits, Doors& doors);
  Effects after(const Event& event);
  // prepare_item(); the frame stands at the Map, its item is the one to prepare.
  workflows::Evaluated<Doc> item_input(const Doc& effective_input);

 private:
  using Step = std::optional<Next>;
  template <class T>
  using Evaluated = workflows::Evaluated<T>;

  // What an expression may look at besides the context and the variables.
  struct Sources {
    Doc input;         // "$"; $states.input
    Doc result;        // $states.result
    Doc error_output;  // $states.errorOutput
  };

  // What is left behind when a state is left, all of it computed from one snapshot.
  struct Outcome {
    Doc output;
    Doc assigned;   // the new values; absent: there are none
    Doc variables;  // all of them, then
  };

  // An error on its way through Retry and Catch.
  struct Trouble {
    Fault fault;
    bool of_task =
        false;  // the task reported it, or it is about the task's result: States.TaskFailed matches
    bool of_branch = false;   // a branch's or item's own: States.BranchFailed matches
    bool heartbeat = false;   // States.HeartbeatTimeout matches as well
    bool retryable = false;   // an attempt was made that may go otherwise next time
    bool evaluating = false;  // of a field's expression: the next attempt evaluates it after a wait
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
  Step happened(const Moved&);
  Step happened(const GateOpened&);
  Step happened(const LockGranted&);
  Step happened(const FlowTimedOut&);

  // ---- the walk ----
  Next walk();
  Step enter();
  Step run_state();
  Step leave(Outcome outcome);  // by Next, or End
  Step go(workflows::StateIndex next, Outcome outcome);
  Next succeed(Doc output);

  // ---- data around a state ----
  const workflows::State& state() const { return machine_.states[frame_.state]; }
  bool in_jsonata() const { return state().language == workflows::QueryLanguage::jsonata; }
  workflows::Scope scope(workflows::Needs needs, const Sources& sources);
  Evaluated<Doc> effective_input();  // InputPath
  Evaluated<Doc> select(const std::optional<workflows::Path>& path, bool null, const Doc& from);
  Evaluated<Json> evaluate(const workflows::Value& value, const Sources& sources,
                           std::string_view field);
  Evaluated<Doc> fill(const workflows::Value& form, const Sources& sources, std::string_view field);
  // The effective input, or what Parameters or Arguments make of it.
  Evaluated<Doc> arguments(const std::optional<workflows::Value>& form, const Doc& input);
  Evaluated<Doc> state_output(Doc result);  // ResultPath, OutputPath
  Evaluated<Outcome> state_outcome(Doc result);
  // What Output and Assign of the state, a choice rule or a catcher (`place`) come to in JSONata.
  Evaluated<Outcome> outcome_of(const std::optional<workflows::Value>& output,
                                const std::optional<workflows::Value>& assign,
                                const std::string& place, const Sources& sources, Doc otherwise);
  std::optional<workflows::Failure> assign(Outcome& outcome,
                                           const std::optional<workflows::Value>& form,
                                           const Sources& sources, const std::string& field);
  Step leave_with_result(Doc result, bool retryable);
  std::optional<workflows::Failure> too_large(const Doc& made) const;

  // ---- single fields ----
  template <class Field>
  Evaluated<Json> read(const Field& from, std::string_view field, const Doc& input);
  workflows::Failure refused(std::string cause) const;
  // `from` is the Value that gave what it should not have.
  workflows::Failure wrong_type(const workflows::Value& from, std::string_view field,
                                std::string_view expected, const Json& found) const;
  Evaluated<std::int64_t> whole_seconds(const workflows::Seconds& from, std::string_view field,
                                        const Doc& input);
  Evaluated<std::optional<Duration>> time_limit(const std::optional<workflows::Seconds>& seconds,
                                                std::string_view field, const Doc& input);
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // The state's own Headers, in both forms.
  Evaluated<Headers> own_headers(const workflows::TaskState& body, const Doc& input);
  Evaluated<std::optional<int>> priority(const std::optional<workflows::WholeNumber>& from,
                                         const Doc& input);
  // "" where the state has none.
  Evaluated<std::string> order_key(const std::optional<workflows::Value>& from, const Doc& input);
  // A Map's numbers; `place` is where the field stands ("ItemBatcher/").
  Evaluated<std::int64_t> count(const std::optional<workflows::WholeNumber>& from,
                                std::string_view place, std::string_view field, const Doc& input);
  Evaluated<double> percentage(const std::optional<workflows::Number>& from, const Doc& input);

  // ---- gates, locks, counters ----
  Step arrive();  // through the gate and into the lock, then run_state()
  // What follows instead of the state's work; the step in it may be that the frame has gone to
  // another state. Nothing: it goes on here.
  using HeldBack = std::optional<Step>;
  HeldBack pass_gate(const workflows::FlowControl& flow, const Doc& input);
  HeldBack take_locks(const workflows::FlowControl* flow, const Doc& input);
  std::optional<workflows::Failure> enter_counters(const workflows::FlowControl& flow,
                                                   const Doc& input);
  void depart(bool success);
  void count(const std::string& counter, std::int64_t add);
  // Gives back what is held through the state it leaves; or all. It is remembered, as not granted.
  void release_locks(bool all);
  bool waits_outside() const;
  bool has_entered() const;
  Evaluated<Json> flow_value(const workflows::Value& from, const std::string& place,
                             std::string_view field, const Doc& input);
  Evaluated<std::string> flow_text(const workflows::FlowText& from, const std::string& place,
                                   std::string_view field, const Doc& input);
  Evaluated<std::int64_t> flow_number(const workflows::FlowNumber& from, const std::string& place,
                                      std::string_view field, const Doc& input, std::int64_t min,
                                      std::int64_t max);
  Evaluated<std::optional<Duration>> flow_timeout(const std::optional<workflows::FlowNumber>& from,
                                                  const std::string& place, const Doc& input);

  // ---- states that do no work ----
  Step pass(const workflows::PassState& body);
  Step choose(const workflows::ChoiceState& body);
  Step wait(const workflows::WaitState& body);
  Step pass_through();
  Step fail_state(const workflows::FailState& body);
  Evaluated<WallTime> wait_until(const workflows::WaitState& body, const Doc& input);
  Evaluated<bool> holds(const workflows::ChoiceRule& rule, std::size_t index, const Doc& input);

  // ---- Task ----
  bool log_asked(const workflows::TaskState& body);
  struct TimeLimits {
    std::optional<Duration> timeout, heartbeat;
  };
  Step schedule(Duration delay);
  Evaluated<Next> work(const workflows::TaskState& body);
  Evaluated<ScheduleTask> task(const workflows::TaskState& body, const Doc& input, Doc arguments);
  Evaluated<TimeLimits> time_limits(const workflows::TaskState& body, const Doc& input);
  Step finished(Doc result);  // the work's, or the child run's
  Evaluated<Next> child_run(const workflows::TaskState& body, Doc arguments, TimeLimits times);
  Evaluated<Publish> publication(const workflows::TaskState& body, const Doc& arguments);
  Evaluated<Publish> to_topic(const workflows::Resource& resource, const Doc& arguments);
  Evaluated<Publish> to_queue(const Doc& arguments);
  Evaluated<AwaitEvent> event(const workflows::Resource& resource,
                              const std::optional<workflows::Value>& form, const Doc& arguments);

  // ---- Parallel and Map ----
  Step branch_out(const workflows::ParallelState& body);
  Step map_items(const workflows::MapState& body);
  Evaluated<SpawnItems> spawn_items(const workflows::MapState& body, const Doc& input);
  Evaluated<Doc> items(const workflows::MapState& body, const Doc& input);
  Step children_succeeded(Doc results);
  void record_children(bool succeeded, const Fault& fault);
  void record_iteration(Kind kind, Fault fault = {});

  // ---- errors ----
  Step failed(const workflows::Failure& failure, bool retryable = false);
  Step failed(const Trouble& trouble);
  Step task_failed(Fault fault, bool heartbeat = false, bool timed_out = false);
  bool matches(const std::vector<std::string>& error_equals, const Trouble& trouble) const;
  std::optional<Duration> retry_delay(const Trouble& trouble);
  Step caught(std::size_t catcher, const Trouble& trouble);
  Evaluated<Outcome> caught_outcome(std::size_t catcher, const Trouble& trouble);
  Next fail_frame(Fault fault, bool dead_letter);
  Fault fault_here(const workflows::Failure& failure) const;
  void record_evaluation(const workflows::Failure& failure);

  void record(Kind kind, Doc doc = {}, Fault fault = {});
  void record_in_state(Kind kind, Doc doc = {}, Fault fault = {});

  const workflows::Machine& machine_;
  const RunFacts& run_;
  Frame frame_;
  const WallTime now_;
  Random chance_;
  const Limits& limits_;
  Doors& doors_;
  std::vector<Record> history_;
  Completed completed_;
  bool left_outside_ = false;    // the state that is being left: it had not come through its gate
  std::optional<Json> context_;  // of the entry and attempt; made when first asked for
};

}  // namespace sluice::orchestrator
