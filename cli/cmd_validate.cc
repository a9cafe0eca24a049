#include <ostream>

#include "cli/locate.h"
#include "cli/values.h"
#include "workflows/workflow.h"

namespace sluice::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  bool strict = false;
};

std::string place(const std::string& file, std::string_view text, const std::string& pointer) {
  const auto at = locate(text, pointer);
  const std::string name = at ? fmt::format("{}:{}:{}", file, at->line, at->column) : file;
  return pointer.empty() ? name : fmt::format("{}: {}", name, printable(pointer));
}

struct Report {
  std::vector<Problem> problems, warnings;
};

Report check_file(const std::string& text) {
  Report report;
  auto compiled = workflows::compile(text);
  if (compiled) {
    report.warnings = compiled->warnings;
    return report;
  }
  report.problems = compiled.error().problems;
  if (report.problems.empty()) report.problems.push_back({"", compiled.error().detail});
  return report;
}

Json to_json(const std::vector<Problem>& problems) {
  Json list = Json::array();
  for (const auto& problem : problems)
    list.push_back({{"pointer", problem.pointer}, {"detail", problem.detail}});
  return list;
}

}  // namespace

Command validate_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "validate",
                  .summary = "Check workflow definitions, without a server",
                  .description =
                      "Lists every problem as FILE:LINE:COLUMN: POINTER: what is wrong and what "
                      "would be right, "
                      "the way compilers do. Exit code 6 if there is any.",
                  .examples = {{"sluice validate workflows/*.json", ""}},
                  .options = {{.names = "FILE",
                               .target = &o->files,
                               .value = "FILE",
                               .help = "a definition, JSON",
                               .required = true},
                              {.names = "--strict",
                               .target = &o->strict,
                               .value = "",
                               .help = "warnings count as problems"}},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    std::int64_t problems = 0, warnings = 0;
    Json all = Json::array();
    for (const auto& file : o->files) {
      const std::string text = read_file(file);
      const Report report = check_file(text);
      problems += std::ssize(report.problems);
      warnings += std::ssize(report.warnings);
      if (context.json) {
        all.push_back({{"file", file},
                       {"errors", to_json(report.problems)},
                       {"warnings", to_json(report.warnings)}});
        continue;
      }
      const auto print = [&](const Problem& problem, Tone tone, const char* what) {
        context.out << fmt::format("{}: {}: {}\n", place(file, text, problem.pointer),
                                   paint(context.out_terminal, tone, what),
                                   printable(problem.detail));
      };
      for (const auto& problem : report.problems) print(problem, Tone::bad, "error");
      for (const auto& warning : report.warnings) print(warning, Tone::warn, "warning");
      if (report.problems.empty()) context.out << fmt::format("{}: valid\n", file);
    }
    if (context.json) context.out << to_text(all) << "\n";
    if (problems > 0 && !context.json) note(context, counted(problems, "problem"));
    return problems > 0 || (o->strict && warnings > 0) ? Exit::invalid : Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
