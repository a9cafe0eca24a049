#include "orchestrator/context_object.h"

#include <fmt/format.h>

namespace sluice::orchestrator {

using workflows::StateType;
using workflows::TaskState;

std::string state_machine_arn(const std::string& workflow) {
  return fmt::format("arn:aws:states:local:000000000000:stateMachine:{}", workflow);
}

std::string execution_arn(const std::string& workflow, const std::string& name) {
  return fmt::format("arn:aws:states:local:000000000000:execution:{}:{}", workflow, name);
}

Json context_object(const workflows::Machine& machine, const RunFacts& run, const Frame& frame) {
  const workflows::State& state = machine.states[frame.state];
  Json execution = Json::object();
  execution["Id"] = execution_arn(run.workflow, run.name);
  execution["Input"] = run.input ? run.input.json() : Json::object();
  execution["StartTime"] = to_rfc3339_ms(run.started_at);
  execution["Name"] = run.name;
  execution["RoleArn"] = "arn:aws:iam::000000000000:role/sluice";
  execution["RedriveCount"] = run.redrives;
  if (run.redriven_at) execution["RedriveTime"] = to_rfc3339_ms(*run.redriven_at);

  Json here = Json::object();
  here["Name"] = state.name;
  here["EnteredTime"] = to_rfc3339_ms(frame.entered_at);
  if (state.type == StateType::task || state.type == StateType::parallel ||
      state.type == StateType::map)
    here["RetryCount"] = frame.retry_count;

  Json context = Json::object();
  context["Execution"] = std::move(execution);
  context["StateMachine"]["Id"] = state_machine_arn(run.workflow);
  context["StateMachine"]["Name"] = run.workflow;
  context["State"] = std::move(here);
  const auto* task = std::get_if<TaskState>(&state.body);
  // What starts a run and waits for its end can be ended by its token as well.
  const bool waits_for_run = task != nullptr &&
                             task->resource.kind == workflows::ResourceKind::run &&
                             task->resource.run_wait != workflows::RunWait::none;
  if (task != nullptr && (task->resource.wait_for_task_token || waits_for_run))
    context["Task"]["Token"] = run.task_token;
  if (frame.item.index >= 0) {
    Json item = Json::object();
    item["Index"] = frame.item.index;
    if (frame.item.key) item["Key"] = *frame.item.key;
    if (!frame.item.source.empty()) item["Source"] = frame.item.source;
    if (frame.item.value) item["Value"] = frame.item.value.json();
    context["Map"]["Item"] = std::move(item);
  }
  return context;
}

}  // namespace sluice::orchestrator
