// Locks by name: who holds one, who waits for it. docs/flow-control.md.
//
// A lock exists while somebody holds it or waits. The first in line is granted it while its holders
// are fewer than the Permits that the first asks for; nobody overtakes. A frame has one place at
// most in each lock, from asking to giving back; places are numbered over all locks.
//
// Rows and memory go together; what a grant does to a frame is the engine's (doors.cc).
//
// Threads: confined to the writer thread; follows a rollback through the UndoLog.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "orchestrator/due_names.h"
#include "storage/storage.h"
#include "storage/undo_log.h"

namespace sluice::orchestrator {

struct LockPlace {
  std::int64_t place = 0;
  std::int64_t permits = 1;
  FrameId frame;
  RunId run;
};

class Locks {
 public:
  struct Lock {
    std::vector<LockPlace> holders;
    std::map<std::int64_t, LockPlace> line;  // by place
  };

  explicit Locks(storage::UndoLog& undo) : undo_(undo) {}
  void load(storage::Reader& reader);

  // Null: nobody holds it or waits.
  const Lock* find(const std::string& name) const;
  bool holds(const std::string& name, FrameId frame) const;
  // Whether a frame that asks now is granted it at once.
  bool is_free(const std::string& name, std::int64_t permits) const;

  // REQUIRES: is_free().
  void take(storage::Transaction& tx, const std::string& name, std::int64_t permits, FrameId frame,
            RunId run, WallTime now);
  // The place in line.
  std::int64_t wait(storage::Transaction& tx, const std::string& name, std::int64_t permits,
                    FrameId frame, RunId run, WallTime now);
  void leave_line(storage::Transaction& tx, const std::string& name, std::int64_t place);
  // False: the frame does not hold it.
  bool release(storage::Transaction& tx, const std::string& name, FrameId frame);
  // Who waits at `place` holds it from now on.
  void grant(storage::Transaction& tx, const std::string& name, std::int64_t place, WallTime now);

  // Locks that somebody may have to be granted.
  DueNames& due() { return due_; }

  std::int64_t held() const { return held_; }
  std::int64_t waiting() const { return waiting_; }

 private:
  Lock& at(const std::string& name);
  void drop_if_empty(const std::string& name);
  void add_holder(const std::string& name, const LockPlace& place);
  void remove_holder(const std::string& name, std::int64_t place);
  void add_waiter(const std::string& name, const LockPlace& place);
  void remove_waiter(const std::string& name, std::int64_t place);

  storage::UndoLog& undo_;
  std::unordered_map<std::string, Lock> locks_;
  DueNames due_{undo_};
  std::int64_t next_place_ = 1, held_ = 0, waiting_ = 0;
};

}  // namespace sluice::orchestrator
