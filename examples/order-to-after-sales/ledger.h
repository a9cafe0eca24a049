// The side ledger of a worker: what it tried, and what it did.
//
// A worker's effect outside (here: a row in a file) must be safe to repeat, since work is handed
// out at least once. The ledger shows how: the attempt and the effect are one transaction, and the
// effect's key is the task's idempotency key, so a second attempt finds it done.
//
// Threads: thread-safe; one call at a time. Several processes may share a file.
//
// Failure: throws std::runtime_error, which fails the task; an idempotent worker may be tried
// again.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace order_to_after_sales {

struct Work {
  std::string idempotency_key, stage, run, order, worker;
  std::int64_t attempt = 1;
};

struct Parcel {
  std::string idempotency_key, run, order, token, shipper;
  std::int64_t attempt = 1;
  bool deliverable = true;
};

class Ledger {
 public:
  explicit Ledger(const std::string& path);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // An attempt that came to nothing; `result` says why.
  void tried(const Work& work, std::string_view result);
  // An attempt that has its effect, unless an earlier one had it already.
  void done(const Work& work);

  // done(), and the parcel is the carrier's, for so long.
  void handed_over(const Work& work, const Parcel& parcel, int travel_ms);
  // Those whose travel is over and whose answer has not been taken yet.
  std::vector<Parcel> due_parcels();
  // The server has taken the answer, or wants none: written in one transaction with the effect.
  void answered(const Work& work, const Parcel& parcel, std::string_view result);

 private:
  void write(const Work& work, std::string_view result, bool effect);
  void run(const char* sql);

  std::mutex mutex_;
  sqlite3* db_ = nullptr;  // guarded by mutex_
};

}  // namespace order_to_after_sales
