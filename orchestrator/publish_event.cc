// Publishing an event, and waiting for one.
//
// An event goes to the frame that has waited longest for its name and key, or to all of them
// (definition's Events, `Deliver`). One that nobody waited for, and every one that is for all, is
// kept for those who begin to wait within KeepSeconds.
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t wake_step = 256;    // frames woken in one batch
constexpr std::int64_t skipped_max = 256;  // frames passed over, since they are being stopped

}  // namespace

Result<PublishEvent::Reply> Engine::Impl::apply(Transaction& tx, const PublishEvent& c) {
  if (const auto room = check_room(); !room) return room.error();
  if (!workflows::queue_name_valid(c.name))
    return make_error(Errc::invalid_argument,
                      "an event's name has 1 to 255 bytes and no white space");
  if (c.key.size() > event_key_bytes_max) {
    Error error = make_error(Errc::invalid_argument, "the event's key is too long");
    error.problems.push_back({"/key", std::to_string(c.key.size()) + " bytes; at most " +
                                          std::to_string(event_key_bytes_max)});
    return error;
  }
  if (c.body.size_bytes() > options.payload_bytes_max)
    return make_error(Errc::too_large, "the body is larger than the payload limit of " +
                                           std::to_string(options.payload_bytes_max) + " bytes");
  const Now time = now();
  PublishedEvent event{EventId{ids.next(time.wall)}, c.name, c.key, std::string(c.body.text()), 0};
  PublishEvent::Reply reply;
  reply.id = event.id;
  const auto settings = event_lines.settings(c.name);
  if (!settings.deliver_all) {
    for (const auto& waiter : Events::waiters(tx, c.name, c.key, 0, skipped_max)) {
      if (!wake(tx, waiter, event)) continue;
      reply.woken = 1;
      return reply;
    }
    if (settings.keep_seconds == 0) return reply;
  }
  if (event_lines.kept() >= options.events_kept_max)
    return make_error(Errc::overloaded,
                      std::to_string(options.events_kept_max) +
                          " events are kept that nobody has waited for, and no more fit. Let their "
                          "time run out, or publish what somebody waits for.");
  if (settings.deliver_all) event.waking = std::max<std::int64_t>(1, log_seq);
  event_lines.keep(tx, event, time.wall);
  reply.kept = settings.keep_seconds > 0;
  if (settings.deliver_all) reply.woken = wake_all(tx, event);
  return reply;
}

// The frame goes on with the event, unless it is being stopped: then it stays in line until it is.
bool Engine::Impl::wake(Transaction& tx, const EventWaiter& waiter, const PublishedEvent& event) {
  auto live = load(tx, waiter.frame);
  SLUICE_CHECK(live && live->row.event_since == waiter.since, "a frame that waits for an event");
  if (doomed(tx, live->row)) return false;
  if (event_lines.settings(event.name).deliver_all)
    note_event_had(live->row, event.name, event.key, event.id);
  // A document of its own: it is stored with the frame's history.
  step(tx, *live, TaskSucceeded{Doc::from_text(event.body)}, {});
  return true;
}

// A step of the way to all who waited when the event was published.
std::int64_t Engine::Impl::wake_all(Transaction& tx, const PublishedEvent& event) {
  std::int64_t woken = 0;
  const auto line = Events::waiters(tx, event.name, event.key, 0, wake_step + skipped_max);
  for (const auto& waiter : line) {
    if (waiter.since > event.waking) break;
    if (woken == wake_step) {
      more_due = true;
      return woken;
    }
    if (wake(tx, waiter, event)) woken += 1;
  }
  // Only those are left that will be stopped and those that came later; but there may be others
  // behind a full line of the former.
  if (static_cast<std::int64_t>(line.size()) == wake_step + skipped_max &&
      line.back().since <= event.waking) {
    more_due = true;
    return woken;
  }
  event_lines.woken(tx, event.id);
  return woken;
}

// An event that a topic passed on, to the one who has waited longest; nobody: it is kept.
void Engine::Impl::wake_one(Transaction& tx, const PublishedEvent& event) {
  for (const auto& waiter : Events::waiters(tx, event.name, event.key, 0, skipped_max)) {
    if (!wake(tx, waiter, event)) continue;
    event_lines.delivered(tx, event.id);
    return;
  }
  event_lines.woken(tx, event.id);
}

void Engine::Impl::tend_events(Transaction& tx) {
  for (std::int64_t left = wake_step; left > 0; left -= 1) {
    const auto event = event_lines.waking(tx);
    if (!event) return;
    if (event_lines.settings(event->name).deliver_all)
      left -= wake_all(tx, *event);
    else
      wake_one(tx, *event);
  }
  more_due = true;
}

// An event that was published before the frame waited for it; absent: none.
Doc Engine::Impl::kept_event(Transaction& tx, FrameRow& row, const AwaitEvent& await) {
  auto taken = event_lines.take(tx, await.name, await.key, event_had(row, await.name, await.key),
                                now().wall);
  if (!taken) return {};
  if (taken->for_all) note_event_had(row, await.name, await.key, taken->id);
  return std::move(taken->body);
}

// `there`: an event that was kept, already in the frame's log row.
void Engine::Impl::await_event(Transaction& tx, Live& live, const AwaitEvent& await, Doc there,
                               std::int64_t seq) {
  FrameRow& row = live.row;
  if (there) {
    Pending pending;
    pending.kind = Pending::Kind::succeeded;
    pending.output = there.ref();
    go_on_later(tx, live, std::move(pending));
    return;
  }
  row.event_name = await.name;
  row.event_key = await.key;
  row.event_since = seq;
  event_lines.add_waiter(tx, await.name, await.key, {row.frame.id, seq});
  limit_time(tx, row, {Duration{}, await.timeout, std::nullopt}, nullptr);
  wait_as_frame(tx, live, WaitKind::event, std::nullopt);
}

// The frame no longer waits for its event, whatever made it go on.
void Engine::Impl::leave_event(Transaction& tx, FrameRow& row) {
  if (row.event_since == 0) return;
  event_lines.remove_waiter(tx, row.event_name, row.event_key, row.event_since);
  row.event_since = 0;
  row.event_name.clear();
  row.event_key.clear();
}

}  // namespace sluice::orchestrator
