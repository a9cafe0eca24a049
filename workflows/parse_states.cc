// A States object with its StartAt: the machine's own, a branch's, an item processor's. And
// Parallel, which is nothing but several of them.

#include <fmt/format.h>

#include <algorithm>

#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t branches_max = 1'000;

// Whether the States object at `inner` is the one at `outer` or nests in it.
bool within(std::string_view inner, std::string_view outer) {
  return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
}

// The names of a States object join those of the whole definition. A name stands for one state
// wherever it can be seen; branches beside each other may repeat it, as editors of the language let
// them, but a redrive that names a state then means the first.
void note_names(Definition& definition, const Json& states, const std::string& pointer) {
  for (const auto& [name, value] : states.items()) {
    std::string place = pointer + "/" + pointer_token(name);
    auto& others = definition.places[name];
    const auto around = std::ranges::find_if(others, [&](const std::string& other) {
      return within(pointer, other) || within(other, pointer);
    });
    if (around != others.end()) {
      definition.context.problem(
          place, fmt::format("the name {} is taken by {}/{}; a state's name is unique among those "
                             "around it",
                             in_quotes(name), *around, pointer_token(name)));
    } else if (!others.empty()) {
      definition.context.warning(
          place, fmt::format("the name {} is also that of {}/{}: give each state a name of its own",
                             in_quotes(name), others.front(), pointer_token(name)));
    }
    others.push_back(pointer);
  }
}

}  // namespace

StateIndex parse_states(Definition& definition, const Fields& fields, StateIndex parent,
                        VariableScopes::Index around, int depth) {
  ParseContext& context = definition.context;
  fields.require("StartAt", "expected the name of the first state");
  fields.require("States", "expected an object of states");
  const auto start_at = fields.string("StartAt");
  const Json* states = fields.object("States");
  if (states == nullptr) return no_state;
  const std::string pointer = fields.pointer("States");
  if (states->empty()) {
    context.problem(pointer, "\"States\" must have at least one state");
    return no_state;
  }
  if (depth > states_depth_max) {
    context.problem(pointer, fmt::format("Parallel and Map states nest more than {} deep",
                                         states_depth_max - 1));
    return no_state;
  }
  // The numbers are given out first: what stands inside a state comes behind all its neighbours.
  const auto first = static_cast<StateIndex>(definition.states.size());
  definition.states.resize(first + states->size());
  note_names(definition, *states, pointer);
  StateScope scope(context, *states, pointer, first);
  const VariableScopes::Index variables = definition.variables.open(around, parent);
  StateIndex index = first;
  for (const auto& [name, value] : states->items()) {
    State state = parse_state(definition, {scope, index, parent, variables, depth}, value, name,
                              fmt::format("{}/{}", pointer, pointer_token(name)));
    definition.states[index++] = std::move(state);
  }
  if (!start_at) return no_state;
  const StateIndex start = scope.resolve(*start_at, fields.pointer("StartAt"));
  scope.check_graph(scope.meant());
  return start;
}

ParallelState parse_parallel(Definition& definition, const Place& place, const Fields& fields,
                             QueryLanguage language) {
  static constexpr FieldRule rules[] = {{"StartAt"}, {"States"}, {"Comment"}};
  ParallelState parallel;
  ParseContext& context = definition.context;
  parallel.arguments = parse_arguments(fields, language);
  fields.require("Branches", "a Parallel state needs an array of branches");
  const Json* branches = fields.array("Branches");
  if (branches == nullptr) return parallel;
  const std::string pointer = fields.pointer("Branches");
  if (branches->empty()) {
    context.problem(pointer, "\"Branches\" must have at least one branch");
  } else if (branches->size() > branches_max) {
    context.problem(pointer, fmt::format("a Parallel state has at most {} branches, not {}",
                                         branches_max, branches->size()));
    return parallel;
  }
  for (std::size_t i = 0; i < branches->size(); ++i) {
    const Json& value = (*branches)[i];
    std::string at = fmt::format("{}/{}", pointer, i);
    if (!value.is_object()) {
      context.problem(
          std::move(at),
          fmt::format("a branch must be an object with \"StartAt\" and \"States\", not {}",
                      describe(value)));
      continue;
    }
    const Fields branch(context, value, std::move(at));
    check_fields(context, value, branch.pointer(), "a branch", rules);
    branch.string("Comment");
    parallel.branches.push_back(
        parse_states(definition, branch, place.index, place.variables, place.depth + 1));
  }
  return parallel;
}

}  // namespace sluice::workflows
