// Brings a SQLite database forward to the binary's schema. The version is PRAGMA user_version.
#pragma once

#include <cstdint>
#include <span>

#include "storage/migrations.h"
#include "storage/sqlite_connection.h"

namespace sluice::storage {

// Applies what is missing, one transaction a migration; says the version reached. A failed
// migration leaves the ones before it. Throws StorageError: newer_schema; corrupt if the file is
// another program's database.
std::int64_t migrate(SqliteConnection& connection, std::span<const Migration> migrations);

}  // namespace sluice::storage
