// Waiting for the engine, and for blocking reads, without holding a socket's thread.
//
// The engine answers by a callback on its writer thread; here that becomes something to co_await.
// The callback hands the outcome over to the connection's thread (api/hand_over.h) and returns.
//
// GCC 12 copies some temporaries of a statement that awaits bit by bit, strings and all, and both
// copies are destroyed: aggregates made with braces, and lambdas that hold something by value. It
// does so in arguments, in default arguments, in either branch of a conditional, and in
// `co_return co_await f(Command{…})` as well. So: in a statement with co_await, what owns something
// has a name and is moved, and lambdas capture by reference only. tests/tidy/tidy.py refuses the
// rest; it cannot see default arguments, so functions that are awaited have none that own.
//
// Failure: a callback that is dropped instead of called (the engine stops, a wait is cancelled)
// answers `unavailable`, so no coroutine is ever left hanging.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <variant>

#include "api/hand_over.h"
#include "api/http.h"
#include "api/problem.h"
#include "api/read_pool.h"

namespace sluice::api {

namespace detail {

// One waiting coroutine. Owned by the callback; resumed once, by the answer or by the callback's
// end.
template <class T, class Waiter>
class Pending {
 public:
  explicit Pending(Waiter waiter) : waiter_(std::move(waiter)) {}
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() {
    if (waiter_) resume(make_error(Errc::unavailable, "the server stopped waiting for this"));
  }
  void resume(Result<T> outcome) {
    if (!waiter_) return;
    const asio::any_io_executor executor = asio::get_associated_executor(*waiter_);
    hand_over(executor,
              [answer = std::make_shared<Answer>(std::move(*waiter_), std::move(outcome))] {
                std::move(answer->waiter)(std::move(answer->outcome));
              });
    waiter_.reset();
  }

 private:
  struct Answer {
    Answer(Waiter waiter_in, Result<T> outcome_in)
        : waiter(std::move(waiter_in)), outcome(std::move(outcome_in)) {}
    Waiter waiter;
    Result<T> outcome;
  };
  std::optional<Waiter> waiter_;
};

}  // namespace detail

// `start` is given the callback, a std::function<void(Result<T>)>, and hands it to the engine.
template <class T, class Start>
asio::awaitable<Result<T>> from_engine(Start start) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Result<T>)>(
      [start = std::move(start)](auto waiter) mutable {
        using Waiter = decltype(waiter);
        auto pending = std::make_shared<detail::Pending<T, Waiter>>(std::move(waiter));
        start(std::function<void(Result<T>)>(
            [pending](Result<T> outcome) { pending->resume(std::move(outcome)); }));
      },
      asio::use_awaitable);
}

template <class C>
asio::awaitable<Result<typename C::Reply>> submit(Call& call, C command) {
  return from_engine<typename C::Reply>([&call, command = std::move(command)](auto done) mutable {
    call.context.engine.submit(std::move(command), std::move(done), call.by);
  });
}

// What `work` gives, computed on the read pool; what it throws is thrown here. Throws ReadLineFull.
template <class Work>
asio::awaitable<std::invoke_result_t<Work&>> read(Call& call, Work work) {
  using Value = std::invoke_result_t<Work&>;
  using Outcome = std::variant<std::exception_ptr, Value>;
  ReadPool& pool = call.context.reads;
  pool.enter();
  Outcome outcome = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Outcome)>(
      [&pool, &work](auto waiter) {
        using Waiter = decltype(waiter);
        auto shared = std::make_shared<Waiter>(std::move(waiter));
        pool.post([&work, shared] {
          Outcome found;
          try {
            found.template emplace<1>(work());
          } catch (...) {
            found.template emplace<0>(std::current_exception());
          }
          auto executor = asio::get_associated_executor(*shared);
          asio::post(executor, [shared, found = std::move(found)]() mutable {
            std::move (*shared)(std::move(found));
          });
        });
      },
      asio::use_awaitable);
  if (outcome.index() == 0) std::rethrow_exception(std::get<0>(outcome));
  co_return std::move(std::get<1>(outcome));
}

}  // namespace sluice::api
