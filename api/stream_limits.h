// Every bound of the worker stream, in one place (docs/worker-stream.md, "Limits").
#pragma once

#include <cstddef>

#include "base/time.h"

namespace sluice::api {

inline constexpr int stream_version = 1;
inline constexpr int stream_credit_max = 1'000;
inline constexpr std::size_t stream_array_items_max = 1'000;
inline constexpr std::size_t stream_worker_name_bytes_max = 128;

struct StreamLimits {
  std::size_t unanswered_max = 4'096;  // requests; beyond it nothing more is read
  std::size_t queues_max = 1'000;      // subscriptions of one connection

  // What waits to be sent on one connection. Over `pause` no further tasks are asked for and
  // nothing is read; what the engine had already handed out is still buffered, up to `full`, and
  // released beyond it.
  std::size_t pause_bytes = 1 << 20;
  std::size_t full_bytes = 64 << 20;
  std::size_t packed_frame_bytes =
      64 << 10;  // messages that wait are packed into frames of about this

  Duration hello_timeout = seconds(10);
  Duration close_timeout = seconds(2);  // for the other side to answer a close
  Duration idle_timeout =
      seconds(10);  // silence after which a connection is dead; a ping at half of it
  Duration stall_timeout = seconds(10);  // something waits to be sent and nothing moves
};

}  // namespace sluice::api
