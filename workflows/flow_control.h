// What a state asks for before it works, and what it counts: Gate, Lock and Counters
// (docs/flow-control.md).
//
// Constants of a compiled machine; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "workflows/state_index.h"
#include "workflows/value.h"

namespace sluice::workflows {

// Written down, or computed. In JSONPath a computed one is the member of this name of an object.
using FlowText = std::variant<std::string, Value>;
using FlowNumber = std::variant<std::int64_t, Value>;

// How a counter's value must stand to the bound. The numbers are stored.
enum class CounterTest : std::uint8_t { equals = 1, at_most, at_least, below, above };
std::string_view field_of(CounterTest test);  // "Below": as a definition says it
std::string_view in_words(CounterTest test);  // "below": "the gate opens below 100"
constexpr bool holds(CounterTest test, std::int64_t value, std::int64_t bound) {
  switch (test) {
    case CounterTest::equals:
      return value == bound;
    case CounterTest::at_most:
      return value <= bound;
    case CounterTest::at_least:
      return value >= bound;
    case CounterTest::below:
      return value < bound;
    case CounterTest::above:
      return value > bound;
  }
  return false;
}

struct Gate {
  FlowText counter;
  CounterTest test = CounterTest::below;
  FlowNumber bound;
  std::optional<FlowNumber> timeout_s;
};

struct StageLock {
  FlowText name;
  FlowNumber permits = std::int64_t{1};
  std::string through_name;       // HeldThrough; "": this state
  StateIndex through = no_state;  // the same, or this state
  std::optional<FlowNumber> timeout_s;
};

// The numbers are stored.
enum class CounterOn : std::uint8_t { enter = 1, exit, success, failure };

struct CounterChange {
  FlowText name;
  CounterOn on = CounterOn::enter;
  FlowNumber add;
};

struct FlowControl {
  std::optional<Gate> gate;
  std::optional<StageLock> lock;
  std::vector<CounterChange> counters;
};

inline constexpr std::size_t flow_name_bytes_max = 255;  // of a lock or counter
inline constexpr std::int64_t permits_max = 1'000'000;
// Counters whose names begin so are the service's own.
inline constexpr std::string_view stage_counter_prefix = "stage:";

}  // namespace sluice::workflows
