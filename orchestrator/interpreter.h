// What follows: the rules of a run, as one pure function.
//
// advance() takes a compiled machine, where one frame of a run stands, and what happened to it, and
// says what follows: the history to record, and the one thing the frame then waits for. No I/O, no
// clock, no entropy: time and the seed come in, so the same arguments always give the same Effects.
//
// Invariants:
//   - Effects name exactly one `next`: a frame that is not finished has exactly one reason to wait.
//   - At most inline_states_max states are walked in one call; then the frame asks to be continued.
//   - An error goes through the state's Retry, then its Catch, then ends the run. Retry is for
//   attempts: an error
//     before a task was scheduled would only repeat itself, and goes to Catch. States.Runtime and
//     Sluice.TransitionLimit end the run at once.
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
#include "workflows/workflow.h"

namespace sluice::orchestrator {

inline constexpr int inline_states_max = 64;

// One live branch of a run. The root frame's id is the run's.
struct Frame {
  FrameId id;
  workflows::StateIndex state = workflows::no_state;
  std::uint32_t entries = 0;      // states entered so far; (id, entries) names one entry for ever
  std::uint32_t retry_count = 0;  // of the entry: how often the state has been retried
  std::vector<std::uint32_t> retries;  // of the entry, per retrier of the state; empty: all 0
  std::int64_t transitions = 0;        // of the run's life, for MaxTransitions
  WallTime entered_at;
  Doc input;  // the state's raw input
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
};                    // one of the two: States.Timeout
struct TimerDue {};   // a Wait state's time has come
struct Continued {};  // go on walking inline states from frame.state, not yet entered
// Take up frame.state again with frame.input; retries start over. It is the same entry
// (frame.entries stays), so that a worker sees the same idempotency key; whoever redrives from a
// state that had completed raises frame.entries. That the run was redriven is the caller's to
// record.
struct Redriven {};
using Event = std::variant<Started, TaskSucceeded, TaskFailed, TimerDue, Continued, Redriven>;

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
};
struct Record {
  Kind kind;
  workflows::StateIndex state = workflows::no_state;
  Doc doc;                  // input, output or parameters; may be absent
  Fault fault;              // where the kind is a failure
  std::int64_t number = 0;  // retry_scheduled: which retry, from 1
  Duration delay;           // retry_scheduled, and task_scheduled after a delay
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
};
struct WaitUntil {
  WallTime at;
};
struct Continue {};  // inline_states_max was reached
enum class End : std::uint8_t { succeeded, failed };
struct Finish {
  End end = End::succeeded;
  Doc output;                // succeeded
  Fault fault;               // failed
  bool dead_letter = false;  // an error passed every Retry and Catch (not a Fail state)
};
using Next = std::variant<ScheduleTask, WaitUntil, Continue, Finish>;

struct Effects {
  Frame frame;                  // where it stands now
  std::vector<Record> history;  // in order
  Next next;
};

struct Limits {
  std::size_t payload_bytes_max = 1 << 20;
};

// REQUIRES: `frame` came from this machine; TaskSucceeded and TaskFailed only while it stands at a
// Task, TimerDue at a Wait.
Effects advance(const workflows::Machine& machine, const RunFacts& run, Frame frame,
                const Event& event, WallTime now, std::uint64_t seed, const Limits& limits);

// "TaskStateEntered", "ExecutionStarted", …: the history's event name.
std::string event_name(Kind kind, workflows::StateType type);

}  // namespace sluice::orchestrator
