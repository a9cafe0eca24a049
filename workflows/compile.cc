// From a definition's text to a Machine, or to every problem in it.
//
// Three passes: the text becomes JSON; every state is parsed on its own, its names resolved against
// its States object, whose graph is then judged; then what concerns all of it: variables, queues.
// Problems do not stop a pass, so one compile shows them all.

#include <fmt/format.h>

#include <algorithm>

#include "workflows/parse_context.h"
#include "workflows/parse_state.h"
#include "workflows/parse_triggers.h"
#include "workflows/state_scope.h"
#include "workflows/workflow.h"

namespace sluice::workflows {
namespace {

constexpr std::int64_t transitions_most = 1'000'000'000'000;
constexpr std::int64_t retention_s_max = 3'155'760'000;  // 100 years

constexpr FieldRule machine_rules[] = {{"StartAt"},
                                       {"States"},
                                       {"Comment"},
                                       {"Version"},
                                       {"TimeoutSeconds"},
                                       {"QueryLanguage"},
                                       {"Queues"},
                                       {"MaxTransitions"},
                                       {"RetentionSeconds"},
                                       {"Events"},
                                       {"InputSchema", false},
                                       {"Triggers"},
                                       {"OnFailure"},
                                       {"HoldSeconds"}};

void parse_version(const Fields& fields) {
  const auto version = fields.string("Version");
  if (version && *version != "1.0") {
    fields.context().problem(
        fields.pointer("Version"),
        fmt::format("the only version of the States Language is \"1.0\", not {}",
                    in_quotes(*version)));
  }
}

void collect_stage_queues(Machine& machine) {
  for (const State& state : machine.states) {
    const auto* task = std::get_if<TaskState>(&state.body);
    if (task == nullptr || task->resource.queue.empty()) continue;
    machine.stage_queues.push_back(task->resource.queue);
  }
  std::ranges::sort(machine.stage_queues);
  auto& queues = machine.stage_queues;
  queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
}

void parse_queues(const Fields& fields, Machine& machine) {
  ParseContext& context = fields.context();
  const Json* queues = fields.object("Queues");
  if (queues == nullptr) return;
  const std::vector<std::string_view> used(machine.stage_queues.begin(),
                                           machine.stage_queues.end());
  for (const auto& [name, value] : queues->items()) {
    const std::string pointer = fields.pointer("Queues") + "/" + pointer_token(name);
    if (!queue_name_valid(name)) {
      context.problem(pointer, "a queue's name has 1 to 255 bytes and no white space");
    }
    auto settings = parse_queue_settings(value, pointer);
    if (!settings) {
      context.add(settings.error(), pointer);
      continue;
    }
    if (!std::ranges::binary_search(used, std::string_view(name))) {
      context.warning(pointer, fmt::format("no Task of this definition names the queue {}{}",
                                           in_quotes(name), context.suggestion(name, used)));
    }
    if (std::ranges::find(used, std::string_view(name)) != used.end())
      for (const std::string_view field : {"DedupSeconds", "DedupBy"})
        if (value.contains(field))
          context.problem(pointer + "/" + std::string(field),
                          "a stage's message ends only with its stage: a queue that a Task names "
                          "has no dedup");
    machine.queues.emplace_back(name, std::move(*settings));
  }
}

void parse_events(const Fields& fields, Machine& machine) {
  ParseContext& context = fields.context();
  const Json* events = fields.object("Events");
  if (events == nullptr) return;
  std::vector<std::string_view> awaited;
  for (const State& state : machine.states) {
    const auto* task = std::get_if<TaskState>(&state.body);
    if (task != nullptr && task->resource.kind == ResourceKind::event)
      awaited.push_back(task->resource.target);
  }
  for (const auto& [name, value] : events->items()) {
    const std::string pointer = fields.pointer("Events") + "/" + pointer_token(name);
    if (!queue_name_valid(name)) {
      context.problem(pointer, "an event's name has 1 to 255 bytes and no white space");
    }
    const auto settings = parse_event_settings(value, pointer);
    if (!settings) {
      context.add(settings.error(), pointer);
      continue;
    }
    if (std::ranges::find(awaited, std::string_view(name)) == awaited.end()) {
      context.warning(pointer, fmt::format("no Task of this definition waits for the event {}{}",
                                           in_quotes(name), context.suggestion(name, awaited)));
    }
    machine.events.emplace_back(name, *settings);
  }
}

void parse_machine(ParseContext& context, const Json& root, Machine& machine) {
  if (!root.is_object()) {
    context.problem("", fmt::format("a definition must be an object, not {}", describe(root)));
    return;
  }
  const Fields fields(context, root, "");
  check_fields(context, root, "", "a definition", machine_rules);
  machine.comment = fields.string("Comment").value_or("");
  parse_version(fields);
  machine.timeout_s = fields.integer("TimeoutSeconds", 1, seconds_max);
  machine.transitions_max =
      fields.integer("MaxTransitions", 1, transitions_most).value_or(machine.transitions_max);
  machine.retention_s = fields.integer("RetentionSeconds", 0, retention_s_max);
  Definition definition{context, machine.states};
  definition.language = parse_query_language(fields, QueryLanguage::jsonpath);
  machine.start_at = parse_states(definition, fields, no_state, VariableScopes::none, 1);
  definition.variables.check(context);
  check_flow(context, machine);
  collect_stage_queues(machine);
  parse_queues(fields, machine);
  parse_events(fields, machine);
  parse_triggers(fields, machine);
  parse_on_failure(fields, machine);
}

// The document, also where keys stand twice: that is reported, and the rest is still checked.
Result<Json> parse_text(ParseContext& context, std::string_view text) {
  auto root = parse_json(text);
  if (root || root.error().code == Errc::bad_json) return root;
  context.add(root.error(), "");
  return parse_json(text, {.refuse_duplicate_keys = false});
}

std::string summary(std::size_t count) {
  return count == 1 ? "the definition has a problem"
                    : fmt::format("the definition has {} problems", count);
}

}  // namespace

Result<Compiled> compile(std::string_view text) {
  if (text.size() > definition_bytes_max) {
    return make_error(Errc::too_large,
                      fmt::format("a definition has at most {} bytes, this one has {}",
                                  definition_bytes_max, text.size()));
  }
  ParseContext context;
  auto machine = std::make_shared<Machine>();
  auto root = parse_text(context, text);
  if (root) {
    parse_machine(context, *root, *machine);
  } else if (context.sound()) {
    return std::move(root).error();
  }
  if (!context.sound()) {
    return Error{Errc::invalid_definition, summary(context.problem_count()),
                 context.take_problems()};
  }
  return Compiled{std::move(machine), context.take_warnings()};
}

}  // namespace sluice::workflows
