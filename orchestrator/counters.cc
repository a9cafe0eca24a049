#include "orchestrator/counters.h"

#include "base/check.h"
#include "orchestrator/flow_statements.h"

namespace sluice::orchestrator {

using storage::Reader;
using storage::Transaction;

void Counters::load(Reader& reader) {
  for (auto q = reader.query(sql::all_counters); q.step();) {
    Counter& counter = counters_[std::string(q.text(0))];
    counter.value = counter.stored = q.int64(1);
  }
  for (auto q = reader.query(sql::all_gate_lines); q.step();) {
    const std::string name(q.text(0));
    add_waiter(name, {static_cast<Test>(q.int64(2)), q.int64(3)}, {q.int64(1), q.id<FrameTag>(4)});
    next_place_ = std::max(next_place_, q.int64(1) + 1);
    // Whoever was to be let through when the last process ended is let through now.
    due_.add(name);
  }
}

std::int64_t Counters::value(const std::string& name) const {
  const auto found = counters_.find(name);
  return found == counters_.end() ? 0 : found->second.value;
}

std::int64_t Counters::add(const std::string& name, std::int64_t add) {
  auto& [key, counter] = *counters_.try_emplace(name).first;
  undo_.save_once(counter.value);
  if (__builtin_add_overflow(counter.value, add, &counter.value))
    counter.value = add > 0 ? INT64_MAX : INT64_MIN;
  if (!counter.dirty) {
    counter.dirty = true;
    dirty_.emplace_back(&key, &counter);
  }
  if (!counter.lines.empty()) due_.add(name);
  return counter.value;
}

void Counters::follow(const std::string& name, std::int64_t value) {
  Counter& counter = counters_[name];
  if (counter.value == value) return;
  undo_.save_once(counter.value);
  counter.value = value;
  if (!counter.lines.empty()) due_.add(name);
}

std::vector<std::string> Counters::gate_names() const {
  std::vector<std::string> names;
  for (const auto& [name, counter] : counters_)
    if (!counter.lines.empty()) names.push_back(name);
  return names;
}

bool Counters::passes(const std::string& name, Test test, std::int64_t bound) const {
  const auto found = counters_.find(name);
  if (found == counters_.end()) return workflows::holds(test, 0, bound);
  return workflows::holds(test, found->second.value, bound) &&
         !found->second.lines.contains({test, bound});
}

void Counters::store(Transaction& tx) {
  for (const auto& [name, counter] : dirty_) {
    counter->dirty = false;
    if (counter->value == counter->stored) continue;
    tx.run(sql::put_counter, *name, counter->value);
    undo_.save_once(counter->stored);
    counter->stored = counter->value;
  }
  dirty_.clear();
}

std::int64_t Counters::wait(Transaction& tx, const std::string& name, Test test, std::int64_t bound,
                            FrameId frame, RunId run, WallTime now) {
  undo_.save_once(next_place_);
  const std::int64_t place = next_place_++;
  tx.run(sql::insert_gate_waiter, name, place, static_cast<int>(test), bound, frame, run, now);
  add_waiter(name, {test, bound}, {place, frame});
  undo_.add([this, name, line = LineKey{test, bound}, place] { remove_waiter(name, line, place); });
  return place;
}

void Counters::leave_line(Transaction& tx, const std::string& name, Test test, std::int64_t bound,
                          std::int64_t place) {
  const auto gone = tx.run(sql::delete_gate_waiter, name, place);
  SLUICE_CHECK(gone == 1, "the row of a frame that waits at a gate");
  const LineKey line{test, bound};
  const GateWaiter was = counters_.at(name).lines.at(line).at(place);
  remove_waiter(name, line, place);
  undo_.add([this, name, line, was] { add_waiter(name, line, was); });
}

std::optional<Counters::Turn> Counters::next(const std::string& name,
                                             const std::set<std::int64_t>& passed) const {
  const auto found = counters_.find(name);
  if (found == counters_.end()) return std::nullopt;
  std::optional<Turn> turn;
  for (const auto& [key, line] : found->second.lines) {
    if (!workflows::holds(key.first, found->second.value, key.second)) continue;
    for (const auto& [place, waiter] : line) {
      if (turn && turn->waiter.place < place) break;
      if (passed.contains(place)) continue;
      turn = Turn{key.first, key.second, waiter};
      break;
    }
  }
  return turn;
}

void Counters::add_waiter(const std::string& name, LineKey line, GateWaiter waiter) {
  counters_[name].lines[line].emplace(waiter.place, waiter);
  ++waiting_;
}

void Counters::remove_waiter(const std::string& name, LineKey line, std::int64_t place) {
  auto& lines = counters_.at(name).lines;
  const auto at = lines.find(line);
  at->second.erase(place);
  if (at->second.empty()) lines.erase(at);
  --waiting_;
}

}  // namespace sluice::orchestrator
