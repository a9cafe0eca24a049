// What a Task's Resource means and which are refused.
#include "definition_support.h"
#include "workflows/resource.h"

namespace sluice::workflows::testing {
namespace {

TEST_CASE("a resource names the queue that its work goes to") {
  struct Row {
    std::string_view text;
    ResourceKind kind;
    std::string_view queue;
    bool token = false;
  };
  using enum ResourceKind;
  const Row rows[] = {
      {"queue:pay", queue, "pay"},
      {"queue:orders.eu", queue, "orders.eu"},
      {"queue:orders:eu", queue, "orders:eu"},
      {"queue:pay.waitForTaskToken", queue, "pay", true},
      {"arn:aws:lambda:eu-west-1:123456789012:function:pay", queue, "pay"},
      {"arn:aws:lambda:eu-west-1:123456789012:function:pay:live", queue, "pay"},
      {"arn:aws:lambda:::function:publish-to-chat", queue, "publish-to-chat"},
      {"arn:aws-cn:states:cn-north-1:123456789012:activity:approve", queue, "approve"},
      {"arn:aws:states:::lambda:invoke", lambda_invoke, ""},
      {"arn:aws:states:::lambda:invoke.waitForTaskToken", lambda_invoke, "", true},
      {"arn:aws:states:::sqs:sendMessage", send, ""},
      {"arn:aws:states:::sqs:sendMessage.waitForTaskToken", send, "", true},
      {"arn:aws:states:::sns:publish", topic, ""},
      {"arn:aws:states:::events:putEvents.waitForTaskToken", topic, "", true},
      {"arn:aws:states:::http:invoke", http, ""},
      {"arn:aws:states:::batch:submitJob.sync", service, "batch:submitJob"},
      {"arn:aws:states:::states:startExecution", run, ""},
      {"arn:aws:states:::states:startExecution.waitForTaskToken", run, "", true},
      {"http:invoke", http, ""},
      {"http:invoke.waitForTaskToken", http, "", true},
      {"arn:aws:states:::aws-sdk:s3:getObject", service, "aws-sdk:s3:getObject"},
      {"arn:${Partition}:states:::glue:startJobRun.sync", service, "glue:startJobRun"},
      {"arn:aws:swf:us-east-1:123456789012:task:X", service, "swf:task:X"},
      {"foo:bar", service, "foo:bar"},
      {"foo:bar.waitForTaskToken", service, "foo:bar", true},
      {"${PayFunctionArn}", service, "${PayFunctionArn}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_resource(row.text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->resource.kind == row.kind);
    CHECK(parsed->resource.queue == row.queue);
    CHECK(parsed->resource.wait_for_task_token == row.token);
    CHECK(parsed->resource.text == row.text);
  }
}

TEST_CASE("what is no resource is refused with what would be right") {
  struct Row {
    std::string_view text;
    std::string_view fragment;
  };
  const Row rows[] = {
      {"", "is no resource"},
      {"pay", "did you mean \"queue:pay\"?"},
      {"queue:", "names no queue"},
      {"queue:.waitForTaskToken", "names no queue"},
      {"queue:a b", "without white space"},
      {"queu:pay", "did you mean \"queue:pay\"?"},
      {"Queue:pay", "did you mean \"queue:pay\"?"},
      {"queue:pay.waitForTaskTokn", "did you mean \"queue:pay.waitForTaskToken\"?"},
      {"queue:pay.waitfortasktoken", "did you mean \"queue:pay.waitForTaskToken\"?"},
      {"arm:aws:states:::lambda:invoke", "did you mean \"arn:aws:states:::lambda:invoke\"?"},
      {"http:invok", "did you mean \"http:invoke\"?"},
      {"https://example.org/pay", "unknown scheme \"https\""},
      {"arn:aws:lambda", "is no ARN"},
      {"arn:aws:lambda:eu-west-1:1:function:", "is no function ARN"},
      {"arn:aws:lambda:eu-west-1:1:function:pay:", "is no function ARN"},
      {"arn:aws:lambda:eu-west-1:1:layer:pay", "is no function ARN"},
      {"arn:aws:lambda:eu-west-1:1:function:pay.waitForTaskToken", "takes no pattern"},
      {"arn:aws:states:eu-west-1:1:activity:", "is no activity ARN"},
      {"arn:aws:states:eu-west-1:1:activity:a:b", "is no activity ARN"},
      {"arn:aws:states:::sqs", "is no service integration"},
      {"arn:aws:states:::sqs:", "is no service integration"},
      {"arn:aws:states:::batch:submitJob.synk", "did you mean \"sync\"?"},
      {"arn:aws:states:::lambda:invoke.sync", "takes no pattern but"},
      {"arn:aws:states:::sns:publish.sync:2", "takes no pattern but"},
      {"arn:aws:states:::http:invoke.waitForTaskToken", "takes no pattern"},
      {"run:", "names nothing"},
      {"run:.async", "names nothing"},
      {"run:orders.asinc", "did you mean \"run:orders.async\"?"},
      {"topic:a b", "without white space"},
      {"topic:orders.waitForTaskTokn", "did you mean \"topic:orders.waitForTaskToken\"?"},
      {"event:paid.waitForTaskToken", "the event's body is the result"},
      {"arn:aws:s3:::", "must not be empty"},
      {"foo:", "is no resource"},
      {":bar", "is no resource"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_resource(row.text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == Errc::invalid_argument);
    CAPTURE(parsed.error().detail);
    CHECK(parsed.error().detail.find(row.fragment) != std::string::npos);
  }
}

TEST_CASE("a run, a topic and an event are named after their scheme") {
  struct Row {
    std::string_view text;
    ResourceKind kind;
    std::string_view target;
    RunWait wait = RunWait::output;
    bool token = false;
  };
  using enum ResourceKind;
  const Row rows[] = {
      {"run:orders", run, "orders"},
      {"run:orders.eu", run, "orders.eu"},
      {"run:orders.async", run, "orders", RunWait::none},
      {"run:orders.waitForTaskToken", run, "orders", RunWait::output, true},
      {"topic:orders", topic, "orders"},
      {"topic:orders.waitForTaskToken", topic, "orders", RunWait::output, true},
      {"event:paid", event, "paid"},
      {"arn:aws:states:::states:startExecution", run, "", RunWait::none},
      {"arn:aws:states:::states:startExecution.sync", run, "", RunWait::described},
      {"arn:aws:states:::states:startExecution.sync:2", run, "", RunWait::described2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_resource(row.text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->resource.kind == row.kind);
    CHECK(parsed->resource.target == row.target);
    CHECK(parsed->resource.queue.empty());
    CHECK(parsed->resource.run_wait == row.wait);
    CHECK(parsed->resource.wait_for_task_token == row.token);
  }
}

TEST_CASE(
    "a function is known by its name, its partial ARN or its whole ARN, with or without alias") {
  CHECK(function_queue("pay") == "pay");
  CHECK(function_queue("pay:live") == "pay");
  CHECK(function_queue("pay:$LATEST") == "pay");
  CHECK(function_queue("123456789012:function:pay") == "pay");
  CHECK(function_queue("arn:aws:lambda:eu-west-1:123456789012:function:pay:7") == "pay");
  CHECK(function_queue("${AWS::Function}:live") == "${AWS::Function}");
  CHECK_FALSE(function_queue("").has_value());
  CHECK_FALSE(function_queue("pay:").has_value());
  CHECK_FALSE(function_queue("a:b:c").has_value());
  CHECK_FALSE(function_queue("arn:aws:s3:::bucket").has_value());
  CHECK_FALSE(function_queue("two words").has_value());
}

TEST_CASE("a Task's resource is checked at its place") {
  const auto task = [](std::string_view fields) {
    return with_state(fmt::format(R"({{"Type":"Task",{}"End":true}})", fields));
  };
  check_refused(task(""), "/States/A", "\"Resource\" is missing");
  check_refused(task(R"("Resource":7,)"), "/States/A/Resource", "must be a string");
  check_refused(task(R"("Resource":"pay",)"), "/States/A/Resource", "did you mean \"queue:pay\"?");

  constexpr std::string_view lambda = R"("Resource":"arn:aws:states:::lambda:invoke",)";
  const auto lambda_with = [&](std::string_view parameters) {
    return task(fmt::format(R"({}"Parameters":{},)", lambda, parameters));
  };
  CHECK(check_accepted(task(lambda))->stage_queues.empty());  // the input says which function
  check_refused(lambda_with(R"("x")"), "/States/A/Parameters", "must be an object");
  check_refused(lambda_with(R"({"Payload":{}})"), "/States/A/Parameters",
                "\"FunctionName\" is missing");
  check_refused(lambda_with(R"({"FunctionName":7})"), "/States/A/Parameters/FunctionName",
                "must be a string");
  check_refused(lambda_with(R"({"FunctionName":"a b"})"), "/States/A/Parameters/FunctionName",
                "is no function");
  check_refused(lambda_with(R"({"FunctionName":"pay","Paylod":{}})"), "/States/A/Parameters/Paylod",
                "did you mean \"Payload\"?");
  const auto named = check_accepted(lambda_with(R"({"FunctionName":"pay:live","Payload.$":"$"})"));
  CHECK(named->stage_queues == std::vector<std::string>{"pay"});
  const auto computed = check_accepted(lambda_with(R"({"FunctionName.$":"$.f"})"));
  CHECK(computed->stage_queues.empty());
}

TEST_CASE("a token that is passed to nobody, a placeholder and credentials are warned of") {
  const auto task = [](std::string_view fields) {
    return with_state(fmt::format(R"({{"Type":"Task",{},"End":true}})", fields));
  };
  check_warned(task(R"("Resource":"queue:a.waitForTaskToken")"), "/States/A/Resource",
               "$$.Task.Token");
  check_warned(task(R"("Resource":"${Arn}")"), "/States/A/Resource", "placeholder");
  check_warned(task(R"("Resource":"queue:a","Credentials":{"RoleArn.$":"$.role"})"),
               "/States/A/Credentials", "have no effect");
  const auto told = compile(
      task(R"("Resource":"queue:a.waitForTaskToken","Parameters":{"token.$":"$$.Task.Token"})"));
  REQUIRE(told.has_value());
  CHECK(told->warnings.empty());
}

}  // namespace
}  // namespace sluice::workflows::testing
