#include <doctest/doctest.h>

#include <future>

#include "cli/worker.h"
#include "command_runner.h"

namespace sluice::cli {
namespace {

// A server with tasks to give; leases beyond them wait until the server goes.
class TaskServer {
 public:
  explicit TaskServer(const std::vector<std::string>& tasks) {
    for (const auto& task : tasks)
      server.on("POST /v1/queues/pay/lease", 200, R"({"tasks":[)" + task + "]}");
    server.on("POST /v1/queues/pay/lease",
              [this](const httplib::Request&, httplib::Response& response) {
                waiting.set_value();
                gone.get_future().wait();
                response.set_content(R"({"tasks":[]})", "application/json");
              });
    // A worker that hangs up may ask no second time, but a heartbeat's connection is its own.
    server.on("POST /v1/queues/pay/lease", 200, R"({"tasks":[]})");
  }
  ~TaskServer() { gone.set_value(); }

  WorkerOptions options(const std::string& script) const {
    return {.server = server.url(),
            .queue = "pay",
            .command = {"/bin/sh", "-c", script},
            .name = "w",
            .kill_after = milliseconds(50)};
  }
  // Runs until the worker has asked for more than there is.
  WorkerCounts run(const std::string& script) {
    Worker worker(options(script));
    worker.start();
    waiting.get_future().wait();
    worker.stop();
    CHECK(worker.wait(seconds(20)));
    CHECK_FALSE(worker.broken().has_value());
    return worker.counts();
  }

  std::promise<void> waiting, gone;  // before the server, whose threads end with it and use them
  PlayedServer server;
};

const char* const task =
    R"({"token":"t1","id":"m1","queue":"pay","body":{"id": 1.10},"headers":{"h":"1"},"attempt":2,
    "lease_until":"2026-01-31T10:00:30Z","run":"r1","workflow":"orders","state":"Pay","idempotency_key":"k1","new":"member"})";

}  // namespace

TEST_CASE(
    "a worker leases a task, runs the command with the body as it was sent, and completes it") {
  TaskServer tasks({task});
  tasks.server.on("POST /v1/tasks/t1/complete", 200, "{}");
  CHECK(tasks.run("cat").completed == 1);
  CHECK(tasks.server.bodies("POST /v1/tasks/t1/complete") ==
        std::vector<std::string>{R"({"output":{"id": 1.10}})"});
  const Json asked = *parse_json(tasks.server.bodies("POST /v1/queues/pay/lease")[0]);
  CHECK(asked == *parse_json(R"({"max":1,"wait":20,"worker":"w"})"));
}

TEST_CASE("the command knows its run, state, attempt and idempotency key") {
  TaskServer tasks({task});
  tasks.server.on("POST /v1/tasks/t1/complete", 200, "{}");
  tasks.run(
      "echo $SLUICE_TASK $SLUICE_QUEUE $SLUICE_RUN $SLUICE_WORKFLOW $SLUICE_STATE $SLUICE_ATTEMPT "
      "$SLUICE_IDEMPOTENCY_KEY $SLUICE_HEADERS");
  CHECK(tasks.server.bodies("POST /v1/tasks/t1/complete")[0] ==
        R"({"output":"m1 pay r1 orders Pay 2 k1 {\"h\":\"1\"}"})");
}

TEST_CASE("a command that fails fails the task, and the worker goes on") {
  std::string second = task;
  second.replace(second.find("t1"), 2, "t2");
  TaskServer tasks({task, second});
  tasks.server.on("POST /v1/tasks/t1/fail", 200, "{}").on("POST /v1/tasks/t2/fail", 200, "{}");
  CHECK(tasks.run("echo no money >&2; exit 3").failed == 2);
  CHECK(tasks.server.bodies("POST /v1/tasks/t1/fail")[0] ==
        R"({"error":"Exit.3","cause":"no money"})");
}

TEST_CASE("a completion that another worker's was faster than is told and dropped") {
  TaskServer tasks({task});
  tasks.server.on("POST /v1/tasks/t1/complete", 409,
                  R"({"code":"stale_token","detail":"the token is no longer the holder's"})");
  const WorkerCounts counts = tasks.run("true");
  CHECK(counts.completed == 0);
  CHECK(counts.lost == 1);
}

TEST_CASE("an output that the server refuses is a failure with its reason") {
  TaskServer tasks({task});
  tasks.server.on("POST /v1/tasks/t1/complete", 413, R"({"detail":"too large"})")
      .on("POST /v1/tasks/t1/fail", 200, "{}");
  CHECK(tasks.run("true").failed == 1);
  CHECK(contains(tasks.server.bodies("POST /v1/tasks/t1/fail")[0],
                 R"("error":"Worker.OutputRefused","cause":"too large")"));
}

TEST_CASE("a completion is repeated until the server has taken it") {
  TaskServer tasks({task});
  tasks.server.on("POST /v1/tasks/t1/complete", 500, R"({"detail":"disk"})")
      .on("POST /v1/tasks/t1/complete", 200, "{}");
  CHECK(tasks.run("true").completed == 1);
  CHECK(tasks.server.bodies("POST /v1/tasks/t1/complete").size() == 2);
}

TEST_CASE("a task that was taken away has its command stopped and is not answered") {
  TaskServer tasks({task});
  // The lease in the task has long run out here, so it is beaten for soon.
  tasks.server.on("POST /v1/tasks/t1/heartbeat", 409, R"({"code":"stale_token","detail":"gone"})");
  const WorkerCounts counts = tasks.run("sleep 1000 & wait");
  CHECK(counts.lost == 1);
  CHECK(tasks.server.bodies("POST /v1/tasks/t1/complete").empty());
  CHECK(tasks.server.bodies("POST /v1/tasks/t1/fail").empty());
}

TEST_CASE("when its grace is over, a worker stops what runs and gives the task back") {
  TaskServer tasks({task});
  tasks.server.on("POST /v1/tasks/t1/release", 200, "{}")
      .on("POST /v1/tasks/t1/heartbeat", 200, "{}");
  std::promise<void> running;
  WorkerOptions options = tasks.options("echo up >&2; sleep 1000 & wait");
  options.on_error_output = [&](std::string_view) { running.set_value(); };
  Worker worker(options);
  worker.start();
  running.get_future().wait();
  worker.stop();
  CHECK_FALSE(worker.wait(Duration{}));
  worker.abandon();
  CHECK(worker.wait(seconds(20)));
  CHECK(worker.counts().released == 1);
  CHECK(tasks.server.bodies("POST /v1/tasks/t1/fail").empty());
}

TEST_CASE("a command that cannot be run at all ends the worker and gives the task back") {
  TaskServer tasks({task});
  tasks.server.on("POST /v1/tasks/t1/release", 200, "{}");
  std::promise<void> ended;
  WorkerOptions options = tasks.options("");
  options.command = {"/nowhere/at-all"};
  Worker worker(options);
  worker.on_ended([&] { ended.set_value(); });
  worker.start();
  ended.get_future().wait();
  CHECK(contains(worker.broken().value_or(""), "cannot run /nowhere/at-all"));
  CHECK(worker.counts().released == 1);
}

TEST_CASE("a server that refuses the queue ends the worker with its reason") {
  PlayedServer server;
  server.on("POST /v1/queues/pay/lease", 422, R"({"detail":"no such name"})");
  Worker worker({.server = server.url(), .queue = "pay", .command = {"true"}, .name = "w"});
  worker.start();
  worker.wait({});
  CHECK(worker.broken() == "no such name");
}

TEST_CASE("a server that is not there is waited for, and the wait ends with the worker") {
  std::string gone;
  {
    const PlayedServer server;
    gone = server.url();
  }
  std::promise<std::string> said;
  WorkerOptions options{.server = gone, .queue = "pay", .command = {"true"}, .name = "w"};
  options.log = [&](const std::string& line) {
    said.set_value(line);
  };  // once: later tries are silent
  Worker worker(options);
  worker.start();
  CHECK(contains(said.get_future().get(), "trying again"));
  worker.stop();
  CHECK(worker.wait(seconds(20)));
  CHECK_FALSE(worker.broken().has_value());
}

}  // namespace sluice::cli
