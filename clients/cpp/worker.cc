#include "clients/worker.h"

#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <random>
#include <thread>
#include <typeinfo>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/core/demangle.hpp>

#include "base/check.h"
#include "clients/worker_ledger.h"

namespace sluice::clients {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;
using Socket = websocket::stream<beast::tcp_stream, false>;

constexpr auto connect_timeout = std::chrono::seconds(10);
constexpr auto idle_timeout = std::chrono::seconds(10);
constexpr auto lasting_connection = std::chrono::seconds(1);
constexpr auto deferred_pause = std::chrono::seconds(1);
constexpr std::size_t frame_bytes_max = 256 << 20;  // the server is trusted to pack sensibly
constexpr std::uint16_t close_refused = 1008;
constexpr std::uint16_t close_taken_over = 4001;

std::string default_name() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  return std::string(host) + "-" + std::to_string(::getpid());
}

Outcome run_handler(const Handler& handler, const Task& task) {
  try {
    return handler(task);
  } catch (const std::exception& exception) {
    return Outcome::failure(boost::core::demangle(typeid(exception).name()), exception.what());
  } catch (...) {
    return Outcome::failure("Worker.UnknownException",
                            "the handler threw something that is no std::exception");
  }
}

}  // namespace

Outcome Outcome::success(std::string output) {
  return {
      .kind = Kind::success, .output = std::move(output), .error = {}, .cause = {}, .delay = {}};
}
Outcome Outcome::failure(std::string error, std::string cause) {
  return {.kind = Kind::failure,
          .output = {},
          .error = std::move(error),
          .cause = std::move(cause),
          .delay = {}};
}
Outcome Outcome::release(std::chrono::milliseconds delay) {
  return {.kind = Kind::release, .output = {}, .error = {}, .cause = {}, .delay = delay};
}

struct Worker::Impl {
  explicit Impl(Options given)
      : options(std::move(given)), ledger(options.name.empty() ? default_name() : options.name) {}

  // ---- pool: guarded by mutex ----
  void pool_thread();
  void give_to_pool(std::shared_ptr<Assignment> assignment);
  std::vector<std::shared_ptr<Assignment>> take_unstarted();

  // ---- the connection's thread only, from here on ----
  asio::awaitable<void> serve();
  asio::awaitable<void> converse();  // one connection, from connect to its end
  asio::awaitable<void> write(std::shared_ptr<Socket> socket);
  void on_frame(std::string_view text);
  void on_finished(std::shared_ptr<Assignment> assignment, Outcome outcome);
  void keep_beating(const std::shared_ptr<Assignment>& assignment);
  void keep_resending();
  void on_stop();
  void leave_if_done();
  void flush();
  void log(const std::string& line) const {
    if (options.log) options.log(line);
  }

  const Options options;
  std::unordered_map<std::string, Handler> handlers;  // constant while running

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::shared_ptr<Assignment>> unstarted;
  bool pool_ends = false;

  asio::io_context io{1};
  WorkerLedger ledger;
  std::shared_ptr<Socket> link;    // from the first step of a connection
  std::shared_ptr<Socket> socket;  // once hello was said
  bool writing = false;
  bool welcomed = false;
  bool stopping = false;
  bool leaving = false;  // bye was said, or there was nobody to say it to
  bool resending = false;
  asio::steady_timer pause{io};
  asio::steady_timer drain{io};
  asio::steady_timer resend{io};
  std::optional<Error> fatal;
  std::atomic<bool> ran{false};
};

Worker::Worker(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {
  SLUICE_CHECK(impl_->options.handlers >= 1, "a worker needs at least one handler thread");
}
Worker::~Worker() = default;

void Worker::on(std::string queue, Handler handler, int credit) {
  const int most = 1'000;
  SLUICE_CHECK(credit >= 0 && credit <= most, "credit is 0 to 1000");
  const int handlers = impl_->options.handlers;
  impl_->ledger.serve(queue, credit > 0 ? credit : std::min(most, handlers + (handlers + 1) / 2));
  impl_->handlers[std::move(queue)] = std::move(handler);
}

void Worker::stop() {
  asio::post(impl_->io, [this] { impl_->on_stop(); });
}

Status Worker::run() {
  SLUICE_CHECK(!impl_->ran.exchange(true), "a worker runs once");
  Impl& impl = *impl_;
  std::vector<std::thread> pool;
  for (int n = 0; n < impl.options.handlers; ++n)
    pool.emplace_back([&impl] { impl.pool_thread(); });
  std::optional<asio::signal_set> signals;
  if (impl.options.stop_on_signals) {
    signals.emplace(impl.io, SIGINT, SIGTERM);
    signals->async_wait([&impl](error_code error, int) {
      if (!error) impl.on_stop();
    });
  }
  asio::co_spawn(impl.io, impl.serve(), [&](std::exception_ptr thrown) {
    signals.reset();
    impl.drain.cancel();
    impl.resend.cancel();
    impl.io.stop();
    if (thrown) std::rethrow_exception(thrown);
  });
  const auto end_pool = [&] {
    {
      const std::lock_guard lock(impl.mutex);
      impl.pool_ends = true;
    }
    impl.wake.notify_all();
    for (std::thread& thread : pool) thread.join();
  };
  try {
    impl.io.run();
  } catch (...) {
    end_pool();
    throw;
  }
  end_pool();
  if (impl.fatal) return *impl.fatal;
  return ok();
}

// ---- pool ----

void Worker::Impl::pool_thread() {
  for (;;) {
    std::shared_ptr<Assignment> assignment;
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return pool_ends || !unstarted.empty(); });
      if (unstarted.empty()) return;
      assignment = std::move(unstarted.front());
      unstarted.pop_front();
    }
    const auto handler = handlers.find(assignment->task.queue);
    Outcome outcome = assignment->task.stop_requested() || handler == handlers.end()
                          ? Outcome::release()
                          : run_handler(handler->second, assignment->task);
    asio::post(io,
               [this, assignment = std::move(assignment), outcome = std::move(outcome)]() mutable {
                 on_finished(std::move(assignment), std::move(outcome));
               });
  }
}

void Worker::Impl::give_to_pool(std::shared_ptr<Assignment> assignment) {
  {
    const std::lock_guard lock(mutex);
    unstarted.push_back(std::move(assignment));
  }
  wake.notify_one();
}

std::vector<std::shared_ptr<Assignment>> Worker::Impl::take_unstarted() {
  const std::lock_guard lock(mutex);
  std::vector<std::shared_ptr<Assignment>> taken(unstarted.begin(), unstarted.end());
  unstarted.clear();
  return taken;
}

// ---- connection ----

asio::awaitable<void> Worker::Impl::serve() {
  std::minstd_rand chance(std::random_device{}());
  int failures = 0;
  while (!leaving && !fatal) {
    // tidy: clock: how long a connection lasted.
    const auto begun = std::chrono::steady_clock::now();
    co_await converse();
    // One that ends at once every time must not be retried at once every time.
    const bool lasted = std::exchange(welcomed, false) &&
                        // tidy: clock: how long a connection lasted.
                        std::chrono::steady_clock::now() - begun > lasting_connection;
    ledger.disconnected();
    if (leaving || fatal) break;
    if (stopping && ledger.idle()) break;
    failures = lasted ? 0 : failures + 1;
    if (failures == 0) continue;  // a connection that had worked: the first retry is at once
    const auto most = std::min<double>(static_cast<double>(options.reconnect_most.count()),
                                       static_cast<double>(options.reconnect_first.count()) *
                                           static_cast<double>(1 << std::min(failures - 1, 16)));
    const auto wait = std::uniform_real_distribution<double>(0, most)(chance);
    pause.expires_after(std::chrono::milliseconds(static_cast<std::int64_t>(wait)));
    error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<void> Worker::Impl::converse() {
  error_code error;
  asio::ip::tcp::resolver resolver(io);
  const auto found = co_await resolver.async_resolve(
      options.host, std::to_string(options.port), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return log("cannot resolve " + options.host + ": " + error.message());
  if (leaving) co_return;
  const auto here = std::make_shared<Socket>(io);
  link = here;
  auto& stream = here->next_layer();
  stream.expires_after(connect_timeout);
  co_await stream.async_connect(found, asio::redirect_error(asio::use_awaitable, error));
  if (error)
    co_return log("cannot connect to " + options.host + ":" + std::to_string(options.port) + ": " +
                  error.message());
  stream.expires_never();
  stream.socket().set_option(asio::ip::tcp::no_delay(true), error);
  here->set_option(websocket::stream_base::timeout{.handshake_timeout = connect_timeout,
                                                   .idle_timeout = idle_timeout,
                                                   .keep_alive_pings = true});
  here->set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
    if (!options.authorization.empty())
      request.set(beast::http::field::authorization, options.authorization);
  }));
  here->read_message_max(frame_bytes_max);
  here->auto_fragment(false);
  co_await here->async_handshake(options.host + ":" + std::to_string(options.port), "/v1/stream",
                                 asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return log("the server refused the worker stream: " + error.message());
  here->text(true);
  const std::string hello = ledger.hello();
  co_await here->async_write(asio::buffer(hello), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return log("the connection broke: " + error.message());

  if (leaving) co_return;
  socket = here;
  beast::flat_buffer buffer;
  for (;;) {
    co_await here->async_read(buffer, asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    on_frame({static_cast<const char*>(buffer.cdata().data()), buffer.size()});
    buffer.consume(buffer.size());
    if (fatal) break;
  }
  socket = nullptr;
  writing = false;
  beast::close_socket(stream);
  const auto code = here->reason().code;
  if (fatal || leaving) co_return;
  log("the connection ended: " + (error == websocket::error::closed
                                      ? "closed with " + std::to_string(code)
                                      : error.message()));
  if (error == websocket::error::closed && code == close_taken_over)
    fatal = make_error(Errc::conflict, "another connection took this worker's session over");
  if (error == websocket::error::closed && code == close_refused && !welcomed)
    fatal = make_error(Errc::unsupported, "the server refuses this worker: " +
                                              std::string(here->reason().reason.c_str()));
}

void Worker::Impl::on_frame(std::string_view text) {
  auto received = ledger.receive(text);
  if (!received) {
    fatal = std::move(received).error();
    return;
  }
  if (received->welcomed) {
    welcomed = true;
  }
  for (const std::string& note : received->notes) log(note);
  for (auto& assignment : received->tasks) {
    if (stopping) {
      ledger.give_back(assignment);
      continue;
    }
    if (assignment->heartbeat) keep_beating(assignment);
    give_to_pool(std::move(assignment));
  }
  if (ledger.has_deferred()) keep_resending();
  leave_if_done();
  flush();
}

void Worker::Impl::flush() {
  if (!socket || writing || !ledger.has_output()) return;
  writing = true;
  asio::co_spawn(io, write(socket), asio::detached);
}

asio::awaitable<void> Worker::Impl::write(std::shared_ptr<Socket> here) {
  error_code error;
  while (socket == here && ledger.has_output()) {
    const std::string frame = ledger.take_frame();
    co_await here->async_write(asio::buffer(frame),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      beast::close_socket(here->next_layer());  // the reader sees it and reconnects
      break;
    }
  }
  if (socket == here) writing = false;
}

void Worker::Impl::on_finished(std::shared_ptr<Assignment> assignment, Outcome outcome) {
  ledger.finished(assignment, std::move(outcome));
  leave_if_done();
  flush();
}

void Worker::Impl::keep_beating(const std::shared_ptr<Assignment>& assignment) {
  const auto every = std::max<std::chrono::milliseconds>(*assignment->heartbeat / 3,
                                                         std::chrono::milliseconds(50));
  const auto timer = std::make_shared<asio::steady_timer>(io, every);
  timer->async_wait([this, timer, weak = std::weak_ptr(assignment)](error_code error) {
    const auto held = weak.lock();
    if (error || !held || !ledger.working().contains(held->task.token)) return;
    ledger.beat(*held);
    flush();
    keep_beating(held);
  });
}

void Worker::Impl::keep_resending() {
  if (std::exchange(resending, true)) return;
  resend.expires_after(deferred_pause);
  resend.async_wait([this](error_code error) {
    if (error) return;
    resending = false;
    ledger.send_deferred();
    flush();
  });
}

// ---- leaving ----

void Worker::Impl::on_stop() {
  if (std::exchange(stopping, true)) return;
  ledger.stop_taking();
  for (const auto& assignment : take_unstarted()) ledger.give_back(assignment);
  drain.expires_after(options.drain);
  drain.async_wait([this](error_code error) {
    if (error) return;
    for (const auto& [token, assignment] : ledger.working()) *assignment->stop = true;
    leaving = true;
    ledger.bye();
    flush();
    if (!welcomed && link) beast::close_socket(link->next_layer());
    pause.cancel();
    // A server that does not answer the bye is not waited for.
    drain.expires_after(std::chrono::seconds(2));
    drain.async_wait([this](error_code cancelled) {
      if (!cancelled && link) beast::close_socket(link->next_layer());
    });
  });
  leave_if_done();
  flush();
  pause.cancel();  // one more try now, to deliver what is owed
}

void Worker::Impl::leave_if_done() {
  if (!stopping || leaving || !ledger.idle()) return;
  leaving = true;
  ledger.bye();
  // Nobody to say it to: whatever is being tried is given up.
  if (!welcomed && link) beast::close_socket(link->next_layer());
  pause.cancel();
}

}  // namespace sluice::clients
