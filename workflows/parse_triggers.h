// The compiler's part for a definition's Triggers: topics whose messages start runs, and schedules.
//
// Not thread-safe; belongs to one compile().
#pragma once

#include "workflows/parse_context.h"
#include "workflows/workflow.h"

namespace sluice::workflows {

void parse_triggers(const Fields& fields, Machine& machine);

}  // namespace sluice::workflows
