// The bodies of Pass, Choice, Wait and Fail states.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/time.h"
#include "workflows/condition_text.h"
#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

// A document that several threads may read: both of its forms are made now.
Doc shared_doc(const Json& value) {
  Doc doc = Doc::from_json(value);
  doc.text();
  return doc;
}

// ErrorPath, CausePath: a path, or a call of a function that gives a string.
std::optional<Expression> parse_string_expression(const Fields& fields, std::string_view name) {
  static constexpr std::array<std::string_view, 7> string_functions = {
      "States.Format",       "States.JsonToString", "States.ArrayGetItem", "States.Base64Encode",
      "States.Base64Decode", "States.Hash",         "States.UUID"};
  const auto text = fields.string(name);
  if (!text) return std::nullopt;
  auto expression = Expression::parse(*text);
  if (!expression) {
    fields.context().add(expression.error(), fields.pointer(name));
    return std::nullopt;
  }
  if (expression->path() == nullptr) {
    const std::string_view function =
        std::string_view(*text).substr(0, text->find_first_of(" \t\n\r("));
    if (std::ranges::find(string_functions, function) == string_functions.end()) {
      fields.context().problem(
          fields.pointer(name),
          fmt::format("{} needs a string, and {} gives none; expected a path, or {}",
                      in_quotes(name), function, list_of(string_functions)));
      return std::nullopt;
    }
  }
  return std::move(*expression);
}

}  // namespace

PassState parse_pass(const Fields& fields, QueryLanguage language) {
  PassState pass;
  if (language == QueryLanguage::jsonata) return pass;
  if (const Json* result = fields.find("Result")) pass.result = shared_doc(*result);
  pass.parameters = parse_value(fields, "Parameters", language);
  return pass;
}

ChoiceState parse_choice(Definition& definition, const Place& place, const Fields& fields,
                         QueryLanguage language) {
  ChoiceState choice;
  ParseContext& context = fields.context();
  StateScope& scope = place.scope;
  if (const Json* value = fields.find("Default")) {
    choice.otherwise = scope.transition(place.index, *value, fields.pointer("Default"));
  }
  fields.require("Choices", "a Choice state needs an array of rules");
  const Json* rules = fields.array("Choices");
  const std::string pointer = fields.pointer("Choices");
  if (rules != nullptr && rules->empty()) {
    context.problem(pointer, "\"Choices\" must have at least one rule");
  }
  if (rules == nullptr || rules->empty()) {
    scope.add_unknown_edge(place.index);
    return choice;
  }
  for (std::size_t i = 0; i < rules->size(); ++i) {
    const Json& value = (*rules)[i];
    const std::string at = fmt::format("{}/{}", pointer, i);
    bool resolved = false;
    auto rule = parse_choice_rule(
        value, at, language,
        [&](std::string_view name, std::string_view next_at, std::vector<Problem>& problems) {
          const StateIndex next = scope.resolve(name, next_at, &problems);
          scope.add_resolved_edge(place.index);
          resolved = true;
          return next;
        });
    if (!resolved) scope.add_unknown_edge(place.index);
    if (const auto assign = value.is_object() ? value.find("Assign") : value.end();
        assign != value.end() && assign->is_object())
      definition.variables.assign(context, place.variables, place.index, language, *assign,
                                  at + "/Assign");
    if (!rule) {
      context.add(rule.error(), at);
      continue;
    }
    choice.conditions.push_back(condition_text(value));
    choice.rules.push_back(std::move(*rule));
  }
  return choice;
}

WaitState parse_wait(const Fields& fields, QueryLanguage language) {
  static constexpr std::array<std::string_view, 4> all_names = {"Seconds", "Timestamp",
                                                                "SecondsPath", "TimestampPath"};
  const auto names = std::span<const std::string_view>(all_names).first(
      language == QueryLanguage::jsonata ? 2 : all_names.size());
  WaitState wait;
  ParseContext& context = fields.context();
  std::string given;
  for (const std::string_view name : names) {
    if (!fields.has(name)) continue;
    if (!given.empty()) {
      context.problem(
          fields.pointer(name),
          fmt::format("{} and {} exclude each other; a Wait state has exactly one of {}",
                      in_quotes(given), in_quotes(name), list_of(names)));
    }
    given = name;
  }
  if (given.empty()) {
    context.problem(fields.pointer(),
                    fmt::format("a Wait state needs exactly one of {}", list_of(names)));
  }
  if (holds_expression(fields, "Seconds", language)) {
    if (auto value = parse_value(fields, "Seconds", language)) wait.until = Seconds(*value);
  } else if (const auto seconds = fields.integer("Seconds", 0, seconds_max)) {
    wait.until = Seconds(*seconds);
  }
  if (holds_expression(fields, "Timestamp", language)) {
    if (auto value = parse_value(fields, "Timestamp", language))
      wait.until = WaitState::Until{std::move(*value)};
  } else if (const auto text = fields.string("Timestamp")) {
    if (const auto time = parse_rfc3339(*text)) {
      wait.until = WaitState::Until{*time};
    } else {
      context.problem(
          fields.pointer("Timestamp"),
          fmt::format("{} is no time: expected RFC 3339 with capital \"T\" and \"Z\" or an "
                      "offset, like \"2026-01-31T23:59:59Z\"",
                      in_quotes(*text)));
    }
  }
  if (language == QueryLanguage::jsonata) return wait;
  if (auto path = parse_value_path(fields, "SecondsPath")) wait.until = Seconds(std::move(*path));
  if (auto path = parse_value_path(fields, "TimestampPath")) {
    wait.until = WaitState::Until{std::move(*path)};
  }
  return wait;
}

FailState parse_fail(const Fields& fields, QueryLanguage language) {
  FailState fail;
  const auto text_or_value = [&](std::string_view name, std::optional<std::string>& text,
                                 std::optional<Value>& value) {
    if (holds_expression(fields, name, language)) {
      value = parse_value(fields, name, language);
    } else {
      text = fields.string(name);
    }
  };
  text_or_value("Error", fail.error, fail.error_value);
  text_or_value("Cause", fail.cause, fail.cause_value);
  if (language == QueryLanguage::jsonata) return fail;
  fields.exclude("Error", "ErrorPath");
  fields.exclude("Cause", "CausePath");
  fail.error_path = parse_string_expression(fields, "ErrorPath");
  fail.cause_path = parse_string_expression(fields, "CausePath");
  return fail;
}

}  // namespace sluice::workflows
