#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string queue;
  std::vector<std::string> settings;
  bool yes = false;
  std::int64_t peek = 0;
};

std::string state_of(const Json& queue) {
  const Json& breaker = member(queue, "breaker");
  if (!breaker.is_null()) return "breaker " + text_of(breaker, "state");
  return flag_of(queue, "paused") ? "paused" : "";
}

std::string oldest_of(const Json& queue) {
  const Json& age = member(queue, "oldest_age_seconds");
  return age.is_number() ? humane({static_cast<std::int64_t>(age.get<double>() * 1e6)}) : "";
}

std::string count_of(const Json& queue, const char* name) {
  return humane_count(number_of(queue, name));
}

// Columns of what is rare are left out where it is nowhere.
std::string if_any(const Json& queue, const char* name) {
  return number_of(queue, name) > 0 ? count_of(queue, name) : "";
}

Exit list(Context& context) {
  Client client(context);
  if (context.json) {
    print_json(context, client.get("/v1/queues", {{"limit", "1000"}}));
    return Exit::ok;
  }
  const auto queues = list_all(client, "/v1/queues", {}, 0);
  if (queues.empty()) {
    note(context,
         "no queues yet; a queue exists from its first mention: deploy, send, or a worker");
    return Exit::ok;
  }
  using Align = Table::Align;
  Table table({{"QUEUE", Align::left, true},
               {"READY", Align::right},
               {"DELAYED", Align::right},
               {"BLOCKED", Align::right},
               {"LEASED", Align::right},
               {"HELD", Align::right},
               {"DEAD", Align::right},
               {"OLDEST", Align::right},
               {"WORKERS", Align::right},
               {"STATE"}});
  for (const auto& queue : queues) {
    const std::int64_t dead = number_of(queue, "dead"), consumers = number_of(queue, "consumers");
    // Work without anybody to do it is what one looks for in this list.
    const bool forsaken = consumers == 0 && number_of(queue, "ready") > 0;
    table.row({text_of(queue, "name"),
               count_of(queue, "ready"),
               if_any(queue, "delayed"),
               if_any(queue, "blocked"),
               count_of(queue, "leased"),
               if_any(queue, "held"),
               {humane_count(dead), dead > 0 ? Tone::bad : Tone::plain},
               oldest_of(queue),
               {humane_count(consumers), forsaken ? Tone::warn : Tone::plain},
               {state_of(queue), Tone::warn}});
  }
  context.out << table.text(context.out_terminal);
  return Exit::ok;
}

void print_peek(Context& context, Client& client, const Options& o) {
  const auto messages = list_all(client, path({"queues", o.queue, "messages"}), {}, o.peek);
  Table table({{"MESSAGE"},
               {"STATUS"},
               {"SENT"},
               {"ATTEMPT", Table::Align::right},
               {"RUN"},
               {"WORKER"},
               {"BODY", Table::Align::left, true}});
  for (const auto& message : messages)
    table.row({text_of(message, "id"), text_of(message, "status"), age_of(message, "sent_at"),
               text_of(message, "attempt"), text_of(message, "run"), text_of(message, "worker"),
               one_line(member(message, "body"), 120)});
  if (!table.empty()) context.out << "\n" << table.text(context.out_terminal);
}

Exit detail(Context& context, const Options& o) {
  Client client(context);
  const Answer answer = client.get(path({"queues", o.queue}));
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json queue = answer.json();
  const Terminal& terminal = context.out_terminal;
  context.out << paint(terminal, Tone::strong, text_of(queue, "name"));
  if (const auto state = state_of(queue); !state.empty())
    context.out << "  " << paint(terminal, Tone::warn, state);
  context.out << "\n";
  context.out << fields(terminal, {{"ready", count_of(queue, "ready")},
                                   {"delayed", count_of(queue, "delayed")},
                                   {"blocked", count_of(queue, "blocked")},
                                   {"leased", count_of(queue, "leased")},
                                   {"held", if_any(queue, "held")},
                                   {"waiting for room", if_any(queue, "waiting")},
                                   {"dead", count_of(queue, "dead")},
                                   {"depth", count_of(queue, "depth")},
                                   {"oldest", oldest_of(queue)},
                                   {"workers", count_of(queue, "consumers")}});
  if (const Json& counts = member(queue, "since_start"); counts.is_object()) {
    context.out << "\n" << paint(terminal, Tone::strong, "Since the server started") << "\n";
    context.out << fields(terminal, {{"sent", count_of(counts, "sent")},
                                     {"acknowledged", count_of(counts, "acknowledged")},
                                     {"failed", count_of(counts, "failed")},
                                     {"redelivered", count_of(counts, "redelivered")}});
  }
  if (const Json& settings = member(queue, "settings"); settings.is_object() && !settings.empty()) {
    context.out << "\n" << paint(terminal, Tone::strong, "Settings");
    if (flag_of(queue, "settings_by_operator"))
      context.out << paint(terminal, Tone::dim, "  (set by an operator)");
    context.out << "\n";
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& [key, value] : settings.items())
      pairs.emplace_back(printable(key), text_of(settings, key));
    context.out << fields(terminal, pairs);
  }
  if (o.peek > 0) print_peek(context, client, o);
  return Exit::ok;
}

Exit verb(Context& context, const std::string& queue, const char* name, const std::string& done) {
  Client client(context);
  const Answer answer = client.post(path({"queues", queue, name}), Json::object());
  if (context.json)
    print_json(context, answer);
  else
    context.out << fmt::format("{}  {}\n", printable(queue), done);
  return Exit::ok;
}

Exit purge(Context& context, const Options& o) {
  Client client(context);
  if (!o.yes) {
    const Json queue = client.get(path({"queues", o.queue})).json();
    const std::int64_t count = number_of(queue, "ready") + number_of(queue, "delayed");
    if (!confirmed(
            context,
            fmt::format("Delete {} of queue {} for ever?", counted(count, "message"), o.queue),
            false)) {
      note(context, "nothing was deleted");
      return Exit::failed;
    }
  }
  const Answer answer = client.post(path({"queues", o.queue, "purge"}), Json::object());
  if (context.json)
    print_json(context, answer);
  else
    context.out << fmt::format("{}  {} deleted\n", printable(o.queue),
                               counted(number_of(answer.json(), "removed"), "message"));
  return Exit::ok;
}

// LeaseSeconds=60 Delivery=AtMostOnce: values are JSON where they are, and text where not.
Json settings_object(const std::vector<std::string>& given) {
  Json object = Json::object();
  for (const auto& each : given) {
    const auto [key, value] = key_value(each, "SETTING");
    auto parsed = parse_json(value);
    object[key] = parsed ? *std::move(parsed) : Json(value);
  }
  return object;
}

Option queue_option(Options& o, bool required) {
  return {.names = "QUEUE",
          .target = &o.queue,
          .value = "QUEUE",
          .help = "its name",
          .required = required};
}

}  // namespace

Command queues_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "queues",
      .summary = "List queues, or look at one and change it",
      .description =
          "Without QUEUE: all of them. `sluice queues show NAME` is for a queue that is named like "
          "one of "
          "the commands below.",
      .examples = {{"sluice queues", ""},
                   {"sluice queues pay --peek 5", "its settings and its next five messages"},
                   {"sluice queues pause pay", "workers get nothing more from it"}},
      .options = {queue_option(*o, false),
                  {.names = "--peek",
                   .target = &o->peek,
                   .value = "N",
                   .help = "show N messages too, without taking them"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    return o->queue.empty() ? list(context) : detail(context, *o);
  };

  Command show{.name = "show", .summary = "Look at one queue", .options = {queue_option(*o, true)}};
  show.options.push_back({.names = "--peek",
                          .target = &o->peek,
                          .value = "N",
                          .help = "show N messages too, without taking them"});
  show.run = [o = o.get()](Context& context) { return detail(context, *o); };
  Command pause{.name = "pause",
                .summary = "Hand out nothing more; what is in workers' hands they may finish",
                .options = {queue_option(*o, true)}};
  pause.run = [o = o.get()](Context& context) {
    return verb(context, o->queue, "pause", "paused");
  };
  Command resume{
      .name = "resume", .summary = "Hand out again", .options = {queue_option(*o, true)}};
  resume.run = [o = o.get()](Context& context) {
    return verb(context, o->queue, "resume", "resumed");
  };
  Command purge_it{
      .name = "purge",
      .summary = "Delete the messages that nobody holds",
      .description =
          "Messages of runs are not deleted: the server refuses, since a run would stand still. "
          "Cancel the runs instead.",
      .examples = {{"sluice queues purge scratch --yes", ""}},
      .options = {queue_option(*o, true),
                  {.names = "--yes", .target = &o->yes, .value = "", .help = "do not ask"}}};
  purge_it.run = [o = o.get()](Context& context) { return purge(context, *o); };
  Command put{.name = "put",
              .summary = "Make a queue, or set what it is set to",
              .description =
                  "Settings have the names they have in a definition's Queues. What is set here "
                  "goes before "
                  "what definitions say, until `sluice queues clear`.",
              .examples = {{"sluice queues put pay LeaseSeconds=60 MaxDeliveries=3", ""}},
              .options = {queue_option(*o, true),
                          {.names = "SETTING",
                           .target = &o->settings,
                           .value = "SETTING=VALUE",
                           .help = "as in a definition"}}};
  put.run = [o = o.get()](Context& context) {
    Client client(context);
    const Answer answer = client.send({.method = "PUT",
                                       .path = path({"queues", o->queue}),
                                       .body = to_text(settings_object(o->settings))});
    if (context.json)
      print_json(context, answer);
    else
      context.out << fmt::format("{}  set\n", printable(o->queue));
    return Exit::ok;
  };
  Command clear{.name = "clear",
                .summary = "Forget what `put` set; definitions decide again",
                .options = {queue_option(*o, true)}};
  clear.run = [o = o.get()](Context& context) {
    Client client(context);
    const Answer answer =
        client.send({.method = "DELETE", .path = path({"queues", o->queue, "settings"})});
    if (context.json)
      print_json(context, answer);
    else
      context.out << fmt::format("{}  cleared\n", printable(o->queue));
    return Exit::ok;
  };
  command.subcommands = {show, pause, resume, put, clear, purge_it};
  return command;
}

}  // namespace sluice::cli
