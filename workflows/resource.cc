#include "workflows/resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "workflows/parse_context.h"

namespace sluice::workflows {
namespace {

constexpr std::string_view token_suffix = ".waitForTaskToken";
constexpr std::array<std::string_view, 3> integration_patterns = {"sync", "sync:2",
                                                                  "waitForTaskToken"};
constexpr std::size_t queue_name_bytes_max = 255;

Error refusal(std::string detail) { return make_error(Errc::invalid_argument, std::move(detail)); }

// At most `parts_max` pieces; the last holds the rest. A colon inside "${…}" (a placeholder that a
// deployment tool fills in) does not separate.
std::vector<std::string_view> split(std::string_view text, std::size_t parts_max) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  bool in_placeholder = false;
  for (std::size_t i = 0; i < text.size() && parts.size() + 1 < parts_max; ++i) {
    if (text.substr(i, 2) == "${") in_placeholder = true;
    if (text[i] == '}') in_placeholder = false;
    if (text[i] == ':' && !in_placeholder) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  parts.push_back(text.substr(start));
  return parts;
}

std::string near_text(std::string_view found, std::span<const std::string_view> names) {
  const std::string name = suggest(found, names);
  return name.empty() ? name : fmt::format("; did you mean \"{}\"?", name);
}

Result<ParsedResource> parse_queue(std::string_view text) {
  ParsedResource out;
  std::string_view name = text.substr(std::string_view("queue:").size());
  if (name.ends_with(token_suffix)) {
    name.remove_suffix(token_suffix.size());
    out.resource.wait_for_task_token = true;
  } else if (const auto dot = name.rfind('.'); dot != std::string_view::npos) {
    // A queue's name may hold dots, so only what is nearly the suffix is taken for a slip.
    constexpr std::array<std::string_view, 1> suffixes = {"waitForTaskToken"};
    if (!suggest(name.substr(dot + 1), suffixes).empty()) {
      return refusal(fmt::format("{} ends with an unknown pattern; did you mean \"queue:{}{}\"?",
                                 in_quotes(text), name.substr(0, dot), token_suffix));
    }
  }
  if (!queue_name_valid(name)) {
    return refusal(fmt::format(
        "{} names no queue: expected \"queue:NAME\", the name 1 to {} bytes without white space",
        in_quotes(text), queue_name_bytes_max));
  }
  out.resource.queue = name;
  return out;
}

// run:WORKFLOW[.async], topic:NAME, event:NAME, each also with .waitForTaskToken.
Result<ParsedResource> parse_target(std::string_view text, std::string_view scheme,
                                    ResourceKind kind) {
  constexpr std::string_view async_suffix = ".async";
  ParsedResource out;
  out.resource.kind = kind;
  std::string_view name = text.substr(scheme.size());
  if (name.ends_with(token_suffix)) {
    if (kind == ResourceKind::event)
      return refusal(fmt::format(
          "{}: the event's body is the result, so nobody could give the token back; expected "
          "\"event:NAME\"",
          in_quotes(text)));
    name.remove_suffix(token_suffix.size());
    out.resource.wait_for_task_token = true;
  }
  if (kind == ResourceKind::run && name.ends_with(async_suffix)) {
    name.remove_suffix(async_suffix.size());
    out.resource.run_wait = RunWait::none;
  }
  if (const auto dot = name.rfind('.'); dot != std::string_view::npos) {
    // A name may hold dots, so only what is nearly a suffix is taken for a slip.
    constexpr std::array<std::string_view, 2> suffixes = {"waitForTaskToken", "async"};
    const std::string near = suggest(name.substr(dot + 1), suffixes);
    if (!near.empty())
      return refusal(fmt::format("{} ends with an unknown pattern; did you mean \"{}{}.{}\"?",
                                 in_quotes(text), scheme, name.substr(0, dot), near));
  }
  if (!queue_name_valid(name)) {
    return refusal(fmt::format(
        "{} names nothing: expected \"{}NAME\", the name 1 to {} bytes without white space",
        in_quotes(text), scheme, queue_name_bytes_max));
  }
  out.resource.target = name;
  return out;
}

// arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]
Result<ParsedResource> parse_function(std::string_view text) {
  ParsedResource out;
  if (text.ends_with(token_suffix)) {
    return refusal(
        fmt::format("{}: a function ARN takes no pattern; use "
                    "\"arn:aws:states:::lambda:invoke{}\" or \"queue:NAME{}\"",
                    in_quotes(text), token_suffix, token_suffix));
  }
  auto queue = function_queue(text);
  if (!queue) {
    return refusal(fmt::format(
        "{} is no function ARN: expected \"arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]\"",
        in_quotes(text)));
  }
  out.resource.queue = std::move(*queue);
  return out;
}

// SERVICE:ACTION[.PATTERN] of arn:PARTITION:states:REGION:ACCOUNT:SERVICE:ACTION[.PATTERN]
Result<ParsedResource> parse_integration(std::string_view text, std::string_view integration) {
  ParsedResource out;
  std::string_view action = integration;
  std::string_view pattern;
  if (const auto dot = integration.find('.'); dot != std::string_view::npos) {
    action = integration.substr(0, dot);
    pattern = integration.substr(dot + 1);
    if (std::ranges::find(integration_patterns, pattern) == integration_patterns.end()) {
      return refusal(fmt::format("{} ends with an unknown pattern {}: expected {}{}",
                                 in_quotes(text), in_quotes(pattern), list_of(integration_patterns),
                                 near_text(pattern, integration_patterns)));
    }
  }
  const auto colon = action.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == action.size() ||
      !queue_name_valid(action)) {
    return refusal(fmt::format(
        "{} is no service integration: expected \"arn:aws:states:::SERVICE:ACTION[.PATTERN]\"",
        in_quotes(text)));
  }
  const bool waits_for_end = pattern.starts_with("sync");
  out.resource.wait_for_task_token = pattern == "waitForTaskToken";
  const auto refuse_pattern = [&](std::string_view expected) {
    return refusal(fmt::format("{}: {} takes {}", in_quotes(text), action, expected));
  };
  // These have a meaning of their own in Sluice.
  constexpr std::pair<std::string_view, ResourceKind> of_its_own[] = {
      {"lambda:invoke", ResourceKind::lambda_invoke},
      {"sqs:sendMessage", ResourceKind::send},
      {"sns:publish", ResourceKind::topic},
      {"events:putEvents", ResourceKind::topic},
      {"http:invoke", ResourceKind::http}};
  for (const auto& [name, kind] : of_its_own) {
    if (action != name) continue;
    if (waits_for_end) return refuse_pattern("no pattern but \"waitForTaskToken\"");
    if (kind == ResourceKind::http && out.resource.wait_for_task_token)
      return refuse_pattern("no pattern");
    out.resource.kind = kind;
    return out;
  }
  if (action == "states:startExecution") {
    out.resource.kind = ResourceKind::run;
    out.resource.run_wait = pattern == "sync"     ? RunWait::described
                            : pattern == "sync:2" ? RunWait::described2
                                                  : RunWait::none;
    return out;
  }
  // A worker that is handed such a task answers when the work is done, so ".sync" says nothing
  // more.
  out.resource.kind = ResourceKind::service;
  out.resource.queue = action;
  return out;
}

Result<ParsedResource> parse_arn(std::string_view text) {
  const auto parts = split(text, 6);
  if (parts.size() < 6) {
    return refusal(
        fmt::format("{} is no ARN: expected \"arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE\"",
                    in_quotes(text)));
  }
  const std::string_view service = parts[2];
  const std::string_view resource = parts[5];
  if (service == "lambda") return parse_function(text);
  if (service == "states") {
    constexpr std::string_view activity = "activity:";
    if (!resource.starts_with(activity)) return parse_integration(text, resource);
    ParsedResource out;
    const std::string_view name = resource.substr(activity.size());
    if (!queue_name_valid(name) || name.find(':') != std::string_view::npos) {
      return refusal(fmt::format(
          "{} is no activity ARN: expected \"arn:aws:states:REGION:ACCOUNT:activity:NAME\"",
          in_quotes(text)));
    }
    out.resource.queue = name;
    return out;
  }
  ParsedResource out;
  out.resource.kind = ResourceKind::service;
  out.resource.queue = fmt::format("{}:{}", service, resource);
  if (service.empty() || resource.empty() || !queue_name_valid(out.resource.queue)) {
    return refusal(
        fmt::format("{} is no ARN: its service and resource must not be empty", in_quotes(text)));
  }
  return out;
}

Result<ParsedResource> parse_any(std::string_view text) {
  if (text.starts_with("queue:")) return parse_queue(text);
  if (text.starts_with("arn:")) return parse_arn(text);
  if (text == "http:invoke" || text == "http:invoke.waitForTaskToken") {
    ParsedResource out;
    out.resource.kind = ResourceKind::http;
    out.resource.wait_for_task_token = text.ends_with(token_suffix);
    return out;
  }
  if (text.starts_with("run:")) return parse_target(text, "run:", ResourceKind::run);
  if (text.starts_with("topic:")) return parse_target(text, "topic:", ResourceKind::topic);
  if (text.starts_with("event:")) return parse_target(text, "event:", ResourceKind::event);
  ParsedResource out;
  out.resource.kind = ResourceKind::service;
  if (text.starts_with("${") && text.ends_with("}") && queue_name_valid(text)) {
    out.resource.queue = text;
    out.warning = fmt::format(
        "{} is a placeholder that nothing has filled in; its work goes to the "
        "queue of that name",
        in_quotes(text));
    return out;
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return refusal(
        fmt::format("{} is no resource: expected \"queue:NAME\" or an ARN; did you mean "
                    "\"queue:{}\"?",
                    in_quotes(text), text));
  }
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  if (scheme == "http") {
    return refusal(
        fmt::format("{} is no resource; did you mean \"http:invoke\"?", in_quotes(text)));
  }
  constexpr std::array<std::string_view, 6> schemes = {"queue", "arn",   "run",
                                                       "topic", "event", "http"};
  // Other URIs are legal, so only what is very near to one of ours is taken for a slip.
  if (const std::string near = suggest(scheme, schemes); !near.empty()) {
    return refusal(fmt::format("{} has the unknown scheme {}; did you mean \"{}:{}\"?",
                               in_quotes(text), in_quotes(scheme), near, rest));
  }
  if (scheme.empty() || rest.empty()) {
    return refusal(
        fmt::format("{} is no resource: expected \"queue:NAME\" or an ARN", in_quotes(text)));
  }
  std::string_view queue = text;
  if (queue.ends_with(token_suffix)) {
    queue.remove_suffix(token_suffix.size());
    out.resource.wait_for_task_token = true;
  }
  out.resource.queue = queue;
  return out;
}

}  // namespace

Result<ParsedResource> parse_resource(std::string_view text) {
  if (!queue_name_valid(text.substr(0, queue_name_bytes_max)) ||
      text.size() > 2 * queue_name_bytes_max) {
    return refusal(
        fmt::format("{} is no resource: expected \"queue:NAME\" or an ARN, without white space",
                    in_quotes(text)));
  }
  auto out = parse_any(text);
  if (out) out->resource.text = text;
  return out;
}

std::optional<std::string> function_queue(std::string_view function_name) {
  std::string_view rest = function_name;
  if (rest.starts_with("arn:")) {
    const auto parts = split(rest, 7);
    if (parts.size() < 7 || parts[2] != "lambda" || parts[5] != "function") return std::nullopt;
    rest = parts[6];
  } else if (const auto parts = split(rest, 3); parts.size() == 3 && parts[1] == "function") {
    rest = parts[2];  // ACCOUNT:function:NAME[:ALIAS]
  }
  const auto parts = split(rest, 3);
  if (parts.size() > 2 || !queue_name_valid(parts[0])) return std::nullopt;
  if (parts.size() == 2 && parts[1].empty()) return std::nullopt;
  return std::string(parts[0]);
}

bool queue_name_valid(std::string_view name) {
  return !name.empty() && name.size() <= queue_name_bytes_max &&
         std::ranges::none_of(
             name, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == '\x7F'; });
}

}  // namespace sluice::workflows
