#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string name;
  bool dry_run = false;
};

// orders.asl.json in any folder is the workflow "orders".
std::string workflow_name(const std::string& file) {
  const std::string base = file.substr(file.rfind('/') + 1);
  return base.substr(0, base.find('.', 1));
}

// Sent as it was written, so that the server's line and column are the file's.
Exit deploy(Context& context, Client& client, const std::string& file, const std::string& name,
            bool dry_run) {
  const Answer answer = client.try_send({.method = "PUT",
                                         .path = path({"workflows", name}),
                                         .query = dry_run ? Query{{"dry_run", "true"}} : Query{},
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
  const std::string outcome = dry_run ? "valid, not deployed (--dry-run)"
                              : answer.status == 201
                                  ? fmt::format("version {} deployed", text_of(said, "version"))
                                  : fmt::format("unchanged, version {}", text_of(said, "version"));
  context.out << fmt::format("{}  {}\n", paint(context.out_terminal, Tone::strong, printable(name)),
                             outcome);
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
          "stay on the version they started on. Every problem is listed; a file with one is not "
          "deployed, "
          "the others are.",
      .examples = {{"sluice deploy orders.json refunds.json",
                    "workflows \"orders\" and \"refunds\""},
                   {"sluice deploy build/out.json --name orders", "under another name"}},
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
                   .help = "let the server validate, change nothing"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    if (!o->name.empty() && o->files.size() > 1)
      throw Failure(Exit::usage, "--name goes with one FILE; the others' names are their files'");
    Client client(context);
    Exit worst = Exit::ok;
    for (const auto& file : o->files) {
      try {
        deploy(context, client, file, o->name.empty() ? workflow_name(file) : o->name, o->dry_run);
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
