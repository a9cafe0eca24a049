#include "api/stream_mailbox.h"

#include <utility>

#include "base/round.h"

namespace sluice::api {

bool StreamMailbox::put(Item item) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (!wake_) return false;
    items_.push_back(std::move(item));
    if (items_.size() == 1) first = !std::exchange(waking_, true);
  }
  if (first) Round::at_end([self = shared_from_this()] { self->wake(); });
  return true;
}

void StreamMailbox::wake() {
  const std::lock_guard lock(mutex_);
  waking_ = false;
  if (wake_ && !items_.empty()) wake_();
}

std::vector<StreamMailbox::Item> StreamMailbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(items_, {});
}

std::vector<StreamMailbox::Item> StreamMailbox::close() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  return std::exchange(items_, {});
}

}  // namespace sluice::api
