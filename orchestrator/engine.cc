#include <cstdio>

#include "orchestrator/audit.h"
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

template <class T>
void answer(const std::function<void(Result<T>)>& done, const std::optional<Error>& failure,
            std::optional<Result<T>>& result) {
  if (!done) return;
  if (failure)
    done(*failure);
  else
    done(std::move(*result));
}

// Why the writer did not take a command.
Error not_taken(const storage::Writer& writer, const Options& options) {
  if (writer.line_length() >= options.line_max)
    return make_error(Errc::overloaded,
                      "the server has more commands in line than it takes; try again in a moment");
  return make_error(Errc::unavailable,
                    "the server is stopping and takes nothing more; try again when it is back");
}

// A command with its callback.
template <class Impl, class C>
class CommandWork final : public storage::Work {
 public:
  using Reply = typename C::Reply;
  CommandWork(Impl& impl, C command, std::function<void(Result<Reply>)> done, By by)
      : impl_(impl), command_(std::move(command)), done_(std::move(done)), by_(std::move(by)) {}
  void apply(Transaction& tx) override {
    impl_.look_at_clock();
    result_ = impl_.apply(tx, command_);
    audit(tx, command_, *result_, by_, impl_.now().wall);
  }
  void done(const std::optional<Error>& failure) override {
    answer<Reply>(done_, failure, result_);
  }

 private:
  Impl& impl_;
  C command_;
  std::function<void(Result<Reply>)> done_;
  By by_;
  std::optional<Result<Reply>> result_;
};

// A command whose answer is kept under a client's key, in the command's own transaction.
template <class Impl, class C>
class IdempotentWork final : public storage::Work {
 public:
  using Reply = typename C::Reply;
  IdempotentWork(Impl& impl, C command, Engine::Idempotency key,
                 std::function<std::string(const Result<Reply>&)> render,
                 std::function<void(Result<std::string>)> done, By by)
      : impl_(impl),
        command_(std::move(command)),
        key_(std::move(key)),
        render_(std::move(render)),
        done_(std::move(done)),
        by_(std::move(by)) {}
  void apply(Transaction& tx) override {
    impl_.look_at_clock();
    const WallTime wall = impl_.now().wall;
    if (auto q = tx.query(sql::find_idempotent, key_.key, wall - seconds(86'400)); q.step()) {
      if (q.text(0) == key_.fingerprint)
        result_ = std::string(q.text(1));
      else
        result_ = make_error(Errc::conflict,
                             "this Idempotency-Key was used with another body within the last 24 "
                             "hours: use a new key");
      return;
    }
    const auto outcome = impl_.apply(tx, command_);
    audit(tx, command_, outcome, by_, wall);
    std::string text = render_(outcome);
    // A refusal changed nothing and may be asked again once its reason is gone; only what took
    // effect is kept.
    if (outcome) tx.run(sql::put_idempotent, key_.key, key_.fingerprint, text, wall);
    result_ = std::move(text);
  }
  void done(const std::optional<Error>& failure) override {
    answer<std::string>(done_, failure, result_);
  }

 private:
  Impl& impl_;
  C command_;
  Engine::Idempotency key_;
  std::function<std::string(const Result<Reply>&)> render_;
  std::function<void(Result<std::string>)> done_;
  By by_;
  std::optional<Result<std::string>> result_;
};

template <class Impl>
class BatchWork final : public storage::Work {
 public:
  BatchWork(Impl& impl, std::vector<AnyCommand> commands, bool atomic,
            std::optional<LeaseRequest> lease, std::function<void(Result<Engine::BatchReply>)> done)
      : impl_(impl),
        commands_(std::move(commands)),
        atomic_(atomic),
        lease_(std::move(lease)),
        done_(std::move(done)) {}

  void apply(Transaction& tx) override {
    impl_.look_at_clock();
    reply_.items.clear();
    reply_.tasks.clear();
    const std::size_t mark = impl_.undo.mark();
    if (atomic_) tx.savepoint();
    bool refused = false;
    for (const auto& command : commands_) {
      reply_.items.push_back(std::visit(
          [&](const auto& c) -> Result<AnyReply> {
            auto r = impl_.apply(tx, c);
            audit(tx, c, r, By{}, impl_.now().wall);
            if (!r) {
              refused = true;
              return std::move(r).error();
            }
            return AnyReply{std::move(*r)};
          },
          command));
      if (atomic_ && refused) break;
    }
    if (atomic_ && refused) {
      tx.rollback_savepoint();
      impl_.undo.undo_to(mark);
      const std::size_t culprit = reply_.items.size() - 1;
      for (std::size_t i = 0; i < commands_.size(); ++i) {
        if (i == culprit) continue;
        Error other = make_error(Errc::conflict, "not done: item " + std::to_string(culprit) +
                                                     " of this atomic batch was refused");
        if (i < reply_.items.size())
          reply_.items[i] = std::move(other);
        else
          reply_.items.emplace_back(std::move(other));
      }
      return;
    }
    if (atomic_) tx.release_savepoint();
    if (!lease_) return;
    const std::int64_t consumer = impl_.add_waiting_consumer(tx, *lease_);
    impl_.chained[consumer] = &reply_.tasks;
    consumer_ = consumer;
    impl_.undo.add([this, consumer] { impl_.chained.erase(consumer); });
  }

  void done(const std::optional<Error>& failure) override {
    if (consumer_ != 0) impl_.chained.erase(consumer_);
    if (failure)
      done_(*failure);
    else
      done_(std::move(reply_));
  }

 private:
  Impl& impl_;
  std::vector<AnyCommand> commands_;
  bool atomic_;
  std::optional<LeaseRequest> lease_;
  std::function<void(Result<Engine::BatchReply>)> done_;
  Engine::BatchReply reply_;
  std::int64_t consumer_ = 0;
};

// Any step of the writer's thread that is no command of its own.
class StepWork final : public storage::Work {
 public:
  StepWork(std::function<void(Transaction&)> step,
           std::function<void(const std::optional<Error>&)> done)
      : step_(std::move(step)), done_(std::move(done)) {}
  void apply(Transaction& tx) override { step_(tx); }
  void done(const std::optional<Error>& failure) override {
    if (done_) done_(failure);
  }

 private:
  std::function<void(Transaction&)> step_;
  std::function<void(const std::optional<Error>&)> done_;
};

}  // namespace

Engine::Impl::Impl(storage::Database& database_, const Clock& clock_, Options options_)
    : database(database_), clock(clock_), options(std::move(options_)) {
  recover(database);
  std::uint64_t seed = options.seed;
  if (seed == 0) std::memcpy(&seed, random_secret(sizeof seed).data(), sizeof seed);
  random = Random(seed);
  publish();
  writer = std::make_unique<storage::Writer>(database, *this, clock,
                                             storage::WriterLimits{.line_max = options.line_max},
                                             [this](const storage::StorageError& error) {
                                               if (options.on_fatal) options.on_fatal(error.what());
                                             });
}

Now Engine::Impl::read_clock() const {
  return {clock.wall_now(), engine_start + (clock.steady_now() - steady_start)};
}

void Engine::Impl::publish() {
  const auto touched_queues = queues.take_touched();
  const std::unique_lock lock(mutex);
  const auto touched_stages = stage_counts.take_touched();
  counts.locks_held = locks.held();
  counts.lock_waiters = locks.waiting();
  counts.gate_waiters = counters.waiting();
  counts.sessions = static_cast<std::int64_t>(sessions.size());
  published = counts;
  for (const queue::Queue* q : touched_queues) {
    if (queues.find(q->id) != q) continue;
    PublishedQueue& p = published_queues[q->name];
    p.stats.name = q->name;
    p.stats.id = q->id;
    p.stats.ready = q->ready;
    p.stats.blocked = q->blocked;
    p.stats.waiting = q->waiting;
    p.next_token = queue::Queues::next_token(*q);
    p.stats.delayed = q->delayed;
    p.stats.leased = q->leased;
    p.stats.held = q->held;
    p.stats.dead = q->dead;
    p.stats.consumers = q->consumers;
    p.stats.paused = q->paused;
    p.stats.sent = static_cast<std::uint64_t>(q->sent);
    p.stats.acknowledged = static_cast<std::uint64_t>(q->acknowledged);
    p.stats.failed = static_cast<std::uint64_t>(q->failed);
    p.stats.redelivered = static_cast<std::uint64_t>(q->redelivered);
    p.stats.settings_by_operator = q->operator_settings.has_value();
    p.stats.settings.lease_seconds = static_cast<double>(q->settings.lease.us) / 1e6;
    p.stats.settings.deliveries_max = q->settings.deliveries_max;
    p.stats.settings.at_most_once = q->settings.at_most_once;
    p.stats.settings.ageing_seconds = static_cast<double>(q->settings.ageing.us) / 1e6;
    put_limits(p.stats.settings, q->settings);
    p.stats.breaker.reset();
    if (const Breaker* breaker = breakers.find(q->id))
      p.stats.breaker =
          QueueStats::BreakerState{breaker->half_open, breaker->since, breaker->reason,
                                   breaker->probe_at ? token_at(*breaker->probe_at) : std::nullopt};
    p.lanes.clear();
    for (const auto& lane : q->lanes)
      if (lane->ready > 0) p.lanes.push_back(lane->id);
  }
  for (const StageCount* stage : touched_stages) {
    if (stage->index >= published_stages.size()) published_stages.resize(stage->index + 1);
    StageCounters& p = published_stages[stage->index];
    p.workflow = WorkflowId{stage->workflow};
    if (p.state.empty()) p.state = stage->state;
    p.values = stage->values;
  }
  if (published_queues.size() != queues.all().size())
    std::erase_if(published_queues,
                  [this](const auto& item) { return queues.find(item.first) == nullptr; });
}

Engine::Engine(storage::Database& database, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(database, clock, std::move(options))) {}
Engine::~Engine() { stop(); }

void Engine::start() { impl_->writer->start(); }
void Engine::stop() { impl_->writer->stop(); }
void Engine::pump() {
  while (impl_->writer->pump()) {
  }
}

std::optional<Duration> Engine::next_due() const { return impl_->next_due(); }

template <class C>
void Engine::submit(C command, Callback<C> done, By by) {
  auto keep = done;
  auto work = std::make_unique<CommandWork<Impl, C>>(*impl_, std::move(command), std::move(done),
                                                     std::move(by));
  if (!impl_->writer->submit(std::move(work)) && keep)
    keep(not_taken(*impl_->writer, impl_->options));
}

template <class C>
void Engine::submit(C command, Idempotency idempotency,
                    std::function<std::string(const Result<typename C::Reply>&)> render,
                    std::function<void(Result<std::string>)> done, By by) {
  auto keep = done;
  auto work =
      std::make_unique<IdempotentWork<Impl, C>>(*impl_, std::move(command), std::move(idempotency),
                                                std::move(render), std::move(done), std::move(by));
  if (!impl_->writer->submit(std::move(work)) && keep)
    keep(not_taken(*impl_->writer, impl_->options));
}

#define SLUICE_COMMAND(C)                                                              \
  template void Engine::submit<C>(C, Callback<C>, By);                                 \
  template void Engine::submit<C>(C, Idempotency,                                      \
                                  std::function<std::string(const Result<C::Reply>&)>, \
                                  std::function<void(Result<std::string>)>, By);
SLUICE_COMMAND(DeployWorkflow)
SLUICE_COMMAND(DeleteWorkflow)
SLUICE_COMMAND(PauseWorkflow)
SLUICE_COMMAND(StartRun)
SLUICE_COMMAND(CancelRun)
SLUICE_COMMAND(CompensateRun)
SLUICE_COMMAND(PauseRun)
SLUICE_COMMAND(ResumeRun)
SLUICE_COMMAND(RedriveRun)
SLUICE_COMMAND(MoveRun)
SLUICE_COMMAND(SkipStage)
SLUICE_COMMAND(ReleaseLock)
SLUICE_COMMAND(AdjustCounter)
SLUICE_COMMAND(FailStage)
SLUICE_COMMAND(CompleteTask)
SLUICE_COMMAND(FailTask)
SLUICE_COMMAND(HeartbeatTask)
SLUICE_COMMAND(ReleaseTask)
SLUICE_COMMAND(SendMessages)
SLUICE_COMMAND(PublishEvent)
SLUICE_COMMAND(PublishMessages)
SLUICE_COMMAND(PutBinding)
SLUICE_COMMAND(DeleteBinding)
SLUICE_COMMAND(PauseSchedule)
SLUICE_COMMAND(RunSchedule)
SLUICE_COMMAND(PutQueue)
SLUICE_COMMAND(ClearQueueSettings)
SLUICE_COMMAND(DeleteQueue)
SLUICE_COMMAND(PauseQueue)
SLUICE_COMMAND(PurgeQueue)
SLUICE_COMMAND(ReplayDeadLetter)
SLUICE_COMMAND(DropDeadLetter)
SLUICE_COMMAND(ReplayDeadLetters)
SLUICE_COMMAND(StartJob)
SLUICE_COMMAND(StopJob)
#undef SLUICE_COMMAND

void Engine::submit_batch(std::vector<AnyCommand> commands, bool atomic,
                          std::optional<LeaseRequest> then_lease,
                          std::function<void(Result<BatchReply>)> done) {
  if (commands.size() > batch_items_max) {
    done(make_error(Errc::too_large, "a batch has at most " + std::to_string(batch_items_max) +
                                         " items; found " + std::to_string(commands.size())));
    return;
  }
  auto keep = done;
  auto work = std::make_unique<BatchWork<Impl>>(*impl_, std::move(commands), atomic,
                                                std::move(then_lease), std::move(done));
  if (!impl_->writer->submit(std::move(work))) keep(not_taken(*impl_->writer, impl_->options));
}

std::uint64_t Engine::lease(LeaseRequest request,
                            std::function<void(Result<std::vector<Delivery>>)> done) {
  const std::uint64_t number = impl_->next_waiting.fetch_add(1);
  auto keep = done;
  auto work = std::make_unique<StepWork>(
      [impl = impl_.get(), request = std::move(request), done = std::move(done),
       number](Transaction& tx) { impl->start_lease(tx, request, done, number); },
      [keep](const std::optional<Error>& failure) {
        if (failure) keep(*failure);
      });
  if (!impl_->writer->submit(std::move(work))) {
    keep(not_taken(*impl_->writer, impl_->options));
    return 0;
  }
  return number;
}

void Engine::cancel_lease(std::uint64_t waiting) {
  (void)impl_->writer->submit(std::make_unique<StepWork>(
      [impl = impl_.get(), waiting](Transaction&) {
        if (auto taken = impl->take_waiting(waiting)) {
          impl->queues.remove_consumer(taken->consumer);
          // Rolled back, the wait goes on.
          impl->undo.add([impl, kept = std::make_shared<Waiting>(*std::move(taken))] {
            impl->wait_for(std::move(*kept));
          });
        }
      },
      nullptr));
}

void Engine::open_session(SessionOptions asked, std::shared_ptr<Consumer> consumer,
                          std::function<void(Result<SessionWelcome>)> done) {
  std::optional<SessionId> resumed;
  if (asked.resume) resumed = parse_id<SessionTag>(*asked.resume);
  auto session = std::make_shared<Session>();
  if (resumed) {
    session->id = *resumed;
  } else {
    std::uint64_t number = 0;
    std::memcpy(&number, random_secret(sizeof number).data(), sizeof number);
    session->id = SessionId{static_cast<std::int64_t>(number >> 1 | 1)};
  }
  session->worker = asked.worker;
  session->sink = std::move(consumer);
  auto welcome = std::make_shared<SessionWelcome>();
  auto keep = done;
  const bool resume = resumed.has_value();
  auto work = std::make_unique<StepWork>(
      [impl = impl_.get(), asked = std::move(asked), session, resume, welcome](Transaction& tx) {
        // A session that comes back over a new connection takes the place of the old one, with its
        // subscriptions ended.
        if (const auto before = impl->find_session(to_string(session->id));
            before && before != session)
          for (const auto& [queue_id, consumer_id] : before->subscriptions)
            impl->queues.remove_consumer(consumer_id);
        impl->open(tx, session, asked, resume, *welcome);
      },
      [done = std::move(done), welcome](const std::optional<Error>& failure) {
        if (failure)
          done(*failure);
        else
          done(std::move(*welcome));
      });
  if (!impl_->writer->submit(std::move(work))) keep(not_taken(*impl_->writer, impl_->options));
}

namespace {
Error no_session() {
  return make_error(Errc::not_found, "no such session: it ended; open a new one with hello");
}
}  // namespace

void Engine::subscribe(const std::string& session, std::string queue, int credit,
                       std::function<void(Status)> done) {
  auto result = std::make_shared<std::optional<Status>>();
  auto keep = done;
  auto work = std::make_unique<StepWork>(
      [impl = impl_.get(), session, queue = std::move(queue), credit, result](Transaction& tx) {
        const auto found = impl->find_session(session);
        *result = found ? impl->subscribe(tx, found, queue, credit) : Status{no_session()};
      },
      [done = std::move(done), result](const std::optional<Error>& failure) {
        if (failure)
          done(*failure);
        else
          done(**result);
      });
  if (!impl_->writer->submit(std::move(work))) keep(not_taken(*impl_->writer, impl_->options));
}

void Engine::unsubscribe(const std::string& session, std::string queue,
                         std::function<void(Status)> done) {
  auto result = std::make_shared<std::optional<Status>>();
  auto keep = done;
  auto work = std::make_unique<StepWork>(
      [impl = impl_.get(), session, queue = std::move(queue), result](Transaction& tx) {
        const auto found = impl->find_session(session);
        if (found) impl->unsubscribe(tx, *found, queue);
        *result = found ? ok() : Status{no_session()};
      },
      [done = std::move(done), result](const std::optional<Error>& failure) {
        if (failure)
          done(*failure);
        else
          done(**result);
      });
  if (!impl_->writer->submit(std::move(work))) keep(not_taken(*impl_->writer, impl_->options));
}

void Engine::revoked(const std::string&, std::string token) {
  (void)impl_->writer->submit(std::make_unique<StepWork>(
      [impl = impl_.get(), token = std::move(token)](Transaction& tx) { impl->revoked(tx, token); },
      nullptr));
}

void Engine::touch(const std::string& session) {
  if (const auto found = impl_->find_session(session))
    found->last_seen_us = impl_->clock.steady_now().us;
}

void Engine::detach_session(const std::string& session, const Consumer* consumer, bool graceful) {
  (void)impl_->writer->submit(std::make_unique<StepWork>(
      [impl = impl_.get(), session, consumer, graceful](Transaction& tx) {
        const auto found = impl->find_session(session);
        // A newer connection may have taken the session over.
        if (found && found->sink.get() == consumer) impl->detach(tx, *found, graceful);
      },
      nullptr));
}

WatchId Engine::watch(RunId run, std::function<void(bool ended)> changed) {
  const std::lock_guard lock(impl_->watch_mutex);
  const WatchId id = impl_->next_watch++;
  impl_->watches.emplace(id, std::pair{run, std::move(changed)});
  impl_->watches_of_run.emplace(run.value, id);
  impl_->watch_count += 1;
  return id;
}

void Engine::unwatch(WatchId id) {
  const std::lock_guard lock(impl_->watch_mutex);
  const auto at = impl_->watches.find(id);
  if (at == impl_->watches.end()) return;
  const auto [first, last] = impl_->watches_of_run.equal_range(at->second.first.value);
  for (auto it = first; it != last; ++it)
    if (it->second == id) {
      impl_->watches_of_run.erase(it);
      break;
    }
  impl_->watches.erase(at);
  impl_->watch_count -= 1;
}

EngineStats Engine::stats() const {
  const std::shared_lock lock(impl_->mutex);
  EngineStats stats = impl_->published;
  stats.engine_now = impl_->read_clock().engine;
  const auto writer = impl_->writer->stats();
  stats.commands = writer.works;
  stats.reruns = writer.reruns;
  stats.line_length = impl_->writer->line_length();
  return stats;
}

const Options& Engine::options() const { return impl_->options; }
WallTime Engine::wall_now() const { return impl_->clock.wall_now(); }

}  // namespace sluice::orchestrator
