// Random machines meet random events: whatever happens, one thing follows, and the same thing
// again.
#include <fmt/format.h>

#include "base/random.h"
#include "machine_fixture.h"

namespace sluice::orchestrator {
namespace {

const char* pick(Random& chance, std::initializer_list<const char*> from) {
  return std::data(from)[chance.below(from.size())];
}

// States S0 … Sn in a ring of forward and backward edges, so that all are reachable and loops
// occur.
std::string random_machine(Random& chance) {
  const std::uint64_t count = 2 + chance.below(7);
  const auto any = [&] { return fmt::format("S{}", chance.below(count)); };
  std::string states;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string next = fmt::format("S{}", i + 1 < count ? i + 1 : chance.below(count));
    const std::string paths =
        pick(chance, {"", "", "", "", "", "", R"("InputPath":"$.a",)", R"("InputPath":null,)",
                      R"("OutputPath":"$.b",)", R"("OutputPath":"$..a",)"});
    const std::string result =
        pick(chance, {"", "", "", "", "", "", R"("ResultPath":null,)", R"("ResultPath":"$.a",)",
                      R"("ResultPath":"$.a.b.c",)"});
    const std::string form = pick(
        chance, {"", "", "", "", "", "", R"x("Parameters":{"a.$":"$","u.$":"States.UUID()"},)x",
                 R"("Parameters":{"b.$":"$.a[*]"},)", R"("Parameters":{"a.$":"$.b.c"},)"});
    std::string fields;
    switch (chance.below(6)) {
      case 0:
        fields = R"("Type":"Pass",)" + paths + result + form + fmt::format(R"("Next":"{}")", next);
        break;
      case 1:
        fields = fmt::format(
            R"("Type":"Choice",{}"Choices":[{{"Variable":"$.a","{}":{},"Next":"{}"}},{{"Not":{{"Variable":"$.b","IsPresent":true}},"Next":"{}"}}],"Default":"{}")",
            paths, pick(chance, {"IsPresent", "IsNull", "IsNumeric"}),
            pick(chance, {"true", "false"}), any(), any(), next);
        break;
      case 2:
        fields = R"("Type":"Wait",)" + paths +
                 pick(chance, {R"("Seconds":0,)", R"("Seconds":5,)", R"("Seconds":7,)",
                               R"("SecondsPath":"$.a",)"}) +
                 fmt::format(R"("Next":"{}")", next);
        break;
      default:
        fields = fmt::format(
            R"("Type":"Task","Resource":"queue:q{}",{}{}{}{}"Retry":[{{"ErrorEquals":["A"],"MaxAttempts":2}},{{"ErrorEquals":["States.ALL"],"MaxAttempts":1,"JitterStrategy":"FULL"}}],{}"Next":"{}")",
            i, paths, result, form,
            pick(chance, {"", "", "", "", "", R"("TimeoutSecondsPath":"$.a",)"}),
            chance.below(2) == 0
                ? fmt::format(
                      R"("Catch":[{{"ErrorEquals":["States.ALL"],"Next":"{}","ResultPath":{}}}],)",
                      any(), pick(chance, {"null", "\"$\"", "\"$.a\""}))
                : "",
            next);
    }
    states += fmt::format(R"({}"S{}":{{{}}})", i == 0 ? "" : ",", i, fields);
  }
  return fmt::format(R"({{"StartAt":"S0","MaxTransitions":{},"States":{{{}}}}})",
                     20 + chance.below(200), states);
}

TEST_CASE(
    "random machines and events: one next, counters that only grow, and the same again for the "
    "same arguments") {
  int tasks = 0, waits = 0, succeeded_or_failed = 0, compiled_machines = 0;
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    CAPTURE(seed);
    Random chance(seed);
    const std::string text = random_machine(chance);
    auto compiled = workflows::compile(text);
    if (!compiled) {
      // A ring without an end is refused; give the last state one.
      const std::size_t at = text.rfind("\"Next\":\"S");
      if (at == std::string::npos) continue;
      std::string ended = text;
      ended.replace(at, ended.find('"', at + 8) + 1 - at, "\"End\":true");
      compiled = workflows::compile(ended);
      if (!compiled) continue;
    }
    ++compiled_machines;
    Bench bench(compiled->machine, pick(chance, {"{}", R"({"a":1,"b":2})",
                                                 R"({"a":{"b":{"c":[1]}}})", "[1,2]", "null"}));
    Event event = Started{};
    for (int step = 0; step < 400; ++step) {
      const Frame before = bench.frame;
      bench.seed = chance.next();
      const Effects first = advance(bench.compiled(), bench.facts, before, event, bench.now,
                                    bench.seed, bench.limits);
      bench.apply(event);

      REQUIRE(first.next.index() == bench.effects.next.index());
      REQUIRE(first.history.size() == bench.effects.history.size());
      for (std::size_t i = 0; i < first.history.size(); ++i) {
        REQUIRE(first.history[i].kind == bench.effects.history[i].kind);
        REQUIRE(static_cast<bool>(first.history[i].doc) ==
                static_cast<bool>(bench.effects.history[i].doc));
        if (first.history[i].doc)
          REQUIRE(first.history[i].doc.text() == bench.effects.history[i].doc.text());
      }
      REQUIRE(bench.frame.entries >= before.entries);
      REQUIRE(bench.frame.transitions >= before.transitions);
      REQUIRE(bench.frame.transitions <= bench.compiled().transitions_max);
      REQUIRE(bench.frame.input);

      if (const auto* finish = std::get_if<Finish>(&bench.effects.next)) {
        const bool ok = finish->end == End::succeeded;
        REQUIRE(static_cast<bool>(finish->output) == ok);
        REQUIRE(bench.effects.history.back().kind ==
                (ok ? Kind::execution_succeeded : Kind::execution_failed));
        ++succeeded_or_failed;
        if (ok || chance.below(4) != 0) break;
        event = Redriven{};
      } else if (const auto* scheduled = std::get_if<ScheduleTask>(&bench.effects.next)) {
        REQUIRE(bench.compiled().states[bench.frame.state].type == workflows::StateType::task);
        REQUIRE(bench.effects.history.back().kind == Kind::task_scheduled);
        REQUIRE(scheduled->delay >= Duration{});
        REQUIRE(scheduled->queue.starts_with("q"));
        ++tasks;
        switch (chance.below(6)) {
          case 0:
            event = TaskFailed{
                {pick(chance, {"A", "B", "Sluice.Deadlock", "States.Runtime"}), "cause"}};
            break;
          case 1:
            event = TaskFailed{{}, chance.below(2) == 0, chance.below(2) == 0};
            break;
          default:
            event = TaskSucceeded{
                Doc::from_text(pick(chance, {"{}", "7", R"({"a":3,"b":[]})", "null"}))};
        }
      } else if (const auto* wait = std::get_if<WaitUntil>(&bench.effects.next)) {
        REQUIRE(bench.compiled().states[bench.frame.state].type == workflows::StateType::wait);
        REQUIRE(wait->at > bench.now);
        bench.now = wait->at;
        ++waits;
        event = TimerDue{};
      } else {
        event = Continued{};
      }
    }
  }
  // The property means little if the machines never got anywhere.
  CHECK(compiled_machines > 1'500);
  CHECK(tasks > 2'000);
  CHECK(waits > 100);
  CHECK(succeeded_or_failed > 1'500);
}

}  // namespace
}  // namespace sluice::orchestrator
