// Topics: their bindings, and publishing to them.
#include "api/answers.h"
#include "api/body.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

void put_binding_members(Object& object, const BindingInfo& binding) {
  object.text("topic", binding.topic);
  object.text("name", binding.name);
  object.text("pattern", binding.text.pattern);
  if (binding.text.filter) object.text("filter", *binding.text.filter);
  object.text("to", binding.text.to);
  if (binding.text.event_key) object.text("event_key", *binding.text.event_key);
  object.text("origin", binding.workflow.empty() ? "operator" : "workflow");
  object.text_if("workflow", binding.workflow);
}

void render_binding(std::string& out, const BindingInfo& binding) {
  Object object(out);
  put_binding_members(object, binding);
}

asio::awaitable<Response> list_topics(Call& call) {
  const auto page = co_await read(call, [&] {
    return call.context.inspector.topics(page_limit(call), call.query.text("cursor"));
  });
  co_return json(
      200, render_page(page.items, page.next, [](std::string& out, const TopicSummary& topic) {
        Object object(out);
        object.text("name", topic.name);
        object.integer("bindings", topic.bindings);
      }));
}

// Any name is a topic; one that nothing is bound to has its messages in a queue.
asio::awaitable<Response> get_topic(Call& call) {
  const auto bindings =
      co_await read(call, [&] { return call.context.inspector.bindings(call.path[0]); });
  std::string out;
  Object object(out);
  object.text("name", call.path[0]);
  if (bindings.empty()) object.text("queue", "topic:" + call.path[0]);
  object.key("bindings");
  {
    Array list(out);
    for (const auto& binding : bindings) {
      list.next();
      render_binding(out, binding);
    }
  }
  object.close();
  co_return json(200, std::move(out));
}

asio::awaitable<Response> get_binding(Call& call) {
  const auto binding = co_await read(
      call, [&] { return call.context.inspector.binding(call.path[0], call.path[1]); });
  if (!binding) co_return problem(binding.error());
  std::string out;
  render_binding(out, *binding);
  co_return json(200, std::move(out));
}

asio::awaitable<Response> put_binding(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  BindingInfo binding{call.path[0], call.path[1], {}, {}};
  binding.text.pattern = std::string(body->required_string("pattern"));
  binding.text.filter = optional_text(*body, "filter");
  binding.text.to = std::string(body->required_string("to"));
  binding.text.event_key = optional_text(*body, "event_key");
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  PutBinding command{.topic = binding.topic, .name = binding.name, .binding = binding.text};
  const auto reply = co_await submit(call, std::move(command));
  if (!reply) co_return problem(reply.error());
  std::string out;
  render_binding(out, binding);
  co_return json(reply->created ? 201 : 200, std::move(out));
}

asio::awaitable<Response> delete_binding(Call& call) {
  DeleteBinding command{.topic = call.path[0], .name = call.path[1]};
  co_return co_await change(call, std::move(command), RenderDone{});
}

struct RenderOutcome {
  Response operator()(const PublishMessages::Reply& reply) const {
    std::string out;
    Object object(out);
    std::int64_t routed = 0;
    for (const auto& message : reply.published) routed += message.routed;
    object.integer("routed", routed);
    object.key("items");
    {
      Array list(out);
      for (const auto& message : reply.published) {
        list.next();
        Object item(out);
        put_published(item, message);
      }
    }
    object.close();
    return json(201, std::move(out));
  }
};

asio::awaitable<Response> publish(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  const auto items = required_items(*body, "messages");
  Problems problems;
  problems.add(body->finish());
  PublishMessages command;
  command.publications.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto item = Envelope::scan(items[i], fmt::format("/messages/{}", i));
    if (!item) {
      problems.add(item.error());
      continue;
    }
    command.publications.push_back(
        read_publication(*item, call.path[0], call.context.limits.payload_bytes_max));
    problems.add(item->finish());
  }
  if (problems.any()) co_return problem(problems.error());
  co_return co_await change(call, std::move(command), RenderOutcome{});
}

}  // namespace

std::vector<Route> topic_routes() {
  return {
      {.method = Method::get,
       .path = "/v1/topics",
       .handler = list_topics,
       .operation = "listTopics",
       .tag = "topics",
       .summary = "The topics that have bindings, by name",
       .query = with_page({}),
       .answers = {{200, "a page", "TopicPage"}}},
      {.method = Method::get,
       .path = "/v1/topics/{topic}",
       .handler = get_topic,
       .operation = "getTopic",
       .tag = "topics",
       .summary = "A topic's bindings, by name; without any, the queue where its messages stand",
       .answers = {{200, "the topic", "Topic"}}},
      {.method = Method::get,
       .path = "/v1/topics/{topic}/bindings/{name}",
       .handler = get_binding,
       .operation = "getBinding",
       .tag = "topics",
       .summary = "One binding",
       .answers = {{200, "the binding", "Binding"}, {404, "unknown", "Problem"}}},
      {.method = Method::put,
       .path = "/v1/topics/{topic}/bindings/{name}",
       .handler = put_binding,
       .operation = "putBinding",
       .tag = "topics",
       .summary = "Send the topic's messages, or some of them, to a queue, a workflow or an event",
       .body = Body::required,
       .request = "PutBinding",
       .answers = {{200, "replaced", "Binding"},
                   {201, "created", "Binding"},
                   {409, "the topic has 1,000 bindings; or it is a trigger of a definition",
                    "Problem"},
                   {422, "every problem", "Problem"}}},
      {.method = Method::delete_,
       .path = "/v1/topics/{topic}/bindings/{name}",
       .handler = delete_binding,
       .operation = "deleteBinding",
       .tag = "topics",
       .summary = "Remove a binding",
       .answers = {{200, "done", "Done"},
                   {404, "unknown", "Problem"},
                   {409, "it is a trigger of a definition", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/topics/{topic}/publish",
       .handler = publish,
       .operation = "publishMessages",
       .tag = "topics",
       .summary = "Publish up to 1,000 messages, all or none",
       .body = Body::batch,
       .request = "PublishMessages",
       .takes_idempotency_key = true,
       .answers = {{201, "published", "Published"},
                   {413, "a body is too large, or too many deliveries", "Problem"},
                   {429, "too much at once", "Problem"}}},
  };
}

}  // namespace sluice::api
