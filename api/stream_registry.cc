#include "api/stream_registry.h"

#include <utility>

namespace sluice::api {

StreamRegistry::Holder StreamRegistry::enroll() {
  const std::lock_guard lock(mutex_);
  return ++last_;
}

void StreamRegistry::take(const std::string& session, Holder holder,
                          std::function<void()> superseded) {
  Entry before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(sessions_[session], Entry{holder, std::move(superseded)});
  }
  if (before.holder != 0 && before.holder != holder && before.superseded) before.superseded();
}

void StreamRegistry::leave(const std::string& session, Holder holder) {
  const std::lock_guard lock(mutex_);
  const auto at = sessions_.find(session);
  if (at != sessions_.end() && at->second.holder == holder) sessions_.erase(at);
}

std::size_t StreamRegistry::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace sluice::api
