// An engine on a virtual clock, pumped by hand, over a database that can be made to fail and be
// reopened.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "orchestrator/inspect.h"
#include "orchestrator/orchestrator.h"
#include "support/failing_database.h"
#include "support/fault_vfs.h"
#include "support/scratch_directory.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator::engine_test {

using test_support::FailingDatabase;
using test_support::ScratchDirectory;

inline Doc doc(std::string text) { return Doc::from_text(std::move(text)); }

// A worker's connection: what it was given, in order.
struct Hands final : Consumer {
  void deliver(std::vector<Delivery> given) override {
    for (auto& task : given) tasks.push_back(std::move(task));
  }
  void revoke(const std::string& token) override { revoked.push_back(token); }
  std::vector<Delivery> tasks;
  std::vector<std::string> revoked;
};

// One Task after the other, each on a queue of its own name in lower case.
inline std::string stages(std::vector<std::string> names, const std::string& extra = "",
                          const std::string& top = "") {
  std::string text = R"({"StartAt": ")" + names.front() + "\"" + (top.empty() ? "" : ", " + top) +
                     R"(, "States": {)";
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string queue = names[i];
    for (char& c : queue) c = static_cast<char>(std::tolower(c));
    if (i > 0) text += ", ";
    text += "\"" + names[i] + R"(": {"Type": "Task", "Resource": "queue:)" + queue + "\"" +
            (extra.empty() ? "" : ", " + extra) +
            (i + 1 < names.size() ? R"(, "Next": ")" + names[i + 1] + "\"}" : R"(, "End": true})");
  }
  return text + "}}";
}

struct World {
  explicit World(Options options_in = {}) : options(std::move(options_in)) {
    if (options.seed == 0) options.seed = 7;
    options.on_fatal = [this](const std::string& why) { fatal.push_back(why); };
    open();
  }
  ~World() { close(); }

  void open() {
    database = std::make_unique<FailingDatabase>(
        storage::open_sqlite({.directory = directory.path(), .vfs = disk.name()}));
    engine = std::make_unique<Engine>(*database, clock, options);
    inspector = std::make_unique<Inspector>(*database, *engine);
  }
  void close() {
    inspector.reset();
    engine.reset();
    database.reset();
  }
  // What a kill -9 and a start after `down` see.
  void reopen(Duration down = {}) {
    close();
    clock.advance_wall_only(down);
    open();
    engine->pump();
  }
  void advance(Duration d) {
    clock.advance(d);
    engine->pump();
  }
  // As the seconds pass; what is due happens in its time.
  void pass(Duration d, Duration step = milliseconds(500)) {
    for (; d.us > 0; d = d - step) advance(std::min(d, step));
  }

  template <class C>
  Result<typename C::Reply> run(C command) {
    std::optional<Result<typename C::Reply>> answer;
    engine->submit<C>(std::move(command), [&answer](Result<typename C::Reply> r) {
      CHECK_FALSE(answer.has_value());
      answer = std::move(r);
    });
    engine->pump();
    REQUIRE(answer.has_value());
    return *std::move(answer);
  }
  template <class C>
  typename C::Reply must(C command) {
    auto answer = run(std::move(command));
    REQUIRE_MESSAGE(answer.has_value(), answer.error().detail);
    return *std::move(answer);
  }
  template <class C>
  Error refused(C command) {
    auto answer = run(std::move(command));
    REQUIRE_FALSE(answer.has_value());
    return answer.error();
  }
  template <class C>
  std::string code(C command) {
    auto answer = run(std::move(command));
    return answer ? "ok" : std::string(to_string(answer.error().code));
  }

  DeployWorkflow::Reply deploy(const std::string& name, const std::string& definition) {
    auto compiled = workflows::compile(definition);
    REQUIRE_MESSAGE(compiled.has_value(),
                    definition << "\n"
                               << (compiled.has_value() ? "" : problems(compiled.error())));
    return must(DeployWorkflow{name, workflows::canonical_text(definition), compiled->machine});
  }
  static std::string problems(const Error& error) {
    std::string text = error.detail;
    for (const auto& p : error.problems) text += "\n" + p.pointer + ": " + p.detail;
    return text;
  }
  RunId start(const std::string& workflow, const std::string& input = "{}") {
    return must(StartRun{.workflow = workflow,
                         .input = doc(input),
                         .name = {},
                         .version = {},
                         .priority = {},
                         .not_before = {},
                         .labels = {}})
        .id;
  }
  static StartRun starting(const std::string& workflow, const std::string& input = "{}") {
    return StartRun{.workflow = workflow,
                    .input = doc(input),
                    .name = {},
                    .version = {},
                    .priority = {},
                    .not_before = {},
                    .labels = {}};
  }
  std::vector<Delivery> lease(const std::string& queue, int max = 1,
                              std::optional<Duration> length = {}) {
    std::optional<std::vector<Delivery>> got;
    engine->lease({.queue = queue, .max = max, .wait = {}, .lease = length, .worker = "w"},
                  [&got](Result<std::vector<Delivery>> r) {
                    REQUIRE_MESSAGE(r.has_value(), r.error().detail);
                    got = *std::move(r);
                  });
    engine->pump();
    REQUIRE(got.has_value());
    return *std::move(got);
  }
  Delivery take(const std::string& queue) {
    auto got = lease(queue);
    REQUIRE(got.size() == 1);
    return std::move(got.front());
  }
  void complete(const std::string& token, const std::string& output = "{}") {
    must(CompleteTask{token, doc(output)});
  }
  void fail(const std::string& token, const std::string& error = "Broken",
            const std::string& cause = "it broke") {
    must(FailTask{token, error, cause, {}});
  }

  std::string session(const std::shared_ptr<Hands>& hands, SessionOptions asked = {}) {
    std::string id;
    if (asked.worker.empty()) asked.worker = "worker";
    engine->open_session(std::move(asked), hands, [&](Result<SessionWelcome> r) {
      REQUIRE_MESSAGE(r.has_value(), r.error().detail);
      id = r->id;
      taken_back = r->taken_back;
    });
    engine->pump();
    REQUIRE_FALSE(id.empty());
    return id;
  }
  void subscribe(const std::string& session, const std::string& queue, int credit) {
    bool answered = false;
    engine->subscribe(session, queue, credit, [&](Status s) {
      REQUIRE_MESSAGE(s.has_value(), s.error().detail);
      answered = true;
    });
    engine->pump();
    REQUIRE(answered);
  }

  RunDetail detail(RunId id) {
    auto found = inspector->run(id);
    REQUIRE_MESSAGE(found.has_value(), found.error().detail);
    return *std::move(found);
  }
  std::string status(RunId id) { return detail(id).status; }
  std::vector<HistoryEvent> history(RunId id) {
    auto page = inspector->history(id, 100'000, 0);
    REQUIRE(page.has_value());
    for (std::size_t i = 0; i < page->items.size(); ++i)
      REQUIRE(page->items[i].id == static_cast<std::int64_t>(i) + 1);
    return std::move(page->items);
  }
  // "ExecutionStarted TaskStateEntered(Pay) …"
  std::string story(RunId id) {
    std::string text;
    for (const auto& e : history(id)) {
      if (!text.empty()) text += ' ';
      text += e.type + (e.state.empty() ? "" : "(" + e.state + ")");
    }
    return text;
  }
  std::vector<DeadLetterDetail> letters(DeadLetterFilter filter = {}) {
    std::vector<DeadLetterDetail> list;
    for (const auto& summary : inspector->dead_letters(filter, 1'000, {}).items) {
      auto letter = inspector->dead_letter(summary.id);
      REQUIRE(letter.has_value());
      list.push_back(*std::move(letter));
    }
    return list;
  }
  QueueStats stats(const std::string& queue) {
    auto found = engine->queue(queue);
    REQUIRE(found.has_value());
    return *found;
  }

  // Everything that must hold whatever happened: the invariants on disk, and memory as the rows
  // are.
  void sound() {
    for (const auto& finding : inspector->check())
      FAIL_CHECK(finding.invariant << ": " << finding.detail);
    static constexpr storage::Sql rows{
        "test.rows",
        "SELECT q.name, sum(m.state = 1), sum(m.state = 2), sum(m.state = 4), sum(m.state = 5), "
        "(SELECT count(*) FROM dead_letters d WHERE d.queue = q.id AND d.status = 1), "
        "sum(m.state = 3) FROM queues q LEFT JOIN messages m ON m.queue = q.id GROUP BY q.id"};
    static constexpr storage::Sql live{"test.live",
                                       "SELECT count(*) FROM runs WHERE ended_at IS NULL"};
    std::map<std::string, std::vector<std::int64_t>> stored, known;
    std::int64_t live_runs = 0;
    database->read([&](storage::Reader& reader) {
      for (auto q = reader.query(rows); q.step();)
        stored[std::string(q.text(0))] = {q.int64(1), q.int64(2), q.int64(3),
                                          q.int64(4), q.int64(5), q.int64(6)};
      auto q = reader.query(live);
      REQUIRE(q.step());
      live_runs = q.int64(0);
    });
    for (const auto& q : engine->queues())
      known[q.name] = {q.ready, q.delayed, q.leased, q.held, q.dead, q.blocked};
    CHECK(known == stored);
    CHECK(engine->stats().live_runs == live_runs);
  }

  Options options;
  ScratchDirectory directory;
  test_support::FaultVfs disk{"world", 1};
  VirtualClock clock;
  std::vector<std::string> fatal;
  std::vector<std::string> taken_back;
  std::unique_ptr<FailingDatabase> database;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Inspector> inspector;
};

// The same assertions before and after a restart.
template <class Assertions>
void holds(World& world, Assertions assertions) {
  {
    INFO("before the restart");
    world.sound();
    assertions();
  }
  world.reopen(seconds(5));
  INFO("after the restart");
  world.sound();
  assertions();
}

}  // namespace sluice::orchestrator::engine_test
