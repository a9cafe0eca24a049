// The tree's root, and the one place where a command's failure becomes text and an exit code.
#include <exception>
#include <istream>
#include <ostream>

#include "cli/command.h"
#include "cli/version.h"

namespace sluice::cli {

std::string Context::env(const std::string& name) const {
  const auto it = environment.find(name);
  return it == environment.end() ? "" : it->second;
}

Command sluice_command() {
  // Shared by the two commands that look at the whole tree; filled below, when the tree is
  // complete.
  auto root = std::make_shared<Command>();
  Command command{.name = "sluice", .summary = "Workflows and flow control on durable queues."};
  command.examples = {{"sluice serve", "start a server here, with its data in ./sluice-data"},
                      {"sluice deploy orders.json", "tell it a workflow"},
                      {"sluice start orders --input '{\"id\": 7}' --wait",
                       "start a run and wait for what it gives"}};
  command.subcommands = {
      serve_command(),          deploy_command(),
      validate_command(),       graph_command(),
      test_command(),           eval_command(),
      start_command(),          event_command(),
      publish_command(),        topics_command(),
      bind_command(),           unbind_command(),
      schedules_command(),      counters_command(),
      locks_command(),          runs_command(),
      show_command(),           watch_command(),
      cancel_command(),         pause_command(),
      resume_command(),         compensate_command(),
      redrive_command(),        move_command(),
      skip_command(),           fail_command(),
      queues_command(),         dlq_command(),
      jobs_command(),           audit_command(),
      worker_command(),         check_command(),
      doctor_command(),         completion_command(root.get()),
      help_command(root.get()),
  };
  *root = command;
  command.state = root;
  return command;
}

int run(const std::vector<std::string>& arguments, Context& context) {
  const std::string from_environment = context.env("SLUICE_SERVER");
  context.server = from_environment.empty() ? "http://127.0.0.1:7070" : from_environment;
  const auto complain = [&](const std::string& what) {
    context.err << paint(context.err_terminal, Tone::bad, "error") << ": " << what << "\n"
                << std::flush;
  };
  try {
    Command root = sluice_command();
    const Parsed parsed = parse(root, arguments, context);
    if (context.no_color || !context.env("NO_COLOR").empty())
      context.out_terminal.color = context.err_terminal.color = false;
    if (parsed.version) {
      context.out << "sluice " << version << "\n";
      return 0;
    }
    if (parsed.help) {
      context.out << help_text(root, parsed.path, context.out_terminal.width);
      return 0;
    }
    const Exit code = parsed.command->run(context);
    context.out.flush();
    return static_cast<int>(code);
  } catch (const Failure& failure) {
    context.out.flush();
    if (*failure.what() != '\0') complain(failure.what());
    return static_cast<int>(failure.code());
  } catch (const std::exception& error) {
    complain(error.what());
    return static_cast<int>(Exit::failed);
  }
}

}  // namespace sluice::cli
