// Deleting what is too old, in small steps: ended runs with their history, and closed dead letters.
//
// A run is deleted when it has been ended for as long as its definition says (RetentionSeconds) or
// else the server (Options::retention), unless an open dead letter of it waits for somebody. Runs
// are walked in the order of their starts, so that no index is needed; the walk ends at the first
// that is too young whatever its definition says, and rests for longer the more rows it had to look
// at.
#include "orchestrator/audit_statements.h"
#include "orchestrator/compensation_statements.h"
#include "orchestrator/engine_impl.h"
#include "orchestrator/job_statements.h"
#include "orchestrator/retention_statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t examined_step = 256;  // rows looked at in one batch
constexpr std::int64_t deleted_step = 512;   // log rows deleted in one batch
constexpr Duration audit_kept_least = seconds(365 * 86'400);
constexpr Duration rest_min = seconds(10), rest_max = seconds(3'600);
constexpr std::int64_t rest_us_per_row = 40;  // the walk takes a few per cent of the time
// Pages are given back to the file system when so many are free, and a quarter of all.
constexpr std::int64_t free_pages_min = 4'096;

}  // namespace

// One step of the walk; more_due when the next should follow at once.
void Engine::Impl::retain(Transaction& tx) {
  using Part = RetentionWalk::Part;
  const Now time = now();
  if (retention.part == static_cast<std::int64_t>(Part::resting) &&
      time.engine.us < retention.next_us)
    return;
  mark_stages(tx);
  for (auto* number : {&retention.part, &retention.after, &retention.examined, &retention.next_us})
    undo.save(*number);
  const auto go_to = [&](Part part) {
    retention.part = static_cast<std::int64_t>(part);
    retention.after = 0;
  };
  switch (static_cast<Part>(retention.part)) {
    case Part::resting:
      retention.examined = 0;
      go_to(Part::dropped);
      break;
    case Part::dropped:
      if (!drop_rest(tx)) go_to(Part::runs);
      break;
    case Part::runs:
      if (!drop_runs(tx)) go_to(Part::letters);
      break;
    case Part::letters:
      if (!drop_letters(tx)) go_to(Part::audit);
      break;
    case Part::audit:
      if (!drop_audit(tx)) go_to(Part::pages);
      break;
    case Part::pages:
      if (give_back_pages(tx)) break;
      go_to(Part::resting);
      retention.next_us = (time.engine + std::clamp(Duration{retention.examined * rest_us_per_row},
                                                    rest_min, rest_max))
                              .us;
      return;
  }
  more_due = true;
}

// True: there may be more.
bool Engine::Impl::drop_runs(Transaction& tx) {
  const WallTime wall = now().wall;
  // Whatever began after this cannot be due.
  Duration least = options.retention.us > 0 ? options.retention : Duration{INT64_MAX / 4};
  if (auto q = tx.query(sql::least_retention); q.step() && !q.is_null(0))
    least = std::min(least, seconds(q.int64(0)));
  struct Due {
    RunId run;
    std::int64_t last_seq;
  };
  std::vector<Due> due;
  std::int64_t looked_at = 0;
  bool young = false;
  for (auto q = tx.query(sql::runs_to_keep_or_not, retention.after, examined_step); q.step();) {
    if (WallTime{q.int64(1)} > wall - least) {
      young = true;
      break;
    }
    // What does not fit into this step is looked at again in the next.
    if (static_cast<std::int64_t>(due.size()) == deleted_step / 8) break;
    looked_at += 1;
    retention.after = q.int64(0);
    if (q.is_null(2) || q.int64(5) != 0) continue;  // live, or somebody has yet to act
    const Duration keep = q.is_null(4) ? options.retention : seconds(q.int64(4));
    if (q.is_null(4) && keep.us == 0) continue;
    if (WallTime{q.int64(2)} + keep <= wall) due.push_back({q.id<RunTag>(0), q.int64(3)});
  }
  retention.examined += looked_at;
  std::int64_t budget = deleted_step;
  for (const auto& [run, last_seq] : due) {
    tx.run(sql::delete_run, run);
    tx.run(sql::delete_state_replays, run);
    tally(counts.runs_deleted);
    drop_log(tx, run, last_seq, budget);
  }
  return !young && looked_at > 0;
}

// Deletes the run's log rows while there is budget; the rest is noted for later.
void Engine::Impl::drop_log(Transaction& tx, RunId run, std::int64_t last_seq,
                            std::int64_t& budget) {
  bool has_children = false;
  std::vector<std::int64_t> gone;
  while (budget > 0) {
    gone.clear();
    for (auto q = tx.query(sql::delete_log_of_children, run, budget); q.step();)
      gone.push_back(q.int64(0));
    if (gone.empty()) break;
    has_children = true;
    budget -= static_cast<std::int64_t>(gone.size());
    for (const std::int64_t seq : gone) tx.run(sql::spend_spawn_if_any, seq);
  }
  while (budget > 0 && last_seq != 0) {
    const std::int64_t seq = last_seq;
    {
      auto q = tx.query(sql::delete_log_row, seq);
      last_seq = q.step() && !q.is_null(0) ? q.int64(0) : 0;
    }
    budget -= 1;
    // Spawns are told by the log rows of their parents.
    if (has_children) tx.run(sql::spend_spawn_if_any, seq);
  }
  while (budget > 0) {
    const std::int64_t deleted = tx.run(sql::delete_compensations, run, budget);
    if (deleted == 0) break;
    budget -= deleted;
  }
  if (has_children) spawns_spent = true;
  if (budget <= 0) tx.run(sql::put_dropped_run, run, last_seq);
}

// Goes on with a run whose rows did not fit into one step. True: there may be more.
bool Engine::Impl::drop_rest(Transaction& tx) {
  RunId run;
  std::int64_t last_seq = 0;
  {
    auto q = tx.query(sql::first_dropped_run);
    if (!q.step()) return false;
    run = q.id<RunTag>(0);
    last_seq = q.int64(1);
  }
  tx.run(sql::forget_dropped_run, run);
  std::int64_t budget = deleted_step;
  drop_log(tx, run, last_seq, budget);
  return true;
}

// Dead letters that were replayed or dropped go after the server's own time. True: there may be
// more.
bool Engine::Impl::drop_letters(Transaction& tx) {
  if (options.retention.us == 0) return false;
  const WallTime until = now().wall - options.retention;
  std::vector<std::int64_t> due;
  std::int64_t looked_at = 0;
  for (auto q = tx.query(sql::letters_to_keep_or_not, retention.after, examined_step); q.step();) {
    if (WallTime{q.int64(1)} > until) break;
    looked_at += 1;
    retention.after = q.int64(0);
    if (q.int64(2) != 1) due.push_back(q.int64(0));
  }
  retention.examined += looked_at;
  for (const std::int64_t id : due) tx.run(sql::delete_letter, id);
  return looked_at == examined_step;
}

// The audit log is kept for a year, and for as long as the runs it tells of. True: there may be
// more.
bool Engine::Impl::drop_audit(Transaction& tx) {
  if (options.retention.us == 0) return false;
  const WallTime until = now().wall - std::max(options.retention, audit_kept_least);
  std::vector<std::int64_t> due;
  for (auto q = tx.query(sql::audit_to_keep_or_not, retention.after, examined_step); q.step();) {
    if (WallTime{q.int64(1)} > until) break;
    due.push_back(q.int64(0));
  }
  if (!due.empty()) retention.after = due.back();
  tx.run(sql::sweep_jobs, until, examined_step);
  retention.examined += std::ssize(due);
  for (const std::int64_t id : due) tx.run(sql::delete_audit, id);
  return std::ssize(due) == examined_step;
}

// True: there are more.
bool Engine::Impl::give_back_pages(Transaction& tx) {
  const auto number = [&](const storage::Sql& statement) {
    auto q = tx.query(statement);
    return q.step() ? q.int64(0) : 0;
  };
  const std::int64_t before = number(sql::free_pages);
  if (before < free_pages_min || before < number(sql::pages) / 4) return false;
  for (auto q = tx.query(sql::give_back_pages); q.step();) {
  }
  return number(sql::free_pages) < before;  // A file of an earlier version gives nothing back.
}

}  // namespace sluice::orchestrator
