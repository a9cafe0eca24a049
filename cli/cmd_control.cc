// The verbs that change one run's course: cancel, compensate, pause, resume, redrive, skip, fail.
#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

// Sends one verb to each run; goes on after a refusal and gives the last refusal's code.
Exit each_run(Context& context, const std::vector<std::string>& runs, const std::string& verb,
              const Json& body, const std::string& done) {
  Client client(context);
  Exit worst = Exit::ok;
  for (const auto& run : runs) {
    const Answer answer = client.try_send(
        {.method = "POST", .path = path({"runs", run, verb}), .body = to_text(body)});
    if (answer.ok()) {
      if (context.json)
        print_json(context, answer);
      else
        context.out << fmt::format("{}  {}\n", printable(run), done);
      continue;
    }
    if (runs.size() == 1) throw Failure(exit_for(answer.status), problem_text(answer));
    context.err << fmt::format("{}: {}: {}\n", paint(context.err_terminal, Tone::bad, "error"),
                               printable(run), problem_text(answer));
    worst = exit_for(answer.status);
  }
  return worst;
}

struct Options {
  std::vector<std::string> runs;
  std::string cause, from, frame, error;
  std::optional<std::string> input, output;
  std::optional<std::int64_t> version;
  bool compensate = false;
};

Option runs_option(Options& o) {
  return {.names = "RUN",
          .target = &o.runs,
          .value = "RUN",
          .help = "the run's id; may be several",
          .required = true};
}

Option frame_option(Options& o) {
  return {.names = "--frame",
          .target = &o.frame,
          .value = "FRAME",
          .help = "which, where several branches are live (`sluice show --json`)"};
}

}  // namespace

Command cancel_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "cancel",
                  .summary = "End runs now",
                  .description =
                      "The run becomes ABORTED; workers that hold a task of it are told. With "
                      "--compensate what it has completed is undone first.",
                  .examples = {{"sluice cancel 06f3kq2m1c0g0 --cause 'ordered twice'", ""},
                               {"sluice cancel 06f3kq2m1c0g0 --compensate", ""}},
                  .options = {runs_option(*o),
                              {.names = "--cause",
                               .target = &o->cause,
                               .value = "TEXT",
                               .help = "why, for the history"},
                              {.names = "--compensate",
                               .target = &o->compensate,
                               .value = "",
                               .help = "undo first what has a Compensate"}},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = Json::object();
    if (!o->cause.empty()) body["cause"] = o->cause;
    if (o->compensate) body["compensate"] = true;
    return each_run(context, o->runs, "cancel", body,
                    o->compensate ? "is undone, then cancelled" : "cancelled");
  };
  return command;
}

Command compensate_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "compensate",
                  .summary = "Undo what held or failed runs have completed",
                  .description =
                      "Every completed stage that has a Compensate is undone, the last first; then "
                      "the run is COMPENSATED. A run that still goes on: `sluice cancel "
                      "--compensate`.",
                  .examples = {{"sluice compensate 06f3kq2m1c0g0", ""}},
                  .options = {runs_option(*o)},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    return each_run(context, o->runs, "compensate", Json::object(), "is undone");
  };
  return command;
}

Command pause_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "pause",
                  .summary = "Stop runs from taking their next step",
                  .description =
                      "What a worker has in its hands it may finish. Queues are paused by `sluice "
                      "queues pause`.",
                  .examples = {{"sluice pause 06f3kq2m1c0g0", ""}},
                  .options = {runs_option(*o)},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    return each_run(context, o->runs, "pause", Json::object(), "paused");
  };
  return command;
}

Command resume_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "resume",
                  .summary = "Let paused runs go on",
                  .examples = {{"sluice resume 06f3kq2m1c0g0", ""}},
                  .options = {runs_option(*o)},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    return each_run(context, o->runs, "resume", Json::object(), "resumed");
  };
  return command;
}

Command redrive_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "redrive",
                  .summary = "Let failed runs go on from where they failed",
                  .description =
                      "The failed state starts again, with its retries as at first, and the run's "
                      "dead letter is closed.",
                  .examples = {{"sluice redrive 06f3kq2m1c0g0", "the same state, the same input"},
                               {"sluice redrive 06f3kq2m1c0g0 --from Pay --input @fixed.json",
                                "another state, another input"}},
                  .options = {runs_option(*o),
                              {.names = "--from",
                               .target = &o->from,
                               .value = "STATE",
                               .help = "begin at this state instead"},
                              {.names = "-i,--input",
                               .target = &o->input,
                               .value = "JSON|@FILE|-",
                               .help = "that state's input instead of what it had"},
                              {.names = "--version",
                               .target = &o->version,
                               .value = "N",
                               .help = "go on with this version of the workflow"}},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = Json::object();
    if (!o->from.empty()) body["from"] = o->from;
    if (o->input) body["input"] = read_json(context, *o->input, "--input");
    if (o->version) body["version"] = *o->version;
    return each_run(context, o->runs, "redrive", body, "goes on");
  };
  return command;
}

Command skip_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "skip",
      .summary = "Give the stage a run waits at an output, and let it go on",
      .examples = {{"sluice skip 06f3kq2m1c0g0 --output '{\"paid\": true}'", "paid by hand"}},
      .options = {runs_option(*o),
                  {.names = "-o,--output",
                   .target = &o->output,
                   .value = "JSON|@FILE|-",
                   .help = "what the stage would have given",
                   .required = true},
                  frame_option(*o)},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = {{"output", read_json(context, *o->output, "--output")}};
    if (!o->frame.empty()) body["frame"] = o->frame;
    return each_run(context, o->runs, "skip", body, "skipped");
  };
  return command;
}

Command fail_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "fail",
      .summary = "Fail the stage a run waits at",
      .description = "The error goes through the state's Retry and Catch as any other.",
      .examples = {{"sluice fail 06f3kq2m1c0g0 --error Payment.Declined --cause 'the bank called'",
                    ""}},
      .options = {runs_option(*o),
                  {.names = "-e,--error",
                   .target = &o->error,
                   .value = "NAME",
                   .help = "the error's name",
                   .required = true},
                  {.names = "--cause", .target = &o->cause, .value = "TEXT", .help = "why"},
                  frame_option(*o)},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = {{"error", o->error}};
    if (!o->cause.empty()) body["cause"] = o->cause;
    if (!o->frame.empty()) body["frame"] = o->frame;
    return each_run(context, o->runs, "fail", body, "failed");
  };
  return command;
}

}  // namespace sluice::cli
