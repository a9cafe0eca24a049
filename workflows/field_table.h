// Which field may stand on which kind of state, in which query language, and whether this version
// offers it.
//
// Thread-safe (constants).
#pragma once

#include <string_view>

#include "workflows/parse_context.h"
#include "workflows/workflow.h"

namespace sluice::workflows {

// Every Type of the language, in StateType's order.
inline constexpr std::string_view type_names[] = {"Task",    "Pass", "Choice",   "Wait",
                                                  "Succeed", "Fail", "Parallel", "Map"};

inline FieldOf field_language(QueryLanguage language) {
  return language == QueryLanguage::jsonata ? FieldOf::jsonata : FieldOf::jsonpath;
}

// Reports every member of a state that does not belong there: unknown (with a suggestion), of
// another kind of state, of the other query language, or not offered by this version.
void check_state_fields(ParseContext& context, const Json& state, std::string_view pointer,
                        StateType type, QueryLanguage language);

}  // namespace sluice::workflows
