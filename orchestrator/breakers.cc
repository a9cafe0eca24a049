#include "orchestrator/breakers.h"

#include "orchestrator/breaker_statements.h"

namespace sluice::orchestrator {

void Breakers::load(storage::Reader& reader) {
  for (auto q = reader.query(sql::all_breakers); q.step();) {
    Breaker& breaker = breakers_[q.int64(0)];
    breaker.half_open = q.int64(1) == 2;
    breaker.since = WallTime{q.int64(2)};
    breaker.reason = q.text(3);
    if (!q.is_null(4)) breaker.probe_at = EngineTime{q.int64(4)};
    if (!q.is_null(5)) breaker.workflow = WorkflowId{q.int64(5)};
  }
}

const Breaker* Breakers::find(QueueId queue) const {
  const auto found = breakers_.find(queue.value);
  return found == breakers_.end() ? nullptr : &found->second;
}

void Breakers::put(storage::Transaction& tx, QueueId queue, const Breaker& breaker) {
  const Breaker* before = find(queue);
  undo_.add([this, queue, was = before ? std::optional(*before) : std::nullopt] {
    if (was)
      breakers_[queue.value] = *was;
    else
      breakers_.erase(queue.value);
  });
  breakers_[queue.value] = breaker;
  tx.run(sql::put_breaker, queue, breaker.half_open ? 2 : 1, breaker.since, breaker.reason,
         breaker.probe_at, breaker.workflow);
}

void Breakers::close(storage::Transaction& tx, QueueId queue) {
  const Breaker* before = find(queue);
  if (before == nullptr) return;
  undo_.add([this, queue, was = *before] { breakers_[queue.value] = was; });
  breakers_.erase(queue.value);
  tx.run(sql::delete_breaker, queue);
}

std::optional<EngineTime> Breakers::next_probe() const {
  std::optional<EngineTime> next;
  for (const auto& [queue, breaker] : breakers_)
    if (!breaker.half_open && breaker.probe_at && (!next || *breaker.probe_at < *next))
      next = breaker.probe_at;
  return next;
}

bool Breakers::count(QueueId queue, Trouble trouble, std::int64_t most, Duration within,
                     EngineTime now) {
  const std::int64_t key = queue.value * 2 + (trouble == Trouble::dead_letter ? 1 : 0);
  auto& times = times_[key];
  undo_.add([this, key, before = times] { times_[key] = before; });
  while (!times.empty() && times.front() + within <= now) times.pop_front();
  times.push_back(now);
  if (std::cmp_less(times.size(), most)) return false;
  times.clear();
  return true;
}

}  // namespace sluice::orchestrator
