// What the command knows of its own process: terminal, environment, signals.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "cli/output.h"

namespace sluice::cli {

Terminal terminal_of(int file_descriptor);
std::map<std::string, std::string> environment_of_process();
std::string host_name();

// Takes SIGINT and SIGTERM out of their usual way and hands them to wait(). The calling thread, and
// every thread it starts afterwards, has them blocked. After the first one was taken,
// give_up_on_next() makes a second end the process at once with 128 + its number.
//
// One per process. Confined to the thread that made it; notify() from any thread.
class Signals {
 public:
  Signals();
  ~Signals();  // unblocks them
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The signal's number; nothing after notify(), or when `limit` is over.
  std::optional<int> wait(std::optional<Duration> limit = {});
  void notify();
  void give_up_on_next();

 private:
  int signal_fd_ = -1;
  int event_fd_ = -1;
};

// "KILL", "TERM", …; the number if it has no name.
std::string signal_name(int number);

}  // namespace sluice::cli
