#include "workflows/graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::workflows {
namespace {

void add_edges(const State& state, StateIndex from, std::vector<GraphEdge>& edges) {
  if (state.next != no_state) edges.push_back({from, state.next, EdgeKind::next, ""});
  if (const auto* choice = std::get_if<ChoiceState>(&state.body)) {
    for (std::size_t i = 0; i < choice->rules.size(); ++i) {
      edges.push_back({from, choice->rules[i].next, EdgeKind::choice, choice->conditions[i]});
    }
    if (choice->otherwise != no_state) {
      edges.push_back({from, choice->otherwise, EdgeKind::otherwise, ""});
    }
  }
  if (const auto* parallel = std::get_if<ParallelState>(&state.body)) {
    for (const StateIndex branch : parallel->branches)
      edges.push_back({from, branch, EdgeKind::branch, ""});
  } else if (const auto* map = std::get_if<MapState>(&state.body)) {
    edges.push_back({from, map->start_at, EdgeKind::item, "each item"});
  }
  for (const Catcher& catcher : state.catchers) {
    edges.push_back({from, catcher.next, EdgeKind::caught,
                     fmt::format("{}", fmt::join(catcher.error_equals, ", "))});
  }
  if (state.compensation != no_state)
    edges.push_back({from, state.compensation, EdgeKind::compensate, "compensate"});
}

}  // namespace

std::string_view to_string(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::next:
      return "next";
    case EdgeKind::choice:
      return "choice";
    case EdgeKind::otherwise:
      return "default";
    case EdgeKind::caught:
      return "catch";
    case EdgeKind::branch:
      return "branch";
    case EdgeKind::item:
      return "item";
    case EdgeKind::compensate:
      return "compensate";
  }
  SLUICE_CHECK(false, "an edge kind");
}

Graph graph_of(const Machine& machine) {
  Graph graph;
  graph.comment = machine.comment;
  graph.start = machine.start_at;
  for (std::size_t i = 0; i < machine.states.size(); ++i) {
    const State& state = machine.states[i];
    const auto index = static_cast<StateIndex>(i);
    GraphNode node;
    node.name = state.name;
    node.type = state.type;
    node.pointer = state.pointer;
    if (const auto* task = std::get_if<TaskState>(&state.body)) node.queue = task->resource.queue;
    node.parent = state.parent;
    node.start = index == machine.start_at;
    node.end = (state.end && state.compensates == no_state) || state.type == StateType::succeed ||
               state.type == StateType::fail;
    graph.nodes.push_back(std::move(node));
    add_edges(state, index, graph.edges);
  }
  return graph;
}

Json to_json(const Graph& graph) {
  Json out = Json::object();
  if (!graph.comment.empty()) out["comment"] = graph.comment;
  out["start"] = graph.nodes[graph.start].name;
  Json nodes = Json::array();
  for (const GraphNode& each : graph.nodes) {
    Json node = {{"name", each.name}, {"type", to_string(each.type)}, {"pointer", each.pointer}};
    if (!each.queue.empty()) node["queue"] = each.queue;
    if (each.parent != no_state) node["parent"] = graph.nodes[each.parent].name;
    if (each.start) node["start"] = true;
    if (each.end) node["end"] = true;
    nodes.push_back(std::move(node));
  }
  out["nodes"] = std::move(nodes);
  Json edges = Json::array();
  for (const GraphEdge& each : graph.edges) {
    Json edge = {{"from", graph.nodes[each.from].name},
                 {"to", graph.nodes[each.to].name},
                 {"kind", to_string(each.kind)}};
    if (!each.label.empty()) edge["label"] = each.label;
    edges.push_back(std::move(edge));
  }
  out["edges"] = std::move(edges);
  return out;
}

}  // namespace sluice::workflows
