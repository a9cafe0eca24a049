// What a Task's Resource means: which queue its work goes to.
//
// Thread-safe (pure).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::workflows {

// docs/definitions.md, "Task resources".
enum class ResourceKind {
  queue,          // queue:NAME, a function ARN, an activity ARN: the input is the message
  lambda_invoke,  // arn:aws:states:::lambda:invoke: Payload to queue FunctionName, the result
                  // wrapped
  service,        // any other integration: stage queue "service:action"
};

struct Resource {
  ResourceKind kind = ResourceKind::queue;
  std::string
      queue;  // empty for lambda_invoke, whose queue is computed: function_queue(FunctionName)
  bool wait_for_task_token = false;
  std::string text;  // as written
};

struct ParsedResource {
  Resource resource;
  std::string warning;  // legal but suspicious; empty if not
};

// Refuses with invalid_argument what is no resource, and with unsupported what Sluice knows but
// this version does not offer. The detail says what would be right.
Result<ParsedResource> parse_resource(std::string_view text);

// The queue that stands for a function: "pay" for "pay", "pay:live", "123456789012:function:pay"
// and "arn:aws:lambda:eu-west-1:123456789012:function:pay:live". Nothing if the text is none of
// these.
std::optional<std::string> function_queue(std::string_view function_name);

// Whether a queue can have this name: 1 to 255 bytes, no control characters, no white space.
bool queue_name_valid(std::string_view name);

}  // namespace sluice::workflows
