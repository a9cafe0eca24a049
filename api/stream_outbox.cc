#include "api/stream_outbox.h"

#include "base/check.h"

namespace sluice::api {

namespace {

constexpr std::size_t spares_max = 4;
constexpr std::size_t spare_bytes_max = 256 << 10;
thread_local std::vector<std::string> spares;

}  // namespace

void StreamOutbox::reuse(std::string sent) {
  if (spares.size() >= spares_max || sent.capacity() > spare_bytes_max) return;
  sent.clear();
  spares.push_back(std::move(sent));
}

StreamOutbox::Frame& StreamOutbox::open_frame() {
  if (!empty() && frames_.back().text.size() < frame_bytes_) {
    frames_.back().text += ',';
    return frames_.back();
  }
  frames_.emplace_back();
  if (!spares.empty()) {
    frames_.back().text = std::move(spares.back());
    spares.pop_back();
  }
  frames_.back().text += '[';
  return frames_.back();
}

std::string StreamOutbox::take() {
  SLUICE_CHECK(!empty(), "a frame that waits");
  Frame frame = std::move(frames_[first_]);
  bytes_ -= frame.bytes();
  if (++first_ == frames_.size()) {
    frames_ = {};
    first_ = 0;
  } else if (first_ >= 64 && first_ * 2 >= frames_.size()) {
    frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  if (frame.messages == 1)
    frame.text.erase(0, 1);
  else
    frame.text += ']';
  return std::move(frame.text);
}

}  // namespace sluice::api
