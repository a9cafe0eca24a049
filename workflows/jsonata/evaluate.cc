// Dispatch, literals, variables and blocks; and the border to documents.
#include <algorithm>
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {

Evaluator::Evaluator(const Program& program, const Environment& environment)
    : program_(program),
      environment_(environment),
      limits_(environment.limits),
      library_(library(program.dialect)),
      steps_left_(environment.limits.steps_max),
      heap_(environment.limits.memory_bytes_max),
      random_(environment.seed),
      tail_marker_{.kind = Function::Kind::chain} {}

Value Evaluator::run() {
  Value input = environment_.input == nullptr ? Value() : heap_.import(*environment_.input);
  root_ = new_frame(nullptr);
  bind_environment(first_builtin_symbol);
  bind(root_, root_symbol, input);
  // An input that is an array is one item to the expression, not a sequence of them.
  if (input.is_array()) {
    Array* outer = heap_.new_sequence(input);
    outer->is_outer = true;
    input = Value(outer);
  }
  return evaluate(*program_.root, input, root_);
}

void Evaluator::bind_environment(std::uint32_t first_symbol) {
  const Names& names = evaluated_.empty() ? program_.names : evaluated_.back()->names;
  for (const Binding& binding : environment_.bindings) {
    const auto found = names.numbers.find(binding.name);
    if (found != names.numbers.end() && found->second >= first_symbol)
      bind(root_, found->second, import(binding));
  }
}

Value Evaluator::import(const Binding& binding) {
  if (binding.value != nullptr) return heap_.import(*binding.value);
  Object* made = heap_.new_object(binding.members.size());
  for (const Binding& member : binding.members) heap_.set(made, member.name, import(member));
  return Value(made);
}

Value Evaluator::evaluate(const Node& node, Value input, Frame* frame) {
  const Deeper deeper(*this);
  spend(1);
  Value result = dispatch(node, input, frame);
  for (const Stage& predicate : node.predicates) result = filter(*predicate.filter, result, frame);
  if (node.group && node.kind != Kind::path)
    result = evaluate_group(node.group->pairs, node.group->position, result, frame);
  return settle(node, result);
}

// A sequence of nothing is nothing, and of one item that item.
Value Evaluator::settle(const Node& node, Value result) {
  if (!result.is_array()) return result;
  Array* array = result.as_array();
  if (!array->is_sequence || array->is_tuple_stream) return result;
  if (node.keep_array) array->keep_singleton = true;
  if (array->size == 0) return {};
  if (array->size == 1 && !array->keep_singleton) return heap_.item(array, 0);
  return result;
}

Value Evaluator::dispatch(const Node& node, Value input, Frame* frame) {
  switch (node.kind) {
    case Kind::path:
      return evaluate_path(node, input, frame);
    case Kind::binary:
      return evaluate_binary(node, input, frame);
    case Kind::name:
      return lookup(input, node.text);
    case Kind::string:
    case Kind::number:
    case Kind::constant:
      return node.value;
    case Kind::variable:
      if (node.symbol != 0) return variable(node.symbol, frame);
      if (input.is_array() && input.as_array()->is_outer) return heap_.item(input.as_array(), 0);
      return input;
    case Kind::function:
      return evaluate_call(node, input, frame, nullptr);
    case Kind::condition: {
      if (to_boolean(evaluate(*node.lhs, input, frame))) return evaluate(*node.rhs, input, frame);
      return node.otherwise == nullptr ? Value() : evaluate(*node.otherwise, input, frame);
    }
    case Kind::coalesce: {
      const Value left = evaluate(*node.lhs, input, frame);
      return left.is_undefined() ? evaluate(*node.otherwise, input, frame) : left;
    }
    case Kind::elvis: {
      const Value left = evaluate(*node.lhs, input, frame);
      return to_boolean(left) ? left : evaluate(*node.otherwise, input, frame);
    }
    case Kind::block: {
      Frame* inner = new_frame(frame);
      Value result;
      for (const Node* item : node.items) result = evaluate(*item, input, inner);
      return result;
    }
    case Kind::bind: {
      const Value value = evaluate(*node.rhs, input, frame);
      bind(frame, node.symbol, value);
      return value;
    }
    case Kind::negate: {
      const Value value = evaluate(*node.lhs, input, frame);
      if (value.is_undefined()) return {};
      if (!is_number(value))
        fail("D1002", {.position = node.position, .token = "-", .value = excerpt(value)});
      return Value(-value.as_number());
    }
    case Kind::array:
      return evaluate_array(node, input, frame);
    case Kind::object:
      return evaluate_group(node.pairs, node.position, input, frame);
    case Kind::wildcard:
      return evaluate_wildcard(input);
    case Kind::descendant:
      return evaluate_descendants(input);
    case Kind::parent:
      return variable(node.slot->symbol, frame);
    case Kind::lambda:
      return Value(heap_.arena.make<Function>(
          Function{.kind = Function::Kind::lambda, .node = &node, .frame = frame, .input = input}));
    case Kind::thunk:
      tail_ = {node.lhs, input, frame};
      return Value(&tail_marker_);
    case Kind::regex:
      return Value(heap_.arena.make<Function>(
          Function{.kind = Function::Kind::regex, .node = &node, .regex = node.regex.get()}));
    case Kind::partial:
      return evaluate_partial(node, input, frame);
    case Kind::apply:
      return evaluate_apply(node, input, frame);
    case Kind::transform:
      return Value(heap_.arena.make<Function>(Function{
          .kind = Function::Kind::transform, .node = &node, .frame = frame, .input = input}));
    case Kind::sort:
    case Kind::end:
    case Kind::operator_name:
    case Kind::placeholder:
      break;
  }
  return {};
}

Value Evaluator::evaluate_array(const Node& node, Value input, Frame* frame) {
  Array* result = heap_.new_array();
  for (const Node* item : node.items) {
    const Value value = evaluate(*item, input, frame);
    if (value.is_undefined()) continue;
    // An array written inside this one stays one; what is merely found is spread out.
    if (value.is_array() && item->kind != Kind::array) {
      spend(value.as_array()->is_range ? 1 : value.as_array()->size);
      heap_.push_all(result, value.as_array());
    } else {
      heap_.push(result, value);
    }
  }
  if (node.cons_array) result->is_cons = true;
  return Value(result);
}

void Evaluator::flatten(Value value, Array* results) {
  if (!value.is_array()) {
    heap_.push(results, value);
    return;
  }
  const Deeper deeper(*this);
  spend(value.as_array()->size);
  for (const Value item : heap_.items(value.as_array())) flatten(item, results);
}

Value Evaluator::evaluate_wildcard(Value input) {
  Array* results = heap_.new_sequence();
  const auto gather = [&](Value value) {
    // What comes out of an array makes an array, even of one item.
    if (value.is_array()) results->is_sequence = false;
    flatten(value, results);
  };
  if (input.is_array() && input.as_array()->is_outer) input = heap_.item(input.as_array(), 0);
  if (input.is_array()) {
    spend(input.as_array()->size);
    for (const Value item : heap_.items(input.as_array())) gather(item);
  } else if (input.is_object()) {
    spend(input.as_object()->size);
    for (const Member& member : heap_.members(input.as_object())) gather(member.value);
  }
  return Value(results);
}

Value Evaluator::evaluate_descendants(Value input) {
  if (input.is_undefined()) return {};
  Array* results = heap_.new_sequence();
  descend(input, results);
  return results->size == 1 ? heap_.item(results, 0) : Value(results);
}

void Evaluator::descend(Value input, Array* results) {
  const Deeper deeper(*this);
  spend(1);
  if (!input.is_array()) heap_.push(results, input);
  if (input.is_array())
    for (const Value item : heap_.items(input.as_array())) descend(item, results);
  else if (input.is_object())
    for (const Member& member : heap_.members(input.as_object())) descend(member.value, results);
}

Frame* Evaluator::new_frame(Frame* parent, std::uint32_t capacity) {
  Frame* frame = heap_.arena.make<Frame>();
  frame->parent = parent;
  if (capacity != 0) {
    frame->slots = heap_.arena.make_array<Slot>(capacity);
    frame->capacity = capacity;
  }
  return frame;
}

Frame* Evaluator::tuple_frame(Frame* parent, Tuple* tuple) {
  Frame* frame = heap_.arena.make<Frame>();
  frame->parent = parent;
  frame->slots = tuple->slots;
  frame->size = tuple->size;
  return frame;
}

void Evaluator::bind(Frame* frame, std::uint32_t symbol, Value value) {
  if (frame->capacity != 0) {
    for (std::uint32_t i = 0; i < frame->size; ++i) {
      if (frame->slots[i].symbol != symbol) continue;
      frame->slots[i].value = value;
      return;
    }
  }
  if (frame->size >= frame->capacity) {
    Slot* moved = heap_.arena.make_array<Slot>(frame->size * 2 + 4);
    if (frame->size != 0) std::copy_n(frame->slots, frame->size, moved);
    frame->slots = moved;
    frame->capacity = frame->size * 2 + 4;
  }
  for (std::uint32_t i = 0; i < frame->size; ++i) {
    if (frame->slots[i].symbol != symbol) continue;
    frame->slots[i].value = value;
    return;
  }
  frame->slots[frame->size++] = {symbol, value};
}

Value Evaluator::variable(std::uint32_t symbol, Frame* frame) const {
  for (const Frame* at = frame; at != nullptr; at = at->parent)
    for (std::uint32_t i = 0; i < at->size; ++i)
      if (at->slots[i].symbol == symbol) return at->slots[i].value;
  const std::size_t number = symbol - first_builtin_symbol;
  if (symbol < first_builtin_symbol || number >= library_.entries.size()) return {};
  auto* self = const_cast<Evaluator*>(this);
  if (self->builtins_.empty()) self->builtins_.resize(library_.entries.size());
  Function*& made = self->builtins_[number];
  if (made == nullptr)
    made = self->heap_.arena.make<Function>(
        Function{.kind = Function::Kind::builtin, .builtin = &library_.entries[number]});
  return Value(made);
}

Value Evaluator::evaluate_text(std::string_view text, Value input, Frame* frame) {
  const Names& known = evaluated_.empty() ? program_.names : evaluated_.back()->names;
  const auto count = static_cast<std::uint32_t>(known.names.size());
  spend_text(text.size() * 16);
  const Node* root = nullptr;
  try {
    evaluated_.push_back(make_program(text, program_.dialect, known));
    root = evaluated_.back()->root;
  } catch (const Failure& failure) {
    if (failure.code == "U1001") throw;
    fail("D3120", {.value = json_text(to_error(failure).message)});
  }
  bind_environment(count);
  if (input.is_array() && !input.as_array()->is_sequence) {
    Array* outer = heap_.new_sequence(input);
    outer->is_outer = true;
    input = Value(outer);
  }
  const Place place = place_;
  try {
    return evaluate(*root, input, frame);
  } catch (const Failure& failure) {
    if (failure.code == "U1001") throw;
    const Error inner = describe(failure);
    place_ = place;
    fail("D3121", {.value = json_text(inner.message)});
  }
}

Error Evaluator::describe(const Failure& failure) const {
  Failure placed = failure;
  if (place_.known) {
    if (!placed.details.position) placed.details.position = place_.position;
    if (!placed.details.token) placed.details.token = std::string(place_.name);
  }
  return to_error(placed);
}

}  // namespace sluice::workflows::jsonata
