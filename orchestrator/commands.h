// Everything the engine can be asked to change, one struct each.
//
// A command says what its sender wants, as plain values; `Reply` is what it is answered with once
// it is durable. A refused command is an Error and has changed nothing. Commands that a repeat must
// not do twice say in their comment what makes the repeat the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/doc.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "orchestrator/binding.h"
#include "orchestrator/job_spec.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {

// Who asks for a command, and why: for the audit log (audit.h).
struct By {
  std::string principal = "local";  // as given; nobody has checked it
  std::string reason = {};          // "" if none was given
};

// ---- workflows
// -----------------------------------------------------------------------------------------

// A new version, unless the text is that of the latest one. Compile first (workflows::compile), off
// the writer.
struct DeployWorkflow {
  struct Reply {
    std::int64_t version = 0;
    std::string hash;      // hex SHA-256 of the canonical text
    bool created = false;  // false: unchanged
  };
  std::string name;
  std::string canonical_text;
  std::shared_ptr<const workflows::Machine> machine;
};
// Takes no new runs from now on; those that are live go on, and deploying the name again revives
// it.
struct DeleteWorkflow {
  using Reply = Unit;
  std::string name;
};
struct PauseWorkflow {
  using Reply = Unit;
  std::string name;
  bool paused = true;
};

// ---- runs
// ----------------------------------------------------------------------------------------------

// The same name and input while the run is kept: the first run again. Another input: conflict.
struct StartRun {
  struct Reply {
    RunId id;
    bool existing = false;
  };
  std::string workflow;
  Doc input;
  std::optional<std::string> name;
  std::optional<std::int64_t> version;
  std::optional<int> priority;  // 0..9, of the run's stage messages that set none
  std::optional<WallTime> not_before;
  std::vector<std::pair<std::string, std::string>> labels;
};
struct CancelRun {
  using Reply = Unit;
  RunId run;
  std::optional<std::string> cause;
  bool compensate = false;  // what was completed is undone first
};
// Undoes what a run has completed that is held, or has failed, timed out or been aborted; it ends
// COMPENSATED, and an aborted one ABORTED. One that is being undone, or was: ok.
struct CompensateRun {
  using Reply = Unit;
  RunId run;
};
struct PauseRun {
  using Reply = Unit;
  RunId run;
};
struct ResumeRun {
  using Reply = Unit;
  RunId run;
};
// Goes on from the failed state; closes the run's open dead letter.
struct RedriveRun {
  using Reply = Unit;
  RunId run;
  std::optional<std::string> from;  // a state's name; default: where it failed
  std::optional<Doc> input;         // of that state; default: what it had
  std::optional<std::int64_t> version;
  std::optional<Edit> edit = {};  // of what it had
};
// A live run goes on with another version, each of its frames at the state of the same name
// (version_map.h). One that is on it already: ok. conflict: a frame has no place there; nothing is
// changed then, and every reason is told.
struct MoveRun {
  struct Reply {
    std::int64_t version = 0, before = 0;
    std::int64_t restarted = 0;  // frames whose state begins its work again
  };
  RunId run;
  std::optional<std::int64_t> version = {};  // default: the latest
};
// Gives the stage at which the run waits an output, or fails it.
struct SkipStage {
  using Reply = Unit;
  RunId run;
  std::optional<FrameId> frame;
  Doc output;
};
struct FailStage {
  using Reply = Unit;
  RunId run;
  std::optional<FrameId> frame;
  std::string error;
  std::optional<std::string> cause;
};

// ---- tasks
// ---------------------------------------------------------------------------------------------

struct LeaseRequest {
  std::string queue;
  int max = 1;                    // 1..1000
  Duration wait{};                // 0: answer at once
  std::optional<Duration> lease;  // default: the queue's
  std::string worker;
};

// Repeating a complete, fail or release that took effect answers ok and changes nothing; any other
// late verb is stale_token. `then_lease` takes the next tasks in the same commit.
struct CompleteTask {
  using Reply = Unit;
  std::string token;
  Doc output;
};
struct FailTask {
  using Reply = Unit;
  std::string token;
  std::optional<std::string> error;
  std::optional<std::string> cause;
  std::optional<Duration> delay;  // bare queues: when it may be handed out again
};
struct HeartbeatTask {
  struct Reply {
    WallTime lease_until;
  };
  std::string token;
  std::optional<Duration> lease;
};
struct ReleaseTask {
  using Reply = Unit;
  std::string token;
  Duration delay{};
};

// ---- queues and messages
// -------------------------------------------------------------------------------

struct NewMessage {
  std::string queue;
  Doc body;
  std::vector<std::pair<std::string, std::string>> headers;
  int priority = 4;                 // 0 lowest … 9 highest
  Duration delay{};                 // wall time
  std::optional<Duration> expires;  // unclaimed for longer: a dead letter; wall time
  std::optional<std::string> dedup_id;
  std::string order_key = {};  // messages of one key go one at a time, in order; "": none
};
struct SendMessages {
  struct Sent {
    MessageId id;
    bool duplicate = false;
  };
  using Reply = std::vector<Sent>;  // all or none
  std::vector<NewMessage> messages;
};
// An event for the states that wait for it (event:NAME).
struct PublishEvent {
  struct Reply {
    EventId id;
    std::int64_t woken = 0;  // frames that went on with it at once; where it is for all, others may
                             // follow
    bool kept = false;       // for those who begin to wait later
  };
  std::string name;
  std::string key;
  Doc body;
};
// ---- topics
// --------------------------------------------------------------------------------------------

// A message for a topic.
struct Publication {
  std::string topic;
  std::string key = {};  // the routing key
  Doc body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  int priority = 4;
};
// All or none. What a binding's target cannot take is a dead letter of kind `binding`, and no
// refusal.
struct PublishMessages {
  struct Published {
    std::int64_t routed = 0;        // targets that it went to; 0: no binding takes it
    std::int64_t dead_letters = 0;  // of these: could not take it
    bool queued = false;            // nobody has bound anything: it stands in queue "topic:NAME"
  };
  struct Reply {
    std::vector<Published> published;
    std::vector<SendMessages::Sent> sent;
  };
  std::vector<Publication> publications;
  std::vector<NewMessage> messages = {};  // sent with them
};
// Replaces the binding of this name.
struct PutBinding {
  struct Reply {
    bool created = false;
  };
  std::string topic, name;
  BindingText binding;
};
// conflict: it is a trigger of a workflow's definition.
struct DeleteBinding {
  using Reply = Unit;
  std::string topic, name;
};

// Resumed, it goes on with the occurrences that are then to come.
struct PauseSchedule {
  using Reply = Unit;
  ScheduleId schedule;
  bool paused = true;
};
// Starts a run at once, whatever Overlap says; what is to come stays as it is.
struct RunSchedule {
  struct Reply {
    RunId run;
  };
  ScheduleId schedule;
};

// Takes a lock from who holds it; they go on without. not_found: nobody (or not this run) holds it.
struct ReleaseLock {
  struct Reply {
    std::vector<RunId> runs;  // that held it
  };
  std::string name;
  std::optional<RunId> run;  // only what this one holds
};
// Sets a counter, or adds to it, and lets through whom that lets through.
struct AdjustCounter {
  struct Reply {
    std::int64_t value = 0, before = 0;
  };
  std::string name;
  std::optional<std::int64_t> value;  // else `add`
  std::int64_t add = 0;
};

struct PutQueue {
  using Reply = Unit;
  std::string queue;
  workflows::QueueSettings settings;
};  // the operator's word
struct ClearQueueSettings {
  using Reply = Unit;
  std::string queue;
};
struct DeleteQueue {
  using Reply = Unit;
  std::string queue;
};  // conflict unless empty and no workflow names it
struct PauseQueue {
  using Reply = Unit;
  std::string queue;
  bool paused = true;
};
// Removes ready and delayed messages. Bare messages are dropped; stage messages are refused
// (conflict), since a stage message ends only with its run: cancel the runs instead.
struct PurgeQueue {
  struct Reply {
    std::int64_t removed = 0;
  };
  std::string queue;
};

// ---- dead letters
// --------------------------------------------------------------------------------------

// conflict: it was replayed or dropped before, or as often as its queue says (MaxReplays), unless
// by `force`.
struct ReplayDeadLetter {
  using Reply = Unit;
  DeadLetterId id;
  std::optional<Doc> input;  // in place of what it had
  // Of a run: where it goes on, and with which version; as RedriveRun.
  std::optional<std::string> from = {};
  std::optional<std::int64_t> version = {};
  std::optional<Edit> edit = {};  // of what it had
  bool force = false;
};
struct DropDeadLetter {
  using Reply = Unit;
  DeadLetterId id;
  std::string reason;
};
// At most `limit` of the queue's open dead letters, oldest first; the rest are counted in
// `remaining`.
struct ReplayDeadLetters {
  struct Reply {
    std::int64_t replayed = 0, refused = 0, remaining = 0;
  };
  std::string queue;                 // "" : every queue
  std::optional<std::string> error;  // only those with this error name
  std::int64_t limit = 1000;
};

// ---- bulk jobs
// ----------------------------------------------------------------------------------------

// overloaded: as many are running as may.
struct StartJob {
  struct Reply {
    JobId id;
  };
  JobSpec spec;
  By by;  // who and why, for the audit log's rows of what it changes
};
// What it has done stays. One that has ended: ok.
struct StopJob {
  using Reply = Unit;
  JobId job;
};

using AnyCommand = std::variant<StartRun, CancelRun, PauseRun, ResumeRun, RedriveRun, CompleteTask,
                                FailTask, HeartbeatTask, ReleaseTask, SendMessages, PublishEvent,
                                PublishMessages, ReplayDeadLetter, DropDeadLetter>;
using AnyReply = std::variant<Unit, StartRun::Reply, HeartbeatTask::Reply, SendMessages::Reply,
                              PublishEvent::Reply, PublishMessages::Reply>;

inline constexpr std::size_t batch_items_max = 1'000;

}  // namespace sluice::orchestrator
