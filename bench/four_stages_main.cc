// Starts the server, gives it the four stages' load in its several forms, measures the machine's
// bare limits beside it, prints the tables and writes them as JSON. bench/README.md says what the
// figures mean.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/bare.h"
#include "bench/load.h"
#include "bench/machine.h"
#include "bench/report.h"
#include "bench/server.h"

namespace sluice::bench {
namespace {

struct Options {
  std::string server = "build/sluice";
  std::string directory = "build/bench-data";
  std::string json = "build/bench.json";
  std::string render;
  std::string only;
  bool quick = false;
  int in_flight = 0;  // 0: by ramp
  int connections_per_stage = 1;
  std::size_t payload_bytes = 200;
  double seconds = 0;  // 0: by quick
};

constexpr std::size_t large_payload_bytes = 16 << 10;
constexpr double mib = 1 << 20;

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

void say(std::string_view what) { fmt::print(stderr, "bench: {}\n", what); }

// A load that has failed ends the measurement: stop() says why.
void pause_unless_failed(const Load& load, double seconds) {
  const std::int64_t end = now_us() + static_cast<std::int64_t>(seconds * 1e6);
  while (!load.failed() && now_us() < end) pause(std::min(0.05, seconds));
}

Figures measure(const Server& server, Load& load, std::string name, const Plan& plan,
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

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)) {
    seconds_ = options_.seconds > 0 ? options_.seconds : options_.quick ? 3 : 8;
    warm_up_ = options_.quick ? 1 : 2;
  }

  Result run() {
    std::filesystem::create_directories(options_.directory);
    result_.machine = describe_machine(options_.directory);
    if (wanted("bare")) bare();
    if (wanted("stream")) stream();
    if (wanted("rest")) rest();
    if (wanted("large") && !options_.quick) large();
    if (wanted("bare")) {
      result_.bare.overwrite_after =
          measure_overwrite(options_.directory, options_.quick ? 0.6 : 2);
      if (!options_.only.empty()) show_bare();
    }
    std::error_code ignored;
    std::filesystem::remove_all(options_.directory, ignored);
    return std::move(result_);
  }

 private:
  bool wanted(std::string_view part) const {
    return options_.only.empty() || options_.only == part;
  }

  std::string data() const { return options_.directory + "/data"; }

  Figures stream_load(const Server& server, std::string name, const Plan& plan, double warm_up,
                      double seconds) const {
    const auto load = make_stream_load({server.port(), plan, options_.connections_per_stage});
    Figures f = measure(server, *load, std::move(name), plan, warm_up, seconds);
    f.transport = "stream";
    return f;
  }

  Figures rest_load(const Server& server, std::string name, const RestOptions& how) const {
    const auto load = make_rest_load(how);
    Figures f = measure(server, *load, std::move(name), how.plan, warm_up_, seconds_);
    f.transport = "REST";
    return f;
  }

  void bare() {
    say("the machine's bare limits");
    const double each = options_.quick ? 0.6 : 2;
    auto& bare = result_.bare;
    bare.append = measure_append(options_.directory, each);
    bare.overwrite = measure_overwrite(options_.directory, each);
    bare.echo = measure_echo(300, 2 * each);
    for (const int steps : {1, 16, 64, 256, 512})
      bare.sqlite.push_back(measure_sqlite(data(), steps, options_.payload_bytes, 2 * each));
  }

  void show_bare() const {
    const auto& bare = result_.bare;
    say(fmt::format("  fdatasync: append {:.0f}/s, overwrite {:.0f}/s, after all {:.0f}/s",
                    bare.append.per_second, bare.overwrite.per_second,
                    bare.overwrite_after.per_second));
    say(fmt::format("  echo: {:.0f}/s alone, {:.0f}/s packed", bare.echo.alone_per_second,
                    bare.echo.packed_per_second));
    for (const auto& rate : bare.sqlite)
      say(fmt::format("  SQLite at {} steps/commit: {:.0f} runs/s", rate.steps_per_commit,
                      rate.runs_per_second));
  }

  // The number under way that gives the most: doubled until it gives no more.
  int ramp(const Server& server) {
    if (options_.in_flight > 0) return options_.in_flight;
    int best = 0;
    double most = 0;
    for (const int in_flight : {128, 256, 512, 1024, 2048}) {
      const Figures f = stream_load(server, fmt::format("ramp, {} under way", in_flight),
                                    {in_flight, 0, options_.payload_bytes},
                                    options_.quick ? 0.3 : 1, options_.quick ? 0.7 : 2);
      if (f.workflows_per_s > most * 1.02) {
        most = f.workflows_per_s;
        best = in_flight;
      }
    }
    return best;
  }

  void stream() {
    say("worker stream");
    const Server server(options_.server, data());
    pause(0.5);
    result_.idle_resident_mib = static_cast<double>(server.usage().resident_bytes) / mib;
    const std::size_t bytes = options_.payload_bytes;
    add(stream_load(server, "stream alone", {1, 0, bytes}, warm_up_ / 2, seconds_));
    full_in_flight_ = ramp(server);
    const Figures full =
        stream_load(server, "stream full", {full_in_flight_, 0, bytes}, warm_up_, seconds_);
    add(stream_load(server, "stream half", {4096, full.workflows_per_s / 2, bytes}, warm_up_,
                    seconds_));
    add(full);
  }

  void rest() {
    say("REST");
    const Server server(options_.server, data());
    const std::size_t bytes = options_.payload_bytes;
    add(rest_load(server, "REST verbs alone", {server.port(), {1, 0, bytes}, false, 1}));
    if (!options_.quick)
      add(rest_load(server, "REST verbs full", {server.port(), {64, 0, bytes}, false, 16}));
    const int in_flight = full_in_flight_ > 0 ? full_in_flight_ : 1024;
    add(rest_load(server, "REST batches full", {server.port(), {in_flight, 0, bytes}, true, 1}));
  }

  void large() {
    say("payloads of 16 KiB over the worker stream");
    const Server server(options_.server, data());
    add(stream_load(server, "16 KiB alone", {1, 0, large_payload_bytes}, warm_up_ / 2,
                    seconds_ / 2));
    add(stream_load(server, "16 KiB full", {256, 0, large_payload_bytes}, warm_up_, seconds_));
  }

  void add(Figures f) { result_.loads.push_back(std::move(f)); }

  const Options options_;
  double seconds_ = 0;
  double warm_up_ = 0;
  int full_in_flight_ = 0;
  Result result_;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error(fmt::format("cannot read {}", path));
  return text.str();
}

int run(const Options& options) {
  if (!options.render.empty()) {
    const auto report = parse_json(read_file(options.render));
    if (!report) throw std::runtime_error(options.render + ": " + report.error().detail);
    fmt::print("{}", render(*report));
    return 0;
  }
  const Result result = Bench(options).run();
  // A part by itself has nothing to be compared with, and must not pass for the whole.
  if (!options.only.empty()) return 0;
  const Json report = to_json(result);
  fmt::print("{}", render(report));
  std::ofstream file(options.json);
  file << report.dump(2) << "\n";
  if (!file.flush()) throw std::runtime_error(fmt::format("cannot write {}", options.json));
  say("figures in " + options.json);
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  sluice::bench::Options options;
  CLI::App app("Load on the four stages order, pay, ship, after-sales, from outside the server");
  app.add_option("--server", options.server, "the program under load")->capture_default_str();
  app.add_option("--directory", options.directory, "where data is written; emptied afterwards")
      ->capture_default_str();
  app.add_option("--json", options.json, "the report")->capture_default_str();
  app.add_option("--render", options.render, "only print the tables of this report");
  app.add_option("--only", options.only, "one part, without a report: bare, stream, rest, large")
      ->check(CLI::IsMember({"bare", "stream", "rest", "large"}));
  app.add_flag("--quick", options.quick, "under 45 seconds");
  app.add_option("--in-flight", options.in_flight, "runs under way at full load; by ramp if absent")
      ->check(CLI::Range(1, 4096));
  app.add_option("--connections", options.connections_per_stage, "stream connections per stage")
      ->check(CLI::Range(1, 64));
  app.add_option("--payload", options.payload_bytes, "bytes of a run's input and of every output")
      ->check(CLI::Range(100, 65'536));
  app.add_option("--seconds", options.seconds, "how long each load is measured");
  CLI11_PARSE(app, argc, argv);
  try {
    return sluice::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 1;
  }
}
