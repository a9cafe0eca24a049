#include "orchestrator/events.h"

#include "orchestrator/event_statements.h"

namespace sluice::orchestrator {

using storage::Reader;
using storage::Transaction;

std::int64_t Events::load(Reader& reader) {
  for (auto q = reader.query(sql::all_event_settings); q.step();)
    settings_[std::string(q.text(0))] = {static_cast<double>(q.int64(1)) / 1e6, q.int64(2) != 0};
  auto q = reader.query(sql::count_kept_events);
  SLUICE_CHECK(q.step(), "a count");
  kept_ = q.int64(0);
  waking_ = q.int64(1);
  return q.is_null(2) ? 0 : q.int64(2);
}

workflows::EventSettings Events::settings(const std::string& name) const {
  const auto* given = given_settings(name);
  return given == nullptr ? workflows::EventSettings{} : *given;
}

const workflows::EventSettings* Events::given_settings(const std::string& name) const {
  const auto at = settings_.find(name);
  return at == settings_.end() ? nullptr : &at->second;
}

void Events::put_settings(Transaction& tx, const std::string& name,
                          const workflows::EventSettings& settings) {
  const auto* given = given_settings(name);
  if (given != nullptr && *given == settings) return;
  undo_.add([this, name, before = given ? std::optional(*given) : std::nullopt] {
    if (before)
      settings_[name] = *before;
    else
      settings_.erase(name);
  });
  settings_[name] = settings;
  tx.run(sql::put_event_settings, name, static_cast<std::int64_t>(settings.keep_seconds * 1e6),
         settings.deliver_all);
}

void Events::add_waiter(Transaction& tx, std::string_view name, std::string_view key,
                        EventWaiter waiter) {
  tx.run(sql::insert_event_waiter, name, key, waiter.since, waiter.frame);
}

void Events::remove_waiter(Transaction& tx, std::string_view name, std::string_view key,
                           std::int64_t since) {
  const auto gone = tx.run(sql::delete_event_waiter, name, key, since);
  SLUICE_CHECK(gone == 1, "the row of a frame that waits for an event");
}

std::vector<EventWaiter> Events::waiters(Reader& reader, std::string_view name,
                                         std::string_view key, std::int64_t after,
                                         std::int64_t limit) {
  std::vector<EventWaiter> found;
  for (auto q = reader.query(sql::event_waiters, name, key, after, limit); q.step();)
    found.push_back({q.id<FrameTag>(0), q.int64(1)});
  return found;
}

void Events::keep(Transaction& tx, const PublishedEvent& event, WallTime at) {
  const auto kept_for =
      Duration{static_cast<std::int64_t>(settings(event.name).keep_seconds * 1e6)};
  tx.run(sql::insert_kept_event, event.id, event.name, event.key, event.body, at, at + kept_for,
         event.waking == 0 ? std::nullopt : std::optional{event.waking});
  undo_.save(kept_);
  kept_ += 1;
  if (event.waking == 0) return;
  undo_.save(waking_);
  waking_ += 1;
}

std::optional<Events::Taken> Events::take(Transaction& tx, const std::string& name,
                                          std::string_view key, EventId had, WallTime now) {
  if (kept_ == 0) return std::nullopt;
  const bool all = settings(name).deliver_all;
  EventId id;
  std::string body;
  {
    auto q = tx.query(all ? sql::newest_kept_event : sql::oldest_kept_event, name, key, now);
    if (!q.step()) return std::nullopt;
    id = q.id<EventTag>(0);
    if (all && id <= had) return std::nullopt;
    body = q.text(1);
  }
  if (!all) {
    tx.run(sql::delete_kept_event, id);
    forgotten(1);
  }
  return Taken{id, Doc::from_text(std::move(body)), all};
}

std::optional<PublishedEvent> Events::waking(Reader& reader) {
  if (waking_ == 0) return std::nullopt;
  auto q = reader.query(sql::waking_event);
  SLUICE_CHECK(q.step(), "an event on its way");
  return PublishedEvent{q.id<EventTag>(0), std::string(q.text(1)), std::string(q.text(2)),
                        std::string(q.text(3)), q.int64(4)};
}

void Events::woken(Transaction& tx, EventId id) {
  tx.run(sql::event_woken, id);
  undo_.save(waking_);
  waking_ -= 1;
}

void Events::delivered(Transaction& tx, EventId id) {
  tx.run(sql::delete_kept_event, id);
  forgotten(1);
  undo_.save(waking_);
  waking_ -= 1;
}

bool Events::sweep(Transaction& tx, WallTime now, std::int64_t rows_max) {
  if (kept_ == 0) return false;
  const std::int64_t gone = tx.run(sql::sweep_kept_events, now, rows_max);
  if (gone != 0) forgotten(gone);
  return gone == rows_max;
}

void Events::forgotten(std::int64_t rows) {
  undo_.save(kept_);
  kept_ -= rows;
}

}  // namespace sluice::orchestrator
