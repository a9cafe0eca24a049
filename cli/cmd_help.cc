#include <ostream>

#include "base/suggest.h"
#include "cli/command.h"

namespace sluice::cli {

Command help_command(const Command* root) {
  auto words = std::make_shared<std::vector<std::string>>();
  Command command{.name = "help",
                  .summary = "Say more about a command, or about the exit codes",
                  .examples = {{"sluice help dlq replay", ""}, {"sluice help exit-codes", ""}},
                  .options = {{.names = "COMMAND",
                               .target = words.get(),
                               .value = "COMMAND",
                               .help = "a command's name, or exit-codes"}},
                  .state = words,
                  .server = false};
  command.run = [words = words.get(), root](Context& context) {
    if (*words == std::vector<std::string>{"exit-codes"}) {
      context.out << exit_codes_text();
      return Exit::ok;
    }
    std::vector<std::string> known;
    for (const auto& word : *words) {
      const Command* at = find_command(*root, known);
      known.push_back(word);
      if (find_command(*root, known) != nullptr) continue;
      std::vector<std::string_view> names;
      for (const auto& sub : at->subcommands) names.push_back(sub.name);
      if (known.size() == 1) names.push_back("exit-codes");
      const std::string near = suggest(word, names);
      throw Failure(Exit::usage,
                    fmt::format("there is no help on \"{}\"{}", printable(word),
                                near.empty() ? "; `sluice help` lists the commands"
                                             : fmt::format("; did you mean \"{}\"?", near)));
    }
    context.out << help_text(*root, *words, context.out_terminal.width);
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
