#include "orchestrator/binding.h"

#include "base/topic_pattern.h"
#include "orchestrator/interpreter.h"
#include "workflows/resource.h"

namespace sluice::orchestrator {
namespace {

constexpr std::pair<std::string_view, TargetKind> kinds[] = {{"queue:", TargetKind::queue},
                                                             {"workflow:", TargetKind::workflow},
                                                             {"event:", TargetKind::event}};

}  // namespace

bool topic_name_valid(std::string_view name) {
  return !name.empty() && workflows::queue_name_valid("topic:" + std::string(name));
}

std::optional<Target> parse_target(std::string_view text) {
  for (const auto& [prefix, kind] : kinds) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    if (!workflows::queue_name_valid(text)) return std::nullopt;
    return Target{kind, std::string(text)};
  }
  return std::nullopt;
}

Result<Binding> make_binding(std::string topic, std::string name, BindingText text,
                             WorkflowId workflow) {
  Error error = make_error(Errc::invalid_argument, "the binding has problems");
  const auto problem = [&](const char* pointer, std::string detail) {
    error.problems.push_back({pointer, std::move(detail)});
  };
  Binding binding;
  if (!topic_name_valid(topic))
    problem("/topic", "a topic's name has 1 to 249 bytes and no white space");
  if (!workflows::queue_name_valid(name))
    problem("/name", "a binding's name has 1 to 255 bytes and no white space");
  if (const auto pattern = check_topic_pattern(text.pattern); !pattern)
    problem("/pattern", pattern.error().detail);
  if (text.filter) {
    auto filter = workflows::MessageExpression::parse(*text.filter);
    if (filter)
      binding.filter = std::move(*filter);
    else
      problem("/filter", filter.error().detail);
  }
  if (auto target = parse_target(text.to)) {
    binding.kind = target->kind;
    binding.target = std::move(target->name);
    if (text.event_key && binding.kind != TargetKind::event)
      problem("/event_key", "only an event has a key; \"to\" is \"" + text.to + "\"");
  } else {
    problem("/to", "expected \"queue:NAME\", \"workflow:NAME\" or \"event:NAME\", found \"" +
                       text.to + "\"");
  }
  if (text.event_key && text.event_key->starts_with("{%")) {
    auto key = workflows::MessageExpression::parse(*text.event_key);
    if (key)
      binding.event_key = std::move(*key);
    else
      problem("/event_key", key.error().detail);
  } else if (text.event_key && text.event_key->size() > event_key_bytes_max) {
    problem("/event_key", std::to_string(text.event_key->size()) + " bytes; at most " +
                              std::to_string(event_key_bytes_max));
  }
  if (!error.problems.empty()) return error;
  binding.topic = std::move(topic);
  binding.name = std::move(name);
  binding.text = std::move(text);
  binding.workflow = workflow;
  return binding;
}

}  // namespace sluice::orchestrator
