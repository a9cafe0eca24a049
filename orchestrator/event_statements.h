// Every statement of the tables of events: events, event_waiters, kept_events.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql all_event_settings{"events.all_settings",
                                        "SELECT name, keep_us, deliver_all FROM events"};
inline constexpr Sql put_event_settings{
    "events.put_settings",
    "INSERT INTO events (name, keep_us, deliver_all) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO "
    "UPDATE SET keep_us = excluded.keep_us, deliver_all = excluded.deliver_all"};

inline constexpr Sql insert_event_waiter{
    "events.insert_waiter",
    "INSERT INTO event_waiters (name, key, since, frame) VALUES (?1, ?2, ?3, ?4)"};
inline constexpr Sql delete_event_waiter{
    "events.delete_waiter",
    "DELETE FROM event_waiters WHERE name = ?1 AND key = ?2 AND since = ?3"};
inline constexpr Sql event_waiters{
    "events.waiters",
    "SELECT frame, since FROM event_waiters WHERE name = ?1 AND key = ?2 AND since > ?3 ORDER BY "
    "since LIMIT ?4"};

inline constexpr Sql insert_kept_event{
    "events.insert_kept",
    "INSERT INTO kept_events (id, name, key, body, at, until, waking) VALUES (?1, ?2, ?3, ?4, ?5, "
    "?6, ?7)"};
inline constexpr Sql oldest_kept_event{"events.oldest_kept",
                                       "SELECT id, body FROM kept_events WHERE name = ?1 AND key = "
                                       "?2 AND until > ?3 AND waking IS NULL "
                                       "ORDER BY id LIMIT 1"};
inline constexpr Sql newest_kept_event{
    "events.newest_kept",
    "SELECT id, body FROM kept_events WHERE name = ?1 AND key = ?2 AND until > ?3 ORDER BY id DESC "
    "LIMIT 1"};
inline constexpr Sql delete_kept_event{"events.delete_kept",
                                       "DELETE FROM kept_events WHERE id = ?1"};
inline constexpr Sql count_kept_events{"events.count_kept",
                                       "SELECT count(*), count(waking), max(id) FROM kept_events"};
inline constexpr Sql waking_event{
    "events.waking",
    "SELECT id, name, key, body, waking FROM kept_events INDEXED BY kept_events_waking WHERE "
    "waking IS NOT NULL ORDER BY id LIMIT 1"};
inline constexpr Sql event_woken{"events.woken",
                                 "UPDATE kept_events SET waking = NULL WHERE id = ?1"};
inline constexpr Sql sweep_kept_events{
    "events.sweep",
    "DELETE FROM kept_events WHERE id IN (SELECT id FROM kept_events WHERE until <= ?1 AND waking "
    "IS NULL LIMIT ?2)"};

// ---- as people look at them ----
inline constexpr Sql kept_events_after{
    "events.kept_after",
    "SELECT id, key, body, at, until FROM kept_events WHERE name = ?1 AND (key, id) > (?2, ?3) "
    "ORDER BY key, id LIMIT ?4"};
inline constexpr Sql event_line_after{
    "events.line_after",
    "SELECT w.since, w.key, w.frame, l.run, l.at FROM event_waiters w JOIN log l ON l.seq = "
    "w.since WHERE w.name = ?1 AND (w.key, w.since) > (?2, ?3) ORDER BY w.key, w.since LIMIT ?4"};

}  // namespace sluice::orchestrator::sql
