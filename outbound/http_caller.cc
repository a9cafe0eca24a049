#include "outbound/http_caller.h"

#include <chrono>

namespace sluice::outbound {
namespace {

constexpr auto look_every = std::chrono::milliseconds(500);
constexpr int renew_every = 20;  // looks

}  // namespace

// What the engine holds; the caller may be gone before it.
class HttpCaller::Hands final : public orchestrator::Consumer {
 public:
  explicit Hands(HttpCaller* caller) : caller_(caller) {}
  void deliver(std::vector<orchestrator::Delivery> tasks) override {
    const std::lock_guard lock(mutex_);
    if (caller_ != nullptr) caller_->taken(std::move(tasks));
  }
  void revoke(const std::string& token) override {
    const std::lock_guard lock(mutex_);
    if (caller_ != nullptr) caller_->revoke(token);
  }
  template <class F>
  void with(F f) {
    const std::lock_guard lock(mutex_);
    if (caller_ != nullptr) f(*caller_);
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    caller_ = nullptr;
  }

 private:
  std::mutex mutex_;
  HttpCaller* caller_;
};

HttpCaller::HttpCaller(orchestrator::Engine& engine, const Clock& clock, HttpCallerOptions options)
    : engine_(engine), clock_(clock), options_(options), hands_(std::make_shared<Hands>(this)) {}

HttpCaller::~HttpCaller() { stop(); }

void HttpCaller::start() {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this] { keep_time(); });
  subscribe();
}

void HttpCaller::subscribe() {
  engine_.open_session({.worker = "sluice http", .resume = {}, .holds = {}}, hands_,
                       [hands = hands_](Result<orchestrator::SessionWelcome> welcome) {
                         if (!welcome) return;  // the engine stops
                         hands->with([&](HttpCaller& caller) {
                           {
                             const std::lock_guard lock(caller.mutex_);
                             caller.session_ = welcome->id;
                           }
                           caller.engine_.subscribe(welcome->id, http_queue,
                                                    2 * caller.options_.threads,
                                                    [](const Status&) {});
                         });
                       });
}

// A process that stood still for a while has lost its session, and is not told of it.
void HttpCaller::renew(const std::string& session) {
  engine_.subscribe(session, http_queue, 2 * options_.threads,
                    [hands = hands_](const Status& status) {
                      if (status || status.error().code != Errc::not_found) return;
                      hands->with([](HttpCaller& caller) { caller.subscribe(); });
                    });
}

void HttpCaller::stop() {
  std::string session;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    session = session_;
    waiting_.clear();
    for (const auto& [token, work] : in_hand_) work->call->abort(false);
  }
  changed_.notify_all();
  hands_->leave();
  for (std::thread& thread : threads_) thread.join();
  // What was in hand is handed out again: at the next start, or to another server's caller.
  if (!session.empty()) engine_.detach_session(session, hands_.get(), true);
}

void HttpCaller::taken(std::vector<orchestrator::Delivery> tasks) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  for (auto& task : tasks) {
    auto work = std::make_shared<Work>();
    work->task = std::move(task);
    if (work->task.heartbeat) work->beat_at = clock_.steady_now();
    in_hand_[work->task.token] = work;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_all();
}

void HttpCaller::revoke(const std::string& token) {
  const std::lock_guard lock(mutex_);
  const auto found = in_hand_.find(token);
  if (found == in_hand_.end()) return;
  found->second->revoked = true;
  found->second->call->abort(false);
}

void HttpCaller::work() {
  for (;;) {
    std::shared_ptr<Work> work;
    bool revoked = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
      revoked = work->revoked;
    }
    std::optional<workflows::Evaluated<Doc>> result;
    if (!revoked) {
      const auto request = parse_http_request(work->task.body.text());
      if (!request) {
        result = workflows::Failure{"Http.InvalidRequest", request.error().detail};
      } else {
        {
          const std::lock_guard lock(mutex_);
          work->deadline = clock_.steady_now() + request->timeout;
        }
        result = work->call->run(*request, work->task.idempotency_key,
                                 {.allow_private = options_.allow_private,
                                  .response_bytes_max = engine_.options().payload_bytes_max});
      }
    }
    std::string session;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      in_hand_.erase(work->task.token);
      revoked = work->revoked;
      session = session_;
    }
    if (revoked)
      engine_.revoked(session, work->task.token);
    else
      answer(work->task, *std::move(result));
  }
}

void HttpCaller::answer(const orchestrator::Delivery& task, workflows::Evaluated<Doc> result) {
  // A refused answer is a task that is no longer ours: whoever has it now answers it.
  if (result)
    engine_.submit(orchestrator::CompleteTask{.token = task.token, .output = *std::move(result)},
                   [](const Result<Unit>&) {});
  else
    engine_.submit(orchestrator::FailTask{.token = task.token,
                                          .error = result.failure().error,
                                          .cause = result.failure().cause,
                                          .delay = {}},
                   [](const Result<Unit>&) {});
}

void HttpCaller::keep_time() {
  std::unique_lock lock(mutex_);
  int looks = 0;
  while (!changed_.wait_for(lock, look_every, [&] { return stopping_; })) {
    const Duration now = clock_.steady_now();
    std::vector<std::string> beats;
    for (const auto& [token, work] : in_hand_) {
      if (work->deadline && *work->deadline <= now) {
        work->call->abort(true);
        work->deadline.reset();
      }
      if (work->task.heartbeat && work->beat_at <= now) {
        beats.push_back(token);
        work->beat_at = now + Duration{work->task.heartbeat->us / 3};
      }
    }
    const std::string session = session_;
    lock.unlock();
    if (!session.empty()) engine_.touch(session);
    if (!session.empty() && ++looks % renew_every == 0) renew(session);
    for (std::string& token : beats)
      engine_.submit(orchestrator::HeartbeatTask{.token = std::move(token), .lease = {}},
                     [](const Result<orchestrator::HeartbeatTask::Reply>&) {});
    lock.lock();
  }
}

}  // namespace sluice::outbound
