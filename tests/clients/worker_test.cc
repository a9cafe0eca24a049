#include "clients/worker.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include "support/stream_server.h"

namespace sluice::clients {
namespace {

using test_support::StreamServer;
using namespace std::chrono_literals;

// Things that happen on other threads, waited for by name of nothing but their number.
class Count {
 public:
  void add() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  bool reaches(int wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return count_ >= wanted; });
  }
  int now() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// A handler's door: those who come wait until it is opened.
class Door {
 public:
  void open() { promise_.set_value(); }
  void pass() { future_.wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

struct Running {
  explicit Running(Worker& worker)
      : worker_(worker),
        done_(std::async(std::launch::async, [&worker] { return worker.run(); })) {}
  Status stop() {
    worker_.stop();
    return done_.get();
  }
  Status result() { return done_.get(); }
  bool ended_within(std::chrono::milliseconds wait) {
    return done_.wait_for(wait) == std::future_status::ready;
  }

 private:
  Worker& worker_;
  std::future<Status> done_;
};

Worker::Options options_for(const StreamServer& server) {
  Worker::Options options;
  options.port = server.port();
  options.name = "test";
  options.reconnect_first = 5ms;
  options.reconnect_most = 50ms;
  return options;
}

// Until the server has nothing left of the queue.
bool drained(StreamServer& server, const std::string& queue) {
  // tidy: clock: a bound on waiting for a real connection.
  const auto until = std::chrono::steady_clock::now() + 20s;
  // tidy: clock: a bound on waiting for a real connection.
  while (std::chrono::steady_clock::now() < until) {
    const auto stats = server.engine().queue(queue);
    if (stats && stats->depth() == 0) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST_CASE("a worker serves its queues and stops when told") {
  StreamServer server;
  Worker worker(options_for(server));
  Count paid, shipped;
  worker.on("pay", [&](const Task& task) {
    CHECK(task.body == R"({"order": 7})");
    CHECK(task.attempt == 1);
    CHECK(task.run.empty());
    paid.add();
    return Outcome::success(R"({"paid":true})");
  });
  worker.on("ship", [&](const Task&) {
    shipped.add();
    return Outcome::success();
  });
  Running running(worker);
  for (int n = 0; n < 50; ++n) server.send("pay", R"({"order": 7})");
  server.send("ship", "1");
  CHECK(paid.reaches(50));
  CHECK(shipped.reaches(1));
  CHECK(drained(server, "pay"));
  CHECK(running.stop());
  CHECK(server.engine().queue("pay")->acknowledged == 50);
}

TEST_CASE("no more handlers run at once than asked for") {
  StreamServer server;
  auto options = options_for(server);
  options.handlers = 3;
  Worker worker(options);
  std::atomic<int> now{0}, most{0};
  Count handled;
  worker.on(
      "pay",
      [&](const Task&) {
        const int here = ++now;
        int seen = most;
        while (here > seen && !most.compare_exchange_weak(seen, here)) {
        }
        std::this_thread::yield();
        --now;
        handled.add();
        return Outcome::success();
      },
      100);
  Running running(worker);
  for (int n = 0; n < 100; ++n) server.send("pay", "1");
  CHECK(handled.reaches(100));
  CHECK(running.stop());
  CHECK(most <= 3);
}

TEST_CASE("failures, releases and exceptions are reported as such") {
  StreamServer server;
  Worker worker(options_for(server));
  Count failed, thrown, released;
  worker.on("fail", [&](const Task&) {
    failed.add();
    return Outcome::failure("Payment.Declined", "limit");
  });
  worker.on("throw", [&](const Task&) -> Outcome {
    thrown.add();
    throw std::invalid_argument("bad card");
  });
  worker.on("release", [&](const Task& task) {
    released.add();
    return task.attempt < 3 ? Outcome::release() : Outcome::success();
  });
  Running running(worker);
  server.send("fail", "1");
  server.send("throw", "1");
  server.send("release", "1");
  // A bare queue hands out again until its deliveries are used up, then it is a dead letter.
  CHECK(failed.reaches(5));
  CHECK(thrown.reaches(5));
  CHECK(released.reaches(3));
  CHECK(drained(server, "fail"));
  CHECK(drained(server, "throw"));
  CHECK(drained(server, "release"));
  CHECK(running.stop());
  CHECK(server.engine().queue("fail")->dead == 1);
  CHECK(server.engine().queue("throw")->dead == 1);
  CHECK(server.engine().queue("release")->dead == 0);
}

TEST_CASE("a worker may be started before its server, and finds it") {
  StreamServer server;
  server.stop();
  Worker worker(options_for(server));
  Count handled, tries;
  auto options = options_for(server);
  worker.on("pay", [&](const Task&) {
    handled.add();
    return Outcome::success();
  });
  Running running(worker);
  server.start();
  server.send("pay", "1");
  CHECK(handled.reaches(1));
  CHECK(running.stop());
}

TEST_CASE("a worker whose connection is cut comes back and its work counts once") {
  orchestrator::Options engine_options;
  engine_options.session_grace = seconds(30);
  StreamServer server({}, engine_options);
  Worker worker(options_for(server));
  Count begun, done;
  Door door;
  worker.on("pay", [&](const Task&) {
    begun.add();
    door.pass();
    done.add();
    return Outcome::success();
  });
  Running running(worker);
  server.send("pay", "1");
  REQUIRE(begun.reaches(1));
  server.cut();
  door.open();  // it finishes somewhere between the loss and the return
  CHECK(done.reaches(1));
  CHECK(drained(server, "pay"));
  CHECK(begun.now() == 1);
  server.send("pay", "2");
  CHECK(done.reaches(2));
  CHECK(drained(server, "pay"));
  CHECK(running.stop());
  CHECK(begun.now() == 2);
}

TEST_CASE("work goes on over a restart of the server, and is answered after it") {
  StreamServer server;
  Worker worker(options_for(server));
  Count begun;
  Door door;
  worker.on("pay", [&](const Task&) {
    begun.add();
    door.pass();
    return Outcome::success();
  });
  Running running(worker);
  server.send("pay", "1");
  REQUIRE(begun.reaches(1));
  server.stop();
  server.start();
  door.open();
  CHECK(drained(server, "pay"));
  CHECK(begun.now() == 1);
  CHECK(running.stop());
}

TEST_CASE("many cuts while much is done lose nothing") {
  orchestrator::Options engine_options;
  engine_options.session_grace = seconds(30);
  StreamServer server({}, engine_options);
  Worker worker(options_for(server));
  std::mutex mutex;
  std::set<std::string> seen;
  Count handled;
  worker.on(
      "pay",
      [&](const Task& task) {
        const std::lock_guard lock(mutex);
        seen.insert(task.id);
        handled.add();
        return Outcome::success();
      },
      20);
  Running running(worker);
  for (int n = 0; n < 200; ++n) {
    server.send("pay", "1");
    if (n % 20 == 10) server.cut();
  }
  CHECK(drained(server, "pay"));
  CHECK(running.stop());
  CHECK(seen.size() == 200);
  CHECK(server.engine().queue("pay")->dead == 0);
}

TEST_CASE("stopping finishes what runs, gives back what does not, and takes nothing new") {
  StreamServer server;
  auto options = options_for(server);
  options.handlers = 1;
  Worker worker(options);
  Count begun;
  Door door;
  worker.on(
      "pay",
      [&](const Task&) {
        begun.add();
        door.pass();
        return Outcome::success();
      },
      5);
  Running running(worker);
  for (int n = 0; n < 8; ++n) server.send("pay", "1");
  REQUIRE(begun.reaches(1));
  worker.stop();
  CHECK(!running.ended_within(50ms));
  door.open();
  CHECK(running.result());
  CHECK(begun.now() == 1);
  const auto stats = server.engine().queue("pay");
  CHECK(stats->acknowledged == 1);
  CHECK(stats->ready == 7);
  CHECK(stats->leased == 0);
}

TEST_CASE("a worker that is told to stop while there is no server stops") {
  StreamServer server;
  server.stop();
  Worker worker(options_for(server));
  worker.on("pay", [](const Task&) { return Outcome::success(); });
  Running running(worker);
  CHECK(running.stop());
}

TEST_CASE("a drain that takes too long tells the handlers to stop") {
  StreamServer server;
  auto options = options_for(server);
  options.drain = 20ms;
  Worker worker(options);
  Count begun;
  worker.on("pay", [&](const Task& task) {
    begun.add();
    while (!task.stop_requested()) std::this_thread::yield();
    return Outcome::success();
  });
  Running running(worker);
  server.send("pay", "1");
  REQUIRE(begun.reaches(1));
  CHECK(running.stop());
  // Given back: another worker gets it.
  Worker other(options_for(server));
  Count again;
  other.on("pay", [&](const Task&) {
    again.add();
    return Outcome::success();
  });
  Running other_running(other);
  CHECK(again.reaches(1));
  CHECK(other_running.stop());
}

TEST_CASE("a handler may stop its own worker") {
  StreamServer server;
  Worker worker(options_for(server));
  worker.on("pay", [&](const Task&) {
    worker.stop();
    return Outcome::success();
  });
  Running running(worker);
  server.send("pay", "1");
  CHECK(running.result());
  CHECK(server.engine().queue("pay")->acknowledged == 1);
}

}  // namespace
}  // namespace sluice::clients
