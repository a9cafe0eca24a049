// Where a frame stands between entering a state and working in it, what it holds, and what it owes
// when it leaves; and what the interpreter asks of counters and locks. docs/flow-control.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workflows/workflow.h"

namespace sluice::orchestrator {

// How far a frame has come in the state it stands at. The numbers are stored.
enum class Passage : std::uint8_t {
  outside = 0,  // its gate is still to be passed
  gated = 1,    // past the gate: what it counts on Enter is counted
  locking = 2,  // its lock is asked for
  inside = 3,   // it works
  before = 4,   // it has not entered the state
};

struct HeldLock {
  std::string name;
  std::int64_t permits = 1;
  workflows::StateIndex asked_at = workflows::no_state;
  workflows::StateIndex through = workflows::no_state;  // none: to the end of the frame
  // False: it is still to be had; where the frame has ended, it was given back.
  bool granted = false;
};

struct OwedChange {
  workflows::CounterOn on = workflows::CounterOn::exit;
  std::string counter;
  std::int64_t add = 0;
};

struct FlowState {
  Passage at = Passage::outside;
  bool resumes = false;         // it goes on with the children it had spawned
  std::vector<HeldLock> locks;  // in the order in which they were asked for
  std::vector<OwedChange> owed;

  bool empty() const { return at == Passage::outside && !resumes && locks.empty() && owed.empty(); }
};
inline constexpr std::size_t locks_held_max = 64;  // by one frame

enum class LockAnswer : std::uint8_t { granted, wait, deadlock };

// The counters and locks, as one call of advance() sees and changes them: each call takes effect at
// once. This one, which stands for a world of its own, opens every gate, grants every lock and
// counts nothing.
class Doors {
 public:
  virtual ~Doors() = default;
  // Whether the frame may pass: the condition holds, and nobody stands in its line.
  virtual bool passes(const std::string& /*counter*/, workflows::CounterTest, std::int64_t) {
    return true;
  }
  // The new value.
  virtual std::int64_t add(const std::string& /*counter*/, std::int64_t /*add*/) { return 0; }
  virtual LockAnswer take(const std::string& /*name*/, std::int64_t /*permits*/) {
    return LockAnswer::granted;
  }
  // What the frame does not hold any more, by an operator's word, is passed over.
  virtual void release(const std::string& /*name*/) {}
};

}  // namespace sluice::orchestrator
