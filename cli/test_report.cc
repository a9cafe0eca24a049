#include "cli/test_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {
namespace {

using laboratory::Outcome;
using laboratory::Step;

constexpr int payload_columns = 48, payload_columns_min = 16, at_columns = 12;

std::string time_told(Duration d) { return d.us == 0 ? "0 s" : humane(d); }
std::string since(WallTime at, WallTime start) { return "+" + time_told(at - start); }

std::string payload(const Json& value, bool full, int columns) {
  return full ? printable(to_text(value)) : one_line(value, columns);
}

std::string padded(std::string text, int columns) {
  const int missing = columns - display_width(text);
  if (missing > 0) text.append(static_cast<std::size_t>(missing), ' ');
  return text;
}

std::string ending(const Terminal& terminal, const TestReport& report, bool full) {
  const Outcome& o = report.outcome;
  std::string text;
  if (o.end == Outcome::End::ended) {
    text = paint(terminal, status_tone(o.status), o.status) +
           fmt::format(" after {}", time_told(o.at - o.started_at));
    if (o.output) text += ": " + payload(o.output.json(), full, 4 * payload_columns);
    if (!o.error.empty()) text += ": " + printable(o.error);
    if (o.cause && !o.cause->empty()) text += ": " + printable(*o.cause);
    text += "\n";
  } else {
    text = paint(terminal, Tone::bad, "STUCK") +
           fmt::format(" after {}{}\n", time_told(o.at - o.started_at),
                       o.end == Outcome::End::bounded ? ": it goes on without end" : "");
    for (const auto& wait : o.waits) text += "  " + printable(wait) + "\n";
  }
  if (!report.checked || o.end != Outcome::End::ended) return text;
  if (report.unmet.empty()) return text + paint(terminal, Tone::good, "as expected") + "\n";
  text += paint(terminal, Tone::bad, "not as expected") + "\n";
  for (const auto& line : report.unmet) text += "  " + printable(line) + "\n";
  return text;
}

}  // namespace

std::string text_of(const Terminal& terminal, const TestReport& report, bool full) {
  int name_columns = 0;
  for (const auto& step : report.steps)
    name_columns = std::max(name_columns, display_width(step.state) + 2 * step.depth);
  const int columns =
      terminal.is_terminal
          ? std::max(payload_columns_min, (terminal.width - name_columns - at_columns - 16) / 2)
          : payload_columns;
  std::string text;
  for (const auto& step : report.steps) {
    const std::string indent(static_cast<std::size_t>(2 * step.depth), ' ');
    text += padded("  " + since(step.entered, report.outcome.started_at), at_columns) + "  " +
            paint(terminal, Tone::strong, padded(indent + printable(step.state), name_columns)) +
            "  " + padded(step.type, 8) + "  " + payload(step.input, full, columns);
    if (step.output) text += " -> " + payload(*step.output, full, columns);
    text += "\n";
    for (const auto& note : step.notes)
      text += padded("  " + since(note.at, report.outcome.started_at), at_columns) + "    " +
              indent + paint(terminal, Tone::warn, printable(note.text)) + "\n";
  }
  return text + ending(terminal, report, full);
}

Json to_json(const TestReport& report) {
  const Outcome& o = report.outcome;
  Json all = Json::object();
  all["workflow"] = report.workflow;
  all["status"] = o.end == Outcome::End::ended ? Json(o.status) : Json("STUCK");
  if (o.output) all["output"] = o.output.json();
  if (!o.error.empty()) all["error"] = o.error;
  if (o.cause) all["cause"] = *o.cause;
  all["seconds"] = static_cast<double>((o.at - o.started_at).us) / 1e6;
  if (!o.waits.empty()) all["waits"] = o.waits;
  if (report.checked) all["unmet"] = report.unmet;
  all["steps"] = Json::array();
  for (const auto& step : report.steps) {
    Json s = Json::object();
    s["state"] = step.state;
    s["type"] = step.type;
    s["depth"] = step.depth;
    s["entered_at"] = to_rfc3339(step.entered);
    if (step.left) s["left_at"] = to_rfc3339(*step.left);
    s["input"] = step.input;
    if (step.output) s["output"] = *step.output;
    s["notes"] = Json::array();
    for (const auto& note : step.notes)
      s["notes"].push_back({{"at", to_rfc3339(note.at)}, {"text", note.text}});
    all["steps"].push_back(std::move(s));
  }
  return all;
}

std::string text_of(const Terminal& terminal, const laboratory::StateAnswer& answer, bool full) {
  const std::string status(to_string(answer.status));
  const bool good = answer.status == laboratory::StateAnswer::Status::succeeded ||
                    answer.status == laboratory::StateAnswer::Status::caught_error;
  std::string text = paint(terminal, good ? Tone::good : Tone::bad, status);
  if (answer.fault.error) text += ": " + printable(*answer.fault.error);
  if (answer.fault.cause) text += ": " + printable(*answer.fault.cause);
  text += "\n";
  const auto shown = [&](const Json& value) { return payload(value, full, 2 * payload_columns); };
  std::vector<std::pair<std::string, std::string>> rows;
  if (answer.output) rows.emplace_back("output", shown(answer.output.json()));
  rows.emplace_back("next state", printable(answer.next_state));
  for (const auto& [name, value] : answer.inspection.items()) rows.emplace_back(name, shown(value));
  return text + fields(terminal, rows);
}

Json to_json(const laboratory::StateAnswer& answer) {
  Json all = Json::object();
  all["status"] = std::string(to_string(answer.status));
  if (answer.output) all["output"] = answer.output.json();
  if (answer.fault.error) all["error"] = *answer.fault.error;
  if (answer.fault.cause) all["cause"] = *answer.fault.cause;
  if (!answer.next_state.empty()) all["nextState"] = answer.next_state;
  all["inspectionData"] = answer.inspection;
  return all;
}

}  // namespace sluice::cli
