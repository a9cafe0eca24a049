// A load on the four stages: starts runs and plays the workers of every stage, from outside.
//
// It runs on a thread of its own, so that what it uses can be told from the rest. A worker answers
// each task at once with a payload of the same size.
//
// Threads: start() and stop() from the thread that made it. Failure: what goes wrong on the load's
// thread (a refused verb, a closed connection) is thrown by stop().
#pragma once

#include <cstdint>
#include <memory>

#include "bench/book.h"

namespace sluice::bench {

class Load {
 public:
  virtual ~Load() = default;
  virtual Book& book() = 0;
  virtual void start() = 0;
  // Lets the runs under way end, says goodbye, ends the thread.
  virtual void stop() = 0;
  // It has failed: stop() will say how.
  virtual bool failed() const = 0;
};

struct StreamOptions {
  std::uint16_t port = 0;
  Plan plan;
  int connections_per_stage = 1;
};
// Over the worker stream: one connection starts runs, the others are workers.
std::unique_ptr<Load> make_stream_load(const StreamOptions& options);

struct RestOptions {
  std::uint16_t port = 0;
  Plan plan;
  bool batches = true;            // runs:batch, lease with max, tasks:batch with lease
  int connections_per_stage = 1;  // and as many that start
};
std::unique_ptr<Load> make_rest_load(const RestOptions& options);

}  // namespace sluice::bench
