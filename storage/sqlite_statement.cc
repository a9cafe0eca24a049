#include <sqlite3.h>

#include "storage/sqlite_connection.h"
#include "storage/sqlite_error.h"

namespace sluice::storage {

SqliteStatement::SqliteStatement(SqliteConnection& connection, const Sql& sql)
    : connection_(connection), sql_(sql) {
  const char* tail = nullptr;
  const int code =
      sqlite3_prepare_v3(connection.handle_, sql.text.data(), static_cast<int>(sql.text.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement_, &tail);
  if (code != SQLITE_OK) connection.fail(code, sql.name);
  if (statement_ == nullptr)
    throw StorageError(Fault::other, std::string(sql.name) + ": the statement's text is empty.");
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

void SqliteStatement::check_bind(int code, int index) {
  if (code == SQLITE_OK) [[likely]] {
    bound_ = true;
    return;
  }
  connection_.fail(code, std::string(sql_.name) + ", binding ?" + std::to_string(index));
}

void SqliteStatement::bind_null(int index) {
  check_bind(sqlite3_bind_null(statement_, index), index);
}

void SqliteStatement::bind(int index, std::int64_t value) {
  check_bind(sqlite3_bind_int64(statement_, index, value), index);
}

void SqliteStatement::bind(int index, double value) {
  check_bind(sqlite3_bind_double(statement_, index, value), index);
}

void SqliteStatement::bind_text(int index, std::string_view value) {
  // A null pointer would bind NULL, and an empty view may have one.
  const char* data = value.data() != nullptr ? value.data() : "";
  check_bind(sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8),
             index);
}

void SqliteStatement::bind_blob(int index, std::string_view value) {
  const char* data = value.data() != nullptr ? value.data() : "";
  check_bind(sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_STATIC), index);
}

bool SqliteStatement::step() {
  if (connection_.spoiled_) [[unlikely]]
    connection_.refuse_if_spoiled(sql_.name);
  // The progress handler sees long statements; this sees a long row of short ones.
  if (connection_.deadline_ && (++connection_.steps_ & 63U) == 0 && connection_.past_deadline())
    throw StorageError(Fault::interrupted,
                       std::string(sql_.name) + ": the read took longer than its limit. " +
                           std::string(advice(Fault::interrupted)),
                       SQLITE_INTERRUPT);
  if (!stepped_) {
    stepped_ = true;
    total_before_ = sqlite3_total_changes64(connection_.handle_);
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) [[unlikely]]
    connection_.fail(code, sql_.name);
  // sqlite3_changes64() keeps its old value over statements that change no rows.
  changes_ = sqlite3_total_changes64(connection_.handle_) == total_before_
                 ? 0
                 : sqlite3_changes64(connection_.handle_);
  connection_.in_transaction_ = sqlite3_get_autocommit(connection_.handle_) == 0;
  stepped_ = false;
  return false;
}

void SqliteStatement::reset() noexcept {
  // Its result is the last step's error, which was thrown already.
  sqlite3_reset(statement_);
  if (bound_) {
    // The bindings point into the caller's memory, which goes now.
    sqlite3_clear_bindings(statement_);
    bound_ = false;
  }
  stepped_ = false;
  in_use_ = false;
}

bool SqliteStatement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t SqliteStatement::int64(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double SqliteStatement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view SqliteStatement::text(int column) const {
  // The pointer first: asking for it may convert the value and so change its length.
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view SqliteStatement::blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace sluice::storage
