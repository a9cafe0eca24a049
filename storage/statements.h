// The statements of storage itself: transactions, and what a migration must know.
#pragma once

#include "storage/storage.h"

namespace sluice::storage {

// IMMEDIATE takes the write lock at once: a transaction that first reads and then fails to become a
// writer would have to be run again. The others are the same in SQLite and PostgreSQL. A rewriter
// for PostgreSQL (BEGIN; ?N to $N) belongs where its Connection prepares a text, not here.
inline constexpr Sql sql_begin{"begin", "BEGIN IMMEDIATE"};
inline constexpr Sql sql_commit{"commit", "COMMIT"};
inline constexpr Sql sql_savepoint{"savepoint", "SAVEPOINT work"};
inline constexpr Sql sql_release_savepoint{"release savepoint", "RELEASE work"};
inline constexpr Sql sql_rollback_savepoint{"roll back to savepoint", "ROLLBACK TO work"};

// Zero: a new and empty database, not somebody's.
inline constexpr Sql sql_count_schema{"count schema", "SELECT count(*) FROM sqlite_schema"};

}  // namespace sluice::storage
