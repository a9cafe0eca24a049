// Parallel and Map, seen from the frame that spawns and from those that are spawned.
#include <fmt/format.h>

#include "machine_fixture.h"

namespace sluice::orchestrator {
namespace {

std::string pass_processor(const std::string& mode = "INLINE") {
  return R"("ItemProcessor":{"ProcessorConfig":{"Mode":")" + mode + "\"" +
         (mode == "INLINE" ? "" : R"(,"ExecutionType":"STANDARD")") +
         R"(},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},)";
}

constexpr const char* two_branches =
    R"("Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}},)"
    R"({"StartAt":"B","States":{"B":{"Type":"Succeed"}}}],)";

ChildrenSucceeded results(std::string text) { return {Doc::from_text(std::move(text))}; }
ChildrenFailed child_failed(std::string error) {
  ChildrenFailed failed;
  failed.fault = {std::move(error), "why"};
  failed.of_branch = true;
  return failed;
}

TEST_CASE("a Parallel's branches all get the effective input, and their results are its result") {
  Bench bench(state_machine(std::string(R"("Type":"Parallel",)") + two_branches +
                            R"("Parameters":{"n.$":"$.a"},"ResultSelector":{"first.$":"$[0]"},)"
                            R"("ResultPath":"$.out","End":true)"),
              R"({"a":1})");
  bench.start();
  CHECK(bench.next<SpawnBranches>().input.text() == R"({"n":1})");
  CHECK(bench.story() == "ExecutionStarted ParallelStateEntered ParallelStateStarted");
  bench.apply(results(R"(["x","y"])"));
  CHECK(bench.output() == R"({"a":1,"out":{"first":"x"}})");
  CHECK(bench.story() == "ParallelStateSucceeded ParallelStateExited ExecutionSucceeded");
}

TEST_CASE("a JSONata Parallel has Arguments, and $states.result in Output") {
  Bench bench(
      state_machine(std::string(R"("QueryLanguage":"JSONata","Type":"Parallel",)") + two_branches +
                    R"("Arguments":"{% $states.input.a %}",)"
                    R"("Output":"{% $count($states.result) + $states.input.a %}","End":true)"),
      R"({"a":1})");
  bench.start();
  CHECK(bench.next<SpawnBranches>().input.text() == "1");
  bench.apply(results("[7,8]"));
  CHECK(bench.output() == "3");
}

TEST_CASE(
    "a failed branch: Retry starts the state again after the delay, then Catch, then the end") {
  const std::string fields = std::string(R"("Type":"Parallel",)") + two_branches +
                             R"("Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],)"
                             R"("Catch":[{"ErrorEquals":["E"],"Next":"C"}],"End":true)";
  Bench bench(state_machine(fields));
  bench.start();
  bench.apply(child_failed("E"));
  CHECK(bench.next<RetryLater>().delay == seconds(1));
  CHECK(bench.story() == "ParallelStateFailed RetryScheduled");
  bench.apply(TimerDue{});
  bench.next<SpawnBranches>();
  CHECK(bench.story() == "ParallelStateStarted");
  bench.apply(child_failed("E"));
  CHECK(bench.output() == R"({"Error":"E","Cause":"why"})");

  Bench other(state_machine(fields));
  other.start();
  auto failed = child_failed("F");
  failed.dead_letter = false;
  other.apply(failed);
  CHECK(other.error() == "F");
  CHECK(!other.next<Finish>().dead_letter);
}

TEST_CASE("which handlers take a branch's error") {
  struct Row {
    const char* error;
    const char* handler;
    bool of_branch;
    bool taken;
  };
  for (const Row row : {
           Row{"E", "E", true, true},
           Row{"E", "States.ALL", true, true},
           Row{"E", "States.BranchFailed", true, true},
           Row{"E", "States.BranchFailed", false, false},
           Row{"E", "States.TaskFailed", true, true},
           Row{"States.Timeout", "States.TaskFailed", true, false},
           Row{"States.Timeout", "States.Timeout", true, true},
           Row{"States.Runtime", "States.ALL", true, false},
           Row{"States.Runtime", "States.BranchFailed", true, false},
           Row{"States.Runtime", "States.Runtime", true, false},
           Row{"States.DataLimitExceeded", "States.ALL", true, false},
           Row{"States.DataLimitExceeded", "States.DataLimitExceeded", true, true},
           Row{"States.ExceedToleratedFailureThreshold", "States.ExceedToleratedFailureThreshold",
               false, true},
           Row{"States.ItemReaderFailed", "States.ALL", false, true},
           Row{"States.ResultWriterFailed", "States.ResultWriterFailed", false, true},
           Row{"Sluice.TransitionLimit", "States.ALL", true, false},
       }) {
    CAPTURE(row.error);
    CAPTURE(row.handler);
    Bench bench(state_machine(std::string(R"("Type":"Parallel",)") + two_branches +
                              R"("Catch":[{"ErrorEquals":[")" + row.handler +
                              R"("],"Next":"C"}],"End":true)"));
    bench.start();
    auto failed = child_failed(row.error);
    failed.of_branch = row.of_branch;
    bench.apply(failed);
    CHECK((bench.next<Finish>().end == End::succeeded) == row.taken);
  }
}

TEST_CASE("a Map spawns its items and goes on with their results") {
  Bench bench(
      state_machine(R"("Type":"Map","InputPath":"$.in","ItemsPath":"$.list",)" + pass_processor() +
                    R"("MaxConcurrency":3,"ResultPath":"$.out","End":true)"),
      R"({"in":{"list":[1,2,3]}})");
  bench.start();
  const auto& spawn = bench.next<SpawnItems>();
  CHECK(spawn.items.text() == "[1,2,3]");
  CHECK(spawn.input.text() == R"({"list":[1,2,3]})");
  CHECK(spawn.concurrency_max == 3);
  CHECK(!spawn.reader);
  CHECK(bench.effects.history.back().kind == Kind::map_started);
  CHECK(bench.effects.history.back().number == 3);
  bench.apply(results("[4,5,6]"));
  CHECK(bench.output() == R"({"in":{"list":[1,2,3]},"out":[4,5,6]})");
  CHECK(bench.story() == "MapStateSucceeded MapStateExited ExecutionSucceeded");
}

TEST_CASE("an empty Map is over at once, and others follow it in the same call") {
  const auto m = machine(R"({"StartAt":"A","States":{"A":{"Type":"Map",)" + pass_processor() +
                         R"("Next":"Z"},"Z":{"Type":"Pass","End":true}}})");
  Bench bench(m, "[]");
  bench.start();
  CHECK(bench.output() == "[]");
  CHECK(bench.story() ==
        "ExecutionStarted MapStateEntered MapStateStarted MapStateSucceeded MapStateExited "
        "PassStateEntered PassStateExited ExecutionSucceeded");
}

TEST_CASE("what is no array cannot be mapped") {
  for (const char* input : {R"({"k":1})", "7", "null", R"("text")"}) {
    CAPTURE(input);
    Bench bench(state_machine(R"("Type":"Map",)" + pass_processor() + R"("End":true)"), input);
    bench.start();
    CHECK(bench.error() == "States.Runtime");
    CHECK(bench.cause().find("Reference path \"$\" must point to array") != std::string::npos);
  }
}

TEST_CASE("a Map's numbers by path: what is taken, and what is said of the rest") {
  struct Row {
    const char* field;
    const char* value;
    const char* cause;  // empty: taken
  };
  for (
      const Row row : {
          Row{"MaxConcurrency", "2", ""},
          Row{"MaxConcurrency", R"("2")", ""},
          Row{"MaxConcurrency", "2.0", ""},
          Row{"MaxConcurrency", R"("no")",
              R"(The MaxConcurrencyPath field refers to value "no" which is not a valid integer: $.v)"},
          Row{"MaxConcurrency", "-1", "MaxConcurrency cannot be negative."},
          Row{"ToleratedFailureCount", R"("2")", ""},
          Row{"ToleratedFailureCount", "{}",
              R"(The ToleratedFailureCountPath field refers to value "{}" which is not a valid integer: $.v)"},
          Row{"ToleratedFailureCount", "-1", "ToleratedFailureCount cannot be negative."},
          Row{"ToleratedFailurePercentage", R"("2")", ""},
          Row{"ToleratedFailurePercentage", "2", ""},
          Row{"ToleratedFailurePercentage", "100.1",
              "ToleratedFailurePercentage must be between 0 and 100."},
          Row{"ToleratedFailurePercentage", R"("nan")",
              "ToleratedFailurePercentage must be between 0 and 100."},
          Row{"ToleratedFailurePercentage", "[]",
              R"(The ToleratedFailurePercentagePath field refers to value "[]" which is not a valid float: $.v)"},
      }) {
    CAPTURE(row.field);
    CAPTURE(row.value);
    Bench bench(state_machine(R"("Type":"Map","ItemsPath":"$.items",)" + pass_processor() + "\"" +
                              row.field + R"(Path":"$.v","End":true)"),
                fmt::format(R"({{"items":[1],"v":{}}})", row.value));
    bench.start();
    if (*row.cause == '\0') {
      const auto& spawn = bench.next<SpawnItems>();
      CHECK(spawn.concurrency_max + spawn.tolerated_count +
                static_cast<std::int64_t>(spawn.tolerated_percentage) ==
            2);
      continue;
    }
    CHECK(bench.error() == "States.Runtime");
    CAPTURE(bench.cause());
    CHECK(bench.cause().ends_with(row.cause));
  }
}

TEST_CASE("a distributed Map reads, batches and writes by what its fields say") {
  Bench bench(
      state_machine(
          R"("Type":"Map",)" + pass_processor("DISTRIBUTED") +
          R"("ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b",)"
          R"("Key.$":"$.key"},"ReaderConfig":{"InputType":"JSON","MaxItemsPath":"$.most"}},)"
          R"("ItemBatcher":{"MaxItemsPerBatchPath":"$.most","BatchInput":{"k.$":"$.key"}},)"
          R"("ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"r",)"
          R"("Prefix.$":"$.key"}},"End":true)"),
      R"({"key":"items.json","most":"4"})");
  bench.start();
  const auto& spawn = bench.next<SpawnItems>();
  CHECK(!spawn.items);
  CHECK(spawn.reader.text() == R"({"Bucket":"b","Key":"items.json"})");
  CHECK(spawn.items_max == 4);
  CHECK(spawn.batch_items_max == 4);
  CHECK(spawn.batch_input.text() == R"({"k":"items.json"})");
  CHECK(spawn.writer.text() == R"({"Bucket":"r","Prefix":"items.json"})");
  CHECK(bench.story() == "ExecutionStarted MapStateEntered MapStateStarted MapRunStarted");
  bench.apply(results(R"({"MapRunArn":"m"})"));
  CHECK(bench.output() == R"({"MapRunArn":"m"})");
  CHECK(bench.story() == "MapRunSucceeded MapStateSucceeded MapStateExited ExecutionSucceeded");

  Bench negative(
      state_machine(
          R"("Type":"Map",)" + pass_processor("DISTRIBUTED") +
          R"("ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b",)"
          R"("Key":"k"},"ReaderConfig":{"InputType":"JSON","MaxItemsPath":"$.most"}},"End":true)"),
      R"({"most":-1})");
  negative.start();
  CHECK(negative.error() == "States.ItemReaderFailed");
  CHECK(negative.cause() == "field MaxItems must be positive");
}

TEST_CASE("results that are too large fail the state, and States.ALL does not take that") {
  const std::string fields = R"("Type":"Map",)" + pass_processor() +
                             R"("Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}],"End":true)";
  Bench bench(state_machine(fields), "[1]");
  bench.limits.payload_bytes_max = 100;
  bench.start();
  bench.apply(results("[\"" + std::string(200, 'x') + "\"]"));
  CHECK(bench.error() == "States.DataLimitExceeded");
  CHECK(bench.story() == "MapStateFailed ExecutionFailed");
}

// ---- the children ----

// A frame below the state "S": an item if `index` is given.
void become_child(Bench& bench, const char* state, const std::string& input, std::int64_t index) {
  bench.frame = Frame{};
  bench.frame.id = {43};
  bench.frame.parent = {42};
  bench.frame.state = bench.compiled().find(state);
  bench.frame.input = Doc::from_text(input);
  bench.frame.item.index = index;
  if (index >= 0) bench.frame.item.value = bench.frame.input;
}

TEST_CASE("an item's frame begins and ends with its own events, and ends no run") {
  Bench bench(
      state_machine(
          R"("Type":"Map","ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass",)"
          R"("Parameters":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value"},"End":true}}},)"
          R"("End":true)"),
      "[5]");
  become_child(bench, "P", "5", 3);
  bench.apply(BranchStarted{});
  CHECK(bench.output() == R"({"i":3,"v":5})");
  CHECK(bench.story() ==
        "MapIterationStarted PassStateEntered PassStateExited MapIterationSucceeded");
  CHECK(bench.effects.history.front().number == 3);
  CHECK(bench.compiled().states[bench.effects.history.front().state].name == "S");
}

TEST_CASE("a branch fails on its own: a Fail state is no dead letter, an error is one") {
  const auto m = state_machine(
      R"("Type":"Parallel","Branches":[{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}},)"
      R"({"StartAt":"R","States":{"R":{"Type":"Pass","InputPath":"$.none","End":true}}}],"End":true)");
  Bench fail(m);
  become_child(fail, "F", "{}", -1);
  fail.apply(BranchStarted{});
  CHECK(fail.error() == "E");
  CHECK(!fail.next<Finish>().dead_letter);
  CHECK(fail.story() == "FailStateEntered");

  Bench runtime(m);
  become_child(runtime, "R", "{}", -1);
  runtime.apply(BranchStarted{});
  CHECK(runtime.error() == "States.Runtime");
  CHECK(runtime.next<Finish>().dead_letter);
}

TEST_CASE("a child sees the variables around it, and its own go no further") {
  Bench bench(state_machine(
      R"("Type":"Parallel","Branches":[{"StartAt":"A","States":{)"
      R"("A":{"Type":"Pass","Assign":{"own":2},"Next":"B"},)"
      R"("B":{"Type":"Pass","Parameters":{"o.$":"$outer","i.$":"$own"},"End":true}}}],"End":true)"));
  become_child(bench, "A", "{}", -1);
  bench.frame.variables = Doc::from_text(R"({"outer":1})");
  bench.apply(BranchStarted{});
  CHECK(bench.output() == R"({"o":1,"i":2})");
}

TEST_CASE("prepare_item gives the item, or what ItemSelector makes of it and of the input") {
  const auto prepare = [](const std::string& fields, const std::string& input, Item item) {
    Bench bench(state_machine(R"("Type":"Map",)" + fields + pass_processor() + R"("End":true)"),
                input);
    bench.start();
    return prepare_item(bench.compiled(), bench.facts, bench.frame, bench.next<SpawnItems>().input,
                        item, bench.now, 1, bench.limits);
  };
  const Item item{2, Doc::from_text(R"({"n":3})"), std::nullopt};

  auto made = prepare("", "[1]", item);
  REQUIRE(made);
  CHECK(made->same_as(item.value));

  made = prepare(
      R"("ItemsPath":"$.l","ItemSelector":{"i.$":"$$.Map.Item.Index","n.$":"$$.Map.Item.Value.n",)"
      R"("all.$":"$.x"},)",
      R"({"l":[1],"x":"y"})", item);
  REQUIRE(made);
  CHECK(made->text() == R"({"i":2,"n":3,"all":"y"})");

  made = prepare(R"("QueryLanguage":"JSONata","Items":"{% $states.input.l %}",)"
                 R"("ItemSelector":["{% $states.context.Map.Item.Value.n + $states.input.x %}"],)",
                 R"({"l":[1],"x":4})", item);
  REQUIRE(made);
  CHECK(made->text() == "[7]");

  made = prepare(R"("QueryLanguage":"JSONata","Items":"{% $states.input.l %}",)"
                 R"("ItemSelector":{"k":"{% $none %}"},)",
                 R"({"l":[1]})", item);
  REQUIRE(!made);
  CHECK(made.failure().error == "States.QueryEvaluationError");
  CHECK(made.failure().cause ==
        "An error occurred while executing the state 'S'. The JSONata expression '$none' specified "
        "for the field 'ItemSelector/k' returned nothing (undefined).");
}

TEST_CASE("a Map inside an item spawns with the outer item still to be seen") {
  Bench bench(
      state_machine(
          R"("Type":"Map","ItemProcessor":{"StartAt":"M","States":{"M":{"Type":"Map",)"
          R"("ItemsPath":"$$.Map.Item.Value",)"
          R"("ItemSelector":{"inner.$":"$$.Map.Item.Value"},"ItemProcessor":{"StartAt":"P",)"
          R"("States":{"P":{"Type":"Pass","End":true}}},"End":true}}},"End":true)"),
      "[[1]]");
  become_child(bench, "M", "[1,2]", 0);
  bench.apply(BranchStarted{});
  CHECK(bench.next<SpawnItems>().items.text() == "[1,2]");
  const auto made =
      prepare_item(bench.compiled(), bench.facts, bench.frame, bench.next<SpawnItems>().input,
                   {1, Doc::from_text("2"), std::nullopt}, bench.now, 1, bench.limits);
  REQUIRE(made);
  CHECK(made->text() == R"({"inner":2})");
  bench.apply(results("[1,2]"));
  CHECK(bench.output() == "[1,2]");
  CHECK(bench.story() == "MapStateSucceeded MapStateExited MapIterationSucceeded");
}

}  // namespace
}  // namespace sluice::orchestrator
