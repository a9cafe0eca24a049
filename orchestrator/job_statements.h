// Every statement of the tables of bulk jobs, and of what they walk over.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

#define SLUICE_JOB_COLUMNS                                                                        \
  "id, status, request, principal, reason, created_at, ended_at, why, collected, walked, "        \
  "cursor, matched, done, failed, skipped, refused, in_flight, went_on, failed_again, outcomes, " \
  "problems"
inline constexpr Sql running_jobs{"jobs.running",
                                  "SELECT " SLUICE_JOB_COLUMNS
                                  " FROM jobs INDEXED BY jobs_running WHERE status = 1"};
inline constexpr Sql one_job{"jobs.one", "SELECT " SLUICE_JOB_COLUMNS " FROM jobs WHERE id = ?1"};
inline constexpr Sql jobs_before{"jobs.before",
                                 "SELECT " SLUICE_JOB_COLUMNS
                                 " FROM jobs WHERE id < ?1 ORDER BY id DESC LIMIT ?2"};
#undef SLUICE_JOB_COLUMNS
inline constexpr Sql max_job{"jobs.max", "SELECT max(id) FROM jobs"};
inline constexpr Sql insert_job{
    "jobs.insert",
    "INSERT INTO jobs (id, status, request, principal, reason, created_at, collected, walked, "
    "cursor, matched, done, failed, skipped, refused, in_flight, went_on, failed_again, outcomes, "
    "problems) VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, 0, 0, 0, 0, 0, '', '[]')"};
inline constexpr Sql update_job{
    "jobs.update",
    "UPDATE jobs SET status = ?2, ended_at = ?3, why = ?4, collected = ?5, walked = ?6, cursor = "
    "?7, matched = ?8, done = ?9, failed = ?10, skipped = ?11, refused = ?12, in_flight = ?13, "
    "went_on = ?14, failed_again = ?15, outcomes = ?16, problems = ?17 WHERE id = ?1"};
inline constexpr Sql add_item{"jobs.add_item", "INSERT INTO job_items (job, item) VALUES (?1, ?2)"};
inline constexpr Sql items_to_come{
    "jobs.items_to_come",
    "SELECT item FROM job_items WHERE job = ?1 AND item > ?2 ORDER BY item LIMIT ?3"};
inline constexpr Sql delete_item{"jobs.delete_item",
                                 "DELETE FROM job_items WHERE job = ?1 AND item = ?2"};
inline constexpr Sql item_in_flight{
    "jobs.item_in_flight",
    "UPDATE job_items SET run = ?3, frame = ?4, entry = ?5, message = ?6 WHERE job = ?1 AND item = "
    "?2"};
inline constexpr Sql items_in_flight{
    "jobs.items_in_flight",
    "SELECT item, run, frame, entry, message FROM job_items WHERE job = ?1 AND item > ?2 AND item "
    "<= ?3 ORDER BY item LIMIT ?4"};
inline constexpr Sql count_items{
    "jobs.count_items",
    "SELECT coalesce(sum(item > ?2), 0), coalesce(sum(item <= ?2), 0) FROM job_items WHERE job = "
    "?1"};
// Of jobs that have ended.
inline constexpr Sql sweep_items{
    "jobs.sweep_items",
    "DELETE FROM job_items WHERE (job, item) IN (SELECT i.job, i.item FROM jobs j JOIN job_items i "
    "ON i.job = j.id WHERE j.status > 1 LIMIT ?1)"};
inline constexpr Sql sweep_jobs{
    "jobs.sweep",
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE status > 1 AND ended_at "
    "< ?1 LIMIT ?2)"};

// ---- what jobs are for ----
#define SLUICE_LETTER_COLUMNS                                                                  \
  "id, kind, status, queue, run, workflow, state, error, cause, at, attempts, body, headers, " \
  "failures, reason, topic, binding, key"
inline constexpr Sql letters_between{"jobs.letters_between",
                                     "SELECT " SLUICE_LETTER_COLUMNS
                                     " FROM dead_letters WHERE id > ?1 AND id < ?2 ORDER BY id "
                                     "LIMIT ?3"};
inline constexpr Sql letters_of_queue_between{
    "jobs.letters_of_queue_between",
    "SELECT " SLUICE_LETTER_COLUMNS
    " FROM dead_letters INDEXED BY dead_letters_open WHERE status = 1 AND queue = ?4 AND id > ?1 "
    "AND id < ?2 ORDER BY id LIMIT ?3"};
#undef SLUICE_LETTER_COLUMNS
#define SLUICE_RUN_COLUMNS                                                                     \
  "id, version, workflow, status, name, labels, not_before, first_seq, started_at, ended_at, " \
  "last_seq, error, redrives"
inline constexpr Sql runs_between{"jobs.runs_between",
                                  "SELECT " SLUICE_RUN_COLUMNS
                                  " FROM runs WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3"};
inline constexpr Sql runs_of_status_between{
    "jobs.runs_of_status_between",
    "SELECT " SLUICE_RUN_COLUMNS
    " FROM runs INDEXED BY runs_attention WHERE status > 2 AND status = ?4 AND id > ?1 AND id < ?2 "
    "ORDER BY id LIMIT ?3"};
#undef SLUICE_RUN_COLUMNS

// ---- open dead letters that their queue no longer keeps: none of a run that is live ----
inline constexpr Sql letters_to_drop{
    "jobs.letters_to_drop",
    "SELECT d.id, d.at, d.run IS NOT NULL AND EXISTS (SELECT 1 FROM runs r WHERE r.id = d.run AND "
    "r.ended_at IS NULL) FROM dead_letters d INDEXED BY dead_letters_open WHERE d.status = 1 AND "
    "d.queue = ?1 AND d.id > ?2 ORDER BY d.id LIMIT ?3"};

}  // namespace sluice::orchestrator::sql
