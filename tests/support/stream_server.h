// A server that speaks only the worker stream, on a free port of this machine, over a real engine
// and a real database: what the stream's tests and the client library's talk to.
//
// Threads: start(), stop() and kill() belong to the test's thread; the server has one of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "api/stream_limits.h"
#include "base/clock.h"
#include "orchestrator/orchestrator.h"
#include "storage/storage.h"
#include "support/scratch_directory.h"

namespace sluice::test_support {

class StreamServer {
 public:
  explicit StreamServer(api::StreamLimits limits = {}, orchestrator::Options options = {});
  ~StreamServer();

  void start();  // again on the same port and the same data after a stop
  void stop();   // connections are told to go and waited for, then the engine stops
  void cut();    // every connection is cut without a word; the server goes on

  std::uint16_t port() const { return port_; }
  orchestrator::Engine& engine() { return *engine_; }
  std::size_t connections() const;
  void send(const std::string& queue, const std::string& body);

 private:
  struct Sockets;
  ScratchDirectory directory_;
  SystemClock clock_;
  api::StreamLimits limits_;
  orchestrator::Options options_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<orchestrator::Engine> engine_;
  std::unique_ptr<Sockets> sockets_;
  std::uint16_t port_ = 0;
};

}  // namespace sluice::test_support
