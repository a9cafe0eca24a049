// What a state sends to others: messages into queues.
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {

// The message is in its queue with the transition that sends it; the frame goes on, or waits for its
// token.
void Engine::Impl::send_from_state(Transaction& tx, Live& live, const Publish& publish) {
  FrameRow& row = live.row;
  const Now time = now();
  queue::Queue& q = queues.get_or_make(tx, publish.topic, time);
  queue::Put put;
  put.id = MessageId{ids.next(time.wall)};
  put.queue = q.id;
  put.priority = row.priority;
  // A document of its own: the frame's is spoken of by its place in the log.
  put.body = Doc::from_text(publish.body.text());
  const std::string headers = headers_json(publish.headers);
  put.headers = headers;
  if (publish.delay.us > 0)
    put.due = queue::Due{queue::ClockKind::wall, (time.wall + publish.delay).us};
  queues.put(tx, put, time);
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

}  // namespace sluice::orchestrator
