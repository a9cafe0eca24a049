// The children of one Parallel or Map, as memory knows them: who is live, and how far it has come.
//
// The truth is in the tables `children` and `frames` (the parent's plan); a Join is read from them
// when it is first needed, and dropped when the batch that touched it is rolled back.
//
// Threads: confined to the writer thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "orchestrator/frame_row.h"
#include "orchestrator/item_source.h"
#include "orchestrator/result_files.h"
#include "orchestrator/spawn_plan.h"

namespace sluice::orchestrator {

// table children: status
enum class ChildStatus : int { live = 1, succeeded = 2, failed = 3, stopped = 4, again = 5 };

struct Join {
  std::int64_t spawn = 0;
  FrameRow parent;  // as it was when it began to wait; its documents are not kept here
  SpawnPlan plan;
  workflows::StateIndex state = workflows::no_state;
  std::unordered_map<std::int64_t, FrameId> live;  // by index
  std::vector<std::int64_t> again;                 // to be taken up again, the first at the back
  std::int64_t next = 0;                           // the index of the next child
  bool spawned_all = false;
  std::int64_t total = -1;  // items, where that is known before the end
  std::int64_t succeeded = 0, failed = 0;
  Stopping stopping;
  bool continues = false;  // the parent's row asks for a continuation
  bool in_line = false;    // a follow-up will look at it

  // Opened when needed, and closed to save memory.
  std::unique_ptr<ItemSource> source;
  std::unique_ptr<ItemBatcher> batcher;  // over the source
  std::size_t source_bytes = 0;
  Doc input;      // of the state, for ItemSelector
  Doc variables;  // of the parent
  // The results so far, of the children before `collected`.
  std::string results;
  std::int64_t collected = 0;
  std::unique_ptr<ResultFiles> files;

  std::int64_t ended() const { return succeeded + failed; }
};

}  // namespace sluice::orchestrator
