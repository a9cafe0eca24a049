// The context object: what paths that begin with "$$" look into.
//
// Pure; thread-safe but for the Docs in its arguments.
#pragma once

#include <string>

#include "base/json.h"
#include "orchestrator/interpreter.h"

namespace sluice::orchestrator {

// Names in the service's own form, so that definitions that take them apart (the 7th part of
// $$.Execution.Id is the execution's name) go on working.
std::string state_machine_arn(const std::string& workflow);
std::string execution_arn(const std::string& workflow, const std::string& name);

// REQUIRES: frame.state is a state of `machine`.
Json context_object(const workflows::Machine& machine, const RunFacts& run, const Frame& frame);

}  // namespace sluice::orchestrator
