// A worker: handlers for queues, run by a bounded pool of threads.
//
//   sluice::clients::Worker worker({.name = "pay-1"});
//   worker.on("pay", [](const sluice::clients::Task& task) {
//     return sluice::clients::Outcome::success(charge(task.body));
//   });
//   return worker.run() ? 0 : 1;
//
// It keeps one connection to the server's worker stream (docs/worker-stream.md), takes as many
// tasks as its credit allows, answers each with what its handler returns, and reconnects by itself.
//
// Guarantees:
//   - At most `handlers` handlers run at once, each on a thread of the pool.
//   - A task that the server has handed out is answered exactly as its handler said, or is known to
//   be lost.
//     An answer is sent again after a reconnect until the server has answered it; the token makes
//     that harmless.
//   - A handler may run twice for one piece of work: when a lease was lost, the task is handed out
//   again.
//     Make effects outside idempotent with Task::idempotency_key.
//   - A live worker keeps its leases however long a handler takes; tasks that ask for heartbeats
//   get them.
//   - After stop() nothing new is started; what runs is finished and answered; what had not been
//   started is
//     given back at once.
//
// Threads: on() before run(); stop() from any thread, also from a handler (not from a signal
// handler: set `stop_on_signals`); handlers run concurrently and must be thread-safe among
// themselves.
//
// Failure: a lost connection is never an error; the worker tries again, with growing random pauses,
// for as long as it runs. What an exception leaves of a handler is a failure named after the
// exception's type.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace sluice::clients {

struct Task {
  std::string token;
  std::string id;
  std::string queue;
  std::string body;          // JSON
  std::string headers;       // a JSON object of text
  std::int64_t attempt = 1;  // hand-outs of this work, this one included
  std::string run;           // empty for a message that belongs to no run, as are the next two
  std::string state;
  std::string workflow;
  std::string idempotency_key;  // the same for every attempt of this work

  // The task was cancelled or lost: whatever the handler returns has no effect, so it may return
  // early. Cheap; ask often in long work.
  bool stop_requested() const { return stop && *stop; }

  std::shared_ptr<const std::atomic<bool>> stop;
};

// What became of a task.
struct Outcome {
  enum class Kind { success, failure, release };

  // `output` is JSON. What is not JSON, or larger than the server takes, is reported as the failure
  // Worker.OutputNotJson or Worker.OutputTooLarge.
  static Outcome success(std::string output = "null");
  // `error` is a name that the workflow's Retry and Catch can match, such as Payment.Declined;
  // names that begin with States. or Sluice. are the server's.
  static Outcome failure(std::string error, std::string cause = {});
  // Given back, to be handed out again after the delay; no failure.
  static Outcome release(std::chrono::milliseconds delay = {});

  Kind kind = Kind::success;
  std::string output;
  std::string error;
  std::string cause;
  std::chrono::milliseconds delay{};
};

// May throw: the exception's type becomes the failure's name, what() its cause.
using Handler = std::function<Outcome(const Task&)>;

class Worker {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7070;
    std::string name{};                       // for people; default: host name and process
    std::string authorization{};              // sent as the Authorization header if not empty
    int handlers = 4;                         // at once, over all queues
    bool stop_on_signals = false;             // SIGINT and SIGTERM call stop() while run() runs
    std::chrono::milliseconds drain{30'000};  // stop(): for handlers to finish and be answered
    std::chrono::milliseconds reconnect_first{
        100};  // the first retry is at once; then this, doubled …
    std::chrono::milliseconds reconnect_most{5'000};  // … up to this, each times a random 0 to 1
    std::function<void(const std::string&)> log{};    // a line for operators; from any thread
  };

  explicit Worker(Options options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // `credit`: tasks of this queue in this worker's hands at once; 0: half as many again as
  // handlers, so that the next task is here before a handler is free. REQUIRES: not running; 0 <=
  // credit <= 1000.
  void on(std::string queue, Handler handler, int credit = 0);

  // Serves until stop(), then drains: returns when every handler has returned and was answered, or
  // after `drain` (handlers that still run are then told to stop and waited for; their tasks are
  // given back). An error where going on makes no sense: another connection took the session over,
  // or the server does not speak this protocol. Once per worker.
  Status run();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::clients
