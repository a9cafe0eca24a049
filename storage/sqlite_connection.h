// One SQLite connection and its prepared statements.
//
// Invariants:
//   - A statement is prepared once, the first time its Sql is asked for, and kept until the
//   connection
//     closes. The key is the constant's address: a lookup compares a pointer and hashes no text.
//   - When SQLite has rolled a transaction back by itself (after an I/O error or a full disk),
//   every
//     further statement is refused until rollback(): it would otherwise commit on its own.
//
// Threads: not thread-safe, caller serialises. Opened without SQLite's own mutex.
// Failure: throws StorageError.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/storage.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::storage {

class SqliteConnection;

class SqliteStatement final : public PreparedStatement {
 public:
  SqliteStatement(SqliteConnection& connection, const Sql& sql);
  ~SqliteStatement() override;
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  void bind_null(int index) override;
  void bind(int index, std::int64_t value) override;
  void bind(int index, double value) override;
  void bind_text(int index, std::string_view value) override;
  void bind_blob(int index, std::string_view value) override;
  bool step() override;
  std::int64_t changes() const override { return changes_; }
  void reset() noexcept override;
  bool is_null(int column) const override;
  std::int64_t int64(int column) const override;
  double real(int column) const override;
  std::string_view text(int column) const override;
  std::string_view blob(int column) const override;

 private:
  friend class SqliteConnection;
  void check_bind(int code, int index);

  SqliteConnection& connection_;
  Sql sql_;
  sqlite3_stmt* statement_ = nullptr;
  std::int64_t changes_ = 0;
  std::int64_t total_before_ = 0;
  bool in_use_ = false;   // handed out by prepare() and not yet reset
  bool stepped_ = false;  // since the last reset
  bool bound_ = false;
};

class SqliteConnection final : public Connection {
 public:
  enum class Mode { read_write, read_only };

  SqliteConnection(const std::string& path, Mode mode, const std::string& vfs);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  PreparedStatement& prepare(const Sql& sql) override;
  void execute(std::string_view script) override;
  void commit() override;
  void rollback() noexcept override;

  // The first column of the first row of a statement that is run once and not kept: pragmas.
  std::int64_t query_int64(const Sql& sql);
  std::string query_text(const Sql& sql);

  // Until cleared, a statement that still runs after `deadline` is stopped with Fault::interrupted.
  // This is the machine's own steady time, whatever clock the engine runs by: it bounds what a read
  // costs.
  void set_deadline(Duration deadline);
  void clear_deadline();

  // Moves what it can of the log into the database file without waiting for readers.
  void checkpoint();
  // Pages of the log that are not yet in the database file, as of this connection's last commit or
  // checkpoint.
  std::int64_t log_pages() const { return log_pages_; }

 private:
  friend class SqliteStatement;

  struct Slot {
    const Sql* key = nullptr;
    std::unique_ptr<SqliteStatement> statement;
  };
  Slot& find_slot(std::vector<Slot>& slots, const Sql* key);
  void grow();
  void refuse_if_spoiled(std::string_view doing);
  [[noreturn]] void fail(int code, std::string_view doing);
  bool past_deadline() const;
  void log_has(int pages);

  sqlite3* handle_ = nullptr;
  std::string path_;
  std::vector<Slot> slots_;  // open addressing; its size is a power of two
  std::size_t statement_count_ = 0;
  SqliteStatement* commit_ = nullptr;
  std::int64_t log_pages_ = 0;
  int log_moved_ = 0;  // pages at the start of the log that a checkpoint has moved
  std::optional<Duration> deadline_;
  unsigned steps_ = 0;
  bool in_transaction_ = false;  // as far as the caller knows
  bool spoiled_ = false;         // SQLite rolled back a transaction that the caller believes open
};

}  // namespace sluice::storage
