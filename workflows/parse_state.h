// The parts of the compiler that turn one state's JSON into a State. compile() (compile.cc) drives
// them.
//
// Not thread-safe; what they are given belongs to one compile().
#pragma once

#include <string>
#include <vector>

#include "workflows/parse_context.h"
#include "workflows/state_scope.h"
#include "workflows/workflow.h"

namespace sluice::workflows {

// One state: its fields, its transitions (into `scope`), its body.
// `jsonata_machine`: the machine's QueryLanguage is JSONata.
State parse_state(ParseContext& context, StateScope& scope, const Json& value,
                  std::string_view name, std::string pointer, StateIndex index,
                  bool jsonata_machine);

// QueryLanguage of the machine or of a state; true for JSONata. Reports what is wrong with it or
// not offered.
bool parse_query_language(const Fields& fields, bool jsonata_machine);

// ---- bodies; each reads what only its kind of state has
// ------------------------------------------------
TaskState parse_task(const Fields& fields);
PassState parse_pass(const Fields& fields);
ChoiceState parse_choice(const Fields& fields, StateScope& scope, StateIndex index);
WaitState parse_wait(const Fields& fields);
FailState parse_fail(const Fields& fields);

// ---- shared
// -------------------------------------------------------------------------------------------
std::vector<Retrier> parse_retry(const Fields& fields);
// `typed`: false for a state whose paths cannot be read (JSONata); only its transitions are taken.
std::vector<Catcher> parse_catch(const Fields& fields, StateScope& scope, StateIndex index,
                                 bool typed);
// Nothing if the field is absent, or wrong and reported.
std::optional<Path> parse_path(const Fields& fields, std::string_view name);
// A path to one value: indefinite ones are refused.
std::optional<Path> parse_value_path(const Fields& fields, std::string_view name);
std::optional<Value> parse_template(const Fields& fields, std::string_view name);
// ResultPath: the path, or nothing and `null` set. Absent or wrong: "$".
std::optional<ReferencePath> parse_result_path(const Fields& fields, bool& null);

}  // namespace sluice::workflows
