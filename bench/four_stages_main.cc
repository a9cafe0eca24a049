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

#include "bench/bare.h"
#include "bench/limit_tax.h"
#include "bench/load.h"
#include "bench/machine.h"
#include "bench/measured_load.h"
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
    if (options_.only == "limits")
      measure_limit_tax(options_.server, data(), options_.in_flight > 0 ? options_.in_flight : 512,
                        seconds_);
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
  app.add_option("--only", options.only,
                 "one part, without a report: bare, stream, rest, large, limits")
      ->check(CLI::IsMember({"bare", "stream", "rest", "large", "limits"}));
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
