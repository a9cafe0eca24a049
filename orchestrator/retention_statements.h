// Every statement of retention: what is too old, and its deletion a step at a time.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql least_retention{
    "retention.least",
    "SELECT min(retention_s) FROM workflow_versions WHERE retention_s IS NOT NULL"};
inline constexpr Sql runs_to_keep_or_not{
    "retention.runs",
    "SELECT r.id, r.started_at, r.ended_at, r.last_seq, v.retention_s, EXISTS (SELECT 1 FROM "
    "dead_letters d WHERE d.run = r.id AND d.status = 1) FROM runs r JOIN workflow_versions v ON "
    "v.id = r.version WHERE r.id > ?1 ORDER BY r.id LIMIT ?2"};
inline constexpr Sql delete_run{"retention.delete_run", "DELETE FROM runs WHERE id = ?1"};
inline constexpr Sql delete_state_replays{"retention.delete_state_replays",
                                          "DELETE FROM state_replays WHERE run = ?1"};
inline constexpr Sql delete_log_row{"retention.delete_log_row",
                                    "DELETE FROM log WHERE seq = ?1 RETURNING prev"};
inline constexpr Sql delete_log_of_children{
    "retention.delete_log_of_children",
    "DELETE FROM log WHERE seq IN (SELECT seq FROM log INDEXED BY log_of_children WHERE run = ?1 "
    "AND frame IS NOT NULL LIMIT ?2) RETURNING seq"};
inline constexpr Sql spend_spawn_if_any{
    "retention.spend_spawn",
    "INSERT OR IGNORE INTO spent_spawns (spawn) SELECT ?1 WHERE EXISTS (SELECT 1 FROM children "
    "WHERE spawn = ?1)"};
inline constexpr Sql put_dropped_run{
    "retention.put_dropped_run",
    "INSERT INTO dropped_runs (run, last_seq) VALUES (?1, ?2) ON CONFLICT (run) DO UPDATE SET "
    "last_seq = excluded.last_seq"};
inline constexpr Sql first_dropped_run{"retention.first_dropped_run",
                                       "SELECT run, last_seq FROM dropped_runs LIMIT 1"};
inline constexpr Sql forget_dropped_run{"retention.forget_dropped_run",
                                        "DELETE FROM dropped_runs WHERE run = ?1"};
inline constexpr Sql letters_to_keep_or_not{
    "retention.letters",
    "SELECT id, at, status FROM dead_letters WHERE id > ?1 ORDER BY id LIMIT ?2"};
inline constexpr Sql delete_letter{"retention.delete_letter",
                                   "DELETE FROM dead_letters WHERE id = ?1"};
inline constexpr Sql pages{"retention.pages", "PRAGMA page_count"};
inline constexpr Sql free_pages{"retention.free_pages", "PRAGMA freelist_count"};
inline constexpr Sql give_back_pages{"retention.give_back", "PRAGMA incremental_vacuum(256)"};

}  // namespace sluice::orchestrator::sql
