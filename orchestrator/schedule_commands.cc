// What schedules do: starting the runs of what is due, and a person's word to them.
//
// An occurrence starts a run of the workflow's latest version, unless it is too late
// (CatchUpSeconds) or the run of an earlier one is still live and Overlap says otherwise. The run's
// name is made of the schedule's id and the occurrence's time.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int occurrences_step = 64;             // dealt with in one batch
constexpr std::int64_t skipped_counted = 1'000;  // of those that are too late together

Error no_such_schedule(ScheduleId id) {
  return make_error(Errc::not_found, "no schedule " + to_string(id));
}

bool same_times(const workflows::Schedule& a, const workflows::Schedule& b) {
  return a.kind == b.kind && a.text == b.text && a.time_zone == b.time_zone;
}

}  // namespace

Status Engine::Impl::check_schedules(const std::string& workflow_name,
                                     const std::vector<workflows::Schedule>& wanted) {
  Error error = make_error(Errc::invalid_definition, "the definition's schedules cannot be kept");
  const auto problem = [&](const workflows::Schedule& schedule, std::string_view field,
                           std::string detail) {
    error.problems.push_back({"/Triggers/" + std::to_string(schedule.place) + "/" +
                                  std::string(field.empty() ? name_of(schedule.kind) : field),
                              std::move(detail)});
  };
  const Workflow* workflow = catalog.find(workflow_name);
  std::size_t left = schedules_max - schedules.size();
  if (workflow != nullptr) left += schedules.of(workflow->id).size();
  for (const auto& schedule : wanted) {
    if (left == 0)
      problem(schedule, "",
              "there are " + std::to_string(schedules_max) +
                  " schedules, as many as there may be: delete some workflow's");
    else
      left -= 1;
    // compile() has seen the rest; the server's machine may have no time zones' data.
    if (const auto table = workflows::timetable(schedule); !table)
      problem(schedule, "TimeZone", table.error().detail);
    if (schedule.input && schedule.input->size() > options.payload_bytes_max)
      problem(schedule, "Input",
              std::to_string(schedule.input->size()) + " bytes; the payload limit is " +
                  std::to_string(options.payload_bytes_max));
  }
  if (!error.problems.empty()) return error;
  return ok();
}

// Those of the latest version; one whose times are as before stays what it was: its id, its pause,
// what it has dealt with.
void Engine::Impl::put_schedules(Transaction& tx, const Workflow& workflow,
                                 const std::vector<workflows::Schedule>& wanted) {
  std::vector<ScheduleId> before = schedules.of(workflow.id);
  for (const auto& schedule : wanted) {
    StoredSchedule stored;
    const auto same = std::ranges::find_if(
        before, [&](ScheduleId id) { return same_times(schedules.find(id)->schedule, schedule); });
    if (same != before.end()) {
      stored = *schedules.find(*same);
      before.erase(same);
    } else {
      stored.id = ScheduleId{ids.next(now().wall)};
      stored.workflow = workflow.id;
      stored.past = now().wall;
    }
    stored.schedule = schedule;
    schedules.put(tx, std::move(stored));
  }
  for (const ScheduleId id : before) schedules.erase(tx, id);
}

void Engine::Impl::fire_schedules(Transaction& tx) {
  // A start is refused below the reserve: it is put off.
  if (disk_low) return;
  for (int n = 0; n < occurrences_step; ++n) {
    const auto first = schedules.first();
    if (!first || first->first > now().wall) return;
    occur(tx, first->second, first->first);
  }
  more_due = true;
}

// The occurrence of `at` is dealt with, or comes to wait for a run.
void Engine::Impl::occur(Transaction& tx, ScheduleId id, WallTime at) {
  StoredSchedule s = *schedules.find(id);
  const WallTime earliest = now().wall - seconds(s.schedule.catch_up_s);
  if (at < earliest) {
    const WallTime past = earliest - microseconds(1);
    s.skipped += schedules.count(id, past, skipped_counted);
    s.past = past;
    schedules.put(tx, std::move(s));
    return;
  }
  // A run is live while its root frame is.
  if (s.run && load(tx, FrameId{s.run.value})) {
    switch (s.schedule.overlap) {
      case workflows::Overlap::skip:
        s.past = at;
        s.skipped += 1;
        schedules.put(tx, std::move(s));
        return;
      case workflows::Overlap::queue:
        schedules.wait_for(id, s.run);
        return;
      case workflows::Overlap::cancel_previous:
        // Whatever it answers: the run has ended, or is being ended.
        static_cast<void>(
            apply(tx, CancelRun{s.run, "schedule " + to_string(id) + " starts the next run"}));
        break;
      case workflows::Overlap::allow:
        break;
    }
  }
  start_scheduled(tx, id, at);
}

RunId Engine::Impl::start_scheduled(Transaction& tx, ScheduleId id, WallTime at) {
  StoredSchedule s = *schedules.find(id);
  s.past = std::max(s.past, at);
  Workflow* workflow = catalog.find(s.workflow);
  SLUICE_CHECK(workflow != nullptr, "a schedule's workflow");
  NewRun run;
  run.name = "schedule:" + to_string(id) + ":" + to_rfc3339(at);
  RunId started;
  if (auto q = tx.query(sql::run_by_name, workflow->id, *run.name); q.step())
    started = RunId{q.int64(0)};  // run-now, at this very time
  if (!started) {
    Json label = Json::object();
    label["schedule"] = to_string(id);
    run.labels = to_text(label);
    if (s.schedule.input) {
      run.input = Doc::from_text(*s.schedule.input);
    } else {
      Json input = Json::object();
      input["schedule"] = to_string(id);
      input["time"] = to_rfc3339(at);
      run.input = Doc::from_json(std::move(input));
    }
    run.begins_later = true;
    started = create_run(tx, *catalog.version(*workflow, workflow->latest), run);
    s.started += 1;
    tally(counts.scheduled_starts);
  }
  s.run = started;
  schedules.put(tx, std::move(s));
  return started;
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const PauseSchedule& c) {
  const StoredSchedule* found = schedules.find(c.schedule);
  if (found == nullptr) return no_such_schedule(c.schedule);
  if (found->paused == c.paused) return Unit{};
  StoredSchedule s = *found;
  s.paused = c.paused;
  // What it would have started meanwhile is not caught up on.
  if (!c.paused) s.past = std::max(s.past, now().wall);
  schedules.put(tx, std::move(s));
  return Unit{};
}

Result<RunSchedule::Reply> Engine::Impl::apply(Transaction& tx, const RunSchedule& c) {
  const StoredSchedule* found = schedules.find(c.schedule);
  if (found == nullptr) return no_such_schedule(c.schedule);
  if (const auto room = check_room(); !room) return room.error();
  // Its next occurrence is not this one.
  const WallTime past = found->past;
  const RunId run = start_scheduled(tx, c.schedule, now().wall);
  StoredSchedule s = *schedules.find(c.schedule);
  s.past = past;
  schedules.put(tx, std::move(s));
  return RunSchedule::Reply{run};
}

}  // namespace sluice::orchestrator
