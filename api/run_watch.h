// Waiting for what happens to one run: changes, the client's hang-up, the server's stop, or the
// time.
//
// Confined to the connection's thread; the engine's callback posts to it, at most once until it is
// seen.
#pragma once

#include <memory>

#include "api/http.h"

namespace sluice::api {

class RunWatch {
 public:
  enum class Change { run, time, interrupted };

  // Watches from here on. `call` must outlive this.
  RunWatch(Call& call, RunId run);
  ~RunWatch();
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  // From now on; a wait that is under way keeps its own.
  void set_limit(Duration limit);
  // Until the run has changed since the last call (or since the watch began), or something else
  // ends the wait. REQUIRES: set_limit() was called.
  asio::awaitable<Change> changed();
  // As the last change that was seen said.
  bool ended() const;

 private:
  struct State;
  Call& call_;
  std::shared_ptr<State> state_;  // shared with the engine's callback
  orchestrator::WatchId id_ = 0;
};

}  // namespace sluice::api
