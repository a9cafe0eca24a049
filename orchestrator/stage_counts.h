// The service's own counters of every stage (Task, Parallel, Map): how many entered it, are in it,
// completed it, failed in it, and left a dead letter there.
//
// They are a projection of the log: each record that enters or leaves a stage is counted in memory
// when its row is written, and the table is brought up to date about once a second. After a restart
// what the table has not seen is counted again from the log's rows, so that no transition pays for
// them with a statement and none is lost.
//
// Threads: confined to the writer thread; follows a rollback through the UndoLog.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "orchestrator/interpreter.h"
#include "storage/storage.h"
#include "storage/undo_log.h"

namespace sluice::orchestrator {

enum class StageMetric : std::uint8_t { entered, in_flight, completed, failed, dead };
inline constexpr std::array<std::string_view, 5> stage_metrics = {"entered", "in_flight",
                                                                  "completed", "failed", "dead"};

constexpr bool is_stage(workflows::StateType type) {
  using workflows::StateType;
  return type == StateType::task || type == StateType::parallel || type == StateType::map;
}

// How a frame left a stage without a word of its own: `number` of Kind::stage_left.
inline constexpr std::int64_t left_by_failure = 1, left_by_abort = 2;
// `number` of Kind::state_exited: it had not come through its gate.
inline constexpr std::int64_t never_entered = -1;

struct StageCount {
  std::int64_t workflow = 0;  // WorkflowId
  std::string state;
  std::size_t index = 0;
  std::array<std::int64_t, 5> values{};  // by StageMetric
  bool dirty = false, touched = false;
  bool watched = false;  // a gate asks for one of them
};

class StageCounts {
 public:
  explicit StageCounts(storage::UndoLog& undo) : undo_(undo) {}
  void load(storage::Reader& reader);

  StageCount& of(std::int64_t workflow, std::string_view state);
  // By state; null where it is no stage. The vector stays.
  const std::vector<StageCount*>& of_version(std::int64_t version_id, std::int64_t workflow,
                                             const workflows::Machine& machine);
  // Counts what one record says. `caught`: of the same log row, whether the state's error was.
  void count(const std::vector<StageCount*>& stages, const workflows::Machine& machine,
             const Record& record, bool& caught);
  void add(StageCount& stage, StageMetric metric, std::int64_t by);

  // Writes what has changed.
  void store(storage::Transaction& tx);
  bool is_dirty() const { return !dirty_.empty(); }
  // Those that changed since it was last asked.
  std::vector<const StageCount*> take_touched();
  // Watched ones that changed; each may stand there several times.
  std::vector<const StageCount*> take_watched() { return std::exchange(watched_, {}); }

 private:
  storage::UndoLog& undo_;
  std::deque<StageCount> stages_;
  std::unordered_map<std::string, StageCount*> by_name_;  // "workflow/state"
  std::unordered_map<std::int64_t, std::vector<StageCount*>> versions_;
  std::vector<StageCount*> dirty_, touched_;
  std::vector<const StageCount*> watched_;
};

}  // namespace sluice::orchestrator
