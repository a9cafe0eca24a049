// Every statement of compensations, and of runs as they are undone.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql insert_compensation{
    "compensation.insert",
    "INSERT INTO compensations (run, seq, frame, version, state, input, output, status) VALUES "
    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)"};
inline constexpr Sql has_compensations{"compensation.any",
                                       "SELECT 1 FROM compensations WHERE run = ?1 LIMIT 1"};
inline constexpr Sql next_compensation{
    "compensation.next",
    "SELECT seq, version, state, input, output FROM compensations WHERE run = ?1 AND seq < ?2 "
    "ORDER BY seq DESC LIMIT 1"};
inline constexpr Sql set_compensation_status{
    "compensation.set_status", "UPDATE compensations SET status = ?3 WHERE run = ?1 AND seq = ?2"};
inline constexpr Sql compensation_status{
    "compensation.status", "SELECT status FROM compensations WHERE run = ?1 AND seq = ?2"};
inline constexpr Sql compensations_of_run{
    "compensation.of_run",
    "SELECT frame, version, state, status FROM compensations WHERE run = ?1 ORDER BY seq DESC "
    "LIMIT ?2"};
inline constexpr Sql delete_compensations{
    "compensation.delete",
    "DELETE FROM compensations WHERE run = ?1 AND seq IN (SELECT seq FROM compensations WHERE run "
    "= ?1 ORDER BY seq LIMIT ?2)"};

// The run fails, and is held or undone.
inline constexpr Sql set_run_failed{"compensation.set_run_failed",
                                    "UPDATE runs SET status = ?2, error = ?3 WHERE id = ?1 AND "
                                    "ended_at IS NULL"};
// A run that has ended is undone after all.
inline constexpr Sql reopen_to_compensate{
    "compensation.reopen",
    "UPDATE runs SET status = 1, ended_at = NULL, last_seq = NULL WHERE id = ?1 AND status BETWEEN "
    "3 AND 5"};

// ---- the invariants ----
inline constexpr Sql wrong_compensations{
    "compensation.wrong",
    "SELECT c.run, r.status, c.status FROM compensations c LEFT JOIN runs r ON r.id = c.run WHERE "
    "(r.status = 8 AND c.status <> 3) OR (r.status IN (1, 2, 3, 4, 6) AND c.status <> 1) "
    "LIMIT 100"};
inline constexpr Sql compensating_at_once{
    "compensation.at_once",
    "SELECT run FROM compensations WHERE status = 2 OR status = 4 GROUP BY run HAVING count(*) > 1 "
    "LIMIT 100"};
inline constexpr Sql compensations_out_of_order{
    "compensation.out_of_order",
    "SELECT run FROM compensations GROUP BY run HAVING max(CASE WHEN status = 3 THEN 0 ELSE seq "
    "END) > min(CASE WHEN status = 3 THEN seq ELSE 9223372036854775807 END) LIMIT 100"};

}  // namespace sluice::orchestrator::sql
