#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string name;
  bool dry_run = false, plan = false;
};

// orders.asl.json in any folder is the workflow "orders".
std::string workflow_name(const std::string& file) {
  const std::string base = file.substr(file.rfind('/') + 1);
  return base.substr(0, base.find('.', 1));
}

void tell_plan(Context& context, const Json& plan) {
  const auto count = [&](const char* name) { return humane_count(number_of(plan, name)); };
  context.out << fmt::format(
      "live runs: {}{}; could move to version {}: {} (of these {} begin their stage's work again); "
      "could not: {}; there already: {}\n",
      flag_of(plan, "complete") ? "" : "more than ", count("live"), text_of(plan, "version"),
      count("can_move"), count("restarts"), count("cannot_move"), count("there"));
  Table table({{"VERSION", Table::Align::right},
               {"STANDS AT"},
               {"RUNS", Table::Align::right},
               {"WOULD"},
               {"FOR EXAMPLE"},
               {"WHY", Table::Align::left, true}});
  for (const auto& group : member(plan, "groups")) {
    const std::string verdict = text_of(group, "verdict");
    const Tone tone = verdict == "stays"      ? Tone::bad
                      : verdict == "restarts" ? Tone::warn
                                              : Tone::good;
    table.row({text_of(group, "version"),
               text_of(group, "state"),
               humane_count(number_of(group, "runs")),
               {verdict == "stays"      ? "stay"
                : verdict == "restarts" ? "move, and begin the stage again"
                                        : "move",
                tone},
               text_of(group, "example"),
               text_of(group, "why")});
  }
  if (!table.empty()) context.out << table.text(context.out_terminal);
}

// Sent as it was written, so that the server's line and column are the file's.
Exit deploy(Context& context, Client& client, const std::string& file, const std::string& name,
            const Options& o) {
  Query query;
  if (o.dry_run) query.emplace_back("dry_run", "true");
  if (o.plan) query.emplace_back("plan", "true");
  const Answer answer = client.try_send({.method = "PUT",
                                         .path = path({"workflows", name}),
                                         .query = std::move(query),
                                         .body = read_file(file)});
  if (!answer.ok())
    throw Failure(exit_for(answer.status), fmt::format("{}: {}", file, problem_text(answer)));
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json said = answer.json();
  if (const Json& warnings = member(said, "warnings"); warnings.is_array())
    for (const auto& warning : warnings)
      warn(context, fmt::format("{}: {}: {}", file, text_of(warning, "pointer"),
                                text_of(warning, "detail")));
  const std::string outcome = o.plan      ? "valid, not deployed (--plan)"
                              : o.dry_run ? "valid, not deployed (--dry-run)"
                              : answer.status == 201
                                  ? fmt::format("version {} deployed", text_of(said, "version"))
                                  : fmt::format("unchanged, version {}", text_of(said, "version"));
  context.out << fmt::format("{}  {}\n", paint(context.out_terminal, Tone::strong, printable(name)),
                             outcome);
  if (o.plan) {
    const Json& plan = member(said, "plan");
    tell_plan(context, plan);
    if (number_of(plan, "can_move") > 0)
      note(context, fmt::format("deploy it, then: sluice move --workflow {}", printable(name)));
  }
  return Exit::ok;
}

}  // namespace

Command deploy_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "deploy",
      .summary = "Give the server workflow definitions",
      .description =
          "Each FILE becomes a new version of the workflow that is called like the file without "
          "its "
          "folder and extensions; a file that says what the latest version says changes nothing. "
          "Runs "
          "stay on the version they started on; --plan says which of them `sluice move` could take "
          "along. Every problem is listed; a file with one is not "
          "deployed, "
          "the others are.",
      .examples = {{"sluice deploy orders.json refunds.json",
                    "workflows \"orders\" and \"refunds\""},
                   {"sluice deploy build/out.json --name orders", "under another name"},
                   {"sluice deploy orders.json --plan", "what it would mean for live runs"}},
      .options = {{.names = "FILE",
                   .target = &o->files,
                   .value = "FILE",
                   .help = "a definition, JSON",
                   .required = true},
                  {.names = "--name",
                   .target = &o->name,
                   .value = "NAME",
                   .help = "the workflow's name; with one FILE"},
                  {.names = "--dry-run",
                   .target = &o->dry_run,
                   .value = "",
                   .help = "let the server validate, change nothing"},
                  {.names = "--plan",
                   .target = &o->plan,
                   .value = "",
                   .help = "as --dry-run, and say which live runs could move to it"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    if (!o->name.empty() && o->files.size() > 1)
      throw Failure(Exit::usage, "--name goes with one FILE; the others' names are their files'");
    Client client(context);
    Exit worst = Exit::ok;
    for (const auto& file : o->files) {
      try {
        deploy(context, client, file, o->name.empty() ? workflow_name(file) : o->name, *o);
      } catch (const Failure& failure) {
        // A server that cannot be reached will not be there for the next file either.
        if (failure.code() == Exit::unreachable || o->files.size() == 1) throw;
        context.err << paint(context.err_terminal, Tone::bad, "error") << ": " << failure.what()
                    << "\n";
        worst = failure.code();
      }
    }
    return worst;
  };
  return command;
}

}  // namespace sluice::cli
