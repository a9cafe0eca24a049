// What a Task on no queue of its own asks for: messages to topics and queues, and events.
#include <fmt/format.h>

#include <map>

#include "base/md5.h"
#include "orchestrator/service_answer.h"
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::excerpt;
using workflows::Failure;
using workflows::Resource;
using workflows::ResourceKind;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t send_delay_seconds_max = 900;
constexpr std::size_t entries_max = 10;  // of events:putEvents

const Json* member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Failure cannot_use(std::string_view what, std::string_view expected, const Json& found) {
  return {"States.Runtime",
          fmt::format("{} must be {}, but was: {}", what, expected, excerpt(found, 200))};
}

// A text member; nothing if it is absent.
workflows::Evaluated<std::string> text_member(const Json& object, std::string_view name) {
  const Json* found = member(object, name);
  if (found == nullptr) return std::string();
  if (!found->is_string()) return cannot_use(name, "a text", *found);
  return found->get<std::string>();
}

// What stands behind the last of `separator`: "orders" of "arn:aws:sns:eu-west-1:1234:orders".
std::string last_part(const std::string& text, char separator) {
  const auto at = text.rfind(separator);
  return at == std::string::npos ? text : text.substr(at + 1);
}

std::optional<Failure> add_headers(const Json& object, Headers& headers) {
  const Json* given = member(object, "Headers");
  if (given == nullptr) return std::nullopt;
  if (!given->is_object()) return cannot_use("Headers", "an object of texts", *given);
  for (const auto& [name, value] : given->items()) {
    if (!value.is_primitive() || value.is_null())
      return cannot_use("Headers", "an object of texts", *given);
    headers.emplace_back(name, value.is_string() ? value.get<std::string>() : to_text(value));
  }
  return std::nullopt;
}

// The service's MessageAttributes, {"name": {"DataType": …, "StringValue": …}}, as headers. In
// `digest` what the service computes MD5OfMessageAttributes of.
std::optional<Failure> add_attributes(const Json& object, Headers& headers, std::string& digest) {
  const Json* given = member(object, "MessageAttributes");
  if (given == nullptr) return std::nullopt;
  constexpr std::string_view expected =
      R"(an object of {"DataType": …, "StringValue": …} or {…, "BinaryValue": …})";
  if (!given->is_object()) return cannot_use("MessageAttributes", expected, *given);
  std::map<std::string, std::string> sorted;
  for (const auto& [name, attribute] : given->items()) {
    const Json* type = member(attribute, "DataType");
    const Json* text = member(attribute, "StringValue");
    const Json* bytes = member(attribute, "BinaryValue");
    const Json* value = text != nullptr ? text : bytes;
    if (type == nullptr || !type->is_string() || value == nullptr || value->is_structured())
      return cannot_use("MessageAttributes", expected, *given);
    const std::string content = value->is_string() ? value->get<std::string>() : to_text(*value);
    headers.emplace_back(name, content);
    std::string& out = sorted[name];
    const auto add = [&out](const std::string& part) {
      for (const int shift : {24, 16, 8, 0})
        out += static_cast<char>((part.size() >> shift) & 0xFF);
      out += part;
    };
    add(name);
    add(type->get<std::string>());
    out += text != nullptr ? '\1' : '\2';
    add(content);
  }
  for (const auto& [name, part] : sorted) digest += part;
  return std::nullopt;
}

// A body that is handed on as it is; JSON in a text stays a text.
Doc body_of(const Json* body) { return Doc::from_json(body == nullptr ? Json() : *body); }

}  // namespace

Walk::Evaluated<Publish> Walk::publication(const workflows::TaskState& body, const Doc& given) {
  if (body.resource.kind == ResourceKind::send) return to_queue(given);
  if (body.resource.target.empty()) return to_topic(body.resource, given);
  // topic:NAME
  Publish out;
  out.topic = body.resource.target;
  if (!body.arguments) {
    out.body = given;
  } else {
    const Json& arguments = given.json();
    auto key = text_member(arguments, "Key");
    if (!key) return std::move(key.failure());
    out.key = *std::move(key);
    if (auto failure = add_headers(arguments, out.headers)) return *std::move(failure);
    out.body = body_of(member(arguments, "Body"));
  }
  Json result = Json::object();
  result["MessageId"] = made_uuid(chance_);
  out.result = Doc::from_json(std::move(result));
  return out;
}

// sns:publish and events:putEvents, whose arguments name the topic.
Walk::Evaluated<Publish> Walk::to_topic(const Resource& resource, const Doc& given) {
  const Json& arguments = given.json();
  Publish out;
  Json answer = Json::object();
  if (resource.text.find("putEvents") == std::string::npos) {
    auto arn = text_member(arguments, member(arguments, "TopicArn") ? "TopicArn" : "TargetArn");
    if (!arn) return std::move(arn.failure());
    out.topic = last_part(*arn, ':');
    const Json* message = member(arguments, "Message");
    if (out.topic.empty() || message == nullptr)
      return cannot_use("What sns:publish is given", "an object with TopicArn and Message",
                        arguments);
    out.body = body_of(message);
    if (const Json* subject = member(arguments, "Subject"); subject && subject->is_string())
      out.headers.emplace_back("Subject", subject->get<std::string>());
    std::string digest;
    if (auto failure = add_attributes(arguments, out.headers, digest)) return *std::move(failure);
    answer["MessageId"] = made_uuid(chance_);
    const std::size_t bytes = 294;  // of the service's XML around the id
    out.result = service_answer(std::move(answer), bytes, "text/xml", chance_, now_);
    return out;
  }

  constexpr std::string_view expected =
      R"(a list of 1 to 10 objects {"EventBusName", "Source", "DetailType", "Detail"})";
  const Json* entries = member(arguments, "Entries");
  if (entries == nullptr || !entries->is_array() || entries->empty() ||
      entries->size() > entries_max)
    return cannot_use("Entries", expected, entries == nullptr ? arguments : *entries);
  answer["Entries"] = Json::array();
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const Json& entry = (*entries)[i];
    if (!entry.is_object()) return cannot_use("Entries", expected, *entries);
    auto bus = text_member(entry, "EventBusName");
    if (!bus) return std::move(bus.failure());
    auto source = text_member(entry, "Source");
    if (!source) return std::move(source.failure());
    auto type = text_member(entry, "DetailType");
    if (!type) return std::move(type.failure());
    PublishedToo message;
    message.topic = bus->empty() ? "default" : last_part(last_part(*bus, ':'), '/');
    message.key = *std::move(type);
    message.body = body_of(member(entry, "Detail"));
    if (!source->empty()) message.headers.emplace_back("Source", *std::move(source));
    Json id = Json::object();
    id["EventId"] = made_uuid(chance_);
    answer["Entries"].push_back(std::move(id));
    if (i > 0) {
      out.more.push_back(std::move(message));
      continue;
    }
    out.topic = std::move(message.topic);
    out.key = std::move(message.key);
    out.body = std::move(message.body);
    out.headers = std::move(message.headers);
  }
  answer["FailedEntryCount"] = 0;
  const std::size_t bytes = to_text(answer).size();
  out.result =
      service_answer(std::move(answer), bytes, "application/x-amz-json-1.1", chance_, now_);
  return out;
}

// sqs:sendMessage
Walk::Evaluated<Publish> Walk::to_queue(const Doc& given) {
  const Json& arguments = given.json();
  Publish out;
  out.to_queue = true;
  auto url = text_member(arguments, "QueueUrl");
  if (!url) return std::move(url.failure());
  out.topic = last_part(last_part(*url, '/'), ':');
  const Json* message = member(arguments, "MessageBody");
  // A URL of a host alone leads to no queue.
  if (const auto scheme = url->find("://");
      scheme != std::string::npos && url->find('/', scheme + 3) == std::string::npos)
    return Failure{"SQS.SdkClientException",
                   fmt::format("Unable to execute HTTP request: {}: there is no queue in this URL",
                               url->substr(scheme + 3))};
  if (workflows::queue_name_valid(out.topic) && (message == nullptr || message->is_null()))
    return Failure{"SQS.AmazonSQSException",
                   fmt::format("The request must contain the parameter MessageBody. (Service: "
                               "AmazonSQS; Status Code: 400; Error Code: MissingParameter; Request "
                               "ID: {}; Proxy: null)",
                               made_uuid(chance_))};
  if (!workflows::queue_name_valid(out.topic) || message == nullptr)
    return cannot_use("What sqs:sendMessage is given", "an object with QueueUrl and MessageBody",
                      arguments);
  out.body = body_of(message);
  auto group = text_member(arguments, "MessageGroupId");
  if (!group) return std::move(group.failure());
  out.key = *std::move(group);
  if (const Json* delay = member(arguments, "DelaySeconds")) {
    const double count = delay->is_number() ? delay->get<double>() : -1;
    if (!(count >= 0 && count <= static_cast<double>(send_delay_seconds_max)))
      return cannot_use("DelaySeconds", fmt::format("0 to {}", send_delay_seconds_max), *delay);
    out.delay = microseconds(static_cast<std::int64_t>(count * 1e6));
  }
  std::string digest;
  if (auto failure = add_attributes(arguments, out.headers, digest)) return *std::move(failure);

  Json answer = Json::object();
  if (!digest.empty()) answer["MD5OfMessageAttributes"] = md5_hex(digest);
  answer["MD5OfMessageBody"] =
      md5_hex(message->is_string() ? message->get<std::string>() : out.body.text());
  answer["MessageId"] = made_uuid(chance_);
  const std::size_t bytes = to_text(answer).size();
  out.result =
      service_answer(std::move(answer), bytes, "application/x-amz-json-1.0", chance_, now_);
  return out;
}

Walk::Evaluated<AwaitEvent> Walk::event(const Resource& resource,
                                        const std::optional<workflows::Value>& form,
                                        const Doc& given) {
  AwaitEvent out;
  out.name = resource.target;
  if (!form) return out;
  auto key = text_member(given.json(), "Key");
  if (!key) return std::move(key.failure());
  out.key = *std::move(key);
  if (out.key.size() > event_key_bytes_max)
    return Failure{"States.Runtime",
                   fmt::format("The Key of the event \"{}\" has {} bytes; at most {} are allowed.",
                               out.name, out.key.size(), event_key_bytes_max)};
  return out;
}

}  // namespace sluice::orchestrator
