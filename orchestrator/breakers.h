// Circuit breakers: trouble in one stage stops the queue, or the whole workflow, before it burns
// everybody's retries. docs/queue-limits.md.
//
// Closed: failed attempts and dead letters of the last WithinSeconds are counted, in memory (a
// restart counts anew). At Failures or DeadLetters it trips: the queue is paused, and with Pause:
// Workflow the workflow too. Open: nothing is handed out; what is in workers' hands goes on. After
// ResumeAfterSeconds it is half-open: one message at a time is handed out, and the first that
// completes closes the breaker, the first that fails opens it again. Resuming the queue, or the
// workflow that it paused, closes it at once.
//
// A queue without a Breaker costs a comparison for each failure and nothing else.
//
// Threads: confined to the writer thread; follows a rollback through the UndoLog.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/ids.h"
#include "base/time.h"
#include "storage/storage.h"
#include "storage/undo_log.h"

namespace sluice::orchestrator {

struct Breaker {
  bool half_open = false;
  WallTime since;
  std::string reason;
  std::optional<EngineTime> probe_at;  // open: when it will be half-open
  std::optional<WorkflowId> workflow;  // that it paused
};

class Breakers {
 public:
  explicit Breakers(storage::UndoLog& undo) : undo_(undo) {}
  void load(storage::Reader& reader);

  const Breaker* find(QueueId queue) const;  // null: closed
  void put(storage::Transaction& tx, QueueId queue, const Breaker& breaker);
  void close(storage::Transaction& tx, QueueId queue);
  const std::unordered_map<std::int64_t, Breaker>& all() const { return breakers_; }
  std::optional<EngineTime> next_probe() const;

  // One more of a kind at `now`; true: these are `most` within `within`. They are forgotten then.
  enum class Trouble : std::uint8_t { failure, dead_letter };
  bool count(QueueId queue, Trouble trouble, std::int64_t most, Duration within, EngineTime now);

 private:
  storage::UndoLog& undo_;
  std::unordered_map<std::int64_t, Breaker> breakers_;
  std::unordered_map<std::int64_t, std::deque<EngineTime>> times_;  // by queue * 2 + trouble
};

}  // namespace sluice::orchestrator
