#include "workflows/state_scope.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::workflows {
namespace {

constexpr std::size_t name_characters_max = 80;
constexpr std::size_t names_listed_max = 6;

std::size_t character_count(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

StateScope::StateScope(ParseContext& context, const Json& states, std::string pointer,
                       StateIndex first)
    : context_(context), pointer_(std::move(pointer)), first_(first) {
  for (const auto& [name, value] : states.items()) {
    const std::size_t characters = character_count(name);
    if (characters == 0 || characters > name_characters_max) {
      context_.problem(pointer_ + "/" + pointer_token(name),
                       fmt::format("a state's name has 1 to {} characters, not {}",
                                   name_characters_max, characters));
    }
    by_name_.emplace(name, first_ + static_cast<StateIndex>(nodes_.size()));
    nodes_.push_back({.name = name, .next = {}});
    names_.push_back(name);
  }
}

StateIndex StateScope::resolve(std::string_view name, std::string_view pointer,
                               std::vector<Problem>* problems) {
  guess_ = no_state;
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    guess_ = found->second;
    return found->second;
  }
  const std::string near = context_.near(name, names_);
  if (const auto found = by_name_.find(near); found != by_name_.end()) guess_ = found->second;
  std::string detail = fmt::format("no state {}", in_quotes(name));
  if (!near.empty()) {
    detail += fmt::format("; did you mean {}?", in_quotes(near));
  } else if (names_.size() <= names_listed_max) {
    detail += fmt::format("; expected {}", list_of(names_));
  }
  if (problems != nullptr) {
    problems->push_back({std::string(pointer), std::move(detail)});
  } else {
    context_.problem(std::string(pointer), std::move(detail));
  }
  return no_state;
}

StateIndex StateScope::transition(StateIndex from, const Json& value, std::string_view pointer) {
  if (!value.is_string()) {
    context_.problem(std::string(pointer),
                     fmt::format("expected the name of a state, not {}", describe(value)));
    add_unknown_edge(from);
    return no_state;
  }
  const StateIndex to = resolve(value.get_ref<const std::string&>(), pointer);
  add_resolved_edge(from);
  return to;
}

void StateScope::add_edge(StateIndex from, StateIndex to) {
  nodes_[from - first_].next.push_back(to - first_);
}

void StateScope::add_resolved_edge(StateIndex from) {
  if (guess_ == no_state) {
    add_unknown_edge(from);
  } else {
    add_edge(from, guess_);
  }
}

void StateScope::add_unknown_edge(StateIndex from) {
  edges_known_ = false;
  mark_terminal(from);
}

void StateScope::mark_terminal(StateIndex state) { nodes_[state - first_].terminal = true; }

std::string StateScope::pointer_of(const Node& node) const {
  return pointer_ + "/" + pointer_token(node.name);
}

std::vector<bool> StateScope::reachable_from(StateIndex start) const {
  std::vector<bool> reached(nodes_.size());
  std::vector<StateIndex> open{start - first_};
  reached[open.back()] = true;
  while (!open.empty()) {
    const Node& node = nodes_[open.back()];
    open.pop_back();
    for (const StateIndex next : node.next) {
      if (!reached[next]) {
        reached[next] = true;
        open.push_back(next);
      }
    }
  }
  return reached;
}

std::vector<bool> StateScope::able_to_end() const {
  std::vector<std::vector<StateIndex>> before(nodes_.size());
  std::vector<bool> ends(nodes_.size());
  std::vector<StateIndex> open;
  for (StateIndex i = 0; i < nodes_.size(); ++i) {
    for (const StateIndex next : nodes_[i].next) before[next].push_back(i);
    if (nodes_[i].terminal) {
      ends[i] = true;
      open.push_back(i);
    }
  }
  while (!open.empty()) {
    const StateIndex state = open.back();
    open.pop_back();
    for (const StateIndex previous : before[state]) {
      if (!ends[previous]) {
        ends[previous] = true;
        open.push_back(previous);
      }
    }
  }
  return ends;
}

void StateScope::check_graph(StateIndex start) {
  if (start == no_state) return;
  const auto reached = reachable_from(start);
  const auto ends = able_to_end();
  // A transition to nowhere is reported where it stands; what only it would reach is not at fault.
  if (edges_known_) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!reached[i]) {
        context_.problem(pointer_of(nodes_[i]),
                         fmt::format("the state {} cannot be reached from \"StartAt\": no Next, "
                                     "Default, Catch or choice leads to it",
                                     in_quotes(nodes_[i].name)));
      }
    }
  }
  if (!ends[start - first_]) {
    context_.problem(pointer_,
                     "no end can be reached: at least one state must have \"End\": true, or be a "
                     "Succeed or Fail state, and be reachable");
    return;
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (reached[i] && !ends[i]) {
      context_.warning(pointer_of(nodes_[i]),
                       fmt::format("from the state {} no end can be reached; a run that comes here "
                                   "ends only by an error or \"MaxTransitions\"",
                                   in_quotes(nodes_[i].name)));
    }
  }
}

}  // namespace sluice::workflows
