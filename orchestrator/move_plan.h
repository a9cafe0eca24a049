// What a move of a workflow's live runs to another version would do, said before anything changes.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"

namespace sluice::orchestrator {

// Live runs of one version that stand at one state and fare alike.
struct MoveGroup {
  std::int64_t version = 0;
  std::string state;      // of the root frame; "": the run has not begun
  bool restarts = false;  // the state, or one below it, begins its work again
  std::string refusal;    // "": they can move
  std::int64_t runs = 0;
  RunId example;  // the oldest
};

struct MovePlan {
  std::int64_t version = 0;   // to which: the next, or the one that has the same text
  bool deployed = false;      // it is there already
  std::int64_t live = 0;      // runs of the workflow that were looked at
  std::int64_t there = 0;     // on that version already
  std::int64_t can_move = 0;  // the others: of these,
  std::int64_t restarts = 0;  // this many begin work again;
  std::int64_t cannot_move = 0;
  bool complete = true;  // false: there are more live frames than one answer looks at
  // The first hundred, those that cannot move first, then the largest.
  std::vector<MoveGroup> groups;
};

}  // namespace sluice::orchestrator
