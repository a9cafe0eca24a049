// What follows an error: Retry, then Catch, then the end of the run.
#include <fmt/format.h>

#include <cmath>

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
  Trouble trouble;
  trouble.fault = event.fault;
  trouble.of_task = trouble.retryable = true;
  trouble.heartbeat = event.heartbeat;
  const bool timed_out = event.timed_out || event.heartbeat;
  if (timed_out) trouble.fault.error = "States.Timeout";
  record_in_state(timed_out ? Kind::task_timed_out : Kind::task_failed, {}, trouble.fault);
  return failed(trouble);
}

Walk::Step Walk::failed(const Failure& failure, bool retryable) {
  Trouble trouble;
  trouble.fault = fault_here(failure);
  trouble.retryable = retryable;
  return failed(trouble);
}

Walk::Step Walk::failed(const Trouble& trouble) {
  const std::string error = trouble.fault.error.value_or("");
  if (is_terminal(error)) return fail_run(trouble.fault, true);
  if (trouble.retryable && error != "Sluice.Deadlock") {
    if (const auto delay = retry_delay(trouble)) {
      ++frame_.retry_count;
      context_.reset();
      record_in_state(Kind::retry_scheduled, {}, trouble.fault);
      history_.back().number = frame_.retry_count;
      history_.back().delay = *delay;
      return schedule(*delay);
    }
  }
  for (const Catcher& catcher : state().catchers)
    if (matches(catcher.error_equals, trouble)) return caught(catcher, trouble);
  return fail_run(trouble.fault, true);
}

bool Walk::matches(const std::vector<std::string>& error_equals, const Trouble& trouble) const {
  const std::optional<std::string>& error = trouble.fault.error;
  const bool is_runtime = error == "States.Runtime";
  // A result that is too large is the task's error; a state's own data that grew too large is not.
  const bool is_limit = error == "States.DataLimitExceeded" && !trouble.of_task;
  for (const std::string& name : error_equals) {
    if (name == "States.ALL" && !is_runtime && !is_limit) return true;
    if (name == "States.TaskFailed" && trouble.of_task && !is_runtime && error != "States.Timeout")
      return true;
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

Walk::Step Walk::caught(const Catcher& catcher, const Trouble& trouble) {
  Doc output = frame_.input;
  if (catcher.result_path) {
    Json error = error_object(trouble.fault);
    if (catcher.result_path->is_root()) {
      output = Doc::from_json(std::move(error));
    } else {
      auto inserted = catcher.result_path->insert(frame_.input.json(), std::move(error));
      // An error while an error is being handled is not handled again.
      if (!inserted) return fail_run(fault_here(inserted.failure()), true);
      output = Doc::from_json(*std::move(inserted));
    }
    if (const auto failure = too_large(output)) return fail_run(fault_here(*failure), true);
  }
  record_in_state(Kind::caught, {}, trouble.fault);
  return go(catcher.next, std::move(output));
}

Next Walk::fail_run(Fault fault, bool dead_letter) {
  record(Kind::execution_failed, {}, fault);
  return Finish{End::failed, {}, std::move(fault), dead_letter};
}

// The service names the state in front of what went wrong, but leaves the sizes' message as it is.
Fault Walk::fault_here(const Failure& failure) const {
  if (failure.error == "States.DataLimitExceeded") return {failure.error, failure.cause};
  return {failure.error, fmt::format("An error occurred while executing the state '{}'. {}",
                                     state().name, failure.cause)};
}

}  // namespace sluice::orchestrator
