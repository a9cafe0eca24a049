// The runs under way: who may start, and how long each took from its start to its known end.
//
// A run has a slot while it is under way; the slot's number travels in the payload, so that a task
// or an answer tells which run it belongs to. Two ways to give load: closed (a new run starts when
// one has ended, a fixed number under way) and paced (runs start at a fixed rate, whatever the
// server does). A paced run's time begins when it was due, not when it could be sent: a server that
// stalls is not spared the runs that would have come meanwhile.
//
// Threads: the load's thread calls everything; finished(), first_delivery() and
// set_measuring() any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure.h"

namespace sluice::bench {

struct Plan {
  int in_flight = 1;           // under way at most
  double runs_per_second = 0;  // 0: closed
  std::size_t payload_bytes = 200;
  // The slots' numbers begin here. A load that follows a killed one begins behind the other's: the
  // tasks that were left behind are worked on, and counted by nobody.
  std::uint32_t first_slot = 0;
};

using Slot = std::uint32_t;

class Book {
 public:
  explicit Book(const Plan& plan);

  // How many runs may start now.
  int wanted(std::int64_t now);
  // REQUIRES: wanted() said so.
  Slot start(std::int64_t now);
  void finish(Slot slot, std::int64_t now);
  int under_way() const { return under_way_; }
  // A task has come.
  void deliver(std::int64_t now);
  // When the first one came; 0 before.
  std::int64_t first_delivery() const { return first_delivery_.load(std::memory_order_relaxed); }
  bool paced() const { return plan_.runs_per_second > 0; }

  // No run starts any more.
  void close() { closed_ = true; }
  bool closed() const { return closed_; }

  std::int64_t finished() const { return finished_.load(std::memory_order_relaxed); }
  void set_measuring(bool measuring) { measuring_.store(measuring, std::memory_order_relaxed); }
  // REQUIRES: the load's thread has ended.
  Latencies& latencies() { return latencies_; }

 private:
  const Plan plan_;
  std::vector<std::int64_t> started_;  // by slot, without first_slot
  std::vector<Slot> free_;
  Latencies latencies_;
  double next_due_ = 0;  // paced: microseconds
  int under_way_ = 0;
  bool closed_ = false;
  std::atomic<std::int64_t> finished_{0};
  std::atomic<std::int64_t> first_delivery_{0};
  std::atomic<bool> measuring_{false};
};

// An order of exactly `payload_bytes`, with the slot's number in it: what is started with, and what
// every stage gives back.
class Payload {
 public:
  explicit Payload(std::size_t payload_bytes);
  void append(std::string& out, Slot slot) const;
  std::size_t size() const { return head_.size() + digits + tail_.size(); }

  // The first slot's number in `text`. Throws std::runtime_error if there is none.
  static Slot slot_in(std::string_view text);

 private:
  static constexpr std::size_t digits = 6;
  std::string head_;
  std::string tail_;
};

}  // namespace sluice::bench
