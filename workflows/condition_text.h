// A choice rule in words that a person can read on an arrow: `$.total > 100 and $.vip is true`.
//
// Thread-safe (pure).
#pragma once

#include <string>

#include "base/json.h"

namespace sluice::workflows {

// REQUIRES: `rule` is a rule that parse_choice_rule accepts.
std::string condition_text(const Json& rule);

}  // namespace sluice::workflows
