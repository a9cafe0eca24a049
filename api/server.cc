#include "api/server.h"

#include <sys/resource.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "api/connection.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "api/read_pool.h"

namespace sluice::api {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

int thread_count(int wanted) {
  if (wanted > 0) return wanted;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8);
}

// The payload limit is the engine's; the others must leave room for it.
Limits fitted(Limits limits, std::size_t payload_bytes_max) {
  limits.payload_bytes_max = payload_bytes_max;
  limits.body_bytes_max = std::max(limits.body_bytes_max, payload_bytes_max + envelope_bytes_max);
  limits.batch_body_bytes_max = std::max(limits.batch_body_bytes_max, limits.body_bytes_max);
  return limits;
}

// A descriptor for each connection and some for everything else, if the system lets us.
void raise_descriptor_limit(std::size_t connections_max) {
  rlimit now{};
  if (getrlimit(RLIMIT_NOFILE, &now) != 0) return;
  const rlim_t wanted = connections_max + 512;
  if (now.rlim_cur >= wanted) return;
  now.rlim_cur = std::min(wanted, now.rlim_max);
  setrlimit(RLIMIT_NOFILE, &now);
}

// What a connection over the limit is told, before anything of it was read.
const std::string& full() {
  static const std::string text = [] {
    const Response response =
        problem(make_error(Errc::unavailable, "too many connections are open; try again later"));
    return fmt::format(
        "HTTP/1.1 503 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nRetry-After: 1\r\n"
        "Connection: close\r\n\r\n{}",
        reason_phrase(503), response.content_type, response.body.size(), response.body);
  }();
  return text;
}

}  // namespace

struct Server::Impl {
  Impl(orchestrator::Engine& engine, const orchestrator::Inspector& inspector, ServerOptions given)
      : options(std::move(given)),
        router(all_routes()),
        metrics(router.routes()),
        context{.engine = engine,
                .inspector = inspector,
                .limits = fitted(options.limits, engine.options().payload_bytes_max),
                .reads = reads,
                .metrics = metrics,
                .log = options.log},
        reads(options.limits.read_threads, options.limits.read_line_max) {}

  ServerOptions options;
  Router router;
  Metrics metrics;
  Context context;
  ReadPool reads;
  std::vector<std::unique_ptr<IoThread>> threads;
  std::optional<tcp::acceptor> acceptor;                  // confined to threads[0]
  std::optional<boost::asio::steady_timer> accept_pause;  // confined to threads[0]
  std::uint16_t port = 0;
  std::size_t next_thread = 0;  // confined to threads[0]

  std::mutex mutex;
  std::condition_variable all_gone;
  std::size_t open = 0;                   // guarded by mutex
  bool started = false, stopped = false;  // guarded by mutex

  void accept();
  void take(tcp::socket socket, IoThread& thread);
  void connection_ended();
  bool wait_until_gone(Duration limit);
};

Server::Server(orchestrator::Engine& engine, const orchestrator::Inspector& inspector,
               ServerOptions options)
    : impl_(std::make_unique<Impl>(engine, inspector, std::move(options))) {}

Server::~Server() { stop(); }

std::uint16_t Server::port() const { return impl_->port; }

void Server::start() {
  Impl& impl = *impl_;
  raise_descriptor_limit(impl.context.limits.connections_max);
  for (int i = 0; i < thread_count(impl.options.threads); ++i)
    impl.threads.push_back(std::make_unique<IoThread>(impl.context));

  const std::string where = fmt::format("{}:{}", impl.options.host, impl.options.port);
  try {
    boost::asio::io_context resolving;
    const auto found = tcp::resolver(resolving).resolve(
        impl.options.host, std::to_string(impl.options.port), tcp::resolver::passive);
    const tcp::endpoint endpoint = *found.begin();
    auto& acceptor = impl.acceptor.emplace(impl.threads[0]->executor());
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(4096);
    impl.port = acceptor.local_endpoint().port();
  } catch (const boost::system::system_error& failure) {
    throw std::runtime_error(
        fmt::format("cannot listen on {}: {}; choose another address with --listen", where,
                    failure.code().message()));
  }
  impl.accept_pause.emplace(impl.threads[0]->executor());
  for (auto& thread : impl.threads) thread->start();
  {
    const std::lock_guard lock(impl.mutex);
    impl.started = true;
  }
  impl.threads[0]->post([&impl] { impl.accept(); });
}

void Server::Impl::accept() {
  IoThread& thread = *threads[next_thread++ % threads.size()];
  acceptor->async_accept(
      thread.executor(), [this, &thread](const error_code& error, tcp::socket socket) {
        // The handler is bound to the acceptor's thread, whatever thread the socket belongs to.
        if (!acceptor->is_open() || error == boost::asio::error::operation_aborted) return;
        if (error) {
          // Out of descriptors or memory: the clients wait in the kernel's line until some are free
          // again.
          if (context.log) context.log("cannot accept a connection: " + error.message());
          accept_pause->expires_after(std::chrono::milliseconds(100));
          accept_pause->async_wait([this](const error_code& cancelled) {
            if (!cancelled) accept();
          });
          return;
        }
        take(std::move(socket), thread);
        accept();
      });
}

void Server::Impl::take(tcp::socket socket, IoThread& thread) {
  {
    const std::lock_guard lock(mutex);
    if (open < context.limits.connections_max) {
      ++open;
    } else {
      metrics.connections_refused.fetch_add(1, std::memory_order_relaxed);
      error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(boost::asio::buffer(full()), ignored);
      socket.shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
  }
  metrics.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  metrics.connections.fetch_add(1, std::memory_order_relaxed);
  thread.post([this, &thread, socket = std::move(socket)]() mutable {
    auto connection = std::make_shared<Connection>(std::move(socket), thread, context, router,
                                                   [this] { connection_ended(); });
    connection->start();
  });
}

void Server::Impl::connection_ended() {
  metrics.connections.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex);
  if (--open == 0) all_gone.notify_all();
}

bool Server::Impl::wait_until_gone(Duration limit) {
  std::unique_lock lock(mutex);
  return all_gone.wait_for(lock, std::chrono::microseconds(limit.us), [this] { return open == 0; });
}

void Server::stop() {
  Impl& impl = *impl_;
  {
    const std::lock_guard lock(impl.mutex);
    if (!impl.started || impl.stopped) return;
    impl.stopped = true;
  }
  impl.context.stopping = true;
  impl.threads[0]->post([&impl] {
    error_code ignored;
    impl.acceptor->close(ignored);
    impl.accept_pause->cancel();
    // After the last connection has been given to its thread.
    for (auto& thread : impl.threads)
      thread->post(
          [&thread] { thread->each([](Connection& connection) { connection.begin_stop(); }); });
  });
  if (!impl.wait_until_gone(impl.context.limits.drain_timeout)) {
    for (auto& thread : impl.threads)
      thread->post(
          [&thread] { thread->each([](Connection& connection) { connection.close_now(); }); });
    // What is left waits for the engine, which answers everything it was given.
    while (!impl.wait_until_gone(seconds(5)))
      if (impl.context.log)
        impl.context.log("still waiting for the engine to answer the last requests");
  }
  for (auto& thread : impl.threads) thread->join();
}

}  // namespace sluice::api
