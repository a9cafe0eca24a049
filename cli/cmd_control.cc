// The verbs that change one run's course: cancel, compensate, pause, resume, redrive, move, skip,
// fail.
#include <ostream>

#include "cli/bulk.h"

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
  bool compensate = false, all = false;
  std::string workflow, status, state, search, since;
  std::vector<std::string> labels;
  BulkOptions bulk;
};

Option runs_option(Options& o) {
  return {.names = "RUN",
          .target = &o.runs,
          .value = "RUN",
          .help = "the run's id; may be several",
          .required = true};
}

// Which runs are meant where none is named.
std::vector<Option> with_filter(Options& o, std::vector<Option> options, bool again) {
  options.front().required = false;
  const std::vector<Option> filter = {
      {.names = "-w,--workflow",
       .target = &o.workflow,
       .value = "NAME",
       .help = "of this workflow"},
      {.names = "-s,--status",
       .target = &o.status,
       .value = "STATUS",
       .help = "in this status; if not given, those to which the verb applies",
       .choices = {"RUNNING", "FAILED", "TIMED_OUT", "ABORTED", "PAUSED", "COMPENSATING"}},
      {.names = "--state", .target = &o.state, .value = "STATE", .help = "that stand there"},
      {.names = "-l,--label",
       .target = &o.labels,
       .value = "KEY=VALUE",
       .help = "with this label; may be several"},
      {.names = "--search",
       .target = &o.search,
       .value = "TEXT",
       .help = "part of the name, id or error"},
      {.names = "--since",
       .target = &o.since,
       .value = "TIME",
       .help = "started after this time: 2h, 3d, or an RFC 3339 time"},
      {.names = "--all", .target = &o.all, .value = "", .help = "of every workflow"}};
  options.insert(options.end(), filter.begin(), filter.end());
  add_bulk_options(options, o.bulk, again);
  return options;
}

Json filter_of(const Options& o) {
  Json filter = Json::object();
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) filter[key] = value;
  };
  add("workflow", o.workflow);
  add("status", o.status);
  add("state", o.state);
  add("q", o.search);
  if (!o.since.empty()) add("started_after", to_rfc3339(read_time(o.since, now(), "--since")));
  for (const auto& given : o.labels) {
    const auto [key, value] = key_value(given, "--label");
    filter["label"][key] = value;
  }
  return filter;
}

// The runs that are named, one after the other; or many, as a job of the server's.
Exit some_runs(Context& context, const Options& o, const std::string& verb, Json body,
               const std::string& done) {
  Json filter = filter_of(o);
  const bool many = o.all || !filter.empty();
  if (many == !o.runs.empty())
    throw Failure(Exit::usage,
                  "sluice " + verb +
                      ": name runs, or say which: --workflow W, --status S, --state S, "
                      "--label K=V, --search TEXT, --since TIME or --all");
  if (!many && !asks_for_job(o.bulk)) {
    add_edit(context, body, o.bulk);
    return each_run(context, o.runs, verb, body, done);
  }
  if (body.contains("input"))
    throw Failure(Exit::usage,
                  "--input goes with runs that are named; --merge and --patch edit many");
  body["verb"] = verb;
  if (many)
    body["filter"] = std::move(filter);
  else
    body["ids"] = o.runs;
  return run_job(context, std::move(body), o.bulk);
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
                               {"sluice cancel 06f3kq2m1c0g0 --compensate", ""},
                               {"sluice cancel -w orders -l region=eu --rate 10", "many"}},
                  .options = with_filter(*o,
                                         {runs_option(*o),
                                          {.names = "--cause",
                                           .target = &o->cause,
                                           .value = "TEXT",
                                           .help = "why, for the history"},
                                          {.names = "--compensate",
                                           .target = &o->compensate,
                                           .value = "",
                                           .help = "undo first what has a Compensate"}},
                                         false),
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = Json::object();
    if (!o->cause.empty()) body["cause"] = o->cause;
    if (o->compensate) body["compensate"] = true;
    return some_runs(context, *o, "cancel", std::move(body),
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
  Command command{
      .name = "pause",
      .summary = "Stop runs from taking their next step",
      .description =
          "What a worker has in its hands it may finish. Queues are paused by `sluice "
          "queues pause`.",
      .examples = {{"sluice pause 06f3kq2m1c0g0", ""},
                   {"sluice pause -w orders --state Pay --dry-run", "which it would be"}},
      .options = with_filter(*o, {runs_option(*o)}, false),
      .state = o};
  command.run = [o = o.get()](Context& context) {
    return some_runs(context, *o, "pause", Json::object(), "paused");
  };
  return command;
}

Command resume_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "resume",
                  .summary = "Let paused runs go on",
                  .examples = {{"sluice resume 06f3kq2m1c0g0", ""}},
                  .options = with_filter(*o, {runs_option(*o)}, false),
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    return some_runs(context, *o, "resume", Json::object(), "resumed");
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
                  .options = with_filter(*o,
                                         {runs_option(*o),
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
                                         true),
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = Json::object();
    if (!o->from.empty()) body["from"] = o->from;
    if (o->input) body["input"] = read_json(context, *o->input, "--input");
    if (o->version) body["version"] = *o->version;
    return some_runs(context, *o, "redrive", std::move(body), "goes on");
  };
  return command;
}

Command move_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "move",
      .summary = "Let live runs go on with another version of their workflow",
      .description =
          "Each goes on from the state it stands at, which must be there under the same name. What "
          "a worker has in its hands is ended as it was begun; what nobody has is begun again "
          "where "
          "the state's work differs. `sluice deploy FILE --plan` says beforehand which could move.",
      .examples = {{"sluice move 06f3kq2m1c0g0", "to the latest version"},
                   {"sluice move 06f3kq2m1c0g0 --version 3", "to this one"},
                   {"sluice move -w orders --dry-run", "which it would be"},
                   {"sluice move -w orders --state Pay --rate 100", "many"}},
      .options = with_filter(*o,
                             {runs_option(*o),
                              {.names = "--version",
                               .target = &o->version,
                               .value = "N",
                               .help = "to this version; default: the latest"}},
                             false),
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = Json::object();
    if (o->version) body["version"] = *o->version;
    return some_runs(context, *o, "move", std::move(body), "moved");
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
