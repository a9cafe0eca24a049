#include "workflows/message_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "workflows/value.h"

namespace sluice::workflows {
namespace {

// JSONata's $boolean, for what an expression came to.
bool truthy(const Json& value) {
  std::vector<const Json*> open{&value};
  while (!open.empty()) {
    const Json& next = *open.back();
    open.pop_back();
    switch (next.type()) {
      case Json::value_t::boolean:
        if (next.get<bool>()) return true;
        break;
      case Json::value_t::string:
        if (!next.get_ref<const std::string&>().empty()) return true;
        break;
      case Json::value_t::number_integer:
      case Json::value_t::number_unsigned:
      case Json::value_t::number_float:
        if (next.get<double>() != 0) return true;
        break;
      case Json::value_t::object:
        if (!next.empty()) return true;
        break;
      case Json::value_t::array:
        for (const Json& element : next) open.push_back(&element);
        break;
      default:
        break;
    }
  }
  return false;
}

Failure failed(const std::string& text, std::string_view why) {
  return {"States.QueryEvaluationError", fmt::format("The JSONata expression '{}' {}", text, why)};
}
Failure failed(const std::string& text, const jsonata::Error& error) {
  return failed(text,
                fmt::format("threw an error during evaluation. {}: {}", error.code, error.message));
}

}  // namespace

Result<MessageExpression> MessageExpression::parse(std::string_view text) {
  if (!is_expression(text))
    return make_error(Errc::invalid_argument, "expected a JSONata expression: \"{% … %}\"");
  if (text.size() > message_expression_bytes_max)
    return make_error(Errc::invalid_argument,
                      fmt::format("the expression has {} bytes: expected at most {}", text.size(),
                                  message_expression_bytes_max));
  auto compiled = jsonata::compile(text.substr(2, text.size() - 4), jsonata::Dialect::states);
  if (const auto* error = std::get_if<jsonata::Error>(&compiled))
    return make_error(Errc::invalid_argument,
                      fmt::format("the JSONata expression cannot be read: {} (at character {})",
                                  error->message, error->position));
  auto& expression = std::get<jsonata::Expression>(compiled);
  for (const auto& mention : expression.mentions())
    if (mention.variable == "states")
      return make_error(Errc::invalid_argument,
                        "$states is not to be had here: the message's body is $, and there are "
                        "$key, $headers and $topic");
  return MessageExpression(std::string(text), std::move(expression));
}

jsonata::Answer MessageExpression::evaluate(const MessageScope& message,
                                            std::int64_t& steps) const {
  jsonata::Environment environment;
  environment.input = message.body;
  environment.bindings = {
      {"key", message.key}, {"headers", message.headers}, {"topic", message.topic}};
  environment.now_ms = message.now.us / 1'000;
  environment.seed = message.seed;
  environment.limits.steps_max = std::clamp<std::int64_t>(steps, 0, message_expression_steps_max);
  environment.limits.memory_bytes_max = 8 << 20;
  std::int64_t used = 0;
  jsonata::Answer answer = expression_.evaluate(environment, &used);
  steps -= used;
  return answer;
}

Evaluated<bool> MessageExpression::passes(const MessageScope& message, std::int64_t& steps) const {
  const auto answer = evaluate(message, steps);
  if (const auto* error = std::get_if<jsonata::Error>(&answer)) return failed(text_, *error);
  const auto* value = std::get_if<Json>(&answer);
  return value != nullptr && truthy(*value);
}

Evaluated<std::string> MessageExpression::name(const MessageScope& message,
                                               std::int64_t& steps) const {
  const auto answer = evaluate(message, steps);
  if (const auto* error = std::get_if<jsonata::Error>(&answer)) return failed(text_, *error);
  const auto* value = std::get_if<Json>(&answer);
  if (value == nullptr) return failed(text_, "returned nothing that a document can hold.");
  if (!value->is_string())
    return failed(text_, "returned " + excerpt(*value, 100) + ", not a text; say $string(…).");
  return value->get<std::string>();
}

}  // namespace sluice::workflows
