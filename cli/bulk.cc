#include "cli/bulk.h"

#include <chrono>
#include <ostream>
#include <thread>

namespace sluice::cli {
namespace {

constexpr auto look_pause = std::chrono::milliseconds(250);
constexpr std::size_t examples_shown = 10;

void add_stop(Json& request, const std::string& given) {
  const auto wrong = [&] {
    return Failure(Exit::usage,
                   "--stop-on-failures: expected a number such as 20, or a share such as 10%");
  };
  const bool share = !given.empty() && given.back() == '%';
  std::size_t read = 0;
  double value = 0;
  try {
    value = std::stod(given, &read);
  } catch (const std::exception&) {
    throw wrong();
  }
  if (read != given.size() - (share ? 1 : 0) || value <= 0) throw wrong();
  if (share)
    request["stop_on_failures"] = Json{{"share", value / 100}};
  else
    request["stop_on_failures"] = Json{{"count", static_cast<std::int64_t>(value)}};
}

void tell_plan(Context& context, const Json& plan) {
  const std::int64_t matched = number_of(plan, "matched"), aside = number_of(plan, "set_aside"),
                     refused = number_of(plan, "refused");
  context.out << fmt::format(
      "{}{} {}{}{}\n", flag_of(plan, "complete") ? "" : "more than ", humane_count(matched),
      matched == 1 ? "matches" : "match",
      aside > 0 ? fmt::format(" ({} set aside)", humane_count(aside)) : "",
      refused > 0 ? fmt::format(" ({} of them cannot move)", humane_count(refused)) : "");
  Table table({{"ID"},
               {"WHAT", Table::Align::left, true},
               {"INPUT", Table::Align::left, true},
               {"WOULD NOT BE DONE", Table::Align::left, true}});
  std::size_t shown = 0;
  for (const auto& example : member(plan, "examples")) {
    if (shown++ == examples_shown) break;
    table.row({text_of(example, "id"),
               text_of(example, "what"),
               example.contains("input") ? printable(to_text(member(example, "input"))) : "",
               {text_of(example, "refusal"), Tone::warn}});
  }
  if (!table.empty()) context.out << table.text(context.out_terminal);
  note(context, "nothing has been changed");
}

void tell_end(Context& context, const Json& job) {
  std::string line = fmt::format("{} of {} done", humane_count(number_of(job, "done")),
                                 humane_count(number_of(job, "matched")));
  for (const char* count : {"failed", "skipped", "refused"})
    if (number_of(job, count) > 0)
      line += fmt::format(", {} {}", humane_count(number_of(job, count)), count);
  if (number_of(job, "failed_again") > 0)
    line += fmt::format("; {} failed again", humane_count(number_of(job, "failed_again")));
  if (number_of(job, "to_come") > 0)
    line += fmt::format("; {} left", humane_count(number_of(job, "to_come")));
  context.out << line << "\n";
  if (const std::string why = text_of(job, "stopped_because"); !why.empty())
    note(context, fmt::format("stopped: {}", why));
  for (const auto& problem : member(job, "problems"))
    note(context, fmt::format("{}  {}: {}", text_of(problem, "id"), text_of(problem, "outcome"),
                              text_of(problem, "detail")));
}

Exit exit_of(const Json& job) {
  const bool all = text_of(job, "status") == "DONE" && number_of(job, "failed") == 0 &&
                   number_of(job, "refused") == 0 && number_of(job, "failed_again") == 0;
  return all ? Exit::ok : Exit::failed;
}

}  // namespace

void add_bulk_options(std::vector<Option>& options, BulkOptions& o, bool again) {
  options.push_back({.names = "--dry-run",
                     .target = &o.dry_run,
                     .value = "",
                     .help = "only count, and show the first"});
  options.push_back({.names = "--rate",
                     .target = &o.rate,
                     .value = "N",
                     .help = "at most so many a second, as a job of the server's"});
  options.push_back({.names = "-n,--limit",
                     .target = &o.limit,
                     .value = "N",
                     .help = "at most so many in all, the oldest",
                     .range = std::pair<std::int64_t, std::int64_t>{1, 1'000'000'000}});
  if (again) {
    options.push_back({.names = "--max-in-flight",
                       .target = &o.in_flight,
                       .value = "N",
                       .help = "wait while so many have not got past where they failed",
                       .range = std::pair<std::int64_t, std::int64_t>{1, 100'000}});
    options.push_back({.names = "--stop-on-failures",
                       .target = &o.stop,
                       .value = "N|N%",
                       .help = "stop when so many of the latest hundred failed again"});
    options.push_back({.names = "--merge",
                       .target = &o.merge,
                       .value = "JSON|@FILE|-",
                       .help = "edit the input: a JSON Merge Patch"});
    options.push_back({.names = "--patch",
                       .target = &o.patch,
                       .value = "JSON|@FILE|-",
                       .help = "edit the input: a JSON Patch"});
  }
  options.push_back({.names = "--detach",
                     .target = &o.detach,
                     .value = "",
                     .help = "do not wait for the job's end"});
  options.push_back({.names = "--yes", .target = &o.yes, .value = "", .help = "do not ask"});
}

bool asks_for_job(const BulkOptions& o) {
  return o.rate || o.in_flight || o.limit || !o.stop.empty() || o.dry_run || o.detach;
}

void add_edit(Context& context, Json& body, const BulkOptions& o) {
  if (o.merge) body["merge"] = read_json(context, *o.merge, "--merge");
  if (o.patch) body["patch"] = read_json(context, *o.patch, "--patch");
}

Exit wait_for_job(Context& context, Client& client, const std::string& id) {
  Json job;
  {
    std::int64_t shown = 0;
    std::optional<Progress> progress;
    for (;;) {
      job = client.get(path({"jobs", id})).json();
      const std::int64_t matched = number_of(job, "matched");
      if (!progress && !flag_of(job, "collecting"))
        progress.emplace(context.err, context.err_terminal, text_of(job, "verb"), matched);
      const std::int64_t dealt_with = matched - number_of(job, "to_come");
      if (progress) progress->advance(dealt_with - std::exchange(shown, dealt_with));
      if (text_of(job, "status") != "RUNNING") break;
      std::this_thread::sleep_for(look_pause);
    }
  }
  if (context.json)
    context.out << to_text(job) << "\n";
  else
    tell_end(context, job);
  return exit_of(job);
}

Exit run_job(Context& context, Json request, const BulkOptions& o) {
  if (o.rate) request["rate_per_second"] = *o.rate;
  if (o.in_flight) request["max_in_flight"] = *o.in_flight;
  if (o.limit) request["limit"] = *o.limit;
  if (!o.stop.empty()) add_stop(request, o.stop);
  add_edit(context, request, o);
  if (!context.reason.empty()) request["reason"] = context.reason;
  Client client(context);
  if (o.dry_run || (context.in_is_terminal && !o.yes)) {
    Json dry = request;
    dry["dry_run"] = true;
    const Answer answer = client.post("/v1/jobs", dry);
    const Json plan = answer.json();
    if (o.dry_run) {
      if (context.json)
        print_json(context, answer);
      else
        tell_plan(context, plan);
      return Exit::ok;
    }
    if (number_of(plan, "matched") == 0 && flag_of(plan, "complete")) {
      note(context, "nothing matches");
      return Exit::ok;
    }
    const std::string verb = text_of(request, "verb");
    if (!confirmed(context,
                   fmt::format("{} {}{}?", verb, flag_of(plan, "complete") ? "" : "more than ",
                               humane_count(number_of(plan, "matched"))),
                   o.yes)) {
      note(context, "nothing was done");
      return Exit::failed;
    }
  }
  const Answer answer = client.send({.method = "POST",
                                     .path = "/v1/jobs",
                                     .body = to_text(request),
                                     .idempotency_key = new_idempotency_key()});
  const std::string id = text_of(answer.json(), "id");
  if (o.detach) {
    if (context.json)
      print_json(context, answer);
    else
      context.out << id << "\n";
    return Exit::ok;
  }
  note(context,
       fmt::format("job {}: `sluice jobs stop {}` stops it; it goes on without this", id, id));
  return wait_for_job(context, client, id);
}

}  // namespace sluice::cli
