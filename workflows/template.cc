#include "workflows/template.h"

#include <fmt/format.h>

#include "workflows/intrinsic.h"

namespace sluice::workflows {

Result<Expression> Expression::parse(std::string_view text) {
  Expression expression;
  expression.text_ = std::string(text);
  if (text.starts_with('$')) {
    auto path = Path::parse(text);
    if (!path) return path.error();
    expression.needs_ = path->needs();
    expression.path_ = *std::move(path);
    return expression;
  }
  if (!text.starts_with("States."))
    return make_error(
        Errc::invalid_argument,
        fmt::format("'{}' is neither a path ($.…) nor a function (States.…(…)); to pass it on as "
                    "text, leave \".$\" off the key",
                    text));
  auto call = parse_intrinsic(text);
  if (!call) return call.error();
  expression.needs_ = (*call)->needs;
  expression.call_ = *std::move(call);
  return expression;
}

Evaluated<Json> Expression::evaluate(const Scope& scope, Random& chance,
                                     std::string_view field) const {
  Work work;
  return evaluate(scope, chance, field, work);
}

Evaluated<Json> Expression::evaluate(const Scope& scope, Random& chance, std::string_view field,
                                     Work& work) const {
  if (call_) return call_->evaluate(scope, chance, work);
  auto value = path_->evaluate(scope, work);
  if (!value && value.failure().path_not_found) {
    const Json* root = path_->document(scope);
    if (root == nullptr) return value;
    return Failure{
        "States.Runtime",
        fmt::format(
            "The JSONPath '{}' specified for the field '{}' could not be found in the input '{}'",
            text_, field, excerpt(*root)),
        true};
  }
  return value;
}

struct PayloadTemplate::Node {
  struct Member;
  enum class Kind { constant, expression, object, array } kind = Kind::constant;
  Json value;                            // constant
  std::optional<Expression> expression;  // expression
  std::string field;                     // expression: its key, with ".$"
  std::vector<Member> members;           // object
  std::vector<Node> elements;            // array
  Needs needs;
};
struct PayloadTemplate::Node::Member {
  std::string key;
  Node node;
};

namespace {

using Node = PayloadTemplate::Node;

// Recurses as deep as the definition nests, which the reader of the definition bounds.
Node parse_node(const Json& value, const std::string& pointer, std::vector<Problem>& problems) {
  Node node;
  bool computes = false;
  if (value.is_object()) {
    node.kind = Node::Kind::object;
    for (const auto& [key, member] : value.items()) {
      const std::string place = pointer + "/" + pointer_token(key);
      if (!key.ends_with(".$")) {
        Node child = parse_node(member, place, problems);
        computes |= child.kind != Node::Kind::constant;
        node.needs |= child.needs;
        node.members.push_back({key, std::move(child)});
        continue;
      }
      computes = true;
      const std::string name = key.substr(0, key.size() - 2);
      if (value.contains(name))
        problems.push_back(
            {place, fmt::format("both \"{}\" and \"{}\" give the member \"{}\"; keep one of them",
                                name, key, name)});
      if (!member.is_string()) {
        problems.push_back(
            {place,
             fmt::format("the key ends with \".$\", so the value must be a string that holds a "
                         "path or a function, but it is {}",
                         excerpt(member, 100))});
        continue;
      }
      auto expression = Expression::parse(member.get_ref<const std::string&>());
      if (!expression) {
        problems.push_back({place, expression.error().detail});
        continue;
      }
      Node child;
      child.kind = Node::Kind::expression;
      child.needs = expression->needs();
      child.expression = *std::move(expression);
      child.field = key;
      node.needs |= child.needs;
      node.members.push_back({name, std::move(child)});
    }
  } else if (value.is_array()) {
    node.kind = Node::Kind::array;
    for (std::size_t i = 0; i < value.size(); ++i) {
      node.elements.push_back(parse_node(value[i], fmt::format("{}/{}", pointer, i), problems));
      computes |= node.elements.back().kind != Node::Kind::constant;
      node.needs |= node.elements.back().needs;
    }
  }
  if (!computes) {
    node = Node{};
    node.value = value;
  }
  return node;
}

Evaluated<Json> evaluate_node(const Node& node, const Scope& scope, Random& chance, Work& work) {
  switch (node.kind) {
    case Node::Kind::constant:
      return node.value;
    case Node::Kind::expression:
      return node.expression->evaluate(scope, chance, node.field, work);
    case Node::Kind::object: {
      Json object = Json::object();
      for (const auto& [key, member] : node.members) {
        auto value = evaluate_node(member, scope, chance, work);
        if (!value) return value;
        object[key] = *std::move(value);
      }
      return object;
    }
    case Node::Kind::array: {
      Json array = Json::array();
      for (const Node& element : node.elements) {
        auto value = evaluate_node(element, scope, chance, work);
        if (!value) return value;
        array.push_back(*std::move(value));
      }
      return array;
    }
  }
  return Json();
}

}  // namespace

Result<PayloadTemplate> PayloadTemplate::parse(const Json& value, std::string_view pointer) {
  std::vector<Problem> problems;
  auto root = std::make_shared<Node>(parse_node(value, std::string(pointer), problems));
  if (!problems.empty())
    return Error{Errc::invalid_definition, "the template has problems", std::move(problems)};
  return PayloadTemplate(std::move(root));
}

Needs PayloadTemplate::needs() const { return root_->needs; }
bool PayloadTemplate::constant() const { return root_->kind == Node::Kind::constant; }

Evaluated<Json> PayloadTemplate::evaluate(const Scope& scope, Random& chance) const {
  Work work;
  return evaluate_node(*root_, scope, chance, work);
}

}  // namespace sluice::workflows
