// Every statement of the table of circuit breakers.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql all_breakers{
    "breakers.all", "SELECT queue, state, since_at, reason, probe_at, workflow FROM breakers"};
inline constexpr Sql put_breaker{
    "breakers.put",
    "INSERT INTO breakers (queue, state, since_at, reason, probe_at, workflow) VALUES (?1, ?2, ?3, "
    "?4, ?5, ?6) ON CONFLICT (queue) DO UPDATE SET state = excluded.state, since_at = "
    "excluded.since_at, reason = excluded.reason, probe_at = excluded.probe_at, workflow = "
    "excluded.workflow"};
inline constexpr Sql delete_breaker{"breakers.delete", "DELETE FROM breakers WHERE queue = ?1"};
inline constexpr Sql paused_workflow{
    "breakers.paused_workflow",
    "SELECT w.paused, q.name, b.reason FROM workflows w LEFT JOIN breakers b ON b.workflow = w.id "
    "AND b.state = 1 LEFT JOIN queues q ON q.id = b.queue WHERE w.name = ?1 LIMIT 1"};
// ---- the invariants ----
inline constexpr Sql open_but_going{
    "breakers.open_but_going",
    "SELECT q.name FROM breakers b JOIN queues q ON q.id = b.queue WHERE b.state = 1 AND q.paused "
    "= 0"};
inline constexpr Sql breaker_of_nothing{
    "breakers.of_nothing",
    "SELECT b.queue FROM breakers b WHERE NOT EXISTS (SELECT 1 FROM queues q WHERE q.id = "
    "b.queue)"};

}  // namespace sluice::orchestrator::sql
