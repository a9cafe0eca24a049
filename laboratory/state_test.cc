#include "laboratory/state_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "laboratory/state_inspection.h"
#include "orchestrator/context_object.h"

namespace sluice::laboratory {
namespace {

using orchestrator::Effects;
using orchestrator::Event;
using orchestrator::Fault;
using orchestrator::Frame;
using orchestrator::Kind;
using orchestrator::RunFacts;
using workflows::Machine;
using workflows::State;
using workflows::StateIndex;
using workflows::StateType;

constexpr WallTime some_time{1'767'225'600'000'000};
constexpr std::uint64_t some_seed = 1;
constexpr RunId some_run{1};

Error refusal(std::string detail) { return make_error(Errc::invalid_argument, std::move(detail)); }

bool does_work(const State& state) {
  return state.type == StateType::task || state.type == StateType::parallel ||
         state.type == StateType::map;
}

// The machine with the state's resource as a plain queue, whose answer is the state's result.
Machine with_whole_result(const Machine& machine, StateIndex at) {
  Machine copy = machine;
  if (auto* task = std::get_if<workflows::TaskState>(&copy.states[at].body)) {
    task->resource.kind = workflows::ResourceKind::service;
    task->resource.queue = task->resource.text;
  }
  return copy;
}

Status check(const StateQuestion& question, const State& state) {
  if (!does_work(state)) {
    if (question.failure || question.result)
      return refusal(fmt::format("a {} state does no work whose result could be given",
                                 to_string(state.type)));
    return ok();
  }
  if (question.failure && question.result)
    return refusal("either a result or a failure can be given, not both");
  if (!question.failure && !question.result)
    return refusal(fmt::format("a {} state needs the result of its work, or how it fails",
                               to_string(state.type)));
  if (question.failure || state.type == StateType::task) return ok();
  const auto* map = std::get_if<workflows::MapState>(&state.body);
  const bool written = map != nullptr && map->writer && map->writer->arguments;
  if (written && !question.result->json().is_object())
    return refusal("the result of a Map whose results are written to a file must be an object");
  if (!written && !question.result->json().is_array())
    return refusal(fmt::format("the result of a {} state must be an array", to_string(state.type)));
  return ok();
}

// More items failed than the Map puts up with.
bool above_tolerance(const orchestrator::SpawnItems& items, std::int64_t failed) {
  if (items.tolerated_count > 0 && failed > items.tolerated_count) return true;
  if (items.tolerated_percentage <= 0 || !items.items || items.items.json().empty()) return false;
  const auto all = static_cast<double>(items.items.json().size());
  return 100.0 * static_cast<double>(failed) / all > items.tolerated_percentage;
}

// What happens to the state where it waits.
std::optional<Event> event_for(const StateQuestion& question, const State& state,
                               const orchestrator::Next& next) {
  if (std::holds_alternative<orchestrator::WaitUntil>(next)) return orchestrator::TimerDue{};
  if (std::holds_alternative<orchestrator::Finish>(next) ||
      std::holds_alternative<orchestrator::Continue>(next) || !does_work(state))
    return std::nullopt;
  if (state.type == StateType::task) {
    if (question.failure) return orchestrator::TaskFailed{.fault = *question.failure};
    return orchestrator::TaskSucceeded{*question.result};
  }
  if (question.failure)
    return orchestrator::ChildrenFailed{.fault = *question.failure, .of_branch = true};
  const auto* items = std::get_if<orchestrator::SpawnItems>(&next);
  if (items != nullptr && above_tolerance(*items, question.failed_items)) {
    return orchestrator::ChildrenFailed{
        .fault = {"States.ExceedToleratedFailureThreshold",
                  "The specified tolerated failure threshold was exceeded"}};
  }
  return orchestrator::ChildrenSucceeded{*question.result};
}

bool takes(const std::vector<std::string>& names, const std::string& error) {
  return std::ranges::any_of(names, [&](const std::string& name) {
    return name == error || name == "States.ALL" ||
           (name == "States.TaskFailed" && error != "States.Timeout");
  });
}

// Reads from the history what became of the state.
void read_history(const Effects& effects, const Machine& machine, StateIndex at,
                  StateAnswer& answer) {
  bool left = false;
  for (const auto& record : effects.history) {
    if (left) {
      if (record.kind != Kind::state_entered) continue;
      answer.next_state = machine.states[record.state].name;
      if (answer.status == StateAnswer::Status::caught_error) answer.output = record.doc;
      return;
    }
    if (record.kind == Kind::retry_scheduled) {
      answer.status = StateAnswer::Status::retriable;
      answer.inspection["errorDetails"]["retryBackoffIntervalSeconds"] =
          static_cast<double>(record.delay.us) / 1e6;
    }
    if (record.kind == Kind::caught) {
      answer.status = StateAnswer::Status::caught_error;
      answer.fault = record.fault;
      left = true;
    }
    if (record.kind == Kind::state_exited && record.state == at) {
      answer.output = record.doc;
      left = true;
    }
  }
}

void name_handler(const State& state, const Frame& frame, StateAnswer& answer) {
  if (answer.status == StateAnswer::Status::retriable) {
    for (std::size_t i = 0; i < frame.retries.size(); ++i)
      if (frame.retries[i] > 0) answer.inspection["errorDetails"]["retryIndex"] = i;
    return;
  }
  if (answer.status != StateAnswer::Status::caught_error) return;
  const std::string error = answer.fault.error.value_or("");
  for (std::size_t i = 0; i < state.catchers.size(); ++i) {
    if (!takes(state.catchers[i].error_equals, error)) continue;
    answer.inspection["errorDetails"]["catchIndex"] = i;
    return;
  }
}

void collect_targets(const Json& value, std::set<std::string>& names) {
  if (value.is_object()) {
    for (const char* field : {"Next", "Default"})
      if (const auto found = value.find(field); found != value.end() && found->is_string())
        names.insert(found->get<std::string>());
    for (const char* field : {"Choices", "Catch"})
      if (const auto found = value.find(field); found != value.end() && found->is_array())
        for (const auto& item : *found) collect_targets(item, names);
  }
}

}  // namespace

std::string_view to_string(StateAnswer::Status status) {
  switch (status) {
    case StateAnswer::Status::succeeded:
      return "SUCCEEDED";
    case StateAnswer::Status::failed:
      return "FAILED";
    case StateAnswer::Status::retriable:
      return "RETRIABLE";
    case StateAnswer::Status::caught_error:
      return "CAUGHT_ERROR";
  }
  SLUICE_CHECK(false, "a status");
}

Result<StateAnswer> test_state(const StateQuestion& question) {
  const StateIndex at = question.machine->find(question.state);
  if (at == workflows::no_state)
    return make_error(Errc::not_found, fmt::format("there is no state \"{}\"", question.state));
  const Machine whole = question.whole ? with_whole_result(*question.machine, at) : Machine{};
  const Machine& machine = question.whole ? whole : *question.machine;
  const State& state = machine.states[at];
  if (auto checked = check(question, state); !checked) return checked.error();

  RunFacts facts;
  facts.id = some_run;
  facts.name = "test";
  facts.workflow = "test";
  facts.version = 1;
  facts.started_at = some_time;
  facts.input = question.input;
  facts.task_token = "test-token";
  facts.context = question.context;
  Frame frame;
  frame.id = FrameId{some_run.value};
  frame.state = at;
  frame.input = question.input;
  frame.variables = question.variables;
  frame.entered_at = some_time;
  const orchestrator::Limits limits{.payload_bytes_max = question.payload_bytes_max};
  const auto step = [&](Frame from, const Event& event) {
    return advance(machine, facts, std::move(from), event, some_time, some_seed, limits);
  };

  StateAnswer answer;
  answer.inspection = inspect_data(state, machine, facts, frame, question.result);
  Effects effects = step(frame, orchestrator::Continued{});
  if (effects.frame.state == at) {
    add_plan(effects.next, state, answer.inspection);
    effects.frame.retries.assign(state.retry.size(), 0);
    effects.frame.retry_count = question.retries;
    if (question.failure && question.retries > 0) {
      for (std::size_t i = 0; i < state.retry.size(); ++i) {
        if (!takes(state.retry[i].error_equals, question.failure->error.value_or(""))) continue;
        effects.frame.retries[i] = question.retries;
        break;
      }
    }
    if (const auto event = event_for(question, state, effects.next))
      effects = step(std::move(effects.frame), *event);
  }
  const auto* finish = std::get_if<orchestrator::Finish>(&effects.next);
  read_history(effects, machine, at, answer);
  if (finish != nullptr && finish->end == orchestrator::End::failed && !answer.output) {
    answer.status = StateAnswer::Status::failed;
    answer.fault = finish->fault;
  }
  if (answer.status == StateAnswer::Status::retriable) {
    for (const auto& record : effects.history)
      if (record.fault.error) answer.fault = record.fault;
  }
  name_handler(state, effects.frame, answer);
  return answer;
}

Result<std::shared_ptr<const Machine>> machine_of_state(const Json& state) {
  const std::string name(lone_state);
  Json definition = Json::object();
  definition["StartAt"] = name;
  definition["States"][name] = state;
  std::set<std::string> targets;
  collect_targets(state, targets);
  for (const auto& target : targets)
    if (target != name) definition["States"][target] = {{"Type", "Succeed"}};
  auto compiled = workflows::compile(to_text(definition));
  if (!compiled) return compiled.error();
  return compiled->machine;
}

}  // namespace sluice::laboratory
