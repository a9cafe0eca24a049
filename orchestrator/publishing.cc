// What a state sends to others: messages into queues, and to topics. A topic has no bindings yet:
// what is published to it stands in the queue "topic:NAME", where whoever subscribes to that queue
// takes it.
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {

// The message is in its queue with the transition that sends it; the frame goes on, or waits for
// its token.
void Engine::Impl::send_from_state(Transaction& tx, Live& live, const Publish& publish) {
  FrameRow& row = live.row;
  const Now time = now();
  const auto put_into = [&](const std::string& name, const std::string& key, const Doc& body,
                            std::vector<std::pair<std::string, std::string>> headers) {
    queue::Queue& q = queues.get_or_make(tx, publish.to_queue ? name : "topic:" + name, time);
    queue::Put put;
    put.id = MessageId{ids.next(time.wall)};
    put.queue = q.id;
    put.priority = row.priority;
    // A document of its own: the frame's is spoken of by its place in the log.
    put.body = Doc::from_text(body.text());
    if (!publish.to_queue && !key.empty()) headers.emplace_back("Key", key);
    const std::string as_json = headers_json(headers);
    put.headers = as_json;
    if (publish.delay.us > 0)
      put.due = queue::Due{queue::ClockKind::wall, (time.wall + publish.delay).us};
    queues.put(tx, put, time);
  };
  const auto name_of = [&](const std::string& name) {
    return publish.to_queue ? name : "topic:" + name;
  };
  std::vector<std::string> names{name_of(publish.topic)};
  for (const PublishedToo& also : publish.more) names.push_back(name_of(also.topic));
  for (const std::string& name : names) {
    if (workflows::queue_name_valid(name)) continue;
    Pending refused;
    refused.kind = Pending::Kind::failed;
    refused.fault = {"States.Runtime", "No queue can have the name \"" + name +
                                           "\": expected 1 to 255 bytes without white space."};
    row.token_number = 0;
    go_on_later(tx, live, std::move(refused));
    return;
  }
  put_into(publish.topic, publish.key, publish.body, publish.headers);
  for (const PublishedToo& also : publish.more)
    put_into(also.topic, also.key, also.body, also.headers);
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
