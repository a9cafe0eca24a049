// Serves the stage queue "http:invoke" inside the server: each task is one HTTP call.
//
// It is a worker like any other: a session with credit, leases that last as long as it shows signs
// of life, tasks completed or failed by token. So a crash loses no call; it is made again, with the
// same Idempotency-Key.
//
//   HttpCaller caller(engine, clock, {.allow_private = false});
//   caller.start();   // after engine.start()
//   caller.stop();    // before engine.stop(): calls in flight are broken off, their tasks released
//
// Bounded: `threads` calls at a time, twice as many tasks in hand, each answer up to the payload
// limit, each call up to its TimeoutSeconds (30).
//
// Threads: start() and stop() are the owner's; `threads` threads of its own make the calls and one
// keeps the time. Consumer calls come from the writer thread and do not block.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "orchestrator/orchestrator.h"
#include "outbound/http_call.h"

namespace sluice::outbound {

inline constexpr const char* http_queue = "http:invoke";

struct HttpCallerOptions {
  bool allow_private = false;  // also call loopback, private and link-local addresses
  int threads = 8;
};

class HttpCaller {
 public:
  // `engine` and `clock` must outlive it.
  HttpCaller(orchestrator::Engine& engine, const Clock& clock, HttpCallerOptions options);
  ~HttpCaller();
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  void start();
  void stop();  // idempotent

 private:
  struct Work {
    orchestrator::Delivery task;
    std::shared_ptr<HttpCall> call = std::make_shared<HttpCall>();
    Duration beat_at;                  // steady; of a state with HeartbeatSeconds
    std::optional<Duration> deadline;  // steady; while it is called
    bool revoked = false;
  };
  class Hands;

  void subscribe();
  void renew(const std::string& session);
  void taken(std::vector<orchestrator::Delivery> tasks);
  void revoke(const std::string& token);
  void work();
  void keep_time();
  void answer(const orchestrator::Delivery& task, workflows::Evaluated<Doc> result);

  orchestrator::Engine& engine_;
  const Clock& clock_;
  const HttpCallerOptions options_;
  std::shared_ptr<Hands> hands_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Work>> waiting_;                       // guarded by mutex_
  std::unordered_map<std::string, std::shared_ptr<Work>> in_hand_;  // by token, guarded by mutex_
  std::string session_;                                             // guarded by mutex_
  bool stopping_ = false;                                           // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sluice::outbound
