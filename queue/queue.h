// Durable queues: messages that are sent, handed out under a lease, and ended or handed out again.
//
// A message is ready, delayed, blocked (behind another of its ordering key), leased or held (set
// aside by its owner), and gone once it is ended;
// what cannot be processed becomes a dead letter with every attempt's story. Taking a message lends
// it to a worker: the lease has a session, a deadline in engine time, and a fence, a number that
// grows with each hand-out of the message. A token names (message, fence); once that hand-out is
// over, the token has no further effect.
//
// The room is a usable message queue by itself and knows no workflow. A message may carry an opaque
// `owner`: whoever sent it gets it back with every event, and moves the message on (move()) instead
// of ending it. That is how a stage's message and the frame of its run are one row.
//
// Invariants:
//   - leased  <=>  the row has a lease, and Leases has it in memory.
//   - (message, fence) names one hand-out for ever.
//   - Of the messages of one queue and ordering key, only the first may be ready or leased.
//   - The counts in memory are those of the rows, after every command and after every rollback.
//
// Threads: everything here is confined to the writer thread; each change takes the batch's
// Transaction. What is kept in memory follows a rollback through the UndoLog.
//
// Failure: expected answers are values; a broken database is thrown as storage::StorageError.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/doc.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "storage/storage.h"
#include "storage/undo_log.h"

namespace sluice::queue {

using storage::Reader;
using storage::Transaction;

enum class State : int { ready = 1, delayed = 2, blocked = 3, leased = 4, held = 5 };
enum class ClockKind : int { wall = 0, engine = 1 };
struct Due {
  ClockKind clock = ClockKind::engine;
  std::int64_t us = 0;
};
struct Now {
  WallTime wall;
  EngineTime engine;
};

struct Settings {
  Duration lease = seconds(30);
  std::int64_t deliveries_max = 5;
  bool at_most_once = false;
  Duration ageing = seconds(60);  // one step of priority is worth this much waiting
  Duration dedup = seconds(300);
  // Limits; 0 is none.
  std::int64_t concurrency = 0;       // leased at a time
  double rate_per_second = 0;         // as it was given; what counts is:
  std::int64_t rate_interval_ns = 0;  // between two hand-outs, on average
  std::int64_t burst = 1;             // hand-outs at once after a rest
  bool order_blocks = false;          // a dead letter keeps its ordering key
  std::int64_t capacity = 0;          // messages, those in hands too
  bool rejects = false;               // when full; else there is a line for room
  std::int64_t waiting_max = 1'000;   // in that line, before new work is refused
  bool dedup_by_body = false;         // one without a dedup id of its own goes by its body
  Duration letters_retention{};       // open dead letters that are older go
  std::int64_t letters_max = 0;       // open dead letters; the oldest go
  std::int64_t replays_max = 0;       // then a dead letter is set aside
  struct Breaker {
    std::int64_t failures = 0, dead_letters = 0;  // 0: not counted
    Duration within = seconds(60);
    bool whole_workflow = false;  // pauses the workflow too
    Duration resume_after{};      // 0: by an operator's word
    bool operator==(const Breaker&) const = default;
  };
  std::optional<Breaker> breaker{};
  bool limited() const { return concurrency != 0 || rate_interval_ns != 0; }
  bool operator==(const Settings&) const = default;
};

inline constexpr int priority_min = 0, priority_max = 9, priority_default = 4;

// What the owner of a message wants to find again in memory while it is leased. Never the only
// copy.
struct Memo {
  virtual ~Memo() = default;
};

// Who waits for messages of one queue: a session's subscription, or a single waiting lease.
struct Consumer {
  std::int64_t id = 0;
  QueueId queue;
  SessionId session;  // 0: a waiting lease
  std::string worker;
  std::int64_t credit = 0;  // messages that may be in its hands
  std::int64_t in_hands = 0;
  std::optional<Duration> lease;  // default: the queue's
  bool once = false;              // a waiting lease: ends with its first hand-out
  bool in_line = false;
  bool gone = false;
  bool can_take() const { return !gone && in_hands < credit; }
};

struct LeaseKey {
  MessageId message;
  std::int64_t fence = 0;
  auto operator<=>(const LeaseKey&) const = default;
};
struct LeaseKeyHash {
  std::size_t operator()(const LeaseKey& k) const noexcept {
    return std::hash<MessageId>{}(k.message) ^ static_cast<std::size_t>(k.fence) * 0x9E3779B1U;
  }
};

struct Lease;
// A lease's place among those of its session. A copy of a lease has none.
struct SessionLinks {
  SessionLinks() = default;
  SessionLinks(const SessionLinks&) noexcept {}
  SessionLinks& operator=(const SessionLinks&) noexcept { return *this; }
  Lease* before = nullptr;
  Lease* after = nullptr;
};

struct Lease {
  LeaseKey key;
  QueueId queue;
  std::int64_t lane = 0;
  int priority = priority_default;
  std::int64_t attempt = 1;
  std::int64_t lost = 0;
  SessionId session;
  std::int64_t consumer = 0;  // whose hands it is in; 0 after a restart
  std::string worker;
  WallTime since;  // of the hand-out
  Duration length;
  EngineTime until;                  // the truth while the server lives
  EngineTime stored_until;           // what the row says
  std::string owner;                 // opaque; empty: a bare message
  std::shared_ptr<const Memo> memo;  // absent: decode the owner
  bool over = false;            // lost or cancelled, but still in the worker's hands (its credit)
  bool watched = false;         // its own deadline counts, not its session's
  std::int64_t pause_base = 0;  // its owner's: how long time had stood still when `until` was set
  SessionLinks links;           // the queues' own
};

// A message that was handed out in this batch; its consumer is told after the commit.
struct Handout {
  std::int64_t consumer = 0;
  LeaseKey lease;
  Doc body;  // absent: body_ref says where the owner keeps it
  std::int64_t body_ref = 0;
  std::string headers;
};

// A message to be put into a queue.
struct Put {
  MessageId id;
  QueueId queue;
  std::int64_t lane = 0;
  int priority = priority_default;
  Doc body;  // stored with the message unless body_ref is set
  std::int64_t body_ref = 0;
  std::string_view headers;  // a JSON object; "" for none
  std::string_view owner;
  std::shared_ptr<const Memo> memo;
  std::optional<Due> due;
  std::optional<WallTime> expires;
  std::int64_t attempt = 0;  // hand-outs of this work so far
  std::int64_t fence = 0;    // of its latest hand-out
  std::optional<std::string_view> failures;
  bool held = false;
  std::string_view order_key{};  // "": none
  bool same_work = false;        // the same work again: it keeps its place in its key's line
  DeadLetterId replay_of{};      // takes the place that this dead letter kept
};

struct StoredMessage {
  MessageId id;
  QueueId queue;
  std::int64_t lane = 0;
  State state = State::ready;
  int priority = priority_default;
  std::int64_t attempt = 0, lost = 0, fence = 0;
  WallTime since;
  std::optional<Due> due;
  std::optional<std::string> body;
  std::int64_t body_ref = 0;
  std::string headers, failures, owner, worker;
};

enum class DeadKind : int { stage = 1, state = 2, queue = 3, binding = 4, compensation = 5 };
enum class DeadStatus : int { open = 1, replayed = 2, dropped = 3, compensated = 4 };
struct NewDeadLetter {
  DeadLetterId id;
  DeadKind kind = DeadKind::queue;
  std::optional<QueueId> queue{};
  std::optional<RunId> run{};
  std::optional<FrameId> frame{};
  std::optional<WorkflowId> workflow{};
  std::string_view state{};
  std::string_view error{}, cause{};
  std::int64_t attempts = 0;
  int priority = priority_default;
  std::string_view body{}, headers{}, failures{};
  std::string_view topic{}, binding{}, key{};  // kind binding: which could not be served
  std::optional<MessageId> message{};          // kind queue: which it was
};
struct StoredDeadLetter {
  DeadLetterId id;
  DeadKind kind = DeadKind::queue;
  bool open = false;
  bool compensated = false;  // closed, since what the run had done is undone
  std::optional<QueueId> queue;
  std::optional<RunId> run;
  int priority = priority_default;
  std::string error, body, headers;
  std::string topic, binding, key;
  std::string order_key;  // kind queue: the message's; "": none
  std::optional<FrameId> frame{};
  std::string state{};
};

enum class Verb : int { complete = 1, fail = 2, release = 3 };

struct Lane {
  std::int64_t id = 0;
  std::int64_t ready = 0;
};

// One queue as memory knows it. Counts are exact; see Queues.
struct Queue {
  QueueId id;
  std::string name;
  Settings settings;
  std::optional<std::string> operator_settings, definition_settings;  // JSON, as stored
  bool paused = false;
  EngineTime paused_since;  // while paused
  Duration paused_total;    // all earlier pauses together
  std::int64_t ready = 0, delayed = 0, leased = 0, held = 0, dead = 0, blocked = 0;
  std::int64_t sent = 0, acknowledged = 0, failed = 0, redelivered = 0;  // since start
  std::vector<std::unique_ptr<Lane>> lanes;
  std::size_t next_lane = 0;      // whose turn it is
  std::deque<std::int64_t> line;  // consumers that may take, in turn
  std::int64_t consumers = 0;
  std::int64_t waiting = 0;       // for room
  bool roomy = false;             // somebody may be let in
  std::int64_t keyed = 0;         // places in the lines of ordering keys
  std::int64_t rate_next_ns = 0;  // engine time; see limits.cc
  bool rate_unsaved = false;
  bool probing = false;  // one message at a time, until its breaker closes
  bool limited() const { return probing || settings.limited(); }
  bool dirty = false;    // look for work for the line before the commit
  bool touched = false;  // changed since touched() was last taken
};

// All queues: their rows and what memory keeps of them.
class Queues {
 public:
  explicit Queues(storage::UndoLog& undo) : undo_(undo) {}

  // Reads what memory must know. Counts come from narrow indexes. Called once, before any command.
  void load(Reader& reader);
  std::int64_t largest_id() const { return largest_id_; }
  // How many of the messages that load() found were in a lane of their own (not 0) and not leased.
  std::int64_t loaded_in_lanes() const { return loaded_in_lanes_; }
  // What is put from now on stands behind what was put before `time`, though the clock has gone
  // back to the last mark.
  void order_from(EngineTime time) { line_clock_ = std::max(line_clock_, time.us); }

  // ---- queues ----
  Queue* find(std::string_view name);
  Queue* find(QueueId id);
  // A queue exists from its first mention.
  Queue& get_or_make(Transaction& tx, std::string_view name, Now now);
  void set_operator_settings(Transaction& tx, Queue& q, const std::optional<std::string>& json,
                             Settings in_force);
  void set_definition_settings(Transaction& tx, Queue& q, const std::optional<std::string>& json,
                               Settings in_force);
  void pause(Transaction& tx, Queue& q, bool paused, Now now);
  // How long the queue has been paused in all; work's deadlines are moved by as much.
  static Duration paused_for(const Queue& q, EngineTime now);
  void erase(Transaction& tx, Queue& q);  // REQUIRES: empty
  void pause_lane(std::int64_t lane, bool paused);
  bool lane_paused(std::int64_t lane) const { return paused_lanes_.contains(lane); }
  const std::unordered_map<std::int64_t, std::unique_ptr<Queue>>& all() const { return queues_; }

  // ---- messages ----
  // Sends a new message. If a consumer waits and nothing is ahead of it, it is written already
  // leased to it.
  void put(Transaction& tx, const Put& put, Now now);
  // The leased message's work is done and its owner goes on with the same row, elsewhere: as put(),
  // without a new row. Ends the lease.
  void move(Transaction& tx, const Lease& from, const Put& put, Now now);
  // As move(), for a message that nobody holds.
  void move_stored(Transaction& tx, const StoredMessage& from, const Put& put, Now now);
  // Ends the message: it was processed, or its owner has it now. Ends the lease.
  void remove(Transaction& tx, const Lease& lease, Now now);
  void remove_stored(Transaction& tx, const StoredMessage& message, Now now);
  // Back into the line, at once or when due. `lost` of the row becomes `lost`. Ends the lease.
  void give_back(Transaction& tx, const Lease& lease, std::optional<Due> due, std::int64_t lost,
                 const std::optional<std::string>& failures, bool hold, Now now);
  void hold(Transaction& tx, const StoredMessage& message, Now now);
  void unhold(Transaction& tx, const StoredMessage& message, std::optional<Due> due, Now now);
  std::optional<StoredMessage> stored(Reader& reader, MessageId id);

  std::optional<MessageId> find_duplicate(Transaction& tx, const Queue& q,
                                          std::string_view dedup_id, Now now);
  void remember_dedup(Transaction& tx, const Queue& q, std::string_view dedup_id, MessageId id,
                      Now now);
  // Removes at most `max` bare messages that are in nobody's hands; says how many.
  std::int64_t purge(Transaction& tx, Queue& q, std::int64_t max, Now now);

  // ---- leases ----
  Lease* find_lease(const LeaseKey& key);
  const std::unordered_map<LeaseKey, Lease, LeaseKeyHash>& leases() const { return leases_; }
  std::vector<LeaseKey> leases_of(SessionId session) const;
  // The worker let go of it (complete, fail, release, revoked): its credit comes back.
  void returned(Lease& lease);
  // Its hand-out is over, but it stays in the worker's hands until returned.
  void mark_over(Lease& lease);
  void extend(Transaction& tx, Lease& lease, EngineTime until, bool store);
  void put_off(Lease& lease, EngineTime until);  // as extend(), in memory only
  void adopt(Transaction& tx, Lease& lease, SessionId session, std::int64_t consumer);
  // The owner wrote its own column anew; what memory keeps follows.
  void set_owner(Lease& lease, std::string owner);
  // Leases of no session, or of one that is gone, whose deadline has passed.
  std::optional<EngineTime> first_deadline() const;
  std::vector<LeaseKey> past_deadline(EngineTime now, std::size_t max) const;
  // From now on the lease's own deadline counts (session = 0 or lost), or the session's does.
  void watch_deadline(Lease& lease, bool watched);

  // A verb that ended a bare message's hand-out: recognised for ten minutes.
  void remember_settled(Transaction& tx, const LeaseKey& key, Verb verb, Now now);
  std::optional<Verb> find_settled(Reader& reader, const LeaseKey& key);

  // ---- consumers ----
  std::int64_t add_consumer(Consumer consumer);
  Consumer* consumer(std::int64_t id);
  void set_credit(Consumer& c, std::int64_t credit);
  void remove_consumer(std::int64_t id);
  // Hands ready messages to those who wait. Called before the commit; what it wrote is in
  // handouts().
  void dispatch(Transaction& tx, Now now, std::int64_t max);
  std::vector<Handout>& handouts() { return handouts_; }
  // The hand-out was over before the batch ended and nobody is told of it: its credit comes back.
  void not_delivered(const Handout& handout);
  bool has_dirty() const { return !dirty_.empty(); }

  // ---- limits ----
  // How many messages the queue's limits let out at this moment; without limits: no bound.
  static std::int64_t allowance(const Queue& q, EngineTime now);
  // When the rate lets the next message out; a time that has passed: now.
  static EngineTime next_token(const Queue& q);

  // ---- time ----
  std::optional<WallTime> next_wall_due() const;
  std::optional<EngineTime> next_engine_due() const;
  // Makes delayed messages ready whose time has come; at most `max`. True: there may be more.
  bool wake_due(Transaction& tx, Now now, std::int64_t max);
  // Bare messages that were unclaimed for too long; the caller dead-letters them.
  std::vector<StoredMessage> expired(Transaction& tx, Now now, std::int64_t max);
  // Dedup ids and settled verbs past their time, and replays of messages that are gone; a step.
  void sweep(Transaction& tx, Now now);

  // ---- capacity ----
  static std::int64_t depth(const Queue& q);
  // Whether so many more may be put into it; not while somebody waits for room.
  static bool has_room(const Queue& q, std::int64_t messages = 1);
  // At the end of the line for room; the place is needed to leave it.
  std::int64_t wait_for_room(Transaction& tx, Queue& q, std::int64_t who, Now now);
  void leave_room_line(Transaction& tx, Queue& q, std::int64_t place);
  std::int64_t waiting() const { return waiting_; }  // for room, in all queues
  // Queues in which there may be room for those who wait.
  std::vector<QueueId> take_roomy();
  bool has_roomy() const { return !roomy_.empty(); }
  void touch_room(Queue& q);
  // Hands out one message at a time, or as its settings say again.
  void probe(Queue& q, bool probing);
  struct RoomWaiter {
    std::int64_t place = 0;
    std::int64_t who = 0;
  };
  // Who is to be let in now.
  std::optional<RoomWaiter> next_for_room(Transaction& tx, Queue& q);

  // ---- ordering keys ----
  // Whether the message is the first of its ordering key, or has none.
  bool first_of_key(Reader& reader, const Queue& q, MessageId id);
  std::string key_of(Reader& reader, const Queue& q, MessageId id);  // "": none
  // The message becomes a dead letter; where the queue says OrderOnDead: Block, its place in the
  // line of its key is the letter's from now on.
  void leave_to_letter(Transaction& tx, Queue& q, MessageId message, DeadLetterId letter);
  // The letter is closed; if it still has a place, the next of its key is let through.
  void free_place_of(Transaction& tx, const StoredDeadLetter& letter, Now now);

  // ---- dead letters ----
  void add_dead_letter(Transaction& tx, const NewDeadLetter& letter, Now now);
  std::optional<StoredDeadLetter> dead_letter(Reader& reader, DeadLetterId id);
  // False: it was not open.
  bool close_dead_letter(Transaction& tx, const StoredDeadLetter& letter, bool replayed,
                         std::string_view reason);
  bool close_dead_letter(Transaction& tx, const StoredDeadLetter& letter, DeadStatus status,
                         std::string_view reason);
  std::vector<StoredDeadLetter> open_dead_letters(Reader& reader, RunId run);
  std::vector<DeadLetterId> open_dead_letters(Reader& reader, std::optional<QueueId> queue,
                                              DeadLetterId after,
                                              const std::optional<std::string>& error,
                                              std::int64_t limit);

  std::int64_t count_open(Reader& reader, std::optional<QueueId> queue,
                          const std::optional<std::string>& error);

  // How often the same work was replayed before it died again: of a run the state in which it
  // failed, of a bare message the one that the first replay made and those that followed.
  std::int64_t replays(Reader& reader, const StoredDeadLetter& letter);
  // Its queue's MaxReplays has been reached.
  bool is_set_aside(Reader& reader, const StoredDeadLetter& letter);
  // REQUIRES: the letter is being replayed. `message`: what a bare one has become.
  void note_replay(Transaction& tx, const StoredDeadLetter& letter,
                   std::optional<MessageId> message);
  // What became of a message that a replay made.
  enum class Replayed { waits, ended, dead };
  Replayed look_at_replay(Reader& reader, MessageId message);

  // Queues whose numbers or settings may have changed since the last call; and names that are gone.
  std::vector<Queue*> take_touched();
  void committed();  // drops what was gone in this batch

 private:
  std::int64_t next_place(EngineTime now);
  std::int64_t rank(const Queue& q, int priority, EngineTime now);
  Consumer* next_consumer(Queue& q);
  void into_line(Consumer& c);
  Lane& lane(Queue& q, std::int64_t id);
  void count(std::int64_t& number, std::int64_t delta);
  void count_state(Queue& q, std::int64_t lane, State state, std::int64_t delta);
  Lease& add_lease(Lease lease);
  void link(Lease& lease);  // among those of its session, if it has one
  void unlink(Lease& lease);
  void drop_lease(const LeaseKey& key);
  Lease make_lease(Queue& q, const Consumer& c, const Put& put, std::int64_t fence,
                   std::int64_t attempt, Now now);
  bool may_hand_off(Queue& q, const Put& put, Now now);
  void touch_line(Queue& q);
  void hand_out(Handout handout);
  void touch(Queue& q);
  void note_due(const std::optional<Due>& due);
  void refresh_due(Transaction& tx, ClockKind clock);
  void take_token(Queue& q, EngineTime now);
  void await_token(Queue& q, EngineTime now);
  void wake_limited(EngineTime now);
  void save_rates(Transaction& tx);
  void put_settings(Queue& q, Settings settings);
  void sweep_replays(Transaction& tx, Now now);
  State enter_line(Transaction& tx, Queue& q, const Put& put, Now now);
  void leave_line(Transaction& tx, Queue& q, MessageId id, Now now);
  State move_in_line(Transaction& tx, Queue& old, Queue& q, const Put& put, Now now);
  void let_next_through(Transaction& tx, Queue& q, const std::string& key, std::int64_t place,
                        Now now);

  storage::UndoLog& undo_;
  std::unordered_map<std::int64_t, std::unique_ptr<Queue>> queues_;
  std::unordered_map<std::string, Queue*> by_name_;
  std::unordered_map<LeaseKey, Lease, LeaseKeyHash> leases_;
  std::unordered_map<SessionId, Lease*> leases_by_session_;  // the first of each; the rest by links
  std::set<std::pair<EngineTime, LeaseKey>> deadlines_;
  std::unordered_map<std::int64_t, std::unique_ptr<Consumer>> consumers_;
  std::vector<std::int64_t> gone_consumers_;
  std::vector<std::unique_ptr<Queue>> gone_queues_;
  std::unordered_set<std::int64_t> paused_lanes_;
  std::vector<Queue*> dirty_;
  std::vector<Queue*> touched_;
  std::vector<Handout> handouts_;
  std::set<std::pair<std::int64_t, std::int64_t>> token_wakes_;  // engine µs, queue
  std::vector<Queue*> rates_unsaved_;
  std::vector<QueueId> roomy_;
  std::int64_t waiting_ = 0;
  std::int64_t next_queue_ = 1, next_consumer_ = 1, largest_id_ = 0, loaded_in_lanes_ = 0;
  std::int64_t line_clock_ = 0;  // ranks grow, so that one queue's order is the order of arrival
  std::int64_t next_wall_due_ = INT64_MAX, next_engine_due_ = INT64_MAX, next_expiring_ = INT64_MAX;
  std::int64_t settled_cursor_ = 0;
};

}  // namespace sluice::queue
