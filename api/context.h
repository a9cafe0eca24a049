// What every connection and every route may use: the engine, the reads, the limits, the counts.
//
// One Context per server; it outlives every connection. All of its members are thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>

#include "api/limits.h"
#include "api/stream_registry.h"
#include "base/clock.h"
#include "orchestrator/inspect.h"
#include "orchestrator/orchestrator.h"

namespace sluice::api {

class Metrics;   // api/metrics.h
class ReadPool;  // api/read_pool.h: blocking reads, off the sockets' threads

struct Context {
  orchestrator::Engine& engine;
  const orchestrator::Inspector& inspector;
  Limits limits;
  ReadPool& reads;
  Metrics& metrics;
  // For operators, a line each; any thread.
  std::function<void(std::string_view)> log;
  // How long requests take: the process's own time, whatever clock the engine is given.
  SystemClock clock{};
  // Set by stop(): no new request is taken.
  std::atomic<bool> stopping{false};
  // Shared, since the engine's callbacks may outlive the server.
  std::shared_ptr<StreamRegistry> streams = std::make_shared<StreamRegistry>();
};

}  // namespace sluice::api
