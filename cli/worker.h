// A worker for one queue that runs a command for each task, over REST.
//
// Each of `concurrency` slots leases a task, runs the command, and completes or fails the task; one
// thread beats for all that are under way. A server that cannot be reached is waited for, with
// growing pauses. A task that the server has given to somebody else (a late heartbeat is refused)
// is stopped, with all that its command started.
//
//   Worker worker(options);
//   worker.start();
//   ... a signal ...
//   worker.stop();       // takes nothing more; what runs may finish
//   if (!worker.wait(options.grace)) worker.abandon();   // stops the commands and gives their
//   tasks back worker.wait({});
//
// Invariants:
//   - A task that was leased is completed, failed or released, unless the server cannot be reached
//   or has taken
//     it away.
//   - What the command printed reaches the server as it is where it is JSON.
//
// Threads: the functions may be called from any thread; callbacks of WorkerOptions from several at
// once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/child.h"

namespace sluice::cli {

struct WorkerOptions {
  std::string server;
  std::string queue;
  std::vector<std::string> command;
  std::string name;  // for people
  int concurrency = 1;
  std::optional<double> lease_seconds = {};  // the queue's if not given
  std::int64_t poll_seconds = 20;
  Duration kill_after = seconds(5);
  std::function<void(const std::string&)> log = {};            // a line for people
  std::function<void(std::string_view)> on_error_output = {};  // the commands' standard error
};

struct WorkerCounts {
  std::int64_t completed = 0, failed = 0, released = 0, lost = 0;
};

class Worker {
 public:
  explicit Worker(WorkerOptions options);
  ~Worker();  // stop, abandon, wait

  void start();
  void stop();
  void abandon();
  // True: every slot has ended.
  bool wait(std::optional<Duration> limit);
  // Ended by itself: the command cannot be run at all, or the server refuses the queue.
  std::optional<std::string> broken() const;
  // Called once, when the last slot has ended; set before start().
  void on_ended(std::function<void()> call);
  WorkerCounts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// How a command's end reads as a task's verb and its body's JSON text.
struct TaskAnswer {
  std::string verb;  // "complete" or "fail"
  std::string body;
};
TaskAnswer task_answer(const ChildEnd& end);

}  // namespace sluice::cli
