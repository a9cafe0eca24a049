#include <ostream>

#include "cli/values.h"
#include "workflows/graph.h"
#include "workflows/workflow.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string file;
  std::string format = "mermaid";
};

}  // namespace

Command graph_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "graph",
                  .summary = "Draw a definition, without a server",
                  .examples = {{"sluice graph orders.json > orders.mmd", "for Mermaid"},
                               {"sluice graph orders.json --format dot | dot -Tsvg > orders.svg",
                                "for Graphviz"}},
                  .options = {{.names = "FILE",
                               .target = &o->file,
                               .value = "FILE",
                               .help = "a definition, JSON",
                               .required = true},
                              {.names = "-f,--format",
                               .target = &o->format,
                               .value = "FORMAT",
                               .help = "mermaid if not given.",
                               .choices = {"mermaid", "dot", "json"}}},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    const std::string text = read_file(o->file);
    const auto compiled = workflows::compile(text);
    if (!compiled)
      throw Failure(Exit::invalid, fmt::format("{} has problems; see `sluice validate {}`: {}",
                                               o->file, o->file, compiled.error().detail));
    const workflows::Graph graph = workflows::graph_of(*compiled->machine);
    const std::string drawn = o->format == "json" || context.json
                                  ? to_text(workflows::to_json(graph))
                              : o->format == "dot" ? workflows::to_dot(graph)
                                                   : workflows::to_mermaid(graph);
    context.out << drawn << (drawn.ends_with('\n') ? "" : "\n");
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
