// A binding of a topic: which of its messages go to which target.
//
// Threads: immutable once made; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "workflows/message_expression.h"

namespace sluice::orchestrator {

// As it is written and stored.
struct BindingText {
  std::string pattern;
  std::optional<std::string> filter;     // "{% … %}"
  std::string to;                        // "queue:Q", "workflow:W" or "event:E"
  std::optional<std::string> event_key;  // of an event: text, or "{% … %}"; default: empty
  bool operator==(const BindingText&) const = default;
};

enum class TargetKind : std::uint8_t { queue, workflow, event };

struct Binding {
  std::string topic, name;
  BindingText text;
  WorkflowId workflow;  // whose trigger it is; 0: an operator's
  TargetKind kind = TargetKind::queue;
  std::string target;
  std::optional<workflows::MessageExpression> filter, event_key;
};

struct Target {
  TargetKind kind = TargetKind::queue;
  std::string name;
};
std::optional<Target> parse_target(std::string_view text);

// Refuses with invalid_argument and every problem: /topic, /name, /pattern, /filter, /to,
// /event_key.
Result<Binding> make_binding(std::string topic, std::string name, BindingText text,
                             WorkflowId workflow = {});

// Whether a topic can have this name: with "topic:" before it, it can be a queue's.
bool topic_name_valid(std::string_view name);

}  // namespace sluice::orchestrator
