// One connection: reads requests one after the other, has each answered, writes the answers.
//
// A coroutine on the connection's IoThread. Pipelined requests wait in the buffer: one is in flight
// at a time. Every wait for the client has a deadline (limits.h); one that misses it is answered
// 408 if its request had begun, and closed. A refusal before a body was read is followed by a short
// linger, so that the client can read why.
//
// Confined to its IoThread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <string>

#include "api/http.h"
#include "api/io_thread.h"
#include "api/router.h"

namespace sluice::api {

class Connection final : public Caller, public std::enable_shared_from_this<Connection> {
 public:
  // `ended` is called on the thread when the connection is over.
  Connection(boost::asio::ip::tcp::socket socket, IoThread& thread, Context& context,
             const Router& router, std::function<void()> ended);
  ~Connection() override;

  // Starts the coroutine, which keeps the connection alive until it is over.
  void start();

  void look_at_deadline(IoThread::Tick now);
  // No further request; waits end early, what is in flight is answered.
  void begin_stop();
  // Whatever it does: over.
  void close_now();

  void watch(std::function<void()> wake) override;
  void leave() override;
  bool gone() const override { return gone_; }
  asio::awaitable<bool> write(std::string_view content_type, std::string_view piece) override;

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Next { request, close, linger };

  asio::awaitable<void> run();
  asio::awaitable<Next> serve_one();
  // True: there is a header. False: nothing more will come, or `refusal` says why not.
  asio::awaitable<bool> read_header(Parser& parser, std::optional<Response>& refusal);
  asio::awaitable<bool> read_body(Parser& parser, std::optional<Response>& refusal);
  // What can be said from the header alone; nothing: go on.
  std::optional<Response> check_header(Parser& parser, Router::Match& match, Query& query);
  asio::awaitable<Response> answer(Parser& parser, Router::Match match, Query query);
  asio::awaitable<bool> hand_over(Parser& parser, std::optional<Response>& refusal);
  asio::awaitable<bool> respond(const Response& response, bool keep_alive);
  // One read into the buffer; false at its end or an error.
  asio::awaitable<bool> receive();
  asio::awaitable<bool> send(std::string_view first, std::string_view second);
  asio::awaitable<void> linger();
  void wait_for_peer(std::uint64_t generation);
  boost::asio::ip::tcp::socket& socket() { return stream_.socket(); }

  // constant after construction
  IoThread& thread_;
  Context& context_;
  const Router& router_;
  std::function<void()> ended_;

  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::string head_;  // of the response; kept for its capacity
  IoThread::Tick deadline_ = IoThread::never;
  bool timed_out_ = false;
  bool idle_ = true;          // between requests
  bool closed_ = false;       // by close_now()
  bool handed_over_ = false;  // to the worker stream
  boost::asio::cancellation_signal stream_cancel_;

  // of the request in flight
  bool http_1_0_ = false;
  bool head_only_ = false;
  bool keep_alive_ = false;
  bool stream_begun_ = false;
  bool gone_ = false;
  std::function<void()> wake_;
  std::uint64_t watch_generation_ = 0;
  bool watching_ = false;  // an operation of the present generation is under way
};

}  // namespace sluice::api
