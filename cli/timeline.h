// A run's history, one line per event, as `show` and `watch` print it.
//
// Thread-safe (no shared state).
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "cli/output.h"

namespace sluice::cli {

// "   +1.204 s  TaskSucceeded         Pay   {"paid":true}"; `start` is the first event's time. No
// line break.
std::string timeline_line(const Terminal& terminal, const Json& event,
                          std::optional<WallTime> start, bool full);

// "Pay: ready in queue pay, 3 ahead of it (since 4 s ago)" for one of a run's waiting_for.
std::string waiting_line(const Terminal& terminal, const Json& waiting);

}  // namespace sluice::cli
