#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string workflow, status, state, search, since, cursor;
  std::vector<std::string> labels;
  std::int64_t limit = 50;
  bool all = false;
};

Query query_of(const Options& o) {
  Query query;
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) query.emplace_back(key, value);
  };
  add("workflow", o.workflow);
  add("status", o.status);
  add("state", o.state);
  add("q", o.search);
  if (!o.since.empty()) add("started_after", to_rfc3339(read_time(o.since, now(), "--since")));
  for (const auto& label : o.labels) {
    const auto [key, value] = key_value(label, "--label");
    add("label", key + ":" + value);
  }
  return query;
}

std::string took(const Json& run) {
  const auto from = time_of(run, "started_at"), to = time_of(run, "ended_at");
  return from && to ? humane(*to - *from) : "";
}

}  // namespace

Command runs_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "runs",
      .summary = "List runs, newest first",
      .examples = {{"sluice runs --status FAILED --since 2h",
                    "what went wrong in the last two hours"},
                   {"sluice runs -w orders --state Pay -l region=eu", "orders that stand at Pay"}},
      .options =
          {{.names = "-w,--workflow",
            .target = &o->workflow,
            .value = "NAME",
            .help = "only its runs"},
           {.names = "-s,--status",
            .target = &o->status,
            .value = "STATUS",
            .help = "only those.",
            .choices = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PAUSED",
                        "COMPENSATING", "COMPENSATED"}},
           {.names = "--state",
            .target = &o->state,
            .value = "STATE",
            .help = "only runs that stand at this state"},
           {.names = "-l,--label",
            .target = &o->labels,
            .value = "KEY=VALUE",
            .help = "only with this label; may be repeated"},
           {.names = "--since",
            .target = &o->since,
            .value = "AGO|TIME",
            .help = "started after: 90s, 15m, 2h, 3d, or a time"},
           {.names = "-q,--search",
            .target = &o->search,
            .value = "TEXT",
            .help = "part of the name, the id or the error"},
           {.names = "-n,--limit",
            .target = &o->limit,
            .value = "N",
            .help = "at most so many (50)",
            .range = std::pair<std::int64_t, std::int64_t>{1, 1'000'000}},
           {.names = "--all", .target = &o->all, .value = "", .help = "every one, however many"},
           {.names = "--cursor",
            .target = &o->cursor,
            .value = "CURSOR",
            .help = "go on where a list ended"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Client client(context);
    Query query = query_of(*o);
    if (context.json && !o->all) {
      query.emplace_back("limit", std::to_string(std::min<std::int64_t>(o->limit, 1'000)));
      if (!o->cursor.empty()) query.emplace_back("cursor", o->cursor);
      print_json(context, client.get("/v1/runs", query));
      return Exit::ok;
    }
    std::string cursor = o->cursor;
    const auto runs = list_all(client, "/v1/runs", query, o->all ? 0 : o->limit, &cursor);
    if (context.json) {
      context.out << to_text(Json{{"items", runs}, {"next", nullptr}}) << "\n";
      return Exit::ok;
    }
    if (runs.empty()) {
      note(context, "no runs");
      return Exit::ok;
    }
    Table table({{"RUN"},
                 {"WORKFLOW", Table::Align::left, true},
                 {"STATUS"},
                 {"STARTED"},
                 {"TOOK", Table::Align::right},
                 {"NAME", Table::Align::left, true},
                 {"ERROR", Table::Align::left, true},
                 {"LABELS", Table::Align::left, true}});
    for (const auto& run : runs) {
      const std::string status = text_of(run, "status");
      table.row({text_of(run, "id"),
                 fmt::format("{} v{}", text_of(run, "workflow"), text_of(run, "version")),
                 {status, status_tone(status)},
                 age_of(run, "started_at"),
                 took(run),
                 text_of(run, "name"),
                 {text_of(run, "error"), Tone::bad},
                 {labels_of(run), Tone::dim}});
    }
    context.out << table.text(context.out_terminal);
    if (!cursor.empty()) note(context, fmt::format("more: add --cursor {}, or --all", cursor));
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
