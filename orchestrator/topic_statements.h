// Every statement of the table of bindings.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql all_bindings{
    "topics.all_bindings",
    "SELECT topic, name, pattern, filter, target, event_key, workflow FROM bindings ORDER BY "
    "topic, name"};
inline constexpr Sql put_binding{
    "topics.put_binding",
    "INSERT INTO bindings (topic, name, pattern, filter, target, event_key, workflow) VALUES (?1, "
    "?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (topic, name) DO UPDATE SET pattern = excluded.pattern, "
    "filter = excluded.filter, target = excluded.target, event_key = excluded.event_key, workflow "
    "= excluded.workflow"};
inline constexpr Sql delete_binding{"topics.delete_binding",
                                    "DELETE FROM bindings WHERE topic = ?1 AND name = ?2"};

// ---- as people look at them ----
inline constexpr Sql topics_after{
    "topics.topics_after",
    "SELECT topic, count(*) FROM bindings WHERE topic > ?1 GROUP BY topic ORDER BY topic LIMIT ?2"};
inline constexpr Sql bindings_of_topic{
    "topics.bindings_of_topic",
    "SELECT b.name, b.pattern, b.filter, b.target, b.event_key, w.name FROM bindings b LEFT JOIN "
    "workflows w ON w.id = b.workflow WHERE b.topic = ?1 ORDER BY b.name"};
inline constexpr Sql one_binding{
    "topics.one_binding",
    "SELECT b.name, b.pattern, b.filter, b.target, b.event_key, w.name FROM bindings b LEFT JOIN "
    "workflows w ON w.id = b.workflow WHERE b.topic = ?1 AND b.name = ?2"};

inline constexpr Sql every_target{"topics.every_target",
                                  "SELECT topic, name, target FROM bindings"};
inline constexpr Sql lost_triggers{
    "topics.lost_triggers",
    "SELECT topic, name FROM bindings b WHERE workflow IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "
    "workflows w WHERE w.id = b.workflow AND w.deleted = 0)"};

}  // namespace sluice::orchestrator::sql
