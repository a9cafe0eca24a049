// What the inspector asks about queue limits: reads only.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql key_of_message{
    "limits.key_of_message",
    "SELECT order_key, place FROM order_lines INDEXED BY order_lines_message WHERE message = ?1"};
inline constexpr Sql head_of_key{
    "limits.head_of_key",
    "SELECT message, dead_letter FROM order_lines WHERE queue = ?1 AND order_key = ?2 ORDER BY "
    "place LIMIT 1"};
inline constexpr Sql ahead_in_key{
    "limits.ahead_in_key",
    "SELECT count(*) FROM (SELECT 1 FROM order_lines WHERE queue = ?1 AND order_key = ?2 AND place "
    "< ?3 LIMIT 1000)"};
inline constexpr Sql peek_blocked{
    "limits.peek_blocked",
    "SELECT id, queue, lane, state, rank, priority, attempt, fence, since_at, due_clock, due, "
    "lease_until, worker, body, body_ref, headers, failures, owner FROM messages INDEXED BY "
    "messages_blocked WHERE state = 3 AND queue = ?1 ORDER BY lane, id LIMIT ?2 OFFSET ?3"};

inline constexpr Sql ahead_for_room{
    "limits.ahead_for_room", "SELECT count(*) FROM room_lines WHERE queue = ?1 AND place < ?2"};

// ---- the invariants ----
inline constexpr Sql rooms_of_nobody{"limits.rooms_of_nobody",
                                     "SELECT r.who FROM room_lines r WHERE NOT EXISTS (SELECT 1 "
                                     "FROM frames f WHERE f.id = r.who AND "
                                     "f.wait_kind = 5) LIMIT 100"};
inline constexpr Sql waits_without_place{
    "limits.waits_without_place",
    "SELECT f.id FROM frames f WHERE f.wait_kind = 5 AND f.id NOT IN (SELECT who FROM room_lines) "
    "LIMIT 100"};
inline constexpr Sql out_of_turn{
    "limits.out_of_turn",
    "SELECT m.id, l.order_key FROM order_lines l JOIN messages m ON m.id = l.message WHERE "
    "l.dead_letter IS NULL AND (m.state IN (1, 4) AND EXISTS (SELECT 1 FROM order_lines b WHERE "
    "b.queue = l.queue AND b.order_key = l.order_key AND b.place < l.place)) LIMIT 100"};
inline constexpr Sql blocked_by_nothing{
    "limits.blocked_by_nothing",
    "SELECT m.id FROM messages m INDEXED BY messages_blocked WHERE m.state = 3 AND NOT EXISTS "
    "(SELECT 1 FROM order_lines l JOIN order_lines b ON b.queue = l.queue AND b.order_key = "
    "l.order_key AND b.place < l.place WHERE l.message = m.id) LIMIT 100"};
inline constexpr Sql places_of_nothing{
    "limits.places_of_nothing",
    "SELECT l.message, l.order_key FROM order_lines l WHERE NOT EXISTS (SELECT 1 FROM messages m "
    "WHERE m.id = l.message AND m.queue = l.queue) AND NOT EXISTS (SELECT 1 FROM dead_letters d "
    "WHERE d.id = l.dead_letter AND d.status = 1) LIMIT 100"};

}  // namespace sluice::orchestrator::sql
