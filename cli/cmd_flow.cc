// Counters and locks: what holds runs back, and an operator's word.
#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string name, run;
  std::optional<std::int64_t> set, add;
  bool builtin = false;
};

Option name_option(Options& o, bool required, std::string what) {
  return {.names = "NAME",
          .target = &o.name,
          .value = "NAME",
          .help = std::move(what),
          .required = required};
}

Exit list_counters(Context& context, const Options& o) {
  Client client(context);
  const std::string builtin = o.builtin ? "true" : "false";
  if (context.json) {
    print_json(context, client.get("/v1/counters", {{"limit", "1000"}, {"builtin", builtin}}));
    return Exit::ok;
  }
  Table table({{"COUNTER", Table::Align::left, true},
               {"VALUE", Table::Align::right},
               {"WAITING", Table::Align::right}});
  for (const auto& counter : list_all(client, "/v1/counters", {{"builtin", builtin}}, 0))
    table.row({text_of(counter, "name"), std::to_string(number_of(counter, "value")),
               humane_count(number_of(counter, "waiting"))});
  if (table.empty())
    note(context, "no counter has been changed yet; a state's Counters change them");
  else
    context.out << table.text(context.out_terminal);
  return Exit::ok;
}

void need_reason(const Context& context) {
  if (context.reason.empty())
    throw Failure(Exit::usage, "say why, for the audit log: --reason 'counted by hand'");
}

Exit adjust(Context& context, const Options& o) {
  need_reason(context);
  if (o.set.has_value() == o.add.has_value())
    throw Failure(Exit::usage, "expected one of --set and --add");
  Json body = Json::object();
  if (o.set) body["value"] = *o.set;
  if (o.add) body["add"] = *o.add;
  Client client(context);
  const Answer answer = client.send({.method = "POST",
                                     .path = "/v1/counters/adjust",
                                     .query = {{"name", o.name}},
                                     .body = to_text(body),
                                     .idempotency_key = new_idempotency_key()});
  if (context.json)
    print_json(context, answer);
  else
    context.out << fmt::format("{}  {} (was {})\n", printable(o.name),
                               number_of(answer.json(), "value"),
                               number_of(answer.json(), "before"));
  return Exit::ok;
}

Exit list_locks(Context& context) {
  Client client(context);
  if (context.json) {
    print_json(context, client.get("/v1/locks", {{"limit", "1000"}}));
    return Exit::ok;
  }
  Table table({{"LOCK", Table::Align::left, true},
               {"PERMITS", Table::Align::right},
               {"HELD", Table::Align::right},
               {"WAITING", Table::Align::right},
               {"HELD BY RUN"},
               {"SINCE"}});
  for (const auto& lock : list_all(client, "/v1/locks", {}, 0)) {
    const Json holders = member(lock, "holders");
    const Json first = holders.empty() ? Json::object() : holders[0];
    table.row({text_of(lock, "name"), humane_count(number_of(lock, "permits")),
               humane_count(static_cast<std::int64_t>(holders.size())),
               humane_count(number_of(lock, "waiting")), text_of(first, "run"),
               text_of(first, "since")});
  }
  if (table.empty())
    note(context, "no lock is held or waited for");
  else
    context.out << table.text(context.out_terminal);
  return Exit::ok;
}

Exit show_lock(Context& context, const Options& o) {
  Client client(context);
  const Answer answer = client.get("/v1/locks", {{"name", o.name}});
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json lock = answer.json()["items"][0];
  context.out << fmt::format("{}  {} of {} held, {} waiting\n", printable(o.name),
                             member(lock, "holders").size(), number_of(lock, "permits"),
                             number_of(lock, "waiting"));
  Table table({{"", Table::Align::right}, {"RUN"}, {"SINCE"}});
  for (const auto& place : member(lock, "holders"))
    table.row({"holds", text_of(place, "run"), text_of(place, "since")});
  int number = 0;
  for (const auto& place : member(lock, "line"))
    table.row({std::to_string(++number), text_of(place, "run"), text_of(place, "since")});
  context.out << table.text(context.out_terminal);
  return Exit::ok;
}

Exit release(Context& context, const Options& o) {
  need_reason(context);
  Json body = Json::object();
  if (!o.run.empty()) body["run"] = o.run;
  Client client(context);
  const Answer answer = client.send({.method = "POST",
                                     .path = "/v1/locks/release",
                                     .query = {{"name", o.name}},
                                     .body = to_text(body),
                                     .idempotency_key = new_idempotency_key()});
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json released = answer.json();
  context.out << printable(o.name) << "  taken from run";
  for (const auto& run : member(released, "runs")) context.out << " " << run.get<std::string>();
  context.out << "\n";
  return Exit::ok;
}

}  // namespace

Command counters_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "counters",
      .summary = "What is counted, and how many runs wait for it: list the counters",
      .description = "States change counters (Counters) and wait for them (Gate).",
      .examples = {{"sluice counters", "all, by name"},
                   {"sluice counters --builtin", "those of every stage"},
                   {"sluice counters adjust open-orders --set 0 --reason 'counted by hand'", ""}},
      .options = {{.names = "--builtin",
                   .target = &o->builtin,
                   .value = "",
                   .help = "the stages' own: entered, in_flight, completed, failed, dead"}},
      .state = o};
  command.run = [o = o.get()](Context& context) { return list_counters(context, *o); };
  Command change{
      .name = "adjust",
      .summary = "Set a counter, or add to it; needs --reason",
      .options = {
          name_option(*o, true, "the counter's name"),
          {.names = "--set", .target = &o->set, .value = "N", .help = "what it is to stand at"},
          {.names = "--add",
           .target = &o->add,
           .value = "N",
           .help = "what to add, or less than 0 to take away"}}};
  change.run = [o = o.get()](Context& context) { return adjust(context, *o); };
  command.subcommands = {change};
  return command;
}

Command locks_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "locks",
                  .summary = "Who holds what, and who waits: list the locks, or look at one",
                  .description = "A lock exists while a run holds it or waits for it.",
                  .examples = {{"sluice locks", "all, by name"},
                               {"sluice locks customer-7", "one, with its line"},
                               {"sluice locks release customer-7 --reason 'stuck since noon'",
                                "the next in line is granted it"}},
                  .options = {name_option(*o, false, "the lock's name")},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    return o->name.empty() ? list_locks(context) : show_lock(context, *o);
  };
  Command give{.name = "release",
               .summary = "Take a lock from who holds it; needs --reason",
               .options = {name_option(*o, true, "the lock's name"),
                           {.names = "--run",
                            .target = &o->run,
                            .value = "ID",
                            .help = "only what this run holds"}}};
  give.run = [o = o.get()](Context& context) { return release(context, *o); };
  command.subcommands = {give};
  return command;
}

}  // namespace sluice::cli
