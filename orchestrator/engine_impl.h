// The inside of the engine: everything the writer thread owns.
//
// One file per concern: engine.cc (life, submitting), apply.cc (from effects to rows), tasks.cc,
// runs.cc, child_runs.cc, children.cc, stopping.cc, redrive.cc, moving.cc, publishing.cc,
// publish_event.cc, topic_commands.cc, schedule_commands.cc, compensation.cc, capacity.cc,
// doors.cc, deadlock.cc, breaker_steps.cc, stage_counters.cc, audit.cc, queue_commands.cc,
// workflow_commands.cc, dead_letters.cc, letter_policies.cc, job_commands.cc, job_items.cc,
// sessions.cc, handouts.cc, timers.cc, recovery.cc.
//
// Threads: confined to the writer thread, but for what stands under `mutex_`.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "base/random.h"
#include "orchestrator/breakers.h"
#include "orchestrator/catalog.h"
#include "orchestrator/counters.h"
#include "orchestrator/engine_parts.h"
#include "orchestrator/events.h"
#include "orchestrator/frame_row.h"
#include "orchestrator/jobs.h"
#include "orchestrator/join.h"
#include "orchestrator/locks.h"
#include "orchestrator/log_format.h"
#include "orchestrator/orchestrator.h"
#include "orchestrator/retention.h"
#include "orchestrator/schedules.h"
#include "orchestrator/stage_counts.h"
#include "orchestrator/tokens.h"
#include "orchestrator/topics.h"
#include "orchestrator/version_map.h"
#include "orchestrator/wait_kind.h"
#include "queue/queue.h"
#include "storage/undo_log.h"
#include "storage/writer.h"

namespace sluice::orchestrator {

using queue::LeaseKey;
using queue::Now;
using storage::Reader;
using storage::Transaction;

inline constexpr std::int64_t ticks_step = 256;       // rows that time moves per batch
inline constexpr std::int64_t handouts_step = 2'000;  // hand-outs per batch
inline constexpr std::size_t failures_kept_max = 50;  // attempts that a dead letter tells of
// Notes of a task_failed record whose cause was not the worker's own fail: a result that the state
// could not use, or a lost lease or an operator's word.
inline constexpr std::string_view completed = "completed", by_others = "not by the worker";
inline constexpr int repeat_walk_max = 10'000;  // log rows read to recognise a repeated verb

struct Engine::Impl final : storage::Memory {
  Impl(storage::Database& database_, const Clock& clock_, Options options_);

  // ---- storage::Memory ----
  std::size_t mark() override { return undo.mark(); }
  void undo_to(std::size_t mark) override { undo.undo_to(mark); }
  void before_commit(Transaction& tx) override;
  void committed() override;
  std::optional<Duration> next_wake() override;
  std::optional<Duration> next_due();
  void tick(Transaction& tx) override;

  // ---- time and numbers ----
  Now read_clock() const;  // any thread
  // The time of the command at hand, which is read once; the writer's thread.
  Now now() {
    if (!clock_read) clock_read = read_clock();
    return *clock_read;
  }
  void look_at_clock() { clock_read.reset(); }
  Duration steady_of(EngineTime t) const { return steady_start + (t - engine_start); }
  std::int64_t next_seq();
  void tally(std::uint64_t& number);  // one more, until it is rolled back

  // ---- apply.cc ----
  // Lets `event` happen to the frame: asks the interpreter, records `before` and what follows in
  // one log row, and writes the one row that the frame waits for next.
  void step(Transaction& tx, Live& live, const Event& event, std::vector<LogRecord> before,
            std::string failures = {});
  void write_log(Transaction& tx, FrameRow& row, const std::vector<LogRecord>& records,
                 std::int64_t seq, const Storing& storing = {});
  void limit_time(Transaction& tx, FrameRow& row, const TimeLimits& limits, const queue::Queue* q);
  void apply_next(Transaction& tx, Live& live, const Next& next, Doc there, std::int64_t seq);
  void schedule(Transaction& tx, Live& live, const ScheduleTask& task, bool same_entry,
                std::string failures);
  void wait_as_frame(Transaction& tx, Live& live, WaitKind kind, std::optional<queue::Due> due);
  void finish(Transaction& tx, Live& live, const Finish& finish, DeadLetterId letter,
              const std::string& failures, std::int64_t attempts, const std::string& headers);
  void keep_place(Transaction& tx, const Live& live, DeadLetterId letter);
  void note_fence(Live& live);
  void end_run(Transaction& tx, const FrameRow& row, int status,
               const std::optional<std::string>& error);
  void leave_home(Transaction& tx, Live& live);
  void drop_deadlines(Transaction& tx, FrameRow& row);
  void add_dead_letter(Transaction& tx, DeadLetterId id, const FrameRow& row, queue::DeadKind kind,
                       const Fault& fault, const std::string& failures, std::int64_t attempts,
                       std::string_view headers);
  void touched(RunId run, bool ended);

  // ---- children.cc ----
  Join& join_of(Transaction& tx, std::int64_t spawn, FrameId parent);
  void look_at(Join& join);
  void follow_up(Followup what);
  // Does what steps have brought about; spawns at most `children_max`.
  void follow(Transaction& tx, int children_max = children_step);
  void tend(Transaction& tx, Join& join, int& budget);
  void continue_later(Transaction& tx, Join& join, bool continues);
  bool spawn_next(Transaction& tx, Join& join);
  void child_ended(Transaction& tx, Live& live, const Finish& finish, const Doc& result);
  bool too_many_failed(const Join& join) const;
  void fail_for_children(Join& join, const workflows::State& state, const Fault& fault,
                         std::int64_t child, bool dead_letter);
  void forget_spawn(Transaction& tx, std::int64_t spawn);
  bool sweep_spawns(Transaction& tx, std::int64_t rows_max);
  void trim_joins();
  std::int64_t concurrency(const Join& join) const;

  // ---- map_items.cc ----
  struct NextItem {
    Item item;
    Doc input;
  };
  workflows::Evaluated<std::optional<NextItem>> next_item(Transaction& tx, Join& join,
                                                          const workflows::State& state);
  workflows::Evaluated<bool> open_source(Transaction& tx, Join& join,
                                         const workflows::State& state);
  static Item item_of(const Join& join, SourceItem item);
  workflows::Evaluated<Doc> item_input(Transaction& tx, Join& join, const Item& item);

  // ---- map_results.cc ----
  void collect(Transaction& tx, Join& join);
  workflows::Evaluated<std::optional<Doc>> gather(Transaction& tx, Join& join,
                                                  const workflows::State& state);
  workflows::Evaluated<std::optional<Doc>> write_results(Transaction& tx, Join& join,
                                                         const workflows::State& state);
  struct EndedChild {
    std::int64_t index = 0;
    FrameId frame;
    ChildStatus status = ChildStatus::succeeded;
    std::int64_t result = 0, last_seq = 0;
  };
  ChildResult child_result(Reader& reader, const Join& join, const EndedChild& child);

  // ---- stopping.cc ----
  bool doomed(Transaction& tx, const FrameRow& row);
  bool stop_below(Transaction& tx, Join& join, int& budget);
  void stop_child(Transaction& tx, Live& live, Join& join);
  void tend_stopping(Transaction& tx, Join& join);
  std::optional<FrameRow> kept_frame(Reader& reader, FrameId id, std::int64_t seq);
  FrameRow origin_of(Reader& reader, FrameRow row);
  void take_up_child(Transaction& tx, Join& join, std::int64_t index);
  void move_version(Transaction& tx, FrameRow& row, std::int64_t version_id);
  void take_up(Transaction& tx, Live& live, std::vector<LogRecord> before);

  // ---- capacity.cc ----
  void await_room(Transaction& tx, Live& live, queue::Queue& q, const queue::Put& put);
  void refuse_room(Transaction& tx, Live& live, const queue::Queue& q);
  void enter_queue(Transaction& tx, Live& live);
  void leave_room_line(Transaction& tx, FrameRow& row);
  void admit(Transaction& tx);
  Status check_pressure(const workflows::Machine& machine);

  // ---- doors.cc ----
  class StepDoors;  // engine_doors.h
  void await_gate(Transaction& tx, Live& live, const AwaitGate& gate);
  void await_lock(Transaction& tx, Live& live, const AwaitLock& lock);
  void leave_door(Transaction& tx, FrameRow& row);
  void quit_flow(Transaction& tx, FrameRow& row, std::vector<LogRecord>& records);
  void open_doors(Transaction& tx);
  int grant_locks(Transaction& tx, const std::string& name, int budget);
  int open_gate(Transaction& tx, const std::string& counter, int budget);
  bool holds_lock(Transaction& tx, const FrameRow& row, const std::string& name);
  void resume_children(Transaction& tx, Live& live);

  // ---- stage_counters.cc ----
  void count_stages(Transaction& tx, const FrameRow& row, const std::vector<LogRecord>& before,
                    std::span<const Record> after);
  void count_dead(Transaction& tx, const queue::NewDeadLetter& letter);
  // Before a run goes on with another version, and before log rows are deleted.
  void mark_stages(Transaction& tx);
  void mark_stages_in_time(Transaction& tx);
  void recover_stages(Reader& reader);
  void count_live_stages(Reader& reader);
  void watch_stage(const std::string& counter);
  void follow_stage(const StageCount& stage, const std::string& workflow);
  void follow_stages();

  Result<ReleaseLock::Reply> apply(Transaction& tx, const ReleaseLock& c);
  Result<AdjustCounter::Reply> apply(Transaction& tx, const AdjustCounter& c);

  // ---- breaker_steps.cc ----
  void attempt_failed(Transaction& tx, queue::Queue& q, std::int64_t workflow, const Fault& fault);
  void attempt_succeeded(Transaction& tx, queue::Queue& q);
  void left_dead_letter(Transaction& tx, queue::Queue& q, std::int64_t workflow);
  void open_breaker(Transaction& tx, queue::Queue& q, std::int64_t workflow,
                    const std::string& reason);
  void let_go_on(Transaction& tx, queue::Queue& q, const Breaker& breaker);
  void close_breaker(Transaction& tx, queue::Queue& q, const std::string& reason);
  void tend_breakers(Transaction& tx);
  void resumed_by_hand(Transaction& tx, std::optional<QueueId> queue,
                       std::optional<WorkflowId> workflow);

  // ---- deadlock.cc ----
  // Whether a lock that `asking` waits for can never be free, since whoever holds it waits, by way
  // of locks, children or runs, for `asking`. `taken`: what it has taken in this step.
  bool would_deadlock(Transaction& tx, const FrameRow& asking,
                      const std::vector<std::string>& taken, const std::string& name);

  // ---- publishing.cc ----
  void send_from_state(Transaction& tx, Live& live, const Publish& publish);
  void send_to_queue(Transaction& tx, const Publication& message, Duration delay);

  // ---- publish_event.cc ----
  Result<PublishEvent::Reply> apply(Transaction& tx, const PublishEvent& c);
  bool wake(Transaction& tx, const EventWaiter& waiter, const PublishedEvent& event);
  Doc kept_event(Transaction& tx, FrameRow& row, const AwaitEvent& await);
  std::int64_t wake_all(Transaction& tx, const PublishedEvent& event);
  void wake_one(Transaction& tx, const PublishedEvent& event);
  void tend_events(Transaction& tx);
  void await_event(Transaction& tx, Live& live, const AwaitEvent& await, Doc there,
                   std::int64_t seq);
  void leave_event(Transaction& tx, FrameRow& row);

  // ---- topic_commands.cc ----
  Result<PublishMessages::Reply> apply(Transaction& tx, const PublishMessages& c);
  Result<PutBinding::Reply> apply(Transaction& tx, const PutBinding& c);
  Result<Unit> apply(Transaction& tx, const DeleteBinding& c);
  Result<std::vector<Route>> route(const std::vector<Publication>& messages);
  std::vector<PublishMessages::Published> deliver(Transaction& tx,
                                                  const std::vector<Publication>& messages,
                                                  const std::vector<Route>& routes);
  std::optional<Fault> deliver(Transaction& tx, const Publication& message, const Binding& binding,
                               const std::string& event_key);
  void put_published(Transaction& tx, const Publication& message, const std::string& queue_name);
  Status check_triggers(const std::string& workflow_name,
                        const std::vector<workflows::Trigger>& triggers);
  void put_triggers(Transaction& tx, const Workflow& workflow,
                    const std::vector<workflows::Trigger>& triggers);
  Result<Unit> replay_to_binding(Transaction& tx, const queue::StoredDeadLetter& letter,
                                 const std::optional<Doc>& body);

  // ---- compensation.cc ----
  void note_completed(Transaction& tx, const FrameRow& row, const Completed& stage,
                      std::int64_t seq);
  bool has_compensations(Reader& reader, RunId run);
  bool is_compensating(Reader& reader, RunId run);
  workflows::OnFailure after_failure(Transaction& tx, const FrameRow& row);
  // Holds the run or begins to undo it, instead of ending it as `status`.
  // REQUIRES: `then` is not fail; nothing below the root frame is live.
  void fail_otherwise(Transaction& tx, Live& live, workflows::OnFailure then, const Fault& fault);
  void begin_compensation(Transaction& tx, Live& live, int ends_as, const Fault& fault);
  void undo_next(Transaction& tx, Live& live, std::vector<LogRecord> before);
  void stage_undone(Transaction& tx, Live& live, const Finish& finish, DeadLetterId letter,
                    const std::string& failures, std::int64_t attempts, const std::string& headers);
  void no_longer_paused(RunId run);
  void close_letters(Transaction& tx, RunId run, queue::DeadStatus status, std::string_view reason);
  // The stage whose undoing failed is given another chance.
  Result<Unit> undo_again(Transaction& tx, const RedriveRun& c, std::optional<DeadLetterId> letter);
  // Whether a person's word is waited for: to undo a stage failed.
  bool undoing_failed(Reader& reader, const FrameRow& row);

  // ---- schedule_commands.cc ----
  Status check_schedules(const std::string& workflow_name,
                         const std::vector<workflows::Schedule>& wanted);
  void put_schedules(Transaction& tx, const Workflow& workflow,
                     const std::vector<workflows::Schedule>& wanted);
  void fire_schedules(Transaction& tx);
  void occur(Transaction& tx, ScheduleId id, WallTime at);
  RunId start_scheduled(Transaction& tx, ScheduleId id, WallTime at);
  Result<Unit> apply(Transaction& tx, const PauseSchedule& c);
  Result<RunSchedule::Reply> apply(Transaction& tx, const RunSchedule& c);

  // ---- child_runs.cc ----
  RunId create_run(Transaction& tx, Version& version, const NewRun& run);
  void start_child_run(Transaction& tx, Live& live, const StartChildRun& start);
  void child_run_ended(Transaction& tx, FrameId waiter, RunId run);
  // Something has happened to the frame; it goes on with the next batch.
  void go_on_later(Transaction& tx, Live& live, Pending pending);
  void go_on(Transaction& tx, Live& live);
  // How long queue and workflow have been paused in all. What is measured in engine time is put off
  // by what was added.
  std::int64_t pause_total(std::int64_t workflow, const queue::Queue* q);
  std::int64_t pause_total(const FrameRow& row, const queue::Queue* q);
  std::int64_t pause_total(const Lease& lease);

  // ---- loading ----
  std::optional<Live> load(Reader& reader, FrameId id);
  Live live_of(Transaction& tx, const Lease& lease);
  Doc load_doc(Reader& reader, DocRef ref);
  RunFacts facts(Reader& reader, const FrameRow& row, Version& version);

  // ---- tasks.cc ----
  Result<Held> held(Transaction& tx, const std::string& token, queue::Verb verb,
                    std::optional<TaskToken>& parsed);
  bool took_effect(Reader& reader, const TaskToken& token, queue::Verb verb);
  Result<CompleteTask::Reply> apply(Transaction& tx, const CompleteTask& c);
  Result<FailTask::Reply> apply(Transaction& tx, const FailTask& c);
  Result<HeartbeatTask::Reply> apply(Transaction& tx, const HeartbeatTask& c);
  Result<ReleaseTask::Reply> apply(Transaction& tx, const ReleaseTask& c);
  Result<Unit> settle_callback(Transaction& tx, const TaskToken& token, const Event& event,
                               queue::Verb verb);
  void fail_stage(Transaction& tx, Live live, const TaskFailed& failed, const std::string& worker,
                  WallTime since, std::int64_t attempt, std::int64_t fence, bool by_worker = false);
  void lose(Transaction& tx, const LeaseKey& key, std::string_view why);
  LogRecord started_record(const Lease& lease);
  LogRecord started_record(const Live& live);

  // ---- runs.cc, redrive.cc ----
  Result<StartRun::Reply> apply(Transaction& tx, const StartRun& c);
  Result<Unit> apply(Transaction& tx, const CancelRun& c);
  Result<Unit> apply(Transaction& tx, const PauseRun& c);
  Result<Unit> apply(Transaction& tx, const ResumeRun& c);
  Result<Unit> apply(Transaction& tx, const RedriveRun& c);
  Result<Unit> apply(Transaction& tx, const CompensateRun& c);
  Result<Unit> apply(Transaction& tx, const SkipStage& c);
  Result<Unit> apply(Transaction& tx, const FailStage& c);
  Result<Unit> redrive(Transaction& tx, const RedriveRun& c, std::optional<DeadLetterId> letter);
  // Ends the run of a root frame: at once, or when everything below it has been stopped.
  void end_from_outside(Transaction& tx, Live& live, int status, const Fault& fault,
                        bool compensate = false);
  void end_now(Transaction& tx, Live& live);
  void pause_frame(Transaction& tx, Live& live);
  void store_frame(Transaction& tx, const Live& live);
  void resume_frame(Transaction& tx, Live& live);
  void for_each_live(Transaction& tx, FrameId root, const std::function<void(Live&)>& visit);

  // ---- moving.cc ----
  Result<MoveRun::Reply> apply(Transaction& tx, const MoveRun& c);
  struct Moving {
    FrameId frame;
    Standing standing;
    bool restarts;
  };
  void judge(Transaction& tx, FrameId frame, const VersionMove& move, std::vector<Moving>& moving,
             std::vector<std::string>& refusals);
  std::shared_ptr<const VersionMap> version_map(Reader& reader, Version& before, Version& after);
  void move_run_timeout(Transaction& tx, FrameRow& row, const workflows::Machine& before,
                        const workflows::Machine& after);
  void move_live(Transaction& tx, Live& live, const VersionMap& map, Version& after,
                 Standing standing, bool restarts);

  // ---- the rest of the commands ----
  Result<DeployWorkflow::Reply> apply(Transaction& tx, const DeployWorkflow& c);
  Result<Unit> apply(Transaction& tx, const DeleteWorkflow& c);
  Result<Unit> apply(Transaction& tx, const PauseWorkflow& c);
  Result<SendMessages::Reply> apply(Transaction& tx, const SendMessages& c);
  Result<Unit> apply(Transaction& tx, const PutQueue& c);
  Result<Unit> apply(Transaction& tx, const ClearQueueSettings& c);
  Result<Unit> apply(Transaction& tx, const DeleteQueue& c);
  Result<Unit> apply(Transaction& tx, const PauseQueue& c);
  Result<PurgeQueue::Reply> apply(Transaction& tx, const PurgeQueue& c);
  Result<Unit> apply(Transaction& tx, const ReplayDeadLetter& c);
  Result<Unit> apply(Transaction& tx, const DropDeadLetter& c);
  Result<ReplayDeadLetters::Reply> apply(Transaction& tx, const ReplayDeadLetters& c);
  // What a bare message has become; nothing for what is of a run, or of a binding.
  Result<std::optional<MessageId>> replay(Transaction& tx, const ReplayDeadLetter& c);
  queue::Settings in_force(const std::optional<std::string>& operators,
                           const std::optional<std::string>& definition) const;
  Status check_room() const;
  Status check_capacity(Transaction& tx, const std::vector<NewMessage>& messages);

  // ---- letter_policies.cc ----
  void drop_old_letters(Transaction& tx);
  bool drop_old_letters(Transaction& tx, queue::Queue& q, std::int64_t& budget);

  // ---- job_commands.cc ----
  Result<StartJob::Reply> apply(Transaction& tx, const StartJob& c);
  Result<Unit> apply(Transaction& tx, const StopJob& c);
  void tend_jobs(Transaction& tx);
  void collect(Transaction& tx, Job& job);
  void end_job(Job& job, JobStatus status, std::string why);

  // ---- job_items.cc ----
  void deal(Transaction& tx, Job& job, std::int64_t& budget);
  // False: there is no room for it yet.
  bool deal_with(Transaction& tx, Job& job, std::int64_t item);
  Result<Unit> replay_item(Transaction& tx, Job& job, DeadLetterId letter);
  Result<Unit> redrive_item(Transaction& tx, Job& job, RunId run);
  // False: it is on that version already.
  Result<bool> move_item(Transaction& tx, const Job& job, RunId run);
  template <class C>
  Result<Unit> change_item(Transaction& tx, const Job& job, const C& command);
  void follow_item(Transaction& tx, Job& job, std::int64_t item, RunId run, FrameId frame,
                   std::optional<MessageId> message);
  void look_at_flight(Transaction& tx, Job& job);
  enum class Outcome { in_flight, went_on, failed_again };
  Outcome outcome_of(Transaction& tx, RunId run, FrameId frame, std::int64_t entry);
  // Some open dead letter of it was replayed as often as may be.
  bool is_set_aside(Reader& reader, RunId run);

  // ---- sessions.cc ----
  std::shared_ptr<Session> find_session(const std::string& text) const;
  void open(Transaction& tx, const std::shared_ptr<Session>& session, const SessionOptions& asked,
            bool resume, SessionWelcome& welcome);
  Status subscribe(Transaction& tx, const std::shared_ptr<Session>& session,
                   const std::string& queue_name, int credit);
  void unsubscribe(Transaction& tx, Session& session, const std::string& queue_name);
  void revoked(Transaction& tx, const std::string& token);
  void detach(Transaction& tx, Session& session, bool graceful);
  void let_go(Transaction& tx, Session& session, bool used_up);
  void check_sessions(Transaction& tx);
  void revoke(const Lease& lease);

  // ---- handouts.cc ----
  std::uint64_t start_lease(Transaction& tx, const LeaseRequest& request,
                            std::function<void(Result<std::vector<Delivery>>)> done,
                            std::uint64_t number);
  std::int64_t add_waiting_consumer(Transaction& tx, const LeaseRequest& request);
  void build_deliveries(Transaction& tx);
  Delivery delivery(Reader& reader, const queue::Handout& handout, Lease& lease);

  // ---- timers.cc, recovery.cc ----
  void fire_frames(Transaction& tx);
  void fire_deadlines(Transaction& tx);
  void expire_leases(Transaction& tx);
  void expire_messages(Transaction& tx);
  void expire_waits();
  void wait_for(Waiting waiting);
  std::optional<Waiting> take_waiting(std::uint64_t number);
  void publish();
  void mark_time(Transaction& tx);
  void recover(storage::Database& database);

  // ---- retention.cc ----
  void retain(Transaction& tx);
  bool drop_runs(Transaction& tx);
  void drop_log(Transaction& tx, RunId run, std::int64_t last_seq, std::int64_t& budget);
  bool drop_rest(Transaction& tx);
  bool drop_letters(Transaction& tx);
  bool drop_audit(Transaction& tx);
  bool give_back_pages(Transaction& tx);

  // ---- constant after construction ----
  storage::Database& database;
  const Clock& clock;
  Options options;
  Duration steady_start;
  EngineTime engine_start;
  std::unique_ptr<Tokens> tokens;

  // ---- writer thread only ----
  storage::UndoLog undo;
  queue::Queues queues{undo};
  Catalog catalog{undo};
  Events event_lines{undo};
  Jobs jobs{undo};
  Topics topics{undo};
  Schedules schedules{undo};
  Counters counters{undo};
  Breakers breakers{undo};
  Locks locks{undo};
  StageCounts stage_counts{undo};
  std::int64_t stages_marked = 0, last_letter = 0;  // as of their table: log row, dead letter
  EngineTime stages_marked_at;
  IdSource ids;
  Random random{1};
  std::int64_t log_seq = 0;
  LogEncoder encoder;             // write_log()'s own
  std::optional<Now> clock_read;  // now()'s own
  std::unordered_set<std::int64_t> paused_runs;
  std::unordered_map<std::int64_t, EngineTime>
      beats;  // frames with a heartbeat: the next is due by
  std::int64_t live_runs = 0;
  std::unordered_map<std::int64_t, std::unique_ptr<Join>> joins;  // by spawn
  std::vector<std::int64_t> open_sources;  // spawns whose list of items is open, oldest first
  Transaction* items_tx = nullptr;  // a batcher outlives the transaction: the one it makes items in
  // By version id, from and to; the last few.
  std::map<std::pair<std::int64_t, std::int64_t>, std::shared_ptr<const VersionMap>> version_maps;
  std::deque<Followup> followups;
  bool following = false;
  bool spawns_spent = true;  // there may be rows to sweep
  std::int64_t next_frame_wall = 0, next_frame_engine = 0, next_deadline = 0;  // 0: look
  bool more_due = false;
  EngineTime time_marked;
  EngineTime swept_at;
  RetentionWalk retention;
  Duration sessions_checked;
  Duration disk_checked;
  bool disk_low = false;
  std::vector<std::pair<std::shared_ptr<Consumer>, std::string>> revokes;  // this batch's
  std::unordered_map<std::int64_t, std::vector<Delivery>> deliveries;  // this batch's, by consumer
  std::vector<std::pair<RunId, bool>> touched_runs;                    // this batch's
  std::unordered_map<std::uint64_t, Waiting> waitings;
  std::unordered_map<std::int64_t, std::uint64_t> waiting_of_consumer;
  std::set<std::pair<Duration, std::uint64_t>> waiting_until;
  std::int64_t session_count = 0, detached_count = 0;  // as of the last look
  std::unordered_map<std::int64_t, std::vector<Delivery>*>
      chained;                                      // consumers whose tasks go in a batch's answer
  std::vector<std::function<void()>> after_commit;  // this batch's
  EngineStats counts;                               // published at commit

  // ---- guarded by mutex ----
  mutable std::shared_mutex mutex;
  std::unordered_map<std::int64_t, std::shared_ptr<Session>> sessions;
  struct PublishedQueue {
    QueueStats stats;
    std::vector<std::int64_t> lanes;
    EngineTime next_token;
  };
  std::vector<StageCounters> published_stages;            // by StageCount::index
  std::optional<WallTime> token_at(EngineTime at) const;  // any thread
  std::map<std::string, PublishedQueue> published_queues;
  EngineStats published;

  mutable std::mutex watch_mutex;
  std::unordered_map<WatchId, std::pair<RunId, std::function<void(bool)>>> watches;
  std::unordered_multimap<std::int64_t, WatchId> watches_of_run;
  WatchId next_watch = 1;
  std::atomic<std::int64_t> watch_count{0};

  std::atomic<std::uint64_t> next_waiting{1};
  std::unique_ptr<storage::Writer> writer;  // last: it uses all of the above
};

Error full_queue(const queue::Queue& q);
std::string sha256_hex(std::string_view text);
// The limits that are in force, as a definition says them; none is absent.
void put_limits(workflows::QueueSettings& out, const queue::Settings& in_force);
// A message's headers as a JSON object; "" for none.
std::string headers_json(const std::vector<std::pair<std::string, std::string>>& headers);
void move_locks(FlowState& flow, const workflows::Machine& before, const workflows::Machine& after);
// Whether what one version of a state spawned can be gone on with in another.
bool same_children(const workflows::State& before, const workflows::State& after);
// An error of a state as JSON for the list of a message's failures.
std::string append_failure(const std::string& failures, std::int64_t attempt,
                           std::string_view worker, WallTime started, WallTime ended,
                           const Fault& fault);

}  // namespace sluice::orchestrator
