#include "api/stream_protocol.h"

#include <array>
#include <cmath>

#include "api/body.h"
#include "api/stream_limits.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/suggest.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

constexpr std::int64_t ref_max = (std::int64_t{1} << 53) - 1;  // what every language's number holds
constexpr double delay_seconds_max = 10.0 * 365 * 86'400;
constexpr double lease_seconds_max = 7.0 * 86'400;
constexpr std::size_t queue_name_bytes_max = 256;

Duration from_seconds(double s) { return {std::llround(s * 1e6)}; }

std::optional<Duration> optional_seconds(Envelope& body, std::string_view name, double min,
                                         double max) {
  const auto value = body.optional_number(name);
  if (!value) return std::nullopt;
  if (!(*value >= min && *value <= max)) {
    body.problem(name, fmt::format("expected seconds from {} to {}, found {}", min, max, *value));
    return std::nullopt;
  }
  return from_seconds(*value);
}

std::string required_token(Envelope& body) {
  const auto token = body.required_string("token");
  if (token.empty() && body.has("token")) body.problem("token", "expected a token, found nothing");
  return std::string(token);
}

std::string required_queue(Envelope& body, std::string_view name = "queue") {
  const auto queue = body.required_string(name);
  if (body.has(name) && queue.empty()) body.problem(name, "expected a name, found an empty one");
  if (queue.size() > queue_name_bytes_max)
    body.problem(name, fmt::format("expected a name of at most {} bytes, found {}",
                                   queue_name_bytes_max, queue.size()));
  return std::string(queue);
}

// {"name": "text", …}: headers and labels, which are small.
std::vector<std::pair<std::string, std::string>> optional_texts(Envelope& body,
                                                                std::string_view name) {
  std::vector<std::pair<std::string, std::string>> texts;
  const auto raw = body.optional_raw(name);
  if (!raw || *raw == "null") return texts;
  const auto parsed = parse_json(*raw);
  if (!parsed) {
    body.problem(name, parsed.error().detail);
    return texts;
  }
  if (!parsed->is_object()) {
    body.problem(name, fmt::format("expected an object of text, found {}", parsed->type_name()));
    return texts;
  }
  for (const auto& [key, value] : parsed->items()) {
    if (value.is_string())
      texts.emplace_back(key, value.get<std::string>());
    else
      body.problem(name, fmt::format("expected text in \"{}\", found {}", key, value.type_name()));
  }
  return texts;
}

Hello read_hello(Envelope& body) {
  Hello hello;
  hello.version = body.required_integer("version", 0, ref_max);
  hello.session.worker = body.required_string("worker");
  if (body.has("worker") &&
      (hello.session.worker.empty() || hello.session.worker.size() > stream_worker_name_bytes_max))
    body.problem("worker", fmt::format("expected a name of 1 to {} bytes, found {}",
                                       stream_worker_name_bytes_max, hello.session.worker.size()));
  if (const auto session = body.optional_string("session"); session && !session->empty())
    hello.session.resume = std::string(*session);
  if (const auto holds = body.optional_string_list("holds"))
    hello.session.holds.assign(holds->begin(), holds->end());
  return hello;
}

Subscribe read_subscribe(Envelope& body) {
  Subscribe subscribe;
  subscribe.queue = required_queue(body);
  subscribe.credit = static_cast<int>(body.required_integer("credit", 1, stream_credit_max));
  const auto priority = body.optional_integer("priority", 0, 9);
  if (priority && *priority != 0)
    body.problem("priority",
                 "a subscription's priority is not offered by this version: leave it out");
  return subscribe;
}

SetCredit read_credit(Envelope& body) {
  return {.queue = required_queue(body),
          .credit = static_cast<int>(body.required_integer("credit", 0, stream_credit_max))};
}

CompleteTask read_complete(Envelope& body) {
  CompleteTask complete;
  complete.token = required_token(body);
  complete.output = Doc::from_text(std::string(body.required_raw("output")));
  return complete;
}

FailTask read_fail(Envelope& body) {
  FailTask fail;
  fail.token = required_token(body);
  if (const auto error = body.optional_string("error")) fail.error = std::string(*error);
  if (const auto cause = body.optional_string("cause")) fail.cause = std::string(*cause);
  fail.delay = optional_seconds(body, "delay_seconds", 0, delay_seconds_max);
  return fail;
}

HeartbeatTask read_heartbeat(Envelope& body) {
  return {.token = required_token(body),
          .lease = optional_seconds(body, "lease_seconds", 1, lease_seconds_max)};
}

ReleaseTask read_release(Envelope& body) {
  return {
      .token = required_token(body),
      .delay = optional_seconds(body, "delay_seconds", 0, delay_seconds_max).value_or(Duration{})};
}

StartRun read_start(Envelope& body) {
  StartRun start;
  start.workflow = required_queue(body, "workflow");
  const auto input = body.optional_raw("input");
  start.input = input ? Doc::from_text(std::string(*input)) : Doc::empty_object();
  if (const auto name = body.optional_string("name")) start.name = std::string(*name);
  start.version = body.optional_integer("version", 1, ref_max);
  if (const auto priority = body.optional_integer("priority", 0, 9))
    start.priority = static_cast<int>(*priority);
  if (const auto text = body.optional_string("not_before")) {
    start.not_before = parse_rfc3339(*text);
    if (!start.not_before)
      body.problem("not_before", "expected a time as in RFC 3339, such as 2026-01-31T12:00:00Z");
  }
  start.labels = optional_texts(body, "labels");
  return start;
}

NewMessage read_new_message(Envelope& body, const std::string& queue) {
  NewMessage message;
  message.queue = queue;
  message.body = Doc::from_text(std::string(body.required_raw("body")));
  message.headers = optional_texts(body, "headers");
  if (const auto priority = body.optional_integer("priority", 0, 9))
    message.priority = static_cast<int>(*priority);
  message.delay =
      optional_seconds(body, "delay_seconds", 0, delay_seconds_max).value_or(Duration{});
  message.expires = optional_seconds(body, "expires_seconds", 0.001, delay_seconds_max);
  if (const auto dedup = body.optional_string("dedup_id")) message.dedup_id = std::string(*dedup);
  message.order_key = order_key(body);
  return message;
}

// The messages inside, each read by `read`; their faults stand beside those of the message around
// them.
template <class T, class Read>
Result<T> read_messages(Envelope& body, T into, Read read) {
  std::vector<Problem> inside;
  const auto raw = body.required_raw("messages");
  if (body.has("messages")) {
    const auto items = scan_array(raw);
    if (!items) {
      body.problem("messages", "expected an array of messages");
    } else if (items->empty() || items->size() > batch_items_max) {
      body.problem("messages", fmt::format("expected 1 to {} messages, found {}", batch_items_max,
                                           items->size()));
    } else {
      for (std::size_t n = 0; n < items->size(); ++n) {
        auto item = Envelope::scan((*items)[n], fmt::format("/messages/{}", n));
        if (!item) {
          const auto& problems = item.error().problems;
          inside.insert(inside.end(), problems.begin(), problems.end());
          continue;
        }
        read(into, *item);
        if (const auto status = item->finish(); !status) {
          const auto& problems = status.error().problems;
          inside.insert(inside.end(), problems.begin(), problems.end());
        }
      }
    }
  }
  const auto status = body.finish();
  if (status && inside.empty()) return into;
  Error error = status ? make_error(Errc::invalid_argument, "the messages are not as expected")
                       : status.error();
  error.problems.insert(error.problems.end(), inside.begin(), inside.end());
  return error;
}

Result<SendMessages> read_send(Envelope& body) {
  const std::string queue = required_queue(body);
  return read_messages(body, SendMessages{}, [&](SendMessages& send, Envelope& item) {
    send.messages.push_back(read_new_message(item, queue));
  });
}

Result<PublishMessages> read_publish(Envelope& body) {
  const std::string topic(body.required_string("topic"));
  if (body.has("topic") && !topic_name_valid(topic))
    body.problem("topic", "a topic's name has 1 to 249 bytes and no white space");
  return read_messages(body, PublishMessages{}, [&](PublishMessages& publish, Envelope& item) {
    Publication message;
    message.topic = topic;
    if (const auto key = item.optional_string("key")) message.key = std::string(*key);
    message.body = Doc::from_text(std::string(item.required_raw("body")));
    message.headers = optional_texts(item, "headers");
    if (const auto priority = item.optional_integer("priority", 0, 9))
      message.priority = static_cast<int>(*priority);
    publish.publications.push_back(std::move(message));
  });
}

PublishEvent read_event(Envelope& body) {
  PublishEvent event;
  event.name = std::string(body.required_string("name"));
  if (const auto key = body.optional_string("key")) event.key = std::string(*key);
  const auto content = body.optional_raw("body");
  event.body = content ? Doc::from_text(std::string(*content)) : Doc::empty_object();
  return event;
}

template <class T>
Result<StreamRequest> finished(Envelope& body, T request) {
  if (auto status = body.finish(); !status) return std::move(status).error();
  return StreamRequest(std::move(request));
}

template <auto read>
Result<StreamRequest> read_one(Envelope& body) {
  return finished(body, read(body));
}
template <class T>
Result<StreamRequest> read_bare(Envelope& body) {
  return finished(body, T{});
}
template <auto read>
Result<StreamRequest> read_list(Envelope& body) {
  auto list = read(body);
  if (!list) return std::move(list).error();
  return StreamRequest(*std::move(list));
}

struct Op {
  std::string_view name;
  Result<StreamRequest> (*read)(Envelope&);
};
constexpr std::array ops = {
    Op{"complete", read_one<read_complete>},
    Op{"fail", read_one<read_fail>},
    Op{"heartbeat", read_one<read_heartbeat>},
    Op{"release", read_one<read_release>},
    Op{"credit", read_one<read_credit>},
    Op{"subscribe", read_one<read_subscribe>},
    Op{"unsubscribe",
       [](Envelope& body) { return finished(body, Unsubscribe{required_queue(body)}); }},
    Op{"revoked", [](Envelope& body) { return finished(body, Revoked{required_token(body)}); }},
    Op{"start", read_one<read_start>},
    Op{"send", read_list<read_send>},
    Op{"ping", read_bare<Ping>},
    Op{"bye", read_bare<Bye>},
    Op{"hello", read_one<read_hello>},
    Op{"publish", read_list<read_publish>},
    Op{"event", read_one<read_event>}};

StreamMessage read_message(Envelope& body) {
  StreamMessage message{body.optional_integer("ref", 0, ref_max), StreamRequest(Ping{})};
  const auto name = body.required_string("op");
  for (const Op& op : ops) {
    if (op.name != name) continue;
    message.request = op.read(body);
    return message;
  }
  if (!body.has("op") || name.empty()) {
    body.problem("op", "expected the name of an operation");
    message.request = body.finish().error();
    return message;
  }
  std::vector<std::string_view> names;
  for (const Op& op : ops) names.push_back(op.name);
  std::string detail = fmt::format("there is no operation \"{}\"", name.substr(0, 64));
  if (const auto near = suggest(name, names); !near.empty())
    detail += fmt::format("; did you mean \"{}\"?", near);
  Error error = make_error(Errc::unsupported, detail);
  error.problems.push_back({body.pointer("op"), detail});
  message.request = std::move(error);
  return message;
}

// Whether what is wrong with `text` lies deeper than one message's members, so that no ref can be
// read and an answer in order is not possible.
Result<StreamMessage> scan_message(std::string_view text) {
  auto body = Envelope::scan(text);
  if (body) return read_message(*body);
  if (auto well_formed = check_json(text); !well_formed) return std::move(well_formed).error();
  return StreamMessage{std::nullopt, std::move(body).error()};
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

void append_member(std::string& out, std::string_view name, std::int64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_integer(out, value);
}

// Whole seconds as an integer, others with their fraction.
void append_seconds(std::string& out, std::string_view name, Duration value) {
  if (value.us % 1'000'000 == 0) return append_member(out, name, value.us / 1'000'000);
  out += fmt::format(",\"{}\":{}", name, static_cast<double>(value.us) / 1e6);
}

void append_ref(std::string& out, std::optional<std::int64_t> ref) {
  if (ref) append_member(out, "ref", *ref);
}

}  // namespace

Result<std::vector<StreamMessage>> parse_frame(std::string_view text, std::size_t items_max) {
  std::vector<StreamMessage> messages;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '[') {
    auto message = scan_message(text);
    if (!message) return std::move(message).error();
    messages.push_back(*std::move(message));
    return messages;
  }
  const auto items = scan_array(text);
  if (!items) return items.error();
  if (items->size() > items_max)
    return make_error(
        Errc::invalid_argument,
        fmt::format("expected at most {} messages in a frame, found {}", items_max, items->size()));
  messages.reserve(items->size());
  for (const auto item : *items) {
    auto message = scan_message(item);
    if (!message) return std::move(message).error();
    messages.push_back(*std::move(message));
  }
  return messages;
}

void append_welcome(std::string& out, const Welcome& welcome) {
  out += R"({"op":"welcome","version":)";
  append_integer(out, stream_version);
  append_member(out, "session", welcome.session);
  out += ",\"holds\":[";
  for (std::size_t n = 0; n < welcome.holds.size(); ++n) {
    if (n > 0) out += ',';
    append_json_string(out, welcome.holds[n]);
  }
  out += ']';
  append_member(out, "now", to_rfc3339(welcome.now));
  out += R"(,"limits":{"payload_bytes_max":)";
  append_integer(out, static_cast<std::int64_t>(welcome.payload_bytes_max));
  append_member(out, "frame_bytes_max", static_cast<std::int64_t>(welcome.frame_bytes_max));
  append_member(out, "array_items_max", static_cast<std::int64_t>(welcome.array_items_max));
  append_member(out, "credit_max", welcome.credit_max);
  append_member(out, "unanswered_max", static_cast<std::int64_t>(welcome.unanswered_max));
  append_seconds(out, "hello_seconds", welcome.hello);
  append_seconds(out, "ping_seconds", welcome.ping);
  append_seconds(out, "session_grace_seconds", welcome.session_grace);
  out += "}}";
}

void append_task(std::string& out, const Delivery& task) {
  out += R"({"op":"task","token":)";
  append_json_string(out, task.token);
  append_member(out, "id", to_string(task.id));
  append_member(out, "queue", task.queue);
  out += ",\"body\":";
  out += task.body ? std::string_view(task.body.text()) : std::string_view("null");
  out += ",\"headers\":";
  out += task.headers.empty() ? std::string_view("{}") : std::string_view(task.headers);
  append_member(out, "attempt", task.attempt);
  append_member(out, "lease_until", to_rfc3339(task.lease_until));
  if (task.heartbeat) append_seconds(out, "heartbeat_seconds", *task.heartbeat);
  if (task.run) {
    append_member(out, "run", to_string(*task.run));
    append_member(out, "state", task.state);
    append_member(out, "workflow", task.workflow);
  }
  append_member(out, "idempotency_key", task.idempotency_key);
  out += '}';
}

void append_revoke(std::string& out, std::string_view token) {
  out += R"({"op":"revoke","token":)";
  append_json_string(out, token);
  out += '}';
}

void append_ok(std::string& out, std::optional<std::int64_t> ref, const AnyReply& reply) {
  out += R"({"op":"ok")";
  append_ref(out, ref);
  if (const auto* start = std::get_if<StartRun::Reply>(&reply)) {
    append_member(out, "id", to_string(start->id));
    out += start->existing ? ",\"existing\":true" : ",\"existing\":false";
  } else if (const auto* heartbeat = std::get_if<HeartbeatTask::Reply>(&reply)) {
    append_member(out, "lease_until", to_rfc3339(heartbeat->lease_until));
  } else if (const auto* sent = std::get_if<SendMessages::Reply>(&reply)) {
    out += ",\"messages\":[";
    for (std::size_t n = 0; n < sent->size(); ++n) {
      out += n > 0 ? ",{\"id\":" : "{\"id\":";
      append_json_string(out, to_string((*sent)[n].id));
      out += (*sent)[n].duplicate ? ",\"duplicate\":true}" : ",\"duplicate\":false}";
    }
    out += ']';
  } else if (const auto* published = std::get_if<PublishEvent::Reply>(&reply)) {
    append_member(out, "id", to_string(published->id));
    out += fmt::format(",\"woken\":{},\"kept\":{}", published->woken, published->kept);
  } else if (const auto* outcome = std::get_if<PublishMessages::Reply>(&reply)) {
    out += ",\"messages\":[";
    for (std::size_t n = 0; n < outcome->published.size(); ++n) {
      const auto& message = outcome->published[n];
      out +=
          fmt::format("{}{{\"routed\":{},\"dead_letters\":{}{}}}", n > 0 ? "," : "", message.routed,
                      message.dead_letters, message.queued ? ",\"queued\":true" : "");
    }
    out += ']';
  }
  out += '}';
}

void append_error(std::string& out, std::optional<std::int64_t> ref, const Error& error) {
  out += R"({"op":"error")";
  append_ref(out, ref);
  append_member(out, "code", to_string(error.code));
  append_member(out, "detail", error.detail);
  if (!error.problems.empty()) {
    out += ",\"errors\":[";
    for (std::size_t n = 0; n < error.problems.size(); ++n) {
      out += n > 0 ? ",{\"pointer\":" : "{\"pointer\":";
      append_json_string(out, error.problems[n].pointer);
      append_member(out, "detail", error.problems[n].detail);
      out += '}';
    }
    out += ']';
  }
  out += '}';
}

}  // namespace sluice::api
