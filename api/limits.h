// Every bound of the HTTP side, in one place: what is full is an answer (413, 429, 431, 503), never
// a hang.
//
// The constants are the defaults and carry the relations between them; a server may be given others
// (tests use short ones), and takes the payload limit from the engine.
#pragma once

#include <cstddef>

#include "api/stream_limits.h"
#include "base/time.h"
#include "orchestrator/commands.h"

namespace sluice::api {

inline constexpr std::size_t payload_bytes_default = 1 << 20;
inline constexpr std::size_t envelope_bytes_max = 64 << 10;  // what stands around a payload
inline constexpr std::size_t batch_body_bytes_default = 16 << 20;
inline constexpr std::size_t header_bytes_default = 16 << 10;
inline constexpr std::size_t connections_default = 20'000;
inline constexpr int page_items_default = 50;
inline constexpr int page_items_max = 1'000;
inline constexpr int lease_tasks_max = 1'000;
inline constexpr std::size_t idempotency_key_max = 255;
inline constexpr int wait_seconds_max = 60;
// Requests waiting for a read connection. Each read takes at most 250 ms, so the last of a full
// line over four threads waits for about this many / 16 seconds.
inline constexpr std::size_t read_line_default = 256;

static_assert(batch_body_bytes_default >= payload_bytes_default + envelope_bytes_max,
              "a batch of one must hold what a single request can");
static_assert(page_items_default <= page_items_max);
static_assert(orchestrator::batch_items_max <= batch_body_bytes_default / 16,
              "a full batch of the smallest items must fit its body");

struct Limits {
  std::size_t payload_bytes_max = payload_bytes_default;
  std::size_t body_bytes_max = payload_bytes_default + envelope_bytes_max;
  std::size_t batch_body_bytes_max = batch_body_bytes_default;
  std::size_t header_bytes_max = header_bytes_default;
  std::size_t connections_max = connections_default;
  std::size_t read_line_max = read_line_default;
  int read_threads = 4;

  Duration header_timeout = seconds(10);   // from a request's first byte to the end of its header
  Duration body_timeout = seconds(60);     // from the end of the header to the end of the body
  Duration write_timeout = seconds(30);    // a response, plus its bytes at write_rate_min
  std::size_t write_rate_min = 64 << 10;   // bytes per second that a reader must keep up
  Duration idle_timeout = seconds(75);     // between requests
  Duration linger_timeout = seconds(2);    // after a refusal, to let the client read it
  Duration event_keepalive = seconds(15);  // a comment on a quiet event stream
  Duration drain_timeout = seconds(10);    // stop(): for the requests in flight
  Duration tick = milliseconds(250);       // how often time-outs are looked at

  StreamLimits stream{};
};

}  // namespace sluice::api
