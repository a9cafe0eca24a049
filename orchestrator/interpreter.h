// What follows: the rules of a run, as one pure function.
//
// advance() takes a compiled machine, where one frame of a run stands, and what happened to it, and
// says what follows: the history to record, and the one thing the frame then waits for. No I/O, no
// clock, no entropy: time and the seed come in, so the same arguments always give the same Effects.
// Counters and locks are asked of, and changed through, the Doors that come in (flow_state.h).
//
// Invariants:
//   - Effects name exactly one `next`: a frame that is not finished has exactly one reason to wait.
//   - At most inline_states_max states are walked in one call; then the frame asks to be continued.
//   - An error goes through the state's Retry, then its Catch, then ends the frame: the run, or the
//     branch or item, whose parent then has the error. Retry is for attempts: a JSONPath error
//     before a task was scheduled would only repeat itself, and goes to Catch. States.Runtime and
//     Sluice.TransitionLimit end the run at once.
//   - Output and Assign are computed from one snapshot; what is assigned is seen from the next
//     state on.
//   - A document that a state only hands on stays the same Doc; nothing is parsed or serialised for
//   it.
//
// Threads: thread-safe (pure), except that the Docs in its arguments belong to the calling thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/doc.h"
#include "base/ids.h"
#include "base/time.h"
#include "orchestrator/flow_state.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {

inline constexpr int inline_states_max = 64;
inline constexpr std::size_t event_key_bytes_max = 1'024;

// Which item of a Map a frame works on: `$$.Map.Item`.
struct Item {
  std::int64_t index = -1;  // -1: none
  Doc value;
  std::optional<std::string> key;  // of an object's member
  std::string source = {};         // item_source.h; "": not told
};

// One live branch of a run. The root frame's id is the run's; the others have a parent, which
// stands at the Parallel or Map that spawned them.
struct Frame {
  FrameId id;
  FrameId parent;  // none: the root
  Item item;       // of the nearest Map around it
  workflows::StateIndex state = workflows::no_state;
  std::uint32_t entries = 0;      // states entered so far; (id, entries) names one entry for ever
  std::uint32_t retry_count = 0;  // of the entry: how often the state has been retried
  std::vector<std::uint32_t> retries;  // of the entry, per retrier of the state; empty: all 0
  std::int64_t transitions = 0;        // of the run's life, for MaxTransitions
  WallTime entered_at;
  Doc input;      // the state's raw input
  Doc variables;  // an object of what is assigned in its scope and around it; absent: nothing is
  FlowState flow;
};

// What the context object ($$) says about the run.
struct RunFacts {
  RunId id;
  std::string name;  // the given name, or the id
  std::string workflow;
  std::int64_t version = 0;
  WallTime started_at;
  Doc input;
  std::uint32_t redrives = 0;
  std::optional<WallTime> redriven_at;
  std::string task_token;  // for .waitForTaskToken states; the engine makes it before the call
  Doc context{};           // instead of the usual context object: a state that is tested alone
};

struct Fault {  // an error of the language: a name and a cause, each may be absent
  std::optional<std::string> error;
  std::optional<std::string> cause;
};

// ---- what happened
// -------------------------------------------------------------------------------------
struct Started {};  // enter StartAt with frame.input; ExecutionStarted is recorded too
struct TaskSucceeded {
  Doc output;
};
struct TaskFailed {
  Fault fault;
  bool timed_out = false;
  bool heartbeat = false;
};  // one of the two: States.Timeout
// A Wait state's time has come, or that of another attempt at a state that is no task on a queue.
struct TimerDue {};
struct Continued {};  // go on walking inline states from frame.state, not yet entered
// A frame with a parent begins: frame.state is where its branch or processor starts, not yet
// entered.
struct BranchStarted {};
// Every branch or item of the Parallel or Map has ended, and none failed beyond what is tolerated.
struct ChildrenSucceeded {
  Doc results;  // an array, in the order of branches or items; or what the ResultWriter says
};
// A branch or item failed beyond what is tolerated; the others have been stopped.
struct ChildrenFailed {
  Fault fault;              // the child's, or States.ExceedToleratedFailureThreshold, …
  bool of_branch = false;   // the child's own: a handler of States.BranchFailed matches too
  bool dead_letter = true;  // as the child's Finish said; false: a Fail state ended it
};
// The child run was started: the result of a state that does not wait for its end.
struct RunStarted {
  RunId id;
  std::string workflow, name;
  WallTime at;
};
// The child run that the frame waits for has ended.
struct RunEnded {
  RunId id;
  std::string workflow, name;
  std::int64_t version = 0;
  std::string status;  // SUCCEEDED, FAILED, TIMED_OUT, ABORTED
  WallTime started_at, ended_at;
  Doc input;
  Doc output;   // SUCCEEDED
  Fault fault;  // otherwise
};
// Take up frame.state again with frame.input; retries start over. It is the same entry
// (frame.entries stays), so that a worker sees the same idempotency key; whoever redrives from a
// state that had completed raises frame.entries. That the run was redriven is the caller's to
// record.
struct Redriven {
  bool children = false;  // a Parallel or Map goes on with the children it had spawned
};
// The frame has been moved to this machine, whose state does other work than what the frame waited
// for: it begins the work again, in the same entry. What it has passed and holds stays so.
struct Moved {};
// It may pass its gate.
struct GateOpened {};
// The lock that it waits for is its own.
struct LockGranted {};
// The TimeoutSeconds of the Gate or Lock that it waits for.
struct FlowTimedOut {};
using Event = std::variant<Started, TaskSucceeded, TaskFailed, TimerDue, Continued, Redriven,
                           BranchStarted, ChildrenSucceeded, ChildrenFailed, RunStarted, RunEnded,
                           Moved, GateOpened, LockGranted, FlowTimedOut>;

// ---- what follows
// -------------------------------------------------------------------------------------- One event
// of the run's history. The kinds are the States Language's own event names where it has one. The
// numbers stand in the log: new kinds are added at the end.
enum class Kind : std::uint8_t {
  execution_started,
  execution_succeeded,
  execution_failed,
  execution_timed_out,
  execution_aborted,
  execution_redriven,
  execution_paused,
  execution_resumed,
  state_entered,
  state_exited,  // shown as <Type>StateEntered, <Type>StateExited
  task_scheduled,
  task_started,
  task_succeeded,
  task_failed,
  task_timed_out,
  task_released,
  retry_scheduled,  // ours: the attempt will be repeated after a delay
  caught,           // ours: a Catch took the error
  dead_lettered,
  dead_letter_replayed,
  dead_letter_dropped,
  frame_kept,  // not shown: what a redrive goes on from
  parallel_started,
  parallel_succeeded,
  parallel_failed,
  map_started,  // number: how many items; -1: the reader will know
  map_succeeded,
  map_failed,
  iteration_started,  // number: the item's index, as of the next three
  iteration_succeeded,
  iteration_failed,
  iteration_aborted,
  map_run_started,
  map_run_succeeded,
  map_run_failed,
  evaluation_failed,   // JSONata: doc: {"location": "Output/total"}
  variables_assigned,  // doc: the new values
  child_run_started,   // note: the run's id
  event_awaited,       // note: the event's name
  message_published,   // note: the topic's name
  branch_aborted,      // ours: a branch was stopped because another failed
  // Ours, as what follows: the run's failure is undone, stage by stage.
  compensation_started,
  compensation_succeeded,  // of one stage
  compensation_failed,     // of one stage; a person's word is waited for
  execution_compensated,
  execution_held,  // it failed, and waits for a person's word
  // Ours; note: the counter's or lock's name.
  gate_awaited,
  gate_opened,
  lock_awaited,
  lock_acquired,
  lock_released,
  counter_changed,  // number: what was added
  stage_left,       // not shown: a stage ended by failure or abort (stage_counts.h)
  execution_moved,  // ours; number: the version that it goes on with
};
struct Record {
  Kind kind;
  workflows::StateIndex state = workflows::no_state;
  Doc doc;                  // input, output or parameters; may be absent
  Fault fault;              // where the kind is a failure
  std::int64_t number = 0;  // retry_scheduled: which retry, from 1
  Duration delay;           // retry_scheduled, and task_scheduled after a delay
  std::string note{};       // of a gate, a lock, a counter: its name
};

struct ScheduleTask {
  std::string queue;
  Doc body;
  Duration delay;                   // back-off; engine time
  std::optional<Duration> timeout;  // from scheduling (after the delay)
  std::optional<Duration> heartbeat;
  std::optional<int> priority;  // absent: the run's
  bool wait_for_task_token = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string order_key = {};  // "": none
};
struct WaitUntil {
  WallTime at;
};
// Another attempt at a state that is no task on a queue, or whose fields could not be evaluated:
// TimerDue after the delay.
struct RetryLater {
  Duration delay;  // engine time
};
struct Continue {};  // inline_states_max was reached
// One frame per branch of the Parallel, with `input`.
struct SpawnBranches {
  Doc input;
};
// One frame per item of the Map, or per batch of items. prepare_item() makes each one's input.
struct SpawnItems {
  Doc input;   // the state's effective input: "$" of ItemSelector
  Doc items;   // an array; or an object, whose members are the items; absent: the reader has them
  Doc reader;  // the ItemReader's arguments, evaluated; absent: there is none
  std::int64_t items_max = 0;        // of the reader; 0: all
  std::int64_t concurrency_max = 0;  // 0: as many as the engine allows
  std::int64_t tolerated_count = 0;
  double tolerated_percentage = 0;
  std::int64_t batch_items_max = 0;  // 0: no batches by number
  std::int64_t batch_bytes_max = 0;  // 0: no batches by size
  Doc batch_input;
  Doc writer;  // the ResultWriter's arguments, evaluated; absent: results are not written
};
// A child run; the frame goes on with RunStarted or RunEnded, or with TaskFailed if it cannot
// start.
struct StartChildRun {
  std::string workflow;
  std::optional<std::string> name;
  Doc input;
  bool wait_for_end = false;
  bool wait_for_task_token = false;  // started, it waits for the token instead
  std::optional<Duration> timeout;
  std::optional<Duration> heartbeat;
};
// One more message of the same publication (events:putEvents takes several).
struct PublishedToo {
  std::string topic;
  std::string key;
  Doc body;
  std::vector<std::pair<std::string, std::string>> headers;
};
// A message to a topic, or (to_queue) straight to a queue; the frame goes on with TaskSucceeded.
struct Publish {
  std::string topic;
  bool to_queue = false;
  std::string key;  // the routing key; to_queue: the message's group
  Doc body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<PublishedToo> more;  // in order, after this one
  Doc result;                      // what the state's result is: TaskSucceeded.output
  Duration delay;
  bool wait_for_task_token = false;
  std::optional<Duration> timeout;
  std::optional<Duration> heartbeat;
};
// The event's body is the result: TaskSucceeded.
struct AwaitEvent {
  std::string name;
  std::string key;
  std::optional<Duration> timeout;
};
// GateOpened when the counter stands so and it is the frame's turn.
struct AwaitGate {
  std::string counter;
  workflows::CounterTest test = workflows::CounterTest::below;
  std::int64_t bound = 0;
  std::optional<Duration> timeout;
};
// LockGranted when it is the frame's turn.
struct AwaitLock {
  std::string name;
  std::int64_t permits = 1;
  std::optional<Duration> timeout;
};
// The children that were spawned before go on.
struct ResumeChildren {};
enum class End : std::uint8_t { succeeded, failed };
struct Finish {
  End end = End::succeeded;
  Doc output;                // succeeded
  Fault fault;               // failed
  bool dead_letter = false;  // an error passed every Retry and Catch (not a Fail state)
};
using Next =
    std::variant<ScheduleTask, WaitUntil, Continue, Finish, RetryLater, SpawnBranches, SpawnItems,
                 StartChildRun, Publish, AwaitEvent, AwaitGate, AwaitLock, ResumeChildren>;

// A stage that has a Compensate and was left by success.
struct Completed {
  workflows::StateIndex state = workflows::no_state;  // none: there was none in this step
  Doc input, output;                                  // as the state got it, and left it behind
};

struct Effects {
  Frame frame;                  // where it stands now
  std::vector<Record> history;  // in order
  Next next;
  Completed completed{};  // at most one: a stage does not succeed in the call that enters it
};

struct Limits {
  std::size_t payload_bytes_max = 1 << 20;
};

// REQUIRES: `frame` came from this machine; TaskSucceeded, TaskFailed, RunStarted and RunEnded only
// while it stands at a Task, ChildrenSucceeded and ChildrenFailed at a Parallel or Map, TimerDue at
// a Wait or after RetryLater; GateOpened and LockGranted after AwaitGate and AwaitLock, when
// `doors` has let the frame through.
Effects advance(const workflows::Machine& machine, const RunFacts& run, Frame frame,
                const Event& event, WallTime now, std::uint64_t seed, const Limits& limits,
                Doors& doors);
// In a world of its own: every gate is open, every lock free.
Effects advance(const workflows::Machine& machine, const RunFacts& run, Frame frame,
                const Event& event, WallTime now, std::uint64_t seed, const Limits& limits);

// The input of the frame that works on one item: the item, or what ItemSelector makes of it. A
// failure is the Map state's: its cause is complete, as ChildrenFailed wants it.
// REQUIRES: `parent` stands at the Map that asked for SpawnItems; `effective_input` is its `input`.
workflows::Evaluated<Doc> prepare_item(const workflows::Machine& machine, const RunFacts& run,
                                       const Frame& parent, const Doc& effective_input,
                                       const Item& item, WallTime now, std::uint64_t seed,
                                       const Limits& limits);

// "TaskStateEntered", "ExecutionStarted", …: the history's event name.
std::string event_name(Kind kind, workflows::StateType type);

}  // namespace sluice::orchestrator
