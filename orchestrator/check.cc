// The invariants, looked at on a snapshot: every live run has its one row, and no row stands for
// nothing.
#include "orchestrator/compensation_statements.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/schedule_statements.h"
#include "orchestrator/statements.h"
#include "orchestrator/topic_statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t step = 10'000;
constexpr std::size_t findings_max = 1'000;
constexpr int task_timeout = 1, run_timeout = 3;

}  // namespace

std::vector<CheckFinding> Inspector::check() const {
  std::vector<CheckFinding> findings;
  const auto report = [&](std::string invariant, std::string detail, std::string repair) {
    if (findings.size() < findings_max)
      findings.push_back({std::move(invariant), std::move(detail), std::move(repair)});
  };
  const auto check_frame = [&](storage::Reader& reader, FrameId id, std::string_view bytes) {
    const FrameRow row = decode_frame(id, bytes);
    std::int64_t status = 0;
    if (auto q = reader.query(sql::one_run, row.run); q.step()) status = q.int64(3);
    if (status != 1 && status != 6 && status != 7)
      report("a frame belongs to a live run",
             "frame " + to_string(id) + " belongs to run " + to_string(row.run) + ", which is " +
                 (status == 0 ? "missing" : std::string(run_status_name(status))),
             "drop_frame");
    const bool undoing = row.undoing.stage == Undoing::Stage::undoing;
    if (!row.frame.parent && status != 0 && undoing != (status == 7))
      report("the root frame of a run that is COMPENSATING undoes it, and no other does",
             "run " + to_string(row.run) + " is " + std::string(run_status_name(status)),
             "none: report it");
    if (undoing && row.undoing.seq != INT64_MAX &&
        !reader.query(sql::compensation_status, row.run, row.undoing.seq).step())
      report("what undoes a stage knows which",
             "frame " + to_string(id) + " undoes a stage that is not noted", "none: report it");
    if (row.timeout_due != 0 &&
        !reader.query(sql::deadline_exists, row.timeout_due, id, task_timeout).step())
      report("a time-out has its row", "frame " + to_string(id) + " has a time-out without a row",
             "restore_deadline");
    if (row.run_timeout_due != 0 &&
        !reader
             .query(sql::deadline_exists, row.run_timeout_due, FrameId{row.run.value}, run_timeout)
             .step())
      report("a time-out has its row",
             "run " + to_string(row.run) + " has a time-out without a row", "restore_deadline");
    if (row.child_run) {
      std::int64_t child_status = 0;
      if (auto q = reader.query(sql::one_run, row.child_run); q.step()) child_status = q.int64(3);
      if (child_status != 1 && child_status != 6 && child_status != 7)
        report("a frame that waits for a run waits for a live one",
               "frame " + to_string(id) + " waits for run " + to_string(row.child_run), "redrive");
    }
    for (const HeldLock& lock : row.frame.flow.locks)
      if (lock.granted && row.door.kind == DoorWait::Kind::lock && row.door.name == lock.name)
        report("a frame waits for no lock that it holds",
               "frame " + to_string(id) + " waits for lock \"" + lock.name + "\" and holds it",
               "release the lock");
    if (row.input_ref && !reader.query(sql::log_docs, row.input_ref.seq).step())
      report("a live frame's documents are kept",
             "the input of frame " + to_string(id) + " is missing from the log",
             "none: restore a backup");
  };
  impl_->database.read(
      [&](storage::Reader& reader) {
        for (auto q = reader.query(sql::quick_check); q.step();)
          if (q.text(0) != "ok")
            report("the file is sound", std::string(q.text(0)), "none: restore a backup");
        for (std::int64_t after = 0, more = 1; more != 0;) {
          more = 0;
          auto q = reader.query(sql::live_runs_after, after, step);
          for (; q.step(); more = 1) {
            after = q.int64(0);
            if (!impl_->root_frame(reader, RunId{after}))
              report("a live run has one row that will move it on",
                     "run " + to_base32(after) + " waits for nothing", "redrive");
          }
        }
        for (auto q = reader.query(sql::in_both_homes); q.step();)
          report("a frame waits for one thing",
                 "frame " + to_base32(q.int64(0)) + " is both a message and a waiting frame",
                 "drop_frame");
        for (auto q = reader.query(sql::messages_without_queue); q.step();)
          report("a message is in a queue",
                 "message " + to_base32(q.int64(0)) + " is in a queue that does not exist",
                 "none: report it");
        for (std::int64_t after = 0, more = 1; more != 0;) {
          more = 0;
          for (auto q = reader.query(sql::owned_after, after, step); q.step(); more = 1) {
            after = q.int64(0);
            check_frame(reader, FrameId{after}, q.blob(1));
          }
        }
        for (std::int64_t after = 0, more = 1; more != 0;) {
          more = 0;
          for (auto q = reader.query(sql::frames_after, after, step); q.step(); more = 1) {
            after = q.int64(0);
            check_frame(reader, FrameId{after}, q.blob(1));
            const FrameRow row = decode_frame(FrameId{after}, q.blob(1));
            if (static_cast<WaitKind>(q.int64(2)) == WaitKind::children &&
                !reader.query(sql::a_live_child, row.spawned).step())
              report("a frame that waits for children has a live one",
                     "frame " + to_string(row.frame.id) + " waits for children that have all ended",
                     "redrive");
            const bool waits = static_cast<WaitKind>(q.int64(2)) == WaitKind::event;
            const bool in_line = reader
                                     .query(sql::event_waiter_exists, row.event_name, row.event_key,
                                            row.event_since, row.frame.id)
                                     .step();
            if (waits != in_line)
              report("a frame that waits for an event stands in its line",
                     "frame " + to_string(row.frame.id) + " waits for the event \"" +
                         row.event_name + "\" but is not in its line",
                     "redrive");
          }
        }
        impl_->check_limits(reader, report);
        impl_->check_jobs(reader, report);
        impl_->check_flow(reader, report);
        for (auto q = reader.query(sql::lost_event_waiters); q.step();)
          report("who stands in the line of an event waits for it",
                 "frame " + to_base32(q.int64(1)) + " stands in the line of the event \"" +
                     std::string(q.text(0)) + "\" but does not wait for it",
                 "none: report it");
        for (auto q = reader.query(sql::wrong_compensations); q.step();)
          report("what has been undone goes with the run's status",
                 "run " + to_base32(q.int64(0)) + " is " +
                     std::string(run_status_name(q.is_null(1) ? 0 : q.int64(1))) +
                     ", and a stage of it is noted as status " + std::to_string(q.int64(2)),
                 "none: report it");
        for (auto q = reader.query(sql::compensating_at_once); q.step();)
          report("one stage is undone at a time",
                 "run " + to_base32(q.int64(0)) + " undoes several", "none: report it");
        for (auto q = reader.query(sql::compensations_out_of_order); q.step();)
          report("stages are undone in reverse order of completion",
                 "run " + to_base32(q.int64(0)) + " undid an earlier stage before a later one",
                 "none: report it");
        for (auto q = reader.query(sql::every_target); q.step();)
          if (!parse_target(q.text(2)))
            report("a binding has a target",
                   "binding \"" + std::string(q.text(1)) + "\" of topic \"" +
                       std::string(q.text(0)) + "\" leads to \"" + std::string(q.text(2)) + "\"",
                   "bind it again");
        for (auto q = reader.query(sql::lost_triggers); q.step();)
          report("a trigger belongs to a workflow that is deployed",
                 "binding \"" + std::string(q.text(1)) + "\" of topic \"" + std::string(q.text(0)) +
                     "\" belongs to none",
                 "none: report it");
        for (auto q = reader.query(sql::lost_schedules); q.step();)
          report("a schedule belongs to a workflow that is deployed",
                 "schedule " + to_base32(q.int64(0)) + " belongs to none", "none: report it");
        for (auto q = reader.query(sql::lost_children); q.step();)
          report("a live child has one row that will move it on",
                 "frame " + to_base32(q.int64(2)) +
                     " is live below its parent but waits for "
                     "nothing",
                 "redrive");
      },
      /*limited=*/false);
  return findings;
}

}  // namespace sluice::orchestrator
