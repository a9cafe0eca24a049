// The border: from documents to values and back, and what an expression mentions.
#include <algorithm>
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

struct HoldsFunction {};

class Exporter {
 public:
  Exporter(Heap& heap, Dialect dialect, std::size_t bytes_max)
      : heap_(heap), dialect_(dialect), bytes_left_(bytes_max) {}

  Json document(Value value, std::size_t depth = 0) {
    if (depth > json_depth_max) fail_bound("depth");
    switch (value.type()) {
      case Type::undefined:
      case Type::null:
        return nullptr;
      case Type::boolean:
        return value.as_boolean();
      case Type::number:
        return number(value.as_number());
      case Type::string:
        take(value.as_string().size());
        if (has_surrogate(value.as_string())) return without_surrogates(value.as_string());
        return std::string(value.as_string());
      case Type::array: {
        const Array& array = *value.as_array();
        // What was never looked into goes out as it came in.
        if (array.lazy != nullptr && array.items == nullptr) return whole(*array.lazy, depth);
        Json made = Json::array();
        auto& items = made.get_ref<Json::array_t&>();
        take(array.size * sizeof(Json));
        items.reserve(array.size);
        for (const Value item : heap_.items(&array))
          items.push_back(item.is_function() ? Json() : document(item, depth + 1));
        return made;
      }
      case Type::object: {
        const Object& object = *value.as_object();
        if (object.lazy != nullptr && object.members == nullptr) return whole(*object.lazy, depth);
        Json made = Json::object();
        auto& members = made.get_ref<Json::object_t&>();
        members.reserve(object.size);
        for (const Member& member : heap_.members(&object)) {
          if (member.value.is_undefined() || member.value.is_function()) continue;
          take(member.key.size() + 2 * sizeof(Json));
          members.emplace(
              has_surrogate(member.key) ? without_surrogates(member.key) : std::string(member.key),
              document(member.value, depth + 1));
        }
        return made;
      }
      case Type::tuple:
        return document(Heap::get(value.as_tuple(), item_symbol), depth);
      case Type::function:
        break;
    }
    throw HoldsFunction{};
  }

 private:
  Json number(double value) const {
    if (!std::isfinite(value)) {
      if (dialect_ == Dialect::states) return number_text(value);
      if (std::isnan(value)) return nullptr;
      fail("D1001", {.value = "null"});
    }
    // Whole numbers are written without a fraction.
    if (value == std::floor(value) && std::fabs(value) < 9.2e18)
      return static_cast<std::int64_t>(value);
    return value;
  }
  // A shared value may be reached many times, so that a small one grows large outside.
  void take(std::size_t bytes) {
    if (bytes > bytes_left_) fail_bound("memory");
    bytes_left_ -= bytes;
  }
  Json whole(const Json& document, std::size_t depth) {
    measure(document, depth);
    return document;
  }
  void measure(const Json& document, std::size_t depth) {
    if (depth > json_depth_max) fail_bound("depth");
    take(sizeof(Json));
    if (document.is_string()) {
      take(document.get_ref<const std::string&>().size());
    } else if (document.is_array()) {
      for (const Json& item : document) measure(item, depth + 1);
    } else if (document.is_object()) {
      for (const auto& [key, value] : document.get_ref<const Json::object_t&>()) {
        take(key.size() + sizeof(Json));
        measure(value, depth + 1);
      }
    }
  }

  Heap& heap_;
  Dialect dialect_;
  std::size_t bytes_left_;
};

// Calls `visit` for every node that the expression evaluates, saying whether the context item there
// is that of the whole expression.
template <class Visit>
void walk(const Node& node, bool top, const Visit& visit) {
  visit(node, top);
  if (node.kind == Kind::path) {
    bool first = true;
    for (const Node* step : node.items) {
      walk(*step, top && first, visit);
      first = false;
    }
  } else if (node.kind != Kind::lambda) {
    for (const Node* item : node.items) walk(*item, top, visit);
  }
  const bool transforms = node.kind == Kind::transform;
  for (const Node* part : {node.lhs, node.rhs, node.otherwise})
    if (part != nullptr) walk(*part, top && !transforms, visit);
  for (const Pair& pair : node.pairs) {
    walk(*pair.key, top, visit);
    walk(*pair.value, top, visit);
  }
  for (const Term& term : node.terms) walk(*term.expression, false, visit);
  for (const auto* stages : {&node.predicates, &node.stages})
    for (const Stage& stage : *stages)
      if (stage.filter != nullptr) walk(*stage.filter, false, visit);
  if (node.group)
    for (const Pair& pair : node.group->pairs) {
      walk(*pair.key, false, visit);
      walk(*pair.value, false, visit);
    }
}

}  // namespace

std::variant<Expression, Error> compile(std::string_view text, Dialect dialect) {
  try {
    return Expression(make_program(text, dialect, library(dialect).names));
  } catch (const Failure& failure) {
    return to_error(failure);
  }
}

Answer Expression::evaluate(const Environment& environment, std::int64_t* steps_used) const {
  Evaluator evaluator(*program_, environment);
  Answer answer = Undefined{};
  try {
    const Value value = evaluator.run();
    if (!value.is_undefined())
      answer = Exporter(evaluator.heap(), program_->dialect, environment.limits.memory_bytes_max)
                   .document(value);
  } catch (const Failure& failure) {
    answer = evaluator.describe(failure);
  } catch (const HoldsFunction&) {
    answer = NoDocument{};
  }
  if (steps_used != nullptr) *steps_used += evaluator.steps_used();
  return answer;
}

std::vector<Expression::Mention> Expression::mentions() const {
  std::vector<Mention> found;
  const auto note = [&](const Node& variable, std::string_view member) {
    if (variable.symbol < first_builtin_symbol + library(program_->dialect).entries.size()) return;
    Mention mention{std::string(variable.text), std::string(member)};
    if (std::find(found.begin(), found.end(), mention) == found.end())
      found.push_back(std::move(mention));
  };
  // Heads of paths whose member is known; the walk comes to them again by themselves.
  std::vector<const Node*> heads;
  walk(*program_->root, true, [&](const Node& node, bool) {
    if (node.kind == Kind::path && node.items.size() > 1 && node.items[0]->kind == Kind::variable &&
        node.items[0]->predicates.empty() && node.items[0]->stages.empty() &&
        node.items[1]->kind == Kind::name) {
      note(*node.items[0], node.items[1]->text);
      heads.push_back(node.items[0]);
    } else if (node.kind == Kind::variable &&
               std::find(heads.begin(), heads.end(), &node) == heads.end()) {
      note(node, "");
    }
  });
  return found;
}

std::optional<ContextReference> Expression::first_context_reference() const {
  std::optional<ContextReference> found;
  walk(*program_->root, true, [&](const Node& node, bool top) {
    if (found) return;
    if (node.kind == Kind::variable && node.symbol == root_symbol)
      found = {"$$", node.position};
    else if (!top)
      return;
    else if (node.kind == Kind::variable && node.symbol == 0)
      found = {"$", node.position};
    else if (node.kind == Kind::name)
      found = {std::string(node.text), node.position};
    else if (node.kind == Kind::wildcard)
      found = {"*", node.position};
    else if (node.kind == Kind::descendant)
      found = {"**", node.position};
  });
  return found;
}

}  // namespace sluice::workflows::jsonata
