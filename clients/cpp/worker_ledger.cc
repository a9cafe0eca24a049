#include "clients/worker_ledger.h"

#include <array>

#include "base/json_text.h"

namespace sluice::clients {
namespace {

constexpr std::size_t packed_frame_bytes = 64 << 10;
constexpr std::size_t packed_messages_max = 1'000;

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

std::string text_of(Envelope& message, std::string_view name) {
  return std::string(message.optional_string(name).value_or(std::string_view()));
}

// Worth sending again as it is.
bool passing(std::string_view code) {
  return code == "overloaded" || code == "disk_full" || code == "storage_failed" ||
         code == "unavailable" || code == "outcome_unknown";
}

}  // namespace

std::string WorkerLedger::hello() const {
  std::string out = R"({"op":"hello","version":1)";
  append_member(out, "worker", worker_);
  if (session_.empty()) return out + '}';
  append_member(out, "session", session_);
  out += ",\"holds\":[";
  bool first = true;
  const auto add = [&](const std::string& token) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, token);
  };
  for (const auto& [token, assignment] : working_) add(token);
  for (const auto& [ref, owed] : owed_) add(owed.token);
  return out + "]}";
}

Result<WorkerLedger::Received> WorkerLedger::receive(std::string_view frame) {
  Received received;
  std::vector<std::string_view> messages{frame};
  if (const auto first = frame.find_first_not_of(" \t\r\n");
      first != std::string_view::npos && frame[first] == '[') {
    auto items = scan_array(frame);
    if (!items) return std::move(items).error();
    messages = *std::move(items);
  }
  for (const auto message : messages) {
    auto scanned = Envelope::scan(message);
    if (!scanned) return std::move(scanned).error();
    const auto op = scanned->optional_string("op").value_or(std::string_view());
    if (op == "task") {
      on_task(message, received);
    } else if (op == "ok" || op == "error") {
      if (welcomed_)
        on_reply(message, op == "ok", received);
      else if (passing(text_of(*scanned, "code")))
        received.notes.push_back("not now: " + text_of(*scanned, "detail"));
      else
        return make_error(Errc::unsupported,
                          "the server refused hello: " + text_of(*scanned, "detail"));
    } else if (op == "revoke") {
      on_revoke(message);
    } else if (op == "welcome") {
      on_welcome(message);
      received.welcomed = true;
    }
    // Anything else is a later protocol's: ignored.
  }
  return received;
}

void WorkerLedger::disconnected() {
  welcomed_ = false;
  output_.clear();
  output_first_ = 0;
  beats_.clear();
  deferred_.clear();  // all that is owed is sent again after the next welcome
}

void WorkerLedger::on_welcome(std::string_view message) {
  auto body = *Envelope::scan(message);
  session_ = text_of(body, "session");
  if (const auto limits = body.optional_raw("limits")) {
    if (auto inner = Envelope::scan(*limits)) {
      const auto size = [&](std::string_view name, std::size_t otherwise) {
        const auto value = inner->optional_integer(name, 1, std::int64_t{1} << 40);
        return value ? static_cast<std::size_t>(*value) : otherwise;
      };
      payload_bytes_max_ = size("payload_bytes_max", payload_bytes_max_);
      frame_bytes_max_ = size("frame_bytes_max", frame_bytes_max_);
    }
  }
  const auto holds = body.optional_string_list("holds").value_or(std::vector<std::string_view>());
  for (auto at = working_.begin(); at != working_.end();) {
    const auto& [token, assignment] = *at;
    if (std::find(holds.begin(), holds.end(), token) != holds.end()) {
      ++at;
      continue;
    }
    assignment->lost = true;
    *assignment->stop = true;
    at = working_.erase(at);
  }
  welcomed_ = true;
  for (const auto& [ref, owed] : owed_) send_owed(ref, owed);
  if (taking_) send_credit("subscribe");
}

void WorkerLedger::on_task(std::string_view message, Received& received) {
  auto body = *Envelope::scan(message);
  auto assignment = std::make_shared<Assignment>();
  Task& task = assignment->task;
  task.token = text_of(body, "token");
  task.id = text_of(body, "id");
  task.queue = text_of(body, "queue");
  task.body = std::string(body.optional_raw("body").value_or("null"));
  task.headers = std::string(body.optional_raw("headers").value_or("{}"));
  task.attempt = body.optional_integer("attempt", 1, std::int64_t{1} << 53).value_or(1);
  task.run = text_of(body, "run");
  task.state = text_of(body, "state");
  task.workflow = text_of(body, "workflow");
  task.idempotency_key = text_of(body, "idempotency_key");
  task.stop = assignment->stop;
  if (const auto beat = body.optional_number("heartbeat_seconds"))
    assignment->heartbeat = std::chrono::milliseconds(static_cast<std::int64_t>(*beat * 1000));
  working_[task.token] = assignment;
  received.tasks.push_back(std::move(assignment));
}

void WorkerLedger::on_reply(std::string_view message, bool fine, Received& received) {
  auto body = *Envelope::scan(message);
  const auto number = body.optional_integer("ref", 0, std::int64_t{1} << 53);
  if (!number) return;
  const auto ref = static_cast<std::uint64_t>(*number);
  const std::string code = text_of(body, "code");
  if (const auto beat = beats_.extract(ref)) {
    const auto at = working_.find(beat.mapped());
    if (!fine && code == "stale_token" && at != working_.end()) *at->second->stop = true;
    return;
  }
  const auto at = owed_.find(ref);
  if (at == owed_.end()) {
    if (!fine) received.notes.push_back("refused: " + text_of(body, "detail"));
    return;
  }
  if (!fine && passing(code)) {
    deferred_.push_back(ref);
    return;
  }
  Owed owed = std::move(at->second);
  owed_.erase(at);
  if (fine) return;
  if (code == "stale_token" || code == "conflict" || owed.replaced) {
    received.notes.push_back("the answer to a task was refused (" + code +
                             "): " + text_of(body, "detail"));
    return;
  }
  owe({.token = std::move(owed.token),
       .outcome = Outcome::failure("Worker.OutcomeRefused", code + ": " + text_of(body, "detail")),
       .replaced = true});
}

void WorkerLedger::on_revoke(std::string_view message) {
  auto body = *Envelope::scan(message);
  const std::string token = text_of(body, "token");
  const auto at = working_.find(token);
  // Answered already, or unknown: nothing runs for it here.
  if (at == working_.end()) return send_revoked(token);
  at->second->revoked = true;
  *at->second->stop = true;
}

void WorkerLedger::finished(const std::shared_ptr<Assignment>& assignment, Outcome outcome) {
  const std::string& token = assignment->task.token;
  if (assignment->lost || working_.erase(token) == 0) return;
  // Answered only now, so that its credit brings the next task when there is a handler for it.
  if (assignment->revoked) return send_revoked(token);
  if (outcome.kind == Outcome::Kind::success) {
    if (outcome.output.size() > payload_bytes_max_)
      outcome = Outcome::failure("Worker.OutputTooLarge",
                                 fmt::format("expected an output of at most {} bytes, found {}",
                                             payload_bytes_max_, outcome.output.size()));
    else if (const auto json = check_json(outcome.output); !json)
      outcome = Outcome::failure("Worker.OutputNotJson", json.error().detail);
  }
  owe({.token = token, .outcome = std::move(outcome)});
}

void WorkerLedger::give_back(const std::shared_ptr<Assignment>& assignment) {
  finished(assignment, Outcome::release());
}

void WorkerLedger::beat(const Assignment& assignment) {
  if (!welcomed_ || assignment.lost || assignment.revoked) return;
  const std::uint64_t ref = ++last_ref_;
  beats_.emplace(ref, assignment.task.token);
  std::string out = fmt::format(R"({{"op":"heartbeat","ref":{})", ref);
  append_member(out, "token", assignment.task.token);
  output_.push_back(out + '}');
}

void WorkerLedger::stop_taking() {
  taking_ = false;
  if (welcomed_) send_credit("unsubscribe");
}

void WorkerLedger::bye() {
  if (welcomed_) output_.emplace_back(R"({"op":"bye"})");
}

void WorkerLedger::send_deferred() {
  for (const std::uint64_t ref : std::exchange(deferred_, {}))
    if (const auto at = owed_.find(ref); at != owed_.end()) send_owed(ref, at->second);
}

void WorkerLedger::send_credit(const std::string& op) {
  for (const auto& [queue, credit] : credits_) {
    std::string out = fmt::format(R"({{"op":"{}","ref":{})", op, ++last_ref_);
    append_member(out, "queue", queue);
    if (op == "subscribe") out += fmt::format(",\"credit\":{}", credit);
    output_.push_back(out + '}');
  }
}

void WorkerLedger::owe(Owed owed) {
  const std::uint64_t ref = ++last_ref_;
  const auto at = owed_.emplace(ref, std::move(owed)).first;
  if (welcomed_) send_owed(ref, at->second);
}

void WorkerLedger::send_owed(std::uint64_t ref, const Owed& owed) {
  constexpr std::array ops{"complete", "fail", "release"};
  const Outcome& outcome = owed.outcome;
  std::string out =
      fmt::format(R"({{"op":"{}","ref":{})", ops[static_cast<std::size_t>(outcome.kind)], ref);
  append_member(out, "token", owed.token);
  switch (outcome.kind) {
    case Outcome::Kind::success:
      out += ",\"output\":";
      out += outcome.output;
      break;
    case Outcome::Kind::failure:
      append_member(out, "error", outcome.error);
      append_member(out, "cause", outcome.cause);
      break;
    case Outcome::Kind::release:
      if (outcome.delay.count() > 0)
        out +=
            fmt::format(",\"delay_seconds\":{}", static_cast<double>(outcome.delay.count()) / 1000);
      break;
  }
  output_.push_back(out + '}');
}

void WorkerLedger::send_revoked(const std::string& token) {
  if (!welcomed_) return;
  std::string out = R"({"op":"revoked")";
  append_member(out, "token", token);
  output_.push_back(out + '}');
}

std::string WorkerLedger::take_frame() {
  std::string frame = std::move(output_[output_first_++]);
  std::size_t messages = 1;
  const std::size_t bytes_max = std::min(packed_frame_bytes, frame_bytes_max_);
  while (output_first_ < output_.size() && messages < packed_messages_max &&
         frame.size() + output_[output_first_].size() + 3 <= bytes_max) {
    frame += ',';
    frame += output_[output_first_++];
    ++messages;
  }
  if (output_first_ == output_.size()) {
    output_.clear();
    output_first_ = 0;
  }
  return messages == 1 ? frame : '[' + frame + ']';
}

}  // namespace sluice::clients
