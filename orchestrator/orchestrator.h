// The engine: runs move here.
//
// A command (commands.h) is submitted from any thread and answered by a callback once it is
// durable. Inside, one writer thread applies what has gathered, in one transaction: it fences the
// token, ends the message, asks the interpreter what follows, writes that, and hands the next task
// to a worker who waits for it. Deliveries and answers go out only after the commit.
//
//   Engine engine(database, clock, options);      // migrates nothing; recovers what it needs from
//   disk engine.start(); engine.submit(StartRun{.workflow = "orders", .input = doc},
//   [](Result<StartRun::Reply> r) { … }); engine.stop();                                // stop
//   taking, finish what was taken, leave leases to expire
//
// Invariants:
//   - What was answered is on disk.
//   - A run that is not ended has, per frame, exactly one row that will move it on.
//   - A token names one hand-out; once that hand-out is over, no other effect comes of it.
//
// Threads: Engine is thread-safe. Callbacks and Consumer calls run on the writer thread, hold no
// lock, and must not block: post to your own executor. Reads are in inspect.h and never touch the
// writer.
//
// Failure: an Error answers what the caller did wrong, or what the server cannot do now
// (overloaded, unavailable, disk_full, storage_failed, outcome_unknown). After outcome_unknown the
// engine has stopped: the process must exit and recover from disk (Options::on_fatal).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "orchestrator/commands.h"
#include "storage/storage.h"

namespace sluice::orchestrator {

// A task in a worker's hands.
struct Delivery {
  std::string token;
  MessageId id;
  std::string queue;
  Doc body;
  std::string headers;       // a JSON object as text; "" for none
  std::int64_t attempt = 1;  // hand-outs of this work, this one included
  WallTime lease_until;
  std::optional<RunId> run;
  std::string state;     // where run is set
  std::string workflow;  // where run is set
  std::string idempotency_key;
  std::optional<Duration> heartbeat;  // the beat its state asks for (HeartbeatSeconds)
};

// One worker connection's side of a session. Called on the writer thread, after the commit; must
// not block.
class Consumer {
 public:
  virtual ~Consumer() = default;
  virtual void deliver(std::vector<Delivery> tasks) = 0;
  virtual void revoke(const std::string& token) = 0;  // cancelled, or lost
};

struct SessionOptions {
  std::string worker;                 // a name for people
  std::optional<std::string> resume;  // an earlier session's id
  std::vector<std::string> holds;     // the tokens it still works on
};
struct SessionWelcome {
  std::string id;                       // unguessable; for resume
  std::vector<std::string> taken_back;  // of holds: still this session's
};

using WatchId = std::uint64_t;

struct QueueStats {
  std::string name;
  QueueId id;
  std::int64_t ready = 0, delayed = 0, blocked = 0, leased = 0, held = 0, dead = 0;
  std::int64_t depth() const { return ready + delayed + blocked + leased; }
  std::optional<WallTime> oldest;  // when the oldest ready message became ready
  std::int64_t consumers = 0;      // subscribed sessions and waiting leases
  bool paused = false;
  std::uint64_t sent = 0, acknowledged = 0, failed = 0, redelivered = 0;  // since start
  workflows::QueueSettings
      settings;  // in force: operator's, else definition's, else defaults (all set)
  bool settings_by_operator = false;
  std::int64_t waiting = 0;               // stages that wait for room in it
  std::optional<WallTime> next_token_at;  // while RatePerSecond holds messages back
  struct BreakerState {
    bool half_open = false;
    WallTime since;
    std::string reason;
    std::optional<WallTime> probe_at;  // open: when one message is let through
  };
  std::optional<BreakerState> breaker{};  // none, or closed
};

struct EngineStats {
  std::uint64_t scheduled_starts = 0;
  std::uint64_t letters_deleted = 0;  // open dead letters that their queue no longer keeps
  std::uint64_t transitions = 0, runs_started = 0, runs_succeeded = 0, runs_failed = 0,
                runs_compensated = 0, runs_deleted = 0;
  std::uint64_t commits = 0, commands = 0, reruns = 0, handoffs = 0;
  std::int64_t sessions = 0, leases = 0, live_runs = 0;
  std::int64_t locks_held = 0, lock_waiters = 0, gate_waiters = 0;
  std::size_t line_length = 0;
  EngineTime engine_now;
};

struct Options {
  std::size_t payload_bytes_max = 1 << 20;
  std::int64_t children_live_max = 1'000;  // of one Map at a time, where it does not say fewer
  // How long ended runs and closed dead letters are kept, where a definition says nothing else. 0:
  // for ever.
  Duration retention = seconds(30 * 86'400);
  std::int64_t events_kept_max = 100'000;  // published, and waited for by nobody yet
  std::string
      items_directory;  // where Maps find files of items and put files of results; "": nowhere
  Duration session_grace = seconds(2);         // a lost connection's time to come back
  Duration session_timeout = seconds(15);      // silence after which a connection counts as lost
  std::int64_t disk_reserve_bytes = 64 << 20;  // below it no new starts or sends
  std::size_t line_max = 65'536;
  std::uint64_t seed = 0;  // 0: from the operating system
  std::function<void(const std::string& why)> on_fatal{};
};

class Engine {
 public:
  // `database` and `clock` must outlive the engine. Throws StorageError.
  Engine(storage::Database& database, const Clock& clock, Options options);
  ~Engine();

  void start();  // the writer thread
  void stop();   // idempotent
  // For tests and simulation, without start(): runs what is submitted and due, on the calling
  // thread.
  void pump();
  // For the same: the steady time at which something falls due of itself, if anything does. What
  // the engine does every second for its own sake does not count.
  std::optional<Duration> next_due() const;

  // ---- commands ----
  template <class C>
  using Callback = std::function<void(Result<typename C::Reply>)>;
  template <class C>
  void submit(C command, Callback<C> done,
              By by = {});  // defined for every struct of commands.h with a Reply

  // Idempotency-Key: the first answer is kept for 24 h with the command, in its transaction.
  struct Idempotency {
    std::string key;          // principal, route and key
    std::string fingerprint;  // hash of the body; another body with the key: conflict
  };
  // `render` turns the outcome into the answer that is kept; `done` gets it, or the kept one of an
  // earlier call.
  template <class C>
  void submit(C command, Idempotency idempotency,
              std::function<std::string(const Result<typename C::Reply>&)> render,
              std::function<void(Result<std::string>)> done, By by = {});

  // At most batch_items_max. atomic: all or none; the refused item has its reason, the others
  // `conflict`. `then_lease` takes the next tasks in the same commit.
  struct BatchReply {
    std::vector<Result<AnyReply>> items;
    std::vector<Delivery> tasks;
  };
  void submit_batch(std::vector<AnyCommand> commands, bool atomic,
                    std::optional<LeaseRequest> then_lease,
                    std::function<void(Result<BatchReply>)> done);

  // Leases without a session. Answers when there is a task, or after request.wait with none.
  // The returned number cancels the wait (done is then not called); 0 if it was answered at once.
  std::uint64_t lease(LeaseRequest request,
                      std::function<void(Result<std::vector<Delivery>>)> done);
  void cancel_lease(std::uint64_t waiting);

  // ---- worker sessions ----
  void open_session(SessionOptions options, std::shared_ptr<Consumer> consumer,
                    std::function<void(Result<SessionWelcome>)> done);
  // `credit`: how many of the queue's messages may be in the session's hands at once. 0 ends
  // hand-outs.
  void subscribe(const std::string& session, std::string queue, int credit,
                 std::function<void(Status)> done);
  void unsubscribe(const std::string& session, std::string queue, std::function<void(Status)> done);
  void revoked(const std::string& session,
               std::string token);         // the worker let go: its credit comes back
  void touch(const std::string& session);  // any sign of life; cheap, from any thread
  // The connection of `consumer` is gone. graceful: what it holds is released at once, else after
  // the grace.
  void detach_session(const std::string& session, const Consumer* consumer, bool graceful);

  // ---- looking on ----
  // Called on the writer thread after each commit that touched the run; `ended` when it has.
  WatchId watch(RunId run, std::function<void(bool ended)> changed);
  void unwatch(WatchId id);

  std::vector<QueueStats> queues() const;
  // The stages' own counters: entered, in_flight, completed, failed, dead of each. By id of the
  // workflow.
  struct StageCounters {
    WorkflowId workflow;
    std::string state;
    std::array<std::int64_t, 5> values{};
  };
  std::vector<StageCounters> stage_counters() const;
  std::optional<QueueStats> queue(const std::string& name) const;
  EngineStats stats() const;
  const Options& options() const;
  WallTime wall_now() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::orchestrator
