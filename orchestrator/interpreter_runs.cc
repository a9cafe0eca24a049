// Child runs: how one is asked for, and what its start or its end comes to.
#include <fmt/format.h>

#include "base/json_text.h"
#include "orchestrator/service_answer.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Failure;
using workflows::Resource;
using workflows::RunWait;
using workflows::TaskState;

namespace {

// "orders" of "arn:aws:states:eu-west-1:123456789012:stateMachine:orders:live", or as it stands.
std::string workflow_of(std::string_view arn) {
  if (!arn.starts_with("arn:")) return std::string(arn);
  for (int part = 0; part < 6; ++part) {
    const auto colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  return std::string(arn.substr(0, arn.find(':')));
}

// startExecution's Input: JSON, or the text of JSON; nothing is {}.
Doc run_input(const Json& input) {
  if (input.is_null()) return Doc::empty_object();
  if (input.is_string()) {
    const auto& text = input.get_ref<const std::string&>();
    if (check_json(text)) return Doc::from_text(text);
  }
  return Doc::from_json(input);
}

}  // namespace

Walk::Evaluated<Next> Walk::child_run(const TaskState& body, Doc made, TimeLimits times) {
  const Resource& resource = body.resource;
  StartChildRun out;
  out.workflow = resource.target;
  out.wait_for_task_token = resource.wait_for_task_token;
  out.wait_for_end = !resource.wait_for_task_token && resource.run_wait != RunWait::none;
  out.timeout = times.timeout;
  out.heartbeat = times.heartbeat;
  if (!resource.target.empty()) {
    out.input = std::move(made);
    return Next(std::move(out));
  }

  const Json& given = made.json();
  const auto member = [&](const char* name) -> const Json* {
    if (!given.is_object()) return nullptr;
    const auto found = given.find(name);
    return found == given.end() ? nullptr : &*found;
  };
  const Json* arn = member("StateMachineArn");
  if (arn != nullptr && arn->is_string())
    out.workflow = workflow_of(arn->get_ref<const std::string&>());
  if (out.workflow.empty())
    return Failure{"States.Runtime",
                   fmt::format("startExecution needs a StateMachineArn, the ARN or the name of a "
                               "workflow, but was given: {}",
                               workflows::excerpt(arn == nullptr ? given : *arn, 200))};
  if (const Json* name = member("Name"); name != nullptr && !name->is_null()) {
    if (!name->is_string() || name->get_ref<const std::string&>().empty())
      return Failure{"States.Runtime",
                     fmt::format("startExecution's Name must be a text, but was: {}",
                                 workflows::excerpt(*name, 200))};
    out.name = name->get<std::string>();
  }
  const Json* input = member("Input");
  out.input = input == nullptr ? Doc::empty_object() : run_input(*input);
  return Next(std::move(out));
}

Walk::Step Walk::happened(const RunStarted& event) {
  SLUICE_CHECK(state().type == workflows::StateType::task, "the child run of a Task state");
  const Resource& resource = std::get<TaskState>(state().body).resource;
  if (resource.target.empty())
    return finished(start_answer(event.workflow, event.name, event.at, chance_, now_));
  Json result = Json::object();
  result["id"] = to_string(event.id);
  result["name"] = event.name;
  return finished(Doc::from_json(std::move(result)));
}

Walk::Step Walk::happened(const RunEnded& event) {
  SLUICE_CHECK(state().type == workflows::StateType::task, "the child run of a Task state");
  const RunWait wait = std::get<TaskState>(state().body).resource.run_wait;
  const bool succeeded = event.status == "SUCCEEDED";
  if (wait == RunWait::output) {
    if (succeeded) return finished(event.output);
    Fault fault = event.fault;
    if (event.status == "ABORTED" && !fault.error)
      fault = {"Sluice.RunAborted",
               fmt::format("The run '{}' of '{}' was aborted.", event.name, event.workflow)};
    return task_failed(std::move(fault));
  }
  Json description = run_description(event, wait == RunWait::described2);
  if (succeeded) return finished(Doc::from_json(std::move(description)));
  return task_failed({"States.TaskFailed", to_text(description)});
}

}  // namespace sluice::orchestrator
