// Runs the command in this process, against a server that plays its answers.
#pragma once

#include <httplib.h>

#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cli/command.h"

namespace sluice::cli {

struct Outcome {
  int code = 0;
  std::string out, err;
};

struct Invocation {
  std::string input = {};
  std::map<std::string, std::string> environment = {};
  Terminal terminal = {};
  bool in_is_terminal = false;
  std::function<Exit(Context&, const ServeOptions&)> serve = {};
};

inline Outcome sluice(const std::vector<std::string>& arguments,
                      const Invocation& invocation = {}) {
  std::istringstream in(invocation.input);
  std::ostringstream out, err;
  Context context{.in = in,
                  .out = out,
                  .err = err,
                  .out_terminal = invocation.terminal,
                  .err_terminal = invocation.terminal,
                  .in_is_terminal = invocation.in_is_terminal,
                  .environment = invocation.environment,
                  .serve = invocation.serve};
  const int code = run(arguments, context);
  return {code, out.str(), err.str()};
}

// Answers each request by method and path, and keeps what was asked. A path that was not prepared
// is a 404.
class PlayedServer {
 public:
  struct Seen {
    std::string method, target, body, idempotency_key, last_event_id, principal, reason;
  };

  PlayedServer() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    };
    server_.Get(".*", handle).Post(".*", handle).Put(".*", handle).Delete(".*", handle);
    // The event streams of a test and its other requests are served at the same time.
    server_.new_task_queue = [] { return new httplib::ThreadPool(8); };
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~PlayedServer() {
    server_.stop();
    thread_.join();
  }
  PlayedServer(const PlayedServer&) = delete;
  PlayedServer& operator=(const PlayedServer&) = delete;

  using Play = std::function<void(const httplib::Request&, httplib::Response&)>;
  // Answers in their order; the last one stays.
  PlayedServer& on(const std::string& method_and_path, Play play) {
    const std::lock_guard lock(mutex_);
    plays_[method_and_path].push_back(std::move(play));
    return *this;
  }
  PlayedServer& on(const std::string& method_and_path, int status, const std::string& body) {
    return on(method_and_path, [=](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_content(body, status < 300 ? "application/json" : "application/problem+json");
    });
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  // The bodies that were sent to one path.
  std::vector<std::string> bodies(const std::string& method_and_target) const {
    std::vector<std::string> all;
    for (const auto& each : seen())
      if (each.method + " " + each.target == method_and_target) all.push_back(each.body);
    return all;
  }
  Outcome run(std::vector<std::string> arguments, const Invocation& invocation = {}) const {
    arguments.insert(arguments.begin(), {"--server", url()});
    return sluice(arguments, invocation);
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    Play play;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back({request.method, request.target, request.body,
                       request.get_header_value("Idempotency-Key"),
                       request.get_header_value("Last-Event-ID"),
                       request.get_header_value("Sluice-Principal"),
                       request.get_header_value("Sluice-Reason")});
      auto& plays = plays_[request.method + " " + request.path];
      if (!plays.empty()) {
        play = plays.front();
        if (plays.size() > 1) plays.pop_front();
      }
    }
    if (play) {
      play(request, response);
      return;
    }
    response.status = 404;
    response.set_content(
        R"({"title":"Not Found","status":404,"code":"not_found","detail":"nothing is prepared here"})",
        "application/problem+json");
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Play>> plays_;
  std::vector<Seen> seen_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A file that is gone when this is.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& text);
  ~TemporaryFile();
  const std::string& path() const { return path_; }

 private:
  std::string folder_, path_;
};

}  // namespace sluice::cli
