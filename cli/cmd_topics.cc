// Topics: publishing, and who gets what.
#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string topic, name, key, to;
  std::string pattern = "#";
  std::optional<std::string> body, filter, event_key;
  std::vector<std::string> headers;
};

Option topic_option(Options& o) {
  return {.names = "TOPIC",
          .target = &o.topic,
          .value = "TOPIC",
          .help = "the topic's name",
          .required = true};
}
Option name_option(Options& o) {
  return {.names = "NAME",
          .target = &o.name,
          .value = "NAME",
          .help = "the binding's name",
          .required = true};
}

std::string binding_path(const Options& o) { return path({"topics", o.topic, "bindings", o.name}); }

Exit list(Context& context) {
  Client client(context);
  if (context.json) {
    print_json(context, client.get("/v1/topics", {{"limit", "1000"}}));
    return Exit::ok;
  }
  Table table({{"TOPIC", Table::Align::left, true}, {"BINDINGS", Table::Align::right}});
  for (const auto& topic : list_all(client, "/v1/topics", {}, 0))
    table.row({text_of(topic, "name"), humane_count(number_of(topic, "bindings"))});
  if (table.empty())
    note(context, "no topic has a binding yet; sluice bind makes one");
  else
    context.out << table.text(context.out_terminal);
  return Exit::ok;
}

Exit show(Context& context, const Options& o) {
  Client client(context);
  const Answer answer = client.get(path({"topics", o.topic}));
  if (context.json) {
    print_json(context, answer);
    return Exit::ok;
  }
  const Json topic = answer.json();
  Table table({{"BINDING", Table::Align::left, true},
               {"PATTERN", Table::Align::left, true},
               {"TO", Table::Align::left, true},
               {"EVENT KEY"},
               {"FILTER", Table::Align::left, true},
               {"ORIGIN"}});
  for (const auto& binding : member(topic, "bindings"))
    table.row({text_of(binding, "name"), text_of(binding, "pattern"), text_of(binding, "to"),
               text_of(binding, "event_key"), shorten(text_of(binding, "filter"), 60),
               text_of(binding, "origin")});
  if (table.empty())
    note(context, "nothing is bound to it: what is published stands in the queue " +
                      text_of(topic, "queue"));
  else
    context.out << table.text(context.out_terminal);
  return Exit::ok;
}

std::string outcome(const Json& said) {
  std::int64_t dead = 0;
  bool queued = false;
  for (const auto& item : member(said, "items")) {
    dead += number_of(item, "dead_letters");
    queued = queued || flag_of(item, "queued");
  }
  const std::int64_t routed = number_of(said, "routed");
  if (queued) return "nothing is bound to it: the message stands in the topic's queue";
  if (routed == 0) return "no binding takes it: the message is dropped";
  return "to " + counted(routed, "target") +
         (dead > 0 ? ", of which " + counted(dead, "dead letter") : "");
}

}  // namespace

Command publish_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "publish",
      .summary = "Publish a message to a topic",
      .description =
          "The message goes to every binding of the topic whose pattern takes its key and whose "
          "filter lets it through: to queues, to workflows, which it starts, and to events that "
          "states wait for.",
      .examples = {{"sluice publish orders --key order.eu.created --body '{\"amount\": 12}'", ""}},
      .options = {topic_option(*o),
                  {.names = "-k,--key",
                   .target = &o->key,
                   .value = "KEY",
                   .help = "its routing key: words with dots between them"},
                  {.names = "-b,--body",
                   .target = &o->body,
                   .value = "JSON|@FILE|-",
                   .help = "the message; {} if not given"},
                  {.names = "-H,--header",
                   .target = &o->headers,
                   .value = "NAME=TEXT",
                   .help = "a header of the message; may be several"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Json message = Json::object();
    message["key"] = o->key;
    message["body"] = o->body ? read_json(context, *o->body, "--body") : Json(Json::object());
    for (const auto& header : o->headers) {
      auto [name, text] = key_value(header, "--header");
      message["headers"][name] = text;
    }
    Json body = Json::object();
    body["messages"] = Json::array({std::move(message)});
    Client client(context);
    const Answer answer = client.send({.method = "POST",
                                       .path = path({"topics", o->topic, "publish"}),
                                       .body = to_text(body),
                                       .idempotency_key = new_idempotency_key()});
    if (context.json)
      print_json(context, answer);
    else
      context.out << outcome(answer.json()) << "\n";
    return Exit::ok;
  };
  return command;
}

Command topics_command() {
  auto o = std::make_shared<Options>();
  auto topic = topic_option(*o);
  topic.required = false;
  Command command{.name = "topics",
                  .summary = "The topics that have bindings, or the bindings of one",
                  .examples = {{"sluice topics orders", "who gets what of the topic"}},
                  .options = {std::move(topic)},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    return o->topic.empty() ? list(context) : show(context, *o);
  };
  return command;
}

Command bind_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "bind",
      .summary = "Send a topic's messages, or some of them, to a queue, a workflow or an event",
      .description = "Replaces the binding of this name. The next message sees it.",
      .examples = {{"sluice bind orders europe --pattern 'order.eu.#' --to queue:europe", ""},
                   {"sluice bind orders large --to workflow:review --filter 'amount > 1000'",
                    "start a run for each large order"},
                   {"sluice bind payments paid --to event:paid --event-key '{% order %}'",
                    "wake the run that waits for its order's payment"}},
      .options = {topic_option(*o),
                  name_option(*o),
                  {.names = "-p,--pattern",
                   .target = &o->pattern,
                   .value = "PATTERN",
                   .help = "of routing keys: * is one word, # any number of them; # if not given"},
                  {.names = "--to",
                   .target = &o->to,
                   .value = "queue:Q|workflow:W|event:E",
                   .help = "where the messages go",
                   .required = true},
                  {.names = "--filter",
                   .target = &o->filter,
                   .value = "EXPR",
                   .help = "JSONata over the body; where it comes to false, nothing goes there"},
                  {.names = "--event-key",
                   .target = &o->event_key,
                   .value = "KEY",
                   .help = "of the event: a text, or {% EXPR %} over the body"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = Json::object();
    body["pattern"] = o->pattern;
    // The marks may be left out: nothing else can stand there.
    if (o->filter)
      body["filter"] = o->filter->starts_with("{%") ? *o->filter : "{% " + *o->filter + " %}";
    body["to"] = o->to;
    if (o->event_key) body["event_key"] = *o->event_key;
    Client client(context);
    const Answer answer =
        client.send({.method = "PUT", .path = binding_path(*o), .body = to_text(body)});
    if (context.json)
      print_json(context, answer);
    else
      context.out << (answer.status == 201 ? "bound\n" : "bound, in place of what was there\n");
    return Exit::ok;
  };
  return command;
}

Command unbind_command() {
  auto o = std::make_shared<Options>();
  Command command{.name = "unbind",
                  .summary = "Remove a binding of a topic",
                  .examples = {{"sluice unbind orders europe", ""}},
                  .options = {topic_option(*o), name_option(*o)},
                  .state = o};
  command.run = [o = o.get()](Context& context) {
    Client client(context);
    const Answer answer = client.send({.method = "DELETE", .path = binding_path(*o)});
    if (context.json)
      print_json(context, answer);
    else
      context.out << "removed\n";
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
