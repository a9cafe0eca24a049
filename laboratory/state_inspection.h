// What became of a state's data on its way: the members of TestState's inspectionData.
//
// Thread-safe (no shared state).
#pragma once

#include <optional>

#include "base/json.h"
#include "orchestrator/interpreter.h"
#include "workflows/workflow.h"

namespace sluice::laboratory {

// Members that could be computed: those behind a field that fails are left out.
Json inspect_data(const workflows::State& state, const workflows::Machine& machine,
                  const orchestrator::RunFacts& run, const orchestrator::Frame& frame,
                  const std::optional<Doc>& result);

// What a Map was about to do.
void add_plan(const orchestrator::Next& next, const workflows::State& state, Json& inspection);

}  // namespace sluice::laboratory
