// What waits to be sent on one worker stream, packed into frames.
//
// Messages that gather while a frame is on its way leave together, as one JSON array of about
// `frame_bytes`; a message that waits alone leaves as it is. Order is kept. The outbox refuses
// nothing: whoever fills it looks at bytes() and stops (api/stream_conversation.h). An empty outbox
// holds no memory to speak of: the few buffers that are kept for the next frame are the thread's.
//
// Confined to the connection's thread.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace sluice::api {

class StreamOutbox {
 public:
  explicit StreamOutbox(std::size_t frame_bytes) : frame_bytes_(frame_bytes) {}

  // `append(std::string& out)` appends exactly one message.
  template <class Append>
  void add(Append append) {
    Frame& frame = open_frame();
    const std::size_t before = frame.text.size();
    append(frame.text);
    bytes_ += frame.text.size() - before;
    ++frame.messages;
  }

  bool empty() const { return first_ == frames_.size(); }
  // Of the messages that have not been taken.
  std::size_t bytes() const { return bytes_; }
  // The text of the next frame. REQUIRES: !empty().
  std::string take();
  // Takes back what take() gave, once it is sent: another frame on this thread is built in it.
  static void reuse(std::string sent);

 private:
  struct Frame {
    std::string text;  // "[" and the messages, separated by commas
    std::size_t messages = 0;
    std::size_t bytes() const { return text.size() - messages; }  // without bracket and commas
  };
  Frame& open_frame();

  std::size_t frame_bytes_;
  std::vector<Frame> frames_;
  std::size_t first_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::api
