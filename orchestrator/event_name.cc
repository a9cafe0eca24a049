#include <string>

#include "orchestrator/interpreter.h"

namespace sluice::orchestrator {

std::string event_name(Kind kind, workflows::StateType type) {
  const auto of_state = [type](const char* what) {
    return std::string(workflows::to_string(type)) + what;
  };
  switch (kind) {
    case Kind::execution_started:
      return "ExecutionStarted";
    case Kind::execution_succeeded:
      return "ExecutionSucceeded";
    case Kind::execution_failed:
      return "ExecutionFailed";
    case Kind::execution_timed_out:
      return "ExecutionTimedOut";
    case Kind::execution_aborted:
      return "ExecutionAborted";
    case Kind::execution_redriven:
      return "ExecutionRedriven";
    case Kind::execution_paused:
      return "ExecutionPaused";
    case Kind::execution_resumed:
      return "ExecutionResumed";
    case Kind::state_entered:
      return of_state("StateEntered");
    case Kind::state_exited:
      return of_state("StateExited");
    case Kind::task_scheduled:
      return "TaskScheduled";
    case Kind::task_started:
      return "TaskStarted";
    case Kind::task_succeeded:
      return "TaskSucceeded";
    case Kind::task_failed:
      return "TaskFailed";
    case Kind::task_timed_out:
      return "TaskTimedOut";
    case Kind::task_released:
      return "TaskReleased";
    case Kind::retry_scheduled:
      return "RetryScheduled";
    case Kind::caught:
      return "ErrorCaught";
    case Kind::dead_lettered:
      return "DeadLettered";
    case Kind::dead_letter_replayed:
      return "DeadLetterReplayed";
    case Kind::dead_letter_dropped:
      return "DeadLetterDropped";
    case Kind::parallel_started:
      return "ParallelStateStarted";
    case Kind::parallel_succeeded:
      return "ParallelStateSucceeded";
    case Kind::parallel_failed:
      return "ParallelStateFailed";
    case Kind::map_started:
      return "MapStateStarted";
    case Kind::map_succeeded:
      return "MapStateSucceeded";
    case Kind::map_failed:
      return "MapStateFailed";
    case Kind::iteration_started:
      return "MapIterationStarted";
    case Kind::iteration_succeeded:
      return "MapIterationSucceeded";
    case Kind::iteration_failed:
      return "MapIterationFailed";
    case Kind::iteration_aborted:
      return "MapIterationAborted";
    case Kind::map_run_started:
      return "MapRunStarted";
    case Kind::map_run_succeeded:
      return "MapRunSucceeded";
    case Kind::map_run_failed:
      return "MapRunFailed";
    case Kind::evaluation_failed:
      return "EvaluationFailed";
    case Kind::variables_assigned:
      return "VariablesAssigned";
    case Kind::child_run_started:
      return "ChildRunStarted";
    case Kind::event_awaited:
      return "EventAwaited";
    case Kind::message_published:
      return "MessagePublished";
    case Kind::branch_aborted:
      return "BranchAborted";
    case Kind::compensation_started:
      return "CompensationStarted";
    case Kind::compensation_succeeded:
      return "CompensationSucceeded";
    case Kind::compensation_failed:
      return "CompensationFailed";
    case Kind::execution_compensated:
      return "ExecutionCompensated";
    case Kind::execution_held:
      return "ExecutionHeld";
    case Kind::gate_awaited:
      return "GateAwaited";
    case Kind::gate_opened:
      return "GateOpened";
    case Kind::lock_awaited:
      return "LockAwaited";
    case Kind::lock_acquired:
      return "LockAcquired";
    case Kind::lock_released:
      return "LockReleased";
    case Kind::counter_changed:
      return "CounterChanged";
    case Kind::execution_moved:
      return "ExecutionMoved";
    case Kind::stage_left:
    case Kind::frame_kept:
      break;  // never shown
  }
  return "Unknown";
}

}  // namespace sluice::orchestrator
