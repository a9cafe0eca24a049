// The REST interface, seen from the command.
//
// A Client sends one request at a time to the server at a base URL and gives its answer, or throws
// the Failure that tells a person what is wrong: no server there (with how to start one), an answer
// that is not Sluice's, a problem document (with every pointer it names).
//
// A request that was refused because the server is busy (429, or 503 with Retry-After) is sent
// again, a few times, after the time the server asks for. One whose outcome is unknown is sent
// again only if that does no harm: it reads, or carries an Idempotency-Key.
//
// Threads: not thread-safe, caller serialises; stop() may be called from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/command.h"

namespace sluice::cli {

struct Answer {
  int status = 0;
  std::string text;  // the body
  std::string content_type;
  std::optional<double> retry_after_seconds;
  bool ok() const { return status >= 200 && status < 300; }
  // Throws Failure(server_error) if the body is not JSON.
  Json json() const;
};

using Query = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string path;  // with its parameters escaped: path({"queues", name})
  Query query = {};
  std::string body = {};  // JSON text; "" for none
  std::string idempotency_key = {};
  double timeout_seconds = 60;
};

// "/v1/queues/a%2Fb" from {"queues", "a/b"}.
std::string path(const std::vector<std::string>& parts);
// One that no other request has.
std::string new_idempotency_key();

// What a refusal is called among exit codes, and its text for people: detail, then each pointer in
// a line.
Exit exit_for(int http_status);
std::string problem_text(const Answer& answer);

class Client {
 public:
  // `url`: "http://HOST:PORT". Throws Failure(usage) if it is not such a URL.
  explicit Client(std::string url);
  // The server of a command, with who changes it and why: SLUICE_PRINCIPAL or USER, and --reason.
  explicit Client(const Context& context);
  ~Client();

  // Throws Failure unless the answer is 2xx.
  Answer send(const Request& request);
  // Any answer is given back; throws only if there is none.
  Answer try_send(const Request& request);

  Answer get(const std::string& path, const Query& query = {}) {
    return send({.path = path, .query = query});
  }
  Answer post(const std::string& path, const Json& body, const Query& query = {}) {
    return send({.method = "POST", .path = path, .query = query, .body = to_text(body)});
  }

  struct ServerEvent {
    std::string id, event, data;
  };
  // Server-sent events until the server ends the stream or `on_event` answers false. Connects again
  // from the last event's id when the connection breaks. Throws Failure as send() does. True: the
  // server ended it. `last_id`: the event to go on after ("" for the first); kept up to date.
  bool events(const std::string& path, const Query& query, std::string& last_id,
              const std::function<bool(const ServerEvent&)>& on_event);

  // Ends the request that is under way in another thread, which then throws.
  void stop();

  const std::string& url() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Splits a stream of bytes into server-sent events (only the fields Sluice sends).
class EventParser {
 public:
  // Feeds bytes as they come; calls back for each complete event. False if the callback said stop.
  bool feed(std::string_view bytes,
            const std::function<bool(const Client::ServerEvent&)>& on_event);

 private:
  bool line(std::string_view text, const std::function<bool(const Client::ServerEvent&)>& on_event);

  std::string pending_;
  Client::ServerEvent event_;
  bool has_data_ = false;
};

}  // namespace sluice::cli
