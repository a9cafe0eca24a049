// What is said on one worker stream (docs/worker-stream.md): frames in, frames out, the engine
// behind.
//
// Knows the engine and no socket. The transport (api/stream_session.cc) gives it every frame that
// comes, sends what it has, reads only while it wants input, and closes when it says so.
//
// Invariants:
//   - Answers leave in the order of the requests, whatever the order in which the engine gives
//   them.
//   - A task of a queue leaves after the answer to its first subscribe.
//   - What waits to be sent is bounded: over `pause_bytes` the engine is told to hand out nothing
//   more and
//     no input is wanted; over `full_bytes` further tasks are released unsent.
//   - The session is detached at most once, and not at all when a newer connection has taken it
//   over or
//     when the server stops (its leases then run on, so that a worker keeps its work over a
//     restart).
//
// Threads: confined to the connection's thread; the engine's callbacks arrive through a
// StreamMailbox.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/stream_limits.h"
#include "api/stream_mailbox.h"
#include "api/stream_outbox.h"
#include "api/stream_protocol.h"
#include "api/stream_registry.h"

namespace sluice::api {

class StreamConversation : public std::enable_shared_from_this<StreamConversation> {
 public:
  struct Close {
    std::uint16_t code = 1000;
    std::string reason;
  };
  struct Options {
    StreamLimits limits;
    std::size_t payload_bytes_max = 0;
    std::size_t frame_bytes_max = 0;
  };
  // Runs a function on the connection's thread; callable from any thread.
  using Post = std::function<void(std::function<void()>)>;

  // `engine` must outlive the conversation and its callbacks. `changed` is called on the
  // connection's thread after anything from the engine: there may be output, a wish for input, or a
  // close.
  static std::shared_ptr<StreamConversation> make(orchestrator::Engine& engine,
                                                  std::shared_ptr<StreamRegistry> registry,
                                                  Options options, Post post,
                                                  std::function<void()> changed);

  // ---- what comes ----
  void receive(std::string_view text);  // one text frame
  void receive_binary();
  void alive();          // a WebSocket ping or pong
  void hello_is_late();  // ends the conversation unless hello came
  void stop();           // the server stops: what was asked is still answered
  // The connection is over. `graceful`: closed by the worker with 1000. To be called exactly once,
  // last.
  void lost(bool graceful);

  // ---- what goes ----
  bool wants_input() const;
  bool has_output() const { return !outbox_.empty(); }
  std::string take_output();  // REQUIRES: has_output() and the last one was sent
  void sent();
  // Set when nothing is left to be said; output that is left then is not worth sending.
  const Close* closing() const;

 private:
  enum class Phase { expecting_hello, opening, open, leaving, over };
  struct Pending {  // a request that has no answer yet
    std::optional<std::int64_t> ref;
    std::optional<Result<orchestrator::AnyReply>> reply;
    std::string subscribed;  // the queue, of a subscribe
  };
  struct Subscription {
    int credit = 0;
    int unanswered = 0;  // subscribes on their way; tasks are held back until the first is answered
    std::vector<orchestrator::Delivery> held;
  };

  StreamConversation(orchestrator::Engine& engine, std::shared_ptr<StreamRegistry> registry,
                     Options options, std::function<void()> changed);

  void wake();
  void take_messages();
  void take_message(StreamMessage message);
  void open(Hello hello);
  void take_over(const std::string& session);
  void welcome(Result<orchestrator::SessionWelcome> opened);
  void request(std::optional<std::int64_t> ref, StreamRequest request);
  void subscribe(std::optional<std::int64_t> ref, std::string queue, int credit);
  template <class Command>
  void submit(std::optional<std::int64_t> ref, Command command);
  std::uint64_t expect(std::optional<std::int64_t> ref);
  void answer_now(std::optional<std::int64_t> ref, Result<orchestrator::AnyReply> reply);
  void answered(std::uint64_t request, Result<orchestrator::AnyReply> reply);
  void send_answers();
  void deliver(std::vector<orchestrator::Delivery> tasks);
  void send_task(const orchestrator::Delivery& task);
  void release_unsent(const orchestrator::Delivery& task);
  void watch_room();
  void give_credit(bool pause);
  // Says what is wrong, answers what was asked before, and closes.
  void end_with(Error error, std::uint16_t code);
  void leave(std::uint16_t code, std::string reason);
  void cut(std::uint16_t code, std::string reason);  // at once, nothing more is said
  void note_session(const StreamMailbox::Opened& opened);
  void detach(bool graceful);

  orchestrator::Engine& engine_;
  const std::shared_ptr<StreamRegistry> registry_;
  const Options options_;
  const std::function<void()> changed_;
  const StreamRegistry::Holder holder_;
  std::shared_ptr<StreamMailbox> mailbox_;

  Phase phase_ = Phase::expecting_hello;
  std::string session_;  // "" until welcome
  std::string resumed_;
  bool stopping_ = false;
  bool released_ = false;  // the session is no longer ours, or was detached
  std::optional<Close> close_;

  std::deque<StreamMessage> messages_;  // taken in, not yet looked at
  std::deque<Pending> pending_;
  std::uint64_t pending_first_ = 0;  // the number of pending_.front()
  std::unordered_map<std::string, Subscription> subscriptions_;
  StreamOutbox outbox_;
  std::size_t sending_bytes_ = 0;
  bool paused_ = false;
};

}  // namespace sluice::api
