#include "orchestrator/schedules.h"

#include "base/check.h"
#include "orchestrator/schedule_statements.h"

namespace sluice::orchestrator {

StoredSchedule read_schedule(storage::Query& row) {
  StoredSchedule read;
  read.id = row.id<ScheduleTag>(0);
  read.workflow = row.id<WorkflowTag>(1);
  workflows::Schedule& schedule = read.schedule;
  schedule.place = static_cast<std::size_t>(row.int64(2));
  const auto kind = row.int64(3), overlap = row.int64(6);
  if (kind < 1 || kind > 3 || overlap < 1 || overlap > 4)
    throw storage::StorageError(storage::Fault::corrupt,
                                "schedule " + to_string(read.id) + ": its row is damaged");
  schedule.kind = static_cast<workflows::Schedule::Kind>(kind - 1);
  schedule.text = row.text(4);
  schedule.time_zone = row.text(5);
  schedule.overlap = static_cast<workflows::Overlap>(overlap - 1);
  schedule.catch_up_s = row.int64(7);
  if (!row.is_null(8)) schedule.input = row.text(8);
  read.paused = row.int64(9) != 0;
  read.past = WallTime{row.int64(10)};
  if (!row.is_null(11)) read.run = row.id<RunTag>(11);
  read.started = row.int64(12);
  read.skipped = row.int64(13);
  return read;
}

std::shared_ptr<Schedules::Entry> Schedules::entry_of(StoredSchedule stored) {
  auto entry = std::make_shared<Entry>();
  if (auto table = workflows::timetable(stored.schedule)) entry->timetable = *table;
  if (entry->timetable && !stored.paused) entry->due = entry->timetable->next(stored.past);
  entry->stored = std::move(stored);
  return entry;
}

std::int64_t Schedules::load(storage::Reader& reader) {
  std::int64_t largest = 0;
  for (auto q = reader.query(sql::all_schedules); q.step();) {
    auto entry = entry_of(read_schedule(q));
    const ScheduleId id = entry->stored.id;
    largest = id.value;
    set(id, std::move(entry));
  }
  return largest;
}

const StoredSchedule* Schedules::find(ScheduleId id) const {
  const auto at = entries_.find(id);
  return at == entries_.end() ? nullptr : &at->second->stored;
}

std::optional<WallTime> Schedules::due(ScheduleId id) const {
  const auto at = entries_.find(id);
  if (at == entries_.end() || at->second->waits_for) return std::nullopt;
  return at->second->due;
}

std::int64_t Schedules::count(ScheduleId id, WallTime until, std::int64_t max) const {
  const Entry& entry = *entries_.at(id);
  std::int64_t counted = 0;
  for (auto at = entry.timetable->next(entry.stored.past); at && *at <= until && counted < max;
       at = entry.timetable->next(*at))
    counted += 1;
  return counted;
}

void Schedules::set(ScheduleId id, std::shared_ptr<const Entry> entry) {
  const auto at = entries_.find(id);
  if (at != entries_.end()) {
    const Entry& before = *at->second;
    if (before.due) due_.erase({*before.due, id});
    if (before.waits_for) waiting_.erase(before.waits_for);
  }
  if (!entry) {
    if (at != entries_.end()) entries_.erase(at);
    return;
  }
  if (entry->waits_for)
    waiting_[entry->waits_for] = id;
  else if (entry->due)
    due_.insert({*entry->due, id});
  entries_[id] = std::move(entry);
}

void Schedules::change(ScheduleId id, std::shared_ptr<const Entry> entry) {
  const auto at = entries_.find(id);
  undo_.add([this, id, before = at == entries_.end() ? nullptr : at->second] { set(id, before); });
  set(id, std::move(entry));
}

void Schedules::put(storage::Transaction& tx, StoredSchedule schedule) {
  const workflows::Schedule& s = schedule.schedule;
  tx.run(sql::put_schedule, schedule.id, schedule.workflow, s.place, static_cast<int>(s.kind) + 1,
         s.text, s.time_zone, static_cast<int>(s.overlap) + 1, s.catch_up_s, s.input,
         schedule.paused, schedule.past, schedule.run ? std::optional(schedule.run) : std::nullopt,
         schedule.started, schedule.skipped);
  const ScheduleId id = schedule.id;
  change(id, entry_of(std::move(schedule)));
}

void Schedules::erase(storage::Transaction& tx, ScheduleId id) {
  tx.run(sql::delete_schedule, id);
  change(id, nullptr);
}

std::vector<ScheduleId> Schedules::of(WorkflowId workflow) const {
  std::vector<ScheduleId> found;
  for (const auto& [id, entry] : entries_)
    if (entry->stored.workflow == workflow) found.push_back(id);
  return found;
}

std::optional<std::pair<WallTime, ScheduleId>> Schedules::first() const {
  if (due_.empty()) return std::nullopt;
  return *due_.begin();
}

void Schedules::wait_for(ScheduleId id, RunId run) {
  const auto at = entries_.find(id);
  SLUICE_CHECK(at != entries_.end(), "a schedule that exists");
  auto waits = std::make_shared<Entry>(*at->second);
  waits->waits_for = run;
  change(id, std::move(waits));
}

void Schedules::stop_waiting(RunId run) {
  const auto at = waiting_.find(run);
  if (at == waiting_.end()) return;
  const ScheduleId id = at->second;
  auto goes_on = std::make_shared<Entry>(*entries_.at(id));
  goes_on->waits_for = {};
  change(id, std::move(goes_on));
}

}  // namespace sluice::orchestrator
