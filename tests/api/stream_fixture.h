// An engine on a virtual clock and workers that talk to it without sockets: everything happens on
// the test's thread, when the test says so.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "api/stream_conversation.h"
#include "base/clock.h"
#include "base/json.h"
#include "orchestrator/orchestrator.h"
#include "storage/storage.h"
#include "support/scratch_directory.h"
#include "workflows/workflow.h"

namespace sluice::api {

struct Service {
  explicit Service(orchestrator::Options options = {}) {
    options.seed = 1;
    database = storage::open_sqlite({.directory = directory.path()});
    engine = std::make_unique<orchestrator::Engine>(*database, clock, options);
    engine->pump();
  }

  void send(const std::string& queue, int count, const std::string& body = "1") {
    for (int n = 0; n < count; ++n) {
      orchestrator::SendMessages send;
      send.messages.emplace_back();
      send.messages.back().queue = queue;
      send.messages.back().body = Doc::from_text(body);
      done(std::move(send));
    }
  }
  void deploy(const std::string& name, const std::string& definition) {
    auto compiled = workflows::compile(definition);
    REQUIRE(compiled);
    done(orchestrator::DeployWorkflow{name, workflows::canonical_text(definition),
                                      std::move(compiled->machine)});
  }
  void cancel(const std::string& run) {
    done(orchestrator::CancelRun{*parse_id<RunTag>(run), std::nullopt});
  }
  template <class Command>
  void done(Command command) {
    bool fine = false;
    engine->submit(std::move(command), orchestrator::Engine::Callback<Command>(
                                           [&](const Result<typename Command::Reply>& reply) {
                                             fine = reply.has_value();
                                           }));
    engine->pump();
    REQUIRE(fine);
  }
  std::int64_t leased(const std::string& queue) const {
    const auto stats = engine->queue(queue);
    return stats ? stats->leased : 0;
  }

  test_support::ScratchDirectory directory;
  VirtualClock clock;
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<orchestrator::Engine> engine;
  std::shared_ptr<StreamRegistry> registry = std::make_shared<StreamRegistry>();
};

// One worker's connection.
class Peer {
 public:
  explicit Peer(Service& service, StreamLimits limits = {}) : service_(service) {
    talk_ = StreamConversation::make(
        *service.engine, service.registry,
        {.limits = limits, .payload_bytes_max = 1 << 20, .frame_bytes_max = (1 << 20) + (64 << 10)},
        [posted = posted_](std::function<void()> f) { posted->push_back(std::move(f)); }, [] {});
  }
  ~Peer() {
    if (!lost_) talk_->lost(false);
  }

  // Without letting the engine work.
  void utter(const std::string& frame) { talk_->receive(frame); }
  // Lets everything happen that is due.
  void settle() {
    do {
      service_.engine->pump();
      while (!posted_->empty()) {
        const auto f = std::move(posted_->front());
        posted_->pop_front();
        f();
      }
      service_.engine->pump();
    } while (!posted_->empty());
  }
  // What arrives at a worker that reads all the time, message by message.
  std::vector<Json> hear() {
    std::vector<Json> messages;
    settle();
    while (talk_->has_output()) {
      const Json frame = Json::parse(talk_->take_output());
      talk_->sent();
      if (frame.is_array())
        messages.insert(messages.end(), frame.begin(), frame.end());
      else
        messages.push_back(frame);
      settle();
    }
    return messages;
  }
  std::vector<Json> say(const std::string& frame) {
    utter(frame);
    return hear();
  }
  // The session's id.
  std::string hello(const std::string& more = "") {
    const auto heard = say(R"({"op":"hello","version":1,"worker":"w")" + more + "}");
    REQUIRE(heard.size() == 1);
    REQUIRE(heard[0]["op"] == "welcome");
    welcome = heard[0];
    return welcome["session"];
  }
  // The tasks that come at once.
  std::vector<Json> subscribe(const std::string& queue, int credit) {
    auto heard =
        say(fmt::format(R"({{"op":"subscribe","ref":1,"queue":"{}","credit":{}}})", queue, credit));
    REQUIRE(!heard.empty());
    REQUIRE(heard[0] == Json::parse(R"({"op":"ok","ref":1})"));
    heard.erase(heard.begin());
    return heard;
  }
  std::uint16_t closed() {
    settle();
    const auto* close = talk_->closing();
    return close == nullptr ? std::uint16_t{0} : close->code;
  }
  void lose(bool graceful = false) {
    lost_ = true;
    talk_->lost(graceful);
    settle();
  }
  StreamConversation& talk() { return *talk_; }

  Json welcome;

 private:
  Service& service_;
  std::shared_ptr<std::deque<std::function<void()>>> posted_ =
      std::make_shared<std::deque<std::function<void()>>>();
  std::shared_ptr<StreamConversation> talk_;
  bool lost_ = false;
};

inline std::string verb(std::string_view op, int ref, const Json& task,
                        std::string_view more = "") {
  return fmt::format(R"({{"op":"{}","ref":{},"token":"{}"{}}})", op, ref,
                     task["token"].get<std::string>(), more);
}

}  // namespace sluice::api
