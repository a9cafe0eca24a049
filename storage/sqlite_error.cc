#include "storage/sqlite_error.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace sluice::storage {

Fault fault_of(int engine_code) {
  switch (engine_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Fault::busy;
    case SQLITE_FULL:
      return Fault::disk_full;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Fault::io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Fault::corrupt;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Fault::constraint;
    case SQLITE_INTERRUPT:
      return Fault::interrupted;
    default:
      return Fault::other;
  }
}

std::string_view advice(Fault fault) {
  switch (fault) {
    case Fault::busy:
      return "Another program holds the database; close it: only the server may have it open.";
    case Fault::disk_full:
      return "Free space on the volume of the data directory.";
    case Fault::io:
      return "Check the disk of the data directory, its mount and its permissions.";
    case Fault::corrupt:
      return "Stop the server, keep a copy of the data directory, and restore a backup.";
    case Fault::constraint:
      return "The schema refused the row; nothing of it was kept.";
    case Fault::locked_by_other:
      return "Stop the other server, or give this one another data directory.";
    case Fault::newer_schema:
      return "Install the newer binary.";
    case Fault::commit_unknown:
      return "Whether the transaction is on disk is not known; start again to recover from disk.";
    case Fault::interrupted:
      return "Ask for less at a time: a smaller page or a narrower filter.";
    case Fault::other:
      return "This is a fault of the program; please report it.";
  }
  return "";
}

StorageError sqlite_error(sqlite3* handle, int engine_code, std::string_view doing) {
  return sqlite_error(handle, engine_code, doing, fault_of(engine_code));
}

StorageError sqlite_error(sqlite3* handle, int engine_code, std::string_view doing, Fault fault) {
  // sqlite3_errmsg tells more (the column, the table), but only about the connection's last call.
  const bool current = handle != nullptr && sqlite3_extended_errcode(handle) == engine_code;
  const char* said = current ? sqlite3_errmsg(handle) : sqlite3_errstr(engine_code);
  return StorageError(
      fault, fmt::format("{}: {} (SQLite {}). {}", doing, said, engine_code, advice(fault)),
      engine_code);
}

}  // namespace sluice::storage
