// Every statement of the audit log.
#pragma once

#include "storage/storage.h"

namespace sluice::orchestrator::sql {

using storage::Sql;

inline constexpr Sql insert_audit{
    "audit.insert",
    "INSERT INTO audit (at, principal, kind, target, reason, detail) VALUES (?1, ?2, ?3, ?4, ?5, "
    "?6)"};
inline constexpr Sql audit_to_keep_or_not{
    "audit.to_keep_or_not", "SELECT id, at FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2"};
inline constexpr Sql delete_audit{"audit.delete", "DELETE FROM audit WHERE id = ?1"};

// ---- as people look at it ----
inline constexpr Sql audit_before{
    "audit.before",
    "SELECT id, at, principal, kind, target, reason, detail FROM audit WHERE id < ?1 ORDER BY id "
    "DESC"};
inline constexpr Sql audit_of_target_before{
    "audit.of_target_before",
    "SELECT id, at, principal, kind, target, reason, detail FROM audit INDEXED BY audit_of_target "
    "WHERE target = ?2 AND id < ?1 ORDER BY id DESC"};

}  // namespace sluice::orchestrator::sql
