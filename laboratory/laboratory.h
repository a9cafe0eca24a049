// A laboratory: definitions run on the real engine, with workers that are made up and a clock that
// does not have to be waited for.
//
//   Laboratory laboratory;
//   laboratory.deploy("orders", text);
//   auto run = laboratory.start("orders", Doc::from_text("{}"));
//   Outcome outcome = laboratory.run_to_end(*run, workers);
//
// Everything happens on the calling thread: the engine is pumped by hand, every task that becomes
// ready is put before the Workers, and when nothing is ready the clock jumps to the next time at
// which something is due. A wait of three days takes no time. The same definitions, inputs and
// answers give the same outcome, byte for byte.
//
// Bounded: by the definition's MaxTransitions, by virtual time and by the number of steps. A run
// that can go no further is told of, with what it waits for.
//
// The database is private, in memory where the system offers that, and gone with the laboratory.
//
// Threads: not thread-safe, caller serialises.
//
// Failure: what is wrong with a definition or a command is an Error. Throws storage::StorageError
// and std::system_error if the scratch directory cannot be used.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "laboratory/scratch_directory.h"
#include "orchestrator/inspect.h"
#include "orchestrator/orchestrator.h"
#include "storage/storage.h"
#include "workflows/workflow.h"

namespace sluice::laboratory {

// What a worker does with a task.
struct Answer {
  enum class Kind : std::uint8_t {
    complete,
    fail,
    vanish,  // it keeps the task and is never heard of again
  };
  Kind kind = Kind::complete;
  Doc output;                               // complete
  std::optional<std::string> error, cause;  // fail
  Duration after{};                         // how long it works first; it beats meanwhile
};

class Workers {
 public:
  virtual ~Workers() = default;
  // Whether the tasks of this queue are taken at all; otherwise they stay where they are.
  virtual bool serves(const std::string& /*queue*/) { return true; }
  // Nothing: nobody knows what to do with this task.
  virtual std::optional<Answer> work(const orchestrator::Delivery& task) = 0;
};

struct Options {
  orchestrator::Options engine = {};
  WallTime start = {1'767'225'600'000'000};        // 2026-01-01T00:00:00Z
  Duration time_max = seconds(36'500LL * 86'400);  // how far the clock may go
  std::int64_t steps_max = 200'000;                // moves of the clock
};

struct Outcome {
  enum class End : std::uint8_t {
    ended,
    stuck,    // nothing more is due, or a task is not answered: see `waits`
    bounded,  // steps_max or time_max was reached: see `waits`
  };
  End end = End::ended;
  std::string status;  // RUNNING unless ended
  Doc output;          // SUCCEEDED
  std::string error;   // "" if none
  std::optional<std::string> cause;
  WallTime started_at;
  WallTime at;                     // when it ended, or how far the clock went
  std::vector<std::string> waits;  // sentences: what each live run waits for
};

class Laboratory {
 public:
  explicit Laboratory(Options options = {});
  ~Laboratory();

  // Refuses what compile() refuses.
  Result<orchestrator::DeployWorkflow::Reply> deploy(const std::string& name,
                                                     const std::string& definition);
  Result<RunId> start(const std::string& workflow, Doc input, std::optional<std::string> name = {});
  // Until the run has ended or can go no further. May be called again, with other workers too.
  Outcome run_to_end(RunId run, Workers& workers);

  // Calls `act` when the clock has moved on by `delay`. It may submit commands.
  void after(Duration delay, std::function<void()> act);
  template <class C>
  Result<typename C::Reply> submit(C command) {
    std::optional<Result<typename C::Reply>> answer;
    engine_->submit<C>(std::move(command),
                       [&answer](Result<typename C::Reply> r) { answer = std::move(r); });
    pump();
    if (!answer) return make_error(Errc::unavailable, "the engine took no command");
    return *std::move(answer);
  }
  // At most `max` tasks of the queue, in the hands of whoever asked.
  std::vector<orchestrator::Delivery> take(const std::string& queue, int max);

  std::vector<orchestrator::HistoryEvent> history(RunId run) const;
  const orchestrator::Inspector& inspector() const { return *inspector_; }
  const orchestrator::Engine& engine() const { return *engine_; }
  WallTime now() const { return clock_.wall_now(); }
  // Where the files are that a Map may read, as BUCKET/KEY, unless the engine's options name
  // another place.
  std::string files_directory() const { return directory_.path() + "/files"; }

 private:
  struct Unanswered {
    std::string queue, state;
  };

  void pump();
  bool serve(Workers& workers);
  void put_before(Workers& workers, orchestrator::Delivery task);
  void keep_beating(const std::string& token, Duration every, WallTime until);
  void settle(const orchestrator::Delivery& task, const Answer& answer);
  bool waits_for_token(const orchestrator::Delivery& task) const;
  bool act_on_time();
  std::optional<Duration> next_time();
  Outcome outcome(RunId run, Outcome::End end) const;

  const Options options_;
  ScratchDirectory directory_;
  VirtualClock clock_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<orchestrator::Engine> engine_;
  std::unique_ptr<orchestrator::Inspector> inspector_;
  // What is to be done at a time of the steady clock, in the order in which it was asked for.
  std::multimap<Duration, std::function<void()>> acts_;
  std::vector<Unanswered> unanswered_;
  std::map<std::string, std::shared_ptr<const workflows::Machine>> machines_;  // as last deployed
  std::string fatal_;
  std::int64_t steps_ = 0;
};

}  // namespace sluice::laboratory
