// A client for the REST interface: deploy, start, look, send, and answer tasks by token.
//
//   sluice::clients::Client sluice;                       // http://127.0.0.1:7070
//   const auto run = sluice.start("orders", {.input = R"({"order":7})"});
//   if (!run) return complain(run.error());               // code and detail as the server gave
//   them const auto seen = sluice.run(*run);                   // {"status": "RUNNING", …}
//
// What has no function of its own is reached by call(). Tasks are better served by a Worker
// (clients/worker.h) than by leasing over REST.
//
// Guarantees: nothing is repeated by itself. After `unavailable` or `outcome_unknown` a call may or
// may not have had its effect; repeat it with the same name, token or idempotency key, which makes
// that harmless.
//
// Threads: thread-safe; calls of one Client go one after the other over one kept connection. Each
// blocks for at most `timeout`, and longer where a wait is asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sluice::clients {

class Client {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7070;
    std::string authorization{};  // sent as the Authorization header if not empty
    std::chrono::milliseconds timeout{30'000};
  };
  struct Start {
    std::string input = "{}";  // JSON
    std::string name{};        // unique id; the same name and input again is the first run again
    std::optional<int> priority{};
    std::vector<std::pair<std::string, std::string>> labels{};
    std::string idempotency_key{};
  };
  struct Message {
    std::string body;  // JSON
    std::vector<std::pair<std::string, std::string>> headers{};
    std::optional<int> priority{};
    std::chrono::milliseconds delay{};
    std::string dedup_id{};
    std::string order_key{};  // messages of one key are handled one at a time, in order
  };

  explicit Client(Options options);
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `definition` is the text of the definition. Gives {"name", "version", "hash", "warnings"}.
  Result<Json> deploy(std::string_view name, std::string_view definition);
  // Gives the run's id.
  Result<std::string> start(std::string_view workflow, const Start& start);
  Result<Json> run(std::string_view id);
  // Starts a run and waits for its end, at most `wait`. Gives the run as it then is.
  Result<Json> start_and_wait(std::string_view workflow, const Start& start,
                              std::chrono::seconds wait);
  Status cancel(std::string_view run, std::string_view cause = {});

  // All or none. Gives the server's answer.
  Result<Json> send(std::string_view queue, const std::vector<Message>& messages,
                    std::string_view idempotency_key = {});
  Result<Json> queue(std::string_view name);

  // By token: of a leased task, or one of `.waitForTaskToken`. `output` is JSON.
  Status complete(std::string_view token, std::string_view output);
  Status fail(std::string_view token, std::string_view error, std::string_view cause = {});
  Status heartbeat(std::string_view token);
  Status release(std::string_view token, std::chrono::milliseconds delay = {});

  // Anything else: `path` is absolute, such as "/v1/queues?limit=10"; `body` is JSON or empty.
  // Gives the answer's JSON, null if it has none.
  Result<Json> call(std::string_view method, std::string_view path, std::string_view body = {},
                    std::string_view idempotency_key = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One segment of a path, with everything escaped that is not plain.
std::string path_segment(std::string_view text);

}  // namespace sluice::clients
