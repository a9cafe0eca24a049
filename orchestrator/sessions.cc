// Worker sessions: who is connected, what they subscribe to, and what happens when one is gone.
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {

std::shared_ptr<Session> Engine::Impl::find_session(const std::string& text) const {
  const auto id = parse_id<SessionTag>(text);
  if (!id) return nullptr;
  const std::shared_lock lock(mutex);
  const auto at = sessions.find(id->value);
  return at == sessions.end() ? nullptr : at->second;
}

// `session` is new, or the one that comes back. Either way it takes back what it names and still
// holds; what it held and does not name never reached it, and is handed out again.
void Engine::Impl::open(Transaction& tx, const std::shared_ptr<Session>& session,
                        const SessionOptions& asked, bool resume, SessionWelcome& welcome) {
  welcome.id = to_string(session->id);
  welcome.taken_back.clear();
  std::shared_ptr<Session> before;
  {
    const std::unique_lock lock(mutex);
    before = std::exchange(sessions[session->id.value], session);
  }
  undo.add([this, session, before] {
    const std::unique_lock lock(mutex);
    if (before)
      sessions[session->id.value] = before;
    else
      sessions.erase(session->id.value);
  });
  session_count += 1;
  session->connected = true;
  session->last_seen_us = clock.steady_now().us;
  if (!resume) return;
  std::unordered_set<LeaseKey, queue::LeaseKeyHash> named;
  for (const auto& text : asked.holds) {
    const auto token = tokens->read(text);
    if (!token || token->kind != TokenKind::handout) continue;
    const LeaseKey key{MessageId{token->id}, token->number};
    Lease* lease = queues.find_lease(key);
    if (lease == nullptr || lease->over || lease->session != session->id) continue;
    named.insert(key);
    const auto subscription = session->subscriptions.find(lease->queue.value);
    if (queues.consumer(lease->consumer) == nullptr)
      queues.adopt(tx, *lease, session->id,
                   subscription == session->subscriptions.end() ? 0 : subscription->second);
    welcome.taken_back.push_back(text);
  }
  for (const auto& key : queues.leases_of(session->id)) {
    if (named.contains(key)) continue;
    Lease* lease = queues.find_lease(key);
    if (lease->over)
      queues.returned(*lease);
    else
      lose(tx, key, "the worker came back without it");
  }
}

Status Engine::Impl::subscribe(Transaction& tx, const std::shared_ptr<Session>& session,
                               const std::string& queue_name, int credit) {
  queue::Queue& q = queues.get_or_make(tx, queue_name, now());
  if (const auto at = session->subscriptions.find(q.id.value); at != session->subscriptions.end()) {
    if (queue::Consumer* c = queues.consumer(at->second)) {
      queues.set_credit(*c, credit);
      return ok();
    }
  }
  queue::Consumer consumer;
  consumer.queue = q.id;
  consumer.session = session->id;
  consumer.worker = session->worker;
  consumer.credit = credit;
  const std::int64_t id = queues.add_consumer(std::move(consumer));
  session->subscriptions[q.id.value] = id;
  // What it brought along from before counts as in its hands.
  for (const auto& key : queues.leases_of(session->id)) {
    Lease* lease = queues.find_lease(key);
    if (lease->queue == q.id && queues.consumer(lease->consumer) == nullptr)
      queues.adopt(tx, *lease, session->id, id);
  }
  return ok();
}

void Engine::Impl::unsubscribe(Transaction&, Session& session, const std::string& queue_name) {
  const queue::Queue* q = queues.find(queue_name);
  if (q == nullptr) return;
  const auto at = session.subscriptions.find(q->id.value);
  if (at == session.subscriptions.end()) return;
  // Its tasks in hand stay; only hand-outs end. The consumer is kept for their credit.
  if (queue::Consumer* c = queues.consumer(at->second)) queues.set_credit(*c, 0);
}

void Engine::Impl::revoked(Transaction&, const std::string& token_text) {
  const auto token = tokens->read(token_text);
  if (!token || token->kind != TokenKind::handout) return;
  Lease* lease = queues.find_lease({MessageId{token->id}, token->number});
  if (lease != nullptr && lease->over) queues.returned(*lease);
}

void Engine::Impl::revoke(const Lease& lease) {
  if (!lease.session) return;
  std::shared_ptr<Consumer> sink;
  {
    const std::shared_lock lock(mutex);
    const auto at = sessions.find(lease.session.value);
    if (at == sessions.end() || !at->second->connected) return;
    sink = at->second->sink;
  }
  revokes.emplace_back(
      std::move(sink),
      tokens->make({TokenKind::handout, lease.key.message.value, lease.key.fence,
                    lease.owner.empty()
                        ? RunId{}
                        : decode_frame(FrameId{lease.key.message.value}, lease.owner).run}));
  undo.add([this] { revokes.pop_back(); });
}

void Engine::Impl::detach(Transaction& tx, Session& session, bool graceful) {
  session.connected = false;
  session.detached_at = clock.steady_now();
  detached_count += 1;
  for (const auto& [queue_id, consumer_id] : session.subscriptions)
    if (queue::Consumer* c = queues.consumer(consumer_id)) queues.set_credit(*c, 0);
  if (graceful) let_go(tx, session, false);
}

// Everything the session held goes back. `used_up`: the deliveries count as lost, since nobody
// knows how far they got.
void Engine::Impl::let_go(Transaction& tx, Session& session, bool used_up) {
  for (const auto& key : queues.leases_of(session.id)) {
    Lease* lease = queues.find_lease(key);
    if (lease->over) {
      queues.returned(*lease);
      continue;
    }
    if (used_up) {
      lose(tx, key, "the worker's connection was lost");
      if (Lease* again = queues.find_lease(key)) queues.returned(*again);
    } else {
      const std::string token = tokens->make(
          {TokenKind::handout, key.message.value, key.fence,
           lease->owner.empty() ? RunId{}
                                : decode_frame(FrameId{key.message.value}, lease->owner).run});
      const auto released = apply(tx, ReleaseTask{token, Duration{}});
      SLUICE_CHECK(released.has_value(), "a lease that is held to be released");
    }
  }
  for (const auto& [queue_id, consumer_id] : session.subscriptions)
    queues.remove_consumer(consumer_id);
  const std::unique_lock lock(mutex);
  const auto gone = sessions.extract(session.id.value);
  // Rolled back, it still holds what it held, and is looked at again.
  if (gone)
    undo.add([this, kept = gone.mapped()] {
      const std::unique_lock again(mutex);
      sessions[kept->id.value] = kept;
      sessions_checked = Duration{INT64_MIN / 2};
    });
}

void Engine::Impl::check_sessions(Transaction& tx) {
  const Duration steady = clock.steady_now();
  if (steady - sessions_checked < milliseconds(250)) return;
  sessions_checked = steady;
  std::vector<std::shared_ptr<Session>> gone;
  detached_count = 0;
  {
    const std::shared_lock lock(mutex);
    session_count = static_cast<std::int64_t>(sessions.size());
    for (const auto& [id, session] : sessions) {
      if (!session->connected) {
        if (steady - session->detached_at >= options.session_grace)
          gone.push_back(session);
        else
          detached_count += 1;
      } else if (steady - Duration{session->last_seen_us.load()} >= options.session_timeout) {
        gone.push_back(session);
      }
    }
  }
  for (const auto& session : gone) {
    let_go(tx, *session, true);
  }
  // A session's sign of life extends what it holds, in memory. The row follows when half of what it
  // promises is over.
  const EngineTime time = now().engine;
  std::vector<LeaseKey> to_store;
  for (const auto& [key, lease] : queues.leases()) {
    if (lease.over || lease.watched || !lease.session) continue;
    if (lease.stored_until - time < Duration{lease.length.us / 2}) to_store.push_back(key);
  }
  for (const auto& key : to_store) {
    Lease* lease = queues.find_lease(key);
    if (lease != nullptr) queues.extend(tx, *lease, time + lease->length, true);
  }
}

}  // namespace sluice::orchestrator
