#include "api/run_watch.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::api {

struct RunWatch::State {
  explicit State(const asio::any_io_executor& executor) : timer(executor) {}

  // the connection's thread
  boost::asio::steady_timer timer;
  bool changed = false;
  bool interrupted = false;
  bool ended = false;

  // any thread
  std::atomic<bool> posted{false};
  std::atomic<bool> has_ended{false};
};

RunWatch::RunWatch(Call& call, RunId run)
    : call_(call), state_(std::make_shared<State>(call.executor)) {
  call_.peer.watch([state = state_] {
    state->interrupted = true;
    state->timer.cancel();
  });
  id_ = call_.context.engine.watch(run, [state = state_, executor = call.executor](bool ended) {
    if (ended) state->has_ended = true;
    // A run that changes a thousand times in a second wakes its watcher as often as that keeps up.
    if (state->posted.exchange(true)) return;
    boost::asio::post(executor, [state] {
      state->posted = false;
      state->changed = true;
      state->ended = state->has_ended;
      state->timer.cancel();
    });
  });
}

RunWatch::~RunWatch() {
  call_.context.engine.unwatch(id_);
  call_.peer.leave();
}

void RunWatch::set_limit(Duration limit) {
  state_->timer.expires_after(std::chrono::microseconds(limit.us));
}

asio::awaitable<RunWatch::Change> RunWatch::changed() {
  for (;;) {
    if (state_->interrupted) co_return Change::interrupted;
    if (std::exchange(state_->changed, false)) co_return Change::run;
    // A change cancels the wait, not the expiry: what is left of the time goes on counting.
    boost::system::error_code stopped;
    co_await state_->timer.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
    if (!stopped && !state_->changed && !state_->interrupted) co_return Change::time;
  }
}

bool RunWatch::ended() const { return state_->ended; }

}  // namespace sluice::api
