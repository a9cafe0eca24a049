#include <unistd.h>

#include <ostream>

#include "cli/process.h"
#include "cli/values.h"
#include "cli/worker.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string queue, name;
  std::vector<std::string> command;
  std::int64_t concurrency = 1, grace = 20;
  std::optional<double> lease;
};

}  // namespace

Command worker_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "worker",
                  .summary = "Run a command for each task of a queue",
                  .description =
                      "The task's body comes on the command's standard input; what it prints is "
                      "the output: JSON as it is, "
                      "nothing as null, anything else as a string. Exit code 0 completes the task; "
                      "another fails it with the "
                      "error Exit.N, a signal with Signal.NAME, and the end of standard error as "
                      "the cause, so Retry and Catch "
                      "can name them.\n"
                      "The command finds SLUICE_TASK, SLUICE_QUEUE, SLUICE_RUN, SLUICE_WORKFLOW, "
                      "SLUICE_STATE, SLUICE_ATTEMPT, "
                      "SLUICE_HEADERS and SLUICE_IDEMPOTENCY_KEY in its environment. A task may be "
                      "handed out again after a "
                      "crash: what the command does outside should be safe to repeat, and the "
                      "idempotency key stays the same.\n"
                      "SIGTERM or Ctrl-C: takes nothing more and lets what runs finish for --grace "
                      "seconds, then stops it and "
                      "gives the tasks back. A second signal ends the grace, a third the worker.",
                  .examples = {{"sluice worker ship -- ./ship.py", ""},
                               {"sluice worker resize --concurrency 4 -- sh -c 'jq .url | xargs "
                                "curl -s | convert - -resize 100 out.png'",
                                "four at a time"}},
                  .options = {{.names = "QUEUE",
                               .target = &o->queue,
                               .value = "QUEUE",
                               .help = "whose tasks",
                               .required = true},
                              {.names = "-c,--concurrency",
                               .target = &o->concurrency,
                               .value = "N",
                               .help = "commands at the same time (1)",
                               .range = std::pair<std::int64_t, std::int64_t>{1, 1'000}},
                              {.names = "--lease",
                               .target = &o->lease,
                               .value = "SECONDS",
                               .help = "how long after this worker's death a task is handed out "
                                       "again; the queue's if not given"},
                              {.names = "--name",
                               .target = &o->name,
                               .value = "NAME",
                               .help = "what this worker is called; host and process if not given"},
                              {.names = "--grace",
                               .target = &o->grace,
                               .value = "SECONDS",
                               .help = "time for running commands after SIGTERM (20)",
                               .range = std::pair<std::int64_t, std::int64_t>{0, 86'400}}},
                  .after_dashes = &o->command,
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    if (o->command.empty())
      throw Failure(Exit::usage, "sluice worker: expected a command after --");
    if (o->lease && (*o->lease < 1 || *o->lease > 43'200))
      throw Failure(Exit::usage, "--lease: expected 1 to 43200 seconds");
    std::mutex mutex;
    Signals signals;
    Worker worker({.server = context.server,
                   .queue = o->queue,
                   .command = o->command,
                   .name = o->name.empty() ? fmt::format("{}-{}", host_name(), getpid()) : o->name,
                   .concurrency = static_cast<int>(o->concurrency),
                   .lease_seconds = o->lease,
                   .log =
                       [&](const std::string& line) {
                         const std::lock_guard lock(mutex);
                         context.err << line << "\n" << std::flush;
                       },
                   .on_error_output =
                       [&](std::string_view text) {
                         const std::lock_guard lock(mutex);
                         context.err << text << std::flush;
                       }});
    const auto say = [&](const std::string& line) {
      const std::lock_guard lock(mutex);
      note(context, line);
    };
    worker.on_ended([&] { signals.notify(); });
    worker.start();
    say(fmt::format("working on queue {} of {}", o->queue, context.server));
    if (signals.wait()) {
      worker.stop();
      say(fmt::format("stopping: what runs has {} s to finish; once more to stop it now",
                      o->grace));
      // The grace is over at a second signal, or by itself; a notice means that all have finished.
      if (!worker.wait(Duration{}) &&
          (signals.wait(seconds(o->grace)) || !worker.wait(Duration{}))) {
        signals.give_up_on_next();
        worker.abandon();
      }
    }
    worker.wait({});
    if (const auto why = worker.broken()) throw Failure(Exit::failed, *why);
    const WorkerCounts counts = worker.counts();
    note(context, fmt::format("{} completed, {} failed, {} given back, {} lost", counts.completed,
                              counts.failed, counts.released, counts.lost));
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
