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
  http,           // http:invoke: the server calls
  run,            // run:WORKFLOW and startExecution: a child run
  topic,          // topic:NAME, sns:publish, events:putEvents
  event,          // event:NAME: waits for a published event
  send,           // sqs:sendMessage: MessageBody to the queue that QueueUrl names
};

// What a `run` waits for.
enum class RunWait : std::uint8_t {
  none,        // run:NAME.async, startExecution: go on once it has started
  output,      // run:NAME: its output is the result
  described,   // startExecution.sync: the run's description, its output as text
  described2,  // startExecution.sync:2: the same, its output as JSON
};

struct Resource {
  ResourceKind kind = ResourceKind::queue;
  // The stage queue. Empty where there is none, and for lambda_invoke, whose queue is computed:
  // function_queue(FunctionName).
  std::string queue;
  // The workflow, topic or event. Empty where the Arguments have it (startExecution, sns:publish).
  std::string target;
  RunWait run_wait = RunWait::output;
  bool wait_for_task_token = false;
  bool log_computed = false;  // lambda_invoke: LogType is an expression
  bool log_asked = false;     // lambda_invoke: LogType is "Tail", so the answer has a LogResult
  std::string text;           // as written
};

struct ParsedResource {
  Resource resource;
  std::string warning;  // legal but suspicious; empty if not
};

// Refuses with invalid_argument what is no resource. The detail says what would be right.
Result<ParsedResource> parse_resource(std::string_view text);

// The queue that stands for a function: "pay" for "pay", "pay:live", "123456789012:function:pay"
// and "arn:aws:lambda:eu-west-1:123456789012:function:pay:live". Nothing if the text is none of
// these.
std::optional<std::string> function_queue(std::string_view function_name);

// Whether a queue can have this name: 1 to 255 bytes, no control characters, no white space.
bool queue_name_valid(std::string_view name);

}  // namespace sluice::workflows
