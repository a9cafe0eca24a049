// Parallel and Map through the engine: what is spawned, joined, stopped, redriven.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

const std::string two_branches = R"({"StartAt":"Both","States":{
  "Both":{"Type":"Parallel","Next":"Done","Branches":[
    {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:a","End":true}}},
    {"StartAt":"B","States":{"B":{"Type":"Task","Resource":"queue:b","Next":"B2"},
                             "B2":{"Type":"Task","Resource":"queue:b2","End":true}}}]},
  "Done":{"Type":"Succeed"}}})";

std::string each(const std::string& extra = "", const std::string& top = "") {
  return R"({"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items",)" +
         (extra.empty() ? "" : extra + ",") +
         R"("ItemProcessor":{"StartAt":"Work","States":{"Work":{"Type":"Task","Resource":"queue:work","End":true}}},
            "End":true})" +
         top + "}}";
}

std::string items(int count) {
  std::string text = R"({"items":[)";
  for (int i = 0; i < count; ++i) text += (i > 0 ? "," : "") + std::to_string(i);
  return text + "]}";
}

std::int64_t count(World& w, const storage::Sql& rows) {
  std::int64_t found = 0;
  w.database->read([&](storage::Reader& reader) {
    auto q = reader.query(rows);
    REQUIRE(q.step());
    found = q.int64(0);
  });
  return found;
}
constexpr storage::Sql all_children{"test.children", "SELECT count(*) FROM children"};
constexpr storage::Sql all_messages{"test.messages", "SELECT count(*) FROM messages"};
constexpr storage::Sql all_frames{"test.frames", "SELECT count(*) FROM frames"};
std::int64_t child_rows(World& w) { return count(w, all_children); }
std::int64_t messages(World& w) { return count(w, all_messages); }

TEST_CASE("the branches of a Parallel run side by side and their results come in branch order") {
  World w;
  w.deploy("both", two_branches);
  const RunId run = w.start("both", R"({"n":1})");
  holds(w, [&] { CHECK(w.status(run) == "RUNNING"); });
  w.complete(w.take("b").token, R"({"b":1})");
  const auto a = w.take("a");
  CHECK(a.body.text() == R"({"n":1})");
  holds(w, [&] {
    const auto waits = w.detail(run).waiting_for;
    REQUIRE(waits.size() == 3);
    CHECK(waits[0].kind == "children");
    CHECK(waits[0].sentence.find("2 live, 0 done") != std::string::npos);
    CHECK(waits[1].state == "A");
    CHECK(waits[2].state == "B2");
  });
  w.complete(w.take("b2").token, "2");
  w.complete(a.token, "1");
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.detail(run).output.text() == "[1,2]");
    CHECK(child_rows(w) == 0);
  });
}

TEST_CASE("a branch that fails stops the others, and its error is the state's") {
  World w;
  w.deploy("both", two_branches);
  const RunId run = w.start("both");
  const auto b = w.take("b");
  w.fail(w.take("a").token, "Broken", "a broke");
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "Broken");
    CHECK(messages(w) == 0);
    const auto letters = w.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].state == "A");
    CHECK(letters[0].queue == "a");
    CHECK(letters[0].attempts == 1);
  });
  CHECK(w.code(CompleteTask{b.token, doc("{}")}) == "stale_token");
}

TEST_CASE(
    "replaying the dead letter of a branch takes up what failed and what was stopped, and keeps "
    "what was done") {
  World w;
  w.deploy("both", two_branches);
  const RunId run = w.start("both");
  w.complete(w.take("b").token, "{}");
  w.fail(w.take("a").token);
  REQUIRE(w.letters().size() == 1);
  w.must(ReplayDeadLetter{w.letters()[0].id, std::nullopt});
  holds(w, [&] {
    CHECK(w.status(run) == "RUNNING");
    CHECK(w.stats("a").depth() == 1);
    CHECK(w.stats("b").depth() == 0);
    CHECK(w.stats("b2").depth() == 1);
  });
  w.complete(w.take("b2").token, "2");
  w.complete(w.take("a").token, "1");
  CHECK(w.detail(run).output.text() == "[1,2]");
  w.sound();
}

TEST_CASE(
    "a Catch around a Parallel takes the error of its branch, and nothing of the branches stays") {
  World w;
  w.deploy("caught", R"({"StartAt":"Both","States":{
    "Both":{"Type":"Parallel","End":true,"Catch":[{"ErrorEquals":["Broken"],"ResultPath":"$.error","Next":"Mend"}],"Branches":[
      {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:a","End":true}}},
      {"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":1000,"End":true}}}]},
    "Mend":{"Type":"Task","Resource":"queue:mend","End":true}}})");
  const RunId run = w.start("caught");
  w.fail(w.take("a").token, "Broken", "a broke");
  holds(w, [&] {
    CHECK(w.letters().empty());
    CHECK(child_rows(w) == 0);
    CHECK(w.stats("mend").depth() == 1);
  });
  const auto mend = w.take("mend");
  CHECK(mend.body.text() == R"({"error":{"Error":"Broken","Cause":"a broke"}})");
  w.complete(mend.token, "{}");
  CHECK(w.status(run) == "SUCCEEDED");
}

TEST_CASE("a Retry around a Map starts all of its items again after the delay") {
  World w;
  w.deploy("each",
           each(R"("Retry":[{"ErrorEquals":["Broken"],"IntervalSeconds":7,"MaxAttempts":1}])"));
  const RunId run = w.start("each", items(3));
  w.complete(w.take("work").token, "0");
  w.fail(w.take("work").token);
  CHECK(w.stats("work").depth() == 0);
  holds(w, [&] { CHECK(w.status(run) == "RUNNING"); });
  w.pass(seconds(8));
  CHECK(w.stats("work").depth() == 3);
  for (int i = 0; i < 3; ++i) w.complete(w.take("work").token, std::to_string(10 + i));
  holds(w, [&] { CHECK(w.detail(run).output.text() == "[10,11,12]"); });
}

TEST_CASE("results keep the order of the items whatever the order of their ends") {
  World w;
  w.deploy("each", each());
  const RunId run = w.start("each", items(5));
  auto tasks = w.lease("work", 10);
  REQUIRE(tasks.size() == 5);
  for (auto at = tasks.rbegin(); at != tasks.rend(); ++at)
    w.complete(at->token, "\"r" + at->body.text() + "\"");
  CHECK(w.detail(run).output.text() == R"(["r0","r1","r2","r3","r4"])");
  w.sound();
}

TEST_CASE("no more items are live than MaxConcurrency, and one that ends makes room for the next") {
  World w;
  w.deploy("each", each(R"("MaxConcurrency":2)"));
  const RunId run = w.start("each", items(5));
  CHECK(w.stats("work").depth() == 2);
  for (int done = 0; done < 5; ++done) {
    CHECK(w.stats("work").depth() == std::min(2, 5 - done));
    w.complete(w.take("work").token, std::to_string(done));
    w.sound();
  }
  CHECK(w.detail(run).output.text() == "[0,1,2,3,4]");
}

TEST_CASE("a Map of many items is spawned a part at a time, and goes on after a restart") {
  World w;
  w.deploy("each", each());
  const RunId run = w.start("each", items(2'500));
  holds(w, [&] { CHECK(w.stats("work").depth() == 1'000); });
  std::int64_t done = 0;
  while (w.status(run) == "RUNNING") {
    auto tasks = w.lease("work", 100);
    REQUIRE_FALSE(tasks.empty());
    for (const auto& task : tasks) w.complete(task.token, task.body.text());
    done += static_cast<std::int64_t>(tasks.size());
    if (done == 700) w.reopen();
    CHECK(w.stats("work").depth() <= 1'000);
  }
  CHECK(done == 2'500);
  const Json output = w.detail(run).output.json();
  REQUIRE(output.size() == 2'500);
  for (std::size_t i = 0; i < output.size(); ++i) REQUIRE(output[i] == i);
  w.pass(seconds(1));
  holds(w, [&] { CHECK(child_rows(w) == 0); });
}

TEST_CASE(
    "cancelling a run stops every frame below it and takes the tasks out of the workers' hands") {
  World w;
  w.deploy("nested",
           R"({"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","End":true,
    "ItemProcessor":{"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
      {"StartAt":"X","States":{"X":{"Type":"Task","Resource":"queue:x","End":true}}},
      {"StartAt":"Y","States":{"Y":{"Type":"Wait","Seconds":60,"End":true}}}]}}}}}})");
  const RunId run = w.start("nested", items(300));
  w.pass(seconds(1));
  const auto held = w.lease("x", 20);
  REQUIRE(held.size() == 20);
  w.must(CancelRun{run, "enough"});
  for (const auto& task : held) CHECK(w.code(CompleteTask{task.token, doc("1")}) == "stale_token");
  w.pass(seconds(1));
  holds(w, [&] {
    CHECK(w.status(run) == "ABORTED");
    CHECK(w.detail(run).cause == "enough");
    CHECK(messages(w) == 0);
    CHECK(count(w, all_frames) == 0);
  });
  w.must(RedriveRun{run, {}, {}, {}});
  w.pass(seconds(1));
  holds(w, [&] { CHECK(w.stats("x").depth() == 300); });
}

TEST_CASE("a paused run of many items is cancelled as soon as one that is not paused") {
  World w;
  w.deploy("each", each());
  const RunId run = w.start("each", items(600));
  w.pass(seconds(1));
  w.must(PauseRun{run});
  w.must(CancelRun{run, "enough"});
  w.pass(seconds(3));
  holds(w, [&] {
    CHECK(w.status(run) == "ABORTED");
    CHECK(messages(w) == 0);
    CHECK(count(w, all_frames) == 0);
  });
}

TEST_CASE("a paused run's branches stand still, and go on with what was left of their times") {
  World w;
  w.deploy("both", R"({"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
      {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:a","TimeoutSeconds":30,"End":true}}},
      {"StartAt":"B","States":{"B":{"Type":"Task","Resource":"queue:b","End":true}}}]}}})");
  const RunId run = w.start("both");
  w.must(PauseRun{run});
  CHECK(w.lease("a").empty());
  w.pass(seconds(120), seconds(5));
  holds(w, [&] { CHECK(w.status(run) == "PAUSED"); });
  w.must(ResumeRun{run});
  w.complete(w.take("a").token, "1");
  w.complete(w.take("b").token, "2");
  holds(w, [&] { CHECK(w.detail(run).output.text() == "[1,2]"); });
}

TEST_CASE("a repeated complete of an item that has ended is recognised, another verb is not") {
  World w;
  w.deploy("each", each());
  w.start("each", items(3));
  const auto task = w.take("work");
  w.complete(task.token, "1");
  CHECK(w.code(CompleteTask{task.token, doc("1")}) == "ok");
  CHECK(w.code(FailTask{task.token, "E", {}, {}}) == "stale_token");
}

TEST_CASE("items may fail up to the tolerated count, and one more fails the Map") {
  World w;
  w.deploy("each", each(R"("ToleratedFailureCount":1)"));
  const RunId well = w.start("each", items(3));
  w.complete(w.take("work").token, "0");
  w.fail(w.take("work").token);
  w.complete(w.take("work").token, "2");
  CHECK(w.status(well) == "SUCCEEDED");
  const RunId badly = w.start("each", items(3));
  w.fail(w.take("work").token);
  w.fail(w.take("work").token);
  holds(w, [&] {
    CHECK(w.status(badly) == "FAILED");
    CHECK(w.detail(badly).error == "States.ExceedToleratedFailureThreshold");
    CHECK(messages(w) == 0);
  });
}

TEST_CASE("batches are made over many transactions, with what ItemSelector reads") {
  World w;
  w.deploy(
      "batched",
      R"({"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":3,
    "ItemBatcher":{"MaxItemsPerBatch":2},"ItemSelector":{"k.$":"$.k","v.$":"$$.Map.Item.Value"},
    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"Work",
      "States":{"Work":{"Type":"Task","Resource":"queue:work","End":true}}},"End":true}}})");
  std::string input = items(199);
  input.insert(input.size() - 1, R"(,"k":7)");
  const RunId run = w.start("batched", input);
  for (int batch = 0; batch < 100; ++batch) {
    if (batch == 50) w.reopen();
    const auto task = w.take("work");
    const Json body = task.body.json();
    REQUIRE(body["Items"].size() == (batch == 99 ? 1U : 2U));
    REQUIRE(body["Items"][0]["k"] == 7);
    REQUIRE(body["Items"][0]["v"] == 2 * batch);
    w.complete(task.token, std::to_string(batch));
  }
  holds(w, [&] { CHECK(w.detail(run).output.json().size() == 100); });
}

TEST_CASE("a child run's output is the state's result, and its end moves the parent on") {
  World w;
  w.deploy("child", stages({"Work"}));
  w.deploy(
      "parent",
      R"({"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"run:child","End":true}}})");
  const RunId run = w.start("parent", R"({"n":1})");
  w.pass(seconds(1));
  const auto work = w.take("work");
  CHECK(work.body.text() == R"({"n":1})");
  holds(w, [&] {
    const auto waits = w.detail(run).waiting_for;
    REQUIRE(waits.size() == 1);
    CHECK(waits[0].kind == "child_run");
    CHECK(waits[0].name == to_string(*work.run));
  });
  w.complete(work.token, R"({"done":true})");
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.detail(run).output.text() == R"({"done":true})");
  });
}

TEST_CASE("cancelling a run cancels the run that it waits for") {
  World w;
  w.deploy("child", stages({"Work"}));
  w.deploy(
      "parent",
      R"({"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"run:child","End":true}}})");
  const RunId run = w.start("parent");
  w.pass(seconds(1));
  const auto work = w.take("work");
  w.must(CancelRun{run, "enough"});
  holds(w, [&] {
    CHECK(w.status(run) == "ABORTED");
    CHECK(w.status(*work.run) == "ABORTED");
  });
}

TEST_CASE("a state whose time is up while it waits for a run cancels that run") {
  World w;
  w.deploy("child", stages({"Work"}));
  w.deploy("parent", R"({"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"run:child",
    "TimeoutSeconds":30,"End":true}}})");
  const RunId run = w.start("parent");
  w.pass(seconds(1));
  const auto work = w.take("work");
  w.pass(seconds(40));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "States.Timeout");
    CHECK(w.status(*work.run) == "ABORTED");
  });
}

TEST_CASE("a stage that is skipped while it waits for a run cancels that run") {
  World w;
  w.deploy("child", stages({"Work"}));
  w.deploy(
      "parent",
      R"({"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"run:child","End":true}}})");
  const RunId run = w.start("parent");
  w.pass(seconds(1));
  const auto work = w.take("work");
  w.must(SkipStage{run, {}, doc("7")});
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.detail(run).output.text() == "7");
    CHECK(w.status(*work.run) == "ABORTED");
  });
}

TEST_CASE("a child run that fails fails the state with its error, and a Catch takes it") {
  World w;
  w.deploy("child", stages({"Work"}));
  w.deploy("parent", R"({"StartAt":"Call","States":{
    "Call":{"Type":"Task","Resource":"run:child","End":true,"Catch":[{"ErrorEquals":["Broken"],"Next":"Mend"}]},
    "Mend":{"Type":"Succeed"}}})");
  const RunId run = w.start("parent");
  w.pass(seconds(1));
  w.fail(w.take("work").token);
  holds(w, [&] { CHECK(w.status(run) == "SUCCEEDED"); });
}

TEST_CASE("a workflow that does not exist fails the state that would start it") {
  World w;
  w.deploy(
      "parent",
      R"({"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"run:nobody","End":true}}})");
  const RunId run = w.start("parent");
  w.pass(seconds(1));
  CHECK(w.status(run) == "FAILED");
  CHECK(w.detail(run).error == "StateMachineDoesNotExist");
}

TEST_CASE("a message that a state sends is in its queue with the transition, and the run goes on") {
  World w;
  w.deploy("sends", R"({"StartAt":"Tell","States":{
    "Tell":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage",
            "Parameters":{"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/1/mail","MessageBody.$":"$.text"},
            "ResultSelector":{"id.$":"$.MessageId"},"End":true}}})");
  const RunId run = w.start("sends", R"({"text":"hello"})");
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.stats("mail").depth() == 1);
  });
  const auto mail = w.take("mail");
  CHECK(mail.body.text() == "\"hello\"");
  CHECK_FALSE(mail.run.has_value());
}

TEST_CASE("what is published to a topic stands in the topic's queue, with its key") {
  World w;
  w.deploy("tells", R"({"StartAt":"Tell","States":{"Tell":{"Type":"Task","Resource":"topic:orders",
    "Parameters":{"Key":"order.created","Body.$":"$"},"End":true}}})");
  const RunId run = w.start("tells", R"({"n":1})");
  holds(w, [&] {
    CHECK(w.status(run) == "SUCCEEDED");
    CHECK(w.stats("topic:orders").depth() == 1);
  });
  const auto message = w.take("topic:orders");
  CHECK(message.body.text() == R"({"n":1})");
  CHECK(message.headers == R"({"Key":"order.created"})");
}

TEST_CASE("a topic whose name no queue can have fails the state") {
  World w;
  w.deploy(
      "tells",
      R"({"StartAt":"Tell","States":{"Tell":{"Type":"Task","Resource":"arn:aws:states:::sns:publish",
    "Parameters":{"TopicArn.$":"$.topic","Message":"m"},"End":true}}})");
  const RunId run = w.start("tells", R"({"topic":"arn:aws:sns:eu-west-1:1:a b"})");
  w.pass(seconds(1));
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(w.detail(run).error == "States.Runtime");
  });
}

TEST_CASE("a message that carries a task token leaves the run waiting for it") {
  World w;
  w.deploy("asks", R"({"StartAt":"Ask","States":{"Ask":{"Type":"Task",
    "Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","TimeoutSeconds":60,
    "Parameters":{"QueueUrl":"mail","MessageBody":{"token.$":"$$.Task.Token"}},"End":true}}})");
  const RunId run = w.start("asks");
  holds(w, [&] { CHECK(w.detail(run).waiting_for.at(0).kind == "token"); });
  const auto mail = w.take("mail");
  w.complete(mail.token);
  w.complete(mail.body.json()["token"].get<std::string>(), "42");
  holds(w, [&] { CHECK(w.detail(run).output.text() == "42"); });
}

TEST_CASE("what one due frame does to another that is due as well is seen when its turn comes") {
  World w;
  // The first inner Map to fail stops the outer one, whose other items are due in the same moment.
  w.deploy("stops", R"({"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{
    "StartAt":"P","States":{"P":{"Type":"Map","ItemsPath":"$.inner","End":true,"ItemProcessor":{
      "StartAt":"Bad","States":{"Bad":{"Type":"Fail","Error":"No"}}}}}}}}})");
  // A parent that is due ends with its last child, which is due as well.
  w.deploy("ends", R"({"StartAt":"M","States":{"M":{"Type":"Map","Next":"Q","ItemProcessor":{
    "StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"End":true}}}},
    "Q":{"Type":"Task","Resource":"queue:q","End":true}}})");
  std::string stops, ends;
  for (int i = 0; i < 300; ++i) {
    stops += (i > 0 ? "," : "") + std::string(R"({"inner":[1,2]})");
    ends += i > 0 ? ",1" : "1";
  }
  const RunId stopped = w.start("stops", '[' + stops + ']');
  const RunId ended = w.start("ends", '[' + ends + ']');
  w.pass(seconds(3));
  holds(w, [&] {
    CHECK(w.status(stopped) == "FAILED");
    CHECK(w.detail(ended).waiting_for.at(0).kind == "message");
  });
}

TEST_CASE("while many items are being stopped, a late token is refused and the first word stands") {
  World w;
  w.deploy("many", R"({"StartAt":"M","TimeoutSeconds":60,"States":{"M":{"Type":"Map","End":true,
    "ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:ask.waitForTaskToken",
    "Parameters":{"token.$":"$$.Task.Token"},"End":true}}}}}})");
  std::string items;
  for (int i = 0; i < 700; ++i) items += i > 0 ? ",1" : "1";
  const RunId run = w.start("many", '[' + items + ']');
  w.advance({});
  std::string token;
  for (const auto& task : w.lease("ask", 1'000)) {
    token = task.body.json()["token"].get<std::string>();
    w.complete(task.token);
  }
  // The cancel stops a part of them; the others are still to follow.
  w.database->fail_at(2'000, /*always=*/true);
  w.must(CancelRun{run, "enough"});
  w.database->forgive();
  CHECK(w.status(run) == "RUNNING");
  std::string late;
  w.engine->submit<CompleteTask>(CompleteTask{token, doc("1")}, [&](Result<Unit> r) {
    late = r ? "ok" : std::string(to_string(r.error().code));
  });
  w.advance(seconds(60));
  CHECK(late == "stale_token");
  holds(w, [&] { CHECK(w.status(run) == "ABORTED"); });
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
