// Where the walk over what is too old stands. It begins anew from time to time; nothing of it is
// stored, since beginning anew is always right.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace sluice::orchestrator {

struct RetentionWalk {
  enum class Part : std::int64_t { resting, dropped, runs, letters, audit, pages };
  std::int64_t part = 0;      // a Part; a number so that it can be saved for a rollback
  std::int64_t after = 0;     // runs, letters: the last one that was looked at
  std::int64_t examined = 0;  // rows looked at since it began
  std::int64_t next_us = 0;   // resting: engine time at which it begins
};

}  // namespace sluice::orchestrator
