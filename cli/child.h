// One run of a command for one task: input on its standard input, what it says collected.
//
// The command gets a process group of its own, so that stop() reaches everything it started, and a
// Ctrl-C on the terminal reaches only the worker. What is read from it is bounded; what goes beyond
// is read and dropped, so that the command does not hang on a full pipe.
//
// Threads: run() is called once, by one thread; stop() by any, at any time.
//
// Failure: the constructor throws std::system_error if the command cannot be started.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace sluice::cli {

struct ChildOptions {
  std::vector<std::string> command;                                   // looked for in PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // besides the worker's own
  std::size_t output_bytes_max = 1 << 20;
  std::size_t error_tail_bytes_max = 4'096;
  Duration kill_after = seconds(5);                            // from stop()'s SIGTERM to SIGKILL
  std::function<void(std::string_view)> on_error_output = {};  // standard error as it comes
};

struct ChildEnd {
  int exit_code = 0;  // of no meaning if `signal` is set
  std::optional<int> signal;
  std::string output;
  bool output_too_large = false;
  std::string error_tail;  // the end of standard error
  bool stopped = false;    // by stop()
};

class Child {
 public:
  explicit Child(ChildOptions options);
  ~Child();  // kills what is left of the process group if run() was not called
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Returns when the command has ended, even if something it started in the background holds its
  // output open.
  ChildEnd run(std::string_view input);
  // SIGTERM to the process group now, SIGKILL after kill_after. Idempotent.
  void stop();

 private:
  void feed(std::string_view& input);
  bool take(int fd, std::string& into, bool is_output, ChildEnd& end);

  ChildOptions options_;
  int pid_ = -1;
  int pid_fd_ = -1;
  int input_fd_ = -1, output_fd_ = -1, error_fd_ = -1, stop_fd_ = -1;
  std::atomic<bool> stop_asked_ = false;
};

}  // namespace sluice::cli
