// The states of one States object: their names, and which of them lead where.
//
// Transitions never leave their own States object, so each such object (the machine's, and one for
// every branch or item processor once they are offered) has its own scope. The scope resolves names
// while states are parsed, remembers the edges, and then judges the graph: what cannot be reached,
// and whether it can end.
//
// Not thread-safe; belongs to one compile().
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "workflows/parse_context.h"
#include "workflows/state_index.h"

namespace sluice::workflows {

class StateScope {
 public:
  // Names the members of `states`, first index first, and reports names that are too long or empty.
  // REQUIRES: `states` is an object at `pointer`; it and `context` outlive this.
  StateScope(ParseContext& context, const Json& states, std::string pointer, StateIndex first);

  // The state called `name`. If there is none: no_state and a problem at `pointer` (in `problems`
  // if given, else in the context), and the near name, if any, is taken as meant for the graph.
  StateIndex resolve(std::string_view name, std::string_view pointer,
                     std::vector<Problem>* problems = nullptr);
  // What the last resolve() found or guessed; no_state if neither.
  StateIndex meant() const { return guess_; }
  // Resolves a name that the state `from` leads to. Reports, and answers no_state, if `value` is no
  // string.
  StateIndex transition(StateIndex from, const Json& value, std::string_view pointer);

  void add_edge(StateIndex from, StateIndex to);
  // The edge that the last resolve() found or guessed.
  void add_resolved_edge(StateIndex from);
  // `from` leads on, but nobody can say where: what seems unreachable may not be.
  void add_unknown_edge(StateIndex from);
  void mark_terminal(StateIndex state);

  // REQUIRES: every state has been parsed. `start` is no_state if StartAt says nothing usable.
  void check_graph(StateIndex start);

 private:
  struct Node {
    std::string_view name;
    std::vector<StateIndex> next;
    bool terminal = false;
  };
  std::string pointer_of(const Node& node) const;
  std::vector<bool> reachable_from(StateIndex start) const;
  std::vector<bool> able_to_end() const;

  ParseContext& context_;
  std::string pointer_;
  StateIndex first_;
  std::vector<Node> nodes_;
  std::vector<std::string_view> names_;
  std::unordered_map<std::string_view, StateIndex> by_name_;
  StateIndex guess_ = no_state;
  bool edges_known_ = true;
};

}  // namespace sluice::workflows
