// A machine as a picture: its states as nodes, its transitions as edges.
//
// Made from the compiled machine, so what is drawn is what runs. The console, `sluice graph` and
// GET /workflows/{name}/graph show it.
//
// Thread-safe (pure).
#pragma once

#include <string>
#include <vector>

#include "workflows/workflow.h"

namespace sluice::workflows {

// branch, item: from a Parallel or a Map to where what it runs starts. compensate: from a Task to
// what undoes it.
enum class EdgeKind { next, choice, otherwise, caught, branch, item, compensate };
std::string_view to_string(EdgeKind kind);  // "next", "choice", "default", "catch", …

struct GraphNode {
  std::string name;
  StateType type = StateType::pass;
  std::string pointer;           // where it stands in the definition
  std::string queue;             // of a Task whose queue is written down; else empty
  StateIndex parent = no_state;  // the Parallel or Map in which it stands
  bool start = false;
  bool end = false;  // a run may end here, or what its parent runs
};

struct GraphEdge {
  StateIndex from = no_state;
  StateIndex to = no_state;
  EdgeKind kind = EdgeKind::next;
  std::string label;  // a choice's condition, a Catch's errors; else empty
};

// nodes[i] is state i of the machine; edges are in the definition's order, state by state.
struct Graph {
  std::string comment;
  StateIndex start = no_state;
  std::vector<GraphNode> nodes;
  std::vector<GraphEdge> edges;
};

Graph graph_of(const Machine& machine);

// {"comment"?, "start", "nodes": [{name, type, pointer, queue?, parent?, start?, end?}],
//  "edges": [{from, to, kind, label?}]}
Json to_json(const Graph& graph);
// A flowchart for Mermaid 10 and later. Long labels are cut. What a Parallel or Map runs stands in
// a subgraph.
std::string to_mermaid(const Graph& graph);
// A digraph for Graphviz. Long labels are cut. What a Parallel or Map runs stands in a cluster.
std::string to_dot(const Graph& graph);

}  // namespace sluice::workflows
