#include "storage/sqlite_migrate.h"

#include <fmt/format.h>

#include "base/check.h"
#include "storage/statements.h"

namespace sluice::storage {

namespace {

// PRAGMA application_id of every database of ours, so that a stranger's file is not migrated:
// "Slce".
constexpr std::int64_t application_id = 0x536c6365;

void refuse_strangers(SqliteConnection& connection) {
  const std::int64_t found = connection.query_int64({"application id", "PRAGMA application_id"});
  if (found == application_id) return;
  const bool empty = connection.query_int64(sql_count_schema) == 0;
  if (found == 0 && empty) return;
  throw StorageError(
      Fault::corrupt,
      fmt::format("sluice.db is a SQLite database of another program (expected application_id {}, "
                  "found {}). Give the server a data directory of its own.",
                  application_id, found));
}

void apply(SqliteConnection& connection, const Migration& migration) {
  try {
    Transaction tx(connection);
    connection.execute(migration.sql);
    connection.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                   application_id, migration.version));
    tx.commit();
  } catch (const StorageError& error) {
    throw StorageError(error.fault(), fmt::format("migration {}: {}", migration.name, error.what()),
                       error.engine_code());
  }
}

}  // namespace

std::int64_t migrate(SqliteConnection& connection, std::span<const Migration> migrations) {
  refuse_strangers(connection);
  const std::int64_t known = static_cast<std::int64_t>(migrations.size());
  const std::int64_t found = connection.query_int64({"schema version", "PRAGMA user_version"});
  if (found > known)
    throw StorageError(
        Fault::newer_schema,
        fmt::format("sluice.db has schema version {}, this binary knows versions up to "
                    "{}. Install the newer binary that made it, or restore a backup of "
                    "version {} or older.",
                    found, known, known));
  for (const Migration& migration : migrations) {
    SLUICE_CHECK(&migration - migrations.data() + 1 == migration.version,
                 "migrations count up by one from 1");
    if (migration.version > found) apply(connection, migration);
  }
  return known;
}

}  // namespace sluice::storage
