// What is taken down while a load runs: latencies, and what the processes have used so far.
//
// Threads: Latencies is not thread-safe, caller serialises; the functions are thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

// Monotonic, in microseconds.
std::int64_t now_us();

class Latencies {
 public:
  void add(std::int64_t us) { us_.push_back(us); }
  void clear() { us_.clear(); }
  std::size_t size() const { return us_.size(); }
  // The smallest value that at least `share` of all are not above, in milliseconds; 0 if there is
  // none. Exact: every value is kept.
  double quantile_ms(double share);

 private:
  std::vector<std::int64_t> us_;
  std::size_t sorted_ = 0;
};

struct Usage {
  double cpu_seconds = 0;  // user and system, every thread
  std::int64_t written_bytes = 0;
  std::int64_t resident_bytes = 0;
};

// From /proc. Throws std::runtime_error if the process is gone.
Usage usage_of(pid_t process);

// Of this process, every thread.
double own_cpu_seconds();

}  // namespace sluice::bench
