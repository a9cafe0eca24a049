// Group commit: many submitted works, one transaction, one fsync.
//
// submit() puts a work in a bounded line. The writer takes every work that has gathered since its
// last commit, runs them in order in one transaction, commits, and only then tells each that it is
// durable. One work alone never waits for company; while one batch is being flushed, the next
// gathers.
//
// A refusal is an answer: a work that decides not to write simply returns. A work that throws after
// its first write spoils the transaction, so the whole batch is rolled back and run again with a
// savepoint per work; the culprit alone fails. What works keep in memory must follow: see Memory.
//
// Threads: submit() from any thread. apply(), Memory and done() run on the writer's thread (or,
// without start(), on the thread that calls pump()).
//
// Failure: done(storage_failed), or done(disk_full), when a work was rolled back alone, or with its
// whole batch because the database would take nothing; done(outcome_unknown) for the whole batch
// when COMMIT failed. After that the writer takes nothing more: what still stood in line gets
// done(unavailable), and on_fatal is called once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "storage/storage.h"

namespace sluice::storage {

class Work {
 public:
  virtual ~Work() = default;
  // May run more than once (a batch that is run again): it must start from its inputs each time.
  virtual void apply(Transaction& tx) = 0;
  // Called exactly once. `failure` is empty when everything apply() did is durable.
  virtual void done(const std::optional<Error>& failure) = 0;
};

// What the works' owner keeps in memory beside the rows, and its part in each batch.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual std::size_t mark() = 0;              // a point to undo to
  virtual void undo_to(std::size_t mark) = 0;  // never throws
  // The batch's last chance to write: hand-outs to those who wait. Runs inside the transaction.
  virtual void before_commit(Transaction& tx) = 0;
  virtual void committed() = 0;  // drops the undo log; pushes deliveries
  // When the writer should run a batch by itself even if nothing is submitted (timers, leases):
  // a steady-clock time, or nothing.
  virtual std::optional<Duration> next_wake() = 0;
  // Runs first in every batch: fires what is due.
  virtual void tick(Transaction& tx) = 0;
  // tick(), before_commit() or a checkpoint failed. What it had written and changed in memory was
  // undone, the works of the batch went on, and it is tried again a moment later. For the log and
  // the metrics.
  virtual void failed(const std::string& /*what*/) {}
};

struct WriterLimits {
  std::size_t line_max = 65'536;  // submitted and not yet taken
  std::size_t batch_max = 1'024;  // works in one transaction
};

class Writer {
 public:
  // All must outlive the writer. `on_fatal` is called once, on the writer's thread, when COMMIT
  // failed.
  Writer(Database& database, Memory& memory, const Clock& clock, WriterLimits limits,
         std::function<void(const StorageError&)> on_fatal);
  ~Writer();  // stop()s

  // False: the line is full or the writer has stopped; the work was not taken and done() is not
  // called. Works that a thread submits in one Round (base/round.h) gather in one batch.
  [[nodiscard]] bool submit(std::unique_ptr<Work> work);

  void start();  // its own thread
  void stop();   // finishes what was submitted, then joins; idempotent

  // For tests and simulation, without start(): runs one batch if anything is due; true if one was
  // run.
  bool pump();

  std::size_t line_length() const;

  struct Stats {
    std::uint64_t batches = 0, works = 0, reruns = 0, failures = 0;
  };
  Stats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::storage
