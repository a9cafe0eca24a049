// The worker stream's messages (docs/worker-stream.md): text to requests, answers to text.
//
// Pure: no engine, no socket, no clock. A request is either an engine command as it is, or one of
// the few structs below that belong to the connection. Payloads are slices of the frame's text and
// are never parsed. A message that is wrong has an Error that names every fault of it; the frame's
// other messages are not touched by it.
//
// Thread-safe (no shared state).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "orchestrator/orchestrator.h"

namespace sluice::api {

struct Hello {
  std::int64_t version = 0;
  orchestrator::SessionOptions session;
};
struct Subscribe {
  std::string queue;
  int credit = 0;
};
struct SetCredit {
  std::string queue;
  int credit = 0;
};
struct Unsubscribe {
  std::string queue;
};
struct Revoked {
  std::string token;
};
struct Ping {};
struct Bye {};

using StreamRequest =
    std::variant<Hello, Subscribe, SetCredit, Unsubscribe, Revoked, Ping, Bye,
                 orchestrator::CompleteTask, orchestrator::FailTask, orchestrator::HeartbeatTask,
                 orchestrator::ReleaseTask, orchestrator::StartRun, orchestrator::SendMessages,
                 orchestrator::PublishEvent, orchestrator::PublishMessages>;

struct StreamMessage {
  std::optional<std::int64_t> ref;  // absent also where it could not be read
  Result<StreamRequest> request;
};

// The messages of one text frame, in order. Refused as a whole, which ends the connection: bad_json
// for what is not JSON, invalid_argument for an array of more than `items_max` and for nesting too
// deep to be taken apart.
Result<std::vector<StreamMessage>> parse_frame(std::string_view text, std::size_t items_max);

struct Welcome {
  std::string session;
  std::vector<std::string> holds;
  WallTime now;
  std::size_t payload_bytes_max = 0;
  std::size_t frame_bytes_max = 0;
  std::size_t array_items_max = 0;
  std::int64_t credit_max = 0;
  std::size_t unanswered_max = 0;
  Duration hello, ping, session_grace;
};

// Each appends one message.
void append_welcome(std::string& out, const Welcome& welcome);
void append_task(std::string& out, const orchestrator::Delivery& task);
void append_revoke(std::string& out, std::string_view token);
void append_ok(std::string& out, std::optional<std::int64_t> ref,
               const orchestrator::AnyReply& reply);
void append_error(std::string& out, std::optional<std::int64_t> ref, const Error& error);

}  // namespace sluice::api
