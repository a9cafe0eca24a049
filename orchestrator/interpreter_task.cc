// Task: what is put on a queue, and what becomes of the answer.
#include <fmt/format.h>

#include <cmath>

#include "base/json_text.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Failure;
using workflows::ResourceKind;
using workflows::TaskState;

namespace {

constexpr std::int64_t time_limit_seconds_max = 99'999'999;

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

// RFC 9110: Sat, 31 Jan 2026 23:59:59 GMT.
std::string http_date(WallTime time) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::string text = to_rfc3339(time);  // 2026-01-31T23:59:59…
  const std::int64_t day = std::max<std::int64_t>(time.us, 0) / 86'400'000'000;
  const std::size_t month = static_cast<std::size_t>((text[5] - '0') * 10 + (text[6] - '0') - 1);
  return fmt::format("{}, {} {} {} {} GMT", days[(day + 4) % 7], text.substr(8, 2),
                     months[month % 12], text.substr(0, 4), text.substr(11, 8));
}

}  // namespace

Walk::Step Walk::schedule(Duration delay) {
  auto scheduled = task(std::get<TaskState>(state().body));
  if (!scheduled) return failed(scheduled.failure());
  scheduled->delay = delay;
  record_in_state(Kind::task_scheduled, scheduled->body);
  history_.back().delay = delay;
  return *std::move(scheduled);
}

Walk::Evaluated<ScheduleTask> Walk::task(const TaskState& body) {
  auto input = effective_input();
  if (!input) return std::move(input.failure());
  ScheduleTask out;
  out.queue = body.resource.queue;
  out.body = *input;
  out.wait_for_task_token = body.resource.wait_for_task_token;
  out.headers = body.headers;
  if (body.arguments) {
    auto filled = fill(*body.arguments, *input);
    if (!filled) return std::move(filled.failure());
    out.body = *std::move(filled);
  }
  if (body.resource.kind == ResourceKind::lambda_invoke) {
    const Json& arguments = out.body.json();
    const auto name = arguments.is_object() ? arguments.find("FunctionName") : arguments.end();
    if (!arguments.is_object() || name == arguments.end() || !name->is_string())
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
    const auto payload = arguments.find("Payload");
    out.body = payload == arguments.end() ? Doc::empty_object() : invocation_payload(*payload);
  }

  auto timeout = time_limit(body.timeout, "TimeoutSeconds", *input);
  if (!timeout) return std::move(timeout.failure());
  auto heartbeat = time_limit(body.heartbeat, "HeartbeatSeconds", *input);
  if (!heartbeat) return std::move(heartbeat.failure());
  if (*timeout && *heartbeat && **heartbeat >= **timeout)
    return Failure{"States.Runtime",
                   fmt::format("HeartbeatSeconds ({}) must be smaller than TimeoutSeconds ({}).",
                               (*heartbeat)->us / 1'000'000, (*timeout)->us / 1'000'000)};
  out.timeout = *timeout;
  out.heartbeat = *heartbeat;

  if (body.priority && std::holds_alternative<std::int64_t>(*body.priority))
    out.priority = static_cast<int>(std::get<std::int64_t>(*body.priority));
  if (body.priority && std::holds_alternative<workflows::Path>(*body.priority)) {
    const auto& path = std::get<workflows::Path>(*body.priority);
    auto value = path.evaluate(scope(path.needs(), *input));
    if (!value) return std::move(value.failure());
    const std::int64_t priority = value->is_number_integer() ? value->get<std::int64_t>() : -1;
    if (priority < 0 || priority > 9)
      return Failure{"States.Runtime",
                     fmt::format("Priority must be a whole number from 0 to 9: {} == {}",
                                 path.text(), workflows::excerpt(*value, 200))};
    out.priority = static_cast<int>(priority);
  }
  return out;
}

Walk::Evaluated<std::optional<Duration>> Walk::time_limit(
    const std::optional<workflows::Seconds>& limit, std::string_view field, const Doc& input) {
  if (!limit) return std::optional<Duration>();
  if (const auto* count = std::get_if<std::int64_t>(&*limit)) return std::optional(seconds(*count));
  const auto& path = std::get<workflows::Path>(*limit);
  auto value = path.evaluate(scope(path.needs(), input));
  if (!value) return std::move(value.failure());
  const auto refuse = [&](std::string_view what) {
    return Failure{"States.Runtime", fmt::format("The {}Path parameter {}: {} == {}", field, what,
                                                 path.text(), workflows::excerpt(*value, 200))};
  };
  const bool whole =
      value->is_number_integer() ||
      (value->is_number_float() && std::floor(value->get<double>()) == value->get<double>());
  if (!whole) return refuse("cannot be parsed as a long value");
  const double count = value->get<double>();
  if (count < 0) return refuse("references a negative value");
  if (count < 1 || count > static_cast<double>(time_limit_seconds_max))
    return refuse(fmt::format("must reference a value from 1 to {}", time_limit_seconds_max));
  return std::optional(seconds(static_cast<std::int64_t>(count)));
}

Walk::Step Walk::happened(const TaskSucceeded& event) {
  SLUICE_CHECK(state().type == workflows::StateType::task, "the result of a Task state");
  const auto& body = std::get<TaskState>(state().body);
  if (event.output.size_bytes() > limits_.payload_bytes_max) {
    Trouble trouble;
    trouble.fault = {
        "States.DataLimitExceeded",
        fmt::format(
            "The state/task '{}' returned a result with a size exceeding the maximum number of "
            "bytes service limit.",
            reported_name(body.resource))};
    trouble.of_task = trouble.retryable = true;
    record_in_state(Kind::task_failed, {}, trouble.fault);
    return failed(trouble);
  }
  Doc result = event.output;
  if (body.resource.kind == ResourceKind::lambda_invoke && !body.resource.wait_for_task_token)
    result = wrapped_invocation(result);
  record_in_state(Kind::task_succeeded, result);
  if (state().result_selector) {
    auto selected = fill(*state().result_selector, result);
    if (!selected) return failed(selected.failure(), true);
    result = *std::move(selected);
  }
  return leave_with_result(std::move(result), true);
}

// The answer of the service's own lambda:invoke, with the same members: definitions select from it.
Doc Walk::wrapped_invocation(const Doc& payload) {
  const std::string request = fmt::format("{:016x}{:016x}", chance_.next(), chance_.next());
  const std::string request_id =
      fmt::format("{}-{}-4{}-a{}-{}", request.substr(0, 8), request.substr(8, 4),
                  request.substr(13, 3), request.substr(17, 3), request.substr(20, 12));
  const std::string trace =
      fmt::format("root=1-{:08x}-{:016x}{:08x};sampled=0", now_.us / 1'000'000 & 0xFFFFFFFF,
                  chance_.next(), chance_.next() >> 32);
  Json lists = Json::object(), values = Json::object();
  const auto header = [&](const char* name, const std::string& value) {
    lists[name] = Json::array({value});
    values[name] = value;
  };
  header("Connection", "keep-alive");
  header("Content-Length", std::to_string(payload.size_bytes()));
  header("Content-Type", "application/json");
  header("Date", http_date(now_));
  header("X-Amz-Executed-Version", "$LATEST");
  header("x-amzn-Remapped-Content-Length", "0");
  header("x-amzn-RequestId", request_id);
  header("X-Amzn-Trace-Id", trace);
  // The service gives these two as plain strings among the lists.
  lists["Date"] = values["Date"];
  lists["X-Amzn-Trace-Id"] = values["X-Amzn-Trace-Id"];
  Json http = Json::object();
  http["AllHttpHeaders"] = std::move(lists);
  http["HttpHeaders"] = std::move(values);
  http["HttpStatusCode"] = 200;

  Json wrapped = Json::object();
  wrapped["ExecutedVersion"] = "$LATEST";
  wrapped["Payload"] = payload.json();
  wrapped["SdkHttpMetadata"] = std::move(http);
  wrapped["SdkResponseMetadata"]["RequestId"] = request_id;
  wrapped["StatusCode"] = 200;
  return Doc::from_json(std::move(wrapped));
}

}  // namespace sluice::orchestrator
