// The two C++ workers' SQL. The tables are those of ledger.sql.
#pragma once

namespace order_to_after_sales::sql {

// Other processes write here too. A rollback journal, not a log: a process that is killed in the
// middle of a write leaves nothing behind that the next one has to share.
inline constexpr const char* open = R"(
PRAGMA journal_mode = TRUNCATE;
PRAGMA synchronous = NORMAL;
)";

inline constexpr const char* begin = "BEGIN IMMEDIATE";
inline constexpr const char* commit = "COMMIT";
inline constexpr const char* roll_back = "ROLLBACK";

// Bound: ?1 key, ?2 stage, ?3 run, ?4 order, ?5 worker, ?6 attempt.
inline constexpr const char* add_effect = R"(
INSERT INTO effects VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                            CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
ON CONFLICT DO NOTHING)";

// Bound as add_effect, and ?7 result, ?8 whether this attempt had the effect.
inline constexpr const char* add_attempt = R"(
INSERT INTO attempts VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                             CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), ?7, ?8))";

// A parcel given to the carrier. A later hand-over of the same order has a newer token, and only
// that one can still be answered. Bound: ?1 key, ?2 run, ?3 order, ?4 token, ?5 attempt, ?6
// shipper, ?7 deliverable, ?8 milliseconds of travel.
inline constexpr const char* add_parcel = R"(
INSERT INTO parcels VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                            CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + ?8, NULL)
ON CONFLICT DO UPDATE SET token = excluded.token, answered = NULL WHERE token <> excluded.token)";

inline constexpr const char* due_parcels = R"(
SELECT idempotency_key, run, "order", token, attempt, shipper, deliverable FROM parcels
WHERE answered IS NULL AND due <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
ORDER BY due LIMIT 100)";

// Bound: ?1 key, ?2 token.
inline constexpr const char* parcel_answered = R"(
UPDATE parcels SET answered = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
WHERE idempotency_key = ?1 AND token = ?2)";

}  // namespace order_to_after_sales::sql
