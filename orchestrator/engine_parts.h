// The values that the engine's files hand to each other: a live frame and where its row is, what a
// step stores and brings about, sessions and waiting leases.
//
// Threads: confined to the writer thread, but for Session::last_seen_us.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orchestrator/frame_row.h"
#include "orchestrator/log_format.h"
#include "orchestrator/orchestrator.h"
#include "queue/queue.h"

namespace sluice::orchestrator {

using queue::Lease;

// One worker connection, and what it was subscribed to.
struct Session {
  SessionId id;
  std::string worker;
  std::shared_ptr<Consumer> sink;
  std::atomic<std::int64_t> last_seen_us{0};  // steady clock; written by any thread
  bool connected = true;
  Duration detached_at;  // steady clock, while not connected
  std::unordered_map<std::int64_t, std::int64_t> subscriptions;  // queue id → consumer id
};

// Where the row of a live frame is.
struct Home {
  enum class Kind { none, lease, message, frame } kind = Kind::none;
  Lease lease;  // a copy: the hand-out may be over before the frame moves on
  queue::StoredMessage message;
  WallTime since;  // frame: when it began to wait
};
struct Live {
  FrameRow row;
  Home home;
};

// What a step brings about for another frame; done when the step is.
struct Followup {
  enum class Kind { children, run_ended, cancel_run } kind = Kind::children;
  FrameId frame;           // the parent of children; the frame that waits for a run
  std::int64_t spawn = 0;  // children
  RunId run;               // the run that ended, or is to be cancelled
};
inline constexpr int children_step = 64;  // children spawned by one command or continuation

// What a log row stores and keeps beside its records.
struct Storing {
  Doc body{};               // what a task gets
  std::vector<Doc> docs{};  // whatever else needs a place
  bool keep = false;        // a redrive may go on from here
  // The interpreter's records, which follow the engine's own, and what is known beside them.
  std::span<const Record> history{};
  std::string_view queue{};           // of the task that is scheduled
  std::string_view failed_by{};       // of the attempt that failed: its note
  std::optional<WallTime> until{};    // of the last record
  std::optional<LogRecord> letter{};  // after all of these
  // Of a child that failed: its story, should the failure become a dead letter.
  std::int64_t attempts = 0;
  std::string failures{}, headers{};
};

// When a task's time is up, counted from its scheduling.
struct TimeLimits {
  Duration delay;
  std::optional<Duration> timeout, heartbeat;
};

// A lease that is waited for.
struct Waiting {
  std::uint64_t number = 0;
  std::int64_t consumer = 0;
  Duration until;  // steady clock
  std::function<void(Result<std::vector<Delivery>>)> done;
};

// A run that is to begin.
struct NewRun {
  std::optional<std::string> name;
  Doc input;
  int priority = queue::priority_default;
  std::optional<int> own_priority;  // as given at the start
  std::optional<std::string> labels;
  std::optional<WallTime> not_before;
  RunId parent_run;           // started by this run,
  FrameId parent_frame;       // by this frame,
  bool awaited = false;       // which waits for its end
  bool begins_later = false;  // with the next batch
};

// What a command has found out about a token.
struct Held {
  Lease* lease = nullptr;  // the hand-out is current
  bool repeated = false;   // the same verb took effect before
};

}  // namespace sluice::orchestrator
