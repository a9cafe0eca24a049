// Where the engine leaves what it has for one worker stream.
//
// The engine's writer thread calls back once per answer, per hand-out and per revoke; after a
// commit that is hundreds of calls for one connection. They gather here, and the connection's
// thread is woken once for all of them, at the end of the writer's round (base/round.h).
//
// Threads: thread-safe; nothing blocks. After close() nothing is posted any more, so the
// connection's executor need not outlive the engine's callbacks; what comes later is told that it
// came too late.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "orchestrator/orchestrator.h"

namespace sluice::api {

class StreamMailbox final : public orchestrator::Consumer,
                            public std::enable_shared_from_this<StreamMailbox> {
 public:
  struct Answer {
    std::uint64_t request = 0;
    Result<orchestrator::AnyReply> reply;
  };
  struct Opened {
    Result<orchestrator::SessionWelcome> welcome;
  };
  struct Revoke {
    std::string token;
  };
  struct Superseded {};
  using Item =
      std::variant<Answer, Opened, Revoke, Superseded, std::vector<orchestrator::Delivery>>;

  // REQUIRES: owned by a shared_ptr. `wake` makes the connection's thread call take(); called from
  // any thread, under the lock.
  explicit StreamMailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  // False if the mailbox is closed: the item is dropped.
  bool put(Item item);
  void deliver(std::vector<orchestrator::Delivery> tasks) override { put(std::move(tasks)); }
  void revoke(const std::string& token) override { put(Revoke{token}); }

  std::vector<Item> take();
  // Gives what was not taken.
  std::vector<Item> close();

 private:
  void wake();

  std::mutex mutex_;
  std::function<void()> wake_;  // guarded by mutex_; empty once closed
  std::vector<Item> items_;     // guarded by mutex_
  bool waking_ = false;         // guarded by mutex_: wake() is put off
};

}  // namespace sluice::api
