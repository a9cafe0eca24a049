// How a live frame waits, read from its row: for the rule of moving (version_map.h).
//
// Threads: as the Reader's.
#pragma once

#include <optional>

#include "orchestrator/version_map.h"
#include "storage/storage.h"

namespace sluice::orchestrator {

struct StandingFrame {
  FrameRow row;
  Standing standing = Standing::queued;
};
// Nothing: the frame is not live.
std::optional<StandingFrame> standing_frame(storage::Reader& reader, FrameId id);

// Of the row's columns.
Standing standing_of(queue::State state, const FrameRow& row);
Standing standing_of(int wait_kind, const FrameRow& row);

}  // namespace sluice::orchestrator
