// What a frame spawns, as its row keeps it: enough to go on after a restart.
//
// Format 1: a version byte, then numbers as in base/varint.h, in the order of the code in
// spawn_plan.cc. To change it: add format 2 beside it, keep reading 1, and write 2 only.
//
// Threads: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/interpreter.h"

namespace sluice::orchestrator {

struct SpawnPlan {
  bool items = false;  // a Map's items; else a Parallel's branches
  DocRef input;        // of the state, after its selection
  DocRef list;         // the items, where no reader has them
  DocRef reader, batch_input, writer;
  std::int64_t items_max = 0, concurrency_max = 0, tolerated_count = 0;
  double tolerated_percentage = 0;
  std::int64_t batch_items_max = 0, batch_bytes_max = 0;
};

// The documents must have been stored: their references are kept.
SpawnPlan plan_of(const SpawnBranches& spawn);
SpawnPlan plan_of(const SpawnItems& spawn);

std::string encode(const SpawnPlan& plan);
// Throws storage::StorageError (corrupt) for bytes that encode() did not make.
SpawnPlan decode_plan(FrameId frame, std::string_view bytes);

}  // namespace sluice::orchestrator
