// Gate, Lock and Counters of a state.

#include <fmt/format.h>

#include <algorithm>

#include "workflows/field_table.h"
#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t counters_max = 32;  // of one state

constexpr FieldRule gate_rules[] = {
    {"Counter"},        {"Counter.$", true, FieldOf::jsonpath},
    {"Equals"},         {"Equals.$", true, FieldOf::jsonpath},
    {"AtMost"},         {"AtMost.$", true, FieldOf::jsonpath},
    {"AtLeast"},        {"AtLeast.$", true, FieldOf::jsonpath},
    {"Below"},          {"Below.$", true, FieldOf::jsonpath},
    {"Above"},          {"Above.$", true, FieldOf::jsonpath},
    {"TimeoutSeconds"}, {"TimeoutSeconds.$", true, FieldOf::jsonpath}};
constexpr FieldRule lock_rules[] = {{"Name"},
                                    {"Name.$", true, FieldOf::jsonpath},
                                    {"Permits"},
                                    {"Permits.$", true, FieldOf::jsonpath},
                                    {"HeldThrough"},
                                    {"TimeoutSeconds"},
                                    {"TimeoutSeconds.$", true, FieldOf::jsonpath}};
constexpr FieldRule counter_rules[] = {{"Name"},
                                       {"Name.$", true, FieldOf::jsonpath},
                                       {"On"},
                                       {"Add"},
                                       {"Add.$", true, FieldOf::jsonpath}};

constexpr CounterTest tests[] = {CounterTest::equals, CounterTest::at_most, CounterTest::at_least,
                                 CounterTest::below, CounterTest::above};
constexpr std::string_view test_fields[] = {"Equals", "AtMost", "AtLeast", "Below", "Above"};
constexpr std::string_view moments[] = {"Enter", "Exit", "Success", "Failure"};

// One object of these fields, in the state's own language.
struct Reader {
  const Fields& fields;
  QueryLanguage language;

  bool has(std::string_view name) const {
    return fields.has(name) || fields.has(fmt::format("{}.$", name));
  }
  // What is computed, if the field is; a fault has been reported.
  std::optional<Value> computed(std::string_view name) const {
    if (language == QueryLanguage::jsonata)
      return holds_expression(fields, name, language) ? parse_value(fields, name, language)
                                                      : std::nullopt;
    const std::string path_name = fmt::format("{}.$", name);
    const Json* value = fields.find(path_name);
    if (value == nullptr) return std::nullopt;
    fields.exclude(name, path_name);
    Json object = Json::object();
    object[path_name] = *value;
    auto parsed = Value::parse(language, object, fields.pointer());
    if (!parsed) {
      fields.context().add(parsed.error(), fields.pointer(path_name));
      return std::nullopt;
    }
    return *std::move(parsed);
  }
  bool is_computed(std::string_view name) const {
    return language == QueryLanguage::jsonata ? holds_expression(fields, name, language)
                                              : fields.has(fmt::format("{}.$", name));
  }
  std::optional<FlowText> name(std::string_view field) const {
    if (!has(field)) {
      fields.context().problem(fields.pointer(), fmt::format("\"{}\" is missing", field));
      return std::nullopt;
    }
    if (is_computed(field)) {
      if (auto value = computed(field)) return FlowText(*std::move(value));
      return std::nullopt;
    }
    auto text = fields.string(field);
    if (!text) return std::nullopt;
    if (text->empty() || text->size() > flow_name_bytes_max) {
      fields.context().problem(fields.pointer(field),
                               fmt::format("\"{}\" must have 1 to {} bytes, not {}", field,
                                           flow_name_bytes_max, text->size()));
      return std::nullopt;
    }
    return FlowText(*std::move(text));
  }
  std::optional<FlowNumber> number(std::string_view field, std::int64_t min,
                                   std::int64_t max) const {
    if (is_computed(field)) {
      if (auto value = computed(field)) return FlowNumber(*std::move(value));
      return std::nullopt;
    }
    if (const auto value = fields.integer(field, min, max)) return FlowNumber(*value);
    return std::nullopt;
  }
};

constexpr std::int64_t number_max = 1'000'000'000'000'000;

// Whoever cannot catch an error must not be given one.
std::optional<FlowNumber> parse_timeout(const Reader& reader, StateType type) {
  if (!reader.has("TimeoutSeconds")) return std::nullopt;
  if (type == StateType::pass || type == StateType::wait)
    reader.fields.context().problem(
        reader.fields.pointer("TimeoutSeconds"),
        fmt::format("a {} state has no \"Catch\" that could handle its end: leave "
                    "\"TimeoutSeconds\" out, or use a Task",
                    to_string(type)));
  return reader.number("TimeoutSeconds", 1, seconds_max);
}

// The service's own counters are read, never changed.
void check_counter_read(const Fields& fields, std::string_view field, const FlowText& counter) {
  const auto* text = std::get_if<std::string>(&counter);
  if (text == nullptr || !text->starts_with(stage_counter_prefix)) return;
  static constexpr std::string_view known[] = {".entered", ".in_flight", ".completed", ".failed",
                                               ".dead"};
  const auto slash = text->find('/');
  const bool ends = std::ranges::any_of(known, [&](auto end) { return text->ends_with(end); });
  if (slash == std::string::npos || slash == stage_counter_prefix.size() || !ends)
    fields.context().problem(
        fields.pointer(field),
        fmt::format("{} is none of the service's counters: expected \"stage:WORKFLOW/STATE\" with "
                    "one of .entered, .in_flight, .completed, .failed and .dead",
                    in_quotes(*text)));
}

std::optional<Gate> parse_gate(const Fields& state_fields, const State& state) {
  const Json* value = state_fields.object("Gate");
  if (value == nullptr) return std::nullopt;
  ParseContext& context = state_fields.context();
  const Fields fields(context, *value, state_fields.pointer("Gate"));
  check_fields(context, *value, fields.pointer(), "a gate", gate_rules,
               field_language(state.language));
  const Reader reader{fields, state.language};
  Gate gate;
  auto counter = reader.name("Counter");
  if (counter) check_counter_read(fields, "Counter", *counter);
  int given = 0;
  for (std::size_t i = 0; i < std::size(tests); ++i) {
    if (!reader.has(test_fields[i])) continue;
    gate.test = tests[i];
    if (auto bound = reader.number(test_fields[i], -number_max, number_max))
      gate.bound = *std::move(bound);
    ++given;
  }
  if (given != 1)
    context.problem(fields.pointer(),
                    fmt::format("a gate needs one of {}, not {}", list_of(test_fields), given));
  gate.timeout_s = parse_timeout(reader, state.type);
  if (!counter || given != 1) return std::nullopt;
  gate.counter = *std::move(counter);
  return gate;
}

std::optional<StageLock> parse_lock(const Fields& state_fields, const State& state) {
  const Json* value = state_fields.object("Lock");
  if (value == nullptr) return std::nullopt;
  ParseContext& context = state_fields.context();
  const Fields fields(context, *value, state_fields.pointer("Lock"));
  check_fields(context, *value, fields.pointer(), "a lock", lock_rules,
               field_language(state.language));
  const Reader reader{fields, state.language};
  StageLock lock;
  auto name = reader.name("Name");
  if (auto permits = reader.number("Permits", 1, permits_max)) lock.permits = *std::move(permits);
  lock.through_name = fields.string("HeldThrough").value_or("");
  lock.timeout_s = parse_timeout(reader, state.type);
  if (!name) return std::nullopt;
  lock.name = *std::move(name);
  return lock;
}

std::optional<CounterChange> parse_change(ParseContext& context, const Json& value,
                                          std::string pointer, QueryLanguage language) {
  if (!value.is_object()) {
    context.problem(std::move(pointer),
                    fmt::format("a counter's change must be an object with \"Name\", \"On\" and "
                                "\"Add\", not {}",
                                describe(value)));
    return std::nullopt;
  }
  const Fields fields(context, value, std::move(pointer));
  check_fields(context, value, fields.pointer(), "a counter's change", counter_rules,
               field_language(language));
  const Reader reader{fields, language};
  auto name = reader.name("Name");
  fields.require("On", fmt::format("expected {}", list_of(moments)));
  const auto on = fields.one_of("On", moments);
  if (!reader.has("Add")) context.problem(fields.pointer(), "\"Add\" is missing: what to add");
  auto add = reader.number("Add", -number_max, number_max);
  if (name)
    if (const auto* text = std::get_if<std::string>(&*name);
        text != nullptr && text->starts_with(stage_counter_prefix))
      context.problem(fields.pointer("Name"),
                      "counters whose names begin with \"stage:\" are kept by the service");
  if (!name || !on || !add) return std::nullopt;
  return CounterChange{*std::move(name), static_cast<CounterOn>(*on + 1), *std::move(add)};
}

}  // namespace

std::string_view field_of(CounterTest test) {
  return test_fields[static_cast<std::size_t>(test) - 1];
}

std::string_view in_words(CounterTest test) {
  static constexpr std::string_view words[] = {"at exactly", "at most at", "at least at", "below",
                                               "above"};
  return words[static_cast<std::size_t>(test) - 1];
}

void parse_flow(const Fields& fields, State& state) {
  if (!fields.has("Gate") && !fields.has("Lock") && !fields.has("Counters")) return;
  FlowControl flow;
  flow.gate = parse_gate(fields, state);
  flow.lock = parse_lock(fields, state);
  if (const Json* list = fields.array("Counters")) {
    const std::string pointer = fields.pointer("Counters");
    if (list->size() > counters_max)
      fields.context().problem(
          pointer, fmt::format("at most {} changes, not {}", counters_max, list->size()));
    for (std::size_t i = 0; i < std::min(list->size(), counters_max); ++i)
      if (auto change = parse_change(fields.context(), (*list)[i], fmt::format("{}/{}", pointer, i),
                                     state.language))
        flow.counters.push_back(*std::move(change));
  }
  state.flow = std::move(flow);
}

}  // namespace sluice::workflows
