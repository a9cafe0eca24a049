// Every statement of the tables that queue/ owns: queues, messages, dedup, settled, dead_letters.
#pragma once

#include "storage/storage.h"

namespace sluice::queue::sql {

using storage::Sql;

// ---- queues ----
inline constexpr Sql insert_queue{"queue.insert_queue",
                                  "INSERT INTO queues (id, name, created_at) VALUES (?1, ?2, ?3)"};
inline constexpr Sql all_queues{"queue.all_queues",
                                "SELECT id, name, operator_settings, definition_settings, paused, "
                                "paused_since, paused_total FROM queues"};
inline constexpr Sql last_queue{"queue.last_queue",
                                "SELECT seq FROM sqlite_sequence WHERE name = 'queues'"};
inline constexpr Sql set_operator_settings{
    "queue.set_operator_settings", "UPDATE queues SET operator_settings = ?2 WHERE id = ?1"};
inline constexpr Sql set_definition_settings{
    "queue.set_definition_settings", "UPDATE queues SET definition_settings = ?2 WHERE id = ?1"};
inline constexpr Sql set_paused{
    "queue.set_paused",
    "UPDATE queues SET paused = ?2, paused_since = ?3, paused_total = ?4 WHERE id = ?1"};
inline constexpr Sql delete_queue{"queue.delete_queue", "DELETE FROM queues WHERE id = ?1"};

// ---- limits ----
inline constexpr Sql put_limits{"queue.put_limits",
                                "INSERT INTO queue_limits (queue, rate_next) VALUES (?1, ?2) ON "
                                "CONFLICT (queue) DO UPDATE SET rate_next = excluded.rate_next"};
inline constexpr Sql all_limits{"queue.all_limits", "SELECT queue, rate_next FROM queue_limits"};
inline constexpr Sql delete_limits{"queue.delete_limits",
                                   "DELETE FROM queue_limits WHERE queue = ?1"};

// ---- counts at start-up: each walks one narrow index, never the table ----
inline constexpr Sql count_ready{"queue.count_ready",
                                 "SELECT queue, lane, count(*) FROM messages INDEXED BY "
                                 "messages_ready WHERE state = 1 GROUP BY queue, lane"};
inline constexpr Sql count_delayed{"queue.count_delayed",
                                   "SELECT queue, lane, count(*) FROM messages INDEXED BY "
                                   "messages_delayed WHERE state = 2 GROUP BY queue, lane"};
inline constexpr Sql count_blocked{"queue.count_blocked",
                                   "SELECT queue, lane, count(*) FROM messages INDEXED BY "
                                   "messages_blocked WHERE state = 3 GROUP BY queue, lane"};
inline constexpr Sql count_keyed{"queue.count_keyed",
                                 "SELECT queue, count(*) FROM order_lines GROUP BY queue"};
inline constexpr Sql count_held{"queue.count_held",
                                "SELECT queue, lane, count(*) FROM messages INDEXED BY "
                                "messages_held WHERE state = 5 GROUP BY queue, lane"};
inline constexpr Sql count_dead{
    "queue.count_dead",
    "SELECT queue, count(*) FROM dead_letters INDEXED BY dead_letters_open WHERE status = 1 AND "
    "queue IS NOT NULL GROUP BY queue"};
inline constexpr Sql all_leased{"queue.all_leased",
                                "SELECT id, queue, lane, priority, attempt, lost, fence, since_at, "
                                "lease_until, session, worker, owner "
                                "FROM messages INDEXED BY messages_leased WHERE state = 4"};
inline constexpr Sql max_message{"queue.max_message", "SELECT max(id) FROM messages"};
inline constexpr Sql max_dead_letter{"queue.max_dead_letter", "SELECT max(id) FROM dead_letters"};
inline constexpr Sql max_settled{"queue.max_settled", "SELECT max(message) FROM settled"};

// ---- messages: coming in ----
inline constexpr Sql insert_message{
    "queue.insert_message",
    "INSERT INTO messages (id, queue, lane, state, rank, priority, attempt, lost, fence, since_at, "
    "due_clock, due, "
    "expires_at, lease_until, session, worker, body, body_ref, headers, failures, owner) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
    "?20, ?21)"};
// A leased row goes to the next stage and is leased again: `state` is not set, so no index is
// touched.
inline constexpr Sql move_leased{"queue.move_leased",
                                 "UPDATE messages SET queue = ?2, rank = ?3, priority = ?4, "
                                 "attempt = ?5, lost = 0, fence = ?6, since_at = ?7, "
                                 "lease_until = ?8, session = ?9, worker = ?10, body = ?11, "
                                 "body_ref = ?12, headers = ?13, failures = NULL, owner = ?14 "
                                 "WHERE id = ?1"};
inline constexpr Sql move_message{
    "queue.move_message",
    "UPDATE messages SET queue = ?2, state = ?3, rank = ?4, priority = ?5, attempt = ?6, lost = "
    "?7, since_at = ?8, "
    "due_clock = ?9, due = ?10, expires_at = NULL, lease_until = NULL, session = NULL, worker = "
    "NULL, body = ?11, "
    "body_ref = ?12, headers = ?13, failures = ?14, owner = ?15 WHERE id = ?1"};

// ---- messages: going out ----
inline constexpr Sql next_ready{
    "queue.next_ready",
    "SELECT id, priority, attempt, lost, fence, body, body_ref, headers, owner FROM messages "
    "INDEXED BY messages_ready "
    "WHERE state = 1 AND queue = ?1 AND lane = ?2 ORDER BY rank LIMIT ?3"};
inline constexpr Sql lease_ready{"queue.lease_ready",
                                 "UPDATE messages SET state = 4, attempt = ?2, fence = ?3, "
                                 "since_at = ?4, lease_until = ?5, session = ?6, worker = ?7 "
                                 "WHERE id = ?1"};
inline constexpr Sql oldest_ready{"queue.oldest_ready",
                                  "SELECT since_at FROM messages INDEXED BY messages_ready WHERE "
                                  "state = 1 AND queue = ?1 AND lane = ?2 ORDER BY rank LIMIT 1"};
inline constexpr Sql extend_lease{
    "queue.extend_lease",
    "UPDATE messages SET lease_until = ?2, session = ?3 WHERE id = ?1 AND state = 4"};
inline constexpr Sql release{"queue.release",
                             "UPDATE messages SET state = ?2, rank = ?3, lost = ?4, since_at = ?5, "
                             "due_clock = ?6, due = ?7, lease_until = NULL, "
                             "session = NULL, worker = NULL, failures = ?8 WHERE id = ?1"};
inline constexpr Sql delete_message{"queue.delete_message", "DELETE FROM messages WHERE id = ?1"};
inline constexpr Sql find_message{"queue.find_message",
                                  "SELECT id, queue, lane, state, priority, attempt, lost, fence, "
                                  "since_at, due_clock, due, body, body_ref, headers, "
                                  "failures, owner, worker FROM messages WHERE id = ?1"};
inline constexpr Sql message_extras{
    "queue.message_extras", "SELECT body, body_ref, headers, failures FROM messages WHERE id = ?1"};

// ---- time ----
inline constexpr Sql next_due{
    "queue.next_due",
    "SELECT min(due) FROM messages INDEXED BY messages_due WHERE state = 2 AND due_clock = ?1"};
inline constexpr Sql due_messages{"queue.due_messages",
                                  "SELECT id, queue, lane, priority FROM messages INDEXED BY "
                                  "messages_due WHERE state = 2 AND due_clock = ?1 AND due <= ?2 "
                                  "ORDER BY due LIMIT ?3"};
inline constexpr Sql make_ready{"queue.make_ready",
                                "UPDATE messages SET state = 1, rank = ?2, since_at = ?3, "
                                "due_clock = NULL, due = NULL WHERE id = ?1"};
inline constexpr Sql next_expiring{"queue.next_expiring",
                                   "SELECT min(expires_at) FROM messages INDEXED BY "
                                   "messages_expiring WHERE expires_at IS NOT NULL"};
inline constexpr Sql expired_messages{"queue.expired_messages",
                                      "SELECT id FROM messages INDEXED BY messages_expiring WHERE "
                                      "expires_at IS NOT NULL AND expires_at <= ?1 LIMIT ?2"};
inline constexpr Sql clear_expiry{"queue.clear_expiry",
                                  "UPDATE messages SET expires_at = NULL WHERE id = ?1"};

// ---- holding a frame's message back while its run is paused ----
inline constexpr Sql hold_message{
    "queue.hold_message",
    "UPDATE messages SET state = 5, since_at = ?2, due_clock = NULL, due = NULL WHERE id = ?1"};

inline constexpr Sql unhold_message{"queue.unhold_message",
                                    "UPDATE messages SET state = ?2, rank = ?3, since_at = ?4, "
                                    "due_clock = ?5, due = ?6 WHERE id = ?1"};

// ---- lines for room ----
inline constexpr Sql join_room_line{
    "queue.join_room_line", "INSERT INTO room_lines (queue, place, who) VALUES (?1, ?2, ?3)"};
inline constexpr Sql leave_room_line{"queue.leave_room_line",
                                     "DELETE FROM room_lines WHERE queue = ?1 AND place = ?2"};
inline constexpr Sql first_for_room{
    "queue.first_for_room",
    "SELECT place, who FROM room_lines WHERE queue = ?1 ORDER BY place LIMIT 1"};
inline constexpr Sql count_waiting{"queue.count_waiting",
                                   "SELECT queue, count(*) FROM room_lines GROUP BY queue"};

// ---- lines of ordering keys ----
inline constexpr Sql insert_place{
    "queue.insert_place",
    "INSERT INTO order_lines (queue, order_key, place, message) VALUES (?1, ?2, ?3, ?4)"};
inline constexpr Sql delete_place{
    "queue.delete_place",
    "DELETE FROM order_lines WHERE queue = ?1 AND order_key = ?2 AND place = ?3"};
inline constexpr Sql take_place{"queue.take_place",
                                "UPDATE order_lines SET message = ?4, dead_letter = NULL WHERE "
                                "queue = ?1 AND order_key = ?2 AND place = ?3"};
inline constexpr Sql place_of_message{
    "queue.place_of_message",
    "SELECT queue, order_key, place FROM order_lines INDEXED BY order_lines_message WHERE message "
    "= ?1 AND dead_letter IS NULL"};
// The place that a dead letter keeps for the work of this message.
inline constexpr Sql kept_place_of{
    "queue.kept_place_of",
    "SELECT queue, order_key, place FROM order_lines INDEXED BY order_lines_message WHERE message "
    "= ?1"};
inline constexpr Sql place_of_letter{
    "queue.place_of_letter",
    "SELECT queue, order_key, place FROM order_lines INDEXED BY order_lines_dead WHERE dead_letter "
    "= ?1"};
inline constexpr Sql before_in_line{
    "queue.before_in_line",
    "SELECT 1 FROM order_lines WHERE queue = ?1 AND order_key = ?2 AND place < ?3 LIMIT 1"};
inline constexpr Sql first_in_line{
    "queue.first_in_line",
    "SELECT l.message, l.place, m.state, m.lane FROM order_lines l LEFT JOIN messages m ON m.id = "
    "l.message WHERE l.queue = ?1 AND l.order_key = ?2 ORDER BY l.place LIMIT 1"};
inline constexpr Sql leave_to_letter{"queue.leave_to_letter",
                                     "UPDATE order_lines SET dead_letter = ?2 WHERE message = ?1"};
inline constexpr Sql unblock_message{
    "queue.unblock_message",
    "UPDATE messages SET state = 1, since_at = ?2 WHERE id = ?1 AND state = 3"};
inline constexpr Sql block_message{"queue.block_message",
                                   "UPDATE messages SET state = 3, rank = ?2, since_at = ?3, "
                                   "due_clock = NULL, due = NULL WHERE id = ?1"};
inline constexpr Sql insert_letter_key{
    "queue.insert_letter_key", "INSERT INTO letter_keys (dead_letter, order_key) VALUES (?1, ?2)"};
inline constexpr Sql find_letter_key{"queue.find_letter_key",
                                     "SELECT order_key FROM letter_keys WHERE dead_letter = ?1"};
inline constexpr Sql delete_letter_key{"queue.delete_letter_key",
                                       "DELETE FROM letter_keys WHERE dead_letter = ?1"};

// ---- purge: one step ----
inline constexpr Sql purge_blocked{
    "queue.purge_blocked",
    "SELECT id, lane FROM messages INDEXED BY messages_blocked WHERE "
    "state = 3 AND queue = ?1 AND lane = 0 LIMIT ?2"};
inline constexpr Sql purge_ready{"queue.purge_ready",
                                 "SELECT id, lane FROM messages INDEXED BY messages_ready WHERE "
                                 "state = 1 AND queue = ?1 AND lane = 0 LIMIT ?2"};
inline constexpr Sql purge_delayed{"queue.purge_delayed",
                                   "SELECT id, lane FROM messages INDEXED BY messages_delayed "
                                   "WHERE state = 2 AND queue = ?1 AND lane = 0 LIMIT ?2"};

// ---- dedup ----
inline constexpr Sql find_dedup{
    "queue.find_dedup",
    "SELECT message FROM dedup WHERE queue = ?1 AND dedup_id = ?2 AND expires_at > ?3"};
inline constexpr Sql put_dedup{
    "queue.put_dedup",
    "INSERT INTO dedup (queue, dedup_id, message, expires_at) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (queue, dedup_id) DO UPDATE SET message = excluded.message, expires_at = "
    "excluded.expires_at"};
inline constexpr Sql sweep_dedup{"queue.sweep_dedup",
                                 "DELETE FROM dedup WHERE (queue, dedup_id) IN "
                                 "(SELECT queue, dedup_id FROM dedup INDEXED BY dedup_expiring "
                                 "WHERE expires_at <= ?1 LIMIT ?2)"};

// ---- verbs that took effect on bare messages ----
inline constexpr Sql put_settled{
    "queue.put_settled",
    "INSERT INTO settled (message, fence, verb, at) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (message, fence) DO UPDATE SET verb = excluded.verb, at = excluded.at"};
inline constexpr Sql find_settled{"queue.find_settled",
                                  "SELECT verb FROM settled WHERE message = ?1 AND fence = ?2"};
inline constexpr Sql sweep_settled{
    "queue.sweep_settled",
    "DELETE FROM settled WHERE (message, fence) IN (SELECT message, fence FROM (SELECT message, "
    "fence, at FROM settled "
    "WHERE message > ?1 ORDER BY message, fence LIMIT ?3) WHERE at <= ?2)"};
inline constexpr Sql sweep_settled_to{
    "queue.sweep_settled_to",
    "SELECT max(message), count(*) FROM (SELECT message FROM settled WHERE message > ?1 ORDER BY "
    "message, fence LIMIT ?2)"};

// ---- dead letters ----
inline constexpr Sql insert_dead_letter{
    "queue.insert_dead_letter",
    "INSERT INTO dead_letters (id, kind, status, queue, run, frame, workflow, state, error, cause, "
    "at, attempts, priority, "
    "body, headers, failures, topic, binding, key) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
    "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"};
inline constexpr Sql find_dead_letter{"queue.find_dead_letter",
                                      "SELECT id, kind, status, queue, run, frame, state, error, "
                                      "priority, body, headers, topic, binding, key FROM "
                                      "dead_letters WHERE id = ?1"};
inline constexpr Sql close_dead_letter{
    "queue.close_dead_letter",
    "UPDATE dead_letters SET status = ?2, reason = ?3 WHERE id = ?1 AND status = 1"};
inline constexpr Sql open_of_run{"queue.open_of_run",
                                 "SELECT id, queue, frame, state FROM dead_letters INDEXED BY "
                                 "dead_letters_of_run WHERE status = 1 AND run = ?1"};
inline constexpr Sql open_of_queue{"queue.open_of_queue",
                                   "SELECT id FROM dead_letters INDEXED BY dead_letters_open WHERE "
                                   "status = 1 AND queue = ?1 AND id > ?2 "
                                   "AND (?3 IS NULL OR error = ?3) ORDER BY id LIMIT ?4"};
inline constexpr Sql open_everywhere{"queue.open_everywhere",
                                     "SELECT id FROM dead_letters WHERE status = 1 AND id > ?1 AND "
                                     "(?2 IS NULL OR error = ?2) ORDER BY id LIMIT ?3"};
inline constexpr Sql count_open_of_queue{"queue.count_open_of_queue",
                                         "SELECT count(*) FROM (SELECT 1 FROM dead_letters INDEXED "
                                         "BY dead_letters_open WHERE status = 1 AND queue = ?1 "
                                         "AND (?2 IS NULL OR error = ?2) LIMIT 1000000)"};
inline constexpr Sql count_open_everywhere{
    "queue.count_open_everywhere",
    "SELECT count(*) FROM (SELECT 1 FROM dead_letters WHERE status = 1 AND (?1 IS NULL OR error = "
    "?1) LIMIT 1000000)"};

// ---- replays of what had died ----
inline constexpr Sql state_replays{
    "queue.state_replays",
    "SELECT count FROM state_replays WHERE run = ?1 AND frame = ?2 AND state = ?3"};
inline constexpr Sql count_state_replay{
    "queue.count_state_replay",
    "INSERT INTO state_replays (run, frame, state, count) VALUES (?1, ?2, ?3, 1) ON CONFLICT (run, "
    "frame, state) DO UPDATE SET count = count + 1"};
inline constexpr Sql replays_of_letter{
    "queue.replays_of_letter",
    "SELECT count FROM message_replays INDEXED BY message_replays_letter WHERE letter = ?1"};
inline constexpr Sql put_message_replay{
    "queue.put_message_replay", "INSERT INTO message_replays (message, count) VALUES (?1, ?2)"};
inline constexpr Sql replay_of_message{"queue.replay_of_message",
                                       "SELECT letter FROM message_replays WHERE message = ?1"};
inline constexpr Sql replayed_has_died{"queue.replayed_has_died",
                                       "UPDATE message_replays SET letter = ?2 WHERE message = ?1"};
inline constexpr Sql message_is_there{"queue.message_is_there",
                                      "SELECT 1 FROM messages WHERE id = ?1"};
inline constexpr Sql range_of_replays{
    "queue.range_of_replays",
    "SELECT (SELECT min(message) FROM message_replays), (SELECT max(message) FROM "
    "message_replays)"};
// Those that were ended, and those whose dead letter is no longer open.
inline constexpr Sql sweep_message_replays{
    "queue.sweep_message_replays",
    "DELETE FROM message_replays WHERE message IN (SELECT message FROM (SELECT message, letter "
    "FROM message_replays WHERE message >= ?1 ORDER BY message LIMIT ?2) r WHERE NOT EXISTS "
    "(SELECT 1 FROM messages m WHERE m.id = r.message) AND NOT EXISTS (SELECT 1 FROM dead_letters "
    "d WHERE d.id = r.letter AND d.status = 1))"};

}  // namespace sluice::queue::sql
