// Durable counters, and the gates that wait for them. docs/flow-control.md.
//
// A counter that nobody has changed stands at 0. Values are changed in memory, and the rows of
// those that changed are written once, before the commit of the batch: what a command changed is
// durable with it. A value is held to the range of a 64-bit integer.
//
// Who waits at a gate stands in one line for each counter, test and bound, the longest waiting
// first; nobody overtakes within a line. Of several lines that a value opens, the frame that has
// waited longest is next. What opening does to a frame is the engine's (doors.cc).
//
// Threads: confined to the writer thread; follows a rollback through the UndoLog.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "orchestrator/due_names.h"
#include "storage/storage.h"
#include "storage/undo_log.h"
#include "workflows/flow_control.h"

namespace sluice::orchestrator {

struct GateWaiter {
  std::int64_t place = 0;
  FrameId frame;
};

class Counters {
 public:
  using Test = workflows::CounterTest;
  explicit Counters(storage::UndoLog& undo) : undo_(undo) {}
  void load(storage::Reader& reader);

  std::int64_t value(const std::string& name) const;
  std::int64_t add(const std::string& name, std::int64_t add);  // the new value
  // Whether a frame that comes now may pass.
  bool passes(const std::string& name, Test test, std::int64_t bound) const;
  // A counter of the service's own, which is stored elsewhere, stands so now.
  void follow(const std::string& name, std::int64_t value);
  std::vector<std::string> gate_names() const;  // that somebody waits at
  // Writes the rows of what changed; before the commit.
  void store(storage::Transaction& tx);

  std::int64_t wait(storage::Transaction& tx, const std::string& name, Test test,
                    std::int64_t bound, FrameId frame, RunId run, WallTime now);
  void leave_line(storage::Transaction& tx, const std::string& name, Test test, std::int64_t bound,
                  std::int64_t place);

  // Counters at which a gate may have opened.
  DueNames& due() { return due_; }
  // Whose turn it is: of the lines that the value opens, who has waited longest. Those of `passed`
  // are looked behind.
  struct Turn {
    Test test;
    std::int64_t bound;
    GateWaiter waiter;
  };
  std::optional<Turn> next(const std::string& name, const std::set<std::int64_t>& passed) const;

  std::int64_t waiting() const { return waiting_; }

 private:
  using LineKey = std::pair<Test, std::int64_t>;
  struct Counter {
    std::int64_t value = 0;
    std::int64_t stored = 0;
    bool dirty = false;
    std::map<LineKey, std::map<std::int64_t, GateWaiter>> lines;
  };
  void add_waiter(const std::string& name, LineKey line, GateWaiter waiter);
  void remove_waiter(const std::string& name, LineKey line, std::int64_t place);

  storage::UndoLog& undo_;
  std::unordered_map<std::string, Counter> counters_;
  std::vector<std::pair<const std::string*, Counter*>> dirty_;
  DueNames due_{undo_};
  std::int64_t next_place_ = 1, waiting_ = 0;
};

}  // namespace sluice::orchestrator
