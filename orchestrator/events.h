// Events that states wait for: their settings, who waits, and what was published before anyone did.
//
// Rows, and the little of them that memory knows. What a delivered event does to a frame is the
// engine's (publish_event.cc).
//
// Threads: confined to the writer thread; follows a rollback through the UndoLog.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/doc.h"
#include "base/ids.h"
#include "base/time.h"
#include "storage/storage.h"
#include "storage/undo_log.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {

struct EventWaiter {
  FrameId frame;
  std::int64_t since = 0;  // the log row with which it began to wait: the order of the line
};

struct PublishedEvent {
  EventId id;
  std::string name, key, body;
  // Not 0: it is on its way; where it is for all, the waiters up to this one are still to get it.
  std::int64_t waking = 0;
};

class Events {
 public:
  explicit Events(storage::UndoLog& undo) : undo_(undo) {}
  // The largest id in use is returned.
  std::int64_t load(storage::Reader& reader);

  workflows::EventSettings settings(const std::string& name) const;
  // Nothing: no definition has said any.
  const workflows::EventSettings* given_settings(const std::string& name) const;
  void put_settings(storage::Transaction& tx, const std::string& name,
                    const workflows::EventSettings& settings);

  void add_waiter(storage::Transaction& tx, std::string_view name, std::string_view key,
                  EventWaiter waiter);
  void remove_waiter(storage::Transaction& tx, std::string_view name, std::string_view key,
                     std::int64_t since);
  // Those behind `after`, the longest waiting first.
  static std::vector<EventWaiter> waiters(storage::Reader& reader, std::string_view name,
                                          std::string_view key, std::int64_t after,
                                          std::int64_t limit);

  void keep(storage::Transaction& tx, const PublishedEvent& event, WallTime at);
  // For one who begins to wait: the oldest that nobody has had, which is then gone; where every
  // waiter gets it, the newest, which stays, if it is later than `had`.
  struct Taken {
    EventId id;
    Doc body;
    bool for_all = false;
  };
  std::optional<Taken> take(storage::Transaction& tx, const std::string& name, std::string_view key,
                            EventId had, WallTime now);
  // The oldest event that is still on its way to whoever waits for it.
  std::optional<PublishedEvent> waking(storage::Reader& reader);
  void woken(storage::Transaction& tx, EventId id);      // it stays for those who come
  void delivered(storage::Transaction& tx, EventId id);  // it is gone
  // Forgets at most `rows_max` whose time is over; true: there may be more.
  bool sweep(storage::Transaction& tx, WallTime now, std::int64_t rows_max);

  std::int64_t kept() const { return kept_; }

 private:
  void forgotten(std::int64_t rows);

  storage::UndoLog& undo_;
  std::unordered_map<std::string, workflows::EventSettings> settings_;
  std::int64_t kept_ = 0, waking_ = 0;
};

}  // namespace sluice::orchestrator
