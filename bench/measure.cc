#include "bench/measure.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sluice::bench {
namespace {

std::string read_proc(pid_t process, std::string_view name) {
  const std::string path = fmt::format("/proc/{}/{}", process, name);
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (text.str().empty())
    throw std::runtime_error(path + ": expected text, found none; has the server ended?");
  return text.str();
}

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

}  // namespace

std::int64_t now_us() {
  // tidy: clock: a load generator measures real time.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

double Latencies::quantile_ms(double share) {
  if (us_.empty()) return 0;
  if (sorted_ != us_.size()) {
    std::sort(us_.begin(), us_.end());
    sorted_ = us_.size();
  }
  const auto count = static_cast<double>(us_.size());
  const auto place = static_cast<std::size_t>(std::max(1.0, std::ceil(share * count))) - 1;
  return static_cast<double>(us_[std::min(place, us_.size() - 1)]) / 1e3;
}

Usage usage_of(pid_t process) {
  Usage usage;
  // The program's name, in parentheses, may hold anything; the numbers begin behind it.
  const std::string stat = read_proc(process, "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int n = 0; n < 11; ++n) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  usage.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));

  const std::string io = read_proc(process, "io");
  if (const auto at = io.find("\nwrite_bytes: "); at != std::string::npos)
    usage.written_bytes = std::stoll(io.substr(at + 14));

  std::int64_t pages = 0;
  std::istringstream(read_proc(process, "statm")) >> skipped >> pages;
  usage.resident_bytes = pages * sysconf(_SC_PAGESIZE);
  return usage;
}

double own_cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace sluice::bench
