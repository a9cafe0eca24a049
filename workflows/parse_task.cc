// The body of a Task state.

#include <fmt/format.h>

#include <array>

#include "workflows/parse_state.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t headers_max = 100;
constexpr std::size_t header_bytes_max = 4'096;

// NAME, or NAMEPath.
std::optional<Seconds> parse_seconds(const Fields& fields, const std::string& name) {
  const std::string path_name = name + "Path";
  fields.exclude(name, path_name);
  if (const auto seconds = fields.integer(name, 1, seconds_max)) return Seconds(*seconds);
  if (auto path = parse_value_path(fields, path_name)) return Seconds(std::move(*path));
  return std::nullopt;
}

void parse_resource_field(const Fields& fields, Resource& out) {
  fields.require("Resource", "expected \"queue:NAME\" or an ARN");
  const auto text = fields.string("Resource");
  if (!text) return;
  auto parsed = parse_resource(*text);
  if (!parsed) {
    fields.context().problem(fields.pointer("Resource"), parsed.error().detail);
    return;
  }
  if (!parsed->warning.empty())
    fields.context().warning(fields.pointer("Resource"), parsed->warning);
  out = std::move(parsed->resource);
}

// lambda:invoke names its function in Parameters; where the name is written down, the queue is
// known now.
void parse_lambda_parameters(const Fields& fields, Resource& resource) {
  static constexpr FieldRule rules[] = {
      {"FunctionName"},   {"FunctionName.$"},   {"Payload"},       {"Payload.$"},
      {"InvocationType"}, {"InvocationType.$"}, {"ClientContext"}, {"ClientContext.$"},
      {"LogType"},        {"LogType.$"},        {"Qualifier"},     {"Qualifier.$"}};
  // Without Parameters the state's input is what the integration is given, the name included.
  const Json* value = fields.object("Parameters");
  if (value == nullptr) return;
  const Fields parameters(fields.context(), *value, fields.pointer("Parameters"));
  check_fields(fields.context(), *value, parameters.pointer(), "lambda:invoke", rules);
  if (parameters.has("FunctionName.$")) return;
  parameters.require("FunctionName", "lambda:invoke needs it (or \"FunctionName.$\")");
  const auto name = parameters.string("FunctionName");
  if (!name) return;
  auto queue = function_queue(*name);
  if (!queue) {
    fields.context().problem(
        parameters.pointer("FunctionName"),
        fmt::format("{} is no function: expected a name, NAME:ALIAS or a function ARN",
                    in_quotes(*name)));
    return;
  }
  resource.queue = std::move(*queue);
}

// A token that nobody is told can never be given back.
void check_token_use(const Fields& fields, const Resource& resource) {
  if (!resource.wait_for_task_token) return;
  const Json* parameters = fields.find("Parameters");
  if (parameters != nullptr && to_text(*parameters).find("$$") != std::string::npos) return;
  fields.context().warning(fields.pointer("Resource"),
                           "this state waits for its task token, but \"Parameters\" passes "
                           "\"$$.Task.Token\" to nobody");
}

void parse_priority(const Fields& fields, TaskState& task) {
  fields.exclude("Priority", "Priority.$");
  if (const auto priority = fields.integer("Priority", 0, 9)) task.priority = *priority;
  if (auto path = parse_value_path(fields, "Priority.$")) task.priority = std::move(*path);
}

void parse_headers(const Fields& fields, TaskState& task) {
  const Json* headers = fields.object("Headers");
  if (headers == nullptr) return;
  ParseContext& context = fields.context();
  const std::string pointer = fields.pointer("Headers");
  if (headers->size() > headers_max) {
    context.problem(pointer,
                    fmt::format("at most {} headers, not {}", headers_max, headers->size()));
    return;
  }
  for (const auto& [name, value] : headers->items()) {
    std::string place = pointer + "/" + pointer_token(name);
    if (name.empty()) {
      context.problem(std::move(place), "a header's name must not be empty");
    } else if (name.ends_with(".$")) {
      context.problem(std::move(place), not_offered("a computed header"));
    } else if (!value.is_string()) {
      context.problem(std::move(place),
                      fmt::format("a header must be a string, not {}", describe(value)));
    } else if (name.size() + value.get_ref<const std::string&>().size() > header_bytes_max) {
      context.problem(
          std::move(place),
          fmt::format("a header has at most {} bytes, name and value together", header_bytes_max));
    } else {
      task.headers.emplace_back(name, value.get<std::string>());
    }
  }
}

}  // namespace

TaskState parse_task(const Fields& fields) {
  TaskState task;
  parse_resource_field(fields, task.resource);
  if (task.resource.kind == ResourceKind::lambda_invoke)
    parse_lambda_parameters(fields, task.resource);
  check_token_use(fields, task.resource);
  task.arguments = parse_template(fields, "Parameters");
  task.timeout = parse_seconds(fields, "TimeoutSeconds");
  task.heartbeat = parse_seconds(fields, "HeartbeatSeconds");
  if (task.timeout && task.heartbeat) {
    const auto* timeout = std::get_if<std::int64_t>(&*task.timeout);
    const auto* heartbeat = std::get_if<std::int64_t>(&*task.heartbeat);
    if (timeout != nullptr && heartbeat != nullptr && *heartbeat >= *timeout) {
      fields.context().problem(
          fields.pointer("HeartbeatSeconds"),
          fmt::format("\"HeartbeatSeconds\" ({}) must be smaller than \"TimeoutSeconds\" ({})",
                      *heartbeat, *timeout));
    }
  }
  parse_priority(fields, task);
  parse_headers(fields, task);
  return task;
}

}  // namespace sluice::workflows
