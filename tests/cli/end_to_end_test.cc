// The real program: a server of its own process, and commands against it as a person would give
// them.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/child.h"
#include "command_runner.h"

extern char** environ;

namespace sluice::cli {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-e2e-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// `sluice serve`, until its line says that it is up.
class ServeProcess {
 public:
  explicit ServeProcess(const std::string& data) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    std::vector<std::string> words = {SLUICE_BINARY, "serve",       "--data",      data,
                                      "--listen",    "127.0.0.1:0", "--log-level", "error"};
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    REQUIRE(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    for (char c; read(ends[0], &c, 1) == 1 && c != '\n';) line_ += c;
    close(ends[0]);
  }
  ~ServeProcess() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;

  std::string url() const {
    const auto at = line_.find("http://");
    REQUIRE(at != std::string::npos);
    return line_.substr(at, line_.find(' ', at) - at);
  }
  const std::string& line() const { return line_; }
  // The exit code, or minus the signal's number.
  int end(int signal) {
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::string line_;
};

ChildEnd run_binary(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SLUICE_BINARY);
  return Child({.command = std::move(arguments)}).run("");
}

// A worker process that is stopped when the test is done with it.
class WorkerProcess {
 public:
  WorkerProcess(const std::string& server, const std::string& queue, const std::string& script)
      : child_({.command = {SLUICE_BINARY, "--server", server, "worker", queue, "--", "/bin/sh",
                            "-c", script}}),
        thread_([this] { end_ = child_.run(""); }) {}
  ~WorkerProcess() {
    child_.stop();
    thread_.join();
    CHECK(end_.exit_code == 0);
  }

 private:
  Child child_;
  ChildEnd end_;
  std::thread thread_;
};

constexpr const char* order = R"({
  "StartAt": "Pay",
  "States": {
    "Pay": {"Type": "Task", "Resource": "queue:pay", "Next": "Ship"},
    "Ship": {"Type": "Task", "Resource": "queue:ship", "End": true}
  }
})";

}  // namespace

TEST_CASE("from a definition to a finished run: serve, deploy, worker, start --wait, show, watch") {
  const Folder folder;
  ServeProcess server(folder.path() + "/data");
  CHECK(contains(server.line(), "data " + folder.path() + "/data"));
  const auto on_server = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--server", server.url()});
    return sluice(arguments);
  };
  CHECK(on_server({"deploy", folder.file("orders.json", order)}).out ==
        "orders  version 1 deployed\n");
  CHECK(contains(on_server({"deploy", folder.file("orders.json", order)}).out,
                 "unchanged, version 1"));
  const WorkerProcess pay(server.url(), "pay", "cat");
  const WorkerProcess ship(server.url(), "ship", "echo '{\"shipped\": true}'");
  const Outcome run =
      on_server({"start", "orders", "--input", R"({"id":7})", "--name", "order-7", "--wait"});
  CHECK(run.err == "");
  CHECK(run.out == "{\n  \"shipped\": true\n}\n");
  const Outcome again =
      on_server({"start", "orders", "--input", R"({"id":7})", "--name", "order-7"});
  CHECK(again.code == 0);
  const std::string id = again.out.substr(0, again.out.size() - 1);
  const Outcome shown = on_server({"show", id});
  CHECK(contains(shown.out, "SUCCEEDED"));
  CHECK(contains(shown.out, "TaskSucceeded"));
  const Outcome watched = on_server({"watch", id});
  CHECK(watched.code == 0);
  CHECK(contains(watched.out, "ExecutionSucceeded"));
  CHECK(contains(on_server({"runs", "--status", "SUCCEEDED"}).out, "order-7"));
  CHECK(contains(on_server({"queues"}).out, "ship"));
  CHECK(on_server({"check"}).code == 0);
  CHECK(on_server({"start", "orders", "--input", "8", "--name", "order-7"}).code ==
        static_cast<int>(Exit::conflict));
  CHECK(on_server({"start", "nothing"}).code == static_cast<int>(Exit::not_found));
  CHECK(contains(on_server({"doctor", "--data", folder.path() + "/data"}).out,
                 "is healthy and ready"));
}

TEST_CASE(
    "a failed command becomes a dead letter with its reason, and a replay lets the run go on") {
  const Folder folder;
  ServeProcess server(folder.path() + "/data");
  const auto on_server = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--server", server.url()});
    return sluice(arguments);
  };
  REQUIRE(on_server({"deploy", folder.file("orders.json", order)}).code == 0);
  const WorkerProcess ship(server.url(), "ship", "cat");
  Outcome run;
  {
    const WorkerProcess pay(server.url(), "pay", "echo 'no money' >&2; exit 3");
    run = on_server({"start", "orders", "--wait"});
  }
  CHECK(run.code == static_cast<int>(Exit::failed));
  CHECK(contains(run.err, "FAILED: Exit.3: no money"));
  const Outcome letters = on_server({"dlq", "list", "--json"});
  const Json list = *parse_json(letters.out);
  REQUIRE(list["items"].size() == 1);
  const std::string id = list["items"][0]["id"];
  CHECK(contains(on_server({"dlq", "show", id}).out, "no money"));
  CHECK(contains(on_server({"dlq", "list", "--by-error"}).out, "Exit.3"));
  const WorkerProcess pay(server.url(), "pay", "cat");
  CHECK(on_server({"dlq", "replay", "--all", "--error", "Exit.3"}).out == "1 of 1 done\n");
  const std::string run_id = list["items"][0]["run"];
  CHECK(on_server({"watch", run_id}).code == 0);
}

TEST_CASE("what was acknowledged is there after SIGTERM, and after kill -9") {
  const Folder folder;
  const std::string data = folder.path() + "/data";
  std::string first, second;
  {
    ServeProcess server(data);
    REQUIRE(sluice({"--server", server.url(), "deploy", folder.file("orders.json", order)}).code ==
            0);
    first = sluice({"--server", server.url(), "start", "orders"}).out;
    CHECK(server.end(SIGTERM) == 0);
  }
  {
    ServeProcess server(data);
    second = sluice({"--server", server.url(), "start", "orders"}).out;
    CHECK(server.end(SIGKILL) == -SIGKILL);
  }
  ServeProcess server(data);
  for (std::string id : {first, second}) {
    id.pop_back();
    CHECK(contains(sluice({"--server", server.url(), "show", id}).out, "Pay: "));
  }
}

TEST_CASE("a second server on the same data is refused with the first one's process") {
  const Folder folder;
  ServeProcess server(folder.path() + "/data");
  const ChildEnd second =
      run_binary({"serve", "--data", folder.path() + "/data", "--listen", "127.0.0.1:0"});
  CHECK(second.exit_code == static_cast<int>(Exit::data_directory));
  CHECK(contains(second.error_tail, "pid " + std::to_string(server.pid())));
}

TEST_CASE("an address that is taken is refused with what to do") {
  const Folder folder;
  const ServeProcess server(folder.path() + "/data");
  const ChildEnd second =
      run_binary({"serve", "--data", folder.path() + "/other", "--listen", server.url().substr(7)});
  CHECK(second.exit_code == static_cast<int>(Exit::address_in_use));
  CHECK(contains(second.error_tail, "--listen"));
}

}  // namespace sluice::cli
