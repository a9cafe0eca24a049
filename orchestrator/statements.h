// Every statement of the tables that orchestrator/ owns: workflows, versions, runs, frames,
// deadlines, log, idempotency, meta.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

// ---- meta ----
inline constexpr Sql get_meta{"orchestrator.get_meta", "SELECT value FROM meta WHERE key = ?1"};
inline constexpr Sql put_meta{"orchestrator.put_meta",
                              "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO "
                              "UPDATE SET value = excluded.value"};

// ---- workflows ----
inline constexpr Sql all_workflows{
    "orchestrator.all_workflows",
    "SELECT id, name, latest, paused, paused_since, paused_total, deleted FROM workflows"};
inline constexpr Sql insert_workflow{
    "orchestrator.insert_workflow", "INSERT INTO workflows (id, name, latest) VALUES (?1, ?2, ?3)"};
inline constexpr Sql set_latest{"orchestrator.set_latest",
                                "UPDATE workflows SET latest = ?2, deleted = 0 WHERE id = ?1"};
inline constexpr Sql set_workflow_paused{
    "orchestrator.set_workflow_paused",
    "UPDATE workflows SET paused = ?2, paused_since = ?3, paused_total = ?4 WHERE id = ?1"};
inline constexpr Sql delete_workflow{"orchestrator.delete_workflow",
                                     "UPDATE workflows SET deleted = 1 WHERE id = ?1"};
inline constexpr Sql insert_version{"orchestrator.insert_version",
                                    "INSERT INTO workflow_versions (id, workflow, version, hash, "
                                    "definition, deployed_at, retention_s) VALUES (?1, ?2, ?3, ?4, "
                                    "?5, ?6, ?7)"};
inline constexpr Sql all_versions{
    "orchestrator.all_versions",
    "SELECT id, workflow, version, hash FROM workflow_versions ORDER BY id"};
inline constexpr Sql version_definition{"orchestrator.version_definition",
                                        "SELECT definition FROM workflow_versions WHERE id = ?1"};

// ---- runs ----
inline constexpr Sql insert_run{
    "orchestrator.insert_run",
    "INSERT INTO runs (id, version, workflow, status, name, labels, priority, not_before, "
    "first_seq, started_at, parent_run, parent_frame) "
    "VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
inline constexpr Sql run_by_name{
    "orchestrator.run_by_name", "SELECT id, first_seq FROM runs WHERE workflow = ?1 AND name = ?2"};
inline constexpr Sql run_facts{"orchestrator.run_facts",
                               "SELECT id, version, workflow, status, name, first_seq, started_at, "
                               "last_seq, redrives, priority, ended_at FROM runs WHERE id = ?1"};
// The guard: only a run that is live ends.
inline constexpr Sql end_run{"orchestrator.end_run",
                             "UPDATE runs SET status = ?2, ended_at = ?3, last_seq = ?4, error = "
                             "?5 WHERE id = ?1 AND ended_at IS NULL"};
inline constexpr Sql set_run_status{"orchestrator.set_run_status",
                                    "UPDATE runs SET status = ?3 WHERE id = ?1 AND status = ?2"};
inline constexpr Sql reopen_run{"orchestrator.reopen_run",
                                "UPDATE runs SET status = 1, ended_at = NULL, last_seq = NULL, "
                                "error = NULL, redrives = redrives + 1, version = ?2 "
                                "WHERE id = ?1 AND status BETWEEN 3 AND 6"};
inline constexpr Sql set_run_version{"orchestrator.set_run_version",
                                     "UPDATE runs SET version = ?2 WHERE id = ?1"};
inline constexpr Sql paused_runs{
    "orchestrator.paused_runs",
    "SELECT id FROM runs r INDEXED BY runs_attention WHERE status > 2 AND status = 6 AND NOT "
    "EXISTS (SELECT 1 FROM frames f WHERE f.id = r.id AND f.wait_kind = 12)"};
inline constexpr Sql max_run{"orchestrator.max_run", "SELECT max(id) FROM runs"};

// ---- frames that wait for something else than a message ----
inline constexpr Sql insert_frame{"orchestrator.insert_frame",
                                  "INSERT INTO frames (id, wait_kind, since_at, due_clock, due, "
                                  "data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"};
inline constexpr Sql update_frame{"orchestrator.update_frame",
                                  "UPDATE frames SET wait_kind = ?2, since_at = ?3, due_clock = "
                                  "?4, due = ?5, data = ?6 WHERE id = ?1"};
inline constexpr Sql delete_frame{"orchestrator.delete_frame", "DELETE FROM frames WHERE id = ?1"};
inline constexpr Sql find_frame{
    "orchestrator.find_frame",
    "SELECT wait_kind, since_at, due_clock, due, data FROM frames WHERE id = ?1"};
inline constexpr Sql next_frame_due{
    "orchestrator.next_frame_due",
    "SELECT min(due) FROM frames INDEXED BY frames_due WHERE due IS NOT NULL AND due_clock = ?1"};
inline constexpr Sql due_frames{"orchestrator.due_frames",
                                "SELECT id FROM frames INDEXED BY frames_due "
                                "WHERE due IS NOT NULL AND due_clock = ?1 AND due <= ?2 "
                                "ORDER BY due LIMIT ?3"};
inline constexpr Sql count_frames{"orchestrator.count_frames", "SELECT count(*) FROM frames"};
inline constexpr Sql max_frame{"orchestrator.max_frame", "SELECT max(id) FROM frames"};
inline constexpr Sql put_off_frame{"orchestrator.put_off_frame",
                                   "UPDATE frames SET due = ?2 WHERE id = ?1"};
inline constexpr Sql set_frame_data{"orchestrator.set_frame_data",
                                    "UPDATE frames SET data = ?2 WHERE id = ?1"};
inline constexpr Sql set_message_owner{"orchestrator.set_message_owner",
                                       "UPDATE messages SET owner = ?2 WHERE id = ?1"};

inline constexpr Sql set_frame_wait{
    "orchestrator.set_frame_wait",
    "UPDATE frames SET wait_kind = ?2, due_clock = ?3, due = ?4, data = ?5 WHERE id = ?1"};

// ---- children ----
inline constexpr Sql insert_child{
    "orchestrator.insert_child",
    "INSERT INTO children (spawn, idx, frame, status) VALUES (?1, ?2, ?3, 1)"};
inline constexpr Sql end_child{"orchestrator.end_child",
                               "UPDATE children SET status = ?3, result = ?4, last_seq = ?5 WHERE "
                               "spawn = ?1 AND idx = ?2"};
inline constexpr Sql revive_child{"orchestrator.revive_child",
                                  "UPDATE children SET status = 1, result = NULL, last_seq = NULL "
                                  "WHERE spawn = ?1 AND idx = ?2"};
// What failed or was stopped is taken up again by a redrive.
inline constexpr Sql take_up_children{
    "orchestrator.take_up_children",
    "UPDATE children SET status = 5, result = NULL WHERE spawn = ?1 AND status IN (3, 4)"};
inline constexpr Sql children_of{
    "orchestrator.children_of",
    "SELECT idx, frame, status FROM children WHERE spawn = ?1 ORDER BY idx"};
inline constexpr Sql one_child{
    "orchestrator.one_child",
    "SELECT frame, status, last_seq FROM children WHERE spawn = ?1 AND idx = ?2"};
inline constexpr Sql child_results{
    "orchestrator.child_results",
    "SELECT c.idx, c.status, c.result, l.events, l.docs FROM children c JOIN log l ON l.seq = "
    "c.result / 4096 WHERE c.spawn = ?1 AND c.idx >= ?2 ORDER BY c.idx LIMIT ?3"};
inline constexpr Sql ended_children{
    "orchestrator.ended_children",
    "SELECT idx, frame, status, result, last_seq FROM children WHERE spawn = ?1 AND idx >= ?2 "
    "ORDER BY idx LIMIT ?3"};
inline constexpr Sql first_children{
    "orchestrator.first_children",
    "SELECT idx, status, last_seq FROM children WHERE spawn = ?1 ORDER BY idx LIMIT ?2"};
inline constexpr Sql delete_children{"orchestrator.delete_children",
                                     "DELETE FROM children WHERE spawn = ?1 AND idx <= ?2"};
inline constexpr Sql count_live_children{"orchestrator.count_live_children",
                                         "SELECT count(*) FROM children WHERE status = 1"};
inline constexpr Sql add_spent_spawn{"orchestrator.add_spent_spawn",
                                     "INSERT OR IGNORE INTO spent_spawns (spawn) VALUES (?1)"};
inline constexpr Sql next_spent_spawn{"orchestrator.next_spent_spawn",
                                      "SELECT min(spawn) FROM spent_spawns"};
inline constexpr Sql delete_spent_spawn{"orchestrator.delete_spent_spawn",
                                        "DELETE FROM spent_spawns WHERE spawn = ?1"};

// ---- deadlines ----
inline constexpr Sql insert_deadline{
    "orchestrator.insert_deadline",
    "INSERT OR IGNORE INTO deadlines (due, frame, kind) VALUES (?1, ?2, ?3)"};
inline constexpr Sql delete_deadline{
    "orchestrator.delete_deadline",
    "DELETE FROM deadlines WHERE due = ?1 AND frame = ?2 AND kind = ?3"};
inline constexpr Sql next_deadline{"orchestrator.next_deadline", "SELECT min(due) FROM deadlines"};
inline constexpr Sql due_deadlines{
    "orchestrator.due_deadlines",
    "SELECT due, frame, kind FROM deadlines WHERE due <= ?1 ORDER BY due LIMIT ?2"};

// ---- log ----
inline constexpr Sql insert_log{"orchestrator.insert_log",
                                "INSERT INTO log (seq, run, frame, prev, at, events, docs) VALUES "
                                "(?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
inline constexpr Sql find_log{"orchestrator.find_log",
                              "SELECT run, frame, prev, at, events, docs FROM log WHERE seq = ?1"};
inline constexpr Sql log_docs{"orchestrator.log_docs",
                              "SELECT events, docs FROM log WHERE seq = ?1"};
// REQUIRES: not the root frame, whose rows are found through `prev`.
inline constexpr Sql last_log_of_child{
    "orchestrator.last_log_of_child",
    "SELECT max(seq) FROM log INDEXED BY log_of_children WHERE run = ?1 AND frame = ?2"};
inline constexpr Sql first_log_of_child{
    "orchestrator.first_log_of_child",
    "SELECT seq, at, events FROM log INDEXED BY log_of_children WHERE run = ?1 AND frame = ?2 "
    "ORDER BY seq LIMIT 1"};
inline constexpr Sql max_frame_in_log{
    "orchestrator.max_frame_in_log",
    "SELECT max(frame) FROM (SELECT frame FROM log ORDER BY seq DESC LIMIT 10000)"};
inline constexpr Sql max_log{"orchestrator.max_log", "SELECT max(seq) FROM log"};

// ---- idempotency ----
inline constexpr Sql find_idempotent{
    "orchestrator.find_idempotent",
    "SELECT fingerprint, answer FROM idempotency WHERE key = ?1 AND at > ?2"};
inline constexpr Sql put_idempotent{
    "orchestrator.put_idempotent",
    "INSERT INTO idempotency (key, fingerprint, answer, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT "
    "(key) DO UPDATE SET "
    "fingerprint = excluded.fingerprint, answer = excluded.answer, at = excluded.at"};
inline constexpr Sql sweep_idempotent{
    "orchestrator.sweep_idempotent",
    "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency INDEXED BY idempotency_age "
    "WHERE at <= ?1 LIMIT ?2)"};

}  // namespace sluice::orchestrator::sql
