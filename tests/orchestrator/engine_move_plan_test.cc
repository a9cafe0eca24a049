// Which live runs could move to another version, and moving many.
#include "engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

bool has(const std::string& text, std::string_view what) {
  INFO(text);
  return text.find(what) != std::string::npos;
}
std::vector<AuditRecord> moves(World& w) {
  AuditFilter filter;
  filter.kind = "run.move";
  return w.inspector->audit(filter, 10, {}).items;
}

MovePlan plan_of(World& w, const std::string& definition) {
  const auto compiled = workflows::compile(definition);
  REQUIRE(compiled.has_value());
  return w.inspector->move_plan("orders", compiled->machine, workflows::canonical_text(definition));
}
// "version state runs verdict": one line a group.
std::string lines(const MovePlan& plan) {
  std::string text;
  for (const auto& group : plan.groups)
    text += std::to_string(group.version) + " " + group.state + " " + std::to_string(group.runs) +
            (!group.refusal.empty() ? " stays"
             : group.restarts       ? " restarts"
                                    : " moves") +
            "\n";
  return text;
}

TEST_CASE("a plan says of every live run what a move would mean, and the move does just that") {
  World w;
  w.deploy("orders", stages({"Pay", "Ship", "Bill"}));
  w.deploy("other", stages({"Else"}));
  w.start("other");
  for (int i = 0; i < 6; ++i) w.start("orders");
  for (int i = 0; i < 4; ++i) w.complete(w.take("pay").token);
  for (int i = 0; i < 2; ++i) w.complete(w.take("ship").token);
  // 2 in Pay, 2 in Ship, 2 in Bill.
  const std::string second = R"({"StartAt":"Pay","States":{
    "Pay":{"Type":"Task","Resource":"queue:pay","Next":"Ship"},
    "Ship":{"Type":"Task","Resource":"queue:dock","End":true}}})";
  holds(w, [&] {
    const MovePlan plan = plan_of(w, second);
    CHECK(plan.version == 2);
    CHECK_FALSE(plan.deployed);
    CHECK(plan.complete);
    CHECK(plan.live == 6);
    CHECK(plan.there == 0);
    CHECK(plan.can_move == 4);
    CHECK(plan.restarts == 2);
    CHECK(plan.cannot_move == 2);
    CHECK(lines(plan) == "1 Bill 2 stays\n1 Pay 2 moves\n1 Ship 2 restarts\n");
    CHECK(has(plan.groups[0].refusal, "\"Bill\", at which it stands, is not there"));
    CHECK(w.detail(plan.groups[1].example).waiting_for[0].state == "Pay");
  });
  // Nothing was changed.
  CHECK(w.inspector->workflow("orders", {})->version == 1);
  w.deploy("orders", second);
  w.start("orders");
  CHECK(plan_of(w, second).deployed);
  CHECK(plan_of(w, second).there == 1);

  const auto request = parse_job(
      Json::parse(R"({"verb":"move","filter":{"workflow":"orders"},"reason":"no more bills"})"));
  REQUIRE(request.has_value());
  const JobPlan dry = w.inspector->plan(request->spec);
  CHECK(dry.matched == 7);
  CHECK(dry.refused == 3);  // two have no place there, one is there
  const JobId id = w.must(StartJob{request->spec, By{"ada", "no more bills"}}).id;
  w.pass(seconds(2));
  holds(w, [&] {
    const auto job = w.inspector->job(id);
    REQUIRE(job.has_value());
    CHECK(job->matched == 7);
    CHECK(job->done == 4);
    CHECK(job->refused == 2);
    CHECK(job->skipped == 1);
    CHECK(moves(w).size() == 4);
    CHECK(moves(w)[0].reason == "no more bills");
    CHECK(w.stats("dock").ready == 2);
    CHECK(lines(plan_of(w, second)) == "1 Bill 2 stays\n");
    CHECK(plan_of(w, second).there == 5);
  });
}

TEST_CASE("a plan looks at every branch of a run") {
  World w;
  const auto both = [](const std::string& two) {
    return R"({"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
      {"StartAt":"One","States":{"One":{"Type":"Task","Resource":"queue:one","End":true}}},
      {"StartAt":")" +
           two + R"(","States":{")" + two +
           R"(":{"Type":"Task","Resource":"queue:two","End":true}}}]}}})";
  };
  w.deploy("orders", both("Two"));
  const RunId run = w.start("orders");
  const MovePlan plan = plan_of(w, both("Three"));
  CHECK(plan.cannot_move == 1);
  REQUIRE(plan.groups.size() == 1);
  CHECK(plan.groups[0].state == "Both");
  CHECK(has(plan.groups[0].refusal, "\"Two\""));
  CHECK(plan.groups[0].example == run);
  w.deploy("orders", both("Three"));
  CHECK(has(w.refused(MoveRun{run}).detail, "\"Two\""));
}

TEST_CASE("a plan for a workflow that is not there yet moves nobody") {
  World w;
  const MovePlan plan = plan_of(w, stages({"Pay"}));
  CHECK(plan.version == 1);
  CHECK(plan.live == 0);
  CHECK(plan.groups.empty());
}

}  // namespace
}  // namespace sluice::orchestrator::engine_test
