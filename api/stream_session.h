// The worker stream's side of a connection (docs/worker-stream.md).
//
// A connection that asked for GET /v1/stream with a WebSocket upgrade is handed over, its request
// read to the end and nothing answered yet. The coroutine accepts (or refuses) the upgrade and
// returns when the connection is over; the server counts it as a connection until then.
//
// Threads: runs on the stream's own executor, which is one thread's io_context: nothing else runs
// on that thread meanwhile, so no strand is needed. It must not block. Callbacks of the engine come
// on the writer thread: post to stream.get_executor().
//
// Stopping: the coroutine is cancelled (cancellation_type::terminal). It answers what was asked
// before, closes with WebSocket code 1001 and returns within limits.stream.close_timeout. Its
// session is not detached: the leases run on, so that a worker that comes back after a restart
// keeps its work.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/context.h"

namespace sluice::api {

// What a worker stream needs of a server; all of it outlives the coroutine.
struct StreamHost {
  orchestrator::Engine& engine;
  std::shared_ptr<StreamRegistry> registry;
  StreamLimits limits{};
  std::size_t payload_bytes_max = payload_bytes_default;
};

boost::asio::awaitable<void> serve_stream(
    boost::beast::tcp_stream stream,
    boost::beast::http::request<boost::beast::http::string_body> upgrade, StreamHost host);

inline boost::asio::awaitable<void> serve_stream(
    boost::beast::tcp_stream stream,
    boost::beast::http::request<boost::beast::http::string_body> upgrade, Context& context) {
  return serve_stream(std::move(stream), std::move(upgrade),
                      StreamHost{context.engine, context.streams, context.limits.stream,
                                 context.limits.payload_bytes_max});
}

}  // namespace sluice::api
