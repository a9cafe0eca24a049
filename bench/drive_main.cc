// Gives a load to a server that somebody else has started, and prints what it did as one line of
// JSON. bench/wide uses it wherever the state of the server matters: what stands in its database,
// that it was killed a moment ago, how many workers are connected.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <vector>

#include "bench/load.h"
#include "bench/measured_load.h"

namespace sluice::bench {
namespace {

struct Options {
  std::uint16_t port = 0;
  pid_t process = 0;
  std::string transport = "stream";
  Plan plan{.in_flight = 512};
  int connections_per_stage = 1;
  double warm_up = 1;
  double seconds = 3;
  double timeline = 0;  // seconds between two looks; 0: the figures of the whole
  double ready_within = 30;
};

std::unique_ptr<Load> make_load(const Options& o) {
  if (o.transport == "stream") return make_stream_load({o.port, o.plan, o.connections_per_stage});
  return make_rest_load({o.port, o.plan, o.transport == "batches", o.connections_per_stage});
}

Json figures(const Options& o) {
  const auto load = make_load(o);
  Figures f = measure(Running(o.port, o.process), *load, o.transport, o.plan, o.warm_up, o.seconds);
  f.transport = o.transport;
  return to_json(f);
}

// Times are those of the machine's monotonic clock, in seconds, so that who killed the server can
// take the difference.
double at(std::int64_t us) { return static_cast<double>(us) / 1e6; }

// {"ready_at", "first_delivery_at", "looks": [[when, runs that have ended so far], …]}. It begins
// to ask as soon as it is started: the server may not be there yet.
Json timeline(const Options& o) {
  const Running server(o.port, o.process);
  const std::int64_t give_up = now_us() + static_cast<std::int64_t>(o.ready_within * 1e6);
  while (!server.ready()) {
    if (now_us() > give_up) throw std::runtime_error("the server was not ready in time");
    pause(0.001);
  }
  Json told = Json::object();
  told["ready_at"] = at(now_us());
  const auto load = make_load(o);
  load->start();
  Json looks = Json::array();
  const std::int64_t end = now_us() + static_cast<std::int64_t>(o.seconds * 1e6);
  while (now_us() < end && !load->failed()) {
    pause(o.timeline);
    looks.push_back(Json::array({at(now_us()), load->book().finished()}));
  }
  told["first_delivery_at"] = at(load->book().first_delivery());
  load->stop();
  told["looks"] = std::move(looks);
  return told;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  sluice::bench::Options o;
  CLI::App app("Load on the four stages of a server that runs already; the figures as JSON");
  app.add_option("--port", o.port, "the server's port")->required();
  app.add_option("--process", o.process, "the server's process")->required();
  app.add_option("--transport", o.transport, "stream, verbs or batches")
      ->check(CLI::IsMember({"stream", "verbs", "batches"}));
  app.add_option("--in-flight", o.plan.in_flight, "runs under way")->check(CLI::Range(1, 8192));
  app.add_option("--rate", o.plan.runs_per_second, "runs a second; as many as there is room for");
  app.add_option("--payload", o.plan.payload_bytes, "bytes of a run's input and of every output")
      ->check(CLI::Range(100, 65'536));
  app.add_option("--first-slot", o.plan.first_slot, "behind the slots of a load that was killed")
      ->check(CLI::Range(0, 900'000));
  app.add_option("--connections", o.connections_per_stage, "connections per stage")
      ->check(CLI::Range(1, 1'000));
  app.add_option("--warm-up", o.warm_up, "seconds before it is measured");
  app.add_option("--seconds", o.seconds, "how long it is measured");
  app.add_option("--timeline", o.timeline,
                 "wait for the server, and look every so many seconds how many runs have ended");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto told = o.timeline > 0 ? sluice::bench::timeline(o) : sluice::bench::figures(o);
    fmt::print("{}\n", told.dump());
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "drive: {}\n", error.what());
    return 1;
  }
}
