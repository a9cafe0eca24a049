// Compensation: what a failed run has done is undone, the last completed first, once each.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

// Tasks one after the other; all but the last have a Compensate on queue undo-NAME.
std::string saga(const std::vector<std::string>& names, const std::string& top = "",
                 const std::string& compensate = "") {
  std::string text =
      R"({"StartAt":")" + names.front() + "\"" + (top.empty() ? "" : "," + top) + R"(,"States":{)";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    text += (i == 0 ? "\"" : ",\"") + names[i] + R"(":{"Type":"Task","Resource":"queue:)" +
            names[i] + "\"";
    if (!last)
      text += R"(,"Compensate":{"Resource":"queue:undo-)" + names[i] + "\"" +
              (compensate.empty() ? "" : "," + compensate) + "}";
    text += last ? R"(,"End":true})" : R"(,"Next":")" + names[i + 1] + "\"}";
  }
  return text + "}}";
}
void serve(World& w, const std::string& queue, const std::string& output = "{}") {
  w.complete(w.take(queue).token, output);
}
std::string compensations(World& w, RunId run) {
  std::string text;
  for (const auto& each : w.detail(run).compensations)
    text += (text.empty() ? "" : " ") + each.state + ":" + each.status;
  return text;
}
std::int64_t ready(World& w, const std::string& queue) {
  const auto q = w.engine->queue(queue);
  return q ? q->ready : 0;
}
RunId failed_saga(World& w, const std::string& top = "", const std::string& compensate = "") {
  w.deploy("trip", saga({"flight", "hotel", "pay"}, top, compensate));
  const RunId run = w.start("trip", R"({"n":1})");
  serve(w, "flight", R"({"n":2})");
  serve(w, "hotel", R"({"n":3})");
  w.fail(w.take("pay").token, "Declined", "no money");
  return run;
}
std::vector<DeadLetterDetail> letters(World& w, const std::string& status) {
  DeadLetterFilter filter;
  filter.status = status;
  return w.letters(filter);
}

}  // namespace

TEST_CASE("a failed run is undone, the last completed stage first, and ends COMPENSATED") {
  World w;
  const RunId run = failed_saga(w);
  holds(w, [&] {
    CHECK(w.status(run) == "COMPENSATING");
    CHECK(w.detail(run).error == "Declined");
    CHECK(compensations(w, run) == "hotel:RUNNING flight:PENDING");
    CHECK(ready(w, "undo-hotel") == 1);
    CHECK(ready(w, "undo-flight") == 0);
    REQUIRE(w.detail(run).waiting_for.size() == 1);
    CHECK(w.detail(run).waiting_for[0].state == "hotel.Compensate");
    // What it closes cannot be replayed.
    CHECK(letters(w, "OPEN").empty());
    REQUIRE(letters(w, "COMPENSATED").size() == 1);
    CHECK(letters(w, "COMPENSATED")[0].error == "Declined");
  });
  const auto undo_hotel = w.take("undo-hotel");
  CHECK(undo_hotel.body.text() == R"({"input":{"n":2},"output":{"n":3}})");
  CHECK(undo_hotel.attempt == 1);
  w.complete(undo_hotel.token);
  w.must(CompleteTask{undo_hotel.token, doc("{}")});  // a repetition changes nothing
  holds(w, [&] { CHECK(compensations(w, run) == "hotel:COMPENSATED flight:RUNNING"); });
  const auto undo_flight = w.take("undo-flight");
  CHECK(undo_flight.body.text() == R"({"input":{"n":1},"output":{"n":2}})");
  CHECK(undo_flight.idempotency_key != undo_hotel.idempotency_key);
  w.complete(undo_flight.token);
  holds(w, [&] {
    CHECK(w.status(run) == "COMPENSATED");
    CHECK(compensations(w, run) == "hotel:COMPENSATED flight:COMPENSATED");
    const auto detail = w.detail(run);
    CHECK(detail.error == "Declined");
    CHECK(detail.cause == "no money");
    CHECK(detail.ended_at.has_value());
    CHECK(w.story(run).ends_with(
        "ExecutionFailed DeadLettered(pay) CompensationStarted "
        "TaskStateEntered(hotel.Compensate) TaskScheduled(hotel.Compensate) "
        "TaskStarted(hotel.Compensate) TaskSucceeded(hotel.Compensate) "
        "TaskStateExited(hotel.Compensate) CompensationSucceeded(hotel.Compensate) "
        "TaskStateEntered(flight.Compensate) TaskScheduled(flight.Compensate) "
        "TaskStarted(flight.Compensate) TaskSucceeded(flight.Compensate) "
        "TaskStateExited(flight.Compensate) CompensationSucceeded(flight.Compensate) "
        "ExecutionCompensated"));
  });
  // It is over.
  const auto letter = letters(w, "COMPENSATED")[0].id;
  CHECK(w.refused(ReplayDeadLetter{letter, {}}).detail.find("start a new run") !=
        std::string::npos);
  const auto refused = w.refused(RedriveRun{.run = run, .from = {}, .input = {}, .version = {}});
  CHECK(refused.code == Errc::conflict);
  CHECK(refused.detail.find("start a new run") != std::string::npos);
  CHECK(w.code(CancelRun{.run = run, .cause = {}}) == "conflict");
}

TEST_CASE("a run that has completed nothing that can be undone fails as any other") {
  World w;
  w.deploy("trip", saga({"flight", "pay"}));
  const RunId run = w.start("trip");
  w.fail(w.take("flight").token);
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(compensations(w, run).empty());
    CHECK(letters(w, "OPEN").size() == 1);
  });
  w.must(ReplayDeadLetter{letters(w, "OPEN")[0].id, {}});
  serve(w, "flight");
  serve(w, "pay");
  CHECK(w.status(run) == "SUCCEEDED");
  CHECK(compensations(w, run) == "flight:PENDING");
}

TEST_CASE("a failed stage is not undone, nor one whose error was caught") {
  World w;
  w.deploy("trip", R"({"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"queue:a","Compensate":{"Resource":"queue:undo-a"},
         "Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"Next":"B"},
    "B":{"Type":"Task","Resource":"queue:b","Compensate":{"Resource":"queue:undo-b"},"Next":"C"},
    "C":{"Type":"Fail","Error":"Enough"}}})");
  const RunId run = w.start("trip");
  w.fail(w.take("a").token);
  serve(w, "b");
  holds(w, [&] { CHECK(compensations(w, run) == "B:RUNNING"); });
  serve(w, "undo-b");
  holds(w, [&] {
    CHECK(w.status(run) == "COMPENSATED");
    CHECK(w.detail(run).error == "Enough");
    CHECK(letters(w, "ALL").empty());
  });
}

TEST_CASE("what undoes a stage is retried; in the end it leaves a dead letter, and the run waits") {
  World w;
  const RunId run = failed_saga(
      w, "", R"("Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":2,"MaxAttempts":1}])");
  w.fail(w.take("undo-hotel").token, "Busy", "try later");
  CHECK(ready(w, "undo-hotel") == 0);
  w.pass(seconds(3));
  const auto second = w.take("undo-hotel");
  CHECK(second.attempt == 2);
  w.fail(second.token, "Broken", "for good");
  holds(w, [&] {
    CHECK(w.status(run) == "COMPENSATING");
    CHECK(compensations(w, run) == "hotel:FAILED flight:PENDING");
    const auto open = letters(w, "OPEN");
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == "compensation");
    CHECK(open[0].state == "hotel.Compensate");
    CHECK(open[0].error == "Broken");
    CHECK(open[0].attempts == 2);
    CHECK(open[0].body.text() == R"({"input":{"n":2},"output":{"n":3}})");
    CHECK(w.detail(run).dead_letter == open[0].id);
    REQUIRE(w.detail(run).waiting_for.size() == 1);
    CHECK(w.detail(run).waiting_for[0].kind == "operator");
    CHECK(w.detail(run).waiting_for[0].detail["dead_letter"] == to_string(open[0].id));
  });
  SUBCASE("its replay goes on") {
    w.must(ReplayDeadLetter{letters(w, "OPEN")[0].id, doc(R"({"fixed":true})")});
    holds(w, [&] { CHECK(compensations(w, run) == "hotel:RUNNING flight:PENDING"); });
    const auto again = w.take("undo-hotel");
    CHECK(again.body.text() == R"({"fixed":true})");
    CHECK(again.attempt == 1);
    CHECK(again.idempotency_key == second.idempotency_key);
    w.complete(again.token);
  }
  SUBCASE("so does a redrive, which takes no other state") {
    CHECK(w.code(RedriveRun{.run = run, .from = "pay", .input = {}, .version = {}}) == "conflict");
    w.must(RedriveRun{.run = run, .from = {}, .input = {}, .version = {}});
    serve(w, "undo-hotel");
  }
  SUBCASE("an operator who has undone it by hand skips it") {
    CHECK(w.code(FailStage{run, {}, "X", {}}) == "conflict");
    w.must(SkipStage{run, {}, doc("{}")});
    CHECK(letters(w, "DROPPED").size() == 1);
  }
  SUBCASE("a dropped letter leaves it as it is, and a redrive goes on") {
    w.must(DropDeadLetter{letters(w, "OPEN")[0].id, "seen"});
    CHECK(w.status(run) == "COMPENSATING");
    w.must(RedriveRun{.run = run, .from = {}, .input = {}, .version = {}});
    serve(w, "undo-hotel");
  }
  SUBCASE("a cancel gives up: the run is ABORTED, and what was not undone is told") {
    CHECK(w.code(CancelRun{.run = run, .cause = {}, .compensate = true}) == "conflict");
    w.must(CancelRun{.run = run, .cause = "by hand"});
    holds(w, [&] {
      CHECK(w.status(run) == "ABORTED");
      CHECK(compensations(w, run) == "hotel:FAILED flight:PENDING");
      CHECK(letters(w, "OPEN").empty());
    });
    CHECK(w.code(RedriveRun{.run = run, .from = {}, .input = {}, .version = {}}) == "conflict");
    CHECK(w.code(CompensateRun{run}) == "conflict");
    return;
  }
  CHECK(compensations(w, run) == "hotel:COMPENSATED flight:RUNNING");
  serve(w, "undo-flight");
  holds(w, [&] {
    CHECK(w.status(run) == "COMPENSATED");
    CHECK(letters(w, "OPEN").empty());
  });
}

TEST_CASE(
    "with OnFailure Fail the run fails, can be replayed, and is undone by an operator's word") {
  World w;
  const RunId run = failed_saga(w, R"("OnFailure":"Fail")");
  holds(w, [&] {
    CHECK(w.status(run) == "FAILED");
    CHECK(compensations(w, run) == "hotel:PENDING flight:PENDING");
    CHECK(letters(w, "OPEN").size() == 1);
  });
  SUBCASE("replayed, and undone after another failure") {
    w.must(ReplayDeadLetter{letters(w, "OPEN")[0].id, {}});
    w.fail(w.take("pay").token, "Twice");
  }
  SUBCASE("undone at once") {}
  CHECK(w.status(run) == "FAILED");
  w.must(CompensateRun{run});
  w.must(CompensateRun{run});
  holds(w, [&] { CHECK(w.status(run) == "COMPENSATING"); });
  serve(w, "undo-hotel");
  serve(w, "undo-flight");
  w.must(CompensateRun{run});
  holds(w, [&] {
    CHECK(w.status(run) == "COMPENSATED");
    CHECK(letters(w, "OPEN").empty());
  });
}

TEST_CASE("with OnFailure Hold the run is parked, and waits for a person's word") {
  World w;
  const RunId run = failed_saga(w, R"("OnFailure":"Hold")");
  holds(w, [&] {
    CHECK(w.status(run) == "PAUSED");
    CHECK(w.detail(run).error == "Declined");
    CHECK(letters(w, "OPEN").size() == 1);
    REQUIRE(w.detail(run).waiting_for.size() == 1);
    CHECK(w.detail(run).waiting_for[0].kind == "operator");
    CHECK(w.detail(run).waiting_for[0].detail["status"] == "held");
    CHECK(w.code(ResumeRun{run}) == "conflict");
    CHECK(w.code(SkipStage{run, {}, doc("{}")}) == "conflict");
    CHECK(w.code(FailStage{run, {}, "X", {}}) == "conflict");
    CHECK(w.code(PauseRun{run}) == "ok");
  });
  SUBCASE("its dead letter is replayed") {
    w.must(ReplayDeadLetter{letters(w, "OPEN")[0].id, {}});
    holds(w, [&] { CHECK(w.status(run) == "RUNNING"); });
    serve(w, "pay");
    holds(w, [&] { CHECK(w.status(run) == "SUCCEEDED"); });
  }
  SUBCASE("it is redriven from another state and held again") {
    w.must(RedriveRun{.run = run, .from = "hotel", .input = {}, .version = {}});
    serve(w, "hotel");
    w.fail(w.take("pay").token);
    holds(w, [&] {
      CHECK(w.status(run) == "PAUSED");
      CHECK(compensations(w, run) == "hotel:PENDING hotel:PENDING flight:PENDING");
    });
    w.must(CompensateRun{run});
    serve(w, "undo-hotel");
    serve(w, "undo-hotel");
    serve(w, "undo-flight");
    CHECK(w.status(run) == "COMPENSATED");
  }
  SUBCASE("it is compensated") {
    w.must(CompensateRun{run});
    holds(w, [&] {
      CHECK(w.status(run) == "COMPENSATING");
      CHECK(letters(w, "COMPENSATED").size() == 1);
    });
    serve(w, "undo-hotel");
    serve(w, "undo-flight");
    holds(w, [&] { CHECK(w.status(run) == "COMPENSATED"); });
  }
  SUBCASE("it is cancelled") {
    w.must(CancelRun{.run = run, .cause = {}});
    holds(w, [&] { CHECK(w.status(run) == "ABORTED"); });
    w.must(RedriveRun{.run = run, .from = {}, .input = {}, .version = {}});
    serve(w, "pay");
    CHECK(w.status(run) == "SUCCEEDED");
  }
  SUBCASE("it is cancelled and undone") {
    w.must(CancelRun{.run = run, .cause = {}, .compensate = true});
    serve(w, "undo-hotel");
    serve(w, "undo-flight");
    holds(w, [&] { CHECK(w.status(run) == "ABORTED"); });
  }
  w.sound();
}

TEST_CASE("after HoldSeconds compensation begins by itself, also across a restart") {
  World w;
  const RunId run = failed_saga(w, R"("OnFailure":"Hold","HoldSeconds":60)");
  w.pass(seconds(30));
  holds(w, [&] {
    CHECK(w.status(run) == "PAUSED");
    CHECK(w.detail(run).waiting_for[0].detail.contains("until"));
  });
  w.pass(seconds(40));
  holds(w, [&] { CHECK(w.status(run) == "COMPENSATING"); });
  serve(w, "undo-hotel");
  serve(w, "undo-flight");
  holds(w, [&] { CHECK(w.status(run) == "COMPENSATED"); });
}

TEST_CASE("a run whose time is up is undone") {
  World w;
  w.deploy("trip", saga({"flight", "hotel"}, R"("TimeoutSeconds":10)"));
  const RunId run = w.start("trip");
  serve(w, "flight");
  const auto hotel = w.take("hotel");
  w.pass(seconds(11));
  holds(w, [&] {
    CHECK(w.status(run) == "COMPENSATING");
    CHECK(w.detail(run).error == "States.Timeout");
    CHECK(letters(w, "COMPENSATED").size() == 1);
  });
  CHECK(w.code(CompleteTask{hotel.token, doc("{}")}) == "stale_token");
  serve(w, "undo-flight");
  holds(w, [&] { CHECK(w.status(run) == "COMPENSATED"); });
}

TEST_CASE("a cancelled run is undone only if that is asked for, and ends ABORTED") {
  World w;
  w.deploy("trip", saga({"flight", "hotel"}));
  const RunId plain = w.start("trip");
  serve(w, "flight");
  w.must(CancelRun{.run = plain, .cause = {}});
  CHECK(w.status(plain) == "ABORTED");
  CHECK(compensations(w, plain) == "flight:PENDING");
  const RunId asked = w.start("trip");
  serve(w, "flight");
  w.must(CancelRun{.run = asked, .cause = "enough", .compensate = true});
  w.must(CancelRun{.run = asked, .cause = "enough", .compensate = true});
  holds(w, [&] {
    CHECK(w.status(asked) == "COMPENSATING");
    CHECK(compensations(w, asked) == "flight:RUNNING");
  });
  serve(w, "undo-flight");
  holds(w, [&] {
    CHECK(w.status(asked) == "ABORTED");
    CHECK(w.detail(asked).cause == "enough");
  });
  CHECK(w.code(RedriveRun{.run = asked, .from = {}, .input = {}, .version = {}}) == "conflict");
  // And one that was cancelled without, later.
  w.must(CompensateRun{plain});
  serve(w, "undo-flight");
  holds(w, [&] { CHECK(w.status(plain) == "ABORTED"); });
  CHECK(w.code(CompensateRun{w.start("trip")}) == "conflict");
}

TEST_CASE("branches and items are undone in reverse order of completion over the whole run") {
  World w;
  w.deploy("trip", R"({"StartAt":"P","States":{
    "P":{"Type":"Parallel","Next":"M","Branches":[
      {"StartAt":"X","States":{"X":{"Type":"Task","Resource":"queue:x","End":true,
        "Compensate":{"Resource":"queue:undo"}}}},
      {"StartAt":"Y","States":{"Y":{"Type":"Task","Resource":"queue:y","End":true,
        "Compensate":{"Resource":"queue:undo"}}}}]},
    "M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"I","States":{
      "I":{"Type":"Task","Resource":"queue:i","End":true,
        "Compensate":{"Resource":"queue:undo","Parameters":{"was.$":"$.output.was"}}}}}}}})");
  w.deploy("go", R"({"StartAt":"S","States":{"S":{"Type":"Pass","End":true}}})");
  const RunId run = w.start("trip", R"(["a","b","c"])");
  serve(w, "y");
  serve(w, "x", "[1,2,3]");
  // The Map's items are the branches' outputs.
  auto items = w.lease("i", 10);
  REQUIRE(items.size() == 2);
  w.complete(items[1].token, R"({"was":"second"})");
  w.fail(items[0].token);
  holds(w, [&] { CHECK(compensations(w, run) == "I:RUNNING X:PENDING Y:PENDING"); });
  const auto first = w.take("undo");
  CHECK(first.body.text() == R"({"was":"second"})");
  w.complete(first.token);
  CHECK(w.take("undo").state == "X.Compensate");
  w.reopen();
  w.pass(seconds(40));
  serve(w, "undo");
  serve(w, "undo");
  holds(w, [&] { CHECK(w.status(run) == "COMPENSATED"); });
}

TEST_CASE("a run that waits for one that is undone has its failure when that has ended") {
  World w;
  w.deploy("trip", saga({"flight", "pay"}));
  w.deploy("parent", R"({"StartAt":"Child","States":{"Child":{"Type":"Task",
    "Resource":"arn:aws:states:::states:startExecution.sync:2",
    "Parameters":{"StateMachineArn":"trip"},"End":true}}})");
  const RunId parent = w.start("parent");
  w.pass(seconds(1));
  serve(w, "flight");
  w.fail(w.take("pay").token, "Declined");
  holds(w, [&] { CHECK(w.status(parent) == "RUNNING"); });
  SUBCASE("it ends") {
    serve(w, "undo-flight");
    holds(w, [&] {
      CHECK(w.status(parent) == "FAILED");
      CHECK(w.detail(parent).error == "States.TaskFailed");
    });
  }
  SUBCASE("its parent is cancelled: it goes on") {
    w.must(CancelRun{.run = parent, .cause = {}});
    w.pass(seconds(1));
    serve(w, "undo-flight");
    holds(w, [&] { CHECK(w.status(parent) == "ABORTED"); });
  }
}

TEST_CASE("a workflow without Compensate notes nothing") {
  World w;
  w.deploy("plain", stages({"A", "B"}));
  const RunId run = w.start("plain");
  serve(w, "a");
  w.fail(w.take("b").token);
  CHECK(w.status(run) == "FAILED");
  CHECK(w.code(CompensateRun{run}) == "conflict");
  w.must(CancelRun{.run = w.start("plain"), .cause = {}, .compensate = true});
  CHECK(compensations(w, run).empty());
}

TEST_CASE("a paused run that is undone goes on, and its compensation is deleted with it") {
  Options options;
  World w(options);
  w.deploy("trip", saga({"flight", "pay"}, R"("RetentionSeconds":60)"));
  const RunId run = w.start("trip");
  serve(w, "flight");
  const auto pay = w.take("pay");
  w.must(PauseRun{run});
  w.fail(pay.token);
  holds(w, [&] { CHECK(w.status(run) == "COMPENSATING"); });
  CHECK(w.code(PauseRun{run}) == "conflict");
  CHECK(w.code(ResumeRun{run}) == "conflict");
  serve(w, "undo-flight");
  CHECK(w.status(run) == "COMPENSATED");
  w.pass(seconds(200), seconds(5));
  static constexpr storage::Sql rows{"test.compensations", "SELECT count(*) FROM compensations"};
  w.database->read([&](storage::Reader& reader) {
    auto q = reader.query(rows);
    REQUIRE(q.step());
    CHECK(q.int64(0) == 0);
  });
  CHECK_FALSE(w.inspector->run(run).has_value());
}

}  // namespace sluice::orchestrator::engine_test
