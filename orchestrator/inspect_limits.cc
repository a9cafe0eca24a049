// What holds a message back besides those ahead of it: its queue's limits and its ordering key; and
// the invariants of both.
#include <fmt/core.h>

#include "orchestrator/breaker_statements.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/limit_statements.h"

namespace sluice::orchestrator {

void Inspector::Impl::add_limits(const QueueStats& stats, WaitingFor& w) const {
  const auto& settings = stats.settings;
  if (settings.concurrency && stats.leased >= *settings.concurrency) {
    w.detail["limit"] = {{"kind", "concurrency"},
                         {"in_flight", stats.leased},
                         {"concurrency", *settings.concurrency}};
    w.sentence += fmt::format("; {} of {} in flight: the next goes when one of them ends",
                              stats.leased, *settings.concurrency);
  } else if (stats.next_token_at && *stats.next_token_at > engine.wall_now()) {
    const std::string at = to_rfc3339(*stats.next_token_at);
    w.detail["limit"] = {
        {"kind", "rate"}, {"rate_per_second", *settings.rate_per_second}, {"next_token_at", at}};
    w.sentence += fmt::format("; rate limit of {} per second, the next token comes at {}",
                              *settings.rate_per_second, at);
  }
}

std::optional<std::string> Inspector::Impl::paused_workflow(storage::Reader& reader,
                                                            const std::string& workflow) const {
  auto q = reader.query(sql::paused_workflow, workflow);
  if (!q.step() || q.int64(0) == 0) return std::nullopt;
  if (q.is_null(1)) return fmt::format("; workflow \"{}\" is paused: resume it", workflow);
  return fmt::format("; workflow \"{}\" is paused by the breaker of queue \"{}\": {}", workflow,
                     q.text(1), q.text(2));
}

void Inspector::Impl::add_breaker(const QueueStats& stats, WaitingFor& w) const {
  const auto& breaker = *stats.breaker;
  const WallTime wall = engine.wall_now();
  w.detail["breaker"] = {{"state", breaker.half_open ? "half_open" : "open"},
                         {"since", to_rfc3339(breaker.since)},
                         {"reason", breaker.reason}};
  if (breaker.half_open) {
    w.sentence += fmt::format("; its breaker is half-open: one at a time until one succeeds ({})",
                              breaker.reason);
    return;
  }
  w.sentence += fmt::format("; its breaker has been open for {}: {}",
                            in_words(wall - breaker.since), breaker.reason);
  if (breaker.probe_at) {
    w.detail["breaker"]["probe_at"] = to_rfc3339(*breaker.probe_at);
    w.sentence += fmt::format("; one is tried in {}", in_words(*breaker.probe_at - wall));
  } else {
    w.sentence += "; resume the queue when the trouble is over";
  }
}

void Inspector::Impl::add_key(storage::Reader& reader, std::int64_t queue_id, std::int64_t message,
                              WaitingFor& w) const {
  std::string key;
  std::int64_t place = 0, ahead = 0;
  if (auto q = reader.query(sql::key_of_message, message); q.step()) {
    key = q.text(0);
    place = q.int64(1);
  }
  if (auto q = reader.query(sql::ahead_in_key, queue_id, key, place); q.step()) ahead = q.int64(0);
  w.detail["status"] = "blocked";
  w.detail["order_key"] = key;
  w.detail["ahead"] = ahead;
  w.sentence = fmt::format("blocked in queue \"{}\" by its ordering key \"{}\", {} ahead of it",
                           w.name, key, ahead == 1000 ? "1000 or more" : std::to_string(ahead));
  auto head = reader.query(sql::head_of_key, queue_id, key);
  if (!head.step()) return;
  if (head.is_null(1)) {
    w.detail["behind"] = to_string(head.id<MessageTag>(0));
    w.sentence += fmt::format("; the first is message {}", to_string(head.id<MessageTag>(0)));
  } else {
    const std::string letter = to_string(head.id<DeadLetterTag>(1));
    w.detail["dead_letter"] = letter;
    w.sentence += fmt::format("; the first is dead letter {}: replay or drop it", letter);
  }
}

void Inspector::Impl::add_room(storage::Reader& reader, const FrameRow& row, WaitingFor& w) const {
  if (auto q = reader.query(sql::queue_name, row.room.queue); q.step()) w.name = q.text(0);
  std::int64_t ahead = 0;
  if (auto q = reader.query(sql::ahead_for_room, row.room.queue, row.room.place); q.step())
    ahead = q.int64(0);
  w.detail["queue"] = w.name;
  w.detail["place"] = ahead + 1;
  w.sentence = fmt::format("the queue \"{}\" is full", w.name);
  const auto stats = engine.queue(w.name);
  if (stats && stats->settings.capacity) {
    const std::int64_t held = stats->depth() + stats->held;
    w.detail["capacity"] = *stats->settings.capacity;
    w.detail["depth"] = held;
    w.sentence += fmt::format(", {} of {}", held, *stats->settings.capacity);
  }
  w.sentence += fmt::format(": waits for room, number {} in line", ahead + 1);
}

void Inspector::Impl::check_limits(storage::Reader& reader, const Report& report) const {
  for (auto q = reader.query(sql::out_of_turn); q.step();)
    report("of the messages of one ordering key only the first may go",
           "message " + to_base32(q.int64(0)) + " of key \"" + std::string(q.text(1)) +
               "\" is not the first but may go",
           "none: report it");
  for (auto q = reader.query(sql::blocked_by_nothing); q.step();)
    report("a blocked message stands behind another of its ordering key",
           "message " + to_base32(q.int64(0)) + " is blocked by nothing", "none: report it");
  for (auto q = reader.query(sql::open_but_going); q.step();)
    report("a queue whose breaker is open is paused",
           "queue \"" + std::string(q.text(0)) + "\" goes on", "pause or resume the queue");
  for (auto q = reader.query(sql::breaker_of_nothing); q.step();)
    report("a breaker is a queue's",
           "the breaker of queue " + std::to_string(q.int64(0)) + " has none", "none: report it");
  for (auto q = reader.query(sql::rooms_of_nobody); q.step();)
    report("who stands in the line for room waits for it",
           "frame " + to_base32(q.int64(0)) + " stands in the line but does not wait for room",
           "none: report it");
  for (auto q = reader.query(sql::waits_without_place); q.step();)
    report("a frame that waits for room stands in its line",
           "frame " + to_base32(q.int64(0)) + " waits for room but is in no line", "redrive");
  for (auto q = reader.query(sql::places_of_nothing); q.step();)
    report("a place in the line of an ordering key is a message's or a dead letter's",
           "the place of message " + to_base32(q.int64(0)) + " in the line of key \"" +
               std::string(q.text(1)) + "\" is nobody's",
           "none: report it");
}

}  // namespace sluice::orchestrator
