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
// Stopping: the coroutine is cancelled (cancellation_type::terminal), so its pending operation ends
// with operation_aborted; it then closes with WebSocket code 1001 and detaches its session
// gracefully. context.stopping is set before that.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/context.h"

namespace sluice::api {

boost::asio::awaitable<void> serve_stream(
    boost::beast::tcp_stream stream,
    boost::beast::http::request<boost::beast::http::string_body> upgrade, Context& context);

}  // namespace sluice::api
