// A few threads for what blocks: reads from the database, compiling a definition.
//
// The line before them is bounded; who finds it full is answered 503 with Retry-After at once.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace sluice::api {

class ReadLineFull : public std::runtime_error {
 public:
  ReadLineFull() : std::runtime_error("too many reads are waiting; try again in a moment") {}
};

class ReadPool {
 public:
  ReadPool(int threads, std::size_t line_max)
      : line_max_(line_max), pool_(static_cast<std::size_t>(threads)) {}
  ~ReadPool() { pool_.join(); }

  // Takes a place in the line, or throws ReadLineFull. Every place is used by one post().
  void enter() {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) < line_max_) return;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    throw ReadLineFull();
  }
  template <class Work>
  void post(Work work) {
    boost::asio::post(pool_, [this, work = std::move(work)]() mutable {
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      work();
    });
  }
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  const std::size_t line_max_;
  std::atomic<std::size_t> waiting_{0};
  boost::asio::thread_pool pool_;
};

}  // namespace sluice::api
