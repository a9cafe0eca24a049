// The program under load: one that runs already, or `sluice serve` on a fresh directory and any
// free port.
//
// Threads: not thread-safe, caller serialises.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "bench/measure.h"

namespace sluice::bench {

// The four stages, in their order; the queues have the same names.
inline constexpr std::string_view stages[] = {"order", "pay", "ship", "after-sales"};
inline constexpr std::size_t stage_count = 4;
inline constexpr std::string_view workflow_name = "bench";

// What the stage `pay` is limited by: text of its definition.
struct Limits {
  std::string state = {};   // fields of the state, each with a comma in front
  std::string queues = {};  // the definition's Queues
};

// A server that somebody has started.
class Running {
 public:
  Running(std::uint16_t port, pid_t process) : port_(port), process_(process) {}

  std::uint16_t port() const { return port_; }
  pid_t process() const { return process_; }
  Usage usage() const { return usage_of(process_); }
  // The values of /metrics that have no label.
  std::map<std::string, double> metrics() const;
  // Whether it takes commands (GET /readyz).
  bool ready() const;
  // The four stages, as a workflow. Throws std::runtime_error with what the server said.
  void deploy(const Limits& limits = {}) const;

 protected:
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

class Server : public Running {
 public:
  // Starts it and deploys the workflow. Throws std::runtime_error with what the server said. The
  // directory is made anew, and removed at the end.
  Server(const std::string& program, const std::string& directory, const Limits& limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  void end();

  const std::string directory_;
};

}  // namespace sluice::bench
