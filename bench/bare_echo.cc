#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/bare.h"
#include "bench/measure.h"

namespace sluice::bench {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using Stream = websocket::stream<tcp::socket, false>;

constexpr int connections = 4;
constexpr std::size_t packed = 64;

class Echo : public std::enable_shared_from_this<Echo> {
 public:
  explicit Echo(tcp::socket socket) : ws_(std::move(socket)) {
    ws_.next_layer().set_option(tcp::no_delay(true));
    ws_.auto_fragment(false);
  }
  void run() {
    ws_.async_accept([self = shared_from_this()](error_code error) {
      if (!error) self->read();
    });
  }

 private:
  void read() {
    ws_.async_read(in_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return;
      self->ws_.async_write(self->in_.data(), [self](error_code failed, std::size_t) {
        if (failed) return;
        self->in_.clear();
        self->read();
      });
    });
  }
  Stream ws_;
  boost::beast::flat_buffer in_;
};

class Caller {
 public:
  Caller(asio::io_context& context, std::uint16_t port, std::size_t bytes)
      : ws_(context), text_(bytes, 'x') {
    ws_.next_layer().connect({asio::ip::address_v4::loopback(), port});
    ws_.next_layer().set_option(tcp::no_delay(true));
    ws_.auto_fragment(false);
    ws_.secure_prng(false);
    ws_.handshake("127.0.0.1", "/");
  }
  void run(std::int64_t limit, Latencies& latencies) {
    const std::int64_t begun = now_us();
    if (begun >= limit) return;
    ws_.async_write(asio::buffer(text_), [=, this, &latencies](error_code error, std::size_t) {
      if (error) return;
      ws_.async_read(in_, [=, this, &latencies](error_code failed, std::size_t) {
        if (failed) return;
        in_.clear();
        latencies.add(now_us() - begun);
        run(limit, latencies);
      });
    });
  }

 private:
  Stream ws_;
  boost::beast::flat_buffer in_;
  const std::string text_;
};

double measure(int callers, std::size_t bytes, double seconds, Latencies& latencies) {
  asio::io_context server(1);
  tcp::acceptor acceptor(server, {asio::ip::address_v4::loopback(), 0});
  const std::uint16_t port = acceptor.local_endpoint().port();
  std::function<void()> accept = [&] {
    acceptor.async_accept([&](error_code error, tcp::socket socket) {
      if (error) return;
      std::make_shared<Echo>(std::move(socket))->run();
      accept();
    });
  };
  accept();
  std::thread thread([&] { server.run(); });
  asio::io_context client(1);
  std::vector<std::unique_ptr<Caller>> all;
  for (int n = 0; n < callers; ++n) all.push_back(std::make_unique<Caller>(client, port, bytes));
  const std::int64_t begun = now_us();
  for (auto& caller : all) caller->run(begun + static_cast<std::int64_t>(seconds * 1e6), latencies);
  client.run();
  const auto taken = static_cast<double>(now_us() - begun);
  server.stop();
  thread.join();
  return static_cast<double>(latencies.size()) * 1e6 / taken;
}

}  // namespace

EchoRate measure_echo(std::size_t bytes, double seconds) {
  EchoRate rate;
  Latencies alone;
  rate.alone_per_second = measure(1, bytes, seconds / 2, alone);
  rate.alone_p50_ms = alone.quantile_ms(0.5);
  Latencies many;
  rate.packed_per_second =
      static_cast<double>(packed) * measure(connections, bytes * packed, seconds / 2, many);
  return rate;
}

}  // namespace sluice::bench
