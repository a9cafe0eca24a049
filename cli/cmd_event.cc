// Publishing an event for the states that wait for it.
#include <ostream>

#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string name, key;
  std::optional<std::string> body;
};

}  // namespace

Command event_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "event",
      .summary = "Publish an event that states wait for",
      .description =
          "Wakes the run that has waited longest for the event with this key (Task with Resource "
          "\"event:NAME\"), or all of them where the definition's Events say so. Nobody waits yet: "
          "it is kept for the next, for a day unless the definition says otherwise.",
      .examples = {{"sluice event paid --key A-17 --body '{\"amount\": 12}'", ""}},
      .options = {{.names = "NAME",
                   .target = &o->name,
                   .value = "NAME",
                   .help = "the event's name",
                   .required = true},
                  {.names = "-k,--key",
                   .target = &o->key,
                   .value = "KEY",
                   .help = "whose it is: the same as the waiting state's Key"},
                  {.names = "-b,--body",
                   .target = &o->body,
                   .value = "JSON|@FILE|-",
                   .help = "what the waiting state gets as its result; {} if not given"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Json body = Json::object();
    body["key"] = o->key;
    if (o->body) body["body"] = read_json(context, *o->body, "--body");
    Client client(context);
    const Answer answer = client.send({.method = "POST",
                                       .path = path({"events", o->name}),
                                       .body = to_text(body),
                                       .idempotency_key = new_idempotency_key()});
    if (context.json) {
      print_json(context, answer);
      return Exit::ok;
    }
    const Json said = answer.json();
    const std::int64_t woken = number_of(said, "woken");
    const bool kept = member(said, "kept") == Json(true);
    context.out << (woken > 0 ? counted(woken, "run") + " woken"
                    : kept    ? std::string("kept: nobody waits for it yet")
                              : std::string("nobody waits for it, and it is not kept"))
                << (woken > 0 && kept ? ", kept for those who come\n" : "\n");
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
