// Random histories of runs that share locks, gates and counters, with failures, time-outs,
// operators and restarts: what memory, rows and frames say must agree after every step.
#include <fmt/format.h>

#include <map>

#include "base/random.h"
#include "engine_fixture.h"
#include "orchestrator/frame_row.h"

namespace sluice::orchestrator::engine_test {
namespace {

// Locks by name of the input, held through a later state or not; a gate that its own counters
// close; a semaphore, branches and items; errors that are caught and retried.
constexpr const char* definitions[] = {
    R"({"StartAt":"A","QueryLanguage":"JSONata","States":{
      "A":{"Type":"Task","Resource":"queue:work","Next":"B","Output":"{% $states.input %}",
        "Lock":{"Name":"{% $states.input.x %}","HeldThrough":"C","TimeoutSeconds":90},
        "Catch":[{"ErrorEquals":["Sluice.Deadlock","Sluice.LockTimeout"],"Next":"C","Output":"{% $states.input %}"}]},
      "B":{"Type":"Task","Resource":"queue:work","Next":"C","Output":"{% $states.input %}",
        "Lock":{"Name":"{% $states.input.y %}"},
        "Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":3,"MaxAttempts":1}],
        "Catch":[{"ErrorEquals":["Sluice.Deadlock"],"Next":"C","Output":"{% $states.input %}"}],
        "Counters":[{"Name":"n","On":"Enter","Add":2},{"Name":"n","On":"Exit","Add":-2}]},
      "C":{"Type":"Task","Resource":"queue:work","Next":"D"},
      "D":{"Type":"Wait","Seconds":5,"End":true}}})",
    R"({"StartAt":"G","QueryLanguage":"JSONata","States":{
      "G":{"Type":"Task","Resource":"queue:work","Next":"H","Output":"{% $states.input %}",
        "Gate":{"Counter":"n","Below":4,"TimeoutSeconds":10},
        "Counters":[{"Name":"n","On":"Enter","Add":1},{"Name":"n","On":"Exit","Add":-1}],
        "Lock":{"Name":"{% $states.input.x %}","Permits":2},
        "Retry":[{"ErrorEquals":["Sluice.GateTimeout"],"IntervalSeconds":2,"MaxAttempts":1}]},
      "H":{"Type":"Parallel","End":true,"Lock":{"Name":"{% $states.input.y %}","Permits":2},
        "Counters":[{"Name":"n","On":"Enter","Add":1},{"Name":"n","On":"Exit","Add":-1}],
        "Branches":[
        {"StartAt":"H1","States":{"H1":{"Type":"Task","Resource":"queue:work","End":true,
           "Lock":{"Name":"{% $states.input.x %}","Permits":2}}}},
        {"StartAt":"H2","States":{"H2":{"Type":"Task","Resource":"queue:work","End":true,
           "Gate":{"Counter":"stage:flow1/H1.in_flight","AtMost":3}}}}]}}})",
    R"({"StartAt":"M","States":{
      "M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,"End":true,"Lock":{"Name.$":"$.x","Permits":3},
        "ItemSelector":{"x.$":"$.x","y.$":"$.y"},
        "ItemProcessor":{"StartAt":"I","States":{
          "I":{"Type":"Task","Resource":"queue:work","Next":"J","ResultPath":null,"Lock":{"Name.$":"$.y","HeldThrough":"J"},
            "Counters":[{"Name":"m","On":"Enter","Add":1},{"Name":"m","On":"Exit","Add":-1}]},
          "J":{"Type":"Task","Resource":"queue:work","End":true}}}}}})"};

struct History {
  explicit History(std::uint64_t seed) : random(seed) {
    for (int i = 0; i < 3; ++i) w.deploy(fmt::format("flow{}", i), definitions[i]);
  }

  bool chance(double p) { return random.unit() < p; }
  std::string name() { return std::string(1, static_cast<char>('p' + random.below(4))); }
  RunId any(const std::vector<RunId>& of) { return of[random.below(of.size())]; }

  void step() {
    const double what = random.unit();
    if (what < 0.28 && runs.size() < 40) {
      runs.push_back(
          w.start(fmt::format("flow{}", random.below(3)),
                  fmt::format(R"({{"x":"{}","y":"{}","items":[1,2,3]}})", name(), name())));
    } else if (what < 0.62) {
      for (const auto& task : w.lease("work", 3)) {
        if (chance(0.75))
          (void)w.run(CompleteTask{task.token, doc("{}")});
        else
          (void)w.run(FailTask{task.token, chance(0.5) ? "Again" : "Broken", "why", {}});
      }
    } else if (what < 0.70) {
      w.advance(seconds(static_cast<std::int64_t>(random.below(40))));
    } else if (what < 0.74) {
      w.reopen(seconds(5));
    } else if (!runs.empty() && what < 0.80) {
      (void)w.run(CancelRun{any(runs), {}, false});
    } else if (!runs.empty() && what < 0.88) {
      (void)w.run(RedriveRun{any(runs), {}, {}, {}});
    } else if (!runs.empty() && what < 0.92) {
      const RunId run = any(runs);
      if (chance(0.5))
        (void)w.run(PauseRun{run});
      else
        (void)w.run(ResumeRun{run});
    } else if (!runs.empty() && what < 0.95) {
      if (chance(0.5))
        (void)w.run(SkipStage{any(runs), {}, doc("{}")});
      else
        (void)w.run(FailStage{any(runs), {}, "Operator", {}});
    } else if (what < 0.98) {
      (void)w.run(ReleaseLock{name(), {}});
    } else {
      const std::int64_t by = static_cast<std::int64_t>(random.below(5)) - 2;
      w.must(AdjustCounter{"n", {}, by});
      adjusted += by;
    }
  }

  void agree() {
    w.sound();
    static constexpr storage::Sql frames{
        "test.flow_frames",
        "SELECT id, owner, 0 FROM messages WHERE owner IS NOT NULL UNION ALL SELECT id, data, "
        "wait_kind FROM frames"};
    static constexpr storage::Sql versions{
        "test.flow_versions",
        "SELECT v.id, w.name FROM workflow_versions v JOIN workflows w ON w.id = v.workflow"};
    static constexpr storage::Sql overtaken{
        "test.flow_overtaken",
        "SELECT name FROM lock_lines GROUP BY name HAVING max(CASE held WHEN 1 THEN place END) > "
        "min(CASE held WHEN 0 THEN place END)"};
    static constexpr storage::Sql gates{"test.flow_gates",
                                        "SELECT DISTINCT counter, test, bound FROM gate_lines"};
    std::map<std::string, std::int64_t> owed, standing, counted;
    for (bool builtin : {false, true})
      for (const auto& item : w.inspector->counters(1'000, {}, builtin).items)
        counted[item.name] = item.value;
    w.database->read([&](storage::Reader& reader) {
      std::map<std::int64_t, std::string> workflow;
      for (auto q = reader.query(versions); q.step();) workflow[q.int64(0)] = q.text(1);
      for (auto q = reader.query(frames); q.step();) {
        const FrameRow row = decode_frame(q.id<FrameTag>(0), q.blob(1));
        if (row.frame.state == workflows::no_state) continue;
        for (const auto& change : row.frame.flow.owed)
          if (change.on == workflows::CounterOn::exit) owed[change.counter] -= change.add;
        const std::string& name = workflow[row.version_id];
        const auto compiled = workflows::compile(definitions[name.back() - '0']);
        const auto& state = compiled->machine->states[row.frame.state];
        const bool at_gate =
            state.flow && state.flow->gate && row.frame.flow.at == Passage::outside;
        if (!at_gate && row.frame.flow.at != Passage::before)
          standing["stage:" + name + "/" + state.name + ".in_flight"] += 1;
      }
      for (auto q = reader.query(overtaken); q.step();)
        FAIL_CHECK("somebody overtook in the line of lock " << q.text(0));
      for (auto q = reader.query(gates); q.step();) {
        const std::string counter(q.text(0));
        if (workflows::holds(static_cast<workflows::CounterTest>(q.int64(1)), counted[counter],
                             q.int64(2)))
          FAIL_CHECK("the gate of " << counter << " is open, and somebody waits at it");
      }
    });
    owed["n"] += adjusted;
    for (const char* counter : {"n", "m"}) {
      CAPTURE(counter);
      CHECK(counted[counter] == owed[counter]);
    }
    for (const auto& [name, value] : counted)
      if (name.ends_with(".in_flight")) {
        CAPTURE(name);
        CHECK(value == standing[name]);
      }
    for (const auto& lock : w.inspector->locks(100, {}).items) {
      CAPTURE(lock.name);
      // Whoever is first asks for 3 at most; with none the lock is free, and nobody waits for it.
      CHECK(!lock.holders.empty());
      CHECK(lock.holders.size() <= 3);
    }
  }

  Random random;
  World w;
  std::vector<RunId> runs;
  std::int64_t adjusted = 0;
};

}  // namespace

TEST_CASE("locks, gates and counters agree with the frames after every step of a random history") {
  std::map<std::string, int> errors;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    History history(seed);
    for (int i = 0; i < 120; ++i) {
      CAPTURE(i);
      history.step();
      history.agree();
    }
    for (const auto& letter : history.w.letters()) errors[letter.error] += 1;
    for (const RunId run : history.runs) (void)history.w.run(CancelRun{run, {}, false});
    history.agree();
    CHECK(history.w.inspector->locks(10, {}).items.empty());
    CHECK(history.w.engine->stats().live_runs == 0);
  }
  // The histories meet what they are meant to meet.
  CHECK(errors["Sluice.Deadlock"] > 0);
  CHECK(errors["Sluice.GateTimeout"] > 0);
  CHECK(errors["Broken"] > 0);
}

}  // namespace sluice::orchestrator::engine_test
