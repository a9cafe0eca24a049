// What the tests of this room share: one small table, and a database that has it.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "storage/sqlite_database.h"
#include "storage/storage.h"
#include "support/scratch_directory.h"

namespace sluice::storage {

using test_support::ScratchDirectory;

inline constexpr Migration test_migrations[] = {
    {1, "0001_item",
     "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB, weight "
     "REAL, "
     "CHECK (id > 0)) STRICT;"},
};

inline constexpr Sql sql_insert{"test.insert", "INSERT INTO item (id, name) VALUES (?1, ?2)"};
inline constexpr Sql sql_insert_all{
    "test.insert_all", "INSERT INTO item (id, name, body, weight) VALUES (?1, ?2, ?3, ?4)"};
inline constexpr Sql sql_select{"test.select",
                                "SELECT id, name, body, weight FROM item WHERE id = ?1"};
inline constexpr Sql sql_rename_all{"test.rename_all", "UPDATE item SET name = name || ?1"};
inline constexpr Sql sql_count{"test.count", "SELECT count(*) FROM item"};
inline constexpr Sql sql_has{"test.has", "SELECT 1 FROM item WHERE id = ?1"};
inline constexpr Sql sql_endless{
    "test.endless",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"};

inline std::unique_ptr<Database> open_test(const Options& options) {
  return open_sqlite(options, test_migrations);
}

inline std::int64_t count(Reader& reader) {
  Query q = reader.query(sql_count);
  q.step();
  return q.int64(0);
}

inline std::int64_t count(Database& database) {
  std::int64_t n = -1;
  database.read([&](Reader& reader) { n = count(reader); });
  return n;
}

inline bool has(Database& database, std::int64_t id) {
  bool found = false;
  database.read([&](Reader& reader) { found = reader.query(sql_has, id).step(); });
  return found;
}

// The StorageError that `action` throws; the test fails if it throws none.
template <class Action>
StorageError error_from(Action&& action) {
  try {
    action();
  } catch (const StorageError& error) {
    return error;
  }
  FAIL("expected a StorageError");
  return StorageError(Fault::other, "");
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace sluice::storage
