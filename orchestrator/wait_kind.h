// What a frame may wait for. A frame that is not finished has exactly one of these, and exactly one
// row that will move it on; the names are what the API shows as `waiting_for.kind`.
#pragma once

#include <string_view>

namespace sluice::orchestrator {

enum class WaitKind : int {
  message = 1,  // a row of messages, in a queue or in a worker's hands
  delay = 2,    // a time
  gate = 3,     // the numbers of kinds that later versions bring are kept free
  lock = 4,
  capacity = 5,
  token = 6,  // success or failure by task token
  event = 7,
  http = 8,
  children = 9,
  child_run = 10,
  continuation = 11,  // the engine's own next step
  operator_ = 12,     // a person's word
};

std::string_view to_string(WaitKind kind);

}  // namespace sluice::orchestrator
