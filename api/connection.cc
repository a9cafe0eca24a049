#include "api/connection.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "api/metrics.h"
#include "api/problem.h"
#include "api/read_pool.h"
#include "api/stream_session.h"

namespace sluice::api {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t read_bytes = 16 << 10;       // asked for in one read of a header
constexpr std::size_t body_read_bytes = 64 << 10;  // and of a body
constexpr std::size_t linger_bytes_max = 32 << 20;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

Response refusal_of(const error_code& error, const Limits& limits) {
  if (error == http::error::header_limit)
    return problem(
        431, "header_too_large",
        fmt::format("the request's header is larger than {} bytes", limits.header_bytes_max));
  if (error == http::error::body_limit)
    return problem(make_error(Errc::too_large, "the body is larger than this route takes"));
  return problem(400, "bad_request", "the request is not well-formed HTTP/1.1: " + error.message());
}

// "http://host/path" (as sent to proxies) to "/path".
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target;
}

bool is_idempotency_key(std::string_view key) {
  return !key.empty() && key.size() <= idempotency_key_max &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

}  // namespace

Connection::Connection(boost::asio::ip::tcp::socket peer, IoThread& thread, Context& context,
                       const Router& router, std::function<void()> ended)
    : thread_(thread),
      context_(context),
      router_(router),
      ended_(std::move(ended)),
      stream_(std::move(peer)),
      buffer_(context.limits.header_bytes_max + body_read_bytes) {
  thread_.add(this);
}

Connection::~Connection() {
  thread_.remove(this);
  ended_();
}

void Connection::start() {
  error_code ignored;
  socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket().non_blocking(true, ignored);
  asio::co_spawn(
      thread_.executor(), [self = shared_from_this()] { return self->run(); }, asio::detached);
}

void Connection::look_at_deadline(IoThread::Tick now) {
  if (now < deadline_) return;
  deadline_ = IoThread::never;
  timed_out_ = true;
  context_.metrics.time_outs.fetch_add(1, std::memory_order_relaxed);
  error_code ignored;
  socket().cancel(ignored);
}

void Connection::begin_stop() {
  if (handed_over_) {
    stream_cancel_.emit(asio::cancellation_type::terminal);
    return;
  }
  if (idle_) {
    error_code ignored;
    socket().cancel(ignored);
  }
  if (auto wake = std::exchange(wake_, {})) wake();
}

void Connection::close_now() {
  closed_ = true;
  gone_ = true;
  if (handed_over_) {
    stream_cancel_.emit(asio::cancellation_type::terminal);
    return;
  }
  error_code ignored;
  socket().close(ignored);
  if (auto wake = std::exchange(wake_, {})) wake();
}

asio::awaitable<void> Connection::run() {
  try {
    Next next = Next::request;
    while (next == Next::request) {
      // The stop may have come while nothing was being waited for.
      if (closed_ || (context_.stopping.load(std::memory_order_relaxed) && buffer_.size() == 0))
        co_return;
      next = co_await serve_one();
    }
    if (next == Next::linger) co_await linger();
  } catch (const std::exception& failure) {
    if (context_.log) context_.log(std::string("a connection failed: ") + failure.what());
  }
  if (handed_over_) co_return;
  error_code ignored;
  socket().shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  socket().close(ignored);
}

asio::awaitable<Connection::Next> Connection::serve_one() {
  Parser parser;
  parser.eager(false);
  parser.header_limit(static_cast<std::uint32_t>(context_.limits.header_bytes_max));
  parser.body_limit(boost::none);  // known once the route is

  http_1_0_ = head_only_ = stream_begun_ = gone_ = false;
  keep_alive_ = false;
  std::optional<Response> refusal;
  if (!co_await read_header(parser, refusal)) {
    if (!refusal) co_return Next::close;
    context_.metrics.count_request(nullptr, refusal->status, {});
    co_await respond(*refusal, false);
    co_return Next::linger;
  }
  const auto& request = parser.get();
  http_1_0_ = request.version() < 11;
  head_only_ = request.method() == http::verb::head;
  keep_alive_ = request.keep_alive();

  Router::Match match;
  Query query;
  const Duration header_read = context_.clock.steady_now();
  refusal = check_header(parser, match, query);
  const Route* const route = match.route;
  if (refusal) {
    // The refusal may be all that the client needs to hear, but what it sends besides is in the way
    // of the next request: without a body the connection goes on, with one it ends here.
    const bool clean = parser.is_done() ||
                       (!parser.chunked() && parser.content_length_remaining().value_or(0) == 0);
    keep_alive_ = keep_alive_ && clean;
    context_.metrics.count_request(route, refusal->status,
                                   context_.clock.steady_now() - header_read);
    const bool sent = co_await respond(*refusal, keep_alive_);
    co_return !sent ? Next::close : keep_alive_ ? Next::request : Next::linger;
  }

  if (!co_await read_body(parser, refusal)) {
    if (!refusal) co_return Next::close;
    context_.metrics.count_request(route, refusal->status, {});
    co_await respond(*refusal, false);
    co_return Next::linger;
  }

  if (route->path == "/v1/stream") {
    if (co_await hand_over(parser, refusal)) co_return Next::close;
    const bool sent = co_await respond(*refusal, keep_alive_);
    co_return sent&& keep_alive_ ? Next::request : Next::close;
  }

  const Duration begun = context_.clock.steady_now();
  const Response response = co_await answer(parser, std::move(match), std::move(query));
  context_.metrics.count_request(route, response.status, context_.clock.steady_now() - begun);
  if (closed_) co_return Next::close;
  if (context_.stopping.load(std::memory_order_relaxed)) keep_alive_ = false;
  bool sent = false;
  if (stream_begun_) {
    // A streamed answer that broke off is told from a whole one by the missing last chunk.
    if (!response.streamed || gone_) co_return Next::close;
    // In HTTP/1.0 the end of the connection is the end of the answer.
    if (http_1_0_) co_return Next::close;
    sent = co_await send("0\r\n\r\n", {});
  } else {
    sent = co_await respond(response, keep_alive_);
  }
  co_return sent&& keep_alive_ ? Next::request : Next::close;
}

asio::awaitable<bool> Connection::read_header(Parser& parser, std::optional<Response>& refusal) {
  idle_ = buffer_.size() == 0;
  deadline_ = thread_.after(idle_ ? context_.limits.idle_timeout : context_.limits.header_timeout);
  for (;;) {
    if (buffer_.size() > 0) {
      error_code error;
      buffer_.consume(parser.put(buffer_.data(), error));
      if (error == http::error::need_more) error = {};
      if (error) {
        refusal = refusal_of(error, context_.limits);
        co_return false;
      }
      if (parser.is_header_done()) break;
    }
    const bool more = co_await receive();
    if (timed_out_ && !idle_) {
      timed_out_ = false;
      refusal = problem(408, "request_timeout", "the request's header did not come in time");
      co_return false;
    }
    if (!more) co_return false;
    if (idle_) {
      idle_ = false;
      deadline_ = thread_.after(context_.limits.header_timeout);
    }
  }
  deadline_ = IoThread::never;
  co_return true;
}

std::optional<Response> Connection::check_header(Parser& parser, Router::Match& match,
                                                 Query& query) {
  const auto& request = parser.get();
  if (!http_1_0_ && request.count(http::field::host) != 1)
    return problem(400, "bad_request", "a request of HTTP/1.1 has exactly one Host header");

  // Any other coding, or chunked in front of another: where this body ends, and the next request
  // begins, would be a matter of opinion between us and whatever stands before us.
  if (const auto codings = request.count(http::field::transfer_encoding);
      codings > 0 &&
      (codings > 1 || !beast::iequals(request[http::field::transfer_encoding], "chunked"))) {
    keep_alive_ = false;
    return problem(501, "unsupported", "the only Transfer-Encoding known here is chunked");
  }

  const std::string_view target = origin_form(view(request.target()));
  const auto question = target.find('?');
  match = router_.find(view(request.method_string()), target.substr(0, question));
  if (match.bad_escape)
    return problem(400, "bad_request", "the path is not well-formed percent-encoded UTF-8");
  if (!match.route && match.allow.empty())
    return problem(make_error(Errc::not_found,
                              "there is nothing at this path; /openapi.json lists what there is"));
  if (!match.route) {
    Response response = problem(405, "method_not_allowed", "this path takes " + match.allow);
    response.headers.emplace_back("Allow", match.allow);
    return response;
  }

  const std::size_t limit = match.route->body == Body::batch ? context_.limits.batch_body_bytes_max
                                                             : context_.limits.body_bytes_max;
  if (const auto length = parser.content_length(); length && *length > limit)
    return problem(make_error(
        Errc::too_large,
        fmt::format("the body has {} bytes; this route takes at most {}", *length, limit)));
  parser.body_limit(limit);

  const auto expect = request.find(http::field::expect);
  if (expect != request.end() && !beast::iequals(expect->value(), "100-continue"))
    return problem(417, "expectation_failed", "the only expectation known here is 100-continue");

  if (question != std::string_view::npos) {
    auto parsed = Query::parse(target.substr(question + 1));
    if (!parsed) return problem(parsed.error());
    query = std::move(*parsed);
    if (auto checked = check_query(*match.route, query); !checked) return problem(checked.error());
  }
  if (const auto key = request.find("Idempotency-Key"); key != request.end() &&
                                                        match.route->takes_idempotency_key &&
                                                        !is_idempotency_key(view(key->value())))
    return problem(Error{Errc::invalid_argument,
                         "the Idempotency-Key is not usable",
                         {{"@Idempotency-Key", "expected 1 to 255 printable ASCII characters"}}});
  return std::nullopt;
}

asio::awaitable<bool> Connection::read_body(Parser& parser, std::optional<Response>& refusal) {
  if (parser.is_done()) co_return true;
  deadline_ = thread_.after(context_.limits.body_timeout);
  bool told = parser.get().find(http::field::expect) == parser.get().end() || http_1_0_;
  for (;;) {
    error_code error;
    std::size_t used = 0;
    if (buffer_.size() > 0) {
      used = parser.put(buffer_.data(), error);
      buffer_.consume(used);
    }
    if (error == http::error::need_more) error = {};
    if (error) {
      refusal = refusal_of(error, context_.limits);
      co_return false;
    }
    if (parser.is_done()) break;
    if (used > 0 && buffer_.size() > 0) continue;
    if (!told) {
      told = true;
      const bool sent = co_await send("HTTP/1.1 100 Continue\r\n\r\n", {});
      if (!sent) co_return false;
      deadline_ = thread_.after(context_.limits.body_timeout);
    }
    const bool more = co_await receive();
    if (timed_out_) {
      timed_out_ = false;
      refusal = problem(408, "request_timeout", "the request's body did not come in time");
      co_return false;
    }
    if (!more) {
      // The sending side is closed in the middle of a body; the other direction may still be read.
      if (closed_) co_return false;
      refusal =
          problem(400, "bad_request", "the body ended before the length it was announced with");
      co_return false;
    }
  }
  deadline_ = IoThread::never;
  co_return true;
}

asio::awaitable<Response> Connection::answer(Parser& parser, Router::Match match, Query query) {
  auto& request = parser.get();
  const Route& route = *match.route;
  Call call{.context = context_,
            .route = &route,
            .path = std::move(match.path),
            .query = std::move(query),
            .body = std::move(request.body()),
            .idempotency_key =
                route.takes_idempotency_key ? std::string(view(request["Idempotency-Key"])) : "",
            .last_event_id = std::string(view(request["Last-Event-ID"])),
            .peer = *this,
            .executor = thread_.executor()};
  std::optional<Response> response;
  try {
    response = co_await route.handler(call);
  } catch (const ReadLineFull& full) {
    response = problem(make_error(Errc::unavailable, full.what()));
  } catch (const std::exception& failure) {
    response = problem_of_exception(failure, context_);
  }
  leave();
  co_return std::move(*response);
}

asio::awaitable<bool> Connection::hand_over(Parser& parser, std::optional<Response>& refusal) {
  const auto& request = parser.get();
  if (!http::token_list{request[http::field::connection]}.exists("upgrade") ||
      !http::token_list{request[http::field::upgrade]}.exists("websocket")) {
    refusal =
        problem(426, "upgrade_required", "the worker stream is a WebSocket; ask for the upgrade");
    refusal->headers.emplace_back("Upgrade", "websocket");
    co_return false;
  }
  if (buffer_.size() > 0) {
    refusal = problem(400, "bad_request",
                      "a client that asks for a WebSocket waits for the answer before it sends");
    keep_alive_ = false;
    co_return false;
  }
  handed_over_ = true;
  deadline_ = IoThread::never;
  thread_.stop_timing(this);
  // A coroutine of its own, so that it can be cancelled without a cancellation slot on every other
  // operation.
  auto session = serve_stream(std::move(stream_), parser.release(), context_);
  co_await asio::co_spawn(thread_.executor(), std::move(session),
                          asio::bind_cancellation_slot(stream_cancel_.slot(), asio::use_awaitable));
  co_return true;
}

asio::awaitable<bool> Connection::respond(const Response& response, bool keep_alive) {
  std::string& head = head_;
  head.clear();
  fmt::format_to(std::back_inserter(head),
                 "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
                 response.status, reason_phrase(response.status), thread_.date(),
                 response.content_type, response.body.size());
  for (const auto& [name, value] : response.headers)
    fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  if (!keep_alive)
    head += "Connection: close\r\n";
  else if (http_1_0_)
    head += "Connection: keep-alive\r\n";
  head += "\r\n";
  co_return co_await send(head, head_only_ ? std::string_view{} : std::string_view(response.body));
}

asio::awaitable<bool> Connection::write(std::string_view content_type, std::string_view piece) {
  if (gone_ || closed_) co_return false;
  std::string framed;
  if (!stream_begun_) {
    stream_begun_ = true;
    framed = fmt::format(
        "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n{}\r\n",
        thread_.date(), content_type,
        http_1_0_ ? "Connection: close\r\n" : "Transfer-Encoding: chunked\r\n");
  }
  if (head_only_) {
    co_await send(framed, {});
    gone_ = true;  // There is nobody to stream to.
    co_return false;
  }
  if (!piece.empty()) {
    if (!http_1_0_) fmt::format_to(std::back_inserter(framed), "{:x}\r\n", piece.size());
    framed += piece;
    if (!http_1_0_) framed += "\r\n";
  }
  const bool sent = co_await send(framed, {});
  if (!sent) gone_ = true;
  co_return sent;
}

asio::awaitable<bool> Connection::receive() {
  error_code error;
  const std::size_t wanted = idle_ ? read_bytes : body_read_bytes;
  const std::size_t room = buffer_.max_size() - buffer_.size();
  const std::size_t n = co_await socket().async_read_some(
      buffer_.prepare(std::min(wanted, room)), asio::redirect_error(asio::use_awaitable, error));
  buffer_.commit(n);
  co_return !error && n > 0;
}

asio::awaitable<bool> Connection::send(std::string_view first, std::string_view second) {
  const std::array<boost::asio::const_buffer, 2> both{boost::asio::buffer(first),
                                                      boost::asio::buffer(second)};
  error_code error;
  // Nearly every answer fits the socket's buffer: written at once, without a turn through the
  // scheduler.
  const std::size_t total = first.size() + second.size();
  std::size_t written = socket().write_some(both, error);
  if (error && error != boost::asio::error::would_block) co_return false;
  if (written == total) co_return true;
  const auto extra = seconds(static_cast<std::int64_t>(total / context_.limits.write_rate_min));
  deadline_ = thread_.after(context_.limits.write_timeout + extra);
  std::array<boost::asio::const_buffer, 2> rest = both;
  const std::size_t skip = std::min(written, first.size());
  rest[0] += skip;
  rest[1] += written - skip;
  co_await asio::async_write(socket(), rest, asio::redirect_error(asio::use_awaitable, error));
  deadline_ = IoThread::never;
  timed_out_ = false;
  co_return !error;
}

asio::awaitable<void> Connection::linger() {
  // Closing with unread bytes in the socket would make the kernel reset the connection, and the
  // client lose the answer that says why.
  error_code ignored;
  socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  deadline_ = thread_.after(context_.limits.linger_timeout);
  for (std::size_t read = 0; read < linger_bytes_max;) {
    buffer_.consume(buffer_.size());
    const bool more = co_await receive();
    if (!more) break;
    read += buffer_.size();
  }
  deadline_ = IoThread::never;
}

void Connection::watch(std::function<void()> wake) {
  wake_ = std::move(wake);
  const std::uint64_t generation = ++watch_generation_;
  if (context_.stopping.load(std::memory_order_relaxed)) {
    // Posted: the caller has not begun to wait yet.
    thread_.post([self = shared_from_this(), generation] {
      if (self->watch_generation_ != generation) return;
      if (auto wake_now = std::exchange(self->wake_, {})) wake_now();
    });
    return;
  }
  if (buffer_.size() == 0) wait_for_peer(generation);
}

void Connection::leave() {
  wake_ = {};
  if (!watching_) return;
  watching_ = false;
  ++watch_generation_;
  error_code ignored;
  socket().cancel(ignored);
}

void Connection::wait_for_peer(std::uint64_t generation) {
  watching_ = true;
  socket().async_wait(boost::asio::ip::tcp::socket::wait_read,
                      [self = shared_from_this(), generation](const error_code& error) {
                        if (self->watch_generation_ != generation) return;
                        self->watching_ = false;
                        if (error) return;
                        char byte = 0;
                        error_code peeked;
                        const std::size_t n = self->socket().receive(
                            boost::asio::buffer(&byte, 1),
                            boost::asio::ip::tcp::socket::message_peek, peeked);
                        if (peeked == boost::asio::error::would_block) {
                          self->wait_for_peer(generation);
                          return;
                        }
                        // The next request, sent early: from here on a hang-up cannot be seen, and
                        // the wait just ends in its time.
                        if (!peeked && n > 0) return;
                        self->gone_ = true;
                        if (auto wake = std::exchange(self->wake_, {})) wake();
                      });
}

}  // namespace sluice::api
