#include "api/stream_mailbox.h"

#include <utility>

namespace sluice::api {

bool StreamMailbox::put(Item item) {
  const std::lock_guard lock(mutex_);
  if (!wake_) return false;
  items_.push_back(std::move(item));
  if (items_.size() == 1) wake_();
  return true;
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
