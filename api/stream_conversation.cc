#include "api/stream_conversation.h"

#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/round.h"

namespace sluice::api {

using namespace orchestrator;

namespace {

constexpr std::uint16_t close_normal = 1000;
constexpr std::uint16_t close_going_away = 1001;
constexpr std::uint16_t close_not_text = 1003;
constexpr std::uint16_t close_not_json = 1007;
constexpr std::uint16_t close_policy = 1008;
constexpr std::uint16_t close_failed = 1011;
constexpr std::uint16_t close_taken_over = 4001;

// Around body and headers: names, ids, times.
constexpr std::size_t task_envelope_bytes = 512;

template <class Reply>
Result<AnyReply> widen(Result<Reply> reply) {
  if (!reply) return std::move(reply).error();
  return AnyReply(*std::move(reply));
}

}  // namespace

std::shared_ptr<StreamConversation> StreamConversation::make(
    Engine& engine, std::shared_ptr<StreamRegistry> registry, Options options, Post post,
    std::function<void()> changed) {
  std::shared_ptr<StreamConversation> made(
      new StreamConversation(engine, std::move(registry), options, std::move(changed)));
  made->mailbox_ =
      std::make_shared<StreamMailbox>([post = std::move(post), weak = std::weak_ptr(made)] {
        post([weak] {
          if (const auto self = weak.lock()) self->wake();
        });
      });
  return made;
}

StreamConversation::StreamConversation(Engine& engine, std::shared_ptr<StreamRegistry> registry,
                                       Options options, std::function<void()> changed)
    : engine_(engine),
      registry_(std::move(registry)),
      options_(options),
      changed_(std::move(changed)),
      holder_(registry_->enroll()),
      outbox_(options.limits.packed_frame_bytes) {}

// ---- what comes ----

void StreamConversation::receive(std::string_view text) {
  if (phase_ == Phase::leaving || phase_ == Phase::over) return;
  alive();
  auto messages = parse_frame(text, stream_array_items_max);
  if (!messages) {
    const bool no_json = messages.error().code == Errc::bad_json;
    return end_with(std::move(messages).error(), no_json ? close_not_json : close_policy);
  }
  for (auto& message : *messages) messages_.push_back(std::move(message));
  take_messages();
}

void StreamConversation::receive_binary() { leave(close_not_text, "text frames only"); }

void StreamConversation::alive() {
  if (!session_.empty() && !released_) engine_.touch(session_);
}

void StreamConversation::hello_is_late() {
  if (phase_ != Phase::expecting_hello) return;
  end_with(
      make_error(Errc::invalid_argument, "expected hello as the first message, found none in time"),
      close_policy);
}

void StreamConversation::stop() {
  stopping_ = true;
  leave(close_going_away, "the server stops");
}

void StreamConversation::lost(bool graceful) {
  phase_ = Phase::over;
  // A session that was opened and not yet noticed is ours to detach as well.
  for (const auto& item : mailbox_->close())
    if (const auto* opened = std::get_if<StreamMailbox::Opened>(&item)) note_session(*opened);
  detach(graceful);
}

void StreamConversation::take_messages() {
  // What came in one frame goes to the engine together.
  const Round round;
  while (!messages_.empty() && (phase_ == Phase::expecting_hello || phase_ == Phase::open)) {
    StreamMessage message = std::move(messages_.front());
    messages_.pop_front();
    take_message(std::move(message));
  }
  watch_room();
}

void StreamConversation::take_message(StreamMessage message) {
  if (phase_ == Phase::expecting_hello) {
    if (!message.request) {
      answer_now(message.ref, std::move(message.request).error());
      return leave(close_policy, "expected hello");
    }
    auto* hello = std::get_if<Hello>(&*message.request);
    if (hello == nullptr)
      return end_with(
          make_error(Errc::invalid_argument, "expected hello as the first message, found another"),
          close_policy);
    return open(std::move(*hello));
  }
  if (!message.request) return answer_now(message.ref, std::move(message.request).error());
  request(message.ref, *std::move(message.request));
}

// ---- the session ----

void StreamConversation::open(Hello hello) {
  if (hello.version != stream_version)
    return end_with(
        make_error(Errc::unsupported, fmt::format("expected protocol version {}, found {}",
                                                  stream_version, hello.version)),
        close_policy);
  phase_ = Phase::opening;
  resumed_ = hello.session.resume.value_or("");
  if (!resumed_.empty()) take_over(resumed_);
  engine_.open_session(std::move(hello.session), mailbox_,
                       [mailbox = mailbox_, &engine = engine_](Result<SessionWelcome> opened) {
                         const std::string id = opened ? opened->id : std::string();
                         if (mailbox->put(StreamMailbox::Opened{std::move(opened)}) || id.empty())
                           return;
                         engine.detach_session(
                             id, mailbox.get(),
                             /*graceful=*/false);  // the connection was lost meanwhile
                       });
}

void StreamConversation::take_over(const std::string& session) {
  registry_->take(session, holder_, [mailbox = std::weak_ptr(mailbox_)] {
    if (const auto box = mailbox.lock()) box->put(StreamMailbox::Superseded{});
  });
}

void StreamConversation::welcome(Result<SessionWelcome> opened) {
  if (!resumed_.empty() && (!opened || opened->id != resumed_)) registry_->leave(resumed_, holder_);
  if (!opened) {
    const bool stops = opened.error().code == Errc::unavailable;
    return end_with(std::move(opened).error(), stops ? close_going_away : close_failed);
  }
  session_ = opened->id;
  if (session_ != resumed_) take_over(session_);
  if (phase_ != Phase::opening) return;  // stopped meanwhile
  phase_ = Phase::open;
  outbox_.add([&](std::string& out) {
    append_welcome(out, {.session = session_,
                         .holds = std::move(opened->taken_back),
                         .now = engine_.wall_now(),
                         .payload_bytes_max = options_.payload_bytes_max,
                         .frame_bytes_max = options_.frame_bytes_max,
                         .array_items_max = stream_array_items_max,
                         .credit_max = stream_credit_max,
                         .unanswered_max = options_.limits.unanswered_max,
                         .hello = options_.limits.hello_timeout,
                         .ping = {options_.limits.idle_timeout.us / 2},
                         .session_grace = engine_.options().session_grace});
  });
  take_messages();
}

void StreamConversation::note_session(const StreamMailbox::Opened& opened) {
  if (opened.welcome) session_ = opened.welcome->id;
}

void StreamConversation::detach(bool graceful) {
  if (std::exchange(released_, true)) return;
  registry_->leave(session_.empty() ? resumed_ : session_, holder_);
  if (!session_.empty() && !stopping_) engine_.detach_session(session_, mailbox_.get(), graceful);
}

// ---- requests ----

void StreamConversation::request(std::optional<std::int64_t> ref, StreamRequest request) {
  std::visit(
      [&](auto&& wanted) {
        using T = std::decay_t<decltype(wanted)>;
        if constexpr (std::is_same_v<T, Hello>) {
          answer_now(ref, make_error(Errc::conflict, "this connection has said hello already"));
        } else if constexpr (std::is_same_v<T, Subscribe>) {
          if (!subscriptions_.contains(wanted.queue) &&
              subscriptions_.size() >= options_.limits.queues_max)
            return answer_now(ref, make_error(Errc::invalid_argument,
                                              fmt::format("at most {} queues on one connection",
                                                          options_.limits.queues_max)));
          subscribe(ref, std::move(wanted.queue), wanted.credit);
        } else if constexpr (std::is_same_v<T, SetCredit>) {
          if (!subscriptions_.contains(wanted.queue))
            return answer_now(ref, make_error(Errc::not_found, "not subscribed: " + wanted.queue));
          subscribe(ref, std::move(wanted.queue), wanted.credit);
        } else if constexpr (std::is_same_v<T, Unsubscribe>) {
          auto gone = subscriptions_.extract(wanted.queue);
          if (!gone)
            return answer_now(ref, make_error(Errc::not_found, "not subscribed: " + wanted.queue));
          for (const Delivery& task : gone.mapped().held) release_unsent(task);
          engine_.unsubscribe(
              session_, std::move(wanted.queue),
              [mailbox = mailbox_, number = expect(ref)](Status status) {
                mailbox->put(StreamMailbox::Answer{number, widen(std::move(status))});
              });
        } else if constexpr (std::is_same_v<T, Revoked>) {
          engine_.revoked(session_, std::move(wanted.token));
        } else if constexpr (std::is_same_v<T, Ping>) {
          answer_now(ref, AnyReply(Unit{}));
        } else if constexpr (std::is_same_v<T, Bye>) {
          leave(close_normal, "");
        } else {
          submit(ref, std::move(wanted));
        }
      },
      std::move(request));
}

void StreamConversation::subscribe(std::optional<std::int64_t> ref, std::string queue, int credit) {
  const std::uint64_t number = expect(ref);
  pending_.back().subscribed = queue;
  Subscription& subscription = subscriptions_[queue];
  subscription.credit = credit;
  ++subscription.unanswered;
  engine_.subscribe(session_, std::move(queue), paused_ ? 0 : credit,
                    [mailbox = mailbox_, number](Status status) {
                      mailbox->put(StreamMailbox::Answer{number, widen(std::move(status))});
                    });
}

template <class Command>
void StreamConversation::submit(std::optional<std::int64_t> ref, Command command) {
  engine_.submit(std::move(command),
                 Engine::Callback<Command>([mailbox = mailbox_, number = expect(ref)](
                                               Result<typename Command::Reply> reply) {
                   mailbox->put(StreamMailbox::Answer{number, widen(std::move(reply))});
                 }));
}

std::uint64_t StreamConversation::expect(std::optional<std::int64_t> ref) {
  pending_.push_back({.ref = ref, .reply = std::nullopt, .subscribed = {}});
  return pending_first_ + pending_.size() - 1;
}

void StreamConversation::answer_now(std::optional<std::int64_t> ref, Result<AnyReply> reply) {
  answered(expect(ref), std::move(reply));
}

void StreamConversation::answered(std::uint64_t request, Result<AnyReply> reply) {
  // Neither ok nor error would be true: the worker asks again after it has reconnected.
  if (!reply && reply.error().code == Errc::outcome_unknown)
    return cut(close_failed, "the outcome is unknown");
  SLUICE_CHECK(request >= pending_first_ && request - pending_first_ < pending_.size(),
               "an answer to a request that waits for one");
  pending_[request - pending_first_].reply = std::move(reply);
  send_answers();
}

void StreamConversation::send_answers() {
  while (!pending_.empty() && pending_.front().reply) {
    Pending done = std::move(pending_.front());
    pending_.pop_front();
    ++pending_first_;
    const bool fine = done.reply->has_value();
    outbox_.add([&](std::string& out) {
      if (fine)
        append_ok(out, done.ref, **done.reply);
      else
        append_error(out, done.ref, done.reply->error());
    });
    if (done.subscribed.empty()) continue;
    const auto at = subscriptions_.find(done.subscribed);
    if (at == subscriptions_.end()) continue;
    if (at->second.unanswered > 0) --at->second.unanswered;
    const auto held = std::exchange(at->second.held, {});
    for (const Delivery& task : held) send_task(task);
  }
  if (phase_ == Phase::leaving && pending_.empty() && close_ && close_->code == close_normal)
    detach(/*graceful=*/true);
}

// ---- from the engine ----

void StreamConversation::wake() {
  for (auto& item : mailbox_->take()) {
    if (phase_ == Phase::over) {
      if (const auto* opened = std::get_if<StreamMailbox::Opened>(&item)) note_session(*opened);
      continue;
    }
    std::visit(
        [&](auto&& what) {
          using T = std::decay_t<decltype(what)>;
          if constexpr (std::is_same_v<T, StreamMailbox::Answer>) {
            answered(what.request, std::move(what.reply));
          } else if constexpr (std::is_same_v<T, StreamMailbox::Opened>) {
            welcome(std::move(what.welcome));
          } else if constexpr (std::is_same_v<T, StreamMailbox::Revoke>) {
            if (phase_ == Phase::open)
              outbox_.add([&](std::string& out) { append_revoke(out, what.token); });
          } else if constexpr (std::is_same_v<T, StreamMailbox::Superseded>) {
            released_ = true;
            cut(close_taken_over, "another connection took the session over");
          } else {
            deliver(std::move(what));
          }
        },
        std::move(item));
  }
  watch_room();
  changed_();
}

void StreamConversation::deliver(std::vector<Delivery> tasks) {
  // After bye nobody would work on them; the detaching that follows releases them.
  if (phase_ != Phase::open) return;
  for (Delivery& task : tasks) {
    const auto at = subscriptions_.find(task.queue);
    if (at != subscriptions_.end() && at->second.unanswered > 0)
      at->second.held.push_back(std::move(task));
    else
      send_task(task);
  }
}

void StreamConversation::send_task(const Delivery& task) {
  const std::size_t bytes =
      task.headers.size() + task_envelope_bytes + (task.body ? task.body.size_bytes() : 0);
  if (outbox_.bytes() + sending_bytes_ + bytes > options_.limits.full_bytes && !outbox_.empty()) {
    // First no more credit, else the engine would hand the same task back.
    if (!paused_) give_credit(/*pause=*/true);
    return release_unsent(task);
  }
  outbox_.add([&](std::string& out) { append_task(out, task); });
}

void StreamConversation::release_unsent(const Delivery& task) {
  engine_.submit(ReleaseTask{.token = task.token, .delay = {}},
                 Engine::Callback<ReleaseTask>([](const Status&) {}));
}

// ---- what goes ----

bool StreamConversation::wants_input() const {
  if (phase_ != Phase::expecting_hello && phase_ != Phase::open) return false;
  return messages_.empty() && !paused_ && pending_.size() < options_.limits.unanswered_max;
}

std::string StreamConversation::take_output() {
  std::string text = outbox_.take();
  sending_bytes_ = text.size();
  return text;
}

void StreamConversation::sent() {
  sending_bytes_ = 0;
  watch_room();
}

void StreamConversation::watch_room() {
  const std::size_t waiting = outbox_.bytes() + sending_bytes_;
  if (!paused_ && waiting > options_.limits.pause_bytes)
    give_credit(/*pause=*/true);
  else if (paused_ && waiting <= options_.limits.pause_bytes / 4)
    give_credit(/*pause=*/false);
}

void StreamConversation::give_credit(bool pause) {
  paused_ = pause;
  if (phase_ != Phase::open) return;
  for (const auto& [queue, subscription] : subscriptions_)
    if (subscription.credit > 0)
      engine_.subscribe(session_, queue, pause ? 0 : subscription.credit, [](const Status&) {});
}

const StreamConversation::Close* StreamConversation::closing() const {
  if (!close_) return nullptr;
  if (phase_ == Phase::over) return &*close_;
  return pending_.empty() && outbox_.empty() && sending_bytes_ == 0 ? &*close_ : nullptr;
}

void StreamConversation::end_with(Error error, std::uint16_t code) {
  std::string reason = error.detail;
  answer_now(std::nullopt, std::move(error));
  leave(code, std::move(reason));
}

void StreamConversation::leave(std::uint16_t code, std::string reason) {
  if (phase_ == Phase::leaving || phase_ == Phase::over) return;
  phase_ = Phase::leaving;
  messages_.clear();
  close_ = Close{code, std::move(reason)};
  send_answers();
}

void StreamConversation::cut(std::uint16_t code, std::string reason) {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  messages_.clear();
  close_ = Close{code, std::move(reason)};
}

}  // namespace sluice::api
