#include "support/stream_server.h"

#include <sys/socket.h>

#include <atomic>
#include <future>
#include <list>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>

#include "api/stream_session.h"

namespace sluice::test_support {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

struct StreamServer::Sockets {
  struct Connection {
    asio::cancellation_signal cancel;
    int descriptor = -1;
  };

  asio::awaitable<void> serve(tcp::socket socket, std::list<Connection>::iterator self,
                              api::StreamHost host) {
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer;
    beast::http::request<beast::http::string_body> request;
    co_await beast::http::async_read(stream, buffer, request, asio::use_awaitable);
    co_await api::serve_stream(std::move(stream), std::move(request), std::move(host));
    (void)self;
  }

  asio::awaitable<void> accept(api::StreamHost host) {
    for (;;) {
      tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
      const auto self = open.emplace(open.end());
      self->descriptor = socket.native_handle();
      ++count;
      asio::co_spawn(
          io, serve(std::move(socket), self, host),
          asio::bind_cancellation_slot(self->cancel.slot(), [this, self](std::exception_ptr) {
            open.erase(self);
            if (--count == 0 && stopping) io.stop();
          }));
    }
  }

  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  std::list<Connection> open;
  std::atomic<std::size_t> count{0};
  bool stopping = false;
  std::thread thread;
};

StreamServer::StreamServer(api::StreamLimits limits, orchestrator::Options options)
    : limits_(limits), options_(std::move(options)) {
  start();
}

StreamServer::~StreamServer() { stop(); }

void StreamServer::start() {
  database_ = storage::open_sqlite({.directory = directory_.path()});
  engine_ = std::make_unique<orchestrator::Engine>(*database_, clock_, options_);
  engine_->start();
  sockets_ = std::make_unique<Sockets>();
  const tcp::endpoint at(asio::ip::address_v4::loopback(), port_);
  sockets_->acceptor.open(at.protocol());
  sockets_->acceptor.set_option(tcp::acceptor::reuse_address(true));
  sockets_->acceptor.bind(at);
  sockets_->acceptor.listen(4096);
  port_ = sockets_->acceptor.local_endpoint().port();
  asio::co_spawn(sockets_->io,
                 sockets_->accept({*engine_, std::make_shared<api::StreamRegistry>(), limits_,
                                   options_.payload_bytes_max}),
                 asio::detached);
  sockets_->thread = std::thread([sockets = sockets_.get()] { sockets->io.run(); });
}

void StreamServer::stop() {
  if (!sockets_) return;
  asio::post(sockets_->io, [sockets = sockets_.get()] {
    sockets->stopping = true;
    sockets->acceptor.close();
    if (sockets->count == 0) sockets->io.stop();
    for (auto& connection : sockets->open)
      connection.cancel.emit(asio::cancellation_type::terminal);
  });
  sockets_->thread.join();
  sockets_ = nullptr;
  engine_->stop();
  engine_ = nullptr;
  database_ = nullptr;
}

void StreamServer::cut() {
  std::promise<void> done;
  asio::post(sockets_->io, [&] {
    for (auto& connection : sockets_->open) ::shutdown(connection.descriptor, SHUT_RDWR);
    done.set_value();
  });
  done.get_future().wait();
}

std::size_t StreamServer::connections() const { return sockets_->count; }

void StreamServer::send(const std::string& queue, const std::string& body) {
  orchestrator::SendMessages send;
  send.messages.emplace_back();
  send.messages.back().queue = queue;
  send.messages.back().body = Doc::from_text(body);
  std::promise<bool> sent;
  engine_->submit(std::move(send), orchestrator::Engine::Callback<orchestrator::SendMessages>(
                                       [&](const Result<orchestrator::SendMessages::Reply>& reply) {
                                         sent.set_value(reply.has_value());
                                       }));
  SLUICE_CHECK(sent.get_future().get(), "a message can be sent");
}

}  // namespace sluice::test_support
