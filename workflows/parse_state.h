// The parts of the compiler that turn a definition's States objects into States. compile()
// (compile.cc) drives them: parse_states() for the machine's own States object, which comes back to
// itself for every branch of a Parallel and every processor of a Map.
//
// Recursion is bounded by states_depth_max.
//
// Not thread-safe; what they are given belongs to one compile().
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "workflows/parse_context.h"
#include "workflows/state_scope.h"
#include "workflows/variable_scope.h"
#include "workflows/workflow.h"

namespace sluice::workflows {

// What the States objects of one definition share while it is parsed.
struct Definition {
  ParseContext& context;
  std::vector<State>& states;                        // of all of them
  QueryLanguage language = QueryLanguage::jsonpath;  // the machine's
  VariableScopes variables = {};
  // By name, the States objects in which a state is called so.
  std::unordered_map<std::string, std::vector<std::string>> places = {};
};

// Where one state stands.
struct Place {
  StateScope& scope;
  StateIndex index = no_state;
  StateIndex parent = no_state;
  VariableScopes::Index variables = VariableScopes::none;
  int depth = 1;  // of its States object: 1 is the machine's
};

// StartAt and States of the machine, a branch or an item processor. Adds the states; answers where
// they start, or no_state if that was reported.
// `parent`: the Parallel or Map around them; `around`: the scope of variables that they can read.
StateIndex parse_states(Definition& definition, const Fields& fields, StateIndex parent,
                        VariableScopes::Index around, int depth);

// One state: its fields, its transitions (into the place's scope), its body.
State parse_state(Definition& definition, const Place& place, const Json& value,
                  std::string_view name, std::string pointer);

// QueryLanguage of the machine or of a state. Reports what is wrong with it.
QueryLanguage parse_query_language(const Fields& fields, QueryLanguage of_machine);

// ---- bodies; each reads what only its kind of state has
// ------------------------------------------------
TaskState parse_task(const Fields& fields, QueryLanguage language);
PassState parse_pass(const Fields& fields, QueryLanguage language);
ChoiceState parse_choice(Definition& definition, const Place& place, const Fields& fields,
                         QueryLanguage language);
WaitState parse_wait(const Fields& fields, QueryLanguage language);
FailState parse_fail(const Fields& fields, QueryLanguage language);
ParallelState parse_parallel(Definition& definition, const Place& place, const Fields& fields,
                             QueryLanguage language);
MapState parse_map(Definition& definition, const Place& place, const Fields& fields,
                   QueryLanguage language);
ItemReader parse_item_reader(const Fields& fields, QueryLanguage language);
ItemBatcher parse_item_batcher(const Fields& fields, QueryLanguage language);
ResultWriter parse_result_writer(const Fields& fields, QueryLanguage language);

// Compensate of a Task: a state of its own at the end, which `state` then names.
void parse_compensation(Definition& definition, const Place& place, const Fields& fields,
                        State& state);
// Gate, Lock and Counters of a state.
void parse_flow(const Fields& fields, State& state);
// What can only be judged when every state has been parsed: HeldThrough, gates that nothing opens.
void check_flow(ParseContext& context, Machine& machine);

// OnFailure and HoldSeconds. REQUIRES: every state has been parsed.
void parse_on_failure(const Fields& fields, Machine& machine);

// ---- shared
// -------------------------------------------------------------------------------------------
std::vector<Retrier> parse_retry(const Fields& fields);
std::vector<Catcher> parse_catch(Definition& definition, const Place& place, const Fields& fields,
                                 QueryLanguage language);
// Assign: an object of variables, noted in the place's scope.
std::optional<Value> parse_assign(Definition& definition, const Place& place, const Fields& fields,
                                  QueryLanguage language, Needs offered = {});

}  // namespace sluice::workflows
