#include "storage/sqlite_connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/check.h"
#include "base/clock.h"
#include "storage/sqlite_error.h"
#include "storage/statements.h"

namespace sluice::storage {

namespace {

constexpr std::size_t slots_initial = 128;
constexpr int progress_steps = 1'000;  // of SQLite's virtual machine, between looks at the deadline

// Addresses are aligned, so their low bits say nothing; the multiplication spreads the others.
std::size_t hash_of(const Sql* key) {
  return static_cast<std::size_t>(
      (reinterpret_cast<std::uintptr_t>(key) >> 3U) * 0x9e3779b97f4a7c15ULL >> 32U);
}

// SQLite would count what it allocates, under one mutex for the whole process, and nobody looks at
// the count. It takes this only while it is not in use; where it already is, it goes on counting.
void stop_counting_memory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(once);
}

}  // namespace

SqliteConnection::SqliteConnection(const std::string& path, Mode mode, const std::string& vfs)
    : path_(path), slots_(slots_initial) {
  stop_counting_memory();
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                              : SQLITE_OPEN_READONLY);
  const int code =
      sqlite3_open_v2(path.c_str(), &handle_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    StorageError error = sqlite_error(handle_, code, "opening " + path);
    sqlite3_close_v2(handle_);
    throw error;
  }
  if (mode == Mode::read_only) {
    // Only the writing connection may checkpoint; SQLite would otherwise do so when this one closes
    // last.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  } else {
    // This takes the place of SQLite's own automatic checkpoint, which would run inside COMMIT.
    sqlite3_wal_hook(
        handle_,
        [](void* self, sqlite3*, const char*, int pages) {
          static_cast<SqliteConnection*>(self)->log_has(pages);
          return SQLITE_OK;
        },
        this);
  }
}

SqliteConnection::~SqliteConnection() {
  slots_.clear();
  // A failure here (the last checkpoint) loses nothing: the log stays and is read at the next
  // start.
  sqlite3_close_v2(handle_);
}

void SqliteConnection::fail(int code, std::string_view doing) {
  if (in_transaction_ && sqlite3_get_autocommit(handle_) != 0) spoiled_ = true;
  const int extended = sqlite3_extended_errcode(handle_);
  throw sqlite_error(handle_, (extended & 0xff) == (code & 0xff) ? extended : code, doing);
}

void SqliteConnection::refuse_if_spoiled(std::string_view doing) {
  if (!spoiled_) return;
  throw StorageError(Fault::other,
                     fmt::format("{}: refused, because an earlier failure had SQLite roll the "
                                 "transaction back. Roll it back and run all of it again.",
                                 doing));
}

bool SqliteConnection::past_deadline() const {
  return deadline_ && SystemClock().steady_now() >= *deadline_;
}

SqliteConnection::Slot& SqliteConnection::find_slot(std::vector<Slot>& slots, const Sql* key) {
  const std::size_t mask = slots.size() - 1;
  std::size_t at = hash_of(key) & mask;
  while (slots[at].key != nullptr && slots[at].key != key) at = (at + 1) & mask;
  return slots[at];
}

void SqliteConnection::grow() {
  std::vector<Slot> larger(slots_.size() * 2);
  for (Slot& slot : slots_)
    if (slot.key != nullptr) find_slot(larger, slot.key) = std::move(slot);
  slots_ = std::move(larger);
}

PreparedStatement& SqliteConnection::prepare(const Sql& sql) {
  Slot* slot = &find_slot(slots_, &sql);
  if (slot->key == nullptr) [[unlikely]] {
    refuse_if_spoiled(sql.name);
    auto statement = std::make_unique<SqliteStatement>(*this, sql);
    if (++statement_count_ * 2 > slots_.size()) {
      grow();
      slot = &find_slot(slots_, &sql);
    }
    slot->key = &sql;
    slot->statement = std::move(statement);
  }
  SqliteStatement& statement = *slot->statement;
  SLUICE_CHECK(statement.sql_.text.data() == sql.text.data(),
               "an Sql is a constant: another text now stands at the address of one that went");
  SLUICE_CHECK(!statement.in_use_, "at most one Query of one Sql at a time per connection");
  statement.in_use_ = true;
  return statement;
}

void SqliteConnection::execute(std::string_view script) {
  refuse_if_spoiled("running a script");
  const std::string terminated(script);
  const int code = sqlite3_exec(handle_, terminated.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, fmt::format("running \"{:.60}\" on {}", script, path_));
  in_transaction_ = sqlite3_get_autocommit(handle_) == 0;
}

void SqliteConnection::commit() {
  refuse_if_spoiled("commit");
  if (commit_ == nullptr) {
    commit_ = static_cast<SqliteStatement*>(&prepare(sql_commit));
    commit_->reset();
  }
  const int code = sqlite3_step(commit_->statement_);
  sqlite3_reset(commit_->statement_);
  if (code == SQLITE_DONE) [[likely]] {
    in_transaction_ = false;
    return;
  }
  // These two are found before anything is written, and leave the transaction open. After any other
  // error the rows may be on disk: a failed fsync says nothing about what had been written before
  // it.
  const Fault fault = fault_of(code);
  const bool open = sqlite3_get_autocommit(handle_) == 0;
  if (open && (fault == Fault::busy || fault == Fault::constraint))
    throw sqlite_error(handle_, code, "commit");
  throw sqlite_error(handle_, code, "commit", Fault::commit_unknown);
}

void SqliteConnection::rollback() noexcept {
  if (sqlite3_get_autocommit(handle_) == 0)
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  in_transaction_ = false;
  spoiled_ = false;
}

std::int64_t SqliteConnection::query_int64(const Sql& sql) {
  SqliteStatement statement(*this, sql);
  return statement.step() ? statement.int64(0) : 0;
}

std::string SqliteConnection::query_text(const Sql& sql) {
  SqliteStatement statement(*this, sql);
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

void SqliteConnection::set_deadline(Duration deadline) {
  deadline_ = deadline;
  sqlite3_progress_handler(
      handle_, progress_steps,
      [](void* self) { return static_cast<SqliteConnection*>(self)->past_deadline() ? 1 : 0; },
      this);
}

void SqliteConnection::clear_deadline() {
  deadline_.reset();
  sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
}

void SqliteConnection::checkpoint() {
  int in_log = 0;
  int moved = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  if (code != SQLITE_OK) fail(code, "checkpoint of " + path_);
  log_moved_ = moved;
  log_has(in_log);
}

void SqliteConnection::log_has(int pages) {
  // The log is written from its start again once all of it has been moved and nobody reads it.
  if (pages < log_moved_) log_moved_ = 0;
  log_pages_ = pages - log_moved_;
}

}  // namespace sluice::storage
