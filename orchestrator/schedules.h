// The schedules of every workflow's latest version, in memory as they are in the rows, and when the
// next of them is due.
//
// A schedule remembers up to which time its occurrences are dealt with (`past`). What follows is
// computed from its timetable, never stored: a restart, a clock that is set and a long downtime all
// go on from there, and the same transaction that starts an occurrence's run moves `past`, so that
// each occurrence is dealt with once. What an occurrence does is the engine's
// (schedule_commands.cc).
//
// Threads: confined to the writer thread, but for read_schedule() and occurrences(), which are
// pure. Follows a rollback through the UndoLog.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "storage/storage.h"
#include "storage/undo_log.h"
#include "workflows/schedule.h"

namespace sluice::orchestrator {

inline constexpr std::size_t schedules_max = 10'000;

struct StoredSchedule {
  ScheduleId id;
  WorkflowId workflow;
  workflows::Schedule schedule;
  bool paused = false;
  WallTime past;
  RunId run;  // the last that it started; 0: none yet
  std::int64_t started = 0, skipped = 0;
};
// One row of the statements all, after and one. Throws storage::StorageError where it is damaged.
StoredSchedule read_schedule(storage::Query& row);

class Schedules {
 public:
  explicit Schedules(storage::UndoLog& undo) : undo_(undo) {}
  // The largest id in use is returned.
  std::int64_t load(storage::Reader& reader);

  std::size_t size() const { return entries_.size(); }
  const StoredSchedule* find(ScheduleId id) const;
  // Nothing: it is paused, waits for its run, has no occurrence left, or its time zone is unknown
  // here.
  std::optional<WallTime> due(ScheduleId id) const;
  // Its occurrences after `past`, up to `until`; at most `max` are counted.
  std::int64_t count(ScheduleId id, WallTime until, std::int64_t max) const;
  // Inserts it or replaces it; it is looked at again.
  void put(storage::Transaction& tx, StoredSchedule schedule);
  void erase(storage::Transaction& tx, ScheduleId id);
  std::vector<ScheduleId> of(WorkflowId workflow) const;

  // The one that is due first, and when.
  std::optional<std::pair<WallTime, ScheduleId>> first() const;
  // It is due only once the run has ended (Overlap Queue). Not stored: after a restart it is due,
  // and comes to wait again.
  void wait_for(ScheduleId id, RunId run);
  void run_ended(RunId run) {
    if (!waiting_.empty()) stop_waiting(run);
  }

 private:
  struct Entry {
    StoredSchedule stored;
    std::optional<workflows::Timetable> timetable;  // nothing: no such time zone on this machine
    std::optional<WallTime> due;
    RunId waits_for;
  };
  using Entries = std::map<ScheduleId, std::shared_ptr<const Entry>>;
  static std::shared_ptr<Entry> entry_of(StoredSchedule stored);
  void set(ScheduleId id, std::shared_ptr<const Entry> entry);
  void change(ScheduleId id, std::shared_ptr<const Entry> entry);
  void stop_waiting(RunId run);

  storage::UndoLog& undo_;
  Entries entries_;
  std::set<std::pair<WallTime, ScheduleId>> due_;
  std::unordered_map<RunId, ScheduleId> waiting_;
};

}  // namespace sluice::orchestrator
