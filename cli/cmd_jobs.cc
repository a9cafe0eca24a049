// Bulk jobs: what runs, how far it is, stopping one.
#include <ostream>

#include "cli/bulk.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string id;
  std::int64_t limit = 20;
};

Option id_option(Options& o) {
  return {.names = "ID", .target = &o.id, .value = "ID", .help = "the job's id", .required = true};
}

Exit list(Context& context, const Options& o) {
  Client client(context);
  if (context.json) {
    print_json(context, client.get("/v1/jobs", {{"limit", std::to_string(o.limit)}}));
    return Exit::ok;
  }
  Table table({{"ID"},
               {"VERB"},
               {"STATUS"},
               {"MATCHED", Table::Align::right},
               {"DONE", Table::Align::right},
               {"FAILED", Table::Align::right},
               {"SKIPPED", Table::Align::right},
               {"REFUSED", Table::Align::right},
               {"TO COME", Table::Align::right},
               {"BEGUN"},
               {"WHO"},
               {"WHY", Table::Align::left, true}});
  const auto count = [](const Json& job, const char* name) {
    return humane_count(number_of(job, name));
  };
  for (const auto& job : list_all(client, "/v1/jobs", {}, o.limit))
    table.row({text_of(job, "id"), text_of(job, "verb"), text_of(job, "status"),
               count(job, "matched"), count(job, "done"), count(job, "failed"),
               count(job, "skipped"), count(job, "refused"), count(job, "to_come"),
               age_of(job, "created_at"), text_of(job, "principal"), text_of(job, "reason")});
  if (table.empty())
    note(context, "no jobs");
  else
    context.out << table.text(context.out_terminal);
  return Exit::ok;
}

Exit show(Context& context, const Options& o) {
  Client client(context);
  const Answer answer = client.get(path({"jobs", o.id}));
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json job = answer.json();
  std::vector<std::pair<std::string, std::string>> lines = {
      {"status", text_of(job, "status")},
      {"stopped", text_of(job, "stopped_because")},
      {"request", printable(to_text(member(job, "request")))},
      {"who", text_of(job, "principal")},
      {"why", text_of(job, "reason")},
      {"begun", text_of(job, "created_at")},
      {"ended", text_of(job, "ended_at")}};
  for (const char* name : {"matched", "to_come", "done", "in_flight", "went_on", "failed_again",
                           "failed", "skipped", "refused"})
    if (job.contains(name)) lines.emplace_back(name, humane_count(number_of(job, name)));
  context.out << fields(context.out_terminal, lines);
  for (const auto& problem : member(job, "problems"))
    context.out << fmt::format("  {}  {}: {}\n", text_of(problem, "id"),
                               text_of(problem, "outcome"), text_of(problem, "detail"));
  return Exit::ok;
}

}  // namespace

Command jobs_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "jobs",
                  .summary = "Bulk jobs: list them, look at one, stop one",
                  .description =
                      "`sluice dlq replay`, `dlq drop`, `cancel`, `pause`, `resume` and `redrive` "
                      "begin one when they are given a filter.",
                  .examples = {{"sluice jobs", "the latest"},
                               {"sluice jobs stop 0cq3v5x1m2k8a", "what it has done stays"}},
                  .options = {{.names = "-n,--limit",
                               .target = &o->limit,
                               .value = "N",
                               .help = "at most so many (20)",
                               .range = std::pair<std::int64_t, std::int64_t>{1, 1'000}}},
                  .state = o};
  command.run = [o = o.get()](Context& context) { return list(context, *o); };
  Command show_one{.name = "show",
                   .summary = "How far it is, its counts and latest problems",
                   .options = {id_option(*o)}};
  show_one.run = [o = o.get()](Context& context) { return show(context, *o); };
  Command wait{.name = "wait",
               .summary = "Wait for its end, with a progress line",
               .options = {id_option(*o)}};
  wait.run = [o = o.get()](Context& context) {
    Client client(context);
    return wait_for_job(context, client, o->id);
  };
  Command stop{
      .name = "stop", .summary = "Stop it; what it has done stays", .options = {id_option(*o)}};
  stop.run = [o = o.get()](Context& context) {
    Client client(context);
    const Answer answer = client.send({.method = "POST", .path = path({"jobs", o->id, "stop"})});
    if (context.json)
      print_json(context, answer);
    else
      context.out << fmt::format("{}  stopped\n", printable(o->id));
    return Exit::ok;
  };
  command.subcommands = {show_one, wait, stop};
  return command;
}

}  // namespace sluice::cli
