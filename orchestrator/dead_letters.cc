// Replaying and dropping dead letters.
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {

Result<Unit> Engine::Impl::apply(Transaction& tx, const ReplayDeadLetter& c) {
  const auto replayed = replay(tx, c);
  if (!replayed) return replayed.error();
  return Unit{};
}

Result<std::optional<MessageId>> Engine::Impl::replay(Transaction& tx, const ReplayDeadLetter& c) {
  const auto letter = queues.dead_letter(tx, c.id);
  if (!letter) return make_error(Errc::not_found, "no dead letter " + to_string(c.id));
  if (letter->compensated)
    return make_error(Errc::conflict, "dead letter " + to_string(c.id) +
                                          " was closed when the undoing of its run began "
                                          "(compensation): start a new run");
  if (!letter->open)
    return make_error(Errc::conflict, "dead letter " + to_string(c.id) +
                                          " is closed: it was replayed or dropped before");
  if (!c.force && queues.is_set_aside(tx, *letter))
    return make_error(Errc::conflict,
                      "dead letter " + to_string(c.id) +
                          " is set aside: what it is of was replayed " +
                          std::to_string(queues.replays(tx, *letter)) +
                          " times and died again (MaxReplays); \"force\": true replays it once "
                          "more, or drop it");
  const auto without_message = [](const Result<Unit>& done) -> Result<std::optional<MessageId>> {
    if (!done) return done.error();
    return std::optional<MessageId>();
  };
  if (letter->run)
    return without_message(
        redrive(tx, RedriveRun{*letter->run, c.from, c.input, c.version, c.edit}, c.id));
  if (c.from || c.version) {
    Error error =
        make_error(Errc::invalid_argument,
                   "dead letter " + to_string(c.id) + " is of no run, which could go on elsewhere");
    if (c.from) error.problems.push_back({"/from", "only for the dead letter of a run"});
    if (c.version) error.problems.push_back({"/version", "only for the dead letter of a run"});
    return error;
  }

  std::optional<Doc> input = c.input;
  if (c.edit) {
    auto changed = edited(Doc::from_text(letter->body), *c.edit, options.payload_bytes_max);
    if (!changed) return changed.error();
    input = *std::move(changed);
  }
  if (input && input->size_bytes() > options.payload_bytes_max)
    return make_error(Errc::too_large, "the input is larger than the payload limit");
  if (letter->kind == queue::DeadKind::binding)
    return without_message(replay_to_binding(tx, *letter, input));
  const Now time = now();
  SLUICE_CHECK(letter->queue.has_value(), "the queue of a bare message's dead letter");
  if (const auto* q = queues.find(*letter->queue); !queue::Queues::has_room(*q))
    return full_queue(*q);
  queues.close_dead_letter(tx, *letter, true, "");
  queue::Put put;
  put.id = MessageId{ids.next(time.wall)};
  put.queue = *letter->queue;
  put.priority = letter->priority;
  put.body = input ? *input : Doc::from_text(letter->body);
  put.headers = letter->headers;
  put.order_key = letter->order_key;
  put.replay_of = letter->id;
  queues.put(tx, put, time);
  queues.note_replay(tx, *letter, put.id);
  queues.free_place_of(tx, *letter, time);
  return std::optional{put.id};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const DropDeadLetter& c) {
  const auto letter = queues.dead_letter(tx, c.id);
  if (!letter) return make_error(Errc::not_found, "no dead letter " + to_string(c.id));
  if (!queues.close_dead_letter(tx, *letter, false, c.reason))
    return make_error(Errc::conflict, "dead letter " + to_string(c.id) +
                                          " is closed: it was replayed or dropped before");
  queues.free_place_of(tx, *letter, now());
  return Unit{};
}

Result<ReplayDeadLetters::Reply> Engine::Impl::apply(Transaction& tx, const ReplayDeadLetters& c) {
  std::optional<QueueId> queue_id;
  if (!c.queue.empty()) {
    const queue::Queue* q = queues.find(c.queue);
    if (q == nullptr) return make_error(Errc::not_found, "no queue \"" + c.queue + "\"");
    queue_id = q->id;
  }
  const std::int64_t limit =
      std::clamp<std::int64_t>(c.limit, 1, static_cast<std::int64_t>(batch_items_max));
  ReplayDeadLetters::Reply reply;
  DeadLetterId after{};
  // A refused one stays open: the walk goes on behind it.
  for (const auto id : queues.open_dead_letters(tx, queue_id, after, c.error, limit + 1)) {
    if (reply.replayed + reply.refused == limit) {
      reply.remaining = 1;
      break;
    }
    const auto replayed = apply(tx, ReplayDeadLetter{id, std::nullopt});
    if (replayed)
      reply.replayed += 1;
    else
      reply.refused += 1;
  }
  if (reply.remaining != 0)
    reply.remaining = queues.count_open(tx, queue_id, c.error) - reply.refused;
  return reply;
}

}  // namespace sluice::orchestrator
