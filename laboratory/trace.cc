#include "laboratory/trace.h"

#include <fmt/format.h>

#include <map>

namespace sluice::laboratory {
namespace {

using orchestrator::HistoryEvent;

constexpr std::string_view entered = "StateEntered", exited = "StateExited";

std::string text(const Json& detail, const char* name) {
  const auto found = detail.find(name);
  return found != detail.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string fault(const Json& detail) {
  const std::string error = text(detail, "error"), cause = text(detail, "cause");
  return (error.empty() ? "without a name" : error) + (cause.empty() ? "" : ": " + cause);
}

int depth_of(const workflows::Machine& machine, const std::string& name) {
  int depth = 0;
  const auto at = machine.find(name);
  if (at == workflows::no_state) return 0;
  for (auto parent = machine.states[at].parent; parent != workflows::no_state;
       parent = machine.states[parent].parent)
    ++depth;
  return depth;
}

std::optional<std::string> note_of(const HistoryEvent& event) {
  const Json& detail = event.detail;
  if (event.type == "TaskFailed") return "failed: " + fault(detail);
  if (event.type == "TaskTimedOut") return "timed out: " + fault(detail);
  if (event.type == "EvaluationFailed") return "could not be evaluated: " + fault(detail);
  if (event.type == "RetryScheduled")
    return fmt::format("retry {} in {} s", detail.value("retry", 0),
                       detail.value("delay_seconds", 0.0));
  if (event.type == "ErrorCaught") return "caught: " + fault(detail);
  if (event.type == "VariablesAssigned" && detail.contains("output"))
    return "assigned " + to_text(detail["output"]);
  if (event.type == "MapIterationFailed" || event.type == "MapStateFailed" ||
      event.type == "ParallelStateFailed")
    return event.type + (detail.contains("error") ? ": " + fault(detail) : "");
  return std::nullopt;
}

}  // namespace

std::vector<Step> steps_of(const std::vector<HistoryEvent>& history,
                           const workflows::Machine& machine) {
  std::vector<Step> steps;
  std::map<FrameId, std::size_t> open;  // the step at which each frame stands
  for (const auto& event : history) {
    if (event.type.ends_with(entered)) {
      Step step;
      step.state = event.state;
      step.type = event.type.substr(0, event.type.size() - entered.size());
      step.depth = depth_of(machine, event.state);
      step.frame = event.frame;
      step.entered = event.at;
      if (event.detail.contains("input")) step.input = event.detail["input"];
      open[event.frame] = steps.size();
      steps.push_back(std::move(step));
      continue;
    }
    const auto at = open.find(event.frame);
    if (at == open.end()) continue;
    Step& step = steps[at->second];
    if (event.type.ends_with(exited)) {
      step.left = event.at;
      if (event.detail.contains("output")) step.output = event.detail["output"];
    } else if (auto note = note_of(event)) {
      step.notes.push_back({event.at, *std::move(note)});
    }
  }
  return steps;
}

}  // namespace sluice::laboratory
