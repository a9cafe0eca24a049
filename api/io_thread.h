// One thread, one io_context, and the connections that live on it.
//
// A connection never leaves its thread, so nothing of it needs a lock or a strand. Time-outs are
// one timer for all: every tick it looks at each connection's deadline, which costs a comparison,
// where a timer per read and write would cost an allocation and a heap operation each.
//
// Confined to its own thread, except post() and executor().
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <unordered_set>

#include "api/context.h"

namespace sluice::api {

class Connection;

class IoThread {
 public:
  using Tick = std::uint64_t;
  static constexpr Tick never = std::numeric_limits<Tick>::max();

  explicit IoThread(Context& context);
  ~IoThread();

  void start();
  // After the last connection has gone.
  void join();

  boost::asio::io_context::executor_type executor() { return io_.get_executor(); }
  template <class Work>
  void post(Work work) {
    boost::asio::post(io_, std::move(work));
  }

  void add(Connection* connection) {
    connections_.insert(connection);
    timed_.insert(connection);
  }
  void remove(Connection* connection) {
    connections_.erase(connection);
    timed_.erase(connection);
  }
  // Its deadline is not looked at any more: thousands of workers' streams wait, and a look at each
  // at every tick would be most of what they cost.
  void stop_timing(Connection* connection) { timed_.erase(connection); }
  template <class Visit>
  void each(Visit visit) {
    // A visit may end a connection, though never at once; a copy is safe whatever it does.
    const std::vector<Connection*> now(connections_.begin(), connections_.end());
    for (Connection* connection : now) visit(*connection);
  }

  // The tick at which `wait` has surely passed.
  Tick after(Duration wait) const { return tick_ + static_cast<Tick>(wait.us / tick_us_) + 2; }
  // The Date header's value, at most a tick old.
  const std::string& date() const { return date_; }

 private:
  void arm();
  void turn();

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  const std::int64_t tick_us_;
  Context& context_;
  Tick tick_ = 0;
  std::string date_;
  std::unordered_set<Connection*> connections_;
  std::unordered_set<Connection*> timed_;  // those with deadlines
  std::thread thread_;
};

}  // namespace sluice::api
