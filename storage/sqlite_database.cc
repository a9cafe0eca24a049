#include "storage/sqlite_database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "storage/lock_file.h"
#include "storage/sqlite_connection.h"
#include "storage/sqlite_migrate.h"

namespace sluice::storage {

namespace {

// Pragmas are per connection. The log is kept and overwritten in place: a flush of a file that does
// not grow writes data only. What a rare burst made larger than journal_size_limit is cut back.
constexpr std::string_view writer_pragmas =
    "PRAGMA auto_vacuum = INCREMENTAL;"  // takes effect in a file that is made now
    "PRAGMA synchronous = FULL;"
    "PRAGMA secure_delete = OFF;"
    "PRAGMA foreign_keys = OFF;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA cache_size = -24576;"  // KiB
    "PRAGMA journal_size_limit = 67108864;"
    "PRAGMA busy_timeout = 5000;";

constexpr std::string_view reader_pragmas =
    "PRAGMA query_only = ON;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA cache_size = -4096;"
    "PRAGMA busy_timeout = 1000;";

void make_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    throw StorageError(Fault::io,
                       fmt::format("making the data directory {}: {}. Check the path and the "
                                   "permissions of its parent.",
                                   directory, error.message()));
}

// A new file is only as durable as its name.
void flush_directory(const std::string& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!flushed)
    throw StorageError(Fault::io, fmt::format("flushing the data directory {}: {}. Check its disk.",
                                              directory, std::strerror(reason)));
}

std::string in_directory(const std::string& directory, std::string_view name) {
  return (std::filesystem::path(directory) / name).string();
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const Options& options, std::span<const Migration> migrations)
      : options_(options),
        path_(in_directory(options.directory, "sluice.db")),
        lock_((make_directory(options.directory), in_directory(options.directory, "sluice.lock"))),
        writer_(path_, SqliteConnection::Mode::read_write, options.vfs),
        checkpoint_at_(options.checkpoint_pages) {
    SLUICE_CHECK(options.readers_max > 0, "at least one reader");
    writer_.execute(writer_pragmas);
    const std::string mode = writer_.query_text({"journal mode", "PRAGMA journal_mode = WAL"});
    if (mode != "wal")
      throw StorageError(
          Fault::io,
          fmt::format("{}: expected journal mode wal, found {}. The data directory needs "
                      "a local file system with shared memory.",
                      path_, mode));
    schema_version_ = migrate(writer_, migrations);
    flush_directory(options.directory);
    idle_.reserve(static_cast<std::size_t>(options.readers_max));
  }

  Connection& writer_connection() override { return writer_; }

  void read(const std::function<void(Reader&)>& look, bool limited) override {
    Lease lease(*this);
    SqliteConnection& connection = lease.connection();
    if (limited) connection.set_deadline(SystemClock().steady_now() + options_.read_limit);
    // One transaction, so that every statement of `look` sees the same moment. It is ended by the
    // lease.
    connection.execute("BEGIN");
    Reader reader(connection);
    look(reader);
  }

  bool checkpoint_due(bool idle) const override {
    return writer_.log_pages() >= (idle ? checkpoint_at_ : checkpoint_at_ * 4);
  }

  void checkpoint() override {
    // Set first: after a failure, or with readers in the way, the log grows by as much again before
    // the next try. The log holds everything until it has succeeded.
    checkpoint_at_ = writer_.log_pages() + options_.checkpoint_pages;
    writer_.checkpoint();
    checkpoint_at_ = writer_.log_pages() + options_.checkpoint_pages;
  }

  std::int64_t disk_free_bytes() const override {
    struct statvfs volume {};
    if (::statvfs(options_.directory.c_str(), &volume) != 0)
      throw StorageError(Fault::io,
                         fmt::format("asking for the free space of {}: {}. Check its mount.",
                                     options_.directory, std::strerror(errno)));
    return static_cast<std::int64_t>(volume.f_bavail) * static_cast<std::int64_t>(volume.f_frsize);
  }

  std::int64_t file_bytes() const override {
    std::int64_t sum = 0;
    for (const char* suffix : {"", "-wal"}) {
      std::error_code missing;
      const auto size = std::filesystem::file_size(path_ + suffix, missing);
      if (!missing) sum += static_cast<std::int64_t>(size);
    }
    return sum;
  }

  std::int64_t schema_version() const override { return schema_version_; }

 private:
  // A reading connection, from the pool and back to it.
  class Lease {
   public:
    explicit Lease(SqliteDatabase& database) : database_(database), connection_(database.take()) {}
    ~Lease() {
      connection_->rollback();
      connection_->clear_deadline();
      database_.give_back(std::move(connection_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    SqliteConnection& connection() { return *connection_; }

   private:
    SqliteDatabase& database_;
    std::unique_ptr<SqliteConnection> connection_;
  };

  std::unique_ptr<SqliteConnection> take() {
    {
      std::unique_lock lock(mutex_);
      returned_.wait(lock, [&] { return !idle_.empty() || readers_open_ < options_.readers_max; });
      if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
      }
      ++readers_open_;
    }
    try {
      auto connection = std::make_unique<SqliteConnection>(path_, SqliteConnection::Mode::read_only,
                                                           options_.vfs);
      connection->execute(reader_pragmas);
      return connection;
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        --readers_open_;
      }
      returned_.notify_one();
      throw;
    }
  }

  void give_back(std::unique_ptr<SqliteConnection> connection) {
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));  // reserved, so it does not throw
    }
    returned_.notify_one();
  }

  // Constant after construction. The order matters: the lock goes last, the readers close first.
  const Options options_;
  const std::string path_;
  LockFile lock_;
  SqliteConnection writer_;  // writer thread only
  std::int64_t checkpoint_at_;
  std::int64_t schema_version_ = 0;

  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;  // guarded by mutex_
  int readers_open_ = 0;                                 // guarded by mutex_
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const Options& options,
                                      std::span<const Migration> migrations) {
  return std::make_unique<SqliteDatabase>(options, migrations);
}

std::unique_ptr<Database> open_sqlite(const Options& options) {
  return open_sqlite(options, sqlite_migrations());
}

}  // namespace sluice::storage
