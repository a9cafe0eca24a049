#include <ostream>

#include "cli/follow.h"
#include "cli/timeline.h"
#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string run;
  std::optional<std::int64_t> wait;
  bool full = false;
};

}  // namespace

Command watch_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "watch",
      .summary = "Follow a run until it ends",
      .description =
          "Prints its history from the beginning and then each event as it happens. The exit code "
          "says how "
          "the run ended: 0 if it succeeded, 1 if not, 9 if --wait was over before. Ending this "
          "command does "
          "nothing to the run.",
      .examples = {{"sluice watch 06f3kq2m1c0g0", ""},
                   {"sluice watch 06f3kq2m1c0g0 --json | jq .type", "an event a line"}},
      .options =
          {{.names = "RUN", .target = &o->run, .value = "RUN", .help = "its id", .required = true},
           {.names = "-w,--wait",
            .target = &o->wait,
            .value = "SECONDS",
            .help = "at most so long",
            .range = std::pair<std::int64_t, std::int64_t>{1, 31'536'000}},
           {.names = "--full",
            .target = &o->full,
            .value = "",
            .help = "do not shorten inputs and outputs"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Client client(context);
    std::optional<WallTime> start;
    const auto print = [&](const Json& event) {
      if (!start) start = time_of(event, "at");
      context.out << (context.json ? to_text(event)
                                   : timeline_line(context.out_terminal, event, start, o->full))
                  << std::endl;
    };
    const bool ended =
        follow(client, o->run, o->wait ? std::optional(seconds(*o->wait)) : std::nullopt, print);
    if (!ended) {
      note(context, "the run goes on");
      return Exit::waited;
    }
    const Json run = client.get(path({"runs", o->run})).json();
    const std::string status = text_of(run, "status");
    if (!context.json) {
      const std::string error = text_of(run, "error");
      note(context, fmt::format("{} {}{}", text_of(run, "id"),
                                paint(context.err_terminal, status_tone(status), status),
                                error.empty() ? "" : ": " + error));
    }
    return exit_of_run(status);
  };
  return command;
}

}  // namespace sluice::cli
