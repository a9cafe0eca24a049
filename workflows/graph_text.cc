// The two text forms of a graph. Names and conditions are anybody's text, so each form escapes them
// its own way: nothing a definition says can close a label, start a directive or put markup into a
// page.

#include <fmt/format.h>

#include "workflows/graph.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t label_bytes_max = 60;

// Cut between characters, on one line.
std::string cut(std::string_view text, std::size_t bytes_max) {
  std::size_t size = std::min(text.size(), bytes_max);
  while (size > 0 && size < text.size() &&
         (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  std::string out;
  for (const char c : text.substr(0, size)) {
    out += static_cast<unsigned char>(c) < 0x20 || c == '\x7F' ? ' ' : c;
  }
  if (size < text.size()) out += "…";
  return out;
}

// Mermaid's own entity codes: "#35;" for the character 35. Everything that Mermaid, Markdown, HTML
// or its mathematics ("$$") could read as markup goes this way.
std::string mermaid_text(std::string_view text) {
  constexpr std::string_view special = "\"#&<>`;|\\$";
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) {
      out += fmt::format("#{};", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string dot_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string_view dot_shape(StateType type) {
  switch (type) {
    case StateType::choice:
      return "diamond";
    case StateType::wait:
      return "parallelogram";
    case StateType::task:
      return "box";
    case StateType::parallel:
    case StateType::map:
      return "box3d";
    case StateType::fail:
      return "octagon";
    case StateType::pass:
    case StateType::succeed:
      return "ellipse";
  }
  SLUICE_CHECK(false, "a state type");
}

// Default has no condition to show, so its kind is shown.
std::string edge_label(const GraphEdge& edge) {
  return edge.kind == EdgeKind::otherwise ? "default" : cut(edge.label, label_bytes_max);
}

std::string mermaid_node(StateType type, const std::string& label) {
  switch (type) {
    case StateType::choice:
      return fmt::format("{{\"{}\"}}", label);
    case StateType::wait:
      return fmt::format("[/\"{}\"/]", label);
    case StateType::succeed:
    case StateType::fail:
      return fmt::format("([\"{}\"])", label);
    case StateType::pass:
      return fmt::format("(\"{}\")", label);
    case StateType::task:
      return fmt::format("[\"{}\"]", label);
    case StateType::parallel:
    case StateType::map:
      return fmt::format("[[\"{}\"]]", label);
  }
  SLUICE_CHECK(false, "a state type");
}

}  // namespace

std::string to_mermaid(const Graph& graph) {
  std::string out = "flowchart TD\n  start((\" \")) --> s" + std::to_string(graph.start) + "\n";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    out += fmt::format("  s{}{}\n", i,
                       mermaid_node(node.type, mermaid_text(cut(node.name, label_bytes_max))));
  }
  bool end_used = false;
  for (const GraphEdge& edge : graph.edges) {
    const std::string_view arrow = edge.kind == EdgeKind::caught ? "-.->" : "-->";
    const std::string label = edge_label(edge);
    if (label.empty()) {
      out += fmt::format("  s{} {} s{}\n", edge.from, arrow, edge.to);
    } else {
      out += fmt::format("  s{} {}|\"{}\"| s{}\n", edge.from, arrow, mermaid_text(label), edge.to);
    }
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].end) continue;
    out += fmt::format("  s{} --> finish\n", i);
    end_used = true;
  }
  if (end_used) out += "  finish(((\" \")))\n";
  return out;
}

std::string to_dot(const Graph& graph) {
  std::string out =
      "digraph workflow {\n"
      "  rankdir=TB;\n"
      "  node [fontname=\"sans-serif\"];\n"
      "  edge [fontname=\"sans-serif\"];\n"
      "  start [shape=point];\n";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    out +=
        fmt::format("  s{} [shape={}, label=\"{}\"{}];\n", i, dot_shape(node.type),
                    dot_text(cut(node.name, label_bytes_max)), node.end ? ", peripheries=2" : "");
  }
  out += fmt::format("  start -> s{};\n", graph.start);
  for (const GraphEdge& edge : graph.edges) {
    const std::string label = edge_label(edge);
    out += fmt::format("  s{} -> s{}", edge.from, edge.to);
    if (!label.empty()) {
      const std::string_view style = edge.kind == EdgeKind::caught ? ", style=dashed" : "";
      out += fmt::format(" [label=\"{}\"{}]", dot_text(label), style);
    }
    out += ";\n";
  }
  return out + "}\n";
}

}  // namespace sluice::workflows
