// The one file that knows CLI11. It turns the tree of Commands into CLI11's, lets it parse, and
// says what is wrong in our own words.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/suggest.h"
#include "cli/command.h"

namespace sluice::cli {
namespace {

std::string joined(const std::vector<std::string>& path) {
  std::string text = "sluice";
  for (const auto& part : path) text += " " + part;
  return text;
}

// The longest name of "-q,--queue" without dashes changed: what messages call it.
std::vector<std::string> option_names(const std::string& names) {
  std::vector<std::string> out;
  std::size_t start = 0;
  while (start <= names.size()) {
    const std::size_t end = std::min(names.find(',', start), names.size());
    out.push_back(names.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

void add_option(CLI::App& app, Option& option) {
  CLI::Option* added = nullptr;
  const std::string names = option.positional() ? option.value : option.names;
  // CLI11 takes lower-case names for positionals as it does for anything without dashes.
  std::visit(
      [&](auto* target) {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<T, bool>)
          added = app.add_flag(names, *target, option.help);
        else if constexpr (std::is_same_v<T, std::optional<std::string>>)
          added = app.add_option_function<std::string>(
              names, [target](const std::string& v) { *target = v; });
        else if constexpr (std::is_same_v<T, std::optional<std::int64_t>>)
          added = app.add_option_function<std::int64_t>(names,
                                                        [target](std::int64_t v) { *target = v; });
        else if constexpr (std::is_same_v<T, std::optional<double>>)
          added = app.add_option_function<double>(names, [target](double v) { *target = v; });
        else
          added = app.add_option(names, *target);
      },
      option.target);
  added->option_text(option.positional() ? option.value : option_names(option.names).back());
  if (option.required) added->required();
  if (!option.env.empty()) added->envname(option.env);
  if (!option.choices.empty()) added->check(CLI::IsMember(option.choices));
  if (option.range)
    added->check(CLI::Range(static_cast<double>(option.range->first),
                            static_cast<double>(option.range->second)));
  // A list given as an option takes one value each time, so that a positional may follow it.
  if (!option.positional() && std::holds_alternative<std::vector<std::string>*>(option.target))
    added->expected(1)->take_all()->allow_extra_args(false);
}

struct Built {
  Command* command;
  CLI::App* app;
  std::vector<std::string> path;
};

void build(Command& command, CLI::App& app, const std::vector<std::string>& path,
           std::vector<Built>& all) {
  all.push_back({&command, &app, path});
  app.set_help_flag();
  app.fallthrough();
  // One at a time: CLI11 would otherwise take a workflow called "runs" for the command of that
  // name.
  app.require_subcommand(0, 1);
  for (auto& option : command.options) add_option(app, option);
  for (auto& sub : command.subcommands) {
    CLI::App* child = app.add_subcommand(sub.name, sub.summary);
    auto child_path = path;
    child_path.push_back(sub.name);
    build(sub, *child, child_path, all);
  }
}

// The value options of `command` and of those above it; for suggestions.
std::string nearest_option(const Built& at, const std::string& given) {
  std::vector<std::string> names = {"--help",   "--version", "--server",
                                    "--reason", "--json",    "--no-color"};
  for (const auto& option : at.command->options)
    if (!option.positional())
      for (const auto& name : option_names(option.names)) names.push_back(name);
  const std::vector<std::string_view> views(names.begin(), names.end());
  return suggest(given.substr(0, given.find('=')), views);
}

// `--wait` alone means its `bare` value, and `--wait 30` thirty; CLI11 would take whatever comes
// next for it.
std::vector<std::string> with_bare_values(const Command& root,
                                          const std::vector<std::string>& arguments) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  };
  std::vector<std::string> out;
  const Command* at = &root;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const auto sub = std::find_if(at->subcommands.begin(), at->subcommands.end(),
                                  [&](const Command& each) { return each.name == argument; });
    if (sub != at->subcommands.end()) at = &*sub;
    const auto option =
        std::find_if(at->options.begin(), at->options.end(), [&](const Option& each) {
          const auto names = option_names(each.names);
          return each.bare && std::find(names.begin(), names.end(), argument) != names.end();
        });
    if (option == at->options.end()) {
      out.push_back(argument);
      continue;
    }
    const bool has_value = i + 1 < arguments.size() && is_number(arguments[i + 1]);
    out.push_back(option_names(option->names).back() + "=" +
                  (has_value ? arguments[++i] : *option->bare));
  }
  return out;
}

}  // namespace

Parsed parse(Command& root, const std::vector<std::string>& arguments, Context& context) {
  CLI::App app;
  std::vector<Built> all;
  build(root, app, {}, all);
  bool help = false, version = false;
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_flag("--json", context.json);
  app.add_flag("--no-color", context.no_color);
  app.add_option("--reason", context.reason)->option_text("--reason");
  app.add_option("--server", context.server)->option_text("--server");

  // What follows the first "--" belongs to the command that asks for it, untouched.
  std::vector<std::string> own = arguments, after;
  bool dashes = false;
  const Command* first = nullptr;
  for (const auto& argument : arguments)
    if (first == nullptr) first = find_command(root, {argument});
  if (first != nullptr && first->after_dashes != nullptr) {
    const auto at = std::find(own.begin(), own.end(), "--");
    if (at != own.end()) {
      dashes = true;
      after.assign(at + 1, own.end());
      own.erase(at, own.end());
      *first->after_dashes = after;
    }
  }
  own = with_bare_values(root, own);
  // Help is wanted even where the rest is incomplete.
  const bool asks_help = std::any_of(
      own.begin(), own.end(), [](const std::string& a) { return a == "--help" || a == "-h"; });

  std::vector<std::string> reversed(own.rbegin(), own.rend());
  std::string wrong;
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ExtrasError&) {
    wrong = "extras";
  } catch (const CLI::ParseError& error) {
    wrong = error.what();
  }

  const Built* chosen = all.data();
  for (const auto& built : all)
    if (built.app->parsed() && built.path.size() > chosen->path.size()) chosen = &built;
  Parsed parsed{
      .command = chosen->command, .path = chosen->path, .help = asks_help, .version = version};
  if (parsed.help || (parsed.version && chosen->path.empty())) return parsed;

  const std::string see = fmt::format("\n  See `{} --help`.", joined(chosen->path));
  if (wrong == "extras") {
    const auto extras = app.remaining(true);
    const std::string extra = extras.empty() ? "" : extras.front();
    if (!extra.empty() && extra.front() == '-') {
      const std::string near = nearest_option(*chosen, extra);
      throw Failure(
          Exit::usage,
          fmt::format("{}: there is no option {}{}{}", joined(chosen->path), printable(extra),
                      near.empty() ? "" : fmt::format("; did you mean {}?", near), see));
    }
    if (!chosen->command->subcommands.empty()) {
      std::vector<std::string_view> names;
      for (const auto& sub : chosen->command->subcommands) names.push_back(sub.name);
      const std::string near = suggest(extra, names);
      throw Failure(
          Exit::usage,
          fmt::format("{}: there is no command \"{}\"{}{}", joined(chosen->path), printable(extra),
                      near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near), see));
    }
    throw Failure(Exit::usage, fmt::format("{}: \"{}\" is more than this command takes{}",
                                           joined(chosen->path), printable(extra), see));
  }
  if (!wrong.empty())
    throw Failure(Exit::usage,
                  fmt::format("{}: {}{}", joined(chosen->path), printable(wrong), see));
  if (!chosen->command->run) {
    if (chosen->path.empty()) {
      parsed.help = true;
      return parsed;
    }
    std::string names;
    for (const auto& sub : chosen->command->subcommands)
      names += (names.empty() ? "" : ", ") + sub.name;
    throw Failure(Exit::usage,
                  fmt::format("{}: say which: {}{}", joined(chosen->path), names, see));
  }
  if (chosen->command->after_dashes != nullptr && !dashes)
    throw Failure(Exit::usage, fmt::format("{}: expected `--` and a command after it{}",
                                           joined(chosen->path), see));
  return parsed;
}

}  // namespace sluice::cli
