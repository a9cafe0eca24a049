#include "api/connection.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <future>

#include "api/await.h"
#include "api/metrics.h"
#include "raw_socket.h"
#include "server_fixture.h"

namespace sluice::api::http_test {
namespace {

using boost::asio::ip::tcp;

asio::awaitable<Response> throws(Call&) {
  throw std::runtime_error("a secret of the inside");
  co_return Response{};
}
asio::awaitable<Response> storage_is_slow(Call& call) {
  co_await read(
      call, []() -> int { throw storage::StorageError(storage::Fault::interrupted, "too long"); });
  co_return Response{};
}
asio::awaitable<Response> never_called_back(Call&) {
  const auto outcome = co_await from_engine<Unit>([](const std::function<void(Status)>&) {});
  co_return outcome ? Response{} : problem(outcome.error());
}
asio::awaitable<Response> fine(Call&) { co_return Response{.body = "{}"}; }

// A read that stands still until it is let go on.
struct Gate {
  std::promise<void> entered, open;
};
Gate* gate = nullptr;

asio::awaitable<Response> reads_behind_the_gate(Call& call) {
  co_await read(call, []() -> int {
    gate->entered.set_value();
    gate->open.get_future().wait();
    return 0;
  });
  co_return Response{.body = "{}"};
}
asio::awaitable<Response> reads(Call& call) {
  co_await read(call, []() -> int { return 0; });
  co_return Response{.body = "{}"};
}

std::vector<Route> routes() {
  std::vector<Route> all;
  const auto add = [&all](std::string_view path, Handler handler) {
    Route& route = all.emplace_back();
    route.path = path;
    route.handler = handler;
  };
  add("/throws", throws);
  add("/slow", storage_is_slow);
  add("/dropped", never_called_back);
  add("/gate", reads_behind_the_gate);
  add("/read", reads);
  add("/fine", fine);
  return all;
}

// Connections over a table of the test's own.
struct Small {
  Small() {
    thread.start();
    socket = std::make_unique<RawSocket>(open());
  }
  ~Small() {
    socket.reset();
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return open_count == 0; });
  }
  // A port with a connection behind it, which is served as soon as a client comes.
  std::uint16_t open() {
    auto acceptor = std::make_shared<tcp::acceptor>(
        thread.executor(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const std::uint16_t port = acceptor->local_endpoint().port();
    {
      const std::lock_guard lock(mutex);
      ++open_count;
    }
    acceptor->async_accept([this, acceptor](const boost::system::error_code&, tcp::socket peer) {
      std::make_shared<Connection>(std::move(peer), thread, context, router, [this] {
        const std::lock_guard lock(mutex);
        --open_count;
        changed.notify_all();
      })->start();
    });
    return port;
  }
  std::string get(const std::string& path) {
    REQUIRE(socket->say(get_request(path)));
    return socket->response();
  }

  Host host;
  Router router{routes()};
  Metrics metrics{router.routes()};
  ReadPool reads{1, 1};
  std::string logged;
  Context context{.engine = *host.engine,
                  .inspector = *host.inspector,
                  .limits = {},
                  .reads = reads,
                  .metrics = metrics,
                  .log = [this](std::string_view line) { logged = line; }};
  std::mutex mutex;
  std::condition_variable changed;
  int open_count = 0;
  IoThread thread{context};
  std::unique_ptr<RawSocket> socket;
};

}  // namespace

TEST_CASE(
    "a handler that throws is a 500 which keeps the inside to the log, and the connection goes "
    "on") {
  Small small;
  const std::string answer = small.get("/throws");
  CHECK(status_of(answer) == 500);
  CHECK(answer.find("secret") == std::string::npos);
  CHECK(answer.find("application/problem+json") != std::string::npos);
  CHECK(status_of(small.get("/fine")) == 200);
  CHECK(small.logged.find("secret") != std::string::npos);
}

TEST_CASE("a read that took too long is a 503 which says to narrow the question") {
  Small small;
  const std::string answer = small.get("/slow");
  CHECK(status_of(answer) == 503);
  CHECK(answer.find("narrow it") != std::string::npos);
}

TEST_CASE("a callback that the engine drops leaves nobody waiting") {
  Small small;
  CHECK(status_of(small.get("/dropped")) == 503);
  CHECK(status_of(small.get("/fine")) == 200);
}

TEST_CASE("who finds the line of reads full is told so at once") {
  Gate closed;
  gate = &closed;
  Small small;
  RawSocket at_work(small.open()), in_line(small.open());
  REQUIRE(at_work.say(get_request("/gate")));
  closed.entered.get_future().wait();
  REQUIRE(in_line.say(get_request("/read")));
  while (small.reads.waiting() == 0) std::this_thread::yield();
  const std::string refused = small.get("/read");
  CHECK(status_of(refused) == 503);
  CHECK(refused.find("Retry-After: ") != std::string::npos);
  CHECK(status_of(small.get("/fine")) == 200);
  closed.open.set_value();
  CHECK(status_of(at_work.response()) == 200);
  CHECK(status_of(in_line.response()) == 200);
}

}  // namespace sluice::api::http_test
