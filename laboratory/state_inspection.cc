#include "laboratory/state_inspection.h"

#include "base/random.h"
#include "orchestrator/context_object.h"

namespace sluice::laboratory {
namespace {

using workflows::Path;
using workflows::QueryLanguage;
using workflows::Scope;
using workflows::State;
using workflows::StateType;
using workflows::Value;

// Evaluates the state's fields one by one, as far as they go.
class Inspection {
 public:
  Inspection(const State& state, const workflows::Machine& machine,
             const orchestrator::RunFacts& run, const orchestrator::Frame& frame)
      : state_(state),
        frame_(frame),
        context_(run.context ? run.context.json()
                             : orchestrator::context_object(machine, run, frame)) {}

  Json look(const std::optional<Doc>& result) {
    Json all = Json::object();
    all["input"] = frame_.input.json();
    if (frame_.variables) all["variables"] = frame_.variables.json();
    if (state_.language == QueryLanguage::jsonata)
      look_jsonata(all, result);
    else
      look_jsonpath(all, result);
    return all;
  }

 private:
  void look_jsonata(Json& all, const std::optional<Doc>& result) {
    const auto* task = std::get_if<workflows::TaskState>(&state_.body);
    if (task == nullptr) return;
    if (const auto made = fill(task->arguments, frame_.input.json())) all["afterArguments"] = *made;
    if (result) all["result"] = result->json();
  }

  void look_jsonpath(Json& all, const std::optional<Doc>& result) {
    const auto input = select(state_.input_path, state_.input_null, frame_.input.json());
    if (!input) return;
    all["afterInputPath"] = *input;
    std::optional<Json> made = *input;
    if (const auto* pass = std::get_if<workflows::PassState>(&state_.body)) {
      if (pass->parameters) made = fill(pass->parameters, *input);
      if (!made) return;
      all["afterParameters"] = *made;
      if (pass->result) made = pass->result->json();
    } else if (const auto* task = std::get_if<workflows::TaskState>(&state_.body)) {
      if (task->arguments) made = fill(task->arguments, *input);
      if (!made) return;
      all["afterParameters"] = *made;
      if (!result) return;
      all["result"] = result->json();
      made = result->json();
    } else if (state_.type == StateType::parallel || state_.type == StateType::map) {
      if (!result) return;
      made = result->json();
    } else {
      return;
    }
    if (state_.result_selector) made = fill(state_.result_selector, *made);
    if (!made) return;
    all["afterResultSelector"] = *made;
    if (state_.result_null) {
      made = frame_.input.json();
    } else if (state_.result_path && !state_.result_path->is_root()) {
      auto inserted = state_.result_path->insert(frame_.input.json(), *std::move(made));
      if (!inserted) return;
      made = *std::move(inserted);
    }
    all["afterResultPath"] = *made;
  }

  Scope scope(const Json& input) const {
    Scope scope{.input = &input, .context = &context_};
    if (frame_.variables) scope.variables = &frame_.variables.json();
    return scope;
  }

  std::optional<Json> select(const std::optional<Path>& path, bool null, const Json& from) const {
    if (null) return Json::object();
    if (!path) return from;
    auto selected = path->evaluate(scope(from));
    if (!selected) return std::nullopt;
    return *std::move(selected);
  }

  std::optional<Json> fill(const std::optional<Value>& form, const Json& input) {
    if (!form) return std::nullopt;
    auto made = form->evaluate(scope(input), {chance_, frame_.entered_at}, "");
    if (!made) return std::nullopt;
    return *std::move(made);
  }

  const State& state_;
  const orchestrator::Frame& frame_;
  const Json context_;
  Random chance_{1};
};

}  // namespace

Json inspect_data(const State& state, const workflows::Machine& machine,
                  const orchestrator::RunFacts& run, const orchestrator::Frame& frame,
                  const std::optional<Doc>& result) {
  return Inspection(state, machine, run, frame).look(result);
}

void add_plan(const orchestrator::Next& next, const State& state, Json& inspection) {
  const auto* items = std::get_if<orchestrator::SpawnItems>(&next);
  const auto* map = std::get_if<workflows::MapState>(&state.body);
  if (items == nullptr || map == nullptr) return;
  inspection["maxConcurrency"] = items->concurrency_max;
  if (map->tolerated_count) inspection["toleratedFailureCount"] = items->tolerated_count;
  if (map->tolerated_percentage)
    inspection["toleratedFailurePercentage"] = items->tolerated_percentage;
  if (state.language == QueryLanguage::jsonpath && items->items)
    inspection["afterItemsPath"] = items->items.json();
}

}  // namespace sluice::laboratory
