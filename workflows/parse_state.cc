#include "workflows/parse_state.h"

#include <fmt/format.h>

#include "workflows/field_table.h"
#include "workflows/parse_value.h"

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

bool has_next_field(StateType type) {
  return type != StateType::choice && type != StateType::succeed && type != StateType::fail;
}
bool has_result(StateType type) {
  return type == StateType::task || type == StateType::parallel || type == StateType::map;
}

void parse_body(Definition& definition, const Place& place, const Fields& fields, State& state) {
  switch (state.type) {
    case StateType::task:
      state.body = parse_task(fields, state.language);
      return;
    case StateType::pass:
      state.body = parse_pass(fields, state.language);
      return;
    case StateType::choice:
      state.body = parse_choice(definition, place, fields, state.language);
      return;
    case StateType::wait:
      state.body = parse_wait(fields, state.language);
      return;
    case StateType::succeed:
      state.body = SucceedState{};
      return;
    case StateType::fail:
      state.body = parse_fail(fields, state.language);
      return;
    case StateType::parallel:
      state.body = parse_parallel(definition, place, fields, state.language);
      return;
    case StateType::map:
      state.body = parse_map(definition, place, fields, state.language);
      return;
  }
}

// What goes into a state and comes out of it.
void parse_data_flow(Definition& definition, const Place& place, const Fields& fields,
                     State& state) {
  Needs offered;
  offered.result = has_result(state.type);
  if (state.language == QueryLanguage::jsonata) {
    if (state.type != StateType::fail)
      state.output = parse_value(fields, "Output", state.language, offered);
  } else {
    if (state.type != StateType::fail) {
      parse_data_path(fields, "InputPath", state.input_path, state.input_null);
      parse_data_path(fields, "OutputPath", state.output_path, state.output_null);
    }
    if (has_result(state.type) || state.type == StateType::pass)
      state.result_path = parse_result_path(fields, state.result_null);
    if (has_result(state.type))
      state.result_selector = parse_value(fields, "ResultSelector", state.language);
  }
  if (state.type != StateType::succeed && state.type != StateType::fail)
    state.assign = parse_assign(definition, place, fields, state.language, offered);
}

}  // namespace

State parse_state(Definition& definition, const Place& place, const Json& value,
                  std::string_view name, std::string pointer) {
  ParseContext& context = definition.context;
  State state;
  state.name = name;
  state.pointer = pointer;
  state.parent = place.parent;
  if (!value.is_object()) {
    context.problem(pointer, fmt::format("a state must be an object, not {}", describe(value)));
    place.scope.add_unknown_edge(place.index);
    return state;
  }
  const Fields fields(context, value, std::move(pointer));
  fields.string("Comment");
  state.language = parse_query_language(fields, definition.language);
  fields.require("Type", fmt::format("expected {}", list_of(type_names)));
  const auto type = fields.one_of("Type", type_names);
  if (!type) {
    parse_any_transitions(fields, place.scope, place.index);
    return state;
  }
  state.type = static_cast<StateType>(*type);
  check_state_fields(context, value, state.pointer, state.type, state.language);
  if (has_next_field(state.type)) parse_onward(fields, place.scope, place.index, state);
  if (state.type == StateType::succeed || state.type == StateType::fail)
    place.scope.mark_terminal(place.index);
  if (has_result(state.type)) {
    state.retry = parse_retry(fields);
    state.catchers = parse_catch(definition, place, fields, state.language);
  }
  parse_data_flow(definition, place, fields, state);
  parse_body(definition, place, fields, state);
  parse_flow(fields, state);
  if (state.type == StateType::task) parse_compensation(definition, place, fields, state);
  return state;
}

QueryLanguage parse_query_language(const Fields& fields, QueryLanguage of_machine) {
  static constexpr std::string_view languages[] = {"JSONPath", "JSONata"};
  const auto given = fields.one_of("QueryLanguage", languages);
  if (!given) return of_machine;
  if (*given == 1) return QueryLanguage::jsonata;
  if (of_machine == QueryLanguage::jsonata) {
    fields.context().problem(
        fields.pointer("QueryLanguage"),
        "a state cannot be \"JSONPath\" when the whole definition is \"JSONata\"");
  }
  return QueryLanguage::jsonpath;
}

std::optional<Value> parse_assign(Definition& definition, const Place& place, const Fields& fields,
                                  QueryLanguage language, Needs offered) {
  const Json* object = fields.object("Assign");
  if (object == nullptr) return std::nullopt;
  definition.variables.assign(definition.context, place.variables, place.index, language, *object,
                              fields.pointer("Assign"));
  return parse_value(fields, "Assign", language, offered);
}

}  // namespace sluice::workflows
