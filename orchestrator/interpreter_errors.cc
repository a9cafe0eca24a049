// What follows an error: Retry, then Catch, then the end of the frame.
#include <fmt/format.h>

#include <cmath>

#include "orchestrator/stage_counts.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Catcher;
using workflows::Failure;
using workflows::Retrier;

namespace {

constexpr double retry_delay_seconds_max =
    31'622'400;  // a leap year, the language's own bound of MaxDelaySeconds

// Errors that no handler may take: the run cannot go on sensibly after them.
bool is_terminal(const std::string& error) {
  return error == "States.Runtime" || error == "Sluice.TransitionLimit";
}

// Whether another attempt is a message on a queue, which bears its own delay.
bool on_queue(const workflows::State& state) {
  using workflows::ResourceKind;
  const auto* task = std::get_if<workflows::TaskState>(&state.body);
  if (task == nullptr) return false;
  switch (task->resource.kind) {
    case ResourceKind::queue:
    case ResourceKind::lambda_invoke:
    case ResourceKind::service:
    case ResourceKind::http:
      return true;
    case ResourceKind::run:
    case ResourceKind::topic:
    case ResourceKind::event:
    case ResourceKind::send:
      return false;
  }
  SLUICE_CHECK(false, "a kind of resource");
}

// {"Error", "Cause"}, as a Catch hands it on. The service writes an absent member as null, but the
// cause of a time-out as "".
Json error_object(const Fault& fault) {
  Json object = Json::object();
  object["Error"] = fault.error ? Json(*fault.error) : Json();
  object["Cause"] = fault.cause ? Json(*fault.cause) : Json();
  if (!fault.cause && fault.error == "States.Timeout") object["Cause"] = "";
  return object;
}

}  // namespace

Walk::Step Walk::happened(const TaskFailed& event) {
  SLUICE_CHECK(state().type == workflows::StateType::task, "the failure of a Task state");
  const auto& resource = std::get<workflows::TaskState>(state().body).resource;
  Fault fault = event.fault;
  // A run that could not be started: startExecution's errors have the service's name in front.
  if (resource.kind == workflows::ResourceKind::run && resource.target.empty() &&
      (fault.error == "StateMachineDoesNotExist" || fault.error == "ExecutionAlreadyExists"))
    fault.error = fmt::format("StepFunctions.{}Exception", *fault.error);
  return task_failed(std::move(fault), event.heartbeat, event.timed_out || event.heartbeat);
}

Walk::Step Walk::task_failed(Fault fault, bool heartbeat, bool timed_out) {
  Trouble trouble;
  trouble.fault = std::move(fault);
  trouble.of_task = trouble.retryable = true;
  trouble.heartbeat = heartbeat;
  if (timed_out) trouble.fault.error = "States.Timeout";
  record_in_state(timed_out ? Kind::task_timed_out : Kind::task_failed, {}, trouble.fault);
  return failed(trouble);
}

Walk::Step Walk::failed(const Failure& failure, bool retryable) {
  Trouble trouble;
  trouble.fault = fault_here(failure);
  trouble.evaluating = failure.error == "States.QueryEvaluationError";
  trouble.retryable = retryable || trouble.evaluating;
  record_evaluation(failure);
  return failed(trouble);
}

Walk::Step Walk::failed(const Trouble& trouble) {
  const std::string error = trouble.fault.error.value_or("");
  if (is_terminal(error)) return fail_frame(trouble.fault, trouble.dead_letter);
  if (trouble.retryable && error != "Sluice.Deadlock") {
    if (const auto delay = retry_delay(trouble)) {
      ++frame_.retry_count;
      context_.reset();
      record_in_state(Kind::retry_scheduled, {}, trouble.fault);
      history_.back().number = frame_.retry_count;
      history_.back().delay = *delay;
      if (trouble.evaluating || waits_outside() || !on_queue(state())) return RetryLater{*delay};
      return schedule(*delay);
    }
  }
  const auto& catchers = state().catchers;
  for (std::size_t i = 0; i < catchers.size(); ++i)
    if (matches(catchers[i].error_equals, trouble)) return caught(i, trouble);
  return fail_frame(trouble.fault, trouble.dead_letter);
}

bool Walk::matches(const std::vector<std::string>& error_equals, const Trouble& trouble) const {
  const std::optional<std::string>& error = trouble.fault.error;
  const bool is_runtime = error == "States.Runtime";
  // A result that is too large is the task's error; data that grew too large in a state, or in a
  // branch, is not.
  const bool is_limit = error == "States.DataLimitExceeded" && !trouble.of_task;
  for (const std::string& name : error_equals) {
    if (name == "States.ALL" && !is_runtime && !is_limit) return true;
    if (name == "States.TaskFailed" && (trouble.of_task || trouble.of_branch) && !is_runtime &&
        !is_limit && error != "States.Timeout")
      return true;
    if (name == "States.BranchFailed" && trouble.of_branch && !is_runtime) return true;
    if (name == "States.HeartbeatTimeout" && trouble.heartbeat) return true;
    if (error == name && !is_runtime) return true;
  }
  return false;
}

// How long to wait before the next attempt; counts it. Nothing if there is to be none.
std::optional<Duration> Walk::retry_delay(const Trouble& trouble) {
  const std::vector<Retrier>& retriers = state().retry;
  for (std::size_t i = 0; i < retriers.size(); ++i) {
    const Retrier& retrier = retriers[i];
    if (!matches(retrier.error_equals, trouble)) continue;
    // The first that matches decides, also when it has no attempts left.
    frame_.retries.resize(retriers.size(), 0);
    if (std::cmp_greater_equal(frame_.retries[i], retrier.attempts_max)) return std::nullopt;
    double delay_s = retrier.interval_s * std::pow(retrier.backoff_rate, frame_.retries[i]);
    delay_s = std::min(delay_s, std::min(retrier.delay_max_s.value_or(retry_delay_seconds_max),
                                         retry_delay_seconds_max));
    if (retrier.full_jitter) delay_s *= chance_.unit();
    ++frame_.retries[i];
    return microseconds(std::llround(delay_s * 1e6));
  }
  return std::nullopt;
}

Walk::Step Walk::caught(std::size_t catcher, const Trouble& trouble) {
  auto outcome = caught_outcome(catcher, trouble);
  // An error while an error is being handled is not handled again.
  if (!outcome) {
    record_evaluation(outcome.failure());
    return fail_frame(fault_here(outcome.failure()), true);
  }
  record_in_state(Kind::caught, {}, trouble.fault);
  depart(false);
  // What the frame holds may be what the others of the circle wait for.
  if (trouble.fault.error == "Sluice.Deadlock") release_locks(true);
  return go(state().catchers[catcher].next, *std::move(outcome));
}

Walk::Evaluated<Walk::Outcome> Walk::caught_outcome(std::size_t index, const Trouble& trouble) {
  const Catcher& catcher = state().catchers[index];
  const std::string place = fmt::format("Catch[{}]/", index);
  const Doc error = Doc::from_json(error_object(trouble.fault));
  if (in_jsonata())
    return outcome_of(catcher.output, catcher.assign, place, {frame_.input, {}, error}, error);
  Outcome outcome;
  if (auto failure = assign(outcome, catcher.assign, {error, {}, {}}, place + "Assign"))
    return *std::move(failure);
  outcome.output = frame_.input;
  if (catcher.result_path && catcher.result_path->is_root()) {
    outcome.output = error;
  } else if (catcher.result_path) {
    auto inserted = catcher.result_path->insert(frame_.input.json(), error.json());
    if (!inserted) return std::move(inserted.failure());
    outcome.output = Doc::from_json(*std::move(inserted));
  }
  if (catcher.result_path)
    if (auto failure = too_large(outcome.output)) return *std::move(failure);
  return outcome;
}

Next Walk::fail_frame(Fault fault, bool dead_letter) {
  if (is_stage(state().type) && has_entered()) {
    record_in_state(Kind::stage_left);
    history_.back().number = left_by_failure;
  }
  depart(false);
  release_locks(true);
  if (state().compensates != workflows::no_state) {
    record_in_state(Kind::compensation_failed, {}, fault);
  } else if (!frame_.parent) {
    record(Kind::execution_failed, {}, fault);
  } else {
    record_iteration(Kind::iteration_failed, fault);
  }
  return Finish{End::failed, {}, std::move(fault), dead_letter};
}

// The service names the state in front of what went wrong, but leaves some messages as they are.
Fault Walk::fault_here(const Failure& failure) const {
  if (failure.error == "States.DataLimitExceeded" || failure.error == "States.ItemReaderFailed" ||
      !failure.error.starts_with("States."))
    return {failure.error, failure.cause};
  return {failure.error, fmt::format("An error occurred while executing the state '{}'. {}",
                                     state().name, failure.cause)};
}

void Walk::record_evaluation(const Failure& failure) {
  if (failure.error != "States.QueryEvaluationError") return;
  Json where = Json::object();
  where["location"] = failure.location;
  record_in_state(Kind::evaluation_failed, Doc::from_json(std::move(where)), fault_here(failure));
}

}  // namespace sluice::orchestrator
