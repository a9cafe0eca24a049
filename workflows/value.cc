#include "workflows/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "workflows/jsonata/jsonata.h"
#include "workflows/template.h"

namespace sluice::workflows {

struct Value::Form {
  struct Member;
  struct Node {
    enum class Kind { constant, expression, object, array } kind = Kind::constant;
    Json value;        // constant
    std::string text;  // expression: as written, without the marks
    std::optional<jsonata::Expression> expression;
    std::vector<Member> members;
    std::vector<Node> elements;
  };
  struct Member {
    std::string key;
    Node node;
  };
  QueryLanguage language = QueryLanguage::jsonpath;
  Needs needs;
  std::optional<PayloadTemplate> filled;  // JSONPath
  Node root;                              // JSONata
  std::vector<std::string> variables;     // that its expressions mention, each once
};

namespace {

using Form = Value::Form;
using Node = Value::Form::Node;

struct Parsing {
  Needs offered;
  Needs needs;
  std::vector<std::string> variables;
  std::vector<Problem> problems;
};

void note_mentions(const jsonata::Expression& expression, const std::string& pointer,
                   Parsing& parsing) {
  const auto refuse = [&](std::string_view member, std::string_view where) {
    parsing.problems.push_back(
        {pointer, fmt::format("$states.{} is not to be had here: it is there {}", member, where)});
  };
  for (const auto& mention : expression.mentions()) {
    if (mention.variable != "states") {
      if (std::ranges::find(parsing.variables, mention.variable) == parsing.variables.end())
        parsing.variables.push_back(mention.variable);
      parsing.needs.variables = true;
      continue;
    }
    const bool all = mention.member.empty();
    if (all || mention.member == "input") parsing.needs.input = true;
    if (all || mention.member == "context") parsing.needs.context = true;
    if (mention.member == "result" && !parsing.offered.result)
      refuse("result", "in Output and Assign of a Task, Parallel or Map state");
    if (mention.member == "errorOutput" && !parsing.offered.error_output)
      refuse("errorOutput", "in Output and Assign of a Catch");
    if (all || mention.member == "result") parsing.needs.result |= parsing.offered.result;
    if (all || mention.member == "errorOutput")
      parsing.needs.error_output |= parsing.offered.error_output;
    if (!all && mention.member != "input" && mention.member != "context" &&
        mention.member != "result" && mention.member != "errorOutput")
      parsing.problems.push_back(
          {pointer,
           fmt::format(
               "$states has no member \"{}\": expected input, context, result or errorOutput",
               mention.member)});
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

// Recurses as deep as the definition nests, which the reader of the definition bounds.
Node parse_node(const Json& value, const std::string& pointer, Parsing& parsing) {
  Node node;
  bool computes = false;
  if (value.is_string()) {
    const std::string_view text = value.get_ref<const std::string&>();
    const bool opened = text.find("{%") != std::string_view::npos;
    const bool closed = text.find("%}") != std::string_view::npos;
    if ((opened && !closed && text.starts_with("{%")) ||
        (closed && !opened && text.ends_with("%}"))) {
      parsing.problems.push_back(
          {pointer, "the JSONata expression has only one of its marks; expected \"{% … %}\""});
    } else if (is_expression(text)) {
      node.kind = Node::Kind::expression;
      const std::string_view code = text.substr(2, text.size() - 4);
      node.text = trimmed(code);
      auto compiled = jsonata::compile(code, jsonata::Dialect::states);
      if (const auto* error = std::get_if<jsonata::Error>(&compiled)) {
        parsing.problems.push_back(
            {pointer, fmt::format("the JSONata expression cannot be read: {} (at character {})",
                                  error->message, error->position)});
        return node;
      }
      node.expression = std::get<jsonata::Expression>(std::move(compiled));
      if (const auto context = node.expression->first_context_reference())
        parsing.problems.push_back(
            {pointer, fmt::format("\"{}\" stands at the top level of the JSONata expression, where "
                                  "there is no context item: say $states.input or a variable (at "
                                  "character {})",
                                  context->name, context->position)});
      note_mentions(*node.expression, pointer, parsing);
      return node;
    }
  } else if (value.is_object()) {
    node.kind = Node::Kind::object;
    for (const auto& [key, member] : value.items()) {
      Node child = parse_node(member, pointer + "/" + pointer_token(key), parsing);
      computes |= child.kind != Node::Kind::constant;
      node.members.push_back({key, std::move(child)});
    }
  } else if (value.is_array()) {
    node.kind = Node::Kind::array;
    for (std::size_t i = 0; i < value.size(); ++i) {
      node.elements.push_back(parse_node(value[i], fmt::format("{}/{}", pointer, i), parsing));
      computes |= node.elements.back().kind != Node::Kind::constant;
    }
  }
  if (!computes) {
    node = Node{};
    node.value = value;
  }
  return node;
}

Failure query_failure(const Node& node, std::string_view place, std::string_view rest) {
  return {"States.QueryEvaluationError",
          fmt::format("The JSONata expression '{}' specified for the field '{}' {}", node.text,
                      place, rest),
          false, std::string(place)};
}

class Evaluation {
 public:
  Evaluation(const Form& form, const Scope& scope, const Surroundings& surroundings)
      : surroundings_(surroundings) {
    jsonata::Binding states{"states", nullptr, {}};
    const auto member = [&](const char* name, const Json* value) {
      if (value != nullptr) states.members.push_back({name, value, {}});
    };
    if (form.needs.input) member("input", scope.input);
    if (form.needs.result) member("result", scope.result);
    if (form.needs.error_output) member("errorOutput", scope.error_output);
    if (form.needs.context) member("context", scope.context);
    environment_.bindings.push_back(std::move(states));
    if (scope.variables != nullptr)
      for (const std::string& name : form.variables)
        if (const auto found = scope.variables->find(name); found != scope.variables->end())
          environment_.bindings.push_back({name, &*found, {}});
    environment_.now_ms = surroundings.now.us / 1'000;
    environment_.limits.steps_max = evaluation_work_max;
  }

  // Recurses as deep as the definition nests.
  Evaluated<Json> value(const Node& node, const std::string& place) {
    switch (node.kind) {
      case Node::Kind::constant:
        return node.value;
      case Node::Kind::expression:
        return expression(node, place);
      case Node::Kind::object: {
        Json object = Json::object();
        for (const auto& [key, member] : node.members) {
          auto made = value(member, place + "/" + key);
          if (!made) return made;
          object[key] = *std::move(made);
        }
        return object;
      }
      case Node::Kind::array: {
        Json array = Json::array();
        for (std::size_t i = 0; i < node.elements.size(); ++i) {
          auto made = value(node.elements[i], fmt::format("{}[{}]", place, i));
          if (!made) return made;
          array.push_back(*std::move(made));
        }
        return array;
      }
    }
    return Json();
  }

 private:
  Evaluated<Json> expression(const Node& node, const std::string& place) {
    environment_.seed = surroundings_.chance.next();
    std::int64_t used = 0;
    jsonata::Answer answer = node.expression->evaluate(environment_, &used);
    // All expressions of one value share its bound.
    environment_.limits.steps_max = std::max<std::int64_t>(0, environment_.limits.steps_max - used);
    if (auto* made = std::get_if<Json>(&answer)) return std::move(*made);
    if (std::holds_alternative<jsonata::Undefined>(answer))
      return query_failure(node, place, "returned nothing (undefined).");
    if (std::holds_alternative<jsonata::NoDocument>(answer))
      return query_failure(node, place, "returned an unsupported result type.");
    const auto& error = std::get<jsonata::Error>(answer);
    return query_failure(
        node, place,
        fmt::format("threw an error during evaluation. {}: {}", error.code, error.message));
  }

  const Surroundings& surroundings_;
  jsonata::Environment environment_;
};

}  // namespace

Result<Value> Value::parse(QueryLanguage language, const Json& value, std::string_view pointer,
                           Needs offered) {
  auto form = std::make_shared<Form>();
  form->language = language;
  if (language == QueryLanguage::jsonpath) {
    auto filled = PayloadTemplate::parse(value, pointer);
    if (!filled) return filled.error();
    form->needs = filled->needs();
    form->filled = *std::move(filled);
    return Value(std::move(form));
  }
  Parsing parsing;
  parsing.offered = offered;
  form->root = parse_node(value, std::string(pointer), parsing);
  if (!parsing.problems.empty())
    return Error{Errc::invalid_definition, "the value has problems", std::move(parsing.problems)};
  form->needs = parsing.needs;
  form->variables = std::move(parsing.variables);
  return Value(std::move(form));
}

QueryLanguage Value::language() const { return form_->language; }
Needs Value::needs() const { return form_->needs; }

const std::string* Value::expression() const {
  return form_->root.kind == Node::Kind::expression ? &form_->root.text : nullptr;
}

bool Value::constant() const {
  return form_->filled ? form_->filled->constant() : form_->root.kind == Node::Kind::constant;
}

bool is_expression(std::string_view text) {
  return text.size() >= 4 && text.starts_with("{%") && text.ends_with("%}");
}

Evaluated<Json> Value::evaluate(const Scope& scope, const Surroundings& surroundings,
                                std::string_view field) const {
  if (form_->filled) return form_->filled->evaluate(scope, surroundings.chance);
  return Evaluation(*form_, scope, surroundings).value(form_->root, std::string(field));
}

}  // namespace sluice::workflows
