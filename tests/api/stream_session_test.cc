#include "api/stream_session.h"

#include <sys/resource.h>

#include <chrono>

#include <doctest/doctest.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "base/json.h"
#include "support/sanitized.h"
#include "support/stream_server.h"

namespace sluice::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using test_support::StreamServer;

// A worker written by hand over a blocking socket.
class Socket {
 public:
  explicit Socket(const StreamServer& server, int receive_buffer = 0) : ws_(io_) {
    auto& socket = ws_.next_layer();
    socket.open(tcp::v4());
    if (receive_buffer > 0)
      socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
    socket.connect({asio::ip::address_v4::loopback(), server.port()});
    ws_.handshake("localhost", "/v1/stream");
  }

  void say(const std::string& frame) {
    ws_.text(true);
    ws_.write(asio::buffer(frame));
  }
  void say_binary(const std::string& frame) {
    ws_.binary(true);
    ws_.write(asio::buffer(frame));
  }
  // The next message; null when the server has closed.
  Json hear() {
    while (waiting_.empty()) {
      beast::flat_buffer buffer;
      error_code error;
      ws_.read(buffer, error);
      if (error) return nullptr;
      Json frame = Json::parse(beast::buffers_to_string(buffer.data()));
      if (frame.is_array())
        waiting_.insert(waiting_.end(), frame.begin(), frame.end());
      else
        waiting_.push_back(std::move(frame));
    }
    Json message = std::move(waiting_.front());
    waiting_.pop_front();
    return message;
  }
  // Reads to the end; the code with which the server closed, 0 if it cut the connection.
  unsigned closed() {
    while (!hear().is_null()) {
    }
    return ws_.reason().code;
  }
  std::string hello(const std::string& more = "") {
    say(R"({"op":"hello","version":1,"worker":"w")" + more + "}");
    const Json welcome = hear();
    REQUIRE(welcome["op"] == "welcome");
    held = welcome["holds"];
    return welcome["session"];
  }
  void subscribe(const std::string& queue, int credit) {
    say(fmt::format(R"({{"op":"subscribe","ref":1,"queue":"{}","credit":{}}})", queue, credit));
    REQUIRE(hear()["op"] == "ok");
  }
  void close() {
    error_code ignored;
    ws_.close(websocket::close_code::normal, ignored);
  }
  void cut() { ws_.next_layer().close(); }
  tcp::socket& raw() { return ws_.next_layer(); }

  Json held;

 private:
  asio::io_context io_;
  websocket::stream<tcp::socket, false> ws_;
  std::deque<Json> waiting_;
};

orchestrator::Options quick() {
  orchestrator::Options options;
  options.session_grace = milliseconds(50);
  return options;
}

TEST_CASE("a worker serves a queue over a socket") {
  StreamServer server;
  Socket worker(server);
  worker.hello();
  worker.subscribe("pay", 2);
  server.send("pay", R"({"order":7})");
  const Json task = worker.hear();
  CHECK(task["body"]["order"] == 7);
  worker.say(fmt::format(R"({{"op":"complete","ref":2,"token":"{}","output":true}})",
                         task["token"].get<std::string>()));
  CHECK(worker.hear() == Json::parse(R"({"op":"ok","ref":2})"));
  worker.say(R"({"op":"bye"})");
  CHECK(worker.closed() == 1000);
}

TEST_CASE("what a cut connection held goes to another worker after the grace") {
  StreamServer server({}, quick());
  Socket first(server), second(server);
  first.hello();
  first.subscribe("pay", 1);
  server.send("pay", "1");
  const Json task = first.hear();
  second.hello();
  second.subscribe("pay", 1);
  first.cut();
  const Json again = second.hear();
  CHECK(again["id"] == task["id"]);
  CHECK(again["attempt"] == 2);
}

TEST_CASE("a worker that comes back in time keeps what it holds") {
  orchestrator::Options options;
  options.session_grace = seconds(60);
  StreamServer server({}, options);
  Socket first(server), second(server);
  const std::string session = first.hello();
  first.subscribe("pay", 1);
  server.send("pay", "1");
  const std::string token = first.hear()["token"];
  first.cut();
  second.hello(fmt::format(R"(,"session":"{}","holds":["{}"])", session, token));
  CHECK(second.held == Json::array({token}));
  second.say(fmt::format(R"({{"op":"complete","ref":2,"token":"{}","output":true}})", token));
  CHECK(second.hear()["op"] == "ok");
}

TEST_CASE("a worker keeps what it holds over a restart of the server") {
  StreamLimits limits;
  limits.close_timeout = milliseconds(100);  // nobody answers the close
  StreamServer server(limits);
  std::string session, token;
  {
    Socket worker(server);
    session = worker.hello();
    worker.subscribe("pay", 1);
    server.send("pay", "1");
    token = worker.hear()["token"];
    server.stop();
    CHECK(worker.closed() == 1001);
  }
  server.start();
  Socket worker(server);
  worker.hello(fmt::format(R"(,"session":"{}","holds":["{}"])", session, token));
  CHECK(worker.held == Json::array({token}));
  worker.say(fmt::format(R"({{"op":"complete","ref":2,"token":"{}","output":true}})", token));
  CHECK(worker.hear()["op"] == "ok");
}

TEST_CASE("a second connection with the session closes the first with 4001") {
  StreamServer server;
  Socket first(server), second(server);
  const std::string session = first.hello();
  CHECK(second.hello(R"(,"session":")" + session + "\"") == session);
  CHECK(first.closed() == 4001);
}

TEST_CASE("frames that break the rules close the connection with their code") {
  StreamLimits limits;
  limits.hello_timeout = milliseconds(100);
  orchestrator::Options options;
  options.payload_bytes_max = 1'000;
  StreamServer server(limits, options);
  SUBCASE("no JSON") {
    Socket worker(server);
    worker.hello();
    worker.say("{nonsense");
    CHECK(worker.hear()["code"] == "bad_json");
    CHECK(worker.closed() == 1007);
  }
  SUBCASE("no UTF-8") {
    Socket worker(server);
    worker.hello();
    worker.say("{\"op\":\"\xFF\"}");
    CHECK(worker.closed() == 1007);
  }
  SUBCASE("binary") {
    Socket worker(server);
    worker.hello();
    worker.say_binary(R"({"op":"ping"})");
    CHECK(worker.closed() == 1003);
  }
  SUBCASE("too large") {
    Socket worker(server);
    worker.hello();
    worker.say(std::string(1'000 + (64 << 10) + 1, ' '));
    CHECK(worker.closed() == 1009);
  }
  SUBCASE("no hello") {
    Socket worker(server);
    CHECK(worker.hear()["op"] == "error");
    CHECK(worker.closed() == 1008);
  }
  SUBCASE("another version") {
    Socket worker(server);
    worker.say(R"({"op":"hello","version":2,"worker":"w"})");
    CHECK(worker.hear()["code"] == "unsupported");
    CHECK(worker.closed() == 1008);
  }
  SUBCASE("nothing but a hang-up") {
    Socket worker(server);
    worker.cut();
  }
  Socket next(server);
  next.hello();
}

TEST_CASE("a connection whose other end is silent, even to pings, is taken for dead") {
  StreamLimits limits;
  limits.idle_timeout = milliseconds(200);
  StreamServer server(limits, quick());
  Socket silent(server), other(server);
  silent.hello();
  silent.subscribe("pay", 1);
  server.send("pay", "1");
  const Json task = silent.hear();
  // From here on nobody reads, so nobody answers pings; the other one reads, and is kept.
  other.hello();
  other.subscribe("pay", 1);
  const Json again = other.hear();
  CHECK(again["id"] == task["id"]);
  // The rest of what came before the end, raw.
  error_code error;
  std::array<char, 4096> rest;
  while (!error) silent.raw().read_some(asio::buffer(rest), error);
  CHECK(error);
}

TEST_CASE("a client that does not read is cut, and others get its tasks") {
  StreamLimits limits;
  // As long as the one that reads may need for a megabyte on a busy machine.
  limits.stall_timeout = milliseconds(test_support::sanitized ? 5'000 : 1'000);
  limits.idle_timeout = seconds(60);
  StreamServer server(limits, quick());
  const std::string body = '"' + std::string(1'000'000, 'x') + '"';
  for (int n = 0; n < 16; ++n) server.send("pay", body);
  Socket slow(server, 4096), other(server);
  slow.hello();
  slow.say(R"({"op":"subscribe","ref":1,"queue":"pay","credit":1000})");
  while (server.engine().queue("pay")->leased < 8) std::this_thread::yield();
  other.hello();
  other.subscribe("pay", 1000);
  std::set<std::string> got;
  while (got.size() < 16) {
    const Json task = other.hear();
    REQUIRE(task["op"] == "task");
    got.insert(task["id"]);
  }
  CHECK(got.size() == 16);
}

TEST_CASE("a page of another site may not open a stream, one of this server may") {
  StreamServer server;
  const auto status = [&](const std::string& origin) {
    asio::io_context io;
    tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), server.port()});
    const std::string request = fmt::format(
        "GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: "
        "{}\r\n\r\n",
        server.port(), origin);
    asio::write(socket, asio::buffer(request));
    std::string answer(12, ' ');
    asio::read(socket, asio::buffer(answer));
    return answer.substr(9);
  };
  CHECK(status("https://evil.example") == "403");
  CHECK(status("null") == "403");
  CHECK(status(fmt::format("http://127.0.0.1:{}", server.port())) == "101");
}

TEST_CASE("a thousand idle workers cost little memory and are told when the server stops") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t count = std::min<std::size_t>(1'000, (files.rlim_cur - 64) / 3);
  const auto resident = [] {
    std::size_t total = 0, pages = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    REQUIRE(file != nullptr);
    REQUIRE(std::fscanf(file, "%zu %zu", &total, &pages) == 2);
    std::fclose(file);
    return pages * 4096;
  };
  StreamServer server;
  const std::size_t before = resident();
  std::vector<std::unique_ptr<Socket>> workers;
  for (std::size_t n = 0; n < count; ++n) {
    workers.push_back(std::make_unique<Socket>(server));
    workers.back()->hello();
    workers.back()->subscribe("pay", 1);
  }
  const std::size_t each = (resident() - std::min(before, resident())) / count;
  MESSAGE("bytes for each idle worker, both ends together: " << each);
  if (!test_support::sanitized) CHECK(each < 64 << 10);
  for (int n = 0; n < 100; ++n) server.send("pay", "1");
  CHECK(server.engine().queue("pay")->leased == 100);
  std::thread stopping([&] { server.stop(); });
  for (auto& worker : workers) CHECK(worker->closed() == 1001);
  stopping.join();
}

}  // namespace
}  // namespace sluice::api
