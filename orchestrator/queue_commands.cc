// Sending to bare queues, and a queue's settings, pause and purge.
#include <cmath>

#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t purge_step = 10'000;

constexpr double ns_per_second = 1e9;

Duration of_seconds(double s) { return {static_cast<std::int64_t>(s * 1e6)}; }

Error no_such_queue(const std::string& name) {
  return make_error(Errc::not_found, "no queue \"" + name + "\"");
}

}  // namespace

queue::Settings Engine::Impl::in_force(const std::optional<std::string>& operators,
                                       const std::optional<std::string>& definition) const {
  queue::Settings settings;
  const auto apply_json = [&](const std::optional<std::string>& json) {
    if (!json) return;
    const auto parsed = workflows::parse_queue_settings(Json::parse(*json, nullptr, false), "");
    SLUICE_CHECK(parsed.has_value(), "queue settings as they were accepted");
    if (parsed->lease_seconds) settings.lease = of_seconds(*parsed->lease_seconds);
    if (parsed->deliveries_max) settings.deliveries_max = *parsed->deliveries_max;
    if (parsed->at_most_once) settings.at_most_once = *parsed->at_most_once;
    if (parsed->ageing_seconds) settings.ageing = of_seconds(*parsed->ageing_seconds);
    settings.concurrency = parsed->concurrency.value_or(0);
    if (parsed->rate_per_second) {
      settings.rate_per_second = *parsed->rate_per_second;
      settings.rate_interval_ns =
          static_cast<std::int64_t>(std::llround(ns_per_second / *parsed->rate_per_second));
      settings.burst = parsed->burst.value_or(
          std::max<std::int64_t>(1, std::llround(std::floor(*parsed->rate_per_second))));
    }
    settings.order_blocks = parsed->order_blocks.value_or(false);
  };
  // The operator's word wins as a whole, until it is cleared.
  apply_json(operators ? operators : definition);
  return settings;
}

void put_limits(workflows::QueueSettings& out, const queue::Settings& in_force) {
  out.rate_per_second.reset();
  out.burst.reset();
  out.concurrency.reset();
  if (in_force.rate_interval_ns != 0) {
    out.rate_per_second = in_force.rate_per_second;
    out.burst = in_force.burst;
  }
  if (in_force.concurrency != 0) out.concurrency = in_force.concurrency;
  out.order_blocks = in_force.order_blocks;
}

Result<SendMessages::Reply> Engine::Impl::apply(Transaction& tx, const SendMessages& c) {
  if (const auto room = check_room(); !room) return room.error();
  for (std::size_t i = 0; i < c.messages.size(); ++i)
    if (c.messages[i].body.size_bytes() > options.payload_bytes_max) {
      Error error = make_error(Errc::too_large, "a body is larger than the payload limit of " +
                                                    std::to_string(options.payload_bytes_max) +
                                                    " bytes; nothing was sent");
      error.problems.push_back({"/messages/" + std::to_string(i) + "/body",
                                std::to_string(c.messages[i].body.size_bytes()) + " bytes"});
      return error;
    }
  const Now time = now();
  SendMessages::Reply reply;
  reply.reserve(c.messages.size());
  for (const auto& m : c.messages) {
    queue::Queue& q = queues.get_or_make(tx, m.queue, time);
    if (m.dedup_id) {
      if (const auto earlier = queues.find_duplicate(tx, q, *m.dedup_id, time)) {
        reply.push_back({*earlier, true});
        continue;
      }
    }
    queue::Put put;
    put.id = MessageId{ids.next(time.wall)};
    put.queue = q.id;
    put.priority = m.priority;
    put.order_key = m.order_key;
    put.body = m.body;
    const std::string headers = headers_json(m.headers);
    put.headers = headers;
    if (m.delay.us > 0) put.due = queue::Due{queue::ClockKind::wall, (time.wall + m.delay).us};
    if (m.expires) put.expires = time.wall + m.delay + *m.expires;
    queues.put(tx, put, time);
    if (m.dedup_id) queues.remember_dedup(tx, q, *m.dedup_id, put.id, time);
    reply.push_back({put.id, false});
  }
  return reply;
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const PutQueue& c) {
  queue::Queue& q = queues.get_or_make(tx, c.queue, now());
  const std::optional<std::string> json = to_text(workflows::to_json(c.settings));
  queues.set_operator_settings(tx, q, json, in_force(json, q.definition_settings));
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const ClearQueueSettings& c) {
  queue::Queue* q = queues.find(c.queue);
  if (q == nullptr) return no_such_queue(c.queue);
  queues.set_operator_settings(tx, *q, std::nullopt,
                               in_force(std::nullopt, q->definition_settings));
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const DeleteQueue& c) {
  queue::Queue* q = queues.find(c.queue);
  if (q == nullptr) return no_such_queue(c.queue);
  const std::int64_t waiting = q->ready + q->delayed + q->blocked + q->leased + q->held;
  if (waiting + q->dead != 0)
    return make_error(
        Errc::conflict,
        "queue \"" + c.queue + "\" is not empty: " + std::to_string(waiting) + " messages, " +
            std::to_string(q->dead) +
            " dead letters. Purge it or let it drain, and drop or replay the dead letters.");
  if (q->consumers != 0)
    return make_error(Errc::conflict, "queue \"" + c.queue + "\" has " +
                                          std::to_string(q->consumers) + " workers waiting on it");
  for (const auto& [id, workflow] : catalog.all()) {
    if (workflow->deleted) continue;
    const auto& machine = catalog.machine(tx, *catalog.version(*workflow, workflow->latest));
    for (const auto& name : machine.stage_queues)
      if (name == c.queue)
        return make_error(Errc::conflict, "workflow \"" + workflow->name +
                                              "\" has a stage on queue \"" + c.queue + "\"");
  }
  queues.erase(tx, *q);
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const PauseQueue& c) {
  queue::Queue* q = queues.find(c.queue);
  if (q == nullptr) return no_such_queue(c.queue);
  queues.pause(tx, *q, c.paused, now());
  return Unit{};
}

Result<PurgeQueue::Reply> Engine::Impl::apply(Transaction& tx, const PurgeQueue& c) {
  queue::Queue* q = queues.find(c.queue);
  if (q == nullptr) return no_such_queue(c.queue);
  for (const auto& lane : q->lanes)
    if (lane->id != 0 && lane->ready != 0)
      return make_error(Errc::conflict,
                        "queue \"" + c.queue +
                            "\" holds stages of running workflows, which end only with their runs: "
                            "cancel the runs instead");
  return PurgeQueue::Reply{queues.purge(tx, *q, purge_step, now())};
}

}  // namespace sluice::orchestrator
