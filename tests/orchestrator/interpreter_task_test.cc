// Task states: what is scheduled, what becomes of answers, Retry and Catch.
#include "machine_fixture.h"

namespace sluice::orchestrator {
namespace {

const std::string task = R"("Type":"Task","Resource":"queue:pay")";
const std::string end = R"(,"End":true)";

TEST_CASE(
    "a task that cannot be described fails before it is scheduled, and its Retry is not asked") {
  struct Refusal {
    const char* fields;
    const char* input;
    const char* error;
    const char* says;
  };
  for (const auto& [fields, input, error, says] : {
           Refusal{R"(,"InputPath":"$.gone")", "{}", "States.Runtime", "'$.gone'"},
           Refusal{R"(,"Parameters":{"a.$":"$.gone"})", "{}", "States.Runtime", "'$.gone'"},
           Refusal{R"x(,"Parameters":{"a.$":"States.Base64Decode('!')"})x", "{}",
                   "States.IntrinsicFailure", "not Base64"},
           Refusal{R"(,"TimeoutSecondsPath":"$.t")", "{}", "States.Runtime", "'$.t'"},
           Refusal{R"(,"TimeoutSecondsPath":"$.t")", R"({"t":0})", "States.Runtime",
                   "from 1 to 99999999: $.t == 0"},
           Refusal{R"(,"TimeoutSecondsPath":"$.t")", R"({"t":-5})", "States.Runtime",
                   "negative value: $.t == -5"},
           Refusal{
               R"(,"TimeoutSecondsPath":"$.t")", R"({"t":"9"})", "States.Runtime",
               "The TimeoutSecondsPath parameter cannot be parsed as a long value: $.t == \"9\""},
           Refusal{R"(,"HeartbeatSecondsPath":"$.t")", R"({"t":1.5})", "States.Runtime",
                   "HeartbeatSecondsPath"},
           Refusal{R"(,"TimeoutSeconds":5,"HeartbeatSecondsPath":"$.t")", R"({"t":5})",
                   "States.Runtime",
                   "HeartbeatSeconds (5) must be smaller than TimeoutSeconds (5)"},
       }) {
    CAPTURE(fields);
    Bench bench(state_machine(task + fields + R"(,"Retry":[{"ErrorEquals":["States.ALL"]}])" + end),
                input);
    bench.start();
    CHECK(bench.error() == error);
    CAPTURE(bench.cause());
    CHECK(bench.cause().find(says) != std::string::npos);
    CHECK(bench.story() == "ExecutionStarted TaskStateEntered ExecutionFailed");
  }
}

TEST_CASE("a task is scheduled with its body, limits and priority") {
  Bench bench(
      state_machine(
          task +
          R"(,"Parameters":{"n.$":"$.n"},"TimeoutSeconds":60,"HeartbeatSecondsPath":"$.beat")" +
          end),
      R"({"n":1,"beat":10})");
  bench.start();
  const auto& scheduled = bench.next<ScheduleTask>();
  CHECK(scheduled.queue == "pay");
  CHECK(scheduled.body.text() == R"({"n":1})");
  CHECK(scheduled.delay.us == 0);
  CHECK(scheduled.timeout == seconds(60));
  CHECK(scheduled.heartbeat == seconds(10));
  CHECK_FALSE(scheduled.priority.has_value());
  CHECK_FALSE(scheduled.wait_for_task_token);
}

TEST_CASE("a task's result goes ResultSelector, ResultPath, OutputPath") {
  struct Row {
    const char* fields;
    const char* output;
  };
  for (
      const auto& [fields, output] : {
          Row{"", R"({"r":[1,2]})"},
          Row{R"(,"ResultPath":null)", R"({"raw":1})"},
          Row{R"(,"ResultPath":"$.res")", R"({"raw":1,"res":{"r":[1,2]}})"},
          Row{R"(,"ResultSelector":{"first.$":"$.r[0]","name.$":"$$.State.Name"})",
              R"({"first":1,"name":"S"})"},
          Row{R"(,"ResultSelector":{"first.$":"$.r[0]"},"ResultPath":"$.res","OutputPath":"$.res.first")",
              "1"},
          Row{R"(,"InputPath":"$.raw","ResultPath":"$.res","OutputPath":"$.raw")", "1"},
      }) {
    CAPTURE(fields);
    Bench bench(state_machine(task + fields + end), R"({"raw":1})");
    bench.start();
    bench.succeed(R"({"r":[1,2]})");
    CHECK(bench.output() == output);
    CHECK(bench.story() == "TaskSucceeded TaskStateExited ExecutionSucceeded");
  }
}

TEST_CASE("which names match which errors") {
  struct Row {
    const char* names;
    TaskFailed event;
    bool caught;
  };
  const TaskFailed custom{{"Payment.Declined", "no"}};
  const TaskFailed unnamed{{}};
  const TaskFailed timeout{{}, true, false};
  const TaskFailed heartbeat{{}, false, true};
  const TaskFailed runtime{{"States.Runtime", "x"}};
  const TaskFailed ours{{"Sluice.DeliveriesExhausted", "x"}};
  for (const auto& [names, event, caught] : std::vector<Row>{
           {R"("States.ALL")", custom, true},
           {R"("States.ALL")", unnamed, true},
           {R"("States.ALL")", timeout, true},
           {R"("States.ALL")", heartbeat, true},
           {R"("States.ALL")", ours, true},
           {R"("States.ALL")", runtime, false},
           {R"("States.Runtime")", runtime, false},
           {R"("States.TaskFailed")", custom, true},
           {R"("States.TaskFailed")", unnamed, true},
           {R"("States.TaskFailed")", ours, true},
           {R"("States.TaskFailed")", timeout, false},
           {R"("States.TaskFailed")", heartbeat, false},
           {R"("States.Timeout")", timeout, true},
           {R"("States.Timeout")", heartbeat, true},
           {R"("States.HeartbeatTimeout")", heartbeat, true},
           {R"("States.HeartbeatTimeout")", timeout, false},
           {R"("Payment.Declined")", custom, true},
           {R"("Payment")", custom, false},
           {R"("payment.declined")", custom, false},
           {R"("Other","Payment.Declined")", custom, true},
           {R"("Other")", unnamed, false},
       }) {
    CAPTURE(names);
    CAPTURE(event.fault.error.value_or("(none)"));
    CAPTURE(event.heartbeat);
    Bench bench(
        state_machine(task + R"(,"Catch":[{"ErrorEquals":[)" + names + R"(],"Next":"C"}])" + end));
    bench.start();
    bench.apply(event);
    CHECK((bench.next<Finish>().end == End::succeeded) == caught);
    if (!caught) CHECK(bench.next<Finish>().dead_letter);
  }
}

TEST_CASE("a Catch hands on the error object where ResultPath says") {
  struct Row {
    const char* catcher;
    TaskFailed event;
    const char* output;
  };
  for (const auto& [catcher, event, output] : std::vector<Row>{
           {"", {{"E", "why"}}, R"({"Error":"E","Cause":"why"})"},
           {"", {{}}, R"({"Error":null,"Cause":null})"},
           {"", {{}, true}, R"({"Error":"States.Timeout","Cause":""})"},
           {R"(,"ResultPath":"$.error")",
            {{"E", "why"}},
            R"({"a":1,"error":{"Error":"E","Cause":"why"}})"},
           {R"(,"ResultPath":null)", {{"E", "why"}}, R"({"a":1})"},
       }) {
    Bench bench(
        state_machine(
            task +
            R"(,"OutputPath":"$.gone","Catch":[{"ErrorEquals":["Never"],"Next":"C"},{"ErrorEquals":["States.ALL"],"Next":"C")" +
            std::string(catcher) + "}]" + end),
        R"({"a":1})");
    bench.start();
    bench.apply(event);
    CHECK(bench.output() == output);
    CHECK(bench.story().ends_with(
        "ErrorCaught TaskStateExited SucceedStateEntered SucceedStateExited ExecutionSucceeded"));
  }
}

TEST_CASE("a Catch whose ResultPath does not fit fails the run") {
  Bench bench(
      state_machine(task +
                    R"(,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"C","ResultPath":"$.a.b"}])" +
                    end),
      R"({"a":1})");
  bench.start();
  bench.fail("E");
  CHECK(bench.error() == "States.ResultPathMatchFailure");
}

TEST_CASE("an error after the task's success is caught like the task's own") {
  Bench bench(
      state_machine(
          task +
          R"(,"ResultPath":"$.a.b","Catch":[{"ErrorEquals":["States.ResultPathMatchFailure"],"Next":"C"}])" +
          end),
      R"({"a":1})");
  bench.start();
  bench.succeed("1");
  CHECK(bench.story().starts_with("TaskSucceeded ErrorCaught TaskStateExited"));
  Bench runtime(state_machine(
      task + R"(,"OutputPath":"$.gone","Catch":[{"ErrorEquals":["States.Runtime"],"Next":"C"}])" +
      end));
  runtime.start();
  runtime.succeed("{}");
  CHECK(runtime.error() == "States.Runtime");
}

TEST_CASE(
    "a retrier waits longer each time, up to its longest delay, and gives up after MaxAttempts") {
  Bench bench(state_machine(
      task +
      R"(,"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":4,"MaxDelaySeconds":20}])" +
      end));
  bench.start();
  int number = 0;
  for (const int delay : {2, 6, 18, 20}) {
    bench.fail("E");
    CHECK(bench.next<ScheduleTask>().delay == seconds(delay));
    CHECK(bench.story() == "TaskFailed RetryScheduled TaskScheduled");
    CHECK(bench.effects.history[1].number == ++number);
    CHECK(bench.effects.history[1].delay == seconds(delay));
    CHECK(bench.frame.entries == 1);
  }
  bench.fail("E");
  CHECK(bench.error() == "E");
  CHECK(bench.cause() == "why");
  CHECK(bench.next<Finish>().dead_letter);
}

TEST_CASE("the first retrier that matches decides, and each keeps its own count") {
  Bench bench(state_machine(
      task +
      R"(,"Retry":[{"ErrorEquals":["A"],"MaxAttempts":1},{"ErrorEquals":["States.ALL"],"IntervalSeconds":9,"MaxAttempts":2}],
      "Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}])" +
      end));
  bench.start();
  bench.fail("A");
  CHECK(bench.next<ScheduleTask>().delay == seconds(1));
  bench.fail("B");
  CHECK(bench.next<ScheduleTask>().delay == seconds(9));
  bench.fail("B");
  CHECK(bench.next<ScheduleTask>().delay == seconds(18));
  CHECK(bench.frame.retry_count == 3);
  bench.fail("A");  // its retrier is used up; the next one, which would match too, is not asked
  CHECK(bench.output() == R"({"Error":"A","Cause":"why"})");
}

TEST_CASE("full jitter stays within the delay and depends on the seed alone") {
  const auto jittered = state_machine(
      task + R"(,"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":100,"JitterStrategy":"FULL"}])" +
      end);
  bool differs = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Bench one(jittered), again(jittered);
    one.seed = again.seed = seed;
    one.start();
    again.start();
    one.fail("E");
    again.fail("E");
    const Duration delay = one.next<ScheduleTask>().delay;
    CHECK(delay == again.next<ScheduleTask>().delay);
    CHECK(delay >= seconds(0));
    CHECK(delay <= seconds(100));
    differs = differs || delay < seconds(50);
  }
  CHECK(differs);
}

TEST_CASE("MaxAttempts 0 does not retry, and a deadlock is not retried") {
  Bench none(
      state_machine(task + R"(,"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":0}])" + end));
  none.start();
  none.fail("E");
  CHECK(none.error() == "E");
  Bench deadlock(state_machine(
      task +
      R"(,"Retry":[{"ErrorEquals":["States.ALL"]}],"Catch":[{"ErrorEquals":["Sluice.Deadlock"],"Next":"C"}])" +
      end));
  deadlock.start();
  deadlock.fail("Sluice.Deadlock");
  CHECK(deadlock.output() == R"({"Error":"Sluice.Deadlock","Cause":"why"})");
}

TEST_CASE("a retried attempt is described anew, and leaving the state resets its counts") {
  Bench bench(machine(R"({"StartAt":"A","States":{
      "A":{"Type":"Task","Resource":"queue:a","Parameters":{"n.$":"$$.State.RetryCount"},
           "Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"Next":"B"},
      "B":{"Type":"Task","Resource":"queue:b","Parameters":{"n.$":"$$.State.RetryCount"},
           "Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"End":true}}})"));
  bench.start();
  CHECK(bench.next<ScheduleTask>().body.text() == R"({"n":0})");
  bench.fail("E");
  CHECK(bench.next<ScheduleTask>().body.text() == R"({"n":1})");
  bench.succeed("{}");
  CHECK(bench.next<ScheduleTask>().body.text() == R"({"n":0})");
  CHECK(bench.next<ScheduleTask>().queue == "b");
  bench.fail("E");
  CHECK(bench.next<ScheduleTask>().delay == seconds(1));
}

TEST_CASE("a result over the payload limit is the task's error") {
  Bench bench(
      state_machine(task + R"(,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}])" + end));
  bench.limits.payload_bytes_max = 300;
  bench.start();
  bench.succeed("\"" + std::string(300, 'x') + "\"");
  CHECK(bench.output().starts_with(
      R"({"Error":"States.DataLimitExceeded","Cause":"The state/task 'queue:pay')"));
  CHECK(bench.story().starts_with("TaskFailed ErrorCaught"));
}

TEST_CASE("lambda:invoke sends Payload to the function's queue and wraps the result") {
  const std::string invoke = R"("Type":"Task","Resource":"arn:aws:states:::lambda:invoke")";
  struct Row {
    const char* parameters;
    const char* queue;
    const char* body;
  };
  for (const auto& [parameters, queue, body] : {
           Row{R"({"FunctionName":"pay","Payload":{"a":1}})", "pay", R"({"a":1})"},
           Row{R"({"FunctionName":"pay:live","Payload.$":"$.p"})", "pay", "[1]"},
           Row{R"({"FunctionName":"arn:aws:lambda:eu-west-1:123456789012:function:pay:live"})",
               "pay", "{}"},
           Row{R"({"FunctionName.$":"$.f","Payload":null})", "ship", "{}"},
           Row{R"({"FunctionName":"pay","Payload":"{\"a\": 1}"})", "pay", "{\"a\": 1}"},
           Row{R"({"FunctionName":"pay","Payload":"plain"})", "pay", "\"plain\""},
       }) {
    CAPTURE(parameters);
    Bench bench(state_machine(invoke + R"(,"Parameters":)" + parameters + end),
                R"({"p":[1],"f":"ship"})");
    bench.start();
    CHECK(bench.next<ScheduleTask>().queue == queue);
    CHECK(bench.next<ScheduleTask>().body.text() == body);
    bench.succeed("[1, 2]");
    const Json wrapped = bench.next<Finish>().output.json();
    CHECK(wrapped["ExecutedVersion"] == "$LATEST");
    CHECK(to_text(wrapped["Payload"]) == "[1,2]");
    CHECK(wrapped["StatusCode"] == 200);
    CHECK(wrapped["SdkHttpMetadata"]["HttpStatusCode"] == 200);
    CHECK(wrapped["SdkHttpMetadata"]["HttpHeaders"]["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT");
    CHECK(wrapped["SdkHttpMetadata"]["HttpHeaders"]["x-amzn-RequestId"] ==
          wrapped["SdkResponseMetadata"]["RequestId"]);
  }
  for (const char* input : {R"({"f":5})", R"({"f":"a b c"})", "{}"}) {
    CAPTURE(input);
    Bench bench(state_machine(invoke + R"(,"Parameters":{"FunctionName.$":"$.f"})" + end), input);
    bench.start();
    CHECK(bench.error() == "States.Runtime");
  }
}

TEST_CASE("a task that waits for its token finds it in the context object") {
  Bench bench(state_machine(
      R"("Type":"Task","Resource":"queue:pay.waitForTaskToken","Parameters":{"t.$":"$$.Task.Token"})" +
      end));
  bench.facts.task_token = "the-token";
  bench.start();
  CHECK(bench.next<ScheduleTask>().wait_for_task_token);
  CHECK(bench.next<ScheduleTask>().body.text() == R"({"t":"the-token"})");
  Bench plain(state_machine(task + R"(,"Parameters":{"t.$":"$$.Task.Token"})" + end));
  plain.facts.task_token = "the-token";
  plain.start();
  CHECK(plain.error() == "States.Runtime");
}

TEST_CASE("a redriven frame takes up its state again, as the same entry, with retries anew") {
  Bench bench(state_machine(task + R"(,"Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}])" + end),
              R"({"a":1})");
  bench.start();
  bench.fail("E");
  bench.fail("E");
  CHECK(bench.error() == "E");
  bench.apply(Redriven{});
  CHECK(bench.story() == "TaskStateEntered TaskScheduled");
  CHECK(bench.next<ScheduleTask>().body.text() == R"({"a":1})");
  CHECK(bench.frame.entries == 1);
  bench.fail("E");
  CHECK(bench.next<ScheduleTask>().delay == seconds(1));
}

}  // namespace
}  // namespace sluice::orchestrator
