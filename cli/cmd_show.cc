#include <ostream>

#include "cli/timeline.h"
#include "cli/values.h"

namespace sluice::cli {
namespace {

struct Options {
  std::string run;
  std::int64_t events = 40;
  bool full = false, no_history = false;
};

std::string time_and_age(const Json& object, const char* name) {
  const std::string text = text_of(object, name);
  return text.empty() ? "" : fmt::format("{} ({})", text, age_of(object, name));
}

std::string payload(const Context& context, const Json& value, bool full) {
  if (value.is_null()) return "";
  if (full) return printable(to_text(value));
  return one_line(value, context.out_terminal.is_terminal
                             ? std::max(20, context.out_terminal.width - 16)
                             : 200);
}

void print_compensations(Context& context, const Json& run) {
  const Json& stages = member(run, "compensations");
  if (!stages.is_array() || stages.empty()) return;
  const Terminal& terminal = context.out_terminal;
  context.out << "\n" << paint(terminal, Tone::strong, "Compensation") << "\n";
  Table table({{"STAGE", Table::Align::left, true}, {"STATUS"}});
  for (const auto& stage : stages) {
    const std::string status = text_of(stage, "status");
    table.row({text_of(stage, "state"), {status, status == "FAILED" ? Tone::bad : Tone::dim}});
  }
  context.out << table.text(terminal);
}

void print_history(Context& context, Client& client, const Options& o) {
  const auto events = list_all(client, path({"runs", o.run, "history"}), {}, 0);
  if (events.empty()) return;
  const Terminal& terminal = context.out_terminal;
  context.out << "\n" << paint(terminal, Tone::strong, "History") << "\n";
  const std::size_t wanted = o.events == 0 ? events.size() : static_cast<std::size_t>(o.events);
  const std::size_t skipped = events.size() > wanted ? events.size() - wanted : 0;
  if (skipped > 0)
    context.out << paint(terminal, Tone::dim,
                         fmt::format("  … {} before these (--events 0 shows all)",
                                     counted(static_cast<std::int64_t>(skipped), "event")))
                << "\n";
  const auto start = time_of(events.front(), "at");
  for (std::size_t i = skipped; i < events.size(); ++i)
    context.out << timeline_line(terminal, events[i], start, o.full) << "\n";
}

}  // namespace

Command show_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "show",
      .summary = "Show a run: how it stands, what it waits for, what happened",
      .examples = {{"sluice show 06f3kq2m1c0g0", ""},
                   {"sluice show 06f3kq2m1c0g0 --full --events 0",
                    "everything, nothing shortened"}},
      .options =
          {{.names = "RUN", .target = &o->run, .value = "RUN", .help = "its id", .required = true},
           {.names = "-n,--events",
            .target = &o->events,
            .value = "N",
            .help = "the last N events (40); 0 for all",
            .range = std::pair<std::int64_t, std::int64_t>{0, 1'000'000}},
           {.names = "--no-history",
            .target = &o->no_history,
            .value = "",
            .help = "leave the history out"},
           {.names = "--full",
            .target = &o->full,
            .value = "",
            .help = "do not shorten inputs and outputs"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Client client(context);
    const Answer answer = client.get(path({"runs", o->run}));
    if (context.json) {
      print_json(context, answer);
      return Exit::ok;
    }
    const Json run = answer.json();
    const Terminal& terminal = context.out_terminal;
    const std::string status = text_of(run, "status");
    context.out << fmt::format("{}  {} v{}  {}\n",
                               paint(terminal, Tone::strong, text_of(run, "id")),
                               text_of(run, "workflow"), text_of(run, "version"),
                               paint(terminal, status_tone(status), status));
    const auto from = time_of(run, "started_at"), to = time_of(run, "ended_at");
    const std::int64_t redrives = number_of(run, "redrives");
    context.out << fields(terminal, {{"name", text_of(run, "name")},
                                     {"labels", labels_of(run)},
                                     {"started", time_and_age(run, "started_at")},
                                     {"not before", time_and_age(run, "not_before")},
                                     {"ended", time_and_age(run, "ended_at")},
                                     {"took", from && to ? humane(*to - *from) : ""},
                                     {"redriven", redrives > 0 ? counted(redrives, "time") : ""},
                                     {"input", payload(context, member(run, "input"), o->full)},
                                     {"output", payload(context, member(run, "output"), o->full)},
                                     {"error", paint(terminal, Tone::bad, text_of(run, "error"))},
                                     {"cause", text_of(run, "cause")},
                                     {"dead letter", text_of(run, "dead_letter")}});
    if (const Json& waiting = member(run, "waiting_for"); waiting.is_array() && !waiting.empty()) {
      context.out << "\n" << paint(terminal, Tone::strong, "Waiting") << "\n";
      for (const auto& frame : waiting)
        context.out << "  " << waiting_line(terminal, frame) << "\n";
    }
    print_compensations(context, run);
    if (!o->no_history) print_history(context, client, *o);
    if (const std::string dead = text_of(run, "dead_letter"); !dead.empty())
      note(context, fmt::format("\nWhy: sluice dlq show {}   Again: sluice redrive {}", dead,
                                text_of(run, "id")));
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
