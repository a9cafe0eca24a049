// Publishing to topics, and their bindings.
//
// A publish takes effect as a whole: first every message's way is found in the routing table, which
// changes nothing and is all that can refuse it; then every target takes its message. A target that
// cannot take it gets a dead letter of kind `binding` instead: it never holds up the others or the
// publisher.
//
// Nothing of a run is done here: a workflow's run begins, and an event's waiter goes on, with a
// later batch. So publishes that cause publishes do not recurse.
#include "base/topic_pattern.h"
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {
namespace {

constexpr std::string_view owned_prefix = "workflow:";  // of the names of triggers

std::string trigger_name(const std::string& workflow, std::size_t index) {
  return std::string(owned_prefix) + workflow + ":" + std::to_string(index);
}

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

Error full(const std::string& topic) {
  return make_error(Errc::conflict, "topic " + quoted(topic) + " has " +
                                        std::to_string(bindings_max) +
                                        " bindings, and no more fit: remove one first");
}

Error change_the_definition(const Binding& binding, const std::string& workflow) {
  return make_error(Errc::conflict, "binding " + quoted(binding.name) + " of topic " +
                                        quoted(binding.topic) + " is a trigger of workflow " +
                                        quoted(workflow) +
                                        ": change its definition's Triggers and deploy it");
}

}  // namespace

Result<PublishMessages::Reply> Engine::Impl::apply(Transaction& tx, const PublishMessages& c) {
  if (const auto room = check_room(); !room) return room.error();
  Error error =
      make_error(Errc::invalid_argument, "messages cannot be published; nothing was sent");
  for (std::size_t i = 0; i < c.publications.size(); ++i) {
    const auto& message = c.publications[i];
    const auto problem = [&](const char* field, std::string detail) {
      error.problems.push_back({"/messages/" + std::to_string(i) + field, std::move(detail)});
    };
    if (!topic_name_valid(message.topic))
      problem("/topic", "a topic's name has 1 to 249 bytes and no white space");
    if (const auto key = check_topic_key(message.key); !key) problem("/key", key.error().detail);
    if (message.body.size_bytes() > options.payload_bytes_max) {
      error.code = Errc::too_large;
      problem("/body", std::to_string(message.body.size_bytes()) + " bytes; at most " +
                           std::to_string(options.payload_bytes_max));
    }
  }
  if (!error.problems.empty()) return error;
  auto routes = route(c.publications);
  if (!routes) return routes.error();
  PublishMessages::Reply reply;
  if (!c.messages.empty()) {
    auto sent = apply(tx, SendMessages{c.messages});
    if (!sent) return sent.error();
    reply.sent = std::move(*sent);
  }
  reply.published = deliver(tx, c.publications, *routes);
  return reply;
}

Result<std::vector<Route>> Engine::Impl::route(const std::vector<Publication>& messages) {
  return topics.route(messages, now().wall, [this] { return random.next(); });
}

// To every target of the routes; messages of topics that nobody has bound stand in the topic's own
// queue.
std::vector<PublishMessages::Published> Engine::Impl::deliver(
    Transaction& tx, const std::vector<Publication>& messages, const std::vector<Route>& routes) {
  std::vector<PublishMessages::Published> outcome(messages.size());
  for (const Route& way : routes) {
    const Publication& message = messages[way.message];
    outcome[way.message].routed += 1;
    std::optional<Fault> refused;
    if (way.error)
      refused = Fault{"States.QueryEvaluationError", *way.error};
    else
      refused = deliver(tx, message, *way.binding, way.event_key);
    if (!refused) continue;
    outcome[way.message].dead_letters += 1;
    const Now time = now();
    queue::NewDeadLetter letter;
    letter.id = DeadLetterId{ids.next(time.wall)};
    letter.kind = queue::DeadKind::binding;
    const std::string error = refused->error.value_or(""), cause = refused->cause.value_or("");
    letter.error = error;
    letter.cause = cause;
    letter.priority = message.priority;
    letter.body = message.body.text();
    const std::string headers = headers_json(message.headers);
    letter.headers = headers;
    letter.topic = way.binding->topic;
    letter.binding = way.binding->name;
    letter.key = message.key;
    queues.add_dead_letter(tx, letter, time);
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!topics.unbound(messages[i].topic)) continue;
    put_published(tx, messages[i], "topic:" + messages[i].topic);
    outcome[i] = {1, 0, true};
  }
  return outcome;
}

void Engine::Impl::put_published(Transaction& tx, const Publication& message,
                                 const std::string& queue_name) {
  const Now time = now();
  queue::Put put;
  put.id = MessageId{ids.next(time.wall)};
  put.queue = queues.get_or_make(tx, queue_name, time).id;
  put.priority = message.priority;
  put.body = message.body;
  auto headers = message.headers;
  if (!message.key.empty()) headers.emplace_back("Key", message.key);
  const std::string as_json = headers_json(headers);
  put.headers = as_json;
  queues.put(tx, put, time);
}

// Nothing: the target has it. Else why it cannot take it, and nothing has changed.
std::optional<Fault> Engine::Impl::deliver(Transaction& tx, const Publication& message,
                                           const Binding& binding, const std::string& event_key) {
  switch (binding.kind) {
    case TargetKind::queue:
      if (const auto* q = queues.find(binding.target); q != nullptr && !queue::Queues::has_room(*q))
        return Fault{"Sluice.QueueFull", full_queue(*q).detail};
      put_published(tx, message, binding.target);
      return std::nullopt;
    case TargetKind::workflow: {
      Workflow* workflow = catalog.find(binding.target);
      if (workflow == nullptr || workflow->deleted)
        return Fault{"StateMachineDoesNotExist", "There is no workflow " + quoted(binding.target) +
                                                     ": deploy it, then replay."};
      NewRun run;
      run.input = message.body;
      run.priority = message.priority;
      run.begins_later = true;
      (void)create_run(tx, *catalog.version(*workflow, workflow->latest), run);
      return std::nullopt;
    }
    case TargetKind::event: {
      if (event_key.size() > event_key_bytes_max)
        return Fault{"States.Runtime", "The key of the event " + quoted(binding.target) + " has " +
                                           std::to_string(event_key.size()) + " bytes; at most " +
                                           std::to_string(event_key_bytes_max) + " are allowed."};
      if (event_lines.kept() >= options.events_kept_max)
        return Fault{"Sluice.EventsFull", "The server keeps " + std::to_string(event_lines.kept()) +
                                              " events, and no more fit."};
      const Now time = now();
      PublishedEvent event{EventId{ids.next(time.wall)}, binding.target, event_key,
                           std::string(message.body.text()), std::max<std::int64_t>(1, log_seq)};
      event_lines.keep(tx, event, time.wall);
      more_due = true;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

Result<PutBinding::Reply> Engine::Impl::apply(Transaction& tx, const PutBinding& c) {
  auto made = make_binding(c.topic, c.name, c.binding);
  if (!made) return made.error();
  const auto before = topics.find(c.topic, c.name);
  if (before && before->workflow)
    return change_the_definition(*before, catalog.find(before->workflow)->name);
  if (c.name.starts_with(owned_prefix))
    return make_error(Errc::conflict,
                      "names that begin with \"workflow:\" are for the triggers of definitions: "
                      "choose another");
  if (!before && topics.size(c.topic) >= bindings_max) return full(c.topic);
  PutBinding::Reply reply;
  reply.created = !before;
  if (before && before->text == made->text) return reply;
  topics.put(tx, std::move(*made));
  return reply;
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const DeleteBinding& c) {
  const auto binding = topics.find(c.topic, c.name);
  if (!binding)
    return make_error(Errc::not_found,
                      "topic " + quoted(c.topic) + " has no binding " + quoted(c.name));
  if (binding->workflow)
    return change_the_definition(*binding, catalog.find(binding->workflow)->name);
  topics.erase(tx, c.topic, c.name);
  return Unit{};
}

// Whether the machine's triggers find room beside what is bound already.
Status Engine::Impl::check_triggers(const std::string& workflow_name,
                                    const std::vector<workflows::Trigger>& triggers) {
  Error error = make_error(Errc::invalid_definition, "the definition's triggers find no room");
  const Workflow* workflow = catalog.find(workflow_name);
  std::unordered_map<std::string, std::size_t> counts_after;
  const auto count = [&](const std::string& topic) -> std::size_t& {
    return counts_after.try_emplace(topic, topics.size(topic)).first->second;
  };
  if (workflow != nullptr)
    for (const auto& binding : topics.of(workflow->id)) count(binding->topic) -= 1;
  for (std::size_t i = 0; i < triggers.size(); ++i)
    if (++count(triggers[i].topic) > bindings_max)
      error.problems.push_back({"/Triggers/" + std::to_string(triggers[i].place) + "/Topic",
                                full(triggers[i].topic).detail});
  if (!error.problems.empty()) return error;
  return ok();
}

// The workflow's bindings are those of its latest version; none once it is deleted.
void Engine::Impl::put_triggers(Transaction& tx, const Workflow& workflow,
                                const std::vector<workflows::Trigger>& triggers) {
  for (const auto& binding : topics.of(workflow.id))
    topics.erase(tx, binding->topic, binding->name);
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    auto made = make_binding(
        triggers[i].topic, trigger_name(workflow.name, triggers[i].place),
        {triggers[i].pattern, triggers[i].filter, "workflow:" + workflow.name, std::nullopt},
        workflow.id);
    SLUICE_CHECK(made.has_value(), "a trigger that compile() has taken");
    topics.put(tx, std::move(*made));
  }
}

// To the binding as it is now, whatever its pattern and filter say: an operator has decided.
Result<Unit> Engine::Impl::replay_to_binding(Transaction& tx, const queue::StoredDeadLetter& letter,
                                             const std::optional<Doc>& body) {
  const auto binding = topics.find(letter.topic, letter.binding);
  if (!binding)
    return make_error(Errc::conflict, "topic " + quoted(letter.topic) + " no longer has binding " +
                                          quoted(letter.binding) +
                                          ": bind it again, or drop the dead letter");
  Publication message;
  message.topic = letter.topic;
  message.key = letter.key;
  message.body = body ? *body : Doc::from_text(letter.body);
  message.priority = letter.priority;
  if (!letter.headers.empty()) {
    const Json headers = Json::parse(letter.headers, nullptr, false);
    SLUICE_CHECK(headers.is_object(), "headers, as written");
    for (const auto& [name, value] : headers.items())
      message.headers.emplace_back(name, value.get<std::string>());
  }
  auto key = Topics::event_key(*binding, message, now().wall, random.next());
  std::optional<Fault> refused;
  if (key)
    refused = deliver(tx, message, *binding, *key);
  else
    refused = Fault{key.failure().error, key.failure().cause};
  if (refused)
    return make_error(Errc::conflict, "binding " + quoted(letter.binding) + " of topic " +
                                          quoted(letter.topic) +
                                          " still cannot take it: " + refused->cause.value_or(""));
  queues.close_dead_letter(tx, letter, true, "");
  return Unit{};
}

}  // namespace sluice::orchestrator
