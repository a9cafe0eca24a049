#include "storage/storage.h"

namespace sluice::storage {

namespace {

// These five are the same in SQLite and PostgreSQL but for IMMEDIATE, which takes the write lock at
// once: a transaction that first reads and then fails to become a writer would have to be run
// again. A rewriter for PostgreSQL (BEGIN; ?N to $N) belongs where its Connection prepares a text,
// not here.
constexpr Sql sql_begin{"begin", "BEGIN IMMEDIATE"};
constexpr Sql sql_savepoint{"savepoint", "SAVEPOINT work"};
constexpr Sql sql_release_savepoint{"release savepoint", "RELEASE work"};
constexpr Sql sql_rollback_savepoint{"roll back to savepoint", "ROLLBACK TO work"};

}  // namespace

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::busy:
      return "busy";
    case Fault::disk_full:
      return "disk_full";
    case Fault::io:
      return "io";
    case Fault::corrupt:
      return "corrupt";
    case Fault::constraint:
      return "constraint";
    case Fault::locked_by_other:
      return "locked_by_other";
    case Fault::newer_schema:
      return "newer_schema";
    case Fault::commit_unknown:
      return "commit_unknown";
    case Fault::interrupted:
      return "interrupted";
    case Fault::other:
      return "other";
  }
  return "other";
}

Transaction::Transaction(Connection& connection) : Reader(connection) { run(sql_begin); }

Transaction::~Transaction() {
  if (open_) connection_->rollback();
}

void Transaction::savepoint() { run(sql_savepoint); }

void Transaction::release_savepoint() { run(sql_release_savepoint); }

void Transaction::rollback_savepoint() {
  // ROLLBACK TO keeps the savepoint on the stack, so it is released as well.
  run(sql_rollback_savepoint);
  run(sql_release_savepoint);
}

void Transaction::commit() {
  connection_->commit();
  open_ = false;
}

}  // namespace sluice::storage
