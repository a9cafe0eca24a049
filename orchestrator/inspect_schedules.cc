// Schedules as people look at them.
#include "orchestrator/inspect_impl.h"
#include "orchestrator/schedule_statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::size_t next_shown = 10;

ScheduleInfo info(storage::Query& q, WallTime now) {
  ScheduleInfo read;
  read.stored = read_schedule(q);
  read.workflow = q.text(14);
  const auto table = workflows::timetable(read.stored.schedule);
  if (!table) {
    read.problem = table.error().detail;
    return read;
  }
  // While it is paused nothing is missed: it goes on from when it is resumed. Else the first may be
  // past: it waits for a run's end.
  WallTime after = read.stored.paused ? std::max(read.stored.past, now) : read.stored.past;
  while (read.next.size() < next_shown) {
    const auto next = table->next(after);
    if (!next) break;
    read.next.push_back(*next);
    after = *next;
  }
  return read;
}

}  // namespace

Page<ScheduleInfo> Inspector::schedules(int limit, const std::optional<std::string>& cursor) const {
  Page<ScheduleInfo> page;
  const ScheduleId after = parse_id<ScheduleTag>(cursor.value_or("")).value_or(ScheduleId{});
  const WallTime now = impl_->engine.wall_now();
  impl_->database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(sql::schedules_after, after, std::int64_t{limit} + 1); q.step();) {
      if (page.items.size() == static_cast<std::size_t>(limit)) {
        page.next = to_string(page.items.back().stored.id);
        return;
      }
      page.items.push_back(info(q, now));
    }
  });
  return page;
}

Result<ScheduleInfo> Inspector::schedule(ScheduleId id) const {
  std::optional<ScheduleInfo> found;
  const WallTime now = impl_->engine.wall_now();
  impl_->database.read([&](storage::Reader& reader) {
    if (auto q = reader.query(sql::one_schedule, id); q.step()) found = info(q, now);
  });
  if (!found) return make_error(Errc::not_found, "no schedule " + to_string(id));
  return *std::move(found);
}

}  // namespace sluice::orchestrator
