#include "api/stream_session.h"

#include <memory>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "api/stream_conversation.h"

namespace sluice::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

// A buffer that large frames have grown is given back with the first one that does not need it, so
// that thousands of quiet workers stay small.
constexpr std::size_t idle_buffer_bytes = 16 << 10;

std::chrono::microseconds chrono(Duration d) { return std::chrono::microseconds(d.us); }

// One worker's socket: moves frames between it and its conversation. Callbacks instead of
// coroutines, since reading and writing start and stop as the conversation wishes.
//
// Confined to the stream's executor.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(beast::tcp_stream stream, const StreamHost& host)
      : ws_(std::move(stream)),
        limits_(host.limits),
        hello_timer_(ws_.get_executor()),
        stall_timer_(ws_.get_executor()),
        ended_timer_(ws_.get_executor(), asio::steady_timer::time_point::max()) {}

  asio::awaitable<bool> accept(const http::request<http::string_body>& upgrade,
                               std::size_t frame_bytes_max) {
    error_code error;
    ws_.next_layer().expires_never();  // the WebSocket has its own time-outs
    ws_.next_layer().socket().set_option(asio::ip::tcp::no_delay(true), error);
    ws_.set_option(
        websocket::stream_base::timeout{.handshake_timeout = chrono(limits_.close_timeout),
                                        .idle_timeout = chrono(limits_.idle_timeout),
                                        .keep_alive_pings = true});
    ws_.read_message_max(frame_bytes_max);
    ws_.auto_fragment(false);
    co_await ws_.async_accept(upgrade, asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  void run(const StreamHost& host, std::size_t frame_bytes_max) {
    // Weak, since the conversation lives in this connection.
    const auto weak = weak_from_this();
    talk_ = StreamConversation::make(
        host.engine, host.registry,
        {.limits = limits_,
         .payload_bytes_max = host.payload_bytes_max,
         .frame_bytes_max = frame_bytes_max},
        [executor = ws_.get_executor()](std::function<void()> f) {
          asio::post(executor, std::move(f));
        },
        [weak] {
          if (const auto self = weak.lock()) self->go_on();
        });
    ws_.control_callback([this](websocket::frame_type kind, beast::string_view) {
      if (kind != websocket::frame_type::close) talk_->alive();
    });
    hello_timer_.expires_after(chrono(limits_.hello_timeout));
    hello_timer_.async_wait([weak](error_code error) {
      const auto self = weak.lock();
      if (error || !self || self->ended_) return;
      self->talk_->hello_is_late();
      self->go_on();
    });
    go_on();
  }

  // Waits for the end, or for the coroutine's cancellation.
  asio::awaitable<void> wait() {
    error_code ignored;
    co_await ended_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  bool ended() const { return ended_; }

  void stop() {
    talk_->stop();
    go_on();
    cut_after(limits_.close_timeout);
  }

 private:
  void go_on() {
    if (ended_) return;
    if (closing_) return;
    if (!writing_) {
      if (const auto* close = talk_->closing()) return start_close(*close);
      if (talk_->has_output()) start_write();
    } else if (const auto* close = talk_->closing()) {
      return start_close(*close);  // abrupt: what is on its way is finished by Beast first
    }
    if (!reading_ && talk_->wants_input()) start_read();
  }

  void start_read() {
    reading_ = true;
    ws_.async_read(in_, [self = shared_from_this()](error_code error, std::size_t) {
      self->reading_ = false;
      if (error) return self->failed(error);
      self->take_frame();
    });
  }

  void take_frame() {
    if (!ended_ && !closing_) {
      if (ws_.got_text())
        talk_->receive({static_cast<const char*>(in_.cdata().data()), in_.size()});
      else
        talk_->receive_binary();
    }
    const bool large = in_.size() > idle_buffer_bytes;
    in_.consume(in_.size());
    if (!large && in_.capacity() > idle_buffer_bytes) in_.shrink_to_fit();
    go_on();
  }

  void start_write() {
    writing_ = true;
    ++writes_;
    out_ = talk_->take_output();
    ws_.text(true);
    ws_.async_write(asio::buffer(out_), [self = shared_from_this()](error_code error, std::size_t) {
      self->writing_ = false;
      if (error) return self->failed(error);
      StreamOutbox::reuse(std::exchange(self->out_, {}));
      self->talk_->sent();
      self->go_on();
    });
    if (!watching_) watch_stall();
  }

  // A timer per write would cost more than the write: it runs on by itself while writing goes on,
  // and looks whether it still is the same one.
  void watch_stall() {
    watching_ = true;
    stall_timer_.expires_after(chrono(limits_.stall_timeout));
    stall_timer_.async_wait([weak = weak_from_this(), seen = writes_](error_code error) {
      const auto self = weak.lock();
      if (error || !self || self->ended_) return;
      self->watching_ = false;
      if (!self->writing_) return;
      if (self->writes_ == seen) return self->cut();
      self->watch_stall();
    });
  }

  void start_close(const StreamConversation::Close& close) {
    closing_ = true;
    websocket::close_reason reason(static_cast<websocket::close_code>(close.code));
    const std::string_view text = close.reason;
    reason.reason.assign(text.data(), cut_at_character(text, reason.reason.max_size()));
    graceful_ = close.code == static_cast<std::uint16_t>(websocket::close_code::normal);
    ws_.async_close(reason, [self = shared_from_this()](error_code) { self->end(); });
    cut_after(limits_.close_timeout);
  }

  static std::size_t cut_at_character(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text.size();
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0U) == 0x80U)
      --bytes_max;
    return bytes_max;
  }

  void failed(error_code error) {
    if (closing_) return;  // the close's own handler ends it
    if (error == websocket::error::closed)
      graceful_ = ws_.reason().code == static_cast<std::uint16_t>(websocket::close_code::normal);
    end();
  }

  void cut_after(Duration wait) {
    hello_timer_.expires_after(chrono(wait));  // its first use is over
    hello_timer_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (!error && self) self->cut();
    });
  }

  void cut() {
    beast::close_socket(beast::get_lowest_layer(ws_));
    end();
  }

  void end() {
    if (std::exchange(ended_, true)) return;
    talk_->lost(graceful_);
    beast::close_socket(beast::get_lowest_layer(ws_));
    hello_timer_.cancel();
    stall_timer_.cancel();
    ended_timer_.expires_at(
        asio::steady_timer::time_point::min());  // also for a wait that comes later
  }

  // Workers' payloads are mostly small and hold text already compressed or not worth it: no
  // deflate.
  websocket::stream<beast::tcp_stream, false> ws_;
  const StreamLimits limits_;
  asio::steady_timer hello_timer_;
  asio::steady_timer stall_timer_;
  asio::steady_timer ended_timer_;
  std::shared_ptr<StreamConversation> talk_;
  beast::flat_buffer in_;
  std::string out_;
  std::uint64_t writes_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool watching_ = false;
  bool closing_ = false;
  bool graceful_ = false;
  bool ended_ = false;
};

// A page of another site may open a WebSocket to any address its visitor can reach, and the browser
// asks nobody; only Origin tells. Workers that are no browsers send none.
bool foreign_origin(const http::request<http::string_body>& upgrade) {
  const auto origin = upgrade[http::field::origin];
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  return scheme == beast::string_view::npos ||
         !beast::iequals(origin.substr(scheme + 3), upgrade[http::field::host]);
}

asio::awaitable<void> refuse(beast::tcp_stream& stream, unsigned version, http::status status,
                             std::string body) {
  http::response<http::string_body> response(status, version);
  response.set(http::field::content_type, "application/problem+json");
  response.keep_alive(false);
  response.body() = std::move(body);
  response.prepare_payload();
  error_code ignored;
  co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, ignored));
  stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

}  // namespace

asio::awaitable<void> serve_stream(beast::tcp_stream stream,
                                   http::request<http::string_body> upgrade, StreamHost host) {
  if (foreign_origin(upgrade)) {
    co_await refuse(
        stream, upgrade.version(), http::status::forbidden,
        R"({"type":"about:blank","title":"Forbidden","status":403,"code":"invalid_argument",)"
        R"("detail":"the worker stream may be opened by a page of this server only: Origin is another"})");
    co_return;
  }
  const std::size_t frame_bytes_max = host.payload_bytes_max + envelope_bytes_max;
  const auto connection = std::make_shared<Connection>(std::move(stream), host);
  if (!co_await connection->accept(upgrade, frame_bytes_max)) co_return;
  upgrade = {};
  connection->run(host, frame_bytes_max);

  // A cancellation means that the server stops. It ends this wait only; the socket's own operations
  // go on, so that answers and the close are still sent.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await connection->wait();
  if (!connection->ended()) {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    connection->stop();
    while (!connection->ended()) co_await connection->wait();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
}

}  // namespace sluice::api
