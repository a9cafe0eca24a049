// A frame as it is stored: in its message's `owner`, or in the table `frames`.
//
// Format 1: a version byte, then numbers as in base/varint.h, in the order of the code in
// frame_row.cc. To change it: add format 2 beside it, keep reading 1, and write 2 only.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "orchestrator/interpreter.h"
#include "queue/queue.h"

namespace sluice::orchestrator {

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
};

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

}  // namespace sluice::orchestrator
