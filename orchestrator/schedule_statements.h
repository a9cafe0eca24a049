// Every statement of the table of schedules.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql all_schedules{
    "schedules.all",
    "SELECT id, workflow, place, kind, text, time_zone, overlap, catch_up, input, paused, past, "
    "run, started, skipped FROM schedules ORDER BY id"};
inline constexpr Sql put_schedule{
    "schedules.put",
    "INSERT INTO schedules (id, workflow, place, kind, text, time_zone, overlap, catch_up, input, "
    "paused, past, run, started, skipped) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
    "?12, ?13, ?14) ON CONFLICT (id) DO UPDATE SET place = excluded.place, overlap = "
    "excluded.overlap, catch_up = excluded.catch_up, input = excluded.input, paused = "
    "excluded.paused, past = excluded.past, run = excluded.run, started = excluded.started, "
    "skipped = excluded.skipped"};
inline constexpr Sql delete_schedule{"schedules.delete", "DELETE FROM schedules WHERE id = ?1"};

// ---- as people look at them ----
inline constexpr Sql schedules_after{
    "schedules.after",
    "SELECT s.id, s.workflow, s.place, s.kind, s.text, s.time_zone, s.overlap, s.catch_up, "
    "s.input, s.paused, s.past, s.run, s.started, s.skipped, w.name FROM schedules s JOIN "
    "workflows w ON w.id = s.workflow WHERE s.id > ?1 ORDER BY s.id LIMIT ?2"};
inline constexpr Sql one_schedule{
    "schedules.one",
    "SELECT s.id, s.workflow, s.place, s.kind, s.text, s.time_zone, s.overlap, s.catch_up, "
    "s.input, s.paused, s.past, s.run, s.started, s.skipped, w.name FROM schedules s JOIN "
    "workflows w ON w.id = s.workflow WHERE s.id = ?1"};
inline constexpr Sql lost_schedules{
    "schedules.lost",
    "SELECT id FROM schedules s WHERE NOT EXISTS (SELECT 1 FROM workflows w WHERE w.id = "
    "s.workflow AND w.deleted = 0)"};

}  // namespace sluice::orchestrator::sql
