// The inside of Inspector, shared by its files. Thread-safe: the cache of machines stands under a
// mutex.
#pragma once

#include <functional>
#include <mutex>
#include <unordered_map>

#include "orchestrator/frame_row.h"
#include "orchestrator/inspect.h"
#include "orchestrator/log_format.h"
#include "orchestrator/version_map.h"
#include "orchestrator/wait_kind.h"

namespace sluice::orchestrator {

struct Inspector::Impl {
  storage::Database& database;
  const Engine& engine;

  struct Version {
    std::string workflow;
    std::int64_t number = 0;
    std::shared_ptr<const workflows::Machine> machine;
  };
  // REQUIRES: the version exists.
  Version version(storage::Reader& reader, std::int64_t version_id);

  Doc doc(storage::Reader& reader, DocRef ref);
  RunSummary summary(storage::Reader& reader, storage::Query& row);
  std::optional<FrameRow> root_frame(storage::Reader& reader, RunId run);
  // The root frame first, each before its children; the first hundred.
  std::vector<WaitingFor> waiting_for(storage::Reader& reader, RunId run);
  void add_waits(storage::Reader& reader, FrameId frame, std::vector<WaitingFor>& list);
  void add_children(storage::Reader& reader, const FrameRow& row, WaitingFor wait,
                    std::vector<WaitingFor>& list);
  // In the order in which they are undone, the last completed first; the first hundred.
  std::vector<CompensationInfo> compensations(storage::Reader& reader, RunId run);
  struct HistoryRow {
    std::int64_t seq;
    FrameId frame;
    WallTime at;
    std::vector<LogRecord> records;
  };
  std::vector<HistoryRow> history_rows(storage::Reader& reader, RunId run, std::int64_t last_seq);
  // `count` events from place `from` on, oldest first, and how many there are in all.
  struct HistoryPart {
    std::vector<HistoryEvent> events;
    std::size_t total = 0;
  };
  HistoryPart events(storage::Reader& reader, const std::vector<HistoryRow>& rows,
                     std::int64_t version_id, std::size_t from, std::size_t count);
  DeadLetterSummary letter(storage::Reader& reader, storage::Query& row);
  PeekedMessage peeked(storage::Reader& reader, storage::Query& row);

  // ---- inspect_limits.cc ----
  using Report = std::function<void(std::string invariant, std::string detail, std::string repair)>;
  // What to say of a message whose workflow is paused; nothing: it is not.
  std::optional<std::string> paused_workflow(storage::Reader& reader,
                                             const std::string& workflow) const;
  void add_breaker(const QueueStats& stats, WaitingFor& w) const;
  void add_limits(const QueueStats& stats, WaitingFor& w) const;  // of a ready message
  void add_key(storage::Reader& reader, std::int64_t queue_id, std::int64_t message,
               WaitingFor& w) const;  // of a blocked message
  void add_room(storage::Reader& reader, const FrameRow& row, WaitingFor& w) const;
  void check_limits(storage::Reader& reader, const Report& report) const;

  // ---- inspect_jobs.cc ----
  void check_jobs(storage::Reader& reader, const Report& report) const;
  void plan_letters(storage::Reader& reader, const JobSpec& spec, JobPlan& plan);
  void plan_runs(storage::Reader& reader, const JobSpec& spec, JobPlan& plan);
  // The example, with its input as the job would edit it.
  void add_example(storage::Reader& reader, const JobSpec& spec, std::optional<RunId> run,
                   const Doc& body, JobPlan::Example example, JobPlan& plan);
  // The name of the state in which the run's root frame stands; "": in none.
  std::string state_of(storage::Reader& reader, RunId run, std::int64_t version_id);

  // ---- inspect_moves.cc ----
  // Where runs are to move, and what is known of the versions that they are on.
  struct MoveFrom {
    Version version;
    bool there = false;
    VersionMap map;
  };
  struct MoveTarget {
    std::string workflow;
    std::int64_t version_id = 0;  // 0: it is not deployed yet
    std::shared_ptr<const workflows::Machine> machine;
    Json text;
    std::unordered_map<std::int64_t, std::unique_ptr<MoveFrom>> from;
  };
  const MoveFrom& move_from(storage::Reader& reader, MoveTarget& target, std::int64_t version_id);
  std::string move_refusal(storage::Reader& reader, RunId run, std::int64_t version_id,
                           std::optional<std::int64_t> number);

  // ---- inspect_flow.cc ----
  void add_door(storage::Reader& reader, const FrameRow& row, WaitingFor& w) const;
  Page<CounterInfo> stage_counters(int limit, const std::string& after);
  std::int64_t stage_counter(storage::Reader& reader, const std::string& name) const;
  void check_flow(storage::Reader& reader, const Report& report) const;

  WallTime wall_of(EngineTime t) const;

  std::mutex mutex;
  std::unordered_map<std::int64_t, Version> versions;
};

// "12 s", "3 min": how long something has lasted.
std::string in_words(Duration d);

// Of a run's row.
std::vector<std::pair<std::string, std::string>> labels_of(std::string_view text);
bool has_labels(std::string_view text,
                const std::vector<std::pair<std::string, std::string>>& wanted);

std::string_view run_status_name(std::int64_t status);
std::optional<std::int64_t> run_status_number(std::string_view name);

}  // namespace sluice::orchestrator
