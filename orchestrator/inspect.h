// Looking at runs, history, dead letters, workflows and messages, from read-only snapshots.
//
// Threads: thread-safe; each call takes one read-only connection of the pool for at most 250 ms and
// blocks the calling thread for that long: call it from a read thread, never from a socket's.
//
// Failure: not_found; storage::StorageError is thrown (Fault::interrupted: the question was too
// large; narrow it).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/doc.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "orchestrator/filters.h"
#include "orchestrator/jobs.h"
#include "orchestrator/move_plan.h"
#include "orchestrator/orchestrator.h"
#include "orchestrator/schedules.h"
#include "storage/storage.h"

namespace sluice::orchestrator {

template <class T>
struct Page {
  std::vector<T> items;
  std::optional<std::string> next;  // the cursor; opaque
};

struct WaitingFor {
  FrameId frame;
  std::string state;
  std::string kind;  // message, delay, operator, … (docs/glossary.md)
  std::string name;  // the queue, the time, …
  WallTime since;
  std::string sentence;  // for people: "ready in queue pay, 3 ahead of it"
  Json detail;           // the data behind the sentence
};

// A stage that was completed and has a Compensate.
struct CompensationInfo {
  std::string state;
  FrameId frame;       // that completed it
  std::string status;  // PENDING, RUNNING, COMPENSATED, FAILED
};

struct RunSummary {
  RunId id;
  std::string workflow;
  std::int64_t version = 0;
  std::string name;    // "" if none was given
  std::string status;  // RUNNING, SUCCEEDED, …
  WallTime started_at;
  std::optional<WallTime> ended_at;
  std::string error;  // "" if none
  std::vector<std::pair<std::string, std::string>> labels;
};
struct RunDetail : RunSummary {
  Doc input;
  Doc output;  // absent unless SUCCEEDED
  std::optional<std::string> cause;
  std::optional<WallTime> not_before;
  std::int64_t redrives = 0;
  std::vector<WaitingFor> waiting_for;
  std::optional<DeadLetterId> dead_letter;      // the open one
  std::vector<CompensationInfo> compensations;  // the last completed first; the first hundred
};
struct HistoryEvent {
  std::int64_t id = 0;  // 1, 2, … within the run
  std::string type;     // TaskStateEntered, …
  WallTime at;
  std::string state;  // "" where none
  FrameId frame;
  Json detail;  // input, output, error, cause, worker, attempt, …; an object
};

struct DeadLetterSummary {
  DeadLetterId id;
  std::string kind;   // stage, state, queue, binding, compensation
  std::string queue;  // "" where none
  std::optional<RunId> run;
  std::string workflow, state;      // where run is set
  std::string topic, binding, key;  // kind binding
  std::string error;
  std::string cause;
  WallTime at;
  std::int64_t attempts = 0;
  std::string status;        // OPEN, REPLAYED, DROPPED, COMPENSATED
  std::int64_t replays = 0;  // how often the same work was replayed before
  bool set_aside = false;    // its queue's MaxReplays has been reached
};
struct DeadLetterDetail : DeadLetterSummary {
  Doc body;           // the message, or the failed state's input
  Json attempt_list;  // [{attempt, worker, started_at, ended_at, error, cause}]
  Json headers;
  std::string reason;  // of a drop
};
struct DeadLetterGroup {
  std::string error;
  std::string queue;
  std::int64_t count = 0;
  WallTime first, last;
  DeadLetterId example;  // the newest
};
struct DeadLetterGroups {
  std::vector<DeadLetterGroup> groups;  // the largest first
  bool complete = true;  // false: there were too many to count; the newest are counted
};

// What an operator changed.
struct AuditRecord {
  std::int64_t id = 0;  // 1, 2, …
  WallTime at;
  std::string principal, kind, target;
  std::string reason;  // "" if none was given
  std::string detail;  // a JSON object as text
};
struct AuditFilter {
  std::optional<std::string> kind;    // "run.cancel", or "run" for all that was done to runs
  std::optional<std::string> target;  // "run:ID", "queue:NAME"
  std::optional<WallTime> since, until;
};

struct PeekedMessage {
  MessageId id;
  std::string status;  // ready, delayed, blocked, leased, held
  Doc body;
  Json headers;
  int priority = 4;
  std::int64_t attempt = 0;
  WallTime sent_at;
  std::optional<RunId> run;
  std::string worker;     // leased: who holds it
  std::string order_key;  // "": none
};

// Published, and waited for by nobody yet; or for all who come in its time.
struct KeptEvent {
  EventId id;
  std::string key;
  Doc body;
  WallTime at, until;
};
struct EventLine {  // a frame in the line of an event
  std::string key;
  RunId run;
  FrameId frame;
  WallTime since;
};

struct TopicSummary {
  std::string name;
  std::int64_t bindings = 0;
};
struct BindingInfo {
  std::string topic, name;
  BindingText text;
  std::string workflow;  // whose trigger it is; "": an operator's
};

struct ScheduleInfo {
  StoredSchedule stored;
  std::string workflow;
  std::vector<WallTime> next;  // ten; the first is past where it waits for a run's end
  std::string problem;         // "": it runs; else why it cannot
};

struct CounterInfo {
  std::string name;
  std::int64_t value = 0;
  std::int64_t waiting = 0;  // at gates; counted up to 100,000
};
struct LockPlaceInfo {
  RunId run;
  FrameId frame;
  WallTime since;
};
struct LockInfo {
  std::string name;
  std::int64_t permits = 1;            // as the last holder asked
  std::vector<LockPlaceInfo> holders;  // the first hundred
  std::int64_t waiting = 0;            // counted up to 100,000
  std::vector<LockPlaceInfo> line;     // of one lock: the first hundred or so
};

// What a bulk job would do, had it been begun now.
struct JobPlan {
  struct Example {
    std::string id;
    std::string what;     // for people
    std::string refusal;  // "": it would be done
    Doc input;            // absent: it is not edited
  };
  std::int64_t matched = 0;
  bool complete = true;  // false: there are more than one answer looks at
  std::int64_t set_aside = 0;
  std::int64_t refused = 0;       // of a move: runs that cannot
  std::vector<Example> examples;  // the oldest
};

struct WorkflowSummary {
  std::string name;
  std::int64_t version = 0;  // the latest
  std::string hash;
  WallTime deployed_at;
  bool paused = false;
};
struct WorkflowVersion {
  std::int64_t version = 0;
  std::string hash;
  WallTime deployed_at;
  std::string definition;
};

struct CheckFinding {
  std::string invariant;
  std::string detail;
  std::string repair;
};

class Inspector {
 public:
  Inspector(storage::Database& database, const Engine& engine);
  ~Inspector();

  Page<RunSummary> runs(const RunFilter& filter, int limit,
                        const std::optional<std::string>& cursor) const;
  Result<RunDetail> run(RunId id) const;
  // From event number `after` + 1 on.
  Result<Page<HistoryEvent>> history(RunId id, int limit, std::int64_t after) const;
  Result<std::vector<WaitingFor>> why(RunId id) const;

  Page<DeadLetterSummary> dead_letters(const DeadLetterFilter& filter, int limit,
                                       const std::optional<std::string>& cursor) const;
  DeadLetterGroups dead_letter_groups(const DeadLetterFilter& filter) const;
  Result<DeadLetterDetail> dead_letter(DeadLetterId id) const;

  // Newest first. A page with a cursor may hold fewer than `limit`, or none.
  Page<AuditRecord> audit(const AuditFilter& filter, int limit,
                          std::optional<std::int64_t> cursor) const;

  Result<Page<PeekedMessage>> messages(const std::string& queue, int limit,
                                       const std::optional<std::string>& cursor) const;

  // By key; of one key the oldest first.
  Page<KeptEvent> kept_events(const std::string& name, int limit,
                              const std::optional<std::string>& cursor) const;
  Page<EventLine> event_waiters(const std::string& name, int limit,
                                const std::optional<std::string>& cursor) const;

  // Topics that have bindings, by name.
  Page<TopicSummary> topics(int limit, const std::optional<std::string>& cursor) const;
  std::vector<BindingInfo> bindings(const std::string& topic) const;  // by name
  Result<BindingInfo> binding(const std::string& topic, const std::string& name) const;

  // The oldest first.
  Page<ScheduleInfo> schedules(int limit, const std::optional<std::string>& cursor) const;
  Result<ScheduleInfo> schedule(ScheduleId id) const;

  // By name.
  // `builtin`: the stages' own instead of those that definitions change.
  Page<CounterInfo> counters(int limit, const std::optional<std::string>& cursor,
                             bool builtin = false) const;
  Page<LockInfo> locks(int limit, const std::optional<std::string>& cursor) const;
  Result<LockInfo> lock(const std::string& name) const;  // with its line

  // Newest first.
  Page<Job> jobs(int limit, const std::optional<std::string>& cursor) const;
  Result<Job> job(JobId id) const;
  JobPlan plan(const JobSpec& spec) const;
  // Of all live runs of the workflow; several snapshots, one after the other.
  // REQUIRES: `canonical_text` is what `machine` was compiled from.
  MovePlan move_plan(const std::string& workflow,
                     const std::shared_ptr<const workflows::Machine>& machine,
                     const std::string& canonical_text) const;

  std::vector<WorkflowSummary> workflows() const;
  Result<WorkflowVersion> workflow(const std::string& name,
                                   std::optional<std::int64_t> version) const;
  Result<std::vector<WorkflowVersion>> workflow_versions(
      const std::string& name) const;  // newest first, without text

  // The invariants of architecture.md, promise 5; empty when all hold.
  std::vector<CheckFinding> check() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::orchestrator
