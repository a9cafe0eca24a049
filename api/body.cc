#include "api/body.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "base/topic_pattern.h"

namespace sluice::api {

Result<Envelope> open_body(const Call& call) {
  return Envelope::scan(call.body.empty() ? std::string_view("{}") : std::string_view(call.body));
}

std::optional<Duration> optional_seconds(Envelope& body, std::string_view name, std::int64_t max) {
  const auto number = body.optional_number(name);
  if (!number) return std::nullopt;
  if (!(*number >= 0) || *number > static_cast<double>(max)) {
    body.problem(name, fmt::format("expected seconds from 0 to {}", max));
    return std::nullopt;
  }
  return Duration{std::llround(*number * 1e6)};
}

std::optional<WallTime> optional_time(Envelope& body, std::string_view name) {
  const auto text = body.optional_string(name);
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) body.problem(name, "expected an RFC 3339 time such as 2026-01-31T23:59:59Z");
  return time;
}

std::optional<std::string> optional_text(Envelope& body, std::string_view name) {
  const auto text = body.optional_string(name);
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

std::string order_key(Envelope& body) {
  const auto key = body.optional_string("order_key");
  if (!key) return {};
  if (key->empty() || key->size() > workflows::order_key_bytes_max)
    body.problem("order_key", fmt::format("expected 1 to {} bytes, found {}",
                                          workflows::order_key_bytes_max, key->size()));
  return std::string(*key);
}

std::optional<Doc> optional_doc(Envelope& body, std::string_view name) {
  const auto raw = body.optional_raw(name);
  return raw ? std::optional(Doc::from_text(std::string(*raw))) : std::nullopt;
}

std::optional<orchestrator::Edit> optional_edit(Envelope& body) {
  const auto merge = body.optional_raw("merge"), patch = body.optional_raw("patch");
  if (!merge && !patch) return std::nullopt;
  if (merge && patch) {
    body.problem("patch", "expected merge or patch, not both");
    return std::nullopt;
  }
  auto document = parse_json(merge ? *merge : *patch);
  if (!document) {
    body.problem(merge ? "merge" : "patch", document.error().detail);
    return std::nullopt;
  }
  if (patch)
    if (const auto sound = orchestrator::check_patch(*document, ""); !sound) {
      for (const auto& problem : sound.error().problems)
        body.problem("patch", problem.pointer.empty() ? problem.detail
                                                      : problem.pointer + ": " + problem.detail);
      return std::nullopt;
    }
  return orchestrator::Edit{merge.has_value(), *std::move(document)};
}

Doc required_doc(Envelope& body, std::string_view name, std::size_t bytes_max) {
  const auto raw = body.required_raw(name);
  if (raw.empty()) return {};
  if (raw.size() > bytes_max) {
    body.problem(name, fmt::format("{} bytes; a payload has at most {}", raw.size(), bytes_max));
    return {};
  }
  return Doc::from_text(std::string(raw));
}

std::vector<std::pair<std::string, std::string>> optional_string_map(Envelope& body,
                                                                     std::string_view name) {
  constexpr std::size_t entries_max = 64;
  std::vector<std::pair<std::string, std::string>> entries;
  const auto raw = body.optional_raw(name);
  if (!raw || *raw == "null") return entries;
  const auto parsed = parse_json(*raw);
  if (!parsed) {
    body.problem(name, parsed.error().detail);
    return entries;
  }
  if (!parsed->is_object()) {
    body.problem(name, "expected an object whose members are strings");
    return entries;
  }
  if (parsed->size() > entries_max) {
    body.problem(name,
                 fmt::format("expected at most {} members, found {}", entries_max, parsed->size()));
    return entries;
  }
  for (const auto& [key, value] : parsed->items()) {
    if (!value.is_string()) {
      body.problem(name, "expected a string as \"" + key + "\"");
      continue;
    }
    entries.emplace_back(key, value.get<std::string>());
  }
  return entries;
}

std::vector<std::string_view> required_items(Envelope& body, std::string_view name) {
  const auto raw = body.required_raw(name);
  if (raw.empty()) return {};
  auto items = scan_array(raw);
  if (!items) {
    body.problem(name, "expected an array of items");
    return {};
  }
  if (items->empty() || items->size() > orchestrator::batch_items_max) {
    body.problem(name, fmt::format("expected 1 to {} items, found {}",
                                   orchestrator::batch_items_max, items->size()));
    return {};
  }
  return std::move(*items);
}

orchestrator::Publication read_publication(Envelope& body, std::optional<std::string> topic,
                                           std::size_t payload_bytes_max) {
  orchestrator::Publication message;
  const bool in_path = topic.has_value();
  message.topic = in_path ? std::move(*topic) : std::string(body.required_string("topic"));
  if (!in_path && body.has("topic") && !orchestrator::topic_name_valid(message.topic))
    body.problem("topic", "a topic's name has 1 to 249 bytes and no white space");
  message.key = optional_text(body, "key").value_or("");
  if (const auto key = check_topic_key(message.key); !key) body.problem("key", key.error().detail);
  message.body = required_doc(body, "body", payload_bytes_max);
  message.headers = optional_string_map(body, "headers");
  message.priority =
      static_cast<int>(body.optional_integer("priority", 0, 9).value_or(message.priority));
  return message;
}

orchestrator::LeaseRequest lease_request(Envelope& body, std::optional<std::string> queue) {
  orchestrator::LeaseRequest request;
  request.queue = queue ? std::move(*queue) : std::string(body.required_string("queue"));
  request.max = static_cast<int>(body.optional_integer("max", 1, lease_tasks_max).value_or(1));
  request.wait = optional_seconds(body, "wait", wait_seconds_max).value_or(Duration{});
  request.lease = optional_seconds(body, "lease_seconds", duration_seconds_max);
  request.worker = optional_text(body, "worker").value_or("");
  return request;
}

void Problems::add(const Error& error) {
  if (!error_) {
    error_ = error;
    return;
  }
  error_->problems.insert(error_->problems.end(), error.problems.begin(), error.problems.end());
}

}  // namespace sluice::api
