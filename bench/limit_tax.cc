#include "bench/limit_tax.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "bench/load.h"
#include "bench/measured_load.h"
#include "bench/server.h"

namespace sluice::bench {
namespace {

constexpr int rounds = 3;
constexpr std::size_t payload_bytes = 200;

struct Case {
  std::string name;
  Limits limits;
  std::vector<double> rates{};
  double server_cpu_us = 0;  // per transition, the last round's
};

// Wide enough to hold nothing back: what is measured is the cost of looking.
const std::string lock = R"(,"Lock":{"Name.$":"$.order_number"})";
const std::string gate =
    R"(,"Gate":{"Counter":"open","Below":1000000},"Counters":[{"Name":"open","On":"Enter","Add":1},)"
    R"({"Name":"open","On":"Exit","Add":-1}])";
const std::string key = R"(,"OrderKey.$":"$.order_number")";
const std::string rate = R"("RatePerSecond":1000000,"Burst":1000000)";
const std::string concurrency = R"("Concurrency":100000)";

std::string pay(const std::string& settings) { return R"({"pay":{)" + settings + "}}"; }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Figures full_load(const std::string& program, const std::string& directory, const Limits& limits,
                  const std::string& name, int in_flight, double seconds) {
  const Server server(program, directory, limits);
  const Plan plan{in_flight, 0, payload_bytes};
  const auto load = make_stream_load({server.port(), plan, 1});
  return measure(server, *load, name, plan, 1, seconds);
}

}  // namespace

void measure_limit_tax(const std::string& program, const std::string& directory, int in_flight,
                       double seconds) {
  std::vector<Case> cases{{"none", {}},
                          {"lock", {lock, ""}},
                          {"gate and its counter", {gate, ""}},
                          {"rate", {"", pay(rate)}},
                          {"concurrency", {"", pay(concurrency)}},
                          {"order key", {key, ""}},
                          {"all of them", {lock + gate + key, pay(rate + "," + concurrency)}}};
  for (int round = 0; round < rounds; ++round)
    for (Case& c : cases) {
      const Figures f = full_load(program, directory, c.limits, c.name, in_flight, seconds);
      c.rates.push_back(f.workflows_per_s);
      c.server_cpu_us = f.server_cpu_us;
    }
  const double none = median(cases[0].rates);
  fmt::print(
      "\n| at the stage `pay` | workflows/s | of none | server µs/tr |\n"
      "| --- | ---: | ---: | ---: |\n");
  for (const Case& c : cases)
    fmt::print("| {} | {:.0f} | {:.0f} % | {:.1f} |\n", c.name, median(c.rates),
               100 * median(c.rates) / none, c.server_cpu_us);
  fmt::print(
      "\n| runs that contend for one lock | workflows/s | grants a commit | p50 ms | of a turn, ms "
      "|\n"
      "| ---: | ---: | ---: | ---: | ---: |\n");
  for (const int contending : {10, 100, 1'000, 10'000}) {
    const Figures f = full_load(program, directory, {R"(,"Lock":{"Name":"till"})", ""},
                                fmt::format("{} contend", contending), contending, seconds);
    fmt::print("| {} | {:.0f} | {:.2f} | {:.1f} | {:.3f} |\n", contending, f.workflows_per_s,
               f.workflows_per_s / f.commits_per_s, f.p50_ms, 1000 / f.workflows_per_s);
  }
}

}  // namespace sluice::bench
