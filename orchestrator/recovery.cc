// What the engine must know before its first command, read from disk. There is no other recovery:
// every effect that was not yet acted upon when the last process ended is re-derived from rows by
// the ordinary paths.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"
#include "queue/statements.h"

namespace sluice::orchestrator {

void Engine::Impl::recover(storage::Database& db) {
  std::string secret;
  std::int64_t engine_us = 0, order_us = 0, largest = 0, live_children = 0;
  db.read(
      [&](Reader& reader) {
        if (auto q = reader.query(sql::get_meta, "token_secret"); q.step()) secret = q.blob(0);
        if (auto q = reader.query(sql::get_meta, "engine_time_us"); q.step())
          engine_us = q.int64(0);
        if (auto q = reader.query(sql::get_meta, "order_us"); q.step()) order_us = q.int64(0);
        catalog.load(reader);
        queues.load(reader);
        topics.load(reader);
        counters.load(reader);
        breakers.load(reader);
        locks.load(reader);
        largest = std::max({queues.largest_id(), event_lines.load(reader), schedules.load(reader),
                            jobs.load(reader)});
        for (const auto* statement : {&sql::max_run, &sql::max_frame, &sql::max_frame_in_log})
          if (auto q = reader.query(*statement); q.step()) largest = std::max(largest, q.int64(0));
        if (auto q = reader.query(sql::max_log); q.step()) log_seq = q.int64(0);
        recover_stages(reader);
        for (auto q = reader.query(sql::paused_runs); q.step();) paused_runs.insert(q.int64(0));
        if (auto q = reader.query(sql::count_live_children); q.step()) live_children = q.int64(0);
        if (auto q = reader.query(sql::count_frames); q.step()) live_runs = q.int64(0);
      },
      /*limited=*/false);

  // What was put after the last mark of time keeps its place before what is put now, however often
  // the server restarts between two marks.
  order_us = std::max(order_us, engine_us) + seconds(2).us;
  {
    Transaction tx(db.writer_connection());
    if (secret.empty()) {
      secret = random_secret(16);
      tx.run(sql::put_meta, "token_secret", storage::as_blob(secret));
    }
    tx.run(sql::put_meta, "order_us", order_us);
    mark_stages(tx);
    tx.commit();
  }
  queues.order_from(EngineTime{order_us});
  tokens = std::make_unique<Tokens>(secret);
  ids = IdSource(largest);
  // Time stood still while nobody was here. Marks are a second apart; a lease may be granted that
  // second again.
  engine_start = EngineTime{engine_us};
  time_marked = engine_start;
  steady_start = clock.steady_now();
  swept_at = engine_start;

  for (const auto& [id, q] : queues.all()) {
    q->settings = in_force(q->operator_settings, q->definition_settings);
  }
  for (const auto& [id, breaker] : breakers.all())
    if (queue::Queue* q = queues.find(QueueId{id})) queues.probe(*q, breaker.half_open);
  live_runs += queues.loaded_in_lanes();
  for (const auto& [key, lease] : queues.leases())
    if (!lease.owner.empty()) live_runs += 1;
  live_runs -= live_children;  // Each run has one frame that is not a child.
  for (const auto& [id, workflow] : catalog.all())
    if (workflow->paused) queues.pause_lane(workflow->id.value, true);
  std::vector<LeaseKey> stand_still;
  for (const auto& [key, lease] : queues.leases()) {
    queues.find_lease(key)->pause_base = pause_total(lease);
    const bool run_paused =
        !lease.owner.empty() &&
        paused_runs.contains(decode_frame(FrameId{key.message.value}, lease.owner).run.value);
    if (run_paused || queues.find(lease.queue)->paused || queues.lane_paused(lease.lane))
      stand_still.push_back(key);
  }
  for (const auto& key : stand_still) {
    Lease* lease = queues.find_lease(key);
    queues.put_off(*lease, std::max(lease->until, engine_start + lease->length));
  }
  undo.clear();
}

}  // namespace sluice::orchestrator
