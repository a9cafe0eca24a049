// What the writer's thread does for a transition, without network, text or other threads: the
// engine in this process, the four stages of bench/server.cc, every step of a group of runs in one
// commit. Made to be run under an instruction counter:
//
//   build/release/bench/writer_path
//   valgrind --tool=callgrind build/release/bench/writer_path --runs 2000
//
// Prints CPU time (all, and of the thread without the kernel's part), calls of operator new, and
// commits per transition, and how long batches took (of few runs under way: what stalls the
// writer). A start counts as a transition, so a run has five.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <new>

#include "bench/load.h"
#include "bench/measure.h"
#include "bench/server.h"
#include "orchestrator/orchestrator.h"
#include "storage/storage.h"
#include "workflows/workflow.h"

namespace {
std::uint64_t news = 0;
}

// Counted, to see what a step allocates. SQLite's own are not among them.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++news;
  if (void* made = std::malloc(size == 0 ? 1 : size)) return made;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* gone) noexcept { std::free(gone); }
[[gnu::noinline]] void operator delete(void* gone, std::size_t) noexcept { std::free(gone); }

namespace sluice::bench {
namespace {

using namespace orchestrator;

struct Options {
  std::string directory = "build/bench-writer";
  int under_way = 256;
  int runs = 20'000;
  std::size_t payload_bytes = 200;
};

// Takes what is handed out, and holds it until the next round.
class Worker final : public Consumer {
 public:
  void deliver(std::vector<Delivery> tasks) override {
    for (auto& task : tasks) held.push_back(std::move(task.token));
  }
  void revoke(const std::string&) override {}
  std::vector<std::string> held;
};

template <class T>
void must(const Result<T>& result) {
  if (!result) throw std::runtime_error(result.error().detail);
}

double user_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec) / 1e6;
}

void deploy(Engine& engine) {
  std::string text = fmt::format(R"({{"StartAt":"{}","States":{{)", stages[0]);
  for (std::size_t n = 0; n < stage_count; ++n)
    text += fmt::format(R"({}"{}":{{"Type":"Task","Resource":"queue:{}",{}}})", n > 0 ? "," : "",
                        stages[n], stages[n],
                        n + 1 < stage_count ? fmt::format(R"("Next":"{}")", stages[n + 1])
                                            : std::string(R"("End":true)"));
  text += "}}";
  auto compiled = workflows::compile(text);
  must(compiled);
  engine.submit(DeployWorkflow{.name = std::string(workflow_name),
                               .canonical_text = workflows::canonical_text(text),
                               .machine = std::move(compiled->machine)},
                Engine::Callback<DeployWorkflow>([](const auto& done) { must(done); }));
  engine.pump();
}

int run(const Options& options) {
  std::filesystem::remove_all(options.directory);
  const auto database = storage::open_sqlite({.directory = options.directory});
  const SystemClock clock;
  Engine engine(*database, clock, {});
  deploy(engine);

  const auto worker = std::make_shared<Worker>();
  std::deque<std::string> sessions;
  for (const auto stage : stages) {
    std::string& session = sessions.emplace_back();
    engine.open_session({.worker = fmt::format("bench {}", stage), .resume = {}, .holds = {}},
                        worker, [&](Result<SessionWelcome> welcome) {
                          must(welcome);
                          session = welcome->id;
                        });
    engine.pump();
    engine.subscribe(session, std::string(stage), options.under_way,
                     [](const Status& s) { must(s); });
    engine.pump();
  }

  const std::string payload = fmt::format(R"("{:x>{}}")", "", options.payload_bytes - 2);
  int started = 0;
  const auto start = [&] {
    ++started;
    engine.submit(StartRun{.workflow = std::string(workflow_name),
                           .input = Doc::from_text(payload),
                           .name = {},
                           .version = {},
                           .priority = {},
                           .not_before = {},
                           .labels = {}},
                  Engine::Callback<StartRun>([](const auto& done) { must(done); }));
  };
  Latencies batches;
  const auto round = [&] {
    for (const auto& session : sessions) engine.touch(session);
    for (const auto& token : std::exchange(worker->held, {}))
      engine.submit(CompleteTask{token, Doc::from_text(payload)},
                    Engine::Callback<CompleteTask>([](const auto& done) { must(done); }));
    // Every run that ends makes room for another, and runs stand at all the stages.
    while (started < options.runs &&
           engine.stats().live_runs + (started - static_cast<int>(engine.stats().runs_started)) <
               options.under_way) {
      start();
      if (started < options.under_way && started % (options.under_way / 4 + 1) == 0) break;
    }
    const std::int64_t begun = now_us();
    engine.pump();
    batches.add(now_us() - begun);
  };
  for (int n = 0; n < 8; ++n) round();
  batches.clear();

  const EngineStats before = engine.stats();
  const std::uint64_t news_before = news;
  const double cpu = own_cpu_seconds(), user = user_seconds();
  while (started < options.runs || engine.stats().live_runs > 0) round();
  const EngineStats after = engine.stats();
  const double taken = own_cpu_seconds() - cpu, taken_user = user_seconds() - user;
  const auto steps = static_cast<double>(after.transitions - before.transitions);
  fmt::print(
      "{:.0f} transitions, {:.1f} a commit: {:.2f} us CPU each ({:.2f} us outside the kernel), "
      "{:.1f} calls of operator new; a batch with its checkpoint p50 {:.2f}, p99 {:.2f}, "
      "longest {:.2f} ms\n",
      steps, steps / static_cast<double>(after.commits - before.commits), taken * 1e6 / steps,
      taken_user * 1e6 / steps, static_cast<double>(news - news_before) / steps,
      batches.quantile_ms(0.5), batches.quantile_ms(0.99), batches.quantile_ms(1));
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  sluice::bench::Options options;
  CLI::App app("What the writer's thread does for a transition, without anything around it");
  app.add_option("--directory", options.directory, "where data is written; emptied first")
      ->capture_default_str();
  app.add_option("--under-way", options.under_way, "runs of a group")->check(CLI::Range(1, 900));
  app.add_option("--runs", options.runs, "runs in all");
  app.add_option("--payload", options.payload_bytes, "bytes of inputs and outputs")
      ->check(CLI::Range(2, 65'536));
  CLI11_PARSE(app, argc, argv);
  try {
    return sluice::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "writer_path: {}\n", error.what());
    return 1;
  }
}
