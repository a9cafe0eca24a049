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
    settings.capacity = parsed->capacity.value_or(0);
    settings.rejects = parsed->rejects.value_or(false);
    if (parsed->waiting_max) settings.waiting_max = *parsed->waiting_max;
    if (parsed->dedup_seconds) settings.dedup = of_seconds(*parsed->dedup_seconds);
    settings.dedup_by_body = parsed->dedup_by_body.value_or(false);
    settings.letters_retention = of_seconds(parsed->letters_retention_seconds.value_or(0));
    settings.letters_max = parsed->letters_max.value_or(0);
    settings.replays_max = parsed->replays_max.value_or(0);
    settings.breaker.reset();
    if (const auto& given = parsed->breaker)
      settings.breaker =
          queue::Settings::Breaker{given->failures.value_or(0), given->dead_letters.value_or(0),
                                   of_seconds(given->within_seconds), given->whole_workflow,
                                   of_seconds(given->resume_after_seconds.value_or(0))};
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
  out.capacity.reset();
  out.rejects.reset();
  out.waiting_max.reset();
  if (in_force.capacity != 0) {
    out.capacity = in_force.capacity;
    out.rejects = in_force.rejects;
    out.waiting_max = in_force.waiting_max;
  }
  out.dedup_seconds = static_cast<double>(in_force.dedup.us) / 1e6;
  out.dedup_by_body = in_force.dedup_by_body;
  out.letters_retention_seconds.reset();
  out.letters_max.reset();
  out.replays_max.reset();
  if (in_force.letters_retention.us != 0)
    out.letters_retention_seconds = static_cast<double>(in_force.letters_retention.us) / 1e6;
  if (in_force.letters_max != 0) out.letters_max = in_force.letters_max;
  if (in_force.replays_max != 0) out.replays_max = in_force.replays_max;
  out.breaker.reset();
  if (const auto& breaker = in_force.breaker) {
    auto& shown = out.breaker.emplace();
    if (breaker->failures != 0) shown.failures = breaker->failures;
    if (breaker->dead_letters != 0) shown.dead_letters = breaker->dead_letters;
    shown.within_seconds = static_cast<double>(breaker->within.us) / 1e6;
    shown.whole_workflow = breaker->whole_workflow;
    if (breaker->resume_after.us != 0)
      shown.resume_after_seconds = static_cast<double>(breaker->resume_after.us) / 1e6;
  }
}

// What makes two messages of the queue the same; nothing: each is its own.
std::optional<std::string> dedup_id_of(const queue::Queue& q, const NewMessage& m) {
  if (m.dedup_id || !q.settings.dedup_by_body) return m.dedup_id;
  return "body " + sha256_hex(m.body.text());
}

// Whether all of them fit; those that were sent before need no room.
Status Engine::Impl::check_capacity(Transaction& tx, const std::vector<NewMessage>& messages) {
  std::map<const queue::Queue*, std::int64_t> wanted;
  for (const auto& m : messages) {
    const queue::Queue* q = queues.find(m.queue);
    if (q == nullptr || q->settings.capacity == 0) continue;
    if (const auto id = dedup_id_of(*q, m); id && queues.find_duplicate(tx, *q, *id, now()))
      continue;
    wanted[q] += 1;
  }
  for (const auto& [q, count] : wanted)
    if (!queue::Queues::has_room(*q, count)) return full_queue(*q);
  return ok();
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
  if (const auto fits = check_capacity(tx, c.messages); !fits) return fits.error();
  const Now time = now();
  SendMessages::Reply reply;
  reply.reserve(c.messages.size());
  for (const auto& m : c.messages) {
    queue::Queue& q = queues.get_or_make(tx, m.queue, time);
    const auto dedup_id = dedup_id_of(q, m);
    if (dedup_id) {
      if (const auto earlier = queues.find_duplicate(tx, q, *dedup_id, time)) {
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
    if (dedup_id) queues.remember_dedup(tx, q, *dedup_id, put.id, time);
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
  const std::int64_t waiting = queue::Queues::depth(*q) + q->waiting;
  if (waiting + q->dead != 0)
    return make_error(
        Errc::conflict,
        "queue \"" + c.queue + "\" is not empty: " + std::to_string(waiting) + " messages, " +
            std::to_string(q->dead) +
            " dead letters. Purge it or let it drain, and drop or replay the dead letters.");
  if (q->consumers != 0)
    return make_error(Errc::conflict, "queue \"" + c.queue + "\" has " +
                                          std::to_string(q->consumers) + " workers waiting on it");
  if (breakers.find(q->id) != nullptr)
    return make_error(Errc::conflict, "the breaker of queue \"" + c.queue +
                                          "\" is not closed: resume the queue first");
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
  if (!c.paused) resumed_by_hand(tx, q->id, std::nullopt);
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
