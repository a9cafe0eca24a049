// The two text forms of a graph. Names and conditions are anybody's text, so each form escapes them
// its own way: nothing a definition says can close a label, start a directive or put markup into a
// page.

#include <fmt/format.h>

#include <functional>

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

// The states of each States object; the last are the machine's.
std::vector<std::vector<std::size_t>> by_parent(const Graph& graph) {
  std::vector<std::vector<std::size_t>> inside(graph.nodes.size() + 1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const StateIndex parent = graph.nodes[i].parent;
    inside[parent == no_state ? graph.nodes.size() : parent].push_back(i);
  }
  return inside;
}

// Writes the states of one States object, and below each what it runs. Recurses as deep as the
// definition nests, which states_depth_max bounds.
class Nesting {
 public:
  using Write = std::function<std::string(std::size_t node, const std::string& indent)>;
  Nesting(const Graph& graph, Write node, Write open, std::string close)
      : inside_(by_parent(graph)),
        node_(std::move(node)),
        open_(std::move(open)),
        close_(std::move(close)) {}

  std::string text() const { return states_of(inside_.size() - 1, "  "); }

 private:
  std::string states_of(std::size_t parent, const std::string& indent) const {
    std::string out;
    for (const std::size_t i : inside_[parent]) {
      out += node_(i, indent);
      if (inside_[i].empty()) continue;
      out += open_(i, indent) + states_of(i, indent + "  ") + indent + close_ + "\n";
    }
    return out;
  }

  const std::vector<std::vector<std::size_t>> inside_;
  const Write node_, open_;
  const std::string close_;
};

bool runs_inside(EdgeKind kind) {
  return kind == EdgeKind::branch || kind == EdgeKind::item || kind == EdgeKind::compensate;
}

}  // namespace

std::string to_mermaid(const Graph& graph) {
  std::string out = "flowchart TD\n  start((\" \")) --> s" + std::to_string(graph.start) + "\n";
  const auto name = [&](std::size_t i) {
    return mermaid_text(cut(graph.nodes[i].name, label_bytes_max));
  };
  out +=
      Nesting(
          graph,
          [&](std::size_t i, const std::string& indent) {
            return fmt::format("{}s{}{}\n", indent, i, mermaid_node(graph.nodes[i].type, name(i)));
          },
          [&](std::size_t i, const std::string& indent) {
            return fmt::format("{}subgraph in{}[\"{}\"]\n", indent, i, name(i));
          },
          "end")
          .text();
  bool end_used = false;
  for (const GraphEdge& edge : graph.edges) {
    const std::string_view arrow =
        edge.kind == EdgeKind::caught || runs_inside(edge.kind) ? "-.->" : "-->";
    const std::string label = edge_label(edge);
    if (label.empty()) {
      out += fmt::format("  s{} {} s{}\n", edge.from, arrow, edge.to);
    } else {
      out += fmt::format("  s{} {}|\"{}\"| s{}\n", edge.from, arrow, mermaid_text(label), edge.to);
    }
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].end || graph.nodes[i].parent != no_state) continue;
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
  const auto name = [&](std::size_t i) {
    return dot_text(cut(graph.nodes[i].name, label_bytes_max));
  };
  out += Nesting(
             graph,
             [&](std::size_t i, const std::string& indent) {
               const GraphNode& node = graph.nodes[i];
               return fmt::format("{}s{} [shape={}, label=\"{}\"{}];\n", indent, i,
                                  dot_shape(node.type), name(i), node.end ? ", peripheries=2" : "");
             },
             [&](std::size_t i, const std::string& indent) {
               return fmt::format("{0}subgraph cluster_{1} {{\n{0}  label=\"{2}\";\n", indent, i,
                                  name(i));
             },
             "}")
             .text();
  out += fmt::format("  start -> s{};\n", graph.start);
  for (const GraphEdge& edge : graph.edges) {
    const std::string label = edge_label(edge);
    std::string attributes;
    if (!label.empty()) attributes = fmt::format("label=\"{}\"", dot_text(label));
    if (edge.kind == EdgeKind::caught || runs_inside(edge.kind))
      attributes += attributes.empty() ? "style=dashed" : ", style=dashed";
    out += fmt::format("  s{} -> s{}", edge.from, edge.to);
    if (!attributes.empty()) out += fmt::format(" [{}]", attributes);
    out += ";\n";
  }
  return out + "}\n";
}

}  // namespace sluice::workflows
