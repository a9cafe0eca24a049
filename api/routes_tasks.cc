// Tasks: what a worker does with one it holds, singly and in batches.
#include "api/answers.h"
#include "api/body.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

// The member "lease" of a verb: the next tasks in the same commit.
std::optional<LeaseRequest> read_next_lease(Envelope& body, Problems& problems) {
  const auto raw = body.optional_raw("lease");
  if (!raw || *raw == "null") return std::nullopt;
  auto inner = Envelope::scan(*raw, body.pointer("lease"));
  if (!inner) {
    problems.add(inner.error());
    return std::nullopt;
  }
  LeaseRequest request = lease_request(*inner, std::nullopt);
  problems.add(inner->finish());
  return request;
}

// The tasks that came with the commit; if there were none and the request wants to wait, those that
// come.
asio::awaitable<Result<std::vector<Delivery>>> next_tasks(Call& call, std::vector<Delivery> first,
                                                          LeaseRequest request) {
  if (!first.empty() || request.wait == Duration{}) co_return std::move(first);
  co_return co_await lease(call, std::move(request));
}

CompleteTask read_complete(Envelope& body, std::string token, std::size_t payload_bytes_max) {
  return {.token = std::move(token), .output = required_doc(body, "output", payload_bytes_max)};
}
FailTask read_fail(Envelope& body, std::string token) {
  return {.token = std::move(token),
          .error = optional_text(body, "error"),
          .cause = optional_text(body, "cause"),
          .delay = optional_seconds(body, "delay_seconds", duration_seconds_max)};
}
HeartbeatTask read_heartbeat(Envelope& body, std::string token) {
  return {.token = std::move(token),
          .lease = optional_seconds(body, "lease_seconds", duration_seconds_max)};
}
ReleaseTask read_release(Envelope& body, std::string token) {
  return {
      .token = std::move(token),
      .delay = optional_seconds(body, "delay_seconds", duration_seconds_max).value_or(Duration{})};
}

asio::awaitable<Response> complete_task(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  CompleteTask command = read_complete(*body, call.path[0], call.context.limits.payload_bytes_max);
  Problems problems;
  auto next = read_next_lease(*body, problems);
  problems.add(body->finish());
  if (problems.any()) co_return problem(problems.error());
  if (!next) co_return co_await change(call, std::move(command), RenderDone{});

  std::vector<AnyCommand> commands;
  commands.emplace_back(std::move(command));
  LeaseRequest at_once = *next;
  at_once.wait = {};
  auto reply = co_await from_engine<Engine::BatchReply>([&](auto answered) {
    call.context.engine.submit_batch(std::move(commands), false, std::move(at_once),
                                     std::move(answered));
  });
  if (!reply) co_return problem(reply.error());
  if (!reply->items[0]) co_return problem(reply->items[0].error());
  const auto tasks = co_await next_tasks(call, std::move(reply->tasks), std::move(*next));
  if (!tasks) co_return problem(tasks.error());
  std::string out = R"({"tasks":)";
  render_tasks(out, *tasks);
  out += '}';
  co_return json(200, std::move(out));
}

asio::awaitable<Response> fail_task(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  FailTask command = read_fail(*body, call.path[0]);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderDone{});
}

struct RenderHeartbeat {
  Response operator()(const HeartbeatTask::Reply& reply) const {
    std::string out;
    Object object(out);
    object.time("lease_until", reply.lease_until);
    object.close();
    return json(200, std::move(out));
  }
};

asio::awaitable<Response> heartbeat_task(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  HeartbeatTask command = read_heartbeat(*body, call.path[0]);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderHeartbeat{});
}

asio::awaitable<Response> release_task(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  ReleaseTask command = read_release(*body, call.path[0]);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderDone{});
}

// One item of tasks:batch; nothing if its `op` is unknown, which is then a problem of the item.
std::optional<AnyCommand> read_item(Envelope& item, std::size_t payload_bytes_max) {
  const auto op = item.required_string("op");
  std::string token(item.required_string("token"));
  if (op == "complete") return read_complete(item, std::move(token), payload_bytes_max);
  if (op == "fail") return read_fail(item, std::move(token));
  if (op == "heartbeat") return read_heartbeat(item, std::move(token));
  if (op == "release") return read_release(item, std::move(token));
  if (!op.empty()) item.problem("op", "expected complete, fail, heartbeat or release");
  return std::nullopt;
}

asio::awaitable<Response> task_batch(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  Problems problems;
  auto next = read_next_lease(*body, problems);
  const auto items = required_items(*body, "items");
  problems.add(body->finish());
  std::vector<AnyCommand> commands;
  commands.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto item = Envelope::scan(items[i], fmt::format("/items/{}", i));
    if (!item) {
      problems.add(item.error());
      continue;
    }
    if (auto command = read_item(*item, call.context.limits.payload_bytes_max))
      commands.push_back(std::move(*command));
    problems.add(item->finish());
  }
  if (problems.any()) co_return problem(problems.error());

  std::optional<LeaseRequest> at_once = next;
  if (at_once) at_once->wait = {};
  auto reply = co_await from_engine<Engine::BatchReply>([&](auto answered) {
    call.context.engine.submit_batch(std::move(commands), call.query.flag("atomic"),
                                     std::move(at_once), std::move(answered));
  });
  if (!reply) co_return problem(reply.error());
  std::string out;
  out.reserve(reply->items.size() * 32);
  Object object(out);
  object.key("items");
  {
    Array list(out);
    for (const auto& item : reply->items) {
      list.next();
      if (!item) {
        out += problem_text(item.error());
        continue;
      }
      Object result(out);
      result.integer("status", 200);
      if (const auto* beat = std::get_if<HeartbeatTask::Reply>(&*item))
        result.time("lease_until", beat->lease_until);
    }
  }
  if (next) {
    const auto tasks = co_await next_tasks(call, std::move(reply->tasks), std::move(*next));
    // The verbs are done, whatever becomes of the lease: their results are not lost for it.
    object.key("tasks");
    if (tasks)
      render_tasks(out, *tasks);
    else
      out += "[]";
  }
  object.close();
  co_return json(200, std::move(out));
}

Route verb(std::string_view path, Handler handler, std::string_view operation,
           std::string_view summary, std::string_view request, std::string_view answer) {
  return {.method = Method::post,
          .path = path,
          .handler = handler,
          .operation = operation,
          .tag = "tasks",
          .summary = summary,
          .body = Body::optional,
          .request = request,
          .answers = {{200, "done, now or by the same verb before", answer},
                      {409, "stale_token", "Problem"}}};
}

}  // namespace

std::vector<Route> task_routes() {
  return {
      verb("/v1/tasks/{token}/complete", complete_task, "completeTask",
           "The task is done; `lease` takes the next tasks in the same commit", "CompleteTask",
           "Tasks"),
      verb("/v1/tasks/{token}/fail", fail_task, "failTask", "The attempt failed", "FailTask",
           "Done"),
      verb("/v1/tasks/{token}/heartbeat", heartbeat_task, "heartbeatTask",
           "Still at work; extends the lease", "HeartbeatTask", "Heartbeat"),
      verb("/v1/tasks/{token}/release", release_task, "releaseTask", "Give the task back undone",
           "ReleaseTask", "Done"),
      {.method = Method::post,
       .path = "/v1/tasks:batch",
       .handler = task_batch,
       .operation = "taskBatch",
       .tag = "tasks",
       .summary = "Up to 1,000 task verbs in one commit, and the next tasks",
       .query = {{"atomic", Parameter::Kind::flag, "all or none"}},
       .body = Body::batch,
       .request = "TaskBatch",
       .answers = {{200, "a result for each", "TaskBatchResult"}}},
  };
}

}  // namespace sluice::api
