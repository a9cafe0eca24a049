// Queues and their messages: settings, send, peek, lease.
#include "api/answers.h"
#include "api/body.h"
#include "api/by.h"
#include "api/router.h"
#include "base/json.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

Error no_queue(const std::string& name) {
  return make_error(Errc::not_found,
                    "there is no queue \"" + name + "\"; a queue exists from its first mention");
}

asio::awaitable<Response> list_queues(Call& call) {
  auto all = call.context.engine.queues();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  if (const auto cursor = call.query.text("cursor")) {
    const auto from =
        std::upper_bound(all.begin(), all.end(), *cursor,
                         [](const std::string& name, const auto& q) { return name < q.name; });
    all.erase(all.begin(), from);
  }
  const auto limit = static_cast<std::size_t>(page_limit(call));
  std::optional<std::string> next;
  if (all.size() > limit) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
    next = all.back().name;
  }
  const WallTime now = call.context.engine.wall_now();
  co_return json(200, render_page(all, next, [now](std::string& out, const QueueStats& queue) {
                   render_queue(out, queue, now);
                 }));
}

asio::awaitable<Response> get_queue(Call& call) {
  const auto queue = call.context.engine.queue(call.path[0]);
  if (!queue) co_return problem(no_queue(call.path[0]));
  std::string out;
  render_queue(out, *queue, call.context.engine.wall_now());
  co_return json(200, std::move(out));
}

asio::awaitable<Response> put_queue(Call& call) {
  const auto parsed =
      parse_json(call.body.empty() ? std::string_view("{}") : std::string_view(call.body));
  if (!parsed) co_return problem(parsed.error());
  auto settings = workflows::parse_queue_settings(*parsed, "");
  if (!settings) co_return problem(settings.error());
  PutQueue command{.queue = call.path[0], .settings = std::move(*settings)};
  const auto status = co_await submit(call, std::move(command));
  if (!status) co_return problem(status.error());
  co_return co_await get_queue(call);
}

template <class Command>
asio::awaitable<Response> plain_verb(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  Command command{.queue = call.path[0]};
  co_return co_await change(call, std::move(command), RenderDone{});
}

template <bool paused>
asio::awaitable<Response> pause_queue(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  PauseQueue command{.queue = call.path[0], .paused = paused};
  co_return co_await change(call, std::move(command), RenderDone{});
}

struct RenderPurged {
  Response operator()(const PurgeQueue::Reply& reply) const {
    std::string out;
    Object object(out);
    object.integer("removed", reply.removed);
    object.close();
    return json(200, std::move(out));
  }
};

asio::awaitable<Response> purge_queue(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  PurgeQueue command{.queue = call.path[0]};
  co_return co_await change(call, std::move(command), RenderPurged{});
}

// `queue`: as the path has it; nothing: a member of the message.
NewMessage read_message(Envelope& body, std::optional<std::string> queue,
                        std::size_t payload_bytes_max) {
  NewMessage message;
  message.queue = queue ? std::move(*queue) : std::string(body.required_string("queue"));
  message.body = required_doc(body, "body", payload_bytes_max);
  message.headers = optional_string_map(body, "headers");
  message.priority =
      static_cast<int>(body.optional_integer("priority", 0, 9).value_or(message.priority));
  message.delay =
      optional_seconds(body, "delay_seconds", duration_seconds_max).value_or(Duration{});
  message.expires = optional_seconds(body, "expires_seconds", duration_seconds_max);
  message.dedup_id = optional_text(body, "dedup_id");
  message.order_key = order_key(body);
  return message;
}

void put_sent(Object& item, const SendMessages::Sent& message) {
  item.integer("status", message.duplicate ? 200 : 201);
  item.id("id", message.id);
  if (message.duplicate) item.flag("duplicate", true);
}

struct RenderSent {
  Response operator()(const SendMessages::Reply& sent) const {
    std::string out;
    out.reserve(sent.size() * 40 + 16);
    Object object(out);
    object.key("items");
    {
      Array list(out);
      for (const auto& message : sent) {
        list.next();
        Object item(out);
        put_sent(item, message);
      }
    }
    object.close();
    return json(201, std::move(out));
  }
};

asio::awaitable<Response> send_to_queue(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  const auto items = required_items(*body, "messages");
  Problems problems;
  problems.add(body->finish());
  SendMessages command;
  command.messages.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto item = Envelope::scan(items[i], fmt::format("/messages/{}", i));
    if (!item) {
      problems.add(item.error());
      continue;
    }
    command.messages.push_back(
        read_message(*item, call.path[0], call.context.limits.payload_bytes_max));
    problems.add(item->finish());
  }
  if (problems.any()) co_return problem(problems.error());
  co_return co_await change(call, std::move(command), RenderSent{});
}

// In the order in which they were asked for, whether to a queue or to a topic.
struct RenderBatch {
  std::vector<bool> to_topic;
  Response operator()(const PublishMessages::Reply& reply) const {
    std::string out;
    Object object(out);
    object.key("items");
    {
      Array list(out);
      auto published = reply.published.begin();
      auto sent = reply.sent.begin();
      for (const bool topic : to_topic) {
        list.next();
        Object item(out);
        if (topic)
          put_published(item, *published++);
        else
          put_sent(item, *sent++);
      }
    }
    object.close();
    return json(201, std::move(out));
  }
};

asio::awaitable<Response> send_to_any(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  const auto items = required_items(*body, "messages");
  Problems problems;
  problems.add(body->finish());
  PublishMessages command;
  RenderBatch render;
  const std::size_t bytes_max = call.context.limits.payload_bytes_max;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto item = Envelope::scan(items[i], fmt::format("/messages/{}", i));
    if (!item) {
      problems.add(item.error());
      continue;
    }
    const bool topic = item->has("topic");
    render.to_topic.push_back(topic);
    if (topic)
      command.publications.push_back(read_publication(*item, std::nullopt, bytes_max));
    else
      command.messages.push_back(read_message(*item, std::nullopt, bytes_max));
    problems.add(item->finish());
  }
  if (problems.any()) co_return problem(problems.error());
  co_return co_await change(call, std::move(command), std::move(render));
}

asio::awaitable<Response> peek_messages(Call& call) {
  const auto page = co_await read(call, [&] {
    return call.context.inspector.messages(call.path[0], page_limit(call),
                                           call.query.text("cursor"));
  });
  if (!page) co_return problem(page.error());
  co_return json(200, render_page(page->items, page->next, render_message));
}

asio::awaitable<Response> lease_tasks(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  LeaseRequest request = lease_request(*body, call.path[0]);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  const auto tasks = co_await lease(call, std::move(request));
  if (!tasks) co_return problem(tasks.error());
  std::string out = R"({"tasks":)";
  render_tasks(out, *tasks);
  out += '}';
  co_return json(200, std::move(out));
}

Route verb(Method method, std::string_view path, Handler handler, std::string_view operation,
           std::string_view summary, std::string_view answer = "Done") {
  return {.method = method,
          .path = path,
          .handler = handler,
          .operation = operation,
          .tag = "queues",
          .summary = summary,
          .body = method == Method::delete_ ? Body::none : Body::optional,
          .request = method == Method::delete_ ? "" : "Verb",
          .answers = {{200, "done", answer},
                      {404, "unknown", "Problem"},
                      {409, "its present state does not allow it", "Problem"}}};
}

}  // namespace

std::vector<Route> queue_routes() {
  return {
      {.method = Method::get,
       .path = "/v1/queues",
       .handler = list_queues,
       .operation = "listQueues",
       .tag = "queues",
       .summary = "The queues, by name, with their counts",
       .query = with_page({}),
       .answers = {{200, "a page", "QueuePage"}}},
      {.method = Method::get,
       .path = "/v1/queues/{queue}",
       .handler = get_queue,
       .operation = "getQueue",
       .tag = "queues",
       .summary = "One queue: counts and the settings in force",
       .answers = {{200, "the queue", "Queue"}, {404, "unknown", "Problem"}}},
      {.method = Method::put,
       .path = "/v1/queues/{queue}",
       .handler = put_queue,
       .operation = "putQueue",
       .tag = "queues",
       .summary = "The operator's settings, which win over a definition's until they are cleared",
       .body = Body::required,
       .request = "QueueSettings",
       .answers = {{200, "the queue", "Queue"}, {422, "every problem", "Problem"}}},
      verb(Method::delete_, "/v1/queues/{queue}", plain_verb<DeleteQueue>, "deleteQueue",
           "Delete a queue that is empty and named by no workflow"),
      verb(Method::delete_, "/v1/queues/{queue}/settings", plain_verb<ClearQueueSettings>,
           "clearQueueSettings", "Clear the operator's settings"),
      verb(Method::post, "/v1/queues/{queue}/pause", pause_queue<true>, "pauseQueue",
           "Hand nothing out"),
      verb(Method::post, "/v1/queues/{queue}/resume", pause_queue<false>, "resumeQueue",
           "Hand out again"),
      verb(Method::post, "/v1/queues/{queue}/purge", purge_queue, "purgeQueue",
           "Drop ready and delayed messages of a bare queue, at most 10,000 a call; repeat until "
           "`removed` is 0",
           "Purged"),
      {.method = Method::post,
       .path = "/v1/queues/{queue}/messages",
       .handler = send_to_queue,
       .operation = "sendMessages",
       .tag = "messages",
       .summary = "Send up to 1,000 messages, all or none",
       .body = Body::batch,
       .request = "SendMessages",
       .takes_idempotency_key = true,
       .answers = {{201, "sent", "Sent"}, {429, "too much at once", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/messages:batch",
       .handler = send_to_any,
       .operation = "sendMessageBatch",
       .tag = "messages",
       .summary = "Send to several queues, and publish to topics, all or none",
       .body = Body::batch,
       .request = "SendMessageBatch",
       .takes_idempotency_key = true,
       .answers = {{201, "sent", "BatchSent"}, {429, "too much at once", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/queues/{queue}/messages",
       .handler = peek_messages,
       .operation = "peekMessages",
       .tag = "messages",
       .summary = "Look at the messages without leasing them",
       .query = with_page({}, Parameter::Kind::integer),
       .answers = {{200, "a page", "MessagePage"}, {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/queues/{queue}/lease",
       .handler = lease_tasks,
       .operation = "leaseTasks",
       .tag = "tasks",
       .summary = "Take tasks; waits up to `wait` seconds for the first",
       .body = Body::optional,
       .request = "Lease",
       .answers = {{200, "the tasks; none after the wait", "Tasks"}}},
  };
}

}  // namespace sluice::api
