// Every statement of the tables of flow control: counters, gate_lines, lock_lines.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

// ---- counters ----
inline constexpr Sql all_counters{"flow.all_counters", "SELECT name, value FROM counters"};
inline constexpr Sql put_counter{"flow.put_counter",
                                 "INSERT INTO counters (name, value) VALUES (?1, ?2) ON CONFLICT "
                                 "(name) DO UPDATE SET value = excluded.value"};
inline constexpr Sql delete_counter{"flow.delete_counter",
                                    "DELETE FROM counters WHERE name = ?1 AND value = 0"};
inline constexpr Sql counters_after{
    "flow.counters_after",
    "SELECT c.name, c.value, (SELECT count(*) FROM (SELECT 1 FROM gate_lines g WHERE g.counter = "
    "c.name LIMIT 100000)) FROM counters c WHERE c.name > ?1 ORDER BY c.name LIMIT ?2"};
inline constexpr Sql one_counter{"flow.one_counter", "SELECT value FROM counters WHERE name = ?1"};

// ---- the stages' own ----
inline constexpr Sql all_stage_counts{
    "flow.all_stage_counts",
    "SELECT workflow, state, entered, in_flight, completed, failed, dead FROM stage_counts"};
inline constexpr Sql put_stage_count{
    "flow.put_stage_count",
    "INSERT INTO stage_counts (workflow, state, entered, in_flight, completed, failed, dead) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (workflow, state) DO UPDATE SET entered = "
    "excluded.entered, in_flight = excluded.in_flight, completed = excluded.completed, failed = "
    "excluded.failed, dead = excluded.dead"};
inline constexpr Sql log_since{
    "flow.log_since",
    "SELECT l.seq, l.events, r.version FROM log l LEFT JOIN runs r ON r.id = l.run WHERE l.seq > "
    "?1 ORDER BY l.seq"};
inline constexpr Sql letters_since{
    "flow.letters_since",
    "SELECT id, workflow, state FROM dead_letters WHERE id > ?1 AND workflow IS NOT NULL AND state "
    "IS NOT NULL ORDER BY id"};
inline constexpr Sql owned_messages{"flow.owned_messages",
                                    "SELECT id, owner FROM messages WHERE owner IS NOT NULL"};
inline constexpr Sql waiting_frames{"flow.waiting_frames", "SELECT id, data FROM frames"};
inline constexpr Sql waiting_at_counter{
    "flow.waiting_at_counter",
    "SELECT count(*) FROM (SELECT 1 FROM gate_lines WHERE counter = ?1 LIMIT 100000)"};

// ---- gates ----
inline constexpr Sql all_gate_lines{
    "flow.all_gate_lines", "SELECT counter, place, test, bound, frame, run, since FROM gate_lines"};
inline constexpr Sql insert_gate_waiter{"flow.insert_gate_waiter",
                                        "INSERT INTO gate_lines (counter, place, test, bound, "
                                        "frame, run, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
inline constexpr Sql delete_gate_waiter{"flow.delete_gate_waiter",
                                        "DELETE FROM gate_lines WHERE counter = ?1 AND place = ?2"};
inline constexpr Sql ahead_at_gate{
    "flow.ahead_at_gate",
    "SELECT count(*) FROM (SELECT 1 FROM gate_lines WHERE counter = ?1 AND place < ?2 AND test = "
    "?3 AND bound = ?4 LIMIT 1000)"};

// ---- locks ----
inline constexpr Sql all_lock_lines{
    "flow.all_lock_lines",
    "SELECT name, place, held, permits, frame, run, since FROM lock_lines ORDER BY name, place"};
inline constexpr Sql insert_lock_place{"flow.insert_lock_place",
                                       "INSERT INTO lock_lines (name, place, held, permits, frame, "
                                       "run, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
inline constexpr Sql grant_lock_place{
    "flow.grant_lock_place",
    "UPDATE lock_lines SET held = 1, since = ?3 WHERE name = ?1 AND place = ?2"};
inline constexpr Sql delete_lock_place{"flow.delete_lock_place",
                                       "DELETE FROM lock_lines WHERE name = ?1 AND place = ?2"};
inline constexpr Sql lock_names_after{
    "flow.lock_names_after",
    "SELECT DISTINCT name FROM lock_lines WHERE name > ?1 ORDER BY name LIMIT ?2"};
inline constexpr Sql places_of_lock{
    "flow.places_of_lock",
    "SELECT place, held, permits, frame, run, since FROM lock_lines WHERE name = ?1 ORDER BY held "
    "DESC, place LIMIT ?2"};
inline constexpr Sql holders_of_lock{
    "flow.holders_of_lock",
    "SELECT frame, run, since FROM lock_lines WHERE name = ?1 AND held = 1 ORDER BY place LIMIT "
    "?2"};
inline constexpr Sql count_waiting_for_lock{
    "flow.count_waiting_for_lock",
    "SELECT count(*) FROM (SELECT 1 FROM lock_lines WHERE name = ?1 AND held = 0 LIMIT 100000)"};
inline constexpr Sql ahead_for_lock{
    "flow.ahead_for_lock",
    "SELECT count(*) FROM (SELECT 1 FROM lock_lines WHERE name = ?1 AND held = 0 AND place < ?2 "
    "LIMIT 1000)"};

// ---- the invariants ----
inline constexpr Sql gate_places_of_nobody{
    "flow.gate_places_of_nobody",
    "SELECT g.counter, g.frame FROM gate_lines g WHERE NOT EXISTS (SELECT 1 FROM frames f WHERE "
    "f.id = g.frame AND f.wait_kind = 3)"};
inline constexpr Sql gate_waits_without_place{
    "flow.gate_waits_without_place",
    "SELECT f.id FROM frames f WHERE f.wait_kind = 3 AND NOT EXISTS (SELECT 1 FROM gate_lines g "
    "WHERE g.frame = f.id)"};
inline constexpr Sql lock_places_of_nobody{
    "flow.lock_places_of_nobody",
    "SELECT l.name, l.frame FROM lock_lines l WHERE l.held = 0 AND NOT EXISTS (SELECT 1 FROM "
    "frames f WHERE f.id = l.frame AND f.wait_kind = 4)"};
inline constexpr Sql lock_waits_without_place{
    "flow.lock_waits_without_place",
    "SELECT f.id FROM frames f WHERE f.wait_kind = 4 AND NOT EXISTS (SELECT 1 FROM lock_lines l "
    "WHERE l.frame = f.id AND l.held = 0)"};
inline constexpr Sql locks_of_nobody{
    "flow.locks_of_nobody",
    "SELECT l.name, l.frame FROM lock_lines l WHERE l.held = 1 AND NOT EXISTS (SELECT 1 FROM "
    "frames f WHERE f.id = l.frame) AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = "
    "l.frame)"};
inline constexpr Sql too_many_holders{
    "flow.too_many_holders",
    "SELECT name, count(*), max(permits) FROM lock_lines WHERE held = 1 GROUP BY name HAVING "
    "count(*) > max(permits)"};
inline constexpr Sql free_but_waited_for{
    "flow.free_but_waited_for",
    "SELECT DISTINCT name FROM lock_lines l WHERE held = 0 AND NOT EXISTS (SELECT 1 FROM "
    "lock_lines h WHERE h.name = l.name AND h.held = 1)"};

}  // namespace sluice::orchestrator::sql
