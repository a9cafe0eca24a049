// Any bytes as a definition: accepted, drawable and with a canonical form, or refused with reasons.
#include "targets.h"
#include "workflows/graph.h"
#include "workflows/workflow.h"

namespace sluice::fuzz {

void definition(std::string_view bytes) {
  const auto compiled = workflows::compile(bytes);
  if (!compiled) {
    const Error& error = compiled.error();
    SLUICE_CHECK(error.code == Errc::bad_json || error.code == Errc::too_large ||
                     error.code == Errc::invalid_definition,
                 "one of the three codes of compile()");
    SLUICE_CHECK(error.code != Errc::invalid_definition || !error.problems.empty(),
                 "an invalid definition's problems");
    check_refusal(error);
    return;
  }
  for (const Problem& each : compiled->warnings) check_sendable(each.detail);

  const workflows::Machine& machine = *compiled->machine;
  SLUICE_CHECK(machine.start_at < machine.states.size(), "a state to start at");
  const workflows::Graph graph = workflows::graph_of(machine);
  SLUICE_CHECK(graph.nodes.size() == machine.states.size(), "a node for each state");
  for (const workflows::GraphEdge& edge : graph.edges)
    SLUICE_CHECK(edge.from < graph.nodes.size() && edge.to < graph.nodes.size(), "edges of nodes");
  const std::string drawn = to_text(workflows::to_json(graph));
  check_sendable(drawn);
  check_sendable(workflows::to_mermaid(graph));
  check_sendable(workflows::to_dot(graph));

  const std::string canonical = workflows::canonical_text(bytes);
  SLUICE_CHECK(workflows::canonical_text(canonical) == canonical,
               "a canonical text stays as it is");
  const auto again = workflows::compile(canonical);
  SLUICE_CHECK(again.has_value(), "the canonical text compiles");
  SLUICE_CHECK(to_text(workflows::to_json(workflows::graph_of(*again->machine))) == drawn,
               "the canonical text means the same");
}

}  // namespace sluice::fuzz
