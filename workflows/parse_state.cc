#include "workflows/parse_state.h"

#include <fmt/format.h>

#include "workflows/field_table.h"

namespace sluice::workflows {
namespace {

// InputPath and OutputPath: a path, null, or absent.
void parse_data_path(const Fields& fields, std::string_view name, std::optional<Path>& path,
                     bool& null) {
  const Json* value = fields.find(name);
  if (value != nullptr && value->is_null()) {
    null = true;
  } else {
    path = parse_path(fields, name);
  }
}

// Next or End of every kind of state that has them.
void parse_onward(const Fields& fields, StateScope& scope, StateIndex index, State& state) {
  const Json* next = fields.find("Next");
  const Json* end = fields.find("End");
  if (end != nullptr && !end->is_boolean()) {
    fields.context().problem(fields.pointer("End"),
                             fmt::format("\"End\" must be true, not {}", describe(*end)));
  }
  state.end = end != nullptr && end->is_boolean() && end->get<bool>();
  if (next != nullptr) state.next = scope.transition(index, *next, fields.pointer("Next"));
  if (state.end) {
    scope.mark_terminal(index);
    fields.exclude("End", "Next");
  } else if (next == nullptr) {
    if (end == nullptr || end->is_boolean()) {
      fields.context().problem(fields.pointer(),
                               "this state leads nowhere: \"Next\" or \"End\": true is missing");
    }
    scope.add_unknown_edge(index);
  }
}

// The transitions of a state whose Type is unknown: enough to judge the other states.
void parse_any_transitions(const Fields& fields, StateScope& scope, StateIndex index) {
  for (const std::string_view name : {"Next", "Default"}) {
    if (const Json* value = fields.find(name))
      scope.transition(index, *value, fields.pointer(name));
  }
  // Whatever else it was meant to lead to cannot be known.
  scope.add_unknown_edge(index);
}

// Choices of a JSONata state, whose conditions this version cannot read.
void parse_rule_transitions(const Fields& fields, StateScope& scope, StateIndex index) {
  const Json* rules = fields.array("Choices");
  if (rules != nullptr) {
    for (std::size_t i = 0; i < rules->size(); ++i) {
      const Json& rule = (*rules)[i];
      const auto next = rule.is_object() ? rule.find("Next") : rule.end();
      if (next == rule.end()) continue;
      scope.transition(index, *next, fmt::format("{}/{}/Next", fields.pointer("Choices"), i));
    }
  }
  if (const Json* value = fields.find("Default")) {
    scope.transition(index, *value, fields.pointer("Default"));
  }
}

bool has_next_field(TypeName type) {
  return type != TypeName::choice && type != TypeName::succeed && type != TypeName::fail;
}
bool has_retry_field(TypeName type) {
  return type == TypeName::task || type == TypeName::parallel || type == TypeName::map;
}

StateType offered_type(TypeName type) {
  switch (type) {
    case TypeName::task:
      return StateType::task;
    case TypeName::choice:
      return StateType::choice;
    case TypeName::wait:
      return StateType::wait;
    case TypeName::succeed:
      return StateType::succeed;
    case TypeName::fail:
      return StateType::fail;
    // Parallel and Map have been refused; any type will do for what is left of the checks.
    case TypeName::pass:
    case TypeName::parallel:
    case TypeName::map:
      break;
  }
  return StateType::pass;
}

void parse_body(const Fields& fields, StateScope& scope, StateIndex index, TypeName type,
                State& state) {
  switch (type) {
    case TypeName::task:
      state.body = parse_task(fields);
      state.result_selector = parse_template(fields, "ResultSelector");
      return;
    case TypeName::pass:
      state.body = parse_pass(fields);
      return;
    case TypeName::choice:
      state.body = parse_choice(fields, scope, index);
      return;
    case TypeName::wait:
      state.body = parse_wait(fields);
      return;
    case TypeName::succeed:
      state.body = SucceedState{};
      return;
    case TypeName::fail:
      state.body = parse_fail(fields);
      return;
    case TypeName::parallel:
    case TypeName::map:
      state.body = PassState{};
      return;
  }
}

}  // namespace

State parse_state(ParseContext& context, StateScope& scope, const Json& value,
                  std::string_view name, std::string pointer, StateIndex index,
                  bool jsonata_machine) {
  State state;
  state.name = name;
  state.pointer = pointer;
  if (!value.is_object()) {
    context.problem(pointer, fmt::format("a state must be an object, not {}", describe(value)));
    scope.add_unknown_edge(index);
    return state;
  }
  const Fields fields(context, value, std::move(pointer));
  fields.string("Comment");
  const bool jsonata = parse_query_language(fields, jsonata_machine);
  fields.require("Type", fmt::format("expected {}", list_of(type_names)));
  const auto type_index = fields.one_of("Type", type_names);
  if (!type_index) {
    parse_any_transitions(fields, scope, index);
    return state;
  }
  const auto type = static_cast<TypeName>(*type_index);
  state.type = offered_type(type);
  check_state_fields(context, value, state.pointer, type, jsonata);
  if (type == TypeName::parallel || type == TypeName::map) {
    context.problem(fields.pointer("Type"),
                    not_offered(fmt::format("the {} state", type_names[*type_index])));
  }

  if (has_next_field(type)) parse_onward(fields, scope, index, state);
  if (type == TypeName::succeed || type == TypeName::fail) scope.mark_terminal(index);
  if (has_retry_field(type)) {
    state.retry = parse_retry(fields);
    state.catchers = parse_catch(fields, scope, index, !jsonata);
  }
  if (jsonata) {
    if (type == TypeName::choice) parse_rule_transitions(fields, scope, index);
    return state;
  }
  if (type != TypeName::fail) {
    parse_data_path(fields, "InputPath", state.input_path, state.input_null);
    parse_data_path(fields, "OutputPath", state.output_path, state.output_null);
  }
  if (has_retry_field(type) || type == TypeName::pass) {
    state.result_path = parse_result_path(fields, state.result_null);
  }
  parse_body(fields, scope, index, type, state);
  return state;
}

bool parse_query_language(const Fields& fields, bool jsonata_machine) {
  static constexpr std::string_view languages[] = {"JSONPath", "JSONata"};
  const auto language = fields.one_of("QueryLanguage", languages);
  if (!language) return jsonata_machine;
  if (*language == 1) {
    fields.context().problem(fields.pointer("QueryLanguage"), not_offered("JSONata"));
    return true;
  }
  if (jsonata_machine) {
    fields.context().problem(
        fields.pointer("QueryLanguage"),
        "a state cannot be \"JSONPath\" when the whole definition is \"JSONata\"");
  }
  return false;
}

std::optional<Path> parse_path(const Fields& fields, std::string_view name) {
  const auto text = fields.string(name);
  if (!text) return std::nullopt;
  auto path = Path::parse(*text);
  if (!path) {
    fields.context().add(path.error(), fields.pointer(name));
    return std::nullopt;
  }
  return std::move(*path);
}

std::optional<Path> parse_value_path(const Fields& fields, std::string_view name) {
  auto path = parse_path(fields, name);
  if (path && !path->definite()) {
    fields.context().problem(fields.pointer(name),
                             fmt::format("{} needs one value, and the path {} can select several",
                                         in_quotes(name), in_quotes(path->text())));
    return std::nullopt;
  }
  return path;
}

std::optional<Value> parse_template(const Fields& fields, std::string_view name) {
  const Json* value = fields.find(name);
  if (value == nullptr) return std::nullopt;
  auto parsed = Value::parse(QueryLanguage::jsonpath, *value, fields.pointer(name));
  if (!parsed) {
    fields.context().add(parsed.error(), fields.pointer(name));
    return std::nullopt;
  }
  return std::move(*parsed);
}

std::optional<ReferencePath> parse_result_path(const Fields& fields, bool& null) {
  const Json* value = fields.find("ResultPath");
  if (value != nullptr && value->is_null()) {
    null = true;
    return std::nullopt;
  }
  const auto text = fields.string("ResultPath");
  if (!text) return ReferencePath::root();
  auto path = ReferencePath::parse(*text);
  if (!path) {
    fields.context().add(path.error(), fields.pointer("ResultPath"));
    return ReferencePath::root();
  }
  return std::move(*path);
}

}  // namespace sluice::workflows
