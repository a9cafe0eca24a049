// Which connection speaks for which session.
//
// A worker that reconnects may arrive before the server has noticed the loss of its first
// connection. The newer one wins: it takes the session's place here first, and from then on the
// older one neither touches nor detaches the session, whatever it still does; it is only told to
// close.
//
// Thread-safe. `superseded` is called without the lock held.
#pragma once

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
  // Ends the hold. `detach` is called, under the lock, only if `holder` still had it: so a newer
  // connection cannot take the session between the look and the call. It must not block or call
  // back here.
  void leave(const std::string& session, Holder holder, const std::function<void()>& detach);

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
