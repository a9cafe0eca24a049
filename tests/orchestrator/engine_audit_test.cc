// The audit log: every change that an operator makes, in its own transaction.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {
namespace {

void send(World& w, const std::string& queue, const std::string& body) {
  NewMessage message;
  message.queue = queue;
  message.body = doc(body);
  w.must(SendMessages{{std::move(message)}});
}

template <class C>
void as(World& w, By by, C command) {
  std::optional<Result<typename C::Reply>> answer;
  w.engine->submit<C>(
      std::move(command), [&](Result<typename C::Reply> r) { answer = std::move(r); },
      std::move(by));
  w.engine->pump();
  REQUIRE(answer.has_value());
  REQUIRE(answer->has_value());
}

std::vector<AuditRecord> log_of(World& w, const AuditFilter& filter = {}) {
  return w.inspector->audit(filter, 1'000, {}).items;
}

// "kind target", newest first.
std::vector<std::string> lines(World& w, const AuditFilter& filter = {}) {
  std::vector<std::string> all;
  for (const auto& record : log_of(w, filter)) all.push_back(record.kind + " " + record.target);
  return all;
}

}  // namespace

TEST_CASE("what an operator changes is in the audit log with who, when, why and what") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const std::string target = "run:" + to_string(run);
  as(w, {"ada", "the bank is down"}, PauseRun{run});
  as(w, {"bob"}, ResumeRun{run});
  const WallTime before = w.engine->wall_now();
  w.advance(seconds(60));
  as(w, {"ada", "known"}, FailStage{run, {}, "Payment.Declined", "no money"});
  as(w, {"ada", "the bank is back"}, RedriveRun{run, "Pay", doc("{}"), {}});
  as(w, {"eve", "enough"}, CancelRun{run, "stop"});
  holds(w, [&] {
    CHECK(lines(w, {.kind = {}, .target = target, .since = {}, .until = {}}) ==
          std::vector<std::string>{"run.cancel " + target, "run.redrive " + target,
                                   "run.fail " + target, "run.resume " + target,
                                   "run.pause " + target});
    const auto all = log_of(w);
    REQUIRE(all.size() == 6);
    CHECK(all[0].principal == "eve");
    CHECK(all[0].detail == R"({"cause":"stop"})");
    CHECK(all[1].detail == R"({"from":"Pay","input_edited":true})");
    CHECK(all[2].detail == R"({"error":"Payment.Declined","cause":"no money"})");
    CHECK(all[3].reason.empty());
    CHECK(all[4].principal == "ada");
    CHECK(all[4].reason == "the bank is down");
    CHECK(all[5].kind == "workflow.deploy");
    CHECK(all[5].principal == "local");
    CHECK(log_of(w, {.kind = {}, .target = {}, .since = before + seconds(1), .until = {}}).size() ==
          3);
    CHECK(log_of(w, {.kind = {}, .target = {}, .since = {}, .until = before + seconds(1)}).size() ==
          3);
    CHECK(log_of(w, {.kind = "run", .target = {}, .since = {}, .until = {}}).size() == 5);
    CHECK(log_of(w, {.kind = "run.pause", .target = {}, .since = {}, .until = {}}).size() == 1);
    CHECK(log_of(w, {.kind = "run.pau", .target = {}, .since = {}, .until = {}}).empty());
  });
}

TEST_CASE("changes of queues, topics, workflows and dead letters are in the audit log") {
  World w;
  send(w, "q", "1");
  send(w, "q", "2");
  workflows::QueueSettings settings;
  settings.deliveries_max = 1;
  w.must(PutQueue{"q", settings});
  w.must(PauseQueue{"q", true});
  w.must(PauseQueue{"q", false});
  w.fail(w.take("q").token);
  w.fail(w.take("q").token);
  const auto letters = w.inspector->dead_letters({}, 10, {}).items;
  REQUIRE(letters.size() == 2);
  as(w, {"ada", "fixed"}, ReplayDeadLetter{letters[0].id, doc("3")});
  as(w, {"ada", "test data"}, DropDeadLetter{letters[1].id, "test data"});
  w.must(PurgeQueue{"q"});
  w.must(PurgeQueue{"q"});  // there is nothing left, and nothing changes
  w.must(ClearQueueSettings{"q"});
  w.must(DeleteQueue{"q"});
  w.must(PutBinding{"t", "b", {"#", {}, "queue:q2", {}}});
  w.must(DeleteBinding{"t", "b"});
  w.deploy("orders", stages({"Pay"}));
  w.deploy("orders", stages({"Pay"}));  // unchanged
  w.must(PauseWorkflow{"orders", true});
  w.must(PauseWorkflow{"orders", false});
  w.must(DeleteWorkflow{"orders"});
  holds(w, [&] {
    CHECK(lines(w) == std::vector<std::string>{
                          "workflow.delete workflow:orders", "workflow.resume workflow:orders",
                          "workflow.pause workflow:orders", "workflow.deploy workflow:orders",
                          "binding.delete binding:t/b", "binding.put binding:t/b",
                          "queue.delete queue:q", "queue.clear queue:q", "queue.purge queue:q",
                          "dead-letter.drop dead-letter:" + to_string(letters[1].id),
                          "dead-letter.replay dead-letter:" + to_string(letters[0].id),
                          "queue.resume queue:q", "queue.pause queue:q", "queue.set queue:q"});
    CHECK(log_of(w, {.kind = "dead-letter.drop", .target = {}, .since = {}, .until = {}})
              .at(0)
              .reason == "test data");
  });
}

TEST_CASE("what is refused leaves no line, nor does what an atomic batch takes back") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  const RunId run = w.start("orders");
  const auto before = lines(w);
  CHECK(w.code(CancelRun{RunId{12345}, {}}) == "not_found");
  CHECK(w.code(PauseQueue{"none", true}) == "not_found");
  CHECK(w.code(DropDeadLetter{DeadLetterId{5}, "x"}) == "not_found");
  std::optional<Result<Engine::BatchReply>> answer;
  w.engine->submit_batch({CancelRun{run, {}}, CancelRun{RunId{12345}, {}}}, /*atomic=*/true, {},
                         [&](auto reply) { answer = std::move(reply); });
  w.engine->pump();
  REQUIRE(answer.has_value());
  holds(w, [&] {
    CHECK(lines(w) == before);
    CHECK(w.status(run) == "RUNNING");
  });
}

TEST_CASE("the audit log is paged by key and each line comes once") {
  World w;
  send(w, "q", "1");
  for (int i = 0; i < 25; ++i) w.must(PauseQueue{"q", i % 2 == 0});
  std::vector<std::int64_t> seen;
  std::optional<std::int64_t> cursor;
  do {
    const auto page = w.inspector->audit({}, 10, cursor);
    CHECK(page.items.size() <= 10);
    for (const auto& record : page.items) seen.push_back(record.id);
    cursor = page.next ? std::optional<std::int64_t>(std::stoll(*page.next)) : std::nullopt;
  } while (cursor);
  REQUIRE(seen.size() == 25);
  CHECK(std::is_sorted(seen.rbegin(), seen.rend()));
  CHECK(seen.back() == 1);
}

TEST_CASE("the audit log is kept for a year, then it goes") {
  World w;
  w.deploy("orders", stages({"Pay"}));
  w.advance(seconds(364LL * 86'400));
  w.must(PauseWorkflow{"orders", true});
  for (int i = 0; i < 3; ++i) w.advance(seconds(11));
  holds(w, [&] { CHECK(log_of(w).size() == 2); });
  w.advance(seconds(2LL * 86'400));
  for (int i = 0; i < 3; ++i) w.advance(seconds(11));
  holds(w, [&] { CHECK(lines(w) == std::vector<std::string>{"workflow.pause workflow:orders"}); });
}

}  // namespace sluice::orchestrator::engine_test
