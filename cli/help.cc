#include "cli/command.h"

namespace sluice::cli {
namespace {

constexpr int name_columns_max = 30;

// Two columns: a name, and a meaning that is wrapped beside it.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows, int width) {
  int name_width = 0;
  for (const auto& [name, meaning] : rows)
    if (display_width(name) <= name_columns_max)
      name_width = std::max(name_width, display_width(name));
  const int indent = 2 + name_width + 2;
  std::string out;
  for (const auto& [name, meaning] : rows) {
    out += "  " + name;
    const int gap = name_width - display_width(name);
    if (gap >= 0)
      out.append(static_cast<std::size_t>(gap + 2), ' ');
    else
      out += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
    out += wrap(meaning, width, indent) + "\n";
  }
  return out;
}

std::string usage_of(const Option& option) {
  const bool list = std::holds_alternative<std::vector<std::string>*>(option.target);
  const std::string text = option.value + (list ? "…" : "");
  return option.required ? text : "[" + text + "]";
}

std::string option_label(const Option& option) {
  std::string label = option.names;
  for (std::size_t at = 0; (at = label.find(',', at)) != std::string::npos; at += 2)
    label.replace(at, 1, ", ");
  if (option.value.empty()) return label;
  return option.bare ? fmt::format("{}[={}]", label, option.value)
                     : fmt::format("{} {}", label, option.value);
}

std::string option_help(const Option& option) {
  std::string text = option.help;
  if (!option.choices.empty()) {
    std::string all;
    for (const auto& choice : option.choices) all += (all.empty() ? "" : ", ") + choice;
    text += fmt::format(" One of: {}.", all);
  }
  if (!option.env.empty()) text += fmt::format(" Also {}.", option.env);
  return text;
}

std::string examples_text(const Command& command) {
  if (command.examples.empty()) return "";
  std::string out = command.examples.size() == 1 ? "\nExample\n" : "\nExamples\n";
  for (const auto& example : command.examples) {
    out += fmt::format("  {}\n", example.line);
    if (!example.meaning.empty()) out += fmt::format("      {}\n", example.meaning);
  }
  return out;
}

}  // namespace

const std::vector<ExitMeaning>& exit_meanings() {
  static const std::vector<ExitMeaning> meanings = {
      {Exit::ok, "it is done"},
      {Exit::failed,
       "it was done, and what was asked for failed: the run ended badly, a check found something"},
      {Exit::usage, "the command line is wrong; nothing was done"},
      {Exit::unreachable, "no server answers at the address"},
      {Exit::not_found, "there is no such run, workflow, queue or dead letter"},
      {Exit::conflict, "it exists and differs, or is in a state that does not allow this"},
      {Exit::invalid, "the input or the definition has problems; they are all listed"},
      {Exit::busy, "the server is overloaded or stopping: try again later"},
      {Exit::server_error, "the server failed, or its answer makes no sense"},
      {Exit::waited, "the time given with --wait is over; the run goes on"},
      {Exit::stuck, "test: the run can go no further; what it waits for is told"},
      {Exit::mocks, "test: the mocks, or what is expected, have problems; they are all listed"},
      {Exit::address_in_use, "serve: cannot listen at the address"},
      {Exit::outcome_unknown, "serve: a commit failed; start it again, it recovers from disk"},
      {Exit::data_directory, "serve: the data directory cannot be used"},
  };
  return meanings;
}

std::string exit_codes_text() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [code, meaning] : exit_meanings())
    rows.emplace_back(std::to_string(static_cast<int>(code)), meaning);
  return "How a command ends\n" + two_columns(rows, 100) +
         "\nA program that was ended by a signal has 128 and the signal's number, as in every "
         "shell.\n";
}

const Command* find_command(const Command& root, const std::vector<std::string>& path) {
  const Command* at = &root;
  for (const auto& name : path) {
    const auto it = std::find_if(at->subcommands.begin(), at->subcommands.end(),
                                 [&](const Command& sub) { return sub.name == name; });
    if (it == at->subcommands.end()) return nullptr;
    at = &*it;
  }
  return at;
}

std::string help_text(const Command& root, const std::vector<std::string>& path, int width) {
  const Command* command = find_command(root, path);
  SLUICE_CHECK(command != nullptr, "a path that leads to a command");
  width = std::clamp(width, 60, 100);
  std::string name = "sluice";
  for (const auto& part : path) name += " " + part;

  std::string out = wrap(command->summary, width) + "\n\nUsage\n  " + name;
  std::vector<std::pair<std::string, std::string>> arguments, options, subcommands;
  for (const auto& option : command->options) {
    if (option.hidden) continue;
    if (option.positional())
      arguments.emplace_back(option.value, option_help(option));
    else
      options.emplace_back(option_label(option), option_help(option));
  }
  for (const auto& sub : command->subcommands) subcommands.emplace_back(sub.name, sub.summary);
  if (command->run || command->subcommands.empty()) {
    for (const auto& option : command->options)
      if (option.positional()) out += " " + usage_of(option);
    out += options.empty() ? "" : " [options]";
    if (command->after_dashes != nullptr) out += " -- COMMAND [ARGUMENT…]";
    if (!command->subcommands.empty()) out += fmt::format("\n  {} COMMAND …", name);
  } else {
    out += " COMMAND …";
  }
  out += "\n";
  if (!command->description.empty()) out += "\n" + wrap(command->description, width) + "\n";
  if (!subcommands.empty()) out += "\nCommands\n" + two_columns(subcommands, width);
  if (!arguments.empty()) out += "\nArguments\n" + two_columns(arguments, width);
  if (!options.empty()) out += "\nOptions\n" + two_columns(options, width);
  if (path.empty() || command->server) {
    out += "\nEvery command\n" +
           two_columns(
               {{"--server URL",
                 "the server to talk to; http://127.0.0.1:7070 if not given. Also SLUICE_SERVER."},
                {"--reason TEXT", "why, for the audit log"},
                {"--json", "print the server's answer as it is, for programs"},
                {"--no-color", "no colours, on a terminal too. Also NO_COLOR."},
                {"-h, --help", "this text"}},
               width);
  }
  out += examples_text(*command);
  if (path.empty())
    out +=
        "\n`sluice help COMMAND` says more; `sluice help exit-codes` what the exit codes mean.\n";
  return out;
}

}  // namespace sluice::cli
