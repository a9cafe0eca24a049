#include "storage/storage.h"

#include "storage/statements.h"

namespace sluice::storage {

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
