#include "orchestrator/job_spec.h"

#include <algorithm>
#include <array>

#include "workflows/parse_context.h"

namespace sluice::orchestrator {
namespace {

using workflows::FieldRule;
using workflows::Fields;

constexpr std::array<std::string_view, 7> verbs = {"replay", "drop",    "cancel", "pause",
                                                   "resume", "redrive", "move"};
constexpr std::array<std::string_view, 8> statuses = {"RUNNING",      "SUCCEEDED",  "FAILED",
                                                      "TIMED_OUT",    "ABORTED",    "PAUSED",
                                                      "COMPENSATING", "COMPENSATED"};  // from 1 on
constexpr std::array<std::string_view, 5> kinds = {"stage", "state", "queue", "binding",
                                                   "compensation"};
constexpr FieldRule rules[] = {
    {"verb"},          {"filter"},           {"ids"},   {"dry_run"}, {"limit"}, {"rate_per_second"},
    {"max_in_flight"}, {"stop_on_failures"}, {"merge"}, {"patch"},   {"from"},  {"version"},
    {"cause"},         {"compensate"},       {"reason"}};
constexpr FieldRule letter_rules[] = {{"queue"}, {"workflow"}, {"run"},   {"error"}, {"kind"},
                                      {"since"}, {"until"},    {"label"}, {"q"}};
constexpr FieldRule run_rules[] = {{"workflow"}, {"status"}, {"state"},
                                   {"label"},    {"q"},      {"started_after"}};
constexpr FieldRule stop_rules[] = {{"count"}, {"share"}};
constexpr double rate_min = 0.001, rate_max = 100'000;
constexpr std::int64_t limit_max = 1'000'000'000, in_flight_most = 100'000;
constexpr std::size_t reason_bytes_max = 1'000;

std::vector<int> statuses_of(JobVerb verb) {
  switch (verb) {
    case JobVerb::cancel:
    case JobVerb::move:
      return {1, 6};
    case JobVerb::pause:
      return {1};
    case JobVerb::resume:
      return {6};
    case JobVerb::redrive:
      return {3, 4};
    case JobVerb::replay:
    case JobVerb::drop:
      return {};
  }
  return {};
}

std::optional<WallTime> time_of(const Fields& fields, std::string_view name) {
  const auto text = fields.string(name);
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time)
    fields.context().problem(fields.pointer(name),
                             "expected an RFC 3339 time, such as 2026-01-31T12:00:00Z");
  return time;
}

std::vector<std::pair<std::string, std::string>> labels_of(const Fields& fields) {
  std::vector<std::pair<std::string, std::string>> labels;
  const Json* object = fields.object("label");
  if (object == nullptr) return labels;
  for (const auto& [key, value] : object->items()) {
    if (value.is_string())
      labels.emplace_back(key, value.get<std::string>());
    else
      fields.context().problem(fields.pointer("label") + "/" + pointer_token(key),
                               "expected a text");
  }
  return labels;
}

void read_letters(const Fields& fields, DeadLetterFilter& filter) {
  filter.queue = fields.string("queue");
  filter.workflow = fields.string("workflow");
  filter.error = fields.string("error");
  if (const auto kind = fields.one_of("kind", kinds)) filter.kind = std::string(kinds[*kind]);
  if (const auto run = fields.string("run")) {
    filter.run = parse_id<RunTag>(*run);
    if (!filter.run) fields.context().problem(fields.pointer("run"), "expected the id of a run");
  }
  filter.since = time_of(fields, "since");
  filter.until = time_of(fields, "until");
  filter.labels = labels_of(fields);
  filter.text = fields.string("q");
}

void read_runs(const Fields& fields, JobSpec& spec) {
  RunFilter& filter = spec.runs;
  filter.workflow = fields.string("workflow");
  filter.state = fields.string("state");
  filter.started_after = time_of(fields, "started_after");
  filter.labels = labels_of(fields);
  filter.text = fields.string("q");
  if (const auto status = fields.one_of("status", statuses))
    spec.statuses = {static_cast<int>(*status) + 1};
}

void read_ids(const Fields& fields, JobSpec& spec) {
  const Json* list = fields.array("ids");
  if (list == nullptr) return;
  if (list->empty() || list->size() > job_ids_max) {
    fields.context().problem(fields.pointer("ids"), "expected 1 to " + std::to_string(job_ids_max) +
                                                        " ids; for more, use a filter");
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json& text = (*list)[i];
    const auto id = text.is_string() ? parse_base32(text.get_ref<const std::string&>())
                                     : std::optional<std::int64_t>();
    if (id && *id != 0)
      spec.ids.push_back(*id);
    else
      fields.context().problem(
          fields.pointer("ids") + "/" + std::to_string(i),
          spec.of_letters() ? "expected the id of a dead letter" : "expected the id of a run");
  }
  std::sort(spec.ids.begin(), spec.ids.end());
  spec.ids.erase(std::unique(spec.ids.begin(), spec.ids.end()), spec.ids.end());
}

void read_edit(const Fields& fields, JobSpec& spec) {
  fields.exclude("merge", "patch");
  if (const Json* merge = fields.find("merge")) spec.edit = Edit{true, *merge};
  if (const Json* patch = fields.find("patch")) {
    spec.edit = Edit{false, *patch};
    if (const auto sound = check_patch(*patch, fields.pointer("patch")); !sound)
      fields.context().add(sound.error(), fields.pointer("patch"));
  }
}

void read_stop(const Fields& fields, JobSpec& spec) {
  const Json* value = fields.object("stop_on_failures");
  if (value == nullptr) return;
  const Fields stop(fields.context(), *value, fields.pointer("stop_on_failures"));
  workflows::check_fields(fields.context(), *value, stop.pointer(), "stop_on_failures", stop_rules);
  spec.stop_count = stop.integer("count", 1, static_cast<std::int64_t>(outcomes_watched));
  spec.stop_share = stop.number("share", 0.01, 1);
  if (!stop.has("count") && !stop.has("share"))
    fields.context().problem(stop.pointer(), "expected \"count\", \"share\" or both");
}

// Fields that say nothing for a verb are refused, not ignored.
void refuse_others(const Fields& fields, JobVerb verb) {
  const bool again = verb == JobVerb::replay || verb == JobVerb::redrive;
  const auto only = [&](std::string_view name, bool fits, std::string_view with) {
    if (fields.has(name) && !fits)
      fields.context().problem(fields.pointer(name), "goes only with " + std::string(with));
  };
  for (const std::string_view name :
       {"max_in_flight", "stop_on_failures", "merge", "patch", "from"})
    only(name, again, "replay and redrive");
  only("version", again || verb == JobVerb::move, "replay, redrive and move");
  for (const std::string_view name : {"cause", "compensate"})
    only(name, verb == JobVerb::cancel, "cancel");
}

}  // namespace

std::string_view name_of(JobVerb verb) { return verbs[static_cast<std::size_t>(verb)]; }

Result<JobRequest> parse_job(const Json& body) {
  workflows::ParseContext context;
  JobRequest request;
  JobSpec& spec = request.spec;
  if (!body.is_object())
    return Error{Errc::invalid_argument, "a job is an object", {{"", "expected an object"}}};
  const Fields fields(context, body, "");
  workflows::check_fields(context, body, "", "a job", rules);
  if (!fields.has("verb")) {
    context.problem("/verb", "is missing: it says what is done");
  } else if (const auto verb = fields.one_of("verb", verbs)) {
    spec.verb = static_cast<JobVerb>(*verb);
    refuse_others(fields, spec.verb);
  }
  fields.exclude("filter", "ids");
  if (!fields.has("filter") && !fields.has("ids"))
    context.problem("/filter", "say which are meant: \"ids\", or a \"filter\"; {} takes all");
  spec.statuses = statuses_of(spec.verb);
  if (const Json* value = fields.object("filter")) {
    const Fields filter(context, *value, fields.pointer("filter"));
    if (spec.of_letters()) {
      workflows::check_fields(context, *value, filter.pointer(), "the filter of dead letters",
                              letter_rules);
      read_letters(filter, spec.letters);
    } else {
      workflows::check_fields(context, *value, filter.pointer(), "the filter of runs", run_rules);
      read_runs(filter, spec);
    }
  }
  read_ids(fields, spec);
  spec.limit = fields.integer("limit", 1, limit_max);
  spec.rate = fields.number("rate_per_second", rate_min, rate_max);
  spec.in_flight_max = fields.integer("max_in_flight", 1, in_flight_most);
  read_stop(fields, spec);
  if ((spec.stop_count || spec.stop_share) && !spec.in_flight_max)
    spec.in_flight_max = in_flight_default;
  read_edit(fields, spec);
  spec.from = fields.string("from");
  spec.version = fields.integer("version", 1, INT64_MAX);
  spec.cause = fields.string("cause");
  spec.compensate = fields.boolean("compensate").value_or(false);
  request.dry_run = fields.boolean("dry_run").value_or(false);
  request.reason = fields.string("reason");
  if (request.reason && request.reason->size() > reason_bytes_max)
    context.problem("/reason", "expected at most 1,000 bytes");
  if (spec.verb == JobVerb::drop && fields.has("verb") && !request.dry_run &&
      request.reason.value_or("").empty())
    context.problem("/reason", "expected why they are dropped");
  if (!context.sound())
    return Error{Errc::invalid_argument, "the job is at fault", context.take_problems()};
  Json kept = body;
  kept.erase("dry_run");
  spec.text = to_text(kept);
  return request;
}

}  // namespace sluice::orchestrator
