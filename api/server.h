// The HTTP server: REST, event streams, the worker stream, metrics, all on one port.
//
//   Server server(engine, inspector, {.host = "127.0.0.1", .port = 7070});
//   server.start();                 // returns once the port is open
//   …
//   server.stop();                  // before engine.stop()
//
// A few threads each run an event loop over their own connections; a connection is a coroutine, so
// thousands of waiting clients cost memory, not threads. What blocks runs on a small pool of its
// own (read_pool.h).
//
// Invariants:
//   - Every request is answered, or its connection is closed; a handler that fails is a 500, never
//   a dead loop.
//   - One request per connection is in flight; others wait in their order.
//   - Everything a client can fill is bounded (limits.h) and full is an answer.
//
// stop(): stops accepting; ends idle connections and waits (long polls answer with what they have,
// worker streams close with 1001); lets the requests in flight finish until drain_timeout; closes
// the rest; returns when no handler is left. It needs the engine to answer what was submitted, so
// the engine stops after it. Idempotent.
//
// Threads: thread-safe.
//
// Failure: start() throws std::runtime_error if the address cannot be listened on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/limits.h"

namespace sluice::orchestrator {
class Engine;
class Inspector;
}  // namespace sluice::orchestrator

namespace sluice::api {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7070;                  // 0: any free one
  int threads = 0;                            // 0: one for each processor, at most 8
  Limits limits;                              // payload_bytes_max is the engine's
  std::function<void(std::string_view)> log;  // a line for operators, from any thread
};

class Server {
 public:
  // `engine` and `inspector` must outlive the server.
  Server(orchestrator::Engine& engine, const orchestrator::Inspector& inspector,
         ServerOptions options);
  ~Server();  // stops

  void start();
  // REQUIRES: started.
  std::uint16_t port() const;
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::api
