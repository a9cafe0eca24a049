// Leases in memory: who holds what, until when.
#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {

Lease* Queues::find_lease(const LeaseKey& key) {
  const auto at = leases_.find(key);
  return at == leases_.end() ? nullptr : &at->second;
}

std::vector<LeaseKey> Queues::leases_of(SessionId session) const {
  std::vector<LeaseKey> keys;
  const auto first = leases_by_session_.find(session);
  if (first == leases_by_session_.end()) return keys;
  for (const Lease* lease = first->second; lease != nullptr; lease = lease->links.after)
    keys.push_back(lease->key);
  return keys;
}

void Queues::link(Lease& lease) {
  if (!lease.session) return;
  Lease*& first = leases_by_session_[lease.session];
  lease.links.after = first;
  if (first != nullptr) first->links.before = &lease;
  first = &lease;
}

void Queues::unlink(Lease& lease) {
  if (!lease.session) return;
  if (lease.links.after != nullptr) lease.links.after->links.before = lease.links.before;
  if (lease.links.before != nullptr)
    lease.links.before->links.after = lease.links.after;
  else if (lease.links.after != nullptr)
    leases_by_session_[lease.session] = lease.links.after;
  else
    leases_by_session_.erase(lease.session);
  lease.links.before = lease.links.after = nullptr;
}

Lease& Queues::add_lease(Lease lease) {
  const LeaseKey key = lease.key;
  const auto [at, fresh] = leases_.emplace(key, std::move(lease));
  SLUICE_CHECK(fresh, "a fence that was never used before");
  Lease& added = at->second;
  link(added);
  if (added.watched) deadlines_.emplace(added.until, key);
  undo_.add([this, key] {
    const auto found = leases_.find(key);
    unlink(found->second);
    if (found->second.watched) deadlines_.erase({found->second.until, key});
    leases_.erase(found);
  });
  return added;
}

void Queues::drop_lease(const LeaseKey& key) {
  const auto at = leases_.find(key);
  SLUICE_CHECK(at != leases_.end(), "a lease that is held");
  unlink(at->second);
  if (at->second.watched) deadlines_.erase({at->second.until, key});
  // The node keeps its address, which earlier undo entries of this batch may hold.
  undo_.add([this, node = leases_.extract(at)]() mutable {
    Lease& lease = node.mapped();
    leases_.insert(std::move(node));
    link(lease);
    if (lease.watched) deadlines_.emplace(lease.until, lease.key);
  });
}

void Queues::returned(Lease& lease) {
  const LeaseKey key = lease.key;
  if (Consumer* c = consumer(lease.consumer)) {
    count(c->in_hands, -1);
    into_line(*c);
  }
  drop_lease(key);
}

void Queues::mark_over(Lease& lease) {
  if (lease.over) return;
  // A lease that is in no connection's hands has no credit to give back.
  if (consumer(lease.consumer) == nullptr) {
    drop_lease(lease.key);
    return;
  }
  undo_.add([this, key = lease.key] { leases_.find(key)->second.over = false; });
  lease.over = true;
  watch_deadline(lease, false);
}

void Queues::watch_deadline(Lease& lease, bool watched) {
  if (lease.watched == watched) return;
  undo_.add([this, key = lease.key] {
    Lease& again = leases_.find(key)->second;
    again.watched = !again.watched;
    if (again.watched)
      deadlines_.emplace(again.until, key);
    else
      deadlines_.erase({again.until, key});
  });
  lease.watched = watched;
  if (watched)
    deadlines_.emplace(lease.until, lease.key);
  else
    deadlines_.erase({lease.until, lease.key});
}

void Queues::extend(Transaction& tx, Lease& lease, EngineTime until, bool store) {
  put_off(lease, until);
  if (!store) return;
  tx.run(sql::extend_lease, lease.key.message, until, lease.session);
  lease.stored_until = until;
}

void Queues::put_off(Lease& lease, EngineTime until) {
  undo_.add([this, key = lease.key, before = lease.until, stored = lease.stored_until] {
    Lease& again = leases_.find(key)->second;
    if (again.watched) deadlines_.erase({again.until, key});
    again.until = before;
    again.stored_until = stored;
    if (again.watched) deadlines_.emplace(before, key);
  });
  if (lease.watched) deadlines_.erase({lease.until, lease.key});
  lease.until = until;
  if (lease.watched) deadlines_.emplace(until, lease.key);
}

void Queues::adopt(Transaction& tx, Lease& lease, SessionId session, std::int64_t consumer_id) {
  const LeaseKey key = lease.key;
  undo_.add([this, key, before = lease.session, consumer_before = lease.consumer,
             again_consumer = consumer_id] {
    Lease& again = leases_.find(key)->second;
    unlink(again);
    again.session = before;
    again.consumer = consumer_before;
    link(again);
    if (Consumer* c = consumer(again_consumer)) into_line(*c);
  });
  if (lease.session != session) tx.run(sql::extend_lease, key.message, lease.stored_until, session);
  unlink(lease);
  lease.session = session;
  lease.consumer = consumer_id;
  link(lease);
  if (Consumer* c = consumer(consumer_id)) count(c->in_hands, 1);
  watch_deadline(lease, false);
}

void Queues::set_owner(Lease& lease, std::string owner) {
  undo_.add([this, key = lease.key, before = lease.owner, memo = lease.memo] {
    Lease& again = leases_.find(key)->second;
    again.owner = before;
    again.memo = memo;
  });
  lease.owner = std::move(owner);
  lease.memo = nullptr;
}

std::optional<EngineTime> Queues::first_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::vector<LeaseKey> Queues::past_deadline(EngineTime now, std::size_t max) const {
  std::vector<LeaseKey> keys;
  for (const auto& [until, key] : deadlines_) {
    if (until > now || keys.size() == max) break;
    keys.push_back(key);
  }
  return keys;
}

void Queues::remember_settled(Transaction& tx, const LeaseKey& key, Verb verb, Now now) {
  tx.run(sql::put_settled, key.message, key.fence, static_cast<int>(verb), now.wall);
}

std::optional<Verb> Queues::find_settled(Reader& reader, const LeaseKey& key) {
  auto q = reader.query(sql::find_settled, key.message, key.fence);
  if (!q.step()) return std::nullopt;
  return static_cast<Verb>(q.int64(0));
}

}  // namespace sluice::queue
