// The body of a Task state.

#include <fmt/format.h>

#include <array>

#include "workflows/field_table.h"
#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t headers_max = 100;
constexpr std::size_t header_bytes_max = 4'096;

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

std::string_view arguments_name(QueryLanguage language) {
  return language == QueryLanguage::jsonata ? "Arguments" : "Parameters";
}

// lambda:invoke names its function in its arguments; where the name is written down, the queue is
// known now.
void parse_lambda_arguments(const Fields& fields, QueryLanguage language, Resource& resource) {
  static constexpr FieldRule rules[] = {
      {"FunctionName"},   {"FunctionName.$", true, FieldOf::jsonpath},
      {"Payload"},        {"Payload.$", true, FieldOf::jsonpath},
      {"InvocationType"}, {"InvocationType.$", true, FieldOf::jsonpath},
      {"ClientContext"},  {"ClientContext.$", true, FieldOf::jsonpath},
      {"LogType"},        {"LogType.$", true, FieldOf::jsonpath},
      {"Qualifier"},      {"Qualifier.$", true, FieldOf::jsonpath}};
  // Without arguments the state's input is what the integration is given, the name included.
  if (holds_expression(fields, "Arguments", language)) return;
  const Json* value = fields.object(arguments_name(language));
  if (value == nullptr) return;
  const Fields arguments(fields.context(), *value, fields.pointer(arguments_name(language)));
  check_fields(fields.context(), *value, arguments.pointer(), "lambda:invoke", rules,
               field_language(language));
  resource.log_computed =
      arguments.has("LogType.$") || holds_expression(arguments, "LogType", language);
  if (const Json* log = arguments.find("LogType"); log != nullptr && *log == "Tail")
    resource.log_asked = true;
  if (arguments.has("FunctionName.$") || holds_expression(arguments, "FunctionName", language))
    return;
  arguments.require("FunctionName", language == QueryLanguage::jsonata
                                        ? "lambda:invoke needs it"
                                        : "lambda:invoke needs it (or \"FunctionName.$\")");
  const auto name = arguments.string("FunctionName");
  if (!name) return;
  auto queue = function_queue(*name);
  if (!queue) {
    fields.context().problem(
        arguments.pointer("FunctionName"),
        fmt::format("{} is no function: expected a name, NAME:ALIAS or a function ARN",
                    in_quotes(*name)));
    return;
  }
  resource.queue = std::move(*queue);
}

// A token that nobody is told can never be given back.
void check_token_use(const Fields& fields, QueryLanguage language, const Resource& resource) {
  if (!resource.wait_for_task_token) return;
  const bool jsonata = language == QueryLanguage::jsonata;
  const Json* arguments = fields.find(arguments_name(language));
  if (arguments != nullptr &&
      to_text(*arguments).find(jsonata ? "$states.context" : "$$") != std::string::npos)
    return;
  fields.context().warning(
      fields.pointer("Resource"),
      fmt::format("this state waits for its task token, but {} passes {} to nobody",
                  in_quotes(arguments_name(language)),
                  in_quotes(jsonata ? "$states.context.Task.Token" : "$$.Task.Token")));
}

// Nothing here takes another identity, so all that can be said is whether it is well formed.
void check_credentials(const Fields& fields, QueryLanguage language) {
  const Json* value = fields.find("Credentials");
  if (value == nullptr || !parse_object_value(fields, "Credentials", language)) return;
  if (value->is_object() && value->empty()) {
    fields.context().problem(fields.pointer("Credentials"),
                             "\"Credentials\" names nobody: \"RoleArn\" is missing");
    return;
  }
  fields.context().warning(fields.pointer("Credentials"),
                           "\"Credentials\" have no effect: a worker acts in its own name");
}

void parse_priority(const Fields& fields, QueryLanguage language, TaskState& task) {
  if (holds_expression(fields, "Priority", language)) {
    if (auto value = parse_value(fields, "Priority", language)) task.priority = std::move(*value);
    return;
  }
  if (const auto priority = fields.integer("Priority", 0, 9)) task.priority = *priority;
  if (language == QueryLanguage::jsonata) return;
  fields.exclude("Priority", "Priority.$");
  if (auto path = parse_value_path(fields, "Priority.$")) task.priority = std::move(*path);
}

void parse_order_key(const Fields& fields, QueryLanguage language, TaskState& task) {
  const bool jsonpath = language == QueryLanguage::jsonpath;
  const bool by_path = jsonpath && fields.has("OrderKey.$");
  const std::string_view name = by_path ? "OrderKey.$" : "OrderKey";
  const Json* value = fields.find(name);
  if (value == nullptr) return;
  ParseContext& context = fields.context();
  if (jsonpath) fields.exclude("OrderKey", "OrderKey.$");
  const auto kind = task.resource.kind;
  if (kind == ResourceKind::run || kind == ResourceKind::topic || kind == ResourceKind::event ||
      kind == ResourceKind::send) {
    context.problem(fields.pointer(name),
                    "\"OrderKey\" orders the messages of a stage queue, and this state has none");
    return;
  }
  if (!value->is_string() || value->get_ref<const std::string&>().empty() ||
      value->get_ref<const std::string&>().size() > order_key_bytes_max) {
    context.problem(fields.pointer(name),
                    fmt::format("\"{}\" must be a string of 1 to {} bytes, not {}", name,
                                order_key_bytes_max, describe(*value)));
    return;
  }
  if (!jsonpath) {
    task.order_key = parse_value(fields, name, language);
    return;
  }
  Json object = Json::object();
  object[std::string(name)] = *value;
  auto parsed = Value::parse(language, object, fields.pointer());
  if (!parsed)
    context.add(parsed.error(), fields.pointer(name));
  else
    task.order_key = *std::move(parsed);
}

// Whether a header, or all of them, are computed.
bool computes(const Json& headers, QueryLanguage language) {
  for (const auto& [name, value] : headers.items()) {
    const bool computed =
        language == QueryLanguage::jsonpath
            ? name.ends_with(".$")
            : value.is_string() && is_expression(value.get_ref<const std::string&>());
    if (computed) return true;
  }
  return false;
}

void check_header(ParseContext& context, const std::string& name, const Json& value,
                  std::string place) {
  if (name.empty()) {
    context.problem(std::move(place), "a header's name must not be empty");
  } else if (!value.is_string()) {
    context.problem(std::move(place),
                    fmt::format("a header must be a string, not {}", describe(value)));
  } else if (name.size() + value.get_ref<const std::string&>().size() > header_bytes_max) {
    context.problem(
        std::move(place),
        fmt::format("a header has at most {} bytes, name and value together", header_bytes_max));
  }
}

void parse_headers(const Fields& fields, QueryLanguage language, TaskState& task) {
  if (holds_expression(fields, "Headers", language)) {
    task.headers_computed = parse_value(fields, "Headers", language);
    return;
  }
  const Json* headers = fields.object("Headers");
  if (headers == nullptr) return;
  ParseContext& context = fields.context();
  const std::string pointer = fields.pointer("Headers");
  if (headers->size() > headers_max) {
    context.problem(pointer,
                    fmt::format("at most {} headers, not {}", headers_max, headers->size()));
    return;
  }
  const bool computed = computes(*headers, language);
  for (const auto& [name, value] : headers->items()) {
    check_header(context, name, value, pointer + "/" + pointer_token(name));
    if (!computed && value.is_string()) task.headers.emplace_back(name, value.get<std::string>());
  }
  if (computed) task.headers_computed = parse_value(fields, "Headers", language);
}

}  // namespace

TaskState parse_task(const Fields& fields, QueryLanguage language) {
  TaskState task;
  parse_resource_field(fields, task.resource);
  if (task.resource.kind == ResourceKind::lambda_invoke)
    parse_lambda_arguments(fields, language, task.resource);
  check_token_use(fields, language, task.resource);
  // Whatever is no object has been reported where lambda:invoke looked for its function.
  const Json* arguments = fields.find(arguments_name(language));
  const bool checked = task.resource.kind == ResourceKind::lambda_invoke && arguments != nullptr &&
                       !arguments->is_object();
  task.arguments = language == QueryLanguage::jsonata && !checked
                       ? parse_object_value(fields, "Arguments", language)
                       : parse_arguments(fields, language);
  task.timeout = parse_whole_number(fields, "TimeoutSeconds", language, 1, seconds_max);
  task.heartbeat = parse_whole_number(fields, "HeartbeatSeconds", language, 1, seconds_max);
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
  check_credentials(fields, language);
  parse_priority(fields, language, task);
  parse_headers(fields, language, task);
  parse_order_key(fields, language, task);
  return task;
}

}  // namespace sluice::workflows
