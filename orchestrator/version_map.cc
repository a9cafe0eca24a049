#include "orchestrator/version_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace sluice::orchestrator {
namespace {

using workflows::Machine;
using workflows::no_state;
using workflows::State;
using workflows::StateIndex;
using workflows::StateType;

// What takes effect only when the work is done, or is no part of it.
constexpr std::string_view afterwards[] = {"Comment",  "Next",           "End",        "Retry",
                                           "Catch",    "ResultPath",     "OutputPath", "Output",
                                           "Assign",   "ResultSelector", "Compensate", "Branches",
                                           "Iterator", "ItemProcessor",  "Default",    "Choices"};
// Of a Map: what its items are spawned and its results are written by.
constexpr std::string_view of_items[] = {"ItemReader", "ItemBatcher", "ResultWriter"};

Json work_of(const Json& state) {
  Json work = Json::object();
  for (const auto& [name, value] : state.items())
    if (std::ranges::find(afterwards, name) == std::end(afterwards)) work[name] = value;
  return work;
}

Json member(const Json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() ? Json() : *found;
}

const Json& text_of(const Json& definition, const State& state) {
  return definition.at(Json::json_pointer(state.pointer));
}

using ByName = std::unordered_multimap<std::string_view, StateIndex>;

// Where the state of the same name in the same place is. In a Parallel the branch counts too; the
// processor of a Map is one place, by either of its names.
StateIndex place_of(const Machine& before, StateIndex index, const Machine& after,
                    const ByName& names, const VersionMap& so_far) {
  const State& state = before.states[index];
  const StateIndex parent = state.parent == no_state ? no_state : so_far[state.parent].to;
  if (state.parent != no_state && parent == no_state) return no_state;
  const auto inside_of = [](const Machine& machine, const State& inner) {
    return std::string_view(inner.pointer).substr(machine.states[inner.parent].pointer.size());
  };
  const auto [first, last] = names.equal_range(state.name);
  for (auto at = first; at != last; ++at) {
    const State& other = after.states[at->second];
    if (other.parent != parent) continue;
    if (parent == no_state || after.states[parent].type == StateType::map ||
        inside_of(after, other) == inside_of(before, state))
      return at->second;
  }
  return no_state;
}

// That around a state has its place first.
void place(const Machine& before, StateIndex index, const Machine& after, const ByName& names,
           VersionMap& map, std::vector<bool>& placed) {
  if (placed[index]) return;
  placed[index] = true;
  const StateIndex parent = before.states[index].parent;
  if (parent != no_state) place(before, parent, after, names, map, placed);
  map[index].to = place_of(before, index, after, names, map);
}

bool can_go_on_with_children(const Json& text_before, const State& before, const Json& text_after,
                             const State& after) {
  if (before.type != after.type) return false;
  if (const auto* branches = std::get_if<workflows::ParallelState>(&before.body))
    return branches->branches.size() ==
           std::get<workflows::ParallelState>(after.body).branches.size();
  const auto* map = std::get_if<workflows::MapState>(&before.body);
  return map != nullptr &&
         map->distributed == std::get<workflows::MapState>(after.body).distributed &&
         std::ranges::all_of(of_items, [&](std::string_view name) {
           return member(text_before, name) == member(text_after, name);
         });
}

// Whose result is taken when the work is done by somebody else.
bool takes_results_alike(const State& before, const State& after) {
  const auto* task_before = std::get_if<workflows::TaskState>(&before.body);
  const auto* task_after = std::get_if<workflows::TaskState>(&after.body);
  if (task_before == nullptr || task_after == nullptr) return false;
  const auto& one = task_before->resource;
  const auto& other = task_after->resource;
  return one.kind == other.kind && one.run_wait == other.run_wait &&
         one.wait_for_task_token == other.wait_for_task_token;
}

StateIndex moved(const VersionMap& map, StateIndex index) {
  return index == no_state ? no_state : map[index].to;
}

}  // namespace

VersionMap map_versions(const Machine& before, const Json& before_text, const Machine& after,
                        const Json& after_text) {
  VersionMap map(before.states.size());
  ByName names;
  for (StateIndex i = 0; i < after.states.size(); ++i) names.emplace(after.states[i].name, i);
  std::vector<bool> placed(before.states.size());
  for (StateIndex i = 0; i < before.states.size(); ++i) place(before, i, after, names, map, placed);
  for (StateIndex i = 0; i < before.states.size(); ++i) {
    if (map[i].to == no_state) continue;
    const State& one = before.states[i];
    const State& other = after.states[map[i].to];
    const Json& text = text_of(before_text, one);
    const Json& other_text = text_of(after_text, other);
    map[i].same_work = one.language == other.language && work_of(text) == work_of(other_text);
    map[i].same_retry = member(text, "Retry") == member(other_text, "Retry");
    map[i].same_children = can_go_on_with_children(text, one, other_text, other);
  }
  return map;
}

MoveVerdict may_move(const VersionMove& move, const FrameRow& row, Standing standing) {
  const auto& [map, before, after] = move;
  if (row.undoing.stage == Undoing::Stage::held)
    return {.refusal = "it has failed and is held: redrive it with the version"};
  if (row.undoing.stage == Undoing::Stage::undoing)
    return {.refusal = "what it did is being undone, as the version says with which it was done"};
  if (row.stopping.now) return {.refusal = "it is being stopped"};
  if (row.frame.state == no_state) return {};
  const State& state = before.states[row.frame.state];
  const MovedState& to = map[row.frame.state];
  if (to.to == no_state)
    return {.refusal =
                fmt::format("the state \"{}\", at which it stands, is not there", state.name)};
  const State& other = after.states[to.to];
  if (state.type != other.type)
    return {.refusal = fmt::format("the state \"{}\" is a {} there, and it stands at a {}",
                                   state.name, to_string(other.type), to_string(state.type))};
  switch (standing) {
    case Standing::in_hands:
    case Standing::token:
    case Standing::child_run:
      if (!takes_results_alike(state, other))
        return {.refusal = fmt::format(
                    "\"{}\" has work under way whose result the new version's \"{}\" could not "
                    "take: its Resource is of another kind; move it when the work is done",
                    state.name, other.name)};
      return {};
    case Standing::children:
      if (!to.same_children)
        return {.refusal = fmt::format(
                    "\"{}\" has branches or items under way that the new version's could not go on "
                    "with: {}",
                    state.name,
                    state.type == StateType::map
                        ? "its ItemReader, ItemBatcher, ResultWriter or Mode differs"
                        : "it has another number of branches")};
      return {};
    case Standing::engine:
      if (row.pending.kind == Pending::Kind::none) return {};
      if (row.pending.kind == Pending::Kind::restart)
        return {.refusal = "it was moved just now, and has not gone on since"};
      if (!takes_results_alike(state, other))
        return {.refusal = fmt::format("\"{}\" is about to take a result: try again", state.name)};
      return {};
    case Standing::not_begun:
      return {};
    case Standing::queued:
    case Standing::gate:
    case Standing::lock:
    case Standing::event:
    case Standing::room:
    case Standing::timer:
      return {.restarts = !to.same_work, .refusal = {}};
  }
  return {};
}

void move_frame(FrameRow& row, const VersionMap& map, const Machine& after, std::int64_t version_id,
                Standing standing) {
  row.version_id = version_id;
  FlowState& flow = row.frame.flow;
  const StateIndex stood = row.frame.state;
  if (stood != no_state) {
    const MovedState& to = map[stood];
    row.frame.state = to.to;
    if (!to.same_retry) row.frame.retries.clear();
    // What it has passed it has passed; the line it waits in is left for the new version's.
    if (!to.same_work && flow.at != Passage::before) {
      const bool controlled = after.states[to.to].flow.has_value();
      if (standing == Standing::gate) {
        flow.at = Passage::outside;
      } else if (standing == Standing::lock) {
        const auto own = std::erase_if(flow.locks, [&](const HeldLock& lock) {
          return !lock.granted && lock.asked_at == stood;
        });
        if (own != 0) flow.at = controlled ? Passage::gated : Passage::outside;
      } else {
        flow.at = controlled ? Passage::inside : Passage::outside;
      }
    }
  }
  for (HeldLock& lock : flow.locks) {
    lock.asked_at = moved(map, lock.asked_at);
    lock.through = moved(map, lock.through);
  }
}

}  // namespace sluice::orchestrator
