// What a bulk job does with each of the things it is for, and what becomes of those that it let go
// on.
//
// An item that has changed since it was collected is skipped, with why; one that died too often is
// refused; what cannot be done at all has failed. None of these is an error of the job. With
// max_in_flight or stop_on_failures an item's outcome is followed: a run is in flight until it is
// past the state at which it was taken up, or has ended; a bare message until it is ended or dead.
#include "orchestrator/audit.h"
#include "orchestrator/engine_impl.h"
#include "orchestrator/job_statements.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t look_step = 128;  // items in flight looked at in one batch
constexpr Duration look_least = milliseconds(100), look_most = seconds(2);
constexpr Duration room_pause = seconds(1);    // until a full queue is asked again
constexpr std::int64_t catch_up_us = 100'000;  // of a rate
constexpr double us_per_second = 1e6;
const std::string set_aside =
    "set aside: it was replayed as often as its queue allows (MaxReplays)";
constexpr int status_succeeded = 2, status_failed = 3, status_timed_out = 4, status_aborted = 5,
              status_compensating = 7;

void add_problem(Job& job, std::int64_t item, std::string_view outcome, const std::string& detail) {
  if (job.problems.size() >= job_problems_max) job.problems.erase(job.problems.begin());
  job.problems.push_back(Json{{"id", to_base32(item)}, {"outcome", outcome}, {"detail", detail}});
}

// Nothing: go on.
std::optional<std::string> reason_to_stop(const Job& job) {
  const auto again = std::count(job.outcomes.begin(), job.outcomes.end(), '1');
  const auto known = std::ssize(job.outcomes);
  const std::string counts =
      std::to_string(again) + " of the latest " + std::to_string(known) + " failed again";
  if (job.spec->stop_count && again >= *job.spec->stop_count) return counts;
  if (job.spec->stop_share && job.outcomes.size() >= outcomes_for_share &&
      static_cast<double>(again) >= *job.spec->stop_share * static_cast<double>(known))
    return counts;
  return std::nullopt;
}

}  // namespace

void Engine::Impl::deal(Transaction& tx, Job& job, std::int64_t& budget) {
  const JobSpec& spec = *job.spec;
  const EngineTime time = now().engine;
  const std::int64_t interval =
      spec.rate ? static_cast<std::int64_t>(us_per_second / *spec.rate) : 0;
  std::vector<std::int64_t> items;
  for (auto q = tx.query(sql::items_to_come, job.id, job.cursor, budget); q.step();)
    items.push_back(q.int64(0));
  for (const std::int64_t item : items) {
    if (job.next_item > time) return;
    if (spec.in_flight_max && job.in_flight >= *spec.in_flight_max) return;
    // A damaged run must not hold up all that time moves: it alone has failed.
    const Job before = job;
    const std::size_t mark = undo.mark();
    tx.savepoint();
    bool dealt_with = true;
    try {
      dealt_with = deal_with(tx, job, item);
      tx.release_savepoint();
    } catch (const storage::StorageError& damage) {
      if (damage.fault() != storage::Fault::corrupt) throw;
      tx.rollback_savepoint();
      undo.undo_to(mark);
      job = before;
      job.failed += 1;
      add_problem(job, item, "failed", damage.what());
      tx.run(sql::delete_item, job.id, item);
    }
    if (!dealt_with) {
      job.next_item = time + room_pause;
      return;
    }
    job.cursor = item;
    budget -= 1;
    if (interval != 0)
      job.next_item = EngineTime{std::max(job.next_item.us, time.us - catch_up_us) + interval};
  }
}

bool Engine::Impl::deal_with(Transaction& tx, Job& job, std::int64_t item) {
  const JobSpec& spec = *job.spec;
  const std::int64_t in_flight = job.in_flight;
  const auto refuse = [&](const std::string& why) {
    job.refused += 1;
    add_problem(job, item, "refused", why);
    tx.run(sql::delete_item, job.id, item);
    return true;
  };
  Result<Unit> done = Unit{};
  const RunId run{item};
  switch (spec.verb) {
    case JobVerb::replay: {
      const auto letter = queues.dead_letter(tx, DeadLetterId{item});
      if (letter && letter->open && queues.is_set_aside(tx, *letter)) return refuse(set_aside);
      done = replay_item(tx, job, DeadLetterId{item});
      break;
    }
    case JobVerb::drop:
      done = change_item(tx, job, DropDeadLetter{DeadLetterId{item}, job.by.reason});
      break;
    case JobVerb::cancel:
      done = change_item(tx, job, CancelRun{run, spec.cause, spec.compensate});
      break;
    case JobVerb::pause:
      done = change_item(tx, job, PauseRun{run});
      break;
    case JobVerb::resume:
      done = change_item(tx, job, ResumeRun{run});
      break;
    case JobVerb::redrive:
      if (is_set_aside(tx, run)) return refuse(set_aside);
      done = redrive_item(tx, job, run);
      break;
    case JobVerb::move: {
      const auto moved = move_item(tx, job, run);
      if (!moved && moved.error().code == Errc::conflict && load(tx, FrameId{run.value}))
        return refuse(moved.error().detail);
      if (!moved)
        done = moved.error();
      else if (!*moved)
        done = make_error(Errc::conflict, "it is on that version already");
      break;
    }
  }
  if (!done && done.error().code == Errc::overloaded) return false;
  if (done) {
    job.done += 1;
  } else if (done.error().code == Errc::not_found || done.error().code == Errc::conflict) {
    job.skipped += 1;
    add_problem(job, item, "skipped", done.error().detail);
  } else {
    job.failed += 1;
    add_problem(job, item, "failed", done.error().detail);
  }
  if (job.in_flight == in_flight) tx.run(sql::delete_item, job.id, item);
  return true;
}

// The command, with a row in the audit log that names the job.
template <class C>
Result<Unit> Engine::Impl::change_item(Transaction& tx, const Job& job, const C& command) {
  const Result<Unit> done = apply(tx, command);
  if (!done) return done;
  if (auto entry = audited(command, *done)) {
    entry->detail["job"] = to_string(job.id);
    write_audit(tx, *entry, job.by, now().wall);
  }
  return done;
}

Result<Unit> Engine::Impl::replay_item(Transaction& tx, Job& job, DeadLetterId id) {
  const JobSpec& spec = *job.spec;
  const auto letter = queues.dead_letter(tx, id);
  const ReplayDeadLetter command{.id = id,
                                 .input = std::nullopt,
                                 .from = spec.from,
                                 .version = spec.version,
                                 .edit = spec.edit};
  const auto replayed = replay(tx, command);
  if (!replayed) return replayed.error();
  auto entry = audited(command, Unit{});
  entry->detail["job"] = to_string(job.id);
  write_audit(tx, *entry, job.by, now().wall);
  if (letter->run)
    follow_item(tx, job, id.value, *letter->run, letter->frame.value_or(FrameId{}), std::nullopt);
  else if (*replayed)
    follow_item(tx, job, id.value, RunId{}, FrameId{}, *replayed);
  return Unit{};
}

Result<Unit> Engine::Impl::redrive_item(Transaction& tx, Job& job, RunId run) {
  const JobSpec& spec = *job.spec;
  const auto done =
      change_item(tx, job, RedriveRun{run, spec.from, std::nullopt, spec.version, spec.edit});
  if (done) follow_item(tx, job, run.value, run, FrameId{run.value}, std::nullopt);
  return done;
}

Result<bool> Engine::Impl::move_item(Transaction& tx, const Job& job, RunId run) {
  const MoveRun command{run, job.spec->version};
  const auto moved = apply(tx, command);
  if (!moved) return moved.error();
  auto entry = audited(command, *moved);
  if (!entry) return false;
  entry->detail["job"] = to_string(job.id);
  write_audit(tx, *entry, job.by, now().wall);
  return true;
}

void Engine::Impl::follow_item(Transaction& tx, Job& job, std::int64_t item, RunId run,
                               FrameId frame, std::optional<MessageId> message) {
  if (!job.spec->in_flight_max) return;
  std::int64_t entry = 0;
  if (run) {
    // Begun anew, a child has another frame: then its run's own counts.
    auto live = load(tx, frame);
    if (!live) live = load(tx, frame = FrameId{run.value});
    if (live) entry = live->row.frame.entries;
  }
  tx.run(sql::item_in_flight, job.id, item, run ? std::optional{run} : std::nullopt,
         run ? std::optional{frame} : std::nullopt, entry, message);
  if (job.in_flight == 0) {
    job.look_pause = look_least;
    job.next_look = now().engine + look_least;
  }
  job.in_flight += 1;
}

Engine::Impl::Outcome Engine::Impl::outcome_of(Transaction& tx, RunId run, FrameId frame,
                                               std::int64_t entry) {
  int status = status_succeeded;
  {
    auto q = tx.query(sql::run_facts, run);
    if (q.step()) status = static_cast<int>(q.int64(3));
  }
  if (status == status_failed || status == status_timed_out || status >= status_compensating ||
      !queues.open_dead_letters(tx, run).empty())
    return Outcome::failed_again;
  if (status == status_succeeded || status == status_aborted) return Outcome::went_on;
  const auto live = load(tx, frame);
  return live && live->row.frame.entries == static_cast<std::uint32_t>(entry) ? Outcome::in_flight
                                                                              : Outcome::went_on;
}

// A step of the round over what is in flight.
void Engine::Impl::look_at_flight(Transaction& tx, Job& job) {
  struct InFlight {
    std::int64_t item;
    RunId run;
    FrameId frame;
    std::int64_t entry;
    MessageId message;
  };
  std::vector<InFlight> items;
  for (auto q = tx.query(sql::items_in_flight, job.id, job.looked, job.cursor, look_step);
       q.step();)
    items.push_back({q.int64(0), RunId{q.is_null(1) ? 0 : q.int64(1)},
                     FrameId{q.is_null(2) ? 0 : q.int64(2)}, q.is_null(3) ? 0 : q.int64(3),
                     MessageId{q.is_null(4) ? 0 : q.int64(4)}});
  bool changed = false;
  for (const InFlight& item : items) {
    Outcome outcome = Outcome::in_flight;
    if (item.run) {
      outcome = outcome_of(tx, item.run, item.frame, item.entry);
    } else {
      switch (queues.look_at_replay(tx, item.message)) {
        case queue::Queues::Replayed::waits:
          break;
        case queue::Queues::Replayed::ended:
          outcome = Outcome::went_on;
          break;
        case queue::Queues::Replayed::dead:
          outcome = Outcome::failed_again;
          break;
      }
    }
    if (outcome == Outcome::in_flight) continue;
    changed = true;
    tx.run(sql::delete_item, job.id, item.item);
    job.in_flight -= 1;
    const bool again = outcome == Outcome::failed_again;
    (again ? job.failed_again : job.went_on) += 1;
    if (again) add_problem(job, item.item, "failed again", "it went on, and failed again");
    if (job.outcomes.size() == outcomes_watched) job.outcomes.erase(0, 1);
    job.outcomes += again ? '1' : '0';
  }
  const bool round_ended = std::ssize(items) < look_step;
  job.looked = round_ended ? 0 : items.back().item;
  job.look_pause = changed ? look_least : std::min(look_most, job.look_pause + job.look_pause);
  if (job.look_pause < look_least) job.look_pause = look_least;
  job.next_look = now().engine + (round_ended ? job.look_pause : Duration{});
  if (const auto why = reason_to_stop(job)) end_job(job, JobStatus::stopped, *why);
}

bool Engine::Impl::is_set_aside(Reader& reader, RunId run) {
  for (const auto& letter : queues.open_dead_letters(reader, run))
    if (queues.is_set_aside(reader, letter)) return true;
  return false;
}

}  // namespace sluice::orchestrator
