// Random workflows of Parallel, Map and child runs, in JSONPath and JSONata, meet random commands,
// failing statements, crashes and lost workers.
//
// SLUICE_TEST_SEED=N runs the one seed N; SLUICE_TEST_SEEDS=N the first N of each course instead of
// a few.
#include "orchestrator/engine_model.h"
#include "orchestrator/random_workflow_text.h"

namespace sluice::orchestrator::engine_test {

namespace {

struct Course {
  std::uint64_t seeds = 25;
  int steps = 150, check_every = 5;
  std::size_t items_max = 5;
  ModelLimits limits{};
};

using Events = std::map<std::string, int>;

void run_seed(std::uint64_t seed, Course course, Events& events) {
  CAPTURE(seed);
  Random shapes(seed);
  if (course.limits.live_max == 0)
    course.limits.live_max = static_cast<std::int64_t>(1 + shapes.below(5));
  ChildrenModel model(seed, course.limits);
  // The first two are small, and the others may start runs of them.
  const auto make = [&](std::size_t number) {
    std::vector<std::string> children;
    for (std::size_t i = 0; i < std::min<std::size_t>(number, 2); ++i)
      children.push_back("w" + std::to_string(i));
    return WorkflowMaker(shapes, children, number < 2 ? 3 : course.items_max)
        .make("w" + std::to_string(number), static_cast<int>(std::min<std::size_t>(number, 2)));
  };
  for (std::size_t i = 0; i < 6; ++i) model.deploy(make(i), i >= 2);
  for (int i = 0; i < course.steps; ++i) {
    CAPTURE(i);
    if (course.limits.redeploys && i % 20 == 19) model.deploy(make(2 + shapes.below(4)), false);
    model.step();
    if (i % course.check_every == course.check_every - 1) model.check();
  }
  model.end_all();
  model.check();
  model.reopen();
  model.succeed_all();
  model.check();
  model.tell(events);
}

// A course means little if the runs never got anywhere: each of `wanted` has happened in every
// fourth of them.
void run_course(const Course& course, const std::vector<std::string>& wanted) {
  Events events;
  if (const char* seed = std::getenv("SLUICE_TEST_SEED")) {
    run_seed(std::stoull(seed), course, events);
    return;
  }
  const char* many = std::getenv("SLUICE_TEST_SEEDS");
  const std::uint64_t seeds = many != nullptr ? std::stoull(many) : course.seeds;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run_seed(seed, course, events);
  if (many != nullptr) return;
  for (const auto& type : wanted) {
    CAPTURE(type);
    CHECK(std::cmp_greater_equal(4 * events[type], seeds));
  }
}

}  // namespace

TEST_CASE(
    "whatever is asked of runs with children, every result is in its place, nothing stands still "
    "and nothing is left") {
  run_course({.limits = {.live_max = 0}},
             {"RetryScheduled", "ErrorCaught", "BranchAborted", "MapIterationAborted",
              "ParallelStateFailed", "MapStateFailed", "MapRunSucceeded", "TaskLost",
              "TaskTimedOut", "ExecutionAborted", "ExecutionRedriven", "DeadLetterReplayed"});
}

TEST_CASE("runs that go on in another version of their workflow still end, with sound rows") {
  run_course({.seeds = 10, .limits = {.live_max = 0, .redeploys = true}},
             {"BranchAborted", "MapIterationAborted", "ExecutionRedriven"});
}

TEST_CASE("children that are more than one step starts or stops are all started, stopped, joined") {
  run_course({.seeds = 3,
              .steps = 60,
              .check_every = 10,
              .items_max = 400,
              .limits = {.runs_max = 4, .tasks_max = 100, .histories = false}},
             {});
}

}  // namespace sluice::orchestrator::engine_test
