#include "storage/writer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/round.h"

namespace sluice::storage {

namespace {

// After tick() or before_commit() failed, next_wake() is in the past and stays there; without a
// pause the writer would do nothing but fail.
constexpr Duration retry_pause = milliseconds(100);
// A wake-up far away, or wrong, is looked at again after this long.
constexpr Duration wait_max = seconds(60);
// How often a batch is run again after a work ended the whole transaction. A full disk does so for
// every work there is, and running each of a thousand alone would take a thousand times as long.
constexpr int spoilers_max = 3;

std::string describe(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of an unknown type";
  }
}

Error error_of(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const StorageError& error) {
    return make_error(error.fault() == Fault::disk_full ? Errc::disk_full : Errc::storage_failed,
                      error.what());
  } catch (...) {
    return make_error(Errc::storage_failed, describe(thrown));
  }
}

}  // namespace

struct Writer::Impl {
  Impl(Database& database_in, Memory& memory_in, const Clock& clock_in, WriterLimits limits_in,
       std::function<void(const StorageError&)> on_fatal_in)
      : database(database_in),
        memory(memory_in),
        clock(clock_in),
        limits(limits_in),
        on_fatal(std::move(on_fatal_in)) {
    SLUICE_CHECK(limits.line_max > 0 && limits.batch_max > 0, "limits of at least one");
    line.reserve(std::min<std::size_t>(limits.line_max, 1'024));
    taken.reserve(line.capacity());
  }

  using Works = std::span<std::unique_ptr<Work>>;

  // Constant after construction.
  Database& database;
  Memory& memory;
  const Clock& clock;
  const WriterLimits limits;
  const std::function<void(const StorageError&)> on_fatal;

  // Guarded by mutex.
  mutable std::mutex mutex;
  std::condition_variable woken;
  std::vector<std::unique_ptr<Work>> line;  // submitted, and not yet moved to `taken`
  std::size_t taken_waiting = 0;            // in `taken`, and not yet in a batch
  bool stopping = false;
  bool refusing = false;  // COMMIT failed
  bool waiting = false;   // the writer's thread sleeps and must be woken
  Stats stats;

  // Guarded by stop_mutex.
  std::mutex stop_mutex;
  std::thread thread;
  std::atomic<std::thread::id> thread_id;

  // Writer thread only.
  std::vector<std::unique_ptr<Work>> taken;  // swapped with `line`, then run in slices of batch_max
  std::size_t taken_next = 0;
  std::optional<Duration> not_before;  // no batch for next_wake() alone before this

  bool submit(std::unique_ptr<Work> work) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex);
      if (stopping || refusing || line.size() + taken_waiting >= limits.line_max) return false;
      line.push_back(std::move(work));
      wake = std::exchange(waiting, false);
    }
    if (wake) Round::at_end([this] { woken.notify_one(); });
    return true;
  }

  std::size_t line_length() const {
    const std::lock_guard lock(mutex);
    return line.size() + taken_waiting;
  }

  bool is_refusing() const {
    const std::lock_guard lock(mutex);
    return refusing;
  }

  bool is_drained() const {
    const std::lock_guard lock(mutex);
    return stopping && line.empty() && taken_waiting == 0;
  }

  // When to run a batch without being asked.
  std::optional<Duration> wake_at() {
    std::optional<Duration> wake = memory.next_wake();
    if (wake && not_before) wake = std::max(*wake, *not_before);
    return wake;
  }

  // The next slice of what was submitted; empty if there is nothing.
  Works take() {
    const std::lock_guard lock(mutex);
    if (taken_next == taken.size()) {
      taken.clear();
      taken_next = 0;
      taken.swap(line);
      taken_waiting = taken.size();
    }
    const std::size_t size = std::min(limits.batch_max, taken_waiting);
    const Works batch(taken.data() + taken_next, size);
    taken_next += size;
    taken_waiting -= size;
    return batch;
  }

  bool pump() {
    if (is_refusing()) return false;
    const Works batch = take();
    if (batch.empty()) {
      const auto wake = wake_at();
      if (!wake || *wake > clock.steady_now()) return false;
    }
    run(batch);
    // Their payloads go now, not when the next batch comes.
    for (auto& work : batch) work.reset();
    return true;
  }

  void run(Works batch) {
    const std::size_t mark = memory.mark();
    std::exception_ptr thrown;
    try {
      Transaction tx(database.writer_connection());
      memory.tick(tx);
      for (const auto& work : batch) work->apply(tx);
      memory.before_commit(tx);
      tx.commit();
    } catch (...) {
      thrown = std::current_exception();
    }
    if (!thrown) [[likely]] {
      not_before.reset();
      finish(batch, {}, 0, 0);
      return;
    }
    memory.undo_to(mark);
    if (const auto fatal = fatal_of(thrown)) {
      give_up(batch, *fatal);
      return;
    }
    run_again(batch, mark);
  }

  static std::optional<StorageError> fatal_of(std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const StorageError& error) {
      if (error.fault() == Fault::commit_unknown) return error;
    } catch (...) {
    }
    return std::nullopt;
  }

  // One savepoint per work, and the culprits alone fail. Where a failure ended the transaction
  // itself, the rest is run once more without that culprit.
  void run_again(Works batch, std::size_t mark) {
    std::vector<std::optional<Error>> failures(batch.size());
    std::string own_failure;  // tick()'s or before_commit()'s
    bool tick_failed = false;
    bool before_commit_failed = false;
    std::uint64_t reruns = 0;
    for (;;) {
      ++reruns;
      std::exception_ptr thrown;
      try {
        bool spoiled = false;
        {
          Transaction tx(database.writer_connection());
          // False if `action` failed; its error is then in `thrown`.
          const auto guarded = [&](auto&& action) {
            tx.savepoint();
            const std::size_t before = memory.mark();
            try {
              action();
              tx.release_savepoint();
              return true;
            } catch (...) {
              thrown = std::current_exception();
            }
            memory.undo_to(before);
            try {
              tx.rollback_savepoint();
            } catch (const StorageError&) {
              spoiled = true;
            }
            return false;
          };
          if (!tick_failed && !guarded([&] { memory.tick(tx); })) {
            tick_failed = true;
            own_failure = describe(thrown);
          }
          for (std::size_t i = 0; i < batch.size() && !spoiled; ++i)
            if (!failures[i] && !guarded([&] { batch[i]->apply(tx); }))
              failures[i] = error_of(thrown);
          if (!spoiled && !before_commit_failed && !guarded([&] { memory.before_commit(tx); })) {
            before_commit_failed = true;
            own_failure = describe(thrown);
          }
          if (!spoiled) tx.commit();
        }
        if (!spoiled) break;
        memory.undo_to(mark);
        if (reruns <= spoilers_max) continue;
      } catch (...) {
        // BEGIN or COMMIT failed: this is nobody's fault in the batch.
        thrown = std::current_exception();
        memory.undo_to(mark);
        if (const auto fatal = fatal_of(thrown)) {
          give_up(batch, *fatal, failures);
          return;
        }
      }
      fail_all(batch, failures, thrown, reruns);
      return;
    }
    if (tick_failed || before_commit_failed) {
      not_before = clock.steady_now() + retry_pause;
      memory.failed(own_failure);
    } else {
      not_before.reset();
    }
    finish(batch, failures, reruns, (tick_failed ? 1U : 0U) + (before_commit_failed ? 1U : 0U));
  }

  void fail_all(Works batch, std::vector<std::optional<Error>>& failures, std::exception_ptr thrown,
                std::uint64_t reruns) {
    not_before = clock.steady_now() + retry_pause;
    const Error shared = error_of(thrown);
    for (auto& failure : failures)
      if (!failure) failure = shared;
    {
      const std::lock_guard lock(mutex);
      stats.works += batch.size();
      stats.reruns += reruns;
      stats.failures += batch.size();
    }
    memory.failed(shared.detail);
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->done(failures[i]);
  }

  // Everything in the batch is durable but for what is in `failures`. Nothing here may throw: the
  // batch cannot be taken back any more.
  void finish(Works batch, std::span<const std::optional<Error>> failures, std::uint64_t reruns,
              std::uint64_t own_failures) noexcept {
    std::uint64_t failed = own_failures;
    for (const auto& failure : failures) failed += failure ? 1U : 0U;
    {
      const std::lock_guard lock(mutex);
      ++stats.batches;
      stats.works += batch.size();
      stats.reruns += reruns;
      stats.failures += failed;
    }
    {
      // Who is told of many things is woken once.
      const Round round;
      memory.committed();
      static const std::optional<Error> success;
      for (std::size_t i = 0; i < batch.size(); ++i)
        batch[i]->done(failures.empty() ? success : failures[i]);
    }
    checkpoint();
  }

  void checkpoint() {
    if (!database.checkpoint_due(line_length() == 0)) return;
    try {
      database.checkpoint();
    } catch (const StorageError& error) {
      memory.failed(error.what());
    }
  }

  // COMMIT failed: nobody knows what is on disk, so nobody is told yes or no.
  void give_up(Works batch, const StorageError& fatal,
               std::span<const std::optional<Error>> failures = {}) {
    std::vector<std::unique_ptr<Work>> left;
    {
      const std::lock_guard lock(mutex);
      refusing = true;
      left.swap(line);
      stats.works += batch.size();
      stats.failures += batch.size();
    }
    // A work that had failed by itself was not part of what was committed.
    const std::optional<Error> unknown = make_error(Errc::outcome_unknown, fatal.what());
    for (std::size_t i = 0; i < batch.size(); ++i)
      batch[i]->done(!failures.empty() && failures[i] ? failures[i] : unknown);
    const std::optional<Error> refused =
        make_error(Errc::unavailable,
                   std::string("not run, and nothing of it is kept: the database failed before its "
                               "turn came. ") +
                       fatal.what());
    for (; taken_next < taken.size(); ++taken_next) {
      taken[taken_next]->done(refused);
      taken[taken_next].reset();
    }
    for (const auto& work : left) work->done(refused);
    {
      const std::lock_guard lock(mutex);
      taken_waiting = 0;
    }
    if (on_fatal) on_fatal(fatal);
  }

  void loop() {
    for (;;) {
      // Timers may be due without end; what was submitted is what stop() waits for.
      while (!is_drained() && pump()) {
      }
      if (is_drained() || is_refusing()) return;
      const auto wake = wake_at();
      std::unique_lock lock(mutex);
      if (!line.empty()) continue;
      if (stopping) continue;
      Duration pause = wait_max;
      if (wake) pause = std::min(pause, *wake - clock.steady_now());
      if (pause.us <= 0) continue;
      waiting = true;
      woken.wait_for(lock, std::chrono::microseconds(pause.us));
      waiting = false;
    }
  }

  void start() {
    const std::lock_guard lock(stop_mutex);
    SLUICE_CHECK(!thread.joinable(), "a writer is started once");
    thread = std::thread([this] {
      thread_id = std::this_thread::get_id();
      loop();
    });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      waiting = false;
    }
    woken.notify_one();
    // From the writer's own thread (a done(), on_fatal): it ends after this batch and whoever owns
    // the writer joins it.
    if (thread_id.load() == std::this_thread::get_id()) return;
    const std::lock_guard lock(stop_mutex);
    if (thread.joinable()) {
      thread.join();
      thread_id = std::thread::id();
    } else {
      while (line_length() > 0 && pump()) {
      }
    }
  }
};

Writer::Writer(Database& database, Memory& memory, const Clock& clock, WriterLimits limits,
               std::function<void(const StorageError&)> on_fatal)
    : impl_(std::make_unique<Impl>(database, memory, clock, limits, std::move(on_fatal))) {}

Writer::~Writer() { stop(); }

bool Writer::submit(std::unique_ptr<Work> work) { return impl_->submit(std::move(work)); }

void Writer::start() { impl_->start(); }

void Writer::stop() { impl_->stop(); }

bool Writer::pump() { return impl_->pump(); }

std::size_t Writer::line_length() const { return impl_->line_length(); }

Writer::Stats Writer::stats() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stats;
}

}  // namespace sluice::storage
