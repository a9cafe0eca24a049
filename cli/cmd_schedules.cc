// Schedules: when they run next, pausing them, a run at once.
#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string id;
};

Option id_option(Options& o, bool required) {
  return {.names = "ID",
          .target = &o.id,
          .value = "ID",
          .help = "the schedule's id",
          .required = required};
}

std::string times_of(const Json& schedule) {
  if (const std::string cron = text_of(schedule, "schedule"); !cron.empty())
    return cron + "  " + text_of(schedule, "time_zone");
  if (const auto every = number_of(schedule, "every_seconds"); every > 0)
    return "every " + std::to_string(every) + " s";
  return "at " + text_of(schedule, "at");
}

std::string state_of(const Json& schedule) {
  if (!text_of(schedule, "problem").empty()) return "cannot run";
  return flag_of(schedule, "paused") ? "paused" : "";
}

std::string first_time(const Json& schedule) {
  const Json next = member(schedule, "next");
  return next.is_array() && !next.empty() ? next[0].get<std::string>() : "never";
}

Exit list(Context& context) {
  Client client(context.server);
  if (context.json) {
    print_json(context, client.get("/v1/schedules", {{"limit", "1000"}}));
    return Exit::ok;
  }
  Table table({{"ID"},
               {"WORKFLOW", Table::Align::left, true},
               {"TIMES", Table::Align::left, true},
               {"OVERLAP"},
               {"NEXT"},
               {"STARTED", Table::Align::right},
               {"SKIPPED", Table::Align::right},
               {"STATE"}});
  for (const auto& schedule : list_all(client, "/v1/schedules", {}, 0))
    table.row({text_of(schedule, "id"), text_of(schedule, "workflow"), times_of(schedule),
               text_of(schedule, "overlap"), first_time(schedule),
               humane_count(number_of(schedule, "started")),
               humane_count(number_of(schedule, "skipped")), state_of(schedule)});
  if (table.empty())
    note(context, "no workflow has a schedule; they stand in a definition's Triggers");
  else
    context.out << table.text(context.out_terminal);
  return Exit::ok;
}

Exit show(Context& context, const Options& o) {
  Client client(context.server);
  const Answer answer = client.get(path({"schedules", o.id}));
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json schedule = answer.json();
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) context.out << fmt::format("{:<10} {}\n", name, printable(value));
  };
  line("workflow", text_of(schedule, "workflow"));
  line("times", times_of(schedule));
  line("overlap", text_of(schedule, "overlap") + ", at most " +
                      std::to_string(number_of(schedule, "catch_up_seconds")) + " s late");
  line("state", state_of(schedule));
  line("problem", text_of(schedule, "problem"));
  line("started", std::to_string(number_of(schedule, "started")));
  line("skipped", std::to_string(number_of(schedule, "skipped")));
  line("last run", text_of(schedule, "last_run"));
  const char* name = "next";
  for (const auto& time : member(schedule, "next")) {
    context.out << fmt::format("{:<10} {}\n", name, time.get<std::string>());
    name = "";
  }
  return Exit::ok;
}

Exit verb(Context& context, const Options& o, const std::string& what, const std::string& done) {
  Client client(context.server);
  const Answer answer = client.send({.method = "POST", .path = path({"schedules", o.id, what})});
  if (context.json)
    print_json(context, answer);
  else
    context.out << fmt::format("{}  {}\n", printable(o.id), done);
  return Exit::ok;
}

}  // namespace

Command schedules_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "schedules",
      .summary = "When runs start by themselves: list the schedules, or look at one",
      .description = "A schedule stands in a definition's Triggers and comes with deploying it.",
      .examples = {{"sluice schedules", "all, with the next time of each"},
                   {"sluice schedules pause 0cq3v5x1m2k8a", "it starts no more runs"}},
      .options = {id_option(*o, false)},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    return o->id.empty() ? list(context) : show(context, *o);
  };
  Command pause{.name = "pause", .summary = "Start no more runs", .options = {id_option(*o, true)}};
  pause.run = [o = o.get()](Context& context) { return verb(context, *o, "pause", "paused"); };
  Command resume{.name = "resume",
                 .summary = "Go on with the times that are to come",
                 .options = {id_option(*o, true)}};
  resume.run = [o = o.get()](Context& context) { return verb(context, *o, "resume", "resumed"); };
  Command run_now{.name = "run-now",
                  .summary = "Start a run at once, whatever its overlap says",
                  .options = {id_option(*o, true)}};
  run_now.run = [o = o.get()](Context& context) {
    Client client(context.server);
    const Answer answer = client.send({.method = "POST",
                                       .path = path({"schedules", o->id, "run-now"}),
                                       .idempotency_key = new_idempotency_key()});
    if (context.json)
      print_json(context, answer);
    else
      context.out << "run " << text_of(answer.json(), "id") << "\n";
    return Exit::ok;
  };
  command.subcommands = {pause, resume, run_now};
  return command;
}

}  // namespace sluice::cli
