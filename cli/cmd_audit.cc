// What operators changed.
#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string kind, target, since, until;
  std::int64_t limit = 50;
};

Query filter_of(const Options& o) {
  Query query;
  if (!o.kind.empty()) query.emplace_back("kind", o.kind);
  if (!o.target.empty()) query.emplace_back("target", o.target);
  if (!o.since.empty())
    query.emplace_back("since", to_rfc3339(read_time(o.since, now(), "--since")));
  if (!o.until.empty())
    query.emplace_back("until", to_rfc3339(read_time(o.until, now(), "--until")));
  return query;
}

Exit list(Context& context, const Options& o) {
  Client client(context);
  Query query = filter_of(o);
  if (context.json) {
    query.emplace_back("limit", std::to_string(std::min<std::int64_t>(o.limit, 1'000)));
    print_json(context, client.get("/v1/audit", query));
    return Exit::ok;
  }
  std::string cursor;
  const auto records = list_all(client, "/v1/audit", query, o.limit, &cursor);
  if (records.empty()) {
    note(context, "nothing was changed by hand");
    return Exit::ok;
  }
  Table table({{"AT"},
               {"WHO", Table::Align::left, true},
               {"WHAT"},
               {"TO", Table::Align::left, true},
               {"WHY", Table::Align::left, true},
               {"DETAIL", Table::Align::left, true}});
  for (const auto& record : records) {
    const Json& detail = member(record, "detail");
    table.row({text_of(record, "at"), text_of(record, "principal"), text_of(record, "kind"),
               text_of(record, "target"), shorten(text_of(record, "reason"), 80),
               detail.empty() ? "" : shorten(printable(to_text(detail)), 80)});
  }
  context.out << table.text(context.out_terminal);
  if (!cursor.empty()) note(context, "there are more: add --limit N, or narrow the list");
  return Exit::ok;
}

}  // namespace

Command audit_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "audit",
      .summary = "What operators changed: who, when, why",
      .description = "Newest first. Your name in it is SLUICE_PRINCIPAL, or USER; why is --reason.",
      .examples = {{"sluice audit --kind queue --since 2h", "what was done to queues lately"},
                   {"sluice audit --target run:06f3kq2m1c0g0", "what was done to one run"}},
      .options =
          {{.names = "-k,--kind",
            .target = &o->kind,
            .value = "KIND",
            .help = "run.cancel; or run, for all that was done to runs"},
           {.names = "-t,--target",
            .target = &o->target,
            .value = "TARGET",
            .help = "run:ID, queue:NAME, workflow:NAME, dead-letter:ID, binding:TOPIC/NAME"},
           {.names = "--since",
            .target = &o->since,
            .value = "TIME",
            .help = "at this time or later: 2h, 3d, or an RFC 3339 time"},
           {.names = "--until", .target = &o->until, .value = "TIME", .help = "before this time"},
           {.names = "-n,--limit",
            .target = &o->limit,
            .value = "N",
            .help = "at most so many (50)",
            .range = std::pair<std::int64_t, std::int64_t>{1, 1'000'000}}},
      .state = o};
  command.run = [o = o.get()](Context& context) { return list(context, *o); };
  return command;
}

}  // namespace sluice::cli
