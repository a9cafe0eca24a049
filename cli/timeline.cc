#include "cli/timeline.h"

#include "cli/values.h"

namespace sluice::cli {
namespace {

Tone tone_of_event(std::string_view type) {
  const auto ends_with = [&](std::string_view end) { return type.ends_with(end); };
  if (ends_with("Failed") || ends_with("TimedOut") || type == "DeadLettered") return Tone::bad;
  if (ends_with("Aborted") || ends_with("Retried") || ends_with("Paused") || ends_with("Skipped"))
    return Tone::warn;
  if (type == "ExecutionSucceeded" || type == "TaskSucceeded") return Tone::good;
  return Tone::plain;
}

std::string pad(std::string text, int width) {
  const int gap = width - display_width(text);
  if (gap > 0) text.append(static_cast<std::size_t>(gap), ' ');
  return text;
}

// What an event says beyond its type, time and state: the short members first, payloads last.
std::string details(const Json& event, bool full) {
  std::string text;
  const auto add = [&](std::string_view label, const std::string& value) {
    if (value.empty()) return;
    text +=
        (text.empty() ? "" : "  ") + (label.empty() ? value : fmt::format("{} {}", label, value));
  };
  const Json& nested = member(event, "detail");
  const auto find = [&](std::string_view name) -> const Json& {
    const Json& own = member(event, name);
    return own.is_null() ? member(nested, name) : own;
  };
  const auto short_text = [&](std::string_view name) {
    const Json& value = find(name);
    if (value.is_null()) return std::string();
    return printable(value.is_string() ? value.get<std::string>() : to_text(value));
  };
  add("", short_text("error"));
  add("", short_text("cause"));
  add("queue", short_text("queue"));
  add("attempt", short_text("attempt"));
  add("by", short_text("worker"));
  add("until", short_text("until"));
  add("", short_text("lock"));
  add("", short_text("counter"));
  add("by", short_text("add"));
  for (const char* payload : {"input", "output"}) {
    const Json& value = find(payload);
    if (!value.is_null()) add("", full ? printable(to_text(value)) : one_line(value, 60));
  }
  return text;
}

}  // namespace

std::string timeline_line(const Terminal& terminal, const Json& event,
                          std::optional<WallTime> start, bool full) {
  const auto at = time_of(event, "at");
  std::string offset =
      at && start ? fmt::format("+{:.3f} s", static_cast<double>((*at - *start).us) / 1e6) : "";
  offset.insert(0, static_cast<std::size_t>(std::max(0, 12 - display_width(offset))), ' ');
  const std::string type = text_of(event, "type");
  std::string line = paint(terminal, Tone::dim, offset) + "  " +
                     paint(terminal, tone_of_event(type), pad(type, 22)) + "  ";
  int used = 12 + 2 + std::max(22, display_width(type)) + 2;
  const std::string state = pad(text_of(event, "state"), 12);
  line += state + "  ";
  used += display_width(state) + 2;
  std::string rest = details(event, full);
  if (!full && terminal.is_terminal) rest = shorten(rest, std::max(20, terminal.width - used - 1));
  line += rest;
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string waiting_line(const Terminal& terminal, const Json& waiting) {
  std::string sentence = text_of(waiting, "sentence");
  if (sentence.empty())
    sentence = fmt::format("waits for {} {}", text_of(waiting, "kind"), text_of(waiting, "name"));
  const std::string state = text_of(waiting, "state");
  const std::string since = age_of(waiting, "since");
  return (state.empty() ? "" : paint(terminal, Tone::strong, state) + ": ") + sentence +
         (since.empty() ? "" : paint(terminal, Tone::dim, fmt::format(" (since {})", since)));
}

}  // namespace sluice::cli
