// What the interpreter's tests share: machines from text, and a run that is moved on by hand.
#pragma once

#include <doctest/doctest.h>

#include "orchestrator/interpreter.h"

namespace sluice::orchestrator {

inline std::shared_ptr<const workflows::Machine> machine(std::string_view text) {
  auto compiled = workflows::compile(text);
  std::string problems;
  if (!compiled) {
    problems = compiled.error().detail;
    for (const Problem& problem : compiled.error().problems)
      problems += "\n" + problem.pointer + ": " + problem.detail;
  }
  REQUIRE_MESSAGE(compiled, problems);
  return compiled->machine;
}

// One state, "S"; what follows it is "T" and, for a Catch, "C".
inline std::shared_ptr<const workflows::Machine> state_machine(const std::string& fields) {
  const bool next = fields.find(":\"T\"") != std::string::npos;
  const bool caught = fields.find(":\"C\"") != std::string::npos;
  return machine(R"({"StartAt":"S","States":{"S":{)" + fields + "}" +
                 (next ? R"(,"T":{"Type":"Succeed"})" : "") +
                 (caught ? R"(,"C":{"Type":"Succeed"})" : "") + "}}");
}

// Applies events to one run, each with its own seed, as the engine does.
class Bench {
 public:
  explicit Bench(std::shared_ptr<const workflows::Machine> m, std::string input = "{}")
      : machine_(std::move(m)) {
    facts.id = {42};
    facts.name = "order-7";
    facts.workflow = "orders";
    facts.version = 3;
    facts.started_at = now;
    facts.input = Doc::from_text(input);
    frame.id = {42};
    frame.input = facts.input;
  }

  const Effects& apply(const Event& event) {
    effects = advance(*machine_, facts, frame, event, now, seed++, limits);
    frame = effects.frame;
    return effects;
  }
  const Effects& start() { return apply(Started{}); }
  const Effects& succeed(std::string output) {
    return apply(TaskSucceeded{Doc::from_text(std::move(output))});
  }
  const Effects& fail(std::string error, std::string cause = "why") {
    return apply(TaskFailed{{std::move(error), std::move(cause)}});
  }

  template <class T>
  const T& next() const {
    const T* found = std::get_if<T>(&effects.next);
    REQUIRE_MESSAGE(found != nullptr, "another kind of next, number " << effects.next.index()
                                                                      << ", after " << story());
    return *found;
  }
  std::string output() const {
    const Finish& finish = next<Finish>();
    REQUIRE_MESSAGE(finish.end == End::succeeded, finish.fault.cause.value_or(""));
    return finish.output.text();
  }
  std::string error() const {
    const Finish& finish = next<Finish>();
    REQUIRE(finish.end == End::failed);
    return finish.fault.error.value_or("(none)");
  }
  std::string cause() const { return next<Finish>().fault.cause.value_or("(none)"); }

  // The history of the last step, by the names that people see.
  std::string story() const {
    std::string names;
    for (const Record& record : effects.history) {
      if (record.kind == Kind::stage_left) continue;  // shown to nobody
      const auto type = record.state == workflows::no_state ? workflows::StateType::pass
                                                            : machine_->states[record.state].type;
      names += (names.empty() ? "" : " ") + event_name(record.kind, type);
    }
    return names;
  }
  const workflows::Machine& compiled() const { return *machine_; }

  RunFacts facts;
  Frame frame;
  Effects effects;
  Limits limits;
  WallTime now{1'767'225'600'000'000};  // 2026-01-01T00:00:00Z
  std::uint64_t seed = 1;

 private:
  std::shared_ptr<const workflows::Machine> machine_;
};

}  // namespace sluice::orchestrator
