// The engine with its own thread: commands from many, deliveries to workers, and lookers-on
// meanwhile.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

namespace {

// A worker that completes what it is given, from a thread of its own.
class Worker final : public Consumer {
 public:
  explicit Worker(Engine& engine) : engine_(engine), thread_([this] { work(); }) {}
  ~Worker() override { stop(); }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    woken_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  void deliver(std::vector<Delivery> tasks) override {
    {
      const std::lock_guard lock(mutex_);
      for (auto& task : tasks) tasks_.push_back(std::move(task));
    }
    woken_.notify_one();
  }
  void revoke(const std::string&) override {}

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      woken_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      std::vector<Delivery> mine;
      mine.swap(tasks_);
      lock.unlock();
      for (const auto& task : mine)
        engine_.submit<CompleteTask>(CompleteTask{task.token, doc(task.body.text())}, nullptr);
      lock.lock();
    }
  }
  Engine& engine_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::vector<Delivery> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("many threads command, work and look on while the engine runs") {
  constexpr int starters = 3, runs_each = 100;
  ScratchDirectory directory;
  test_support::FaultVfs disk("threads", 1);
  SystemClock clock;
  const auto database = storage::open_sqlite({.directory = directory.path(), .vfs = disk.name()});
  Options options;
  Engine engine(*database, clock, options);
  const Inspector inspector(*database, engine);
  const std::string definition = stages({"Pay", "Ship"});
  engine.start();
  std::mutex mutex;
  std::condition_variable changed;
  int ready = 0, ended = 0;
  const auto count = [&](int& number) {
    const std::lock_guard lock(mutex);
    number += 1;
    changed.notify_all();
  };
  engine.submit<DeployWorkflow>(
      {"orders", workflows::canonical_text(definition), workflows::compile(definition)->machine},
      [&](Result<DeployWorkflow::Reply> r) {
        CHECK(r.has_value());
        count(ready);
      });
  std::vector<std::shared_ptr<Worker>> workers;
  std::vector<std::string> sessions(4);
  for (int i = 0; i < 4; ++i) {
    workers.push_back(std::make_shared<Worker>(engine));
    engine.open_session({.worker = "w", .resume = {}, .holds = {}}, workers.back(),
                        [&, i, worker = workers.back()](Result<SessionWelcome> r) {
                          REQUIRE(r.has_value());
                          sessions[static_cast<std::size_t>(i)] = r->id;
                          engine.subscribe(r->id, i % 2 == 0 ? "pay" : "ship", 20, [&](Status s) {
                            CHECK(s.has_value());
                            count(ready);
                          });
                        });
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ready == 5; });
  }
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < starters; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < runs_each; ++i) {
        StartRun command = World::starting("orders", "{\"n\":" + std::to_string(i) + "}");
        command.name = std::to_string(t) + "-" + std::to_string(i);
        engine.submit<StartRun>(std::move(command), [&](Result<StartRun::Reply> r) {
          if (!r) return;
          engine.watch(r->id, [&](bool over) {
            if (over) count(ended);
          });
        });
        engine.lease(
            {.queue = "elsewhere", .max = 1, .wait = milliseconds(1), .lease = {}, .worker = "l"},
            [](Result<std::vector<Delivery>>) {});
      }
    });
  std::thread looker([&] {
    while (!done) {
      (void)engine.queues();
      (void)engine.stats();
      (void)engine.queue("pay");
      (void)inspector.runs({}, 20, {});
      CHECK(inspector.check().empty());
      for (const auto& session : sessions) engine.touch(session);
    }
  });
  for (auto& thread : threads) thread.join();
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ended == starters * runs_each; });
  }
  done = true;
  looker.join();
  for (auto& worker : workers) worker->stop();
  engine.stop();
  CHECK(engine.stats().runs_succeeded == starters * runs_each);
  CHECK(engine.stats().live_runs == 0);
  CHECK(inspector.check().empty());
}

}  // namespace sluice::orchestrator::engine_test
