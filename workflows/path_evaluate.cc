#include <fmt/format.h>

#include <cmath>
#include <deque>

#include "workflows/json_compare.h"
#include "workflows/path.h"
#include "workflows/path_code.h"

namespace sluice::workflows {
namespace {

using Nodes = std::vector<const Json*>;

const Json* element(const Json& array, std::int64_t index) {
  if (!array.is_array()) return nullptr;
  const auto size = static_cast<std::int64_t>(array.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return nullptr;
  return &array[static_cast<std::size_t>(index)];
}

const Json* member(const Json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// Walks one path step by step, each step turning the nodes so far into the next ones, in document
// order. Values that no document holds (functions, unions of names) live in `made_` for as long as
// the walk.
class Walk {
 public:
  Walk(const Json& root, Work& work) : root_(root), work_(work) {}

  // What `code` selects from `start`; empty once the bound is passed.
  Nodes select(const PathCode& code, const Json& start) {
    Nodes nodes{&start};
    for (const PathStep& step : code.steps) {
      Nodes next;
      for (const Json* node : nodes) {
        if (!work_.spend()) return {};
        if (step.descend)
          descend(step, *node, next);
        else
          apply(step, *node, next);
      }
      nodes = std::move(next);
      if (nodes.empty()) break;
    }
    if (work_.exhausted()) nodes.clear();
    return nodes;
  }

 private:
  void add(const Json* node, Nodes& out) {
    if (node != nullptr && work_.spend()) out.push_back(node);
  }
  void add_made(Json value, Nodes& out) {
    made_.push_back(std::move(value));
    add(&made_.back(), out);
  }

  void apply(const PathStep& step, const Json& node, Nodes& out) {
    std::visit([&](const auto& kind) { apply_kind(kind, node, out); }, step.kind);
  }

  void apply_kind(const NameStep& step, const Json& node, Nodes& out) {
    if (step.names.size() == 1) return add(member(node, step.names[0]), out);
    for (const auto& name : step.names) add(member(node, name), out);
  }
  void apply_kind(const IndexStep& step, const Json& node, Nodes& out) {
    for (const std::int64_t index : step.indexes) add(element(node, index), out);
  }
  void apply_kind(const SliceStep& step, const Json& node, Nodes& out) {
    if (!node.is_array()) return;
    const auto size = static_cast<std::int64_t>(node.size());
    const auto bounded = [size](std::int64_t i) {
      return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
    };
    const std::int64_t to = bounded(step.to.value_or(size));
    for (std::int64_t i = bounded(step.from.value_or(0)); i < to && !work_.exhausted(); ++i)
      add(&node[static_cast<std::size_t>(i)], out);
  }
  void apply_kind(const WildcardStep&, const Json& node, Nodes& out) {
    if (!node.is_structured()) return;
    for (const Json& child : node) {
      add(&child, out);
      if (work_.exhausted()) return;
    }
  }
  void apply_kind(const FilterStep& step, const Json& node, Nodes& out) {
    // A filter tests an array's elements, but an object as a whole.
    if (node.is_object() && holds(*step.filter, node)) add(&node, out);
    if (!node.is_array()) return;
    for (const Json& child : node) {
      if (work_.exhausted()) return;
      if (holds(*step.filter, child)) add(&child, out);
    }
  }
  void apply_kind(const FunctionStep& step, const Json& node, Nodes& out) {
    if (auto value = call(step, node)) add_made(std::move(*value), out);
  }

  void descend(const PathStep& step, const Json& node, Nodes& out) {
    Nodes pending{&node};
    while (!pending.empty()) {
      const Json* here = pending.back();
      pending.pop_back();
      if (!work_.spend()) return;
      // An array's elements come by themselves: a filter must not meet them a second time.
      if (here->is_object() || !std::holds_alternative<FilterStep>(step.kind))
        apply(step, *here, out);
      if (!here->is_structured()) continue;
      const std::size_t first = pending.size();
      for (const Json& child : *here)
        if (child.is_structured()) pending.push_back(&child);
      std::reverse(pending.begin() + static_cast<std::ptrdiff_t>(first), pending.end());
    }
  }

  // Nothing if the operand is a path that selects nothing.
  std::optional<Json> value_of(const Operand& operand, const Json& current) {
    if (const auto* literal = std::get_if<Json>(&operand)) return *literal;
    const PathCode& code = *std::get<PathPtr>(operand);
    const Nodes nodes = select(code, code.root == PathRoot::current ? current : root_);
    if (code.definite) {
      if (nodes.empty() || !work_.spend_copy(*nodes[0])) return std::nullopt;
      return *nodes[0];
    }
    Json list = Json::array();
    for (const Json* node : nodes) {
      if (!work_.spend_copy(*node)) return std::nullopt;
      list.push_back(*node);
    }
    return list;
  }

  bool holds(const Filter& filter, const Json& current) {
    if (!work_.spend()) return false;
    switch (filter.kind) {
      case FilterKind::all_of:
        return std::all_of(filter.parts.begin(), filter.parts.end(),
                           [&](const Filter& part) { return holds(part, current); });
      case FilterKind::any_of:
        return std::any_of(filter.parts.begin(), filter.parts.end(),
                           [&](const Filter& part) { return holds(part, current); });
      case FilterKind::negation:
        return !holds(filter.parts[0], current);
      case FilterKind::exists: {
        const PathCode& code = *std::get<PathPtr>(filter.left);
        return !select(code, code.root == PathRoot::current ? current : root_).empty();
      }
      case FilterKind::compare:
        break;
    }
    const auto left = value_of(filter.left, current);
    const auto right = value_of(filter.right, current);
    if (!left || !right)
      return filter.comparison == Comparison::not_equal && left.has_value() != right.has_value();
    return compare(filter.comparison, *left, *right);
  }

  bool among(const Json& value, const Json& list) {
    if (!list.is_array()) return false;
    return std::any_of(list.begin(), list.end(),
                       [&](const Json& each) { return work_.spend() && equal_json(value, each); });
  }

  bool compare(Comparison comparison, const Json& left, const Json& right) {
    switch (comparison) {
      case Comparison::equal:
        return equal_json(left, right);
      case Comparison::not_equal:
        return !equal_json(left, right);
      case Comparison::less:
      case Comparison::less_equal:
      case Comparison::greater:
      case Comparison::greater_equal: {
        std::partial_ordering order = compare_numbers(left, right);
        if (left.is_string() && right.is_string())
          order = left.get_ref<const std::string&>() <=> right.get_ref<const std::string&>();
        if (comparison == Comparison::less) return order < 0;
        if (comparison == Comparison::less_equal) return order <= 0;
        return comparison == Comparison::greater ? order > 0 : order >= 0;
      }
      case Comparison::in:
        return among(left, right);
      case Comparison::not_in:
        return !among(left, right);
      case Comparison::contains:
        if (left.is_string() && right.is_string())
          return left.get_ref<const std::string&>().find(right.get_ref<const std::string&>()) !=
                 std::string::npos;
        return among(right, left);
      case Comparison::subset_of:
        return left.is_array() && right.is_array() &&
               std::all_of(left.begin(), left.end(),
                           [&](const Json& each) { return among(each, right); });
      case Comparison::any_of:
      case Comparison::none_of: {
        if (!left.is_array() || !right.is_array()) return false;
        const bool any = std::any_of(left.begin(), left.end(),
                                     [&](const Json& each) { return among(each, right); });
        return any == (comparison == Comparison::any_of);
      }
      case Comparison::size: {
        if (!left.is_string() && !left.is_structured()) return false;
        const std::size_t size =
            left.is_string() ? left.get_ref<const std::string&>().size() : left.size();
        return equal_json(Json(size), right);
      }
      case Comparison::empty: {
        if (!right.is_boolean() || (!left.is_string() && !left.is_structured())) return false;
        const bool empty =
            left.is_string() ? left.get_ref<const std::string&>().empty() : left.empty();
        return empty == right.get<bool>();
      }
    }
    return false;
  }

  // Nothing if the function does not apply to the node.
  std::optional<Json> call(const FunctionStep& step, const Json& node) {
    std::vector<Json> arguments;
    for (const Operand& operand : step.arguments) {
      auto value = value_of(operand, node);
      if (!value) return std::nullopt;
      arguments.push_back(std::move(*value));
    }
    switch (step.function) {
      case PathFunction::length:
        if (!node.is_structured()) return std::nullopt;
        return Json(node.size());
      case PathFunction::keys: {
        if (!node.is_object()) return std::nullopt;
        Json keys = Json::array();
        for (const auto& [key, value] : node.items())
          if (work_.spend()) keys.push_back(key);
        return keys;
      }
      case PathFunction::first:
        return copy(element(node, 0));
      case PathFunction::last:
        return copy(element(node, -1));
      case PathFunction::index:
        if (!arguments[0].is_number_integer()) return std::nullopt;
        return copy(element(node, arguments[0].get<std::int64_t>()));
      case PathFunction::concat:
        return Json(concatenated(node, arguments));
      case PathFunction::append: {
        if (!node.is_array() || !work_.spend_copy(node)) return std::nullopt;
        Json list = node;
        for (Json& argument : arguments) list.push_back(std::move(argument));
        return list;
      }
      default:
        return aggregate(step.function, node, arguments);
    }
  }

  std::optional<Json> copy(const Json* node) {
    if (node == nullptr || !work_.spend_copy(*node)) return std::nullopt;
    return *node;
  }

  std::string concatenated(const Json& node, const std::vector<Json>& arguments) {
    std::string out;
    const auto add_text = [&](const Json& value) {
      if (work_.spend_copy(value))
        out += value.is_string() ? value.get<std::string>() : to_text(value);
    };
    if (node.is_array())
      for (const Json& each : node)
        if (each.is_string()) add_text(each);
    for (const Json& argument : arguments) add_text(argument);
    return out;
  }

  std::optional<Json> aggregate(PathFunction function, const Json& node,
                                const std::vector<Json>& arguments) {
    std::vector<double> numbers;
    const auto add_numbers = [&](const Json& value) {
      if (value.is_number()) numbers.push_back(value.get<double>());
      if (!value.is_array()) return;
      for (const Json& each : value)
        if (each.is_number() && work_.spend()) numbers.push_back(each.get<double>());
    };
    if (node.is_array()) add_numbers(node);
    for (const Json& argument : arguments) add_numbers(argument);
    if (numbers.empty()) return std::nullopt;
    const auto count = static_cast<double>(numbers.size());
    double sum = 0, squares = 0;
    for (const double n : numbers) sum += n;
    for (const double n : numbers) squares += (n - sum / count) * (n - sum / count);
    switch (function) {
      case PathFunction::min:
        return number(*std::min_element(numbers.begin(), numbers.end()));
      case PathFunction::max:
        return number(*std::max_element(numbers.begin(), numbers.end()));
      case PathFunction::avg:
        return number(sum / count);
      case PathFunction::sum:
        return number(sum);
      default:
        return number(std::sqrt(squares / count));
    }
  }

  // Not a float where a float would only add ".0"; infinite sums have no JSON form.
  static std::optional<Json> number(double value) {
    if (!std::isfinite(value)) return std::nullopt;
    if (value == std::floor(value) && std::fabs(value) < 9e15)
      return Json(static_cast<std::int64_t>(value));
    return Json(value);
  }

  const Json& root_;
  Work& work_;
  std::deque<Json> made_;
};

// Null: a variable that nothing has been assigned to.
const Json* root_of(const PathCode& code, const Scope& scope) {
  if (code.root == PathRoot::variable)
    return scope.variables == nullptr ? nullptr : member(*scope.variables, code.variable);
  const Json* root = code.root == PathRoot::context ? scope.context : scope.input;
  SLUICE_CHECK(root != nullptr, "the document that the path's needs() name");
  return root;
}

Failure not_assigned(const PathCode& code) {
  return {"States.Runtime",
          fmt::format("Invalid path '{}' : The variable '${}' has not been assigned", code.text,
                      code.variable),
          true};
}

// How the service says it: the step that failed, under the steps before it.
Failure not_found(const PathCode& code, const Json& root) {
  const Json* node = &root;
  std::string walked = "$";
  for (std::size_t i = 0; i < code.steps.size(); ++i) {
    const PathStep& step = code.steps[i];
    const bool last = i + 1 == code.steps.size();
    const std::string shown = walked + show_step(step);
    const Json* next = nullptr;
    std::string why = fmt::format("No results for path: {}", shown);
    if (const auto* names = std::get_if<NameStep>(&step.kind)) {
      next = member(*node, names->names[0]);
      if (!node->is_object())
        why = fmt::format(
            "Expected to find an object with property {} in path {} but found a value of type {}",
            show_step(step), walked, type_name(*node));
      else if (!last)
        why = fmt::format("Missing property in path {}", shown);
    } else if (const auto* indexes = std::get_if<IndexStep>(&step.kind)) {
      next = element(*node, indexes->indexes[0]);
      if (node->is_array())
        why = fmt::format("Index out of bounds when evaluating path {}", shown);
      else
        why = fmt::format("Expected to find an array in path {} but found a value of type {}",
                          walked, type_name(*node));
    } else {
      why = fmt::format("The function does not apply to the value of type {} at {}",
                        type_name(*node), walked);
    }
    if (next == nullptr)
      return {"States.Runtime", fmt::format("Invalid path '{}' : {}", code.text, why), true};
    node = next;
    walked = shown;
  }
  return {"States.Runtime", fmt::format("Invalid path '{}' : No results", code.text), true};
}

}  // namespace

Result<Path> Path::parse(std::string_view text) {
  auto code = parse_path(text);
  if (!code) return code.error();
  return Path(*std::move(code));
}

const std::string& Path::text() const { return code_->text; }
bool Path::definite() const { return code_->definite; }
bool Path::computed() const { return code_->computed; }
bool Path::is_root() const { return code_->root == PathRoot::input && code_->steps.empty(); }
bool Path::is_context_root() const {
  return code_->root == PathRoot::context && code_->steps.empty();
}
Needs Path::needs() const {
  Needs needs;
  needs.input = code_->root == PathRoot::input;
  needs.context = code_->root == PathRoot::context;
  needs.variables = code_->root == PathRoot::variable;
  return needs;
}

const Json* Path::document(const Scope& scope) const { return root_of(*code_, scope); }

const Json* Path::find(const Scope& scope) const {
  SLUICE_CHECK(definite() && !computed(), "a path that finds one node");
  const Json* node = root_of(*code_, scope);
  if (node == nullptr) return nullptr;
  for (const PathStep& step : code_->steps) {
    if (const auto* names = std::get_if<NameStep>(&step.kind))
      node = member(*node, names->names[0]);
    else
      node = element(*node, std::get<IndexStep>(step.kind).indexes[0]);
    if (node == nullptr) return nullptr;
  }
  return node;
}

Evaluated<Json> Path::evaluate(const Scope& scope) const {
  Work work;
  return evaluate(scope, work);
}

Evaluated<Json> Path::evaluate(const Scope& scope, Work& work) const {
  const Json* document = root_of(*code_, scope);
  if (document == nullptr) return not_assigned(*code_);
  const Json& root = *document;
  const auto bound = [&] { return Work::failure(fmt::format("The path '{}'", code_->text)); };
  if (definite() && !computed()) {
    const Json* node = find(scope);
    if (node == nullptr) return not_found(*code_, root);
    if (!work.spend_copy(*node)) return bound();
    return *node;
  }

  Walk walk(root, work);
  const auto* last_names =
      code_->computed ? std::get_if<NameStep>(&code_->steps.back().kind) : nullptr;
  if (last_names != nullptr) {
    PathCode parents = *code_;
    parents.steps.pop_back();
    Json found = Json::array();
    for (const Json* parent : walk.select(parents, root)) {
      if (!parent->is_object()) continue;
      Json merged = Json::object();
      for (const auto& name : last_names->names) {
        const Json* node = member(*parent, name);
        if (node != nullptr && work.spend_copy(*node)) merged[name] = *node;
      }
      found.push_back(std::move(merged));
    }
    if (work.exhausted()) return bound();
    if (!definite()) return found;
    if (found.empty()) return not_found(parents, root);
    return std::move(found[0]);
  }

  const Nodes nodes = walk.select(*code_, root);
  if (work.exhausted()) return bound();
  if (definite() && nodes.empty()) return not_found(*code_, root);
  Json found = Json::array();
  for (const Json* node : nodes) {
    if (!work.spend_copy(*node)) return bound();
    if (definite()) return *node;
    found.push_back(*node);
  }
  return found;
}

}  // namespace sluice::workflows
