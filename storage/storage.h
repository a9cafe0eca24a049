// The database, and the one way to change it.
//
// Everything above this room sees five things: a Database that is opened once per data directory, a
// Query (a prepared statement being run), a Transaction, a Reader (a read-only snapshot) and the
// Writer (storage/writer.h), which gathers submitted work into group commits. SQL text lives with
// the room that owns the table, in its statements.h, as named Sql constants with ?N parameters.
//
// Invariants:
//   - One process owns a data directory (lock file), and one connection writes and checkpoints it.
//   - A Transaction that is not committed is rolled back by its destructor.
//   - A statement is prepared once per connection and reset when its Query goes out of scope.
//   - What commit() returned from is on disk (WAL, synchronous=FULL).
//
// Threads: a connection, its transactions and its queries are confined to one thread at a time.
// Database itself is thread-safe. Readers come from a bounded pool.
//
// Failure: every failure of the engine is thrown as StorageError. A failed COMMIT is
// Fault::commit_unknown: the rows may or may not be on disk; the only safe thing is to stop and
// recover from disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace sluice::storage {

enum class Fault {
  busy,  // another process or connection held the database too long
  disk_full,
  io,               // reading or writing failed
  corrupt,          // the file is not what it should be
  constraint,       // a CHECK, UNIQUE, NOT NULL or foreign key refused the row
  locked_by_other,  // another server owns the data directory
  newer_schema,     // made by a newer version of Sluice
  commit_unknown,   // COMMIT itself failed
  interrupted,      // a read took longer than its limit
  other,
};
std::string_view to_string(Fault fault);

class StorageError : public std::runtime_error {
 public:
  StorageError(Fault fault, std::string what, int engine_code = 0)
      : std::runtime_error(std::move(what)), fault_(fault), engine_code_(engine_code) {}
  Fault fault() const { return fault_; }
  int engine_code() const { return engine_code_; }  // SQLite's extended code; 0 if there is none

 private:
  Fault fault_;
  int engine_code_;
};

// One statement's text. Constants only: the prepared form is cached by the constant's address.
struct Sql {
  std::string_view name;  // for messages: "queue.insert_message"
  std::string_view text;  // ?1 … ?N
};

using Bytes = std::string_view;  // an opaque blob; never text

// The engine's side of one prepared statement. One implementation per engine.
class PreparedStatement {
 public:
  virtual ~PreparedStatement() = default;
  virtual void bind_null(int index) = 0;
  virtual void bind(int index, std::int64_t value) = 0;
  virtual void bind(int index, double value) = 0;
  // Not copied: the text must live until the next reset().
  virtual void bind_text(int index, std::string_view value) = 0;
  virtual void bind_blob(int index, std::string_view value) = 0;
  virtual bool step() = 0;                   // true: a row is there
  virtual std::int64_t changes() const = 0;  // rows changed by the last completed step
  virtual void reset() noexcept = 0;         // also clears the bindings
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t int64(int column) const = 0;
  virtual double real(int column) const = 0;
  // Valid until the next step() or reset(). Empty for NULL.
  virtual std::string_view text(int column) const = 0;
  virtual std::string_view blob(int column) const = 0;
};

// Marks a string_view argument as a blob: tx.run(sql::x, id, as_blob(bytes)).
struct Blob {
  std::string_view bytes;
};
inline Blob as_blob(std::string_view bytes) { return {bytes}; }

// A statement being run: bind, step, read. Resets the statement when it goes.
// Not thread-safe, caller serialises. At most one Query of one Sql at a time per connection.
class Query {
 public:
  explicit Query(PreparedStatement& statement) : statement_(&statement) {}
  Query(Query&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query() {
    if (statement_ != nullptr) statement_->reset();
  }

  // Binds ?1, ?2, … in order. Takes integers, bool, double, text, Blob, ids, times, nullptr, and
  // optional of each. Text and blobs are not copied: they must outlive the query.
  template <class... Args>
  Query& bind(const Args&... args) {
    int index = 0;
    (bind_one(++index, args), ...);
    return *this;
  }

  bool step() { return statement_->step(); }
  bool is_null(int column) const { return statement_->is_null(column); }
  std::int64_t int64(int column) const { return statement_->int64(column); }
  double real(int column) const { return statement_->real(column); }
  std::string_view text(int column) const { return statement_->text(column); }
  std::string_view blob(int column) const { return statement_->blob(column); }
  template <class Tag>
  Id<Tag> id(int column) const {
    return Id<Tag>{statement_->int64(column)};
  }
  std::int64_t changes() const { return statement_->changes(); }

 private:
  void bind_one(int i, std::nullptr_t) { statement_->bind_null(i); }
  void bind_one(int i, double v) { statement_->bind(i, v); }
  void bind_one(int i, std::string_view v) { statement_->bind_text(i, v); }
  void bind_one(int i, const std::string& v) { statement_->bind_text(i, v); }
  void bind_one(int i, const char* v) { statement_->bind_text(i, v); }
  void bind_one(int i, Blob v) { statement_->bind_blob(i, v.bytes); }
  void bind_one(int i, WallTime v) { statement_->bind(i, v.us); }
  void bind_one(int i, EngineTime v) { statement_->bind(i, v.us); }
  void bind_one(int i, Duration v) { statement_->bind(i, v.us); }
  template <class Tag>
  void bind_one(int i, Id<Tag> v) {
    statement_->bind(i, v.value);
  }
  template <class T>
  requires std::is_integral_v<T>
  void bind_one(int i, T v) { statement_->bind(i, static_cast<std::int64_t>(v)); }
  template <class T>
  void bind_one(int i, const std::optional<T>& v) {
    if (v)
      bind_one(i, *v);
    else
      statement_->bind_null(i);
  }

  PreparedStatement* statement_;
};

// One connection of one engine. Not thread-safe, caller serialises.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual PreparedStatement& prepare(const Sql& sql) = 0;  // cached
  virtual void execute(std::string_view script) = 0;       // begin, commit, pragmas, migrations
  // Throws Fault::commit_unknown, or busy or constraint, after which the transaction is still open.
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;
};

// A string that nobody but the caller's expression holds.
template <class Arg>  // as deduced of a forwarding reference
inline constexpr bool temporary_text =
    std::is_same_v<Arg, std::string> || std::is_same_v<Arg, std::optional<std::string>>;

// Where statements run. Made by the Writer (read-write) or by Database::read (read-only).
// Functions that change rows take Transaction&, those that only look take Reader&.
class Reader {
 public:
  explicit Reader(Connection& connection) : connection_(&connection) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Query query(const Sql& sql) { return Query{connection_->prepare(sql)}; }
  template <class... Args>
  Query query(const Sql& sql, Args&&... args) {
    static_assert((!temporary_text<Args> && ...),
                  "the text goes at the end of this line, the query reads it later: name it");
    Query q{connection_->prepare(sql)};
    q.bind(args...);
    return q;
  }

 protected:
  Connection* connection_;
};

class Transaction : public Reader {
 public:
  explicit Transaction(Connection& connection);  // begins (BEGIN IMMEDIATE)
  ~Transaction();                                // rolls back unless committed

  // Runs a statement to its end and says how many rows it changed.
  template <class... Args>
  std::int64_t run(const Sql& sql, const Args&... args) {
    Query q{connection_->prepare(sql)};
    q.bind(args...);
    while (q.step()) {
    }
    return q.changes();
  }

  void savepoint();  // one level only
  void release_savepoint();
  void rollback_savepoint();
  void commit();

 private:
  bool open_ = true;
};

struct Options {
  std::string directory = {};  // made if it is missing
  int readers_max = 4;
  std::string vfs = {};  // SQLite VFS by name; "" is the default. For fault injection.
  Duration read_limit = milliseconds(250);
  std::int64_t disk_reserve_bytes = 64 << 20;
  std::int64_t checkpoint_pages = 1'000;  // log pages that make a checkpoint due while idle; four
                                          // times as many make it due at once
};

// Thread-safe. Owns the lock file, the writing connection and the pool of readers.
class Database {
 public:
  virtual ~Database() = default;

  // The one connection that writes and checkpoints. Confined to the writer thread.
  virtual Connection& writer_connection() = 0;

  // Runs `look` on a read-only snapshot, on the calling thread. Waits for a free connection of the
  // pool, so a `look` must not call read() itself. Interrupted after read_limit
  // (Fault::interrupted); `limited = false` lifts that (start-up, backup).
  virtual void read(const std::function<void(Reader&)>& look, bool limited = true) = 0;

  // Whether the log has grown enough for a checkpoint: sooner when the writer is idle, later when
  // it is not. Both of these are the writer thread's.
  virtual bool checkpoint_due(bool idle) const = 0;
  // Moves committed pages from the log into the database file. It never waits for readers: what
  // they still need stays in the log until the next time.
  virtual void checkpoint() = 0;
  virtual std::int64_t disk_free_bytes() const = 0;
  virtual std::int64_t file_bytes() const = 0;  // database and log together
  virtual std::int64_t schema_version() const = 0;
};

// Opens or creates the database in `options.directory`, takes its lock and migrates it forward.
// Throws StorageError: locked_by_other, newer_schema, corrupt, io, disk_full.
std::unique_ptr<Database> open_sqlite(const Options& options);

}  // namespace sluice::storage
