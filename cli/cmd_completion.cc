// Completion scripts, made from the tree of commands: what can be written is what is offered.
#include <ostream>

#include "cli/command.h"

namespace sluice::cli {
namespace {

struct Line {
  std::string path;  // "dlq replay"; "" for the root
  std::vector<std::pair<std::string, std::string>>
      words;           // subcommands and options, with their meaning
  bool files = false;  // it takes files
};

void collect(const Command& command, const std::string& path, std::vector<Line>& lines) {
  Line line{.path = path, .words = {}, .files = false};
  for (const auto& sub : command.subcommands) line.words.emplace_back(sub.name, sub.summary);
  for (const auto& option : command.options) {
    if (option.hidden) continue;
    if (option.positional()) {
      line.files |= option.value == "FILE";
      continue;
    }
    line.words.emplace_back(option.names.substr(option.names.rfind(',') + 1), option.help);
  }
  if (path == "help") line.words.emplace_back("exit-codes", "what the exit codes mean");
  if (command.server) {
    line.words.emplace_back("--server", "the server to talk to");
    line.words.emplace_back("--reason", "why, for the audit log");
    line.words.emplace_back("--json", "the server's answer as it is");
  }
  line.words.emplace_back("--no-color", "no colours");
  line.words.emplace_back("--help", "help on this");
  lines.push_back(std::move(line));
  for (const auto& sub : command.subcommands)
    collect(sub, path.empty() ? sub.name : path + " " + sub.name, lines);
}

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The words of the command line that are subcommands lead to the list; both shells walk the same
// way.
std::string bash_script(const std::vector<Line>& lines) {
  std::string out =
      "# bash completion for sluice. Use: source <(sluice completion bash)\n"
      "_sluice() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" at='' word next words='' files=''\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    next=\"${at:+$at }$word\"\n"
      "    case \"$next\" in\n";
  std::string known;
  for (const auto& line : lines)
    if (!line.path.empty()) known += (known.empty() ? "" : "|") + shell_quoted(line.path);
  out += "      " + known + ") at=\"$next\" ;;\n    esac\n  done\n  case \"$at\" in\n";
  for (const auto& line : lines) {
    std::string words;
    for (const auto& [word, meaning] : line.words) words += (words.empty() ? "" : " ") + word;
    out += fmt::format("    {}) words={};{} ;;\n", shell_quoted(line.path), shell_quoted(words),
                       line.files ? " files=1" : "");
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  if [[ -n \"$files\" && \"$current\" != -* ]]; then COMPREPLY+=($(compgen -f -- "
      "\"$current\")); fi\n"
      "}\n"
      "complete -o filenames -F _sluice sluice\n";
  return out;
}

std::string zsh_script(const std::vector<Line>& lines) {
  std::string out =
      "#compdef sluice\n"
      "# zsh completion for sluice. Use: source <(sluice completion zsh), after compinit\n"
      "_sluice() {\n"
      "  local at='' word next files=''\n"
      "  local -a described\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    next=\"${at:+$at }$word\"\n"
      "    case \"$next\" in\n";
  std::string known;
  for (const auto& line : lines)
    if (!line.path.empty()) known += (known.empty() ? "" : "|") + shell_quoted(line.path);
  out += "      (" + known + ") at=\"$next\" ;;\n    esac\n  done\n  case \"$at\" in\n";
  for (const auto& line : lines) {
    out += fmt::format("    ({})\n      described=(\n", shell_quoted(line.path));
    for (const auto& [word, meaning] : line.words) {
      std::string escaped;
      for (const char c : meaning) escaped += c == ':' ? std::string("\\:") : std::string(1, c);
      out += "        " + shell_quoted(word + ":" + escaped) + "\n";
    }
    out += fmt::format("      ){} ;;\n", line.files ? "; files=1" : "");
  }
  out +=
      "  esac\n"
      "  _describe 'sluice' described\n"
      "  [[ -n \"$files\" ]] && _files\n"
      "}\n"
      "compdef _sluice sluice\n";
  return out;
}

std::string fish_script(const std::vector<Line>& lines) {
  std::string out =
      "# fish completion for sluice. Use: sluice completion fish | source\n"
      "function __sluice_at\n"
      "  set -l at\n"
      "  for word in (commandline -opc)[2..]\n"
      "    set -l next (string trim \"$at $word\")\n"
      "    switch $next\n"
      "      case";
  for (const auto& line : lines)
    if (!line.path.empty()) out += " " + shell_quoted(line.path);
  out +=
      "\n        set at $next\n"
      "    end\n"
      "  end\n"
      "  test \"$at\" = \"$argv\"\n"
      "end\n"
      "complete -c sluice -f\n";
  for (const auto& line : lines) {
    const std::string when =
        fmt::format("-n {}", shell_quoted(fmt::format("__sluice_at {}", line.path)));
    if (line.files) out += fmt::format("complete -c sluice {} -F\n", when);
    for (const auto& [word, meaning] : line.words) {
      std::string escaped;
      for (const char c : meaning)
        escaped += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
      out +=
          word.starts_with("--")
              ? fmt::format("complete -c sluice {} -l {} -d '{}'\n", when, word.substr(2), escaped)
              : fmt::format("complete -c sluice {} -a {} -d '{}'\n", when, word, escaped);
    }
  }
  return out;
}

}  // namespace

Command completion_command(const Command* root) {
  auto shell = std::make_shared<std::string>();
  Command command{
      .name = "completion",
      .summary = "Print a completion script for your shell",
      .examples = {{"source <(sluice completion bash)", "in ~/.bashrc"},
                   {"sluice completion fish > ~/.config/fish/completions/sluice.fish", ""}},
      .options = {{.names = "SHELL",
                   .target = shell.get(),
                   .value = "SHELL",
                   .help = "which.",
                   .required = true,
                   .choices = {"bash", "zsh", "fish"}}},
      .state = shell,
      .server = false};
  command.run = [shell = shell.get(), root](Context& context) {
    std::vector<Line> lines;
    collect(*root, "", lines);
    context.out << (*shell == "bash"  ? bash_script(lines)
                    : *shell == "zsh" ? zsh_script(lines)
                                      : fish_script(lines));
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
