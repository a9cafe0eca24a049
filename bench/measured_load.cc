#include "bench/measured_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace {

constexpr double mib = 1 << 20;

}  // namespace

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

void say(std::string_view what) { fmt::print(stderr, "bench: {}\n", what); }

void pause_unless_failed(const Load& load, double seconds) {
  const std::int64_t end = now_us() + static_cast<std::int64_t>(seconds * 1e6);
  while (!load.failed() && now_us() < end) pause(std::min(0.05, seconds));
}

Figures measure(const Running& server, Load& load, std::string name, const Plan& plan,
                double warm_up, double seconds) {
  Figures f;
  f.name = std::move(name);
  f.in_flight = plan.in_flight;
  f.offered_per_s = plan.runs_per_second;
  f.payload_bytes = plan.payload_bytes;
  load.start();
  pause_unless_failed(load, warm_up);

  const auto metrics_before = server.metrics();
  const Usage before = server.usage();
  const double client_before = own_cpu_seconds();
  const std::int64_t finished_before = load.book().finished();
  const std::int64_t begun = now_us();
  load.book().set_measuring(true);
  pause_unless_failed(load, seconds);
  load.book().set_measuring(false);
  const std::int64_t finished = load.book().finished() - finished_before;
  f.seconds = static_cast<double>(now_us() - begun) / 1e6;
  const double client = own_cpu_seconds() - client_before;
  const Usage after = server.usage();
  auto metrics = server.metrics();
  load.stop();

  if (finished == 0) throw std::runtime_error(f.name + ": no run ended while it was measured");
  const double transitions = static_cast<double>(finished) * stage_count;
  f.workflows_per_s = static_cast<double>(finished) / f.seconds;
  f.transitions_per_s = transitions / f.seconds;
  f.p50_ms = load.book().latencies().quantile_ms(0.5);
  f.p99_ms = load.book().latencies().quantile_ms(0.99);
  f.p999_ms = load.book().latencies().quantile_ms(0.999);
  const double server_cpu = after.cpu_seconds - before.cpu_seconds;
  f.server_cpu_us = server_cpu * 1e6 / transitions;
  f.client_cpu_us = client * 1e6 / transitions;
  f.server_cores = server_cpu / f.seconds;
  f.client_cores = client / f.seconds;
  f.written_bytes = static_cast<double>(after.written_bytes - before.written_bytes) / transitions;
  f.server_resident_mib = static_cast<double>(after.resident_bytes) / mib;
  const auto since = [&](const std::string& metric) {
    return metrics[metric] - metrics_before.at(metric);
  };
  const double commits = since("sluice_commits_total");
  f.commits_per_s = commits / f.seconds;
  f.steps_per_commit = since("sluice_transitions_total") / std::max(commits, 1.0);
  say(fmt::format("  {:<22} {:>7.0f} workflows/s  p50 {:.2f} ms  p99 {:.2f} ms", f.name,
                  f.workflows_per_s, f.p50_ms, f.p99_ms));
  return f;
}

}  // namespace sluice::bench
