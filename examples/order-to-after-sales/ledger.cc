#include "ledger.h"

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <stdexcept>

#include "statements.h"

namespace order_to_after_sales {
namespace {

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    check(sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::string_view text) {
    check(sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()),
                            SQLITE_TRANSIENT));
    return *this;
  }
  Statement& bind(std::int64_t number) {
    check(sqlite3_bind_int64(statement_, ++bound_, number));
    return *this;
  }
  Statement& bind(const Work& work) {
    return bind(work.idempotency_key)
        .bind(work.stage)
        .bind(work.run)
        .bind(work.order)
        .bind(work.worker)
        .bind(work.attempt);
  }
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) check(code);
    return false;
  }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes == nullptr ? std::string() : std::string(bytes);
  }
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) throw std::runtime_error(std::string("ledger: ") + sqlite3_errmsg(db_));
  }
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

// All or nothing: what throws is rolled back.
void in_transaction(sqlite3* db, const std::function<void()>& body) {
  Statement(db, sql::begin).step();
  try {
    body();
    Statement(db, sql::commit).step();
  } catch (...) {
    sqlite3_exec(db, sql::roll_back, nullptr, nullptr, nullptr);
    throw;
  }
}

}  // namespace

Ledger::Ledger(const std::string& path) {
  if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) {
    const std::string why = sqlite3_errmsg(db_);
    sqlite3_close(db_);
    throw std::runtime_error(path + ": " + why);
  }
  sqlite3_busy_timeout(db_, 20'000);
  run(sql::open);
}

Ledger::~Ledger() { sqlite3_close(db_); }

void Ledger::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(std::string("ledger: ") + sqlite3_errmsg(db_));
}

void Ledger::write(const Work& work, std::string_view result, bool effect) {
  bool effective = false;
  if (effect) {
    Statement(db_, sql::add_effect).bind(work).step();
    effective = sqlite3_changes(db_) == 1;
  }
  Statement(db_, sql::add_attempt).bind(work).bind(result).bind(effective ? 1 : 0).step();
}

void Ledger::tried(const Work& work, std::string_view result) {
  const std::lock_guard lock(mutex_);
  in_transaction(db_, [&] { write(work, result, false); });
}

void Ledger::done(const Work& work) {
  const std::lock_guard lock(mutex_);
  in_transaction(db_, [&] { write(work, "ok", true); });
}

void Ledger::handed_over(const Work& work, const Parcel& parcel, int travel_ms) {
  const std::lock_guard lock(mutex_);
  in_transaction(db_, [&] {
    write(work, "ok", true);
    Statement(db_, sql::add_parcel)
        .bind(parcel.idempotency_key)
        .bind(parcel.run)
        .bind(parcel.order)
        .bind(parcel.token)
        .bind(parcel.attempt)
        .bind(parcel.shipper)
        .bind(parcel.deliverable ? 1 : 0)
        .bind(travel_ms)
        .step();
  });
}

std::vector<Parcel> Ledger::due_parcels() {
  const std::lock_guard lock(mutex_);
  std::vector<Parcel> parcels;
  Statement due(db_, sql::due_parcels);
  while (due.step())
    parcels.push_back({.idempotency_key = due.text(0),
                       .run = due.text(1),
                       .order = due.text(2),
                       .token = due.text(3),
                       .shipper = due.text(5),
                       .attempt = due.number(4),
                       .deliverable = due.number(6) != 0});
  return parcels;
}

void Ledger::answered(const Work& work, const Parcel& parcel, std::string_view result) {
  const std::lock_guard lock(mutex_);
  in_transaction(db_, [&] {
    write(work, result, result == "ok");
    Statement(db_, sql::parcel_answered).bind(parcel.idempotency_key).bind(parcel.token).step();
  });
}

}  // namespace order_to_after_sales
