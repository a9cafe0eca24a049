// The statements of Inspector: reads only, each by a key or along an index, bounded by the caller.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

#define SLUICE_RUN_COLUMNS                                                                     \
  "id, version, workflow, status, name, labels, not_before, first_seq, started_at, ended_at, " \
  "last_seq, error, redrives"
inline constexpr Sql runs_before{"inspect.runs_before",
                                 "SELECT " SLUICE_RUN_COLUMNS
                                 " FROM runs WHERE id < ?1 ORDER BY id DESC"};
// Failed, timed out, aborted, paused: few among many, so an index of their own finds them.
inline constexpr Sql runs_of_status{
    "inspect.runs_of_status",
    "SELECT " SLUICE_RUN_COLUMNS
    " FROM runs INDEXED BY runs_attention WHERE status > 2 AND status = ?2 AND id < ?1 "
    "ORDER BY id DESC"};
inline constexpr Sql one_run{"inspect.one_run",
                             "SELECT " SLUICE_RUN_COLUMNS " FROM runs WHERE id = ?1"};
#undef SLUICE_RUN_COLUMNS

inline constexpr Sql version_text{"inspect.version_text",
                                  "SELECT w.name, v.version, v.definition FROM workflow_versions v "
                                  "JOIN workflows w ON w.id = v.workflow WHERE v.id = ?1"};
inline constexpr Sql latest_version{
    "inspect.latest_version",
    "SELECT v.id, v.version, v.definition FROM workflows w JOIN workflow_versions v ON v.workflow "
    "= w.id AND v.version = w.latest WHERE w.name = ?1"};
inline constexpr Sql numbered_version{
    "inspect.numbered_version",
    "SELECT v.id, v.version, v.definition FROM workflows w JOIN workflow_versions v ON v.workflow "
    "= w.id WHERE w.name = ?1 AND v.version = ?2"};
inline constexpr Sql live_messages_after{
    "inspect.live_messages_after",
    "SELECT id, state, owner FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2"};
inline constexpr Sql live_frames_after{
    "inspect.live_frames_after",
    "SELECT id, wait_kind, data FROM frames WHERE id > ?1 ORDER BY id LIMIT ?2"};
inline constexpr Sql workflow_list{
    "inspect.workflow_list",
    "SELECT w.name, w.latest, v.hash, v.deployed_at, w.paused FROM workflows w JOIN "
    "workflow_versions v "
    "ON v.workflow = w.id AND v.version = w.latest WHERE w.deleted = 0 ORDER BY w.name"};
inline constexpr Sql workflow_version{
    "inspect.workflow_version",
    "SELECT v.version, v.hash, v.deployed_at, v.definition FROM workflow_versions v JOIN workflows "
    "w ON w.id = v.workflow "
    "WHERE w.name = ?1 AND w.deleted = 0 AND v.version = coalesce(?2, w.latest)"};
inline constexpr Sql workflow_versions{
    "inspect.workflow_versions",
    "SELECT v.version, v.hash, v.deployed_at FROM workflow_versions v JOIN workflows w ON w.id = "
    "v.workflow "
    "WHERE w.name = ?1 AND w.deleted = 0 ORDER BY v.version DESC"};
inline constexpr Sql workflow_name{"inspect.workflow_name",
                                   "SELECT name FROM workflows WHERE id = ?1"};
inline constexpr Sql workflow_id{"inspect.workflow_id", "SELECT id FROM workflows WHERE name = ?1"};
inline constexpr Sql queue_name{"inspect.queue_name", "SELECT name FROM queues WHERE id = ?1"};
inline constexpr Sql queue_id{"inspect.queue_id", "SELECT id FROM queues WHERE name = ?1"};

#define SLUICE_MESSAGE_COLUMNS                                                         \
  "id, queue, lane, state, rank, priority, attempt, fence, since_at, due_clock, due, " \
  "lease_until, worker, body, body_ref, "                                              \
  "headers, failures, owner"
inline constexpr Sql one_message{"inspect.one_message",
                                 "SELECT " SLUICE_MESSAGE_COLUMNS " FROM messages WHERE id = ?1"};
// A queue's messages by state, after a cursor of (rank, id) or id.
inline constexpr Sql peek_ready{
    "inspect.peek_ready", "SELECT " SLUICE_MESSAGE_COLUMNS
                          " FROM messages INDEXED BY messages_ready WHERE state = 1 AND queue = ?1 "
                          "ORDER BY lane, rank LIMIT ?2 OFFSET ?3"};
inline constexpr Sql peek_delayed{
    "inspect.peek_delayed",
    "SELECT " SLUICE_MESSAGE_COLUMNS
    " FROM messages INDEXED BY messages_delayed WHERE state = 2 AND queue = ?1 "
    "ORDER BY lane, id LIMIT ?2 OFFSET ?3"};
inline constexpr Sql peek_leased{
    "inspect.peek_leased",
    "SELECT " SLUICE_MESSAGE_COLUMNS
    " FROM messages INDEXED BY messages_leased WHERE state = 4 AND queue = ?1 "
    "ORDER BY id LIMIT ?2 OFFSET ?3"};
inline constexpr Sql peek_held{
    "inspect.peek_held", "SELECT " SLUICE_MESSAGE_COLUMNS
                         " FROM messages INDEXED BY messages_held WHERE state = 5 AND queue = ?1 "
                         "ORDER BY lane, id LIMIT ?2 OFFSET ?3"};
#undef SLUICE_MESSAGE_COLUMNS
inline constexpr Sql ahead_of{"inspect.ahead_of",
                              "SELECT count(*) FROM (SELECT 1 FROM messages INDEXED BY "
                              "messages_ready WHERE state = 1 AND queue = ?1 AND lane = ?2 "
                              "AND rank < ?3 LIMIT 1000)"};

#define SLUICE_LETTER_COLUMNS                                                                  \
  "id, kind, status, queue, run, workflow, state, error, cause, at, attempts, body, headers, " \
  "failures, reason, topic, binding, key"
inline constexpr Sql letters_before{"inspect.letters_before",
                                    "SELECT " SLUICE_LETTER_COLUMNS
                                    " FROM dead_letters WHERE id < ?1 ORDER BY id DESC"};
inline constexpr Sql letters_of_queue{
    "inspect.letters_of_queue",
    "SELECT " SLUICE_LETTER_COLUMNS
    " FROM dead_letters INDEXED BY dead_letters_open WHERE status = 1 AND queue = ?2 "
    "AND id < ?1 ORDER BY id DESC"};
inline constexpr Sql replays_of_state{
    "inspect.replays_of_state",
    "SELECT r.count FROM dead_letters d JOIN state_replays r ON r.run = d.run AND r.frame = "
    "d.frame AND r.state = coalesce(d.state, '') WHERE d.id = ?1"};
inline constexpr Sql one_letter{"inspect.one_letter",
                                "SELECT " SLUICE_LETTER_COLUMNS " FROM dead_letters WHERE id = ?1"};
#undef SLUICE_LETTER_COLUMNS
inline constexpr Sql labels_of_run{"inspect.labels_of_run",
                                   "SELECT labels FROM runs WHERE id = ?1"};
inline constexpr Sql open_letter_of_run{
    "inspect.open_letter_of_run",
    "SELECT id FROM dead_letters INDEXED BY dead_letters_of_run WHERE status = 1 AND run = ?1"};

// ---- children ----
inline constexpr Sql children_by_status{
    "inspect.children_by_status",
    "SELECT status, count(*) FROM children WHERE spawn = ?1 GROUP BY status"};
inline constexpr Sql live_children{
    "inspect.live_children",
    "SELECT frame FROM children WHERE spawn = ?1 AND status = 1 ORDER BY idx LIMIT ?2"};
inline constexpr Sql log_of_children{
    "inspect.log_of_children",
    "SELECT seq, frame, at, events FROM log INDEXED BY log_of_children WHERE run = ?1 AND frame IS "
    "NOT NULL ORDER BY frame, seq LIMIT ?2"};

// ---- the invariants ----
inline constexpr Sql lost_children{
    "inspect.lost_children",
    "SELECT c.spawn, c.idx, c.frame FROM children c WHERE c.status = 1 AND NOT EXISTS (SELECT 1 "
    "FROM messages m WHERE m.id = c.frame) AND NOT EXISTS (SELECT 1 FROM frames f WHERE f.id = "
    "c.frame) LIMIT 100"};
inline constexpr Sql a_live_child{"inspect.a_live_child",
                                  "SELECT 1 FROM children WHERE spawn = ?1 AND status = 1 LIMIT 1"};
inline constexpr Sql live_runs_after{
    "inspect.live_runs_after",
    "SELECT id, status FROM runs WHERE id > ?1 AND ended_at IS NULL ORDER BY id LIMIT ?2"};
inline constexpr Sql in_both_homes{
    "inspect.in_both_homes", "SELECT f.id FROM frames f JOIN messages m ON m.id = f.id LIMIT 100"};
inline constexpr Sql messages_without_queue{
    "inspect.messages_without_queue",
    "SELECT id FROM messages WHERE queue NOT IN (SELECT id FROM queues) LIMIT 100"};
inline constexpr Sql owned_after{
    "inspect.owned_after",
    "SELECT id, owner FROM messages WHERE id > ?1 AND owner IS NOT NULL ORDER BY id LIMIT ?2"};
inline constexpr Sql frames_after{
    "inspect.frames_after",
    "SELECT id, data, wait_kind FROM frames WHERE id > ?1 ORDER BY id LIMIT ?2"};
inline constexpr Sql event_waiter_exists{
    "inspect.event_waiter_exists",
    "SELECT 1 FROM event_waiters WHERE name = ?1 AND key = ?2 AND since = ?3 AND frame = ?4"};
inline constexpr Sql lost_event_waiters{
    "inspect.lost_event_waiters",
    "SELECT name, frame FROM event_waiters w WHERE NOT EXISTS (SELECT 1 FROM frames f WHERE f.id = "
    "w.frame AND f.wait_kind = 7) LIMIT 100"};
inline constexpr Sql deadline_exists{
    "inspect.deadline_exists",
    "SELECT 1 FROM deadlines WHERE due = ?1 AND frame = ?2 AND kind = ?3"};
inline constexpr Sql quick_check{"inspect.quick_check", "PRAGMA quick_check(20)"};

}  // namespace sluice::orchestrator::sql
