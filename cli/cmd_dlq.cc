#include <ostream>

#include "cli/bulk.h"

namespace sluice::cli {
namespace {

struct Options {
  std::vector<std::string> ids;
  std::string queue, workflow, error, status, reason, run, kind, since, until, text, from;
  std::vector<std::string> labels;
  std::optional<std::int64_t> version;
  std::optional<std::string> input;
  std::int64_t limit = 50;
  bool all = false, by_error = false, force = false;
  BulkOptions bulk;
};

Query filter_of(const Options& o) {
  Query query;
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) query.emplace_back(key, value);
  };
  add("queue", o.queue);
  add("workflow", o.workflow);
  add("error", o.error);
  add("status", o.status);
  add("run", o.run);
  add("kind", o.kind);
  if (!o.since.empty()) add("since", to_rfc3339(read_time(o.since, now(), "--since")));
  if (!o.until.empty()) add("until", to_rfc3339(read_time(o.until, now(), "--until")));
  for (const auto& label : o.labels) {
    const auto [key, value] = key_value(label, "--label");
    add("label", key + ":" + value);
  }
  add("q", o.text);
  return query;
}

std::string place_of(const Json& letter) {
  const std::string workflow = text_of(letter, "workflow"), state = text_of(letter, "state");
  if (const std::string topic = text_of(letter, "topic"); !topic.empty())
    return fmt::format("topic {}/{}", topic, text_of(letter, "binding"));
  return workflow.empty() ? text_of(letter, "queue") : fmt::format("{}/{}", workflow, state);
}

Exit list_groups(Context& context, Client& client, const Options& o) {
  Query query = filter_of(o);
  query.emplace_back("group_by", "error");
  const Answer answer = client.get("/v1/dead-letters", query);
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  Table table({{"ERROR", Table::Align::left, true},
               {"QUEUE", Table::Align::left, true},
               {"COUNT", Table::Align::right},
               {"FIRST"},
               {"LAST"},
               {"EXAMPLE"}});
  const Json said = answer.json();
  for (const auto& group : member(said, "items"))
    table.row({{text_of(group, "error"), Tone::bad},
               text_of(group, "queue"),
               humane_count(number_of(group, "count")),
               age_of(group, "first"),
               age_of(group, "last"),
               text_of(group, "example")});
  if (table.empty())
    note(context, "no dead letters");
  else
    context.out << table.text(context.out_terminal);
  if (member(said, "complete") == false)
    note(context, "there are too many to count: these are the newest; narrow the list");
  return Exit::ok;
}

Exit list(Context& context, const Options& o) {
  Client client(context);
  if (o.by_error) return list_groups(context, client, o);
  if (context.json) {
    Query query = filter_of(o);
    query.emplace_back("limit", std::to_string(std::min<std::int64_t>(o.limit, 1'000)));
    print_json(context, client.get("/v1/dead-letters", query));
    return Exit::ok;
  }
  std::string cursor;
  const auto letters = list_all(client, "/v1/dead-letters", filter_of(o), o.limit, &cursor);
  if (letters.empty()) {
    note(context, "no dead letters");
    return Exit::ok;
  }
  Table table({{"DEAD LETTER"},
               {"AT"},
               {"WHERE", Table::Align::left, true},
               {"ERROR", Table::Align::left, true},
               {"CAUSE", Table::Align::left, true},
               {"TRIES", Table::Align::right},
               {"RUN"},
               {"STATUS"}});
  for (const auto& letter : letters) {
    const std::string status = text_of(letter, "status");
    table.row({text_of(letter, "id"),
               age_of(letter, "at"),
               place_of(letter),
               {text_of(letter, "error"), Tone::bad},
               shorten(text_of(letter, "cause"), 80),
               text_of(letter, "attempts"),
               text_of(letter, "run"),
               {flag_of(letter, "set_aside") ? "set aside"
                : status == "OPEN"           ? ""
                                             : status,
                Tone::dim}});
  }
  context.out << table.text(context.out_terminal);
  if (!cursor.empty()) note(context, "there are more: add --limit N, or narrow the list");
  return Exit::ok;
}

Exit show(Context& context, const Options& o) {
  Client client(context);
  const Answer answer = client.get(path({"dead-letters", o.ids.front()}));
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json letter = answer.json();
  const Terminal& terminal = context.out_terminal;
  const std::string status = text_of(letter, "status");
  context.out << fmt::format("{}  {}  {}\n", paint(terminal, Tone::strong, text_of(letter, "id")),
                             text_of(letter, "kind"),
                             paint(terminal, status == "OPEN" ? Tone::bad : Tone::dim, status));
  const Json& headers = member(letter, "headers");
  context.out << fields(
      terminal,
      {{"error", paint(terminal, Tone::bad, text_of(letter, "error"))},
       {"cause", text_of(letter, "cause")},
       {"at", fmt::format("{} ({})", text_of(letter, "at"), age_of(letter, "at"))},
       {"queue", text_of(letter, "queue")},
       {"topic", text_of(letter, "topic")},
       {"binding", text_of(letter, "binding")},
       {"key", text_of(letter, "key")},
       {"workflow", text_of(letter, "workflow")},
       {"state", text_of(letter, "state")},
       {"run", text_of(letter, "run")},
       {"dropped", text_of(letter, "reason")},
       {"replays", text_of(letter, "replays") +
                       (flag_of(letter, "set_aside") ? ", set aside (MaxReplays)" : "")},
       {"headers", headers.is_object() && !headers.empty() ? printable(to_text(headers)) : ""},
       {"body", printable(to_text(member(letter, "body")))}});
  const Json& tries = member(letter, "attempt_list");
  if (tries.is_array() && !tries.empty()) {
    context.out << "\n" << paint(terminal, Tone::strong, "Attempts") << "\n";
    Table table({{"#", Table::Align::right},
                 {"STARTED"},
                 {"TOOK", Table::Align::right},
                 {"WORKER", Table::Align::left, true},
                 {"ERROR", Table::Align::left, true},
                 {"CAUSE", Table::Align::left, true}});
    for (const auto& attempt : tries) {
      const auto from = time_of(attempt, "started_at"), to = time_of(attempt, "ended_at");
      table.row({text_of(attempt, "attempt"),
                 text_of(attempt, "started_at"),
                 from && to ? humane(*to - *from) : "",
                 text_of(attempt, "worker"),
                 {text_of(attempt, "error"), Tone::bad},
                 text_of(attempt, "cause")});
    }
    context.out << table.text(terminal);
  }
  if (status == "OPEN")
    note(context, fmt::format("\nAgain: sluice dlq replay {}{}", text_of(letter, "id"),
                              flag_of(letter, "set_aside") ? " --force" : ""));
  return Exit::ok;
}

struct Counts {
  std::int64_t done = 0, refused = 0;
  Exit worst = Exit::ok;
};

// One letter; a refusal is told and counted, and does not stop the others.
void replay_one(Context& context, Client& client, const std::string& id, const Json& body,
                bool alone, Counts& counts) {
  const Answer answer = client.try_send({.method = "POST",
                                         .path = path({"dead-letters", id, "replay"}),
                                         .body = to_text(body),
                                         .idempotency_key = new_idempotency_key()});
  if (answer.ok()) {
    ++counts.done;
    return;
  }
  if (alone) throw Failure(exit_for(answer.status), problem_text(answer));
  ++counts.refused;
  counts.worst = exit_for(answer.status);
  if (counts.refused <= 10)
    note(context, fmt::format("{}: {}", printable(id), problem_text(answer)));
}

void tell(Context& context, const Counts& counts, const char* verb) {
  if (context.json)
    context.out << to_text(Json{{verb, counts.done}, {"refused", counts.refused}}) << "\n";
  else
    context.out << fmt::format(
        "{} {}{}\n", counted(counts.done, "dead letter"), verb,
        counts.refused > 0 ? fmt::format(", {} refused", humane_count(counts.refused)) : "");
}

// The filter of a job: what filter_of() says to a list.
Json job_filter(const Options& o) {
  Json filter = Json::object();
  for (const auto& [key, value] : filter_of(o)) {
    const auto colon = value.find(':');
    if (key == "label")
      filter[key][value.substr(0, colon)] = value.substr(colon + 1);
    else
      filter[key] = value;
  }
  return filter;
}

Json job_request(const Options& o, const char* verb, bool many) {
  Json request = {{"verb", verb}};
  if (many)
    request["filter"] = job_filter(o);
  else
    request["ids"] = o.ids;
  return request;
}

bool is_narrowed(const Options& o) {
  return !o.error.empty() || !o.since.empty() || !o.until.empty() || !o.labels.empty() ||
         !o.text.empty() || !o.kind.empty() || !o.run.empty();
}

Exit replay(Context& context, const Options& o) {
  const bool many = o.all || !o.queue.empty() || !o.workflow.empty();
  if (many == !o.ids.empty() || (!many && is_narrowed(o)))
    throw Failure(Exit::usage,
                  "sluice dlq replay: name dead letters, or say which: --queue Q, --workflow W or "
                  "--all (and --error NAME, --kind, --since, --until, --label, --search)");
  if (o.input && (many || o.ids.size() > 1))
    throw Failure(Exit::usage, "--input goes with one dead letter");
  if (many && (!o.from.empty() || o.version))
    throw Failure(Exit::usage, "--from and --version go with dead letters that are named");
  if (o.force && many) throw Failure(Exit::usage, "--force goes with dead letters that are named");
  if (many || asks_for_job(o.bulk)) {
    if (o.input || o.force)
      throw Failure(Exit::usage, "--input and --force do not go with --rate and the like");
    Json request = job_request(o, "replay", many);
    if (!o.from.empty()) request["from"] = o.from;
    if (o.version) request["version"] = *o.version;
    return run_job(context, std::move(request), o.bulk);
  }
  Client client(context);
  Json body = Json::object();
  if (o.input) body["input"] = read_json(context, *o.input, "--input");
  if (!o.from.empty()) body["from"] = o.from;
  if (o.version) body["version"] = *o.version;
  if (o.force) body["force"] = true;
  add_edit(context, body, o.bulk);
  Counts counts;
  for (const auto& id : o.ids) replay_one(context, client, id, body, o.ids.size() == 1, counts);
  tell(context, counts, "replayed");
  return counts.worst;
}

Exit drop(Context& context, const Options& o) {
  const bool many = o.all || !o.queue.empty() || !o.workflow.empty();
  if (many == !o.ids.empty() || (!many && is_narrowed(o)))
    throw Failure(Exit::usage,
                  "sluice dlq drop: name dead letters, or say which: --queue Q, --workflow W or "
                  "--all (and --error NAME, --kind, --since, --until, --label, --search)");
  if (many || asks_for_job(o.bulk)) {
    Json request = job_request(o, "drop", many);
    request["reason"] = o.reason;
    return run_job(context, std::move(request), o.bulk);
  }
  Client client(context);
  Counts counts;
  for (const auto& id : o.ids) {
    const Answer answer = client.try_send(
        {.method = "DELETE", .path = path({"dead-letters", id}), .query = {{"reason", o.reason}}});
    if (answer.ok()) {
      ++counts.done;
      continue;
    }
    if (o.ids.size() == 1) throw Failure(exit_for(answer.status), problem_text(answer));
    ++counts.refused;
    counts.worst = exit_for(answer.status);
    note(context, fmt::format("{}: {}", printable(id), problem_text(answer)));
  }
  tell(context, counts, "dropped");
  return counts.worst;
}

}  // namespace

Command dlq_command() {
  auto o = std::make_shared<Options>();
  const Option queue{
      .names = "-q,--queue", .target = &o->queue, .value = "QUEUE", .help = "only this queue's"};
  const Option workflow{.names = "-w,--workflow",
                        .target = &o->workflow,
                        .value = "NAME",
                        .help = "only this workflow's"};
  const Option error{.names = "-e,--error",
                     .target = &o->error,
                     .value = "NAME",
                     .help = "only those with this error"};
  const Option ids{.names = "ID",
                   .target = &o->ids,
                   .value = "ID",
                   .help = "the dead letter's id; may be several",
                   .required = true};

  const Option since{.names = "--since",
                     .target = &o->since,
                     .value = "TIME",
                     .help = "at this time or later: 2h, 3d, or an RFC 3339 time"};
  const Option until{
      .names = "--until", .target = &o->until, .value = "TIME", .help = "before this time"};
  const Option label{.names = "--label",
                     .target = &o->labels,
                     .value = "KEY=VALUE",
                     .help = "whose run has this label; may be several"};
  const Option text{.names = "--search",
                    .target = &o->text,
                    .value = "TEXT",
                    .help = "part of the error, cause, state or id"};
  const Option kind{.names = "--kind",
                    .target = &o->kind,
                    .value = "KIND",
                    .help = "only of this kind",
                    .choices = {"stage", "state", "queue", "binding", "compensation"}};
  Command list_them{
      .name = "list",
      .summary = "List dead letters, newest first",
      .examples = {{"sluice dlq list --by-error", "what fails, and how often"},
                   {"sluice dlq list -q pay -e Payment.Declined", ""}},
      .options = {queue,
                  workflow,
                  error,
                  {.names = "--run", .target = &o->run, .value = "RUN", .help = "only this run's"},
                  {.names = "--status",
                   .target = &o->status,
                   .value = "STATUS",
                   .help = "OPEN if not given.",
                   .choices = {"OPEN", "REPLAYED", "DROPPED", "COMPENSATED"}},
                  kind,
                  since,
                  until,
                  label,
                  text,
                  {.names = "--group,--by-error",
                   .target = &o->by_error,
                   .value = "",
                   .help = "counts by error and queue"},
                  {.names = "-n,--limit",
                   .target = &o->limit,
                   .value = "N",
                   .help = "at most so many (50)",
                   .range = std::pair<std::int64_t, std::int64_t>{1, 1'000'000}}}};
  list_them.run = [o = o.get()](Context& context) { return list(context, *o); };

  Command show_one{.name = "show",
                   .summary = "Show a dead letter: the message, why, every attempt",
                   .examples = {{"sluice dlq show 06f3kq2m1c0g0", ""}},
                   .options = {ids}};
  show_one.run = [o = o.get()](Context& context) {
    if (o->ids.size() != 1) throw Failure(Exit::usage, "sluice dlq show: expected one dead letter");
    return show(context, *o);
  };

  Option some = ids;
  some.required = false;
  Command replay_them{
      .name = "replay",
      .summary = "Process dead letters again",
      .description =
          "A run's dead letter lets the run go on from where it failed. Many are replayed by a job "
          "of the server's, which this waits for; on a terminal the count is shown and you are "
          "asked first.",
      .examples = {{"sluice dlq replay 06f3kq2m1c0g0 --input @fixed.json",
                    "one, with another input"},
                   {"sluice dlq replay --queue pay --error Http.5xx", "all of these"},
                   {"sluice dlq replay -q pay --rate 10 --max-in-flight 50 --stop-on-failures 20%",
                    "with care"}},
      .options = {some,
                  queue,
                  workflow,
                  error,
                  since,
                  until,
                  label,
                  text,
                  {.names = "--all", .target = &o->all, .value = "", .help = "of every queue"},
                  {.names = "-i,--input",
                   .target = &o->input,
                   .value = "JSON|@FILE|-",
                   .help = "another input; with one ID"},
                  {.names = "--from",
                   .target = &o->from,
                   .value = "STATE",
                   .help = "the run goes on at this state instead; with IDs"},
                  {.names = "--version",
                   .target = &o->version,
                   .value = "N",
                   .help = "the run goes on with this version of its workflow; with IDs"},
                  {.names = "--force",
                   .target = &o->force,
                   .value = "",
                   .help = "although it is set aside (MaxReplays); with IDs"},
                  kind}};
  add_bulk_options(replay_them.options, o->bulk, true);
  replay_them.run = [o = o.get()](Context& context) { return replay(context, *o); };

  Command drop_them{
      .name = "drop",
      .summary = "Close dead letters without processing them",
      .examples = {{"sluice dlq drop 06f3kq2m1c0g0 --reason 'test data'", "one"},
                   {"sluice dlq drop -q pay --until 30d --reason 'too old' --dry-run",
                    "how many it would be"}},
      .options = {some,
                  queue,
                  workflow,
                  error,
                  kind,
                  since,
                  until,
                  label,
                  text,
                  {.names = "--all", .target = &o->all, .value = "", .help = "of every queue"},
                  {.names = "-r,--reason",
                   .target = &o->reason,
                   .value = "TEXT",
                   .help = "why; kept with it",
                   .required = true}}};
  add_bulk_options(drop_them.options, o->bulk, false);
  drop_them.run = [o = o.get()](Context& context) { return drop(context, *o); };

  return {.name = "dlq",
          .summary = "Dead letters: what could not be processed",
          .examples = {{"sluice dlq list", ""}, {"sluice dlq replay --all --error Http.5xx", ""}},
          .subcommands = {list_them, show_one, replay_them, drop_them},
          .state = o};
}

}  // namespace sluice::cli
