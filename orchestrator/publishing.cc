// What a state sends to others: messages into queues, and to topics.
#include "base/topic_pattern.h"
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {
namespace {

// Each message a document of its own: the frame's is spoken of by its place in the log.
std::vector<Publication> publications_of(const Publish& publish, int priority) {
  std::vector<Publication> messages;
  messages.push_back(
      {publish.topic, publish.key, Doc::from_text(publish.body.text()), publish.headers, priority});
  for (const PublishedToo& also : publish.more)
    messages.push_back(
        {also.topic, also.key, Doc::from_text(also.body.text()), also.headers, priority});
  return messages;
}

// Why the messages cannot be sent; nothing: their names and keys are sound.
std::optional<std::string> refused(const std::vector<Publication>& messages, bool to_queue) {
  for (const Publication& message : messages) {
    if (to_queue && !workflows::queue_name_valid(message.topic))
      return "No queue can have the name \"" + message.topic +
             "\": expected 1 to 255 bytes without white space.";
    if (to_queue) continue;
    if (!topic_name_valid(message.topic))
      return "No topic can have the name \"" + message.topic +
             "\": expected 1 to 249 bytes without white space.";
    if (const auto key = check_topic_key(message.key); !key)
      return "A message to the topic \"" + message.topic + "\": " + key.error().detail + ".";
  }
  return std::nullopt;
}

}  // namespace

// The message has gone where it is to go with the transition that sends it; the frame goes on, or
// waits for its token.
void Engine::Impl::send_from_state(Transaction& tx, Live& live, const Publish& publish) {
  FrameRow& row = live.row;
  const auto messages = publications_of(publish, row.priority);
  auto why = refused(messages, publish.to_queue);
  std::vector<Route> routes;
  if (!why && !publish.to_queue) {
    auto found = route(messages);
    if (found)
      routes = *std::move(found);
    else
      why = found.error().detail;
  }
  std::string error = "States.Runtime";
  if (!why && publish.to_queue)
    if (const auto* q = queues.find(messages.front().topic);
        q != nullptr && !queue::Queues::has_room(*q)) {
      error = "Sluice.QueueFull";
      why = full_queue(*q).detail;
    }
  if (why) {
    Pending pending;
    pending.kind = Pending::Kind::failed;
    pending.fault = {std::move(error), std::move(*why)};
    row.token_number = 0;
    go_on_later(tx, live, std::move(pending));
    return;
  }
  if (publish.to_queue)
    send_to_queue(tx, messages.front(), publish.delay);
  else
    (void)deliver(tx, messages, routes);
  limit_time(tx, row, {Duration{}, publish.timeout, publish.heartbeat}, nullptr);
  if (publish.wait_for_task_token) {
    wait_as_frame(tx, live, WaitKind::token, std::nullopt);
    return;
  }
  Pending pending;
  pending.kind = Pending::Kind::succeeded;
  pending.output = publish.result.ref();
  go_on_later(tx, live, std::move(pending));
}

void Engine::Impl::send_to_queue(Transaction& tx, const Publication& message, Duration delay) {
  const Now time = now();
  queue::Put put;
  put.id = MessageId{ids.next(time.wall)};
  put.queue = queues.get_or_make(tx, message.topic, time).id;
  put.priority = message.priority;
  put.body = message.body;
  const std::string headers = headers_json(message.headers);
  put.headers = headers;
  if (delay.us > 0) put.due = queue::Due{queue::ClockKind::wall, (time.wall + delay).us};
  queues.put(tx, put, time);
}

}  // namespace sluice::orchestrator
