// Counters, gates and locks as people look at them, and their invariants.
#include <fmt/core.h>

#include <map>

#include "orchestrator/flow_statements.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/stage_counts.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t holders_shown_max = 100, waiters_shown_max = 100;

std::string number(std::int64_t ahead) {
  return ahead >= 1000 ? "more than 1000" : std::to_string(ahead + 1);
}

LockInfo lock_info(storage::Reader& reader, std::string name, bool with_line) {
  LockInfo lock;
  lock.name = std::move(name);
  if (auto q = reader.query(sql::count_waiting_for_lock, lock.name); q.step())
    lock.waiting = q.int64(0);
  for (auto q = reader.query(sql::places_of_lock, lock.name, holders_shown_max + waiters_shown_max);
       q.step();) {
    LockPlaceInfo place{q.id<RunTag>(4), q.id<FrameTag>(3), WallTime{q.int64(5)}};
    const bool held = q.int64(1) != 0;
    // What the latest to hold it, or the first in line, asked for.
    if (held || (lock.holders.empty() && lock.line.empty())) lock.permits = q.int64(2);
    if (held)
      lock.holders.push_back(place);
    else if (with_line)
      lock.line.push_back(place);
  }
  return lock;
}

}  // namespace

Page<CounterInfo> Inspector::Impl::stage_counters(int limit, const std::string& after) {
  Page<CounterInfo> page;
  const auto stages = engine.stage_counters();
  database.read([&](storage::Reader& reader) {
    std::map<std::int64_t, std::string> names;
    for (auto q = reader.query(sql::all_workflows); q.step();)
      names[q.int64(0)] = std::string(q.text(1));
    std::map<std::string, std::int64_t> counters;
    // Also those that nobody has entered yet.
    std::map<std::int64_t, std::int64_t> latest;
    for (auto q = reader.query(sql::all_versions); q.step();) latest[q.int64(1)] = q.int64(0);
    for (const auto& [workflow, version_id] : latest)
      for (const auto& state : version(reader, version_id).machine->states)
        if (is_stage(state.type))
          for (const auto metric : stage_metrics)
            counters[fmt::format("{}{}/{}.{}", workflows::stage_counter_prefix, names[workflow],
                                 state.name, metric)] = 0;
    for (const auto& stage : stages)
      for (std::size_t i = 0; i < stage_metrics.size(); ++i)
        counters[fmt::format("{}{}/{}.{}", workflows::stage_counter_prefix,
                             names[stage.workflow.value], stage.state, stage_metrics[i])] =
            stage.values[i];
    for (auto at = counters.upper_bound(after); at != counters.end(); ++at) {
      if (page.items.size() == static_cast<std::size_t>(limit)) {
        page.next = page.items.back().name;
        return;
      }
      std::int64_t waiting = 0;
      if (auto q = reader.query(sql::waiting_at_counter, at->first); q.step()) waiting = q.int64(0);
      page.items.push_back({at->first, at->second, waiting});
    }
  });
  return page;
}

Page<CounterInfo> Inspector::counters(int limit, const std::optional<std::string>& cursor,
                                      bool builtin) const {
  const std::string after = cursor.value_or("");
  if (builtin) return impl_->stage_counters(limit, after);
  Page<CounterInfo> page;
  impl_->database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(sql::counters_after, after, std::int64_t{limit} + 1); q.step();) {
      if (page.items.size() == static_cast<std::size_t>(limit)) {
        page.next = page.items.back().name;
        return;
      }
      page.items.push_back({std::string(q.text(0)), q.int64(1), q.int64(2)});
    }
  });
  return page;
}

Page<LockInfo> Inspector::locks(int limit, const std::optional<std::string>& cursor) const {
  Page<LockInfo> page;
  const std::string after = cursor.value_or("");
  impl_->database.read([&](storage::Reader& reader) {
    std::vector<std::string> names;
    for (auto q = reader.query(sql::lock_names_after, after, std::int64_t{limit} + 1); q.step();)
      names.emplace_back(q.text(0));
    if (names.size() > static_cast<std::size_t>(limit)) {
      names.pop_back();
      page.next = names.back();
    }
    for (auto& name : names) page.items.push_back(lock_info(reader, std::move(name), false));
  });
  return page;
}

Result<LockInfo> Inspector::lock(const std::string& name) const {
  LockInfo found;
  impl_->database.read([&](storage::Reader& reader) { found = lock_info(reader, name, true); });
  if (found.holders.empty() && found.waiting == 0)
    return make_error(Errc::not_found, "nobody holds the lock \"" + name + "\" or waits for it");
  return found;
}

std::int64_t Inspector::Impl::stage_counter(storage::Reader& reader,
                                            const std::string& name) const {
  std::map<std::int64_t, std::string> names;
  for (auto q = reader.query(sql::all_workflows); q.step();)
    names[q.int64(0)] = std::string(q.text(1));
  for (const auto& stage : engine.stage_counters())
    for (std::size_t i = 0; i < stage_metrics.size(); ++i)
      if (name == fmt::format("{}{}/{}.{}", workflows::stage_counter_prefix,
                              names[stage.workflow.value], stage.state, stage_metrics[i]))
        return stage.values[i];
  return 0;
}

void Inspector::Impl::add_door(storage::Reader& reader, const FrameRow& row, WaitingFor& w) const {
  const WallTime wall = engine.wall_now();
  w.name = row.door.name;
  std::int64_t ahead = 0;
  if (row.door.kind == DoorWait::Kind::gate) {
    std::int64_t value = 0;
    if (row.door.name.starts_with(workflows::stage_counter_prefix))
      value = stage_counter(reader, row.door.name);
    else if (auto q = reader.query(sql::one_counter, row.door.name); q.step())
      value = q.int64(0);
    if (auto q = reader.query(sql::ahead_at_gate, row.door.name, row.door.place,
                              static_cast<int>(row.door.test), row.door.bound);
        q.step())
      ahead = q.int64(0);
    w.detail["counter"] = row.door.name;
    w.detail["opens"] = {{std::string(workflows::field_of(row.door.test)), row.door.bound}};
    w.detail["value"] = value;
    w.detail["place"] = ahead + 1;
    w.sentence = fmt::format(
        "waits at a gate that opens when counter \"{}\" is {} {}, now {}: number {} in line, for "
        "{}",
        row.door.name, workflows::in_words(row.door.test), row.door.bound, value, number(ahead),
        in_words(wall - w.since));
  } else {
    if (auto q = reader.query(sql::ahead_for_lock, row.door.name, row.door.place); q.step())
      ahead = q.int64(0);
    w.detail["lock"] = row.door.name;
    w.detail["place"] = ahead + 1;
    w.sentence = fmt::format("waits for lock \"{}\", number {} in line, for {}", row.door.name,
                             number(ahead), in_words(wall - w.since));
    Json holders = Json::array();
    for (auto q = reader.query(sql::holders_of_lock, row.door.name, holders_shown_max); q.step();) {
      const std::string run = to_string(q.id<RunTag>(1));
      holders.push_back({{"run", run},
                         {"frame", to_string(q.id<FrameTag>(0))},
                         {"since", to_rfc3339(WallTime{q.int64(2)})}});
      if (holders.size() <= 3)
        w.sentence += fmt::format("{} run {} for {}", holders.size() == 1 ? "; held by" : ",", run,
                                  in_words(wall - WallTime{q.int64(2)}));
    }
    if (holders.size() > 3) w.sentence += fmt::format(" and {} more", holders.size() - 3);
    w.detail["holders"] = std::move(holders);
  }
  if (row.timeout_due != 0) {
    const WallTime until = wall_of(EngineTime{row.timeout_due});
    w.detail["until"] = to_rfc3339(until);
    w.sentence += fmt::format("; gives up in {}", in_words(until - wall));
  }
}

void Inspector::Impl::check_flow(storage::Reader& reader, const Report& report) const {
  for (auto q = reader.query(sql::gate_places_of_nobody); q.step();)
    report("who stands in the line of a gate waits there",
           "frame " + to_base32(q.int64(1)) + " stands in the line of counter \"" +
               std::string(q.text(0)) + "\" but does not wait at a gate",
           "none: report it");
  for (auto q = reader.query(sql::gate_waits_without_place); q.step();)
    report("a frame that waits at a gate stands in its line",
           "frame " + to_base32(q.int64(0)) + " waits at a gate but is in no line", "redrive");
  for (auto q = reader.query(sql::lock_places_of_nobody); q.step();)
    report("who stands in the line of a lock waits for it",
           "frame " + to_base32(q.int64(1)) + " stands in the line of lock \"" +
               std::string(q.text(0)) + "\" but does not wait for a lock",
           "none: report it");
  for (auto q = reader.query(sql::lock_waits_without_place); q.step();)
    report("a frame that waits for a lock stands in its line",
           "frame " + to_base32(q.int64(0)) + " waits for a lock but is in no line", "redrive");
  for (auto q = reader.query(sql::locks_of_nobody); q.step();)
    report("a lock is held by a live frame",
           "lock \"" + std::string(q.text(0)) + "\" is held by frame " + to_base32(q.int64(1)) +
               ", which is not live",
           "release the lock");
  for (auto q = reader.query(sql::too_many_holders); q.step();)
    report("a lock has no more holders than permits",
           "lock \"" + std::string(q.text(0)) + "\" has " + std::to_string(q.int64(1)) +
               " holders, and at most " + std::to_string(q.int64(2)) + " permits",
           "none: report it");
}

}  // namespace sluice::orchestrator
