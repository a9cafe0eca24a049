// Random machines of Parallel, Map and child runs, in JSONPath and JSONata, walked without an
// engine: the same follows from the same, and every result and variable is in its place.
#include "base/random.h"
#include "machine_fixture.h"
#include "orchestrator/random_workflow_text.h"

namespace sluice::orchestrator {
namespace {

using namespace engine_test;

struct Counts {
  int succeeded = 0, failed = 0, retried = 0, caught = 0, parallels = 0, maps = 0, runs = 0;
};

// Whoever calls the interpreter: workers, time, and the joining of children.
class Walk {
 public:
  explicit Walk(std::uint64_t seed) : chance_(seed) {
    std::vector<std::string> children;
    for (int i = 0; i < 3; ++i) {
      const std::string name = "w" + std::to_string(i);
      auto made = WorkflowMaker(chance_, children).make(name, i);
      machines_[name] = machine(made.text);
      workflows_[name].push_back(std::move(made));
      children.push_back(name);
    }
  }

  void run(Counts& counts) {
    counts_ = &counts;
    for (const auto& [name, versions] : workflows_) {
      CAPTURE(versions.front().text);
      const Finish end = run_of(name, Doc::from_text(R"({"path":"r"})"));
      ++(end.end == End::succeeded ? counts.succeeded : counts.failed);
      if (end.end == End::succeeded)
        CHECK(expected_.of_run(name, "r", end.output.json()) == "");
      else
        CHECK(end.dead_letter);  // There is no Fail state.
    }
  }

 private:
  Finish run_of(const std::string& workflow, const Doc& input) {
    RunFacts facts;
    facts.id = {++ids_};
    facts.name = "n";
    facts.workflow = workflow;
    facts.version = 1;
    facts.started_at = now_;
    facts.input = input;
    facts.task_token = "token";
    Frame frame;
    frame.id = {facts.id.value};
    frame.input = input;
    return walk(*machines_.at(workflow), facts, std::move(frame), Started{});
  }

  static void check_same(const Effects& a, const Effects& b) {
    REQUIRE(a.next.index() == b.next.index());
    REQUIRE(a.history.size() == b.history.size());
    for (std::size_t i = 0; i < a.history.size(); ++i) {
      REQUIRE(a.history[i].kind == b.history[i].kind);
      REQUIRE(a.history[i].delay == b.history[i].delay);
      if (a.history[i].doc) REQUIRE(a.history[i].doc.text() == b.history[i].doc.text());
    }
    REQUIRE(static_cast<bool>(a.frame.variables) == static_cast<bool>(b.frame.variables));
    if (a.frame.variables) REQUIRE(a.frame.variables.text() == b.frame.variables.text());
  }

  Finish walk(const workflows::Machine& m, const RunFacts& facts, Frame frame, Event event) {
    for (int step = 0; step < 1'000; ++step) {
      const std::uint64_t seed = chance_.next();
      Effects effects = advance(m, facts, frame, event, now_, seed, {});
      check_same(effects, advance(m, facts, frame, event, now_, seed, {}));
      REQUIRE(effects.frame.entries >= frame.entries);
      REQUIRE(effects.frame.transitions >= frame.transitions);
      REQUIRE(effects.frame.id == frame.id);
      REQUIRE(effects.frame.parent == frame.parent);
      REQUIRE(effects.frame.input);
      for (const auto& record : effects.history) {
        if (record.kind == Kind::caught) ++counts_->caught;
        if (record.kind != Kind::retry_scheduled) continue;
        ++counts_->retried;
        CHECK(record.delay >= Duration{});
        CHECK(record.delay <= seconds(9));  // MaxDelaySeconds, and jitter only shortens
      }
      frame = std::move(effects.frame);
      if (const auto* end = std::get_if<Finish>(&effects.next)) {
        REQUIRE(static_cast<bool>(end->output) == (end->end == End::succeeded));
        if (end->end == End::succeeded || frame.parent || chance_.below(2) == 0) return *end;
        event = Redriven{};
      } else {
        event = answer(m, facts, frame, effects.next);
      }
    }
    FAIL("a frame that does not end");
    return {};
  }

  Event answer(const workflows::Machine& m, const RunFacts& facts, const Frame& frame,
               const Next& next) {
    if (const auto* task = std::get_if<ScheduleTask>(&next)) return work(*task);
    if (const auto* wait = std::get_if<WaitUntil>(&next)) {
      REQUIRE(wait->at > now_);
      now_ = wait->at;
      return TimerDue{};
    }
    if (std::holds_alternative<RetryLater>(next)) return TimerDue{};
    if (std::holds_alternative<Continue>(next)) return Continued{};
    if (const auto* branches = std::get_if<SpawnBranches>(&next))
      return join_branches(m, facts, frame, *branches);
    if (const auto* items = std::get_if<SpawnItems>(&next))
      return join_items(m, facts, frame, *items);
    const auto* start = std::get_if<StartChildRun>(&next);
    REQUIRE(start != nullptr);
    return child_run(*start);
  }

  Event work(const ScheduleTask& task) {
    CHECK(task.wait_for_task_token == (task.queue == "t"));
    switch (chance_.below(16)) {
      case 0:
        return TaskFailed{{"Again", "c"}};
      case 1:
        return TaskFailed{{"Broken", "c"}};
      case 2:
        return TaskFailed{{}, true};
      case 3:
        return TaskSucceeded{Doc::from_text(skipped_output)};
      default:
        return TaskSucceeded{answer_to(task.body)};
    }
  }

  Event child_run(const StartChildRun& start) {
    ++counts_->runs;
    const RunId id{++ids_};
    if (!start.wait_for_end) return RunStarted{id, start.workflow, "n", now_};
    const Finish end = run_of(start.workflow, start.input);
    const bool well = end.end == End::succeeded;
    return RunEnded{id,   start.workflow, "n",         1,          well ? "SUCCEEDED" : "FAILED",
                    now_, now_,           start.input, end.output, end.fault};
  }

  Frame child_of(const Frame& parent, workflows::StateIndex state, Doc input, bool sees) {
    Frame child;
    child.id = {++ids_};
    child.parent = parent.id;
    child.item = parent.item;
    child.state = state;
    child.transitions = parent.transitions;
    child.input = std::move(input);
    if (sees) child.variables = parent.variables;
    return child;
  }

  Event join_branches(const workflows::Machine& m, const RunFacts& facts, const Frame& frame,
                      const SpawnBranches& spawn) {
    ++counts_->parallels;
    Json results = Json::array();
    for (const auto start :
         std::get<workflows::ParallelState>(m.states[frame.state].body).branches) {
      const Finish end = walk(m, facts, child_of(frame, start, spawn.input, true), BranchStarted{});
      if (end.end == End::failed) return ChildrenFailed{end.fault, true, end.dead_letter};
      results.push_back(end.output.json());
    }
    return ChildrenSucceeded{Doc::from_json(std::move(results))};
  }

  Event join_items(const workflows::Machine& m, const RunFacts& facts, const Frame& frame,
                   const SpawnItems& spawn) {
    ++counts_->maps;
    const auto& map = std::get<workflows::MapState>(m.states[frame.state].body);
    std::vector<std::pair<Item, Doc>> children;
    for (const Json& value : spawn.items.json()) {
      Item item;
      item.index = static_cast<std::int64_t>(children.size());
      item.value = Doc::from_json(value);
      auto input = prepare_item(m, facts, frame, spawn.input, item, now_, chance_.next(), {});
      REQUIRE(input);
      children.emplace_back(std::move(item), *std::move(input));
    }
    if (spawn.batch_items_max > 0) {
      std::vector<std::pair<Item, Doc>> batches;
      for (std::size_t i = 0; i < children.size();) {
        Json items = Json::array();
        for (std::int64_t n = 0; n < spawn.batch_items_max && i < children.size(); ++n, ++i)
          items.push_back(children[i].second.json());
        Json batch = Json::object();
        batch["Items"] = std::move(items);
        batches.emplace_back(Item{}, Doc::from_json(std::move(batch)));
      }
      children = std::move(batches);
    }
    Json results = Json::array(), outputs = Json::array();
    std::int64_t failed = 0;
    Finish last;
    for (auto& [item, input] : children) {
      Frame child = child_of(frame, map.start_at, input, !map.distributed);
      child.item = item;
      const Finish end = walk(m, facts, std::move(child), BranchStarted{});
      if (end.end == End::succeeded) {
        results.push_back(end.output.json());
        outputs.push_back(end.output.json());
        continue;
      }
      ++failed;
      last = end;
      Json error = Json::object();
      error["Error"] = end.fault.error.value_or("");
      results.push_back(std::move(error));
    }
    const double share = 100.0 * static_cast<double>(failed) /
                         static_cast<double>(std::max<std::size_t>(children.size(), 1));
    const bool borne = failed <= spawn.tolerated_count ||
                       (spawn.tolerated_percentage > 0 && share <= spawn.tolerated_percentage);
    if (!borne) return ChildrenFailed{last.fault, true, last.dead_letter};
    if (!spawn.writer) return ChildrenSucceeded{Doc::from_json(std::move(results))};
    Json written = Json::object();
    written["written"] = std::move(outputs);
    return ChildrenSucceeded{Doc::from_json(std::move(written))};
  }

  Random chance_;
  std::map<std::string, std::shared_ptr<const workflows::Machine>> machines_;
  std::map<std::string, std::vector<RandomWorkflow>> workflows_;
  Expected expected_{workflows_, [](const Json& result, std::vector<Json>& outputs) -> std::string {
                       if (!result.contains("written")) return "nothing was written";
                       for (const Json& one : result["written"]) outputs.push_back(one);
                       return "";
                     }};
  WallTime now_{1'767'225'600'000'000};  // 2026-01-01T00:00:00Z
  std::int64_t ids_ = 0;
  Counts* counts_ = nullptr;
};

}  // namespace

TEST_CASE(
    "random machines with children: the same again for the same arguments, and every result and "
    "variable in its place") {
  Counts counts;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    CAPTURE(seed);
    Walk(seed).run(counts);
  }
  // The property means little if the machines never got anywhere.
  CHECK(counts.succeeded > 2'000);
  CHECK(counts.failed > 200);
  CHECK(counts.retried > 300);
  CHECK(counts.caught > 200);
  CHECK(counts.parallels > 1'000);
  CHECK(counts.maps > 500);
  CHECK(counts.runs > 300);
}

}  // namespace sluice::orchestrator
