// From hand-outs to deliveries: what the worker is told, once the batch is durable.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int heartbeat_timeout = 2;

}  // namespace

std::int64_t Engine::Impl::add_waiting_consumer(Transaction& tx, const LeaseRequest& request) {
  queue::Queue& q = queues.get_or_make(tx, request.queue, now());
  queue::Consumer consumer;
  consumer.queue = q.id;
  consumer.worker = request.worker;
  consumer.credit = request.max;
  consumer.lease = request.lease;
  consumer.once = true;
  return queues.add_consumer(std::move(consumer));
}

// Registers the lease; before_commit() serves it with the rest of the line, or answers it empty.
std::uint64_t Engine::Impl::start_lease(Transaction& tx, const LeaseRequest& request,
                                        std::function<void(Result<std::vector<Delivery>>)> done,
                                        std::uint64_t number) {
  Waiting waiting;
  waiting.number = number;
  waiting.consumer = add_waiting_consumer(tx, request);
  waiting.until = clock.steady_now() + request.wait;
  waiting.done = std::move(done);
  wait_for(std::move(waiting));
  undo.add([this, number] { (void)take_waiting(number); });
  return number;
}

void Engine::Impl::wait_for(Waiting waiting) {
  waiting_until.emplace(waiting.until, waiting.number);
  waiting_of_consumer[waiting.consumer] = waiting.number;
  const std::uint64_t number = waiting.number;
  waitings[number] = std::move(waiting);
}

Delivery Engine::Impl::delivery(Reader& reader, const queue::Handout& handout, Lease& lease) {
  const Now time = now();
  Delivery d;
  d.id = lease.key.message;
  d.queue = queues.find(lease.queue)->name;
  d.body = handout.body ? handout.body : load_doc(reader, unpack(handout.body_ref));
  d.headers = handout.headers;
  d.attempt = lease.attempt;
  d.lease_until = time.wall + (lease.until - time.engine);
  TaskToken token{TokenKind::handout, lease.key.message.value, lease.key.fence, {}};
  if (lease.owner.empty()) {
    d.idempotency_key = to_string(lease.key.message);
  } else {
    if (!lease.memo)
      lease.memo =
          std::make_shared<FrameMemo>(decode_frame(FrameId{lease.key.message.value}, lease.owner));
    const FrameRow& row = memo_of(lease)->row;
    Version& version = catalog.version(row.version_id);
    token.run = row.run;
    d.run = row.run;
    d.workflow = version.workflow->name;
    d.state = catalog.machine(reader, version).states[row.frame.state].name;
    if (row.heartbeat_us > 0 && row.token_number == 0) d.heartbeat = Duration{row.heartbeat_us};
    d.idempotency_key = to_string(row.frame.id) + "-" + std::to_string(row.frame.entries);
  }
  d.token = tokens->make(token);
  return d;
}

void Engine::Impl::build_deliveries(Transaction& tx) {
  deliveries.clear();
  const EngineTime time = now().engine;
  for (const auto& handout : queues.handouts()) {
    Lease* lease = queues.find_lease(handout.lease);
    if (lease == nullptr || lease->over) {  // Taken back in the same batch.
      queues.not_delivered(handout);
      continue;
    }
    Delivery d = delivery(tx, handout, *lease);
    if (!lease->session && queues.consumer(handout.consumer) == nullptr) {
      // Whoever waited has gone away in the same batch: nobody would ever know that he holds it.
      const auto released = apply(tx, ReleaseTask{d.token, Duration{}});
      SLUICE_CHECK(released.has_value(), "a lease that is held to be released");
      continue;
    }
    lease->pause_base = pause_total(*lease);
    if (const auto* memo = memo_of(*lease);
        memo != nullptr && memo->row.heartbeat_us > 0 && memo->row.token_number == 0) {
      const EngineTime due = time + Duration{memo->row.heartbeat_us};
      beats[lease->key.message.value] = due;
      tx.run(sql::insert_deadline, due.us, FrameId{lease->key.message.value}, heartbeat_timeout);
      next_deadline = std::min(next_deadline, due.us);
    }
    deliveries[handout.consumer].push_back(std::move(d));
    tally(counts.handoffs);
  }
  // A batch's own lease takes what is there now, and does not wait.
  for (const auto& [consumer_id, tasks] : chained) queues.remove_consumer(consumer_id);
  // A waiting lease ends with what it got.
  for (const auto& [consumer_id, tasks] : deliveries) {
    const queue::Consumer* c = queues.consumer(consumer_id);
    if (c != nullptr && c->once) queues.remove_consumer(consumer_id);
  }
}

void Engine::Impl::before_commit(Transaction& tx) {
  look_at_clock();
  follow_stages();
  if (!locks.due().empty() || !counters.due().empty()) open_doors(tx);
  if (queues.has_roomy()) admit(tx);
  queues.dispatch(tx, now(), handouts_step);
  counters.store(tx);
  build_deliveries(tx);
}

void Engine::Impl::committed() {
  undo.clear();
  trim_joins();
  std::vector<std::pair<std::shared_ptr<Consumer>, std::vector<Delivery>>> pushes;
  for (auto& [consumer_id, tasks] : deliveries) {
    if (const auto at = waiting_of_consumer.find(consumer_id); at != waiting_of_consumer.end()) {
      take_waiting(at->second)->done(std::move(tasks));
      continue;
    }
    if (const auto at = chained.find(consumer_id); at != chained.end()) {
      *at->second = std::move(tasks);
      continue;
    }
    const queue::Consumer* c = queues.consumer(consumer_id);
    if (c == nullptr) continue;
    const std::shared_lock lock(mutex);
    const auto session = sessions.find(c->session.value);
    if (session != sessions.end()) pushes.emplace_back(session->second->sink, std::move(tasks));
  }
  deliveries.clear();
  expire_waits();
  for (auto& [sink, tasks] : pushes)
    if (sink) sink->deliver(std::move(tasks));
  for (auto& [sink, token] : revokes)
    if (sink) sink->revoke(token);
  revokes.clear();
  queues.committed();

  std::vector<std::function<void()>> calls;
  calls.swap(after_commit);
  for (auto& call : calls) call();

  if (watch_count.load() > 0) {
    std::vector<std::pair<std::function<void(bool)>, bool>> changed;
    {
      const std::lock_guard lock(watch_mutex);
      for (const auto& [run, ended] : touched_runs) {
        const auto [first, last] = watches_of_run.equal_range(run.value);
        for (auto at = first; at != last; ++at)
          changed.emplace_back(watches.at(at->second).second, ended);
      }
    }
    for (auto& [call, ended] : changed) call(ended);
  }
  touched_runs.clear();

  counts.commits += 1;
  counts.live_runs = live_runs;
  counts.leases = static_cast<std::int64_t>(queues.leases().size());
  counts.engine_now = read_clock().engine;
  publish();
}

// A wait that got nothing in its time is answered with nothing, after the commit that could have
// served it.
void Engine::Impl::expire_waits() {
  const Duration steady = clock.steady_now();
  while (!waiting_until.empty() && waiting_until.begin()->first <= steady) {
    if (auto node = take_waiting(waiting_until.begin()->second)) {
      queues.remove_consumer(node->consumer);
      node->done(std::vector<Delivery>{});
    }
  }
  undo.clear();
}

std::optional<Waiting> Engine::Impl::take_waiting(std::uint64_t number) {
  auto node = waitings.extract(number);
  if (node.empty()) return std::nullopt;
  waiting_until.erase({node.mapped().until, number});
  waiting_of_consumer.erase(node.mapped().consumer);
  return std::move(node.mapped());
}

}  // namespace sluice::orchestrator
