// Functions on arrays, and the equality of kinds.
#include <algorithm>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {

Value Evaluator::append(Value first, Value second) {
  if (first.is_undefined()) return second;
  if (second.is_undefined()) return first;
  Array* result = heap_.new_array();
  for (const Value part : {first, second}) {
    if (part.is_array()) {
      spend(part.as_array()->is_range ? 1 : part.as_array()->size);
      heap_.push_all(result, part.as_array());
    } else {
      heap_.push(result, part);
    }
  }
  return Value(result);
}

namespace {

Value append_call(Evaluator& evaluator, const Call& call) {
  return evaluator.append(call[0], call[1]);
}

Value exists(Evaluator&, const Call& call) { return Value::boolean(!call[0].is_undefined()); }

Value boolean(Evaluator& evaluator, const Call& call) {
  return call[0].is_undefined() ? Value() : Value::boolean(evaluator.to_boolean(call[0]));
}

Value negation(Evaluator& evaluator, const Call& call) {
  return call[0].is_undefined() ? Value() : Value::boolean(!evaluator.to_boolean(call[0]));
}

Value reverse(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined() || call[0].as_array()->size <= 1) return call[0];
  const auto items = evaluator.heap().items(call[0].as_array());
  evaluator.spend(static_cast<std::int64_t>(items.size()));
  Array* result = evaluator.heap().new_array(items.size());
  for (std::size_t i = items.size(); i > 0; --i) evaluator.heap().push(result, items[i - 1]);
  return Value(result);
}

Value shuffle(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined() || call[0].as_array()->size <= 1) return call[0];
  const auto items = evaluator.heap().items(call[0].as_array());
  evaluator.spend(static_cast<std::int64_t>(items.size()));
  Array* result = evaluator.heap().new_array(items.size());
  for (const Value item : items) {
    evaluator.heap().push(result, item);
    const std::size_t place = evaluator.random().below(result->size);
    std::swap(result->items[result->size - 1], result->items[place]);
  }
  return Value(result);
}

Value distinct(Evaluator& evaluator, const Call& call) {
  if (!call[0].is_array() || call[0].as_array()->size <= 1) return call[0];
  Heap& heap = evaluator.heap();
  Array* result = heap.new_array();
  result->is_sequence = call[0].as_array()->is_sequence;
  Object* seen = heap.new_object();  // texts, so that many of them are no square
  for (const Value item : heap.items(call[0].as_array())) {
    if (item.is_string()) {
      evaluator.spend_text(item.as_string().size());
      if (heap.has(seen, item.as_string())) continue;
      heap.set(seen, item.as_string(), Value::null());
      heap.push(result, item);
      continue;
    }
    evaluator.spend(1 + result->size / 16);
    const auto kept = heap.items(result);
    if (std::none_of(kept.begin(), kept.end(),
                     [&](Value other) { return evaluator.equal(item, other); }))
      heap.push(result, item);
  }
  return Value(result);
}

Value zip(Evaluator& evaluator, const Call& call) {
  Heap& heap = evaluator.heap();
  Array* result = heap.new_array();
  std::size_t size = call.arguments.empty() ? 0 : SIZE_MAX;
  for (const Value list : call.arguments)
    size = std::min<std::size_t>(size, list.is_array() ? list.as_array()->size : 0);
  for (std::size_t i = 0; i < size; ++i) {
    evaluator.spend(static_cast<std::int64_t>(call.arguments.size()));
    Array* row = heap.new_array(call.arguments.size());
    for (const Value list : call.arguments) heap.push(row, heap.item(list.as_array(), i));
    heap.push(result, Value(row));
  }
  return Value(result);
}

// Whether a comparator's answer means yes, by JavaScript's rule.
bool is_truthy(Value value) {
  switch (value.type()) {
    case Type::undefined:
    case Type::null:
      return false;
    case Type::boolean:
      return value.as_boolean();
    case Type::number:
      return value.as_number() != 0 && value.as_number() == value.as_number();
    case Type::string:
      return !value.as_string().empty();
    default:
      return true;
  }
}

Value sort(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined() || call[0].as_array()->size <= 1) return call[0];
  const auto items = evaluator.heap().items(call[0].as_array());
  if (call[1].is_function()) {
    return Value(evaluator.sort(items, [&](Value a, Value b) {
      std::array<Value, 2> arguments{a, b};
      return is_truthy(evaluator.apply(call[1], arguments, Value::null(), call.frame));
    }));
  }
  const auto all = [&](Type type) {
    return std::all_of(items.begin(), items.end(), [&](Value item) {
      return type == Type::number ? Evaluator::is_number(item) : item.type() == type;
    });
  };
  if (all(Type::string))
    return Value(evaluator.sort(
        items, [](Value a, Value b) { return compare(a.as_string(), b.as_string()) > 0; }));
  if (!all(Type::number)) fail("D3070", {.index = 1});
  return Value(
      evaluator.sort(items, [](Value a, Value b) { return a.as_number() > b.as_number(); }));
}

Value type(Evaluator&, const Call& call) {
  switch (call[0].type()) {
    case Type::undefined:
      return {};
    case Type::null:
      return Value(std::string_view("null"));
    case Type::boolean:
      return Value(std::string_view("boolean"));
    case Type::number:
      return Value(std::string_view("number"));
    case Type::string:
      return Value(std::string_view("string"));
    case Type::array:
      return Value(std::string_view("array"));
    case Type::function:
      return Value(std::string_view("function"));
    case Type::object:
    case Type::tuple:
      break;
  }
  return Value(std::string_view("object"));
}

constexpr Builtin functions[] = {
    {"append", "<xx:a>", 2, append_call}, {"exists", "<x:b>", 1, exists},
    {"boolean", "<x-:b>", 1, boolean},    {"not", "<x-:b>", 1, negation},
    {"reverse", "<a:a>", 1, reverse},     {"shuffle", "<a:a>", 1, shuffle},
    {"distinct", "<x:x>", 1, distinct},   {"zip", "<a+>", 0, zip},
    {"sort", "<af?:a>", 2, sort},         {"type", "<x:s>", 1, type},
};

}  // namespace

std::span<const Builtin> array_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
