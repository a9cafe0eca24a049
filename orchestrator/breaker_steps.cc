// What failures, successes, time and operators do to a queue's circuit breaker.
#include <fmt/format.h>

#include "orchestrator/audit.h"
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {

// An attempt of the queue has failed. `workflow`: whose; 0: a bare message.
void Engine::Impl::attempt_failed(Transaction& tx, queue::Queue& q, std::int64_t workflow,
                                  const Fault& fault) {
  const auto& settings = q.settings.breaker;
  if (!settings) return;
  const std::string error = fault.error.value_or("an error without a name");
  const Breaker* breaker = breakers.find(q.id);
  if (breaker != nullptr && breaker->half_open) {
    open_breaker(tx, q, workflow, fmt::format("the probe failed with {}", error));
    return;
  }
  if (breaker != nullptr || q.paused || settings->failures == 0) return;
  if (breakers.count(q.id, Breakers::Trouble::failure, settings->failures, settings->within,
                     now().engine))
    open_breaker(tx, q, workflow,
                 fmt::format("{} failed attempts within {} s, the last with {}", settings->failures,
                             settings->within.us / 1'000'000, error));
}

void Engine::Impl::left_dead_letter(Transaction& tx, queue::Queue& q, std::int64_t workflow) {
  const auto& settings = q.settings.breaker;
  if (!settings || settings->dead_letters == 0 || q.paused || breakers.find(q.id) != nullptr)
    return;
  if (breakers.count(q.id, Breakers::Trouble::dead_letter, settings->dead_letters, settings->within,
                     now().engine))
    open_breaker(tx, q, workflow,
                 fmt::format("{} dead letters within {} s", settings->dead_letters,
                             settings->within.us / 1'000'000));
}

void Engine::Impl::attempt_succeeded(Transaction& tx, queue::Queue& q) {
  if (!q.probing) return;
  close_breaker(tx, q, "the probe succeeded");
}

void Engine::Impl::open_breaker(Transaction& tx, queue::Queue& q, std::int64_t workflow,
                                const std::string& reason) {
  const auto& settings = *q.settings.breaker;
  const Breaker* before = breakers.find(q.id);
  Breaker breaker;
  breaker.since = now().wall;
  breaker.reason = reason;
  if (settings.resume_after.us > 0) breaker.probe_at = now().engine + settings.resume_after;
  if (before != nullptr) breaker.workflow = before->workflow;
  Workflow* whole =
      workflow == 0 || !settings.whole_workflow ? nullptr : catalog.find(WorkflowId{workflow});
  if (whole != nullptr && (!whole->paused || breaker.workflow == whole->id)) {
    breaker.workflow = whole->id;
    catalog.pause(tx, *whole, true, now());
    queues.pause_lane(whole->id.value, true);
  }
  queues.probe(q, false);
  queues.pause(tx, q, true, now());
  breakers.put(tx, q.id, breaker);
  AuditEntry entry{"breaker.open", "queue:" + q.name};
  entry.detail["again"] = before != nullptr;
  if (breaker.workflow) entry.detail["workflow"] = catalog.find(*breaker.workflow)->name;
  write_audit(tx, entry, {"sluice", reason}, now().wall);
}

void Engine::Impl::let_go_on(Transaction& tx, queue::Queue& q, const Breaker& breaker) {
  if (breaker.workflow)
    if (Workflow* whole = catalog.find(*breaker.workflow)) {
      catalog.pause(tx, *whole, false, now());
      queues.pause_lane(whole->id.value, false);
    }
  queues.pause(tx, q, false, now());
}

void Engine::Impl::close_breaker(Transaction& tx, queue::Queue& q, const std::string& reason) {
  const Breaker* breaker = breakers.find(q.id);
  if (breaker == nullptr) return;
  const Breaker was = *breaker;
  breakers.close(tx, q.id);
  queues.probe(q, false);
  let_go_on(tx, q, was);
  write_audit(tx, {"breaker.close", "queue:" + q.name}, {"sluice", reason}, now().wall);
}

// Those whose time has come hand out one message.
void Engine::Impl::tend_breakers(Transaction& tx) {
  const auto next = breakers.next_probe();
  if (!next || *next > now().engine) return;
  std::vector<QueueId> due;
  for (const auto& [id, breaker] : breakers.all())
    if (!breaker.half_open && breaker.probe_at && *breaker.probe_at <= now().engine)
      due.push_back(QueueId{id});
  for (const QueueId id : due) {
    queue::Queue& q = *queues.find(id);
    Breaker breaker = *breakers.find(id);
    breaker.half_open = true;
    breaker.probe_at.reset();
    breakers.put(tx, id, breaker);
    queues.probe(q, true);
    let_go_on(tx, q, breaker);
  }
}

// An operator's resume closes what held it.
void Engine::Impl::resumed_by_hand(Transaction& tx, std::optional<QueueId> queue,
                                   std::optional<WorkflowId> workflow) {
  std::vector<QueueId> closed;
  for (const auto& [id, breaker] : breakers.all())
    if ((queue && queue->value == id) || (workflow && breaker.workflow == workflow))
      closed.push_back(QueueId{id});
  for (const QueueId id : closed) close_breaker(tx, *queues.find(id), "resumed by an operator");
}

}  // namespace sluice::orchestrator
