// A request and its response, as the routes see them: no socket, no HTTP library.
//
// Threads: a Call and all it holds are confined to its connection's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/context.h"
#include "base/result.h"
#include "base/time.h"

namespace sluice::api {

namespace asio = boost::asio;

enum class Method : std::uint8_t { get, put, post, delete_ };  // HEAD is GET without the body
std::string_view to_string(Method method);

struct Response {
  int status = 200;
  std::string body = {};
  std::string_view content_type = "application/json";  // a literal
  std::vector<std::pair<std::string_view, std::string>> headers = {};
  bool streamed = false;  // the body went out through Caller::write
};

// The connection's side of a call: for handlers that wait, or answer bit by bit. An interface so
// that routes need not know the HTTP library.
class Caller {
 public:
  virtual ~Caller() = default;
  // Calls `wake` once, if the client hangs up or the server stops, until leave(). At most one at a
  // time.
  virtual void watch(std::function<void()> wake) = 0;
  virtual void leave() = 0;
  virtual bool gone() const = 0;
  // Sends a piece of a streamed body; the first one sends the header before it. False: the client
  // is gone, or did not read in time.
  virtual asio::awaitable<bool> write(std::string_view content_type, std::string_view piece) = 0;
};

// The parameters after the question mark, decoded. Checked against the route's table before the
// handler runs, so the typed getters find what they expect.
class Query {
 public:
  // Refuses a broken percent-escape, invalid UTF-8 and more than 64 parameters.
  static Result<Query> parse(std::string_view text);

  std::optional<std::string> text(std::string_view name) const;
  std::optional<std::int64_t> integer(std::string_view name) const;
  std::optional<Duration> seconds(std::string_view name) const;
  std::optional<WallTime> time(std::string_view name) const;
  bool flag(std::string_view name) const;  // absent: false
  std::vector<std::string_view> all(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  const std::string* find(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> items_;
};

// A path segment or parameter with its %XX resolved; nothing if an escape is broken, or the result
// is not UTF-8 or holds a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
std::optional<bool> parse_flag(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<Duration> parse_seconds(std::string_view text);  // decimal, not negative

struct Route;

struct Call {
  Context& context;
  const Route* route = nullptr;
  std::vector<std::string> path;  // the route's parameters, in order
  Query query;
  std::string body = {};
  std::string idempotency_key;  // "" if none was given
  std::string last_event_id;    // "" if none was given
  orchestrator::By by = {};     // for the audit log
  Caller& peer;
  asio::any_io_executor executor;
};

}  // namespace sluice::api
