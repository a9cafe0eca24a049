// When two JSON values are the same, and which number is larger.
//
// Numbers compare by value (1 and 1.0 are equal), objects without regard to the order of their
// members. Thread-safe (no shared state).
#pragma once

#include <compare>

#include "base/json.h"

namespace sluice::workflows {

bool equal_json(const Json& left, const Json& right);

// Unordered if either is no number.
std::partial_ordering compare_numbers(const Json& left, const Json& right);

// "null", "boolean", "number", "string", "array", "object": for messages.
const char* type_name(const Json& value);

}  // namespace sluice::workflows
