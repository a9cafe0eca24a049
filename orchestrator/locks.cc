#include "orchestrator/locks.h"

#include <algorithm>

#include "base/check.h"
#include "orchestrator/flow_statements.h"

namespace sluice::orchestrator {

using storage::Reader;
using storage::Transaction;

void Locks::load(Reader& reader) {
  for (auto q = reader.query(sql::all_lock_lines); q.step();) {
    const std::string name(q.text(0));
    const LockPlace place{q.int64(1), q.int64(3), q.id<FrameTag>(4), q.id<RunTag>(5)};
    if (q.int64(2) != 0)
      add_holder(name, place);
    else
      add_waiter(name, place);
    next_place_ = std::max(next_place_, place.place + 1);
  }
  // Whoever was to be granted one when the last process ended is granted it now.
  for (const auto& [name, lock] : locks_)
    if (!lock.line.empty()) due_.add(name);
}

const Locks::Lock* Locks::find(const std::string& name) const {
  const auto found = locks_.find(name);
  return found == locks_.end() ? nullptr : &found->second;
}

bool Locks::holds(const std::string& name, FrameId frame) const {
  const Lock* lock = find(name);
  return lock != nullptr &&
         std::ranges::find(lock->holders, frame, &LockPlace::frame) != lock->holders.end();
}

bool Locks::is_free(const std::string& name, std::int64_t permits) const {
  const Lock* lock = find(name);
  return lock == nullptr || (lock->line.empty() && std::cmp_less(lock->holders.size(), permits));
}

void Locks::take(Transaction& tx, const std::string& name, std::int64_t permits, FrameId frame,
                 RunId run, WallTime now) {
  undo_.save_once(next_place_);
  const LockPlace place{next_place_++, permits, frame, run};
  tx.run(sql::insert_lock_place, name, place.place, 1, permits, frame, run, now);
  add_holder(name, place);
  undo_.add([this, name, at = place.place] { remove_holder(name, at); });
}

std::int64_t Locks::wait(Transaction& tx, const std::string& name, std::int64_t permits,
                         FrameId frame, RunId run, WallTime now) {
  undo_.save_once(next_place_);
  const LockPlace place{next_place_++, permits, frame, run};
  tx.run(sql::insert_lock_place, name, place.place, 0, permits, frame, run, now);
  add_waiter(name, place);
  undo_.add([this, name, at = place.place] { remove_waiter(name, at); });
  return place.place;
}

void Locks::leave_line(Transaction& tx, const std::string& name, std::int64_t place) {
  const auto gone = tx.run(sql::delete_lock_place, name, place);
  SLUICE_CHECK(gone == 1, "the row of a frame that waits for a lock");
  const LockPlace was = at(name).line.at(place);
  remove_waiter(name, place);
  undo_.add([this, name, was] { add_waiter(name, was); });
  due_.add(name);  // It may have been first, and asked for fewer permits than the next.
}

bool Locks::release(Transaction& tx, const std::string& name, FrameId frame) {
  const Lock* lock = find(name);
  if (lock == nullptr) return false;
  const auto held = std::ranges::find(lock->holders, frame, &LockPlace::frame);
  if (held == lock->holders.end()) return false;
  const LockPlace was = *held;
  tx.run(sql::delete_lock_place, name, was.place);
  if (!lock->line.empty()) due_.add(name);
  remove_holder(name, was.place);
  undo_.add([this, name, was] { add_holder(name, was); });
  return true;
}

void Locks::grant(Transaction& tx, const std::string& name, std::int64_t place, WallTime now) {
  tx.run(sql::grant_lock_place, name, place, now);
  const LockPlace was = at(name).line.at(place);
  add_holder(name, was);
  remove_waiter(name, place);
  undo_.add([this, name, was] {
    add_waiter(name, was);
    remove_holder(name, was.place);
  });
}

Locks::Lock& Locks::at(const std::string& name) {
  const auto found = locks_.find(name);
  SLUICE_CHECK(found != locks_.end(), "a lock that is held or waited for");
  return found->second;
}

void Locks::drop_if_empty(const std::string& name) {
  const auto found = locks_.find(name);
  if (found->second.holders.empty() && found->second.line.empty()) locks_.erase(found);
}

void Locks::add_holder(const std::string& name, const LockPlace& place) {
  locks_[name].holders.push_back(place);
  ++held_;
}

void Locks::remove_holder(const std::string& name, std::int64_t place) {
  std::erase_if(at(name).holders, [&](const LockPlace& held) { return held.place == place; });
  --held_;
  drop_if_empty(name);
}

void Locks::add_waiter(const std::string& name, const LockPlace& place) {
  locks_[name].line.emplace(place.place, place);
  ++waiting_;
}

void Locks::remove_waiter(const std::string& name, std::int64_t place) {
  at(name).line.erase(place);
  --waiting_;
  drop_if_empty(name);
}

}  // namespace sluice::orchestrator
