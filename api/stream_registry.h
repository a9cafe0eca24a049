// Which connection speaks for which session.
//
// A worker that reconnects may arrive before the server has noticed the loss of its first
// connection. The newer one wins, in the engine as well as here; the older one is told, so that it
// closes.
//
// Thread-safe. `superseded` is called without the lock held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

namespace sluice::api {

class StreamRegistry {
 public:
  using Holder = std::uint64_t;  // one connection; 0 is none

  // A number for a new connection.
  Holder enroll();
  // Makes `holder` the session's connection; the earlier one's `superseded` is called, on this
  // thread.
  void take(const std::string& session, Holder holder, std::function<void()> superseded);
  // Ends the hold, unless a newer connection has it.
  void leave(const std::string& session, Holder holder);

  std::size_t size() const;

 private:
  struct Entry {
    Holder holder = 0;
    std::function<void()> superseded;
  };
  mutable std::mutex mutex_;
  Holder last_ = 0;                                  // guarded by mutex_
  std::unordered_map<std::string, Entry> sessions_;  // guarded by mutex_
};

}  // namespace sluice::api
