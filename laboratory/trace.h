// The path that a run took: its history, one step per state entered.
//
// Thread-safe (no shared state).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/inspect.h"
#include "workflows/workflow.h"

namespace sluice::laboratory {

struct Step {
  std::string state, type;  // "Pay", "Task"
  int depth = 0;            // how many Parallel and Map states it stands in
  FrameId frame;
  WallTime entered;
  std::optional<WallTime> left;
  Json input;
  std::optional<Json> output;
  // What happened in it, as people say it: errors, retries, what was caught and assigned.
  struct Note {
    WallTime at;
    std::string text;
  };
  std::vector<Note> notes;
};

// In the order in which they were entered.
std::vector<Step> steps_of(const std::vector<orchestrator::HistoryEvent>& history,
                           const workflows::Machine& machine);

}  // namespace sluice::laboratory
