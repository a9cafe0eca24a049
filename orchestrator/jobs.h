// Bulk jobs that run, in memory as they are in the rows.
//
// A job first collects what it is for: the ids of all that its filter takes among what was there
// when it was begun, each a row of job_items. It then deals with them in the order of their ids:
// those after `cursor` are to come; a row of one that was dealt with goes, unless its outcome is
// followed. So the counts add up at any time:
//   matched = done + failed + skipped + refused + what is to come
//   done    = went on + failed again + in flight, where outcomes are followed.
//
// Threads: confined to the writer thread, but for Job and read_job(), which are plain. Follows a
// rollback through the UndoLog.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/commands.h"
#include "orchestrator/job_spec.h"
#include "storage/storage.h"
#include "storage/undo_log.h"

namespace sluice::orchestrator {

inline constexpr std::size_t jobs_running_max = 16;
inline constexpr std::size_t job_problems_max = 20;

enum class JobStatus : int { running = 1, done = 2, stopped = 3 };

struct Job {
  JobId id;
  std::shared_ptr<const JobSpec> spec;
  By by;
  JobStatus status = JobStatus::running;
  WallTime created_at;
  std::optional<WallTime> ended_at;
  std::string why;         // it was stopped
  bool collected = false;  // all that it is for
  std::int64_t walked = 0, cursor = 0;
  std::int64_t matched = 0, done = 0, failed = 0, skipped = 0, refused = 0;
  std::int64_t in_flight = 0, went_on = 0, failed_again = 0;
  std::string outcomes;           // the latest: 1 failed again, 0 went on
  Json problems = Json::array();  // the latest few: {"id", "outcome", "detail"}
  std::int64_t to_come() const { return matched - done - failed - skipped - refused; }

  // Not stored: after a restart it looks at once. Engine time.
  EngineTime next_item, next_look;
  Duration look_pause;
  std::int64_t looked = 0;  // the last one in flight that was looked at
};
// One row of the statements of jobs. Throws storage::StorageError where it is damaged.
Job read_job(storage::Query& row);

class Jobs {
 public:
  explicit Jobs(storage::UndoLog& undo) : undo_(undo) {}
  // The largest id in use is returned.
  std::int64_t load(storage::Reader& reader);

  std::size_t running() const { return jobs_.size(); }
  const Job* find(JobId id) const;
  std::vector<JobId> due(EngineTime now) const;
  // INT64_MAX: none.
  std::int64_t next_due() const;
  // Memory and row; one that has ended is no longer in memory.
  void put(storage::Transaction& tx, Job job);
  void remember(Job job);  // memory alone: what is not stored has changed

  // Rows of jobs that have ended may be left.
  bool has_rest() const { return rest_ != 0; }
  // Deletes some of them.
  void sweep(storage::Transaction& tx, std::int64_t max);

 private:
  void set(JobId id, std::shared_ptr<const Job> job);
  void change(JobId id, std::shared_ptr<const Job> job);

  storage::UndoLog& undo_;
  std::map<JobId, std::shared_ptr<const Job>> jobs_;
  std::int64_t rest_ = 1;
};

}  // namespace sluice::orchestrator
