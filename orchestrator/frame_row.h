// A frame as it is stored: in its message's `owner`, or in the table `frames`.
//
// Format 2: a version byte, then numbers as in base/varint.h, in the order of the code in
// frame_row.cc. Format 1, which is still read, ends before what children and child runs need. To
// change it: add format 3 beside it, keep reading the others, and write 3 only.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "orchestrator/interpreter.h"
#include "queue/queue.h"

namespace sluice::orchestrator {

// Why the children of a frame are being stopped, and what follows when the last one has.
struct Stopping {
  bool now = false;
  Fault fault;
  bool of_branch = false;    // the fault is a child's own
  std::int64_t child = -1;   // which one; -1: none
  bool dead_letter = false;  // it passed the child's own Retry and Catch
  int run_status = 0;        // not 0: the run ends so, by a person's word or its time-out
  bool compensate = false;   // and is undone first: asked for with the cancel
};

// Of a root frame whose run has failed: it waits for a person's word, or undoes stage after stage.
struct Undoing {
  enum class Stage : std::uint8_t { none, held, undoing } stage = Stage::none;
  int ends_as = 0;       // undoing: the run's status when all is undone
  Fault fault;           // the run's
  std::int64_t seq = 0;  // undoing: of the stage that is undone now (table compensations)
};

// What happened to a frame and is yet to be acted upon.
struct Pending {
  // The numbers are stored. restart: moved to another version, the state begins its work again.
  enum class Kind : std::uint8_t {
    none,
    succeeded,
    failed,
    run_started,
    restart
  } kind = Kind::none;
  DocRef output;  // succeeded
  Fault fault;    // failed
  RunId run;      // run_started
};

// Where a frame waits for room, and what it needs to put its message there.
struct RoomWait {
  std::int64_t queue = 0;  // 0: it does not
  std::int64_t place = 0;  // in the line for room; 0: in none, it comes back when its delay is over
  std::int64_t due = 0;    // engine time, of a retry that is yet to come
  int priority = 4;
  std::string order_key;
};

// The line of a gate or a lock in which a frame waits.
struct DoorWait {
  enum class Kind : std::uint8_t { none, gate, lock } kind = Kind::none;
  std::string name;  // of the counter, or the lock
  std::int64_t place = 0;
  workflows::CounterTest test = workflows::CounterTest::below;  // gate
  std::int64_t bound = 0;                                       // gate
};

struct FrameRow {
  Frame frame;  // its input may be absent; then input_ref says where it is
  RunId run;
  std::int64_t version_id = 0;  // workflow_versions.id: the run's own version
  DocRef input_ref;
  std::int64_t last_seq = 0;     // the frame's latest log row
  std::int64_t fence = 0;        // of its latest hand-out; only grows
  int priority = 4;              // of the run, for stages that set none
  std::int64_t timeout_due = 0;  // engine time; 0: none. The row in `deadlines` has the same.
  std::int64_t run_timeout_due = 0;
  std::int64_t heartbeat_us = 0;  // 0: none
  std::int64_t pause_base =
      0;  // how long queue and workflow had been paused when the time-out was set
  std::int64_t token_number =
      0;  // not 0: waits for success or failure by this token; the message is only the call
  DocRef body_ref;  // what the stage got
  // While the run is paused: what was left of the delay and of the time-out.
  std::int64_t held_delay_us = 0;
  std::int64_t held_timeout_us = 0;
  std::int64_t held_run_timeout_us = 0;
  // While it waits by token and has no message any more: hand-outs so far, and the story of those
  // that failed.
  std::int64_t attempts = 0;
  std::string failures;
  // ---- since format 2 ----
  DocRef variables_ref;
  DocRef item_ref;
  std::int64_t index = -1;  // of a child: its place among its siblings
  std::int64_t spawn = 0;   // of a child: the spawn that it belongs to (table children)
  // While it waits for children: their spawn, and what is to be spawned (spawn_plan.h).
  std::int64_t spawned = 0;
  std::string plan;
  Stopping stopping;
  Pending pending;
  RunId child_run;  // while it waits for the end of a run
  // While it waits for an event: its row of event_waiters. 0: it does not.
  std::int64_t event_since = 0;
  std::string event_name, event_key;
  // Of events for all: the latest that it had of each name and key, so that it gets none twice.
  struct EventHad {
    std::string name, key;
    EventId id;
  };
  std::vector<EventHad> events_had;  // the last events_had_max names and keys, oldest first
  FrameId waiter;                    // of a root frame: the frame that waits for the run's end
  std::string headers;               // where the frame is kept: of the stage's message
  Undoing undoing;
  RoomWait room;
  DoorWait door;
};

inline constexpr std::size_t events_had_max = 16;
// The latest event of this name and key that the frame had, as far as it remembers; else 0.
EventId event_had(const FrameRow& row, std::string_view name, std::string_view key);
void note_event_had(FrameRow& row, const std::string& name, const std::string& key, EventId id);

std::string encode(const FrameRow& row);
// REQUIRES: bytes that encode() made. A row that is not is corrupt: throws storage::StorageError.
FrameRow decode_frame(FrameId id, std::string_view bytes);

// A DocRef as the number that queue/ keeps for us.
std::int64_t pack(DocRef ref);
DocRef unpack(std::int64_t packed);

// The decoded frame of a leased message, kept in memory beside the lease.
struct FrameMemo final : queue::Memo {
  explicit FrameMemo(FrameRow row_) : row(std::move(row_)) {}
  FrameRow row;
};
// Null: the owner must be decoded. Every memo is one of these.
inline const FrameMemo* memo_of(const queue::Lease& lease) {
  return static_cast<const FrameMemo*>(lease.memo.get());
}

}  // namespace sluice::orchestrator
