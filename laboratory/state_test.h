// One state alone: its input in; its output and the next state out, and what became of the data on
// the way, as the service's TestState tells it.
//
// The rules are those of the interpreter itself; nothing is queued and no time passes. A state that
// does work (Task, Parallel, Map) needs to be told what the work gives.
//
// Thread-safe (no shared state).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/doc.h"
#include "base/json.h"
#include "base/result.h"
#include "orchestrator/interpreter.h"
#include "workflows/workflow.h"

namespace sluice::laboratory {

struct StateQuestion {
  std::shared_ptr<const workflows::Machine> machine;
  std::string state;
  Doc input = {};
  Doc variables = {};  // absent: none
  Doc context = {};    // absent: the usual
  // What the work gives, or how it fails. `whole`: the result is the state's, nothing is put around
  // it (as lambda:invoke does).
  std::optional<Doc> result = {};
  std::optional<orchestrator::Fault> failure = {};
  bool whole = false;
  std::uint32_t retries = 0;      // that were made before
  std::int64_t failed_items = 0;  // of a Map
  std::size_t payload_bytes_max = 1 << 20;
};

struct StateAnswer {
  enum class Status : std::uint8_t { succeeded, failed, retriable, caught_error };
  Status status = Status::succeeded;
  Doc output;                 // succeeded, caught_error
  orchestrator::Fault fault;  // failed, retriable, caught_error
  std::string next_state;     // "" if there is none
  Json inspection;            // an object: input, afterInputPath, afterArguments, …
};
std::string_view to_string(StateAnswer::Status status);  // "SUCCEEDED", "CAUGHT_ERROR", …

// Refuses with not_found for a state that is not there, and with invalid_argument for a question
// that cannot be answered: work whose result is missing or of the wrong form.
Result<StateAnswer> test_state(const StateQuestion& question);

// A definition of one state, as a machine of that state and of what it can lead to.
// Refuses what compile() refuses.
inline constexpr std::string_view lone_state = "StateName";
Result<std::shared_ptr<const workflows::Machine>> machine_of_state(const Json& state);

}  // namespace sluice::laboratory
