// Task: what is put on a queue or asked of others, and what becomes of the answer.
#include <fmt/format.h>

#include "base/json_text.h"
#include "orchestrator/http_request.h"
#include "orchestrator/service_answer.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Failure;
using workflows::ResourceKind;
using workflows::TaskState;

namespace {

// What a too large result is reported as being of: the function or activity, or the service.
std::string reported_name(const workflows::Resource& resource) {
  if (resource.kind == ResourceKind::lambda_invoke) return "lambda";
  if (resource.kind == ResourceKind::service)
    return resource.queue.substr(0, resource.queue.find(':'));
  return resource.text;
}

// The message for a function: the service takes a string for the payload's text, and no payload for
// {}.
Doc invocation_payload(const Json& payload) {
  if (payload.is_null()) return Doc::empty_object();
  if (payload.is_string()) {
    const auto& text = payload.get_ref<const std::string&>();
    if (check_json(text)) return Doc::from_text(text);
  }
  return Doc::from_json(payload);
}

}  // namespace

Walk::Step Walk::schedule(Duration delay) {
  auto next = work(std::get<TaskState>(state().body));
  if (!next) return failed(next.failure());
  if (auto* scheduled = std::get_if<ScheduleTask>(&*next)) {
    scheduled->delay = delay;
    record_in_state(Kind::task_scheduled, scheduled->body);
    history_.back().delay = delay;
  } else if (const auto* child = std::get_if<StartChildRun>(&*next)) {
    record_in_state(Kind::task_scheduled, child->input);
  } else if (const auto* message = std::get_if<Publish>(&*next)) {
    record_in_state(Kind::message_published, message->body);
  } else {
    record_in_state(Kind::event_awaited);
  }
  return *std::move(next);
}

Walk::Evaluated<Next> Walk::work(const TaskState& body) {
  auto input = effective_input();
  if (!input) return std::move(input.failure());
  auto made = arguments(body.arguments, *input);
  if (!made) return std::move(made.failure());
  switch (body.resource.kind) {
    case ResourceKind::queue:
    case ResourceKind::lambda_invoke:
    case ResourceKind::service:
    case ResourceKind::http: {
      auto scheduled = task(body, *input, *std::move(made));
      if (!scheduled) return std::move(scheduled.failure());
      return Next(*std::move(scheduled));
    }
    case ResourceKind::run:
    case ResourceKind::topic:
    case ResourceKind::event:
    case ResourceKind::send:
      break;
  }
  const auto times = time_limits(body, *input);
  if (!times) return times.failure();
  if (body.resource.kind == ResourceKind::run) return child_run(body, *std::move(made), *times);
  if (body.resource.kind == ResourceKind::event) {
    auto awaited = event(body.resource, body.arguments, *made);
    if (!awaited) return std::move(awaited.failure());
    awaited->timeout = times->timeout;
    return Next(*std::move(awaited));
  }
  auto published = publication(body, *made);
  if (!published) return std::move(published.failure());
  published->wait_for_task_token = body.resource.wait_for_task_token;
  published->timeout = times->timeout;
  published->heartbeat = times->heartbeat;
  const auto headers = own_headers(body, *input);
  if (!headers) return headers.failure();
  published->headers.insert(published->headers.end(), headers->begin(), headers->end());
  return Next(*std::move(published));
}

Walk::Evaluated<ScheduleTask> Walk::task(const TaskState& body, const Doc& input, Doc made) {
  ScheduleTask out;
  out.queue = body.resource.queue;
  out.body = std::move(made);
  out.wait_for_task_token = body.resource.wait_for_task_token;
  auto headers = own_headers(body, input);
  if (!headers) return std::move(headers.failure());
  out.headers = *std::move(headers);
  if (body.resource.kind == ResourceKind::http) {
    auto request = http_request(out.body.json());
    if (!request) return std::move(request.failure());
    out.queue = "http:invoke";
    out.body = Doc::from_json(*std::move(request));
  }
  if (body.resource.kind == ResourceKind::lambda_invoke) {
    const Json& given = out.body.json();
    const auto name = given.is_object() ? given.find("FunctionName") : given.end();
    if (!given.is_object() || name == given.end() || !name->is_string())
      return Failure{"States.Runtime",
                     "lambda:invoke needs a FunctionName, a string, in its Parameters."};
    const auto queue = workflows::function_queue(name->get_ref<const std::string&>());
    if (!queue)
      return Failure{
          "States.Runtime",
          fmt::format(
              "The FunctionName {} is neither a name, a name with an alias, nor a function's ARN.",
              workflows::excerpt(*name, 200))};
    out.queue = *queue;
    const auto payload = given.find("Payload");
    out.body = payload == given.end() ? Doc::empty_object() : invocation_payload(*payload);
  }

  const auto times = time_limits(body, input);
  if (!times) return times.failure();
  out.timeout = times->timeout;
  out.heartbeat = times->heartbeat;
  const auto wanted = priority(body.priority, input);
  if (!wanted) return wanted.failure();
  out.priority = *wanted;
  auto key = order_key(body.order_key, input);
  if (!key) return std::move(key.failure());
  out.order_key = *std::move(key);
  return out;
}

Walk::Evaluated<Walk::TimeLimits> Walk::time_limits(const TaskState& body, const Doc& input) {
  auto timeout = time_limit(body.timeout, "TimeoutSeconds", input);
  if (!timeout) return std::move(timeout.failure());
  auto heartbeat = time_limit(body.heartbeat, "HeartbeatSeconds", input);
  if (!heartbeat) return std::move(heartbeat.failure());
  if (*timeout && *heartbeat && **heartbeat >= **timeout)
    return refused(fmt::format("HeartbeatSeconds ({}) must be smaller than TimeoutSeconds ({}).",
                               (*heartbeat)->us / 1'000'000, (*timeout)->us / 1'000'000));
  return TimeLimits{*timeout, *heartbeat};
}

Walk::Step Walk::happened(const TaskSucceeded& event) {
  SLUICE_CHECK(state().type == workflows::StateType::task, "the result of a Task state");
  return finished(event.output);
}

// Whether lambda:invoke was asked for the log, where only its arguments say so.
bool Walk::log_asked(const TaskState& body) {
  if (!body.resource.log_computed) return body.resource.log_asked;
  const auto input = effective_input();
  if (!input) return false;
  const auto given = arguments(body.arguments, *input);
  if (!given || !given->json().is_object()) return false;
  const auto type = given->json().find("LogType");
  return type != given->json().end() && *type == "Tail";
}

Walk::Step Walk::finished(Doc result) {
  const auto& body = std::get<TaskState>(state().body);
  const auto& resource = body.resource;
  if (result.size_bytes() > limits_.payload_bytes_max)
    return task_failed(
        {"States.DataLimitExceeded",
         fmt::format("The state/task '{}' returned a result with a size exceeding the maximum "
                     "number of bytes service limit.",
                     reported_name(resource))});
  if (resource.kind == ResourceKind::lambda_invoke && !resource.wait_for_task_token)
    result = invocation_answer(result, log_asked(body), chance_, now_);
  record_in_state(Kind::task_succeeded, result);
  if (state().result_selector) {
    auto selected = fill(*state().result_selector, {result, {}, {}}, "ResultSelector");
    if (!selected) return failed(selected.failure(), true);
    result = *std::move(selected);
  }
  return leave_with_result(std::move(result), true);
}

}  // namespace sluice::orchestrator
