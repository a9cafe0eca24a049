// Which field may stand on which kind of state, in which query language, and whether this version
// offers it.
//
// Thread-safe (constants).
#pragma once

#include <string_view>

#include "workflows/parse_context.h"

namespace sluice::workflows {

// Every Type of the language; the first six are offered, in StateType's order.
enum class TypeName { task, pass, choice, wait, succeed, fail, parallel, map };
inline constexpr std::string_view type_names[] = {"Task",    "Pass", "Choice",   "Wait",
                                                  "Succeed", "Fail", "Parallel", "Map"};

// Reports every member of a state that does not belong there: unknown (with a suggestion), of
// another kind of state, of the other query language, or not offered by this version.
void check_state_fields(ParseContext& context, const Json& state, std::string_view pointer,
                        TypeName type, bool jsonata);

}  // namespace sluice::workflows
