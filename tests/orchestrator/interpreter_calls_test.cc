// Tasks on no queue of their own: child runs, topics, queues of others, events, HTTP.
#include <fmt/format.h>

#include "machine_fixture.h"

namespace sluice::orchestrator {
namespace {

std::string task(const std::string& resource, const std::string& parameters,
                 const std::string& more = "") {
  return R"("Type":"Task","Resource":")" + resource + "\"," +
         (parameters.empty() ? "" : "\"Parameters\":" + parameters + ",") + more + R"("End":true)";
}

RunEnded ended(std::string status) {
  RunEnded run;
  run.id = {77};
  run.workflow = "child";
  run.name = "n";
  run.status = std::move(status);
  run.started_at = {1'000'000};
  run.ended_at = {2'500'000};
  run.input = Doc::from_text(R"({"i":1})");
  if (run.status == "SUCCEEDED") run.output = Doc::from_text(R"({"o":2})");
  return run;
}

TEST_CASE("run:NAME starts a child run with the input as it is, and its output is the result") {
  Bench bench(state_machine(task("run:child", R"({"x.$":"$.a"})", R"("TimeoutSeconds":60,)")),
              R"({"a":1})");
  bench.start();
  const auto& start = bench.next<StartChildRun>();
  CHECK(start.workflow == "child");
  CHECK(!start.name);
  CHECK(start.input.text() == R"({"x":1})");
  CHECK(start.wait_for_end);
  CHECK(start.timeout == seconds(60));
  bench.apply(ended("SUCCEEDED"));
  CHECK(bench.output() == R"({"o":2})");
}

TEST_CASE("a child run's error is the state's, and another attempt waits first") {
  Bench bench(
      state_machine(task("run:child", "", R"("Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],)")));
  bench.start();
  auto failed = ended("FAILED");
  failed.fault = {"E", "why"};
  bench.apply(failed);
  CHECK(bench.next<RetryLater>().delay == seconds(1));
  bench.apply(TimerDue{});
  bench.next<StartChildRun>();
  bench.apply(failed);
  CHECK(bench.error() == "E");
  CHECK(bench.cause() == "why");

  Bench aborted(state_machine(task("run:child", "")));
  aborted.start();
  aborted.apply(ended("ABORTED"));
  CHECK(aborted.error() == "Sluice.RunAborted");
}

TEST_CASE("run:NAME.async goes on with the run's id") {
  Bench bench(state_machine(task("run:child.async", "")));
  bench.start();
  CHECK(!bench.next<StartChildRun>().wait_for_end);
  bench.apply(RunStarted{{77}, "child", "n", bench.now});
  CHECK(bench.output() == R"({"id":")" + to_string(RunId{77}) + R"(","name":"n"})");
}

TEST_CASE("startExecution takes an ARN or a name, and its input as JSON or as a document's text") {
  struct Row {
    const char* arn;
    const char* input;
    const char* workflow;
    const char* given;
  };
  for (const Row row : {
           Row{"arn:aws:states:eu-west-1:123456789012:stateMachine:child", R"({"a":1})", "child",
               R"({"a":1})"},
           Row{"arn:aws:states:eu-west-1:123456789012:stateMachine:child:live", "null", "child",
               "{}"},
           Row{"child", R"("{\"a\":1}")", "child", R"({"a":1})"},
           Row{"child", R"("text")", "child", R"("text")"},
       }) {
    Bench bench(state_machine(task(
        "arn:aws:states:::states:startExecution",
        fmt::format(R"({{"StateMachineArn":"{}","Name":"n","Input":{}}})", row.arn, row.input))));
    bench.start();
    const auto& start = bench.next<StartChildRun>();
    CHECK(start.workflow == row.workflow);
    CHECK(start.name == "n");
    CHECK(start.input.text() == row.given);
    CHECK(!start.wait_for_end);
  }
  for (const char* parameters : {"{}", R"({"StateMachineArn":7})", R"({"StateMachineArn":"arn:x"})",
                                 R"({"StateMachineArn":"child","Name":7})"}) {
    CAPTURE(parameters);
    Bench bench(state_machine(task("arn:aws:states:::states:startExecution", parameters)));
    bench.start();
    CHECK(bench.error() == "States.Runtime");
  }
}

TEST_CASE("startExecution's answers have the service's members") {
  const std::string parameters = R"({"StateMachineArn":"child"})";
  Bench started(state_machine(task("arn:aws:states:::states:startExecution", parameters)));
  started.start();
  started.apply(RunStarted{{77}, "child", "n", started.now});
  Json answer = started.next<Finish>().output.json();
  CHECK(answer["ExecutionArn"] == "arn:aws:states:local:000000000000:execution:child:n");
  CHECK(answer["StartDate"] == "2026-01-01T00:00:00.000Z");
  CHECK(answer["SdkHttpMetadata"]["HttpStatusCode"] == 200);

  Bench sync(state_machine(task("arn:aws:states:::states:startExecution.sync", parameters)));
  sync.start();
  CHECK(sync.next<StartChildRun>().wait_for_end);
  sync.apply(ended("SUCCEEDED"));
  answer = sync.next<Finish>().output.json();
  CHECK(answer["Input"] == R"({"i":1})");
  CHECK(answer["Output"] == R"({"o":2})");
  CHECK(answer["Status"] == "SUCCEEDED");
  CHECK(answer["StartDate"] == 1'000);
  CHECK(answer["StopDate"] == 2'500);

  Bench sync2(state_machine(task("arn:aws:states:::states:startExecution.sync:2", parameters)));
  sync2.start();
  sync2.apply(ended("SUCCEEDED"));
  answer = sync2.next<Finish>().output.json();
  CHECK(to_text(answer["Output"]) == R"({"o":2})");

  Bench failing(state_machine(task("arn:aws:states:::states:startExecution.sync", parameters)));
  failing.start();
  auto failed = ended("FAILED");
  failed.fault = {"E", "why"};
  failing.apply(failed);
  CHECK(failing.error() == "States.TaskFailed");
  const auto cause = parse_json(failing.cause());
  REQUIRE(cause);
  CHECK((*cause)["Error"] == "E");
  CHECK((*cause)["Cause"] == "why");
  CHECK((*cause)["Status"] == "FAILED");
  CHECK((*cause)["Input"] == R"({"i":1})");
  CHECK(!cause->contains("Output"));

  Bench unknown(state_machine(task("arn:aws:states:::states:startExecution", parameters)));
  unknown.start();
  unknown.fail("StateMachineDoesNotExist");
  CHECK(unknown.error() == "StepFunctions.StateMachineDoesNotExistException");
}

TEST_CASE("a child run with a task token waits for the token") {
  Bench bench(
      state_machine(task("arn:aws:states:::states:startExecution.waitForTaskToken",
                         R"({"StateMachineArn":"child","Input":{"t.$":"$$.Task.Token"}})")));
  bench.facts.task_token = "tok";
  bench.start();
  const auto& start = bench.next<StartChildRun>();
  CHECK(start.wait_for_task_token);
  CHECK(!start.wait_for_end);
  CHECK(start.input.text() == R"({"t":"tok"})");
  bench.succeed("5");
  CHECK(bench.output() == "5");
}

TEST_CASE(
    "topic:NAME publishes Body with Key and Headers; without Arguments the input is the body") {
  Bench bench(state_machine(task("topic:orders",
                                 R"({"Key":"order.eu","Body":{"n.$":"$.a"},"Headers":{"h":1}})")),
              R"({"a":1})");
  bench.start();
  const Publish message = bench.next<Publish>();
  CHECK(message.topic == "orders");
  CHECK(message.key == "order.eu");
  CHECK(message.body.text() == R"({"n":1})");
  REQUIRE(message.headers.size() == 1);
  CHECK(message.headers[0] == std::pair<std::string, std::string>("h", "1"));
  CHECK(bench.story() == "ExecutionStarted TaskStateEntered MessagePublished");
  bench.apply(TaskSucceeded{message.result});
  CHECK(bench.next<Finish>().output.json().contains("MessageId"));

  Bench plain(state_machine(task("topic:orders", "")), R"({"a":1})");
  plain.start();
  CHECK(plain.next<Publish>().body.text() == R"({"a":1})");

  Bench wrong(state_machine(task("topic:orders", R"({"Key":7,"Body":1})")));
  wrong.start();
  CHECK(wrong.error() == "States.Runtime");
  CHECK(wrong.cause().ends_with("Key must be a text, but was: 7"));
}

TEST_CASE("sqs:sendMessage sends to the queue that QueueUrl names, and answers as the service") {
  Bench bench(state_machine(task(
      "arn:aws:states:::sqs:sendMessage",
      R"({"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123/work","MessageBody":"abc",)"
      R"("DelaySeconds":5,"MessageAttributes":{"a":{"DataType":"String","StringValue":"v"}}})")));
  bench.start();
  const auto& message = bench.next<Publish>();
  CHECK(message.to_queue);
  CHECK(message.topic == "work");
  CHECK(message.body.text() == R"("abc")");
  CHECK(message.delay == seconds(5));
  REQUIRE(message.headers.size() == 1);
  CHECK(message.headers[0].second == "v");
  const Json& answer = message.result.json();
  CHECK(answer["MD5OfMessageBody"] == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(answer["MD5OfMessageAttributes"].get<std::string>().size() == 32);
  CHECK(answer["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == "166");

  for (const char* parameters :
       {"{}", R"({"MessageBody":"m"})", R"({"QueueUrl":"q","MessageBody":"m","DelaySeconds":901})",
        R"({"QueueUrl":"q","MessageBody":"m","MessageAttributes":{"a":"v"}})"}) {
    CAPTURE(parameters);
    Bench wrong(state_machine(task("arn:aws:states:::sqs:sendMessage", parameters)));
    wrong.start();
    CHECK(wrong.error() == "States.Runtime");
  }
}

TEST_CASE("what the queue service refuses fails with its own names") {
  for (const auto& [parameters, error] :
       {std::pair{R"({"QueueUrl":"q"})", "SQS.AmazonSQSException"},
        std::pair{R"({"QueueUrl":"q","MessageBody":null})", "SQS.AmazonSQSException"},
        std::pair{R"({"QueueUrl":"http://nowhere","MessageBody":"m"})",
                  "SQS.SdkClientException"}}) {
    CAPTURE(parameters);
    Bench wrong(state_machine(task("arn:aws:states:::sqs:sendMessage", parameters)));
    wrong.start();
    CHECK(wrong.error() == error);
  }
}

TEST_CASE("a message with a task token is sent, and the token's word is the result") {
  Bench bench(state_machine(task("arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                                 R"({"QueueUrl":"q","MessageBody":{"t.$":"$$.Task.Token"}})",
                                 R"("TimeoutSeconds":9,"HeartbeatSeconds":2,)")));
  bench.facts.task_token = "tok";
  bench.start();
  const auto& message = bench.next<Publish>();
  CHECK(message.wait_for_task_token);
  CHECK(message.timeout == seconds(9));
  CHECK(message.heartbeat == seconds(2));
  CHECK(message.body.text() == R"({"t":"tok"})");
  bench.succeed(R"("done")");
  CHECK(bench.output() == R"("done")");
}

TEST_CASE("sns:publish and events:putEvents publish to topics") {
  Bench sns(
      state_machine(task("arn:aws:states:::sns:publish",
                         R"({"TopicArn":"arn:aws:sns:eu-west-1:123:news","Message":{"a":1}})")));
  sns.start();
  CHECK(sns.next<Publish>().topic == "news");
  CHECK(sns.next<Publish>().body.text() == R"({"a":1})");
  CHECK(sns.next<Publish>().result.json().contains("MessageId"));

  Bench events(state_machine(task(
      "arn:aws:states:::events:putEvents",
      R"({"Entries":[{"Detail":{"n":1},"DetailType":"made","Source":"s","EventBusName":"bus"},)"
      R"({"Detail":2,"DetailType":"sold"}]})")));
  events.start();
  const auto& first = events.next<Publish>();
  CHECK(first.topic == "bus");
  CHECK(first.key == "made");
  CHECK(first.body.text() == R"({"n":1})");
  REQUIRE(first.more.size() == 1);
  CHECK(first.more[0].topic == "default");
  CHECK(first.more[0].key == "sold");
  CHECK(first.result.json()["Entries"].size() == 2);
  CHECK(first.result.json()["FailedEntryCount"] == 0);

  Bench none(state_machine(task("arn:aws:states:::events:putEvents", R"({"Entries":[]})")));
  none.start();
  CHECK(none.error() == "States.Runtime");
}

TEST_CASE("event:NAME waits for an event, and its body is the result") {
  Bench bench(state_machine(task("event:paid", R"({"Key.$":"$.id"})", R"("TimeoutSeconds":30,)")),
              R"({"id":"o-1"})");
  bench.start();
  const auto& awaited = bench.next<AwaitEvent>();
  CHECK(awaited.name == "paid");
  CHECK(awaited.key == "o-1");
  CHECK(awaited.timeout == seconds(30));
  CHECK(bench.story() == "ExecutionStarted TaskStateEntered EventAwaited");
  bench.succeed(R"({"paid":true})");
  CHECK(bench.output() == R"({"paid":true})");
}

TEST_CASE("http:invoke is a task on the server's own queue") {
  Bench bench(state_machine(task("http:invoke",
                                 R"({"Url":"https://x/","Method":"POST","Body":{"n.$":"$.a"}})",
                                 R"("Retry":[{"ErrorEquals":["Http.5xx"]}],)")),
              R"({"a":1})");
  bench.start();
  CHECK(bench.next<ScheduleTask>().queue == "http:invoke");
  CHECK(bench.next<ScheduleTask>().body.text() ==
        R"({"Url":"https://x/","Method":"POST","Body":{"n":1}})");
  bench.fail("Http.5xx");
  CHECK(bench.next<ScheduleTask>().delay == seconds(1));

  Bench wrong(state_machine(task("http:invoke", R"({"Url":"x"})")));
  wrong.start();
  CHECK(wrong.error() == "States.Runtime");
}

}  // namespace
}  // namespace sluice::orchestrator
