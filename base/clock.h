// Time is a parameter: the engine takes a Clock, tests pass a virtual one.
#pragma once

#include <atomic>

#include "base/time.h"

namespace sluice {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall_now() const = 0;
  // Monotonic, from an arbitrary start; the engine derives EngineTime from it.
  virtual Duration steady_now() const = 0;
};

// Thread-safe.
class SystemClock final : public Clock {
 public:
  WallTime wall_now() const override;
  Duration steady_now() const override;
};

// Moves only when told to. Thread-safe.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(WallTime start = {1'767'225'600'000'000}) : wall_us_(start.us) {}
  WallTime wall_now() const override { return {wall_us_.load()}; }
  Duration steady_now() const override { return {steady_us_.load()}; }
  void advance(Duration d) {
    wall_us_ += d.us;
    steady_us_ += d.us;
  }
  // The world goes on, this machine does not: what a stopped server sees.
  void advance_wall_only(Duration d) { wall_us_ += d.us; }

 private:
  std::atomic<std::int64_t> wall_us_;
  std::atomic<std::int64_t> steady_us_{0};
};

}  // namespace sluice
