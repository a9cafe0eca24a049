// Functions on objects, and errors on purpose.
#include "workflows/jsonata/evaluator.h"

namespace sluice::workflows::jsonata {

Value Evaluator::lookup(Value input, std::string_view key) {
  if (input.is_object()) return heap_.get(input.as_object(), key);
  if (!input.is_array()) return {};
  const Deeper deeper(*this);
  Array* results = heap_.new_sequence();
  spend(input.as_array()->size);
  for (const Value item : heap_.items(input.as_array())) {
    const Value found = lookup(item, key);
    if (found.is_undefined()) continue;
    if (found.is_array())
      heap_.push_all(results, found.as_array());
    else
      heap_.push(results, found);
  }
  return Value(results);
}

namespace {

Value lookup_call(Evaluator& evaluator, const Call& call) {
  return call[1].is_string() ? evaluator.lookup(call[0], call[1].as_string()) : Value();
}

void collect_keys(Evaluator& evaluator, Value value, Object* seen, Array* keys) {
  Heap& heap = evaluator.heap();
  evaluator.spend(1);
  if (value.is_array()) {
    const Evaluator::Deeper deeper(evaluator);
    for (const Value item : heap.items(value.as_array())) collect_keys(evaluator, item, seen, keys);
  } else if (value.is_object()) {
    for (const Member& member : heap.members(value.as_object())) {
      evaluator.spend(1);
      if (heap.has(seen, member.key)) continue;
      heap.set(seen, member.key, Value::null());
      heap.push(keys, Value(member.key));
    }
  }
}

Value keys(Evaluator& evaluator, const Call& call) {
  Array* keys = evaluator.heap().new_sequence();
  collect_keys(evaluator, call[0], evaluator.heap().new_object(), keys);
  return Value(keys);
}

Value spread(Evaluator& evaluator, const Call& call) {
  Heap& heap = evaluator.heap();
  const Value value = call[0];
  if (value.is_array()) {
    const Evaluator::Deeper deeper(evaluator);
    Array* result = heap.new_sequence();
    for (const Value item : heap.items(value.as_array())) {
      std::array<Value, 1> one{item};
      const Value parts = spread(evaluator, {one, {}, call.frame});
      if (parts.is_array()) {
        evaluator.spend(parts.as_array()->size);
        heap.push_all(result, parts.as_array());
      } else if (!parts.is_undefined()) {
        heap.push(result, parts);
      }
      result->is_sequence = false;
    }
    return Value(result);
  }
  if (!value.is_object()) return value;
  Array* result = heap.new_sequence();
  for (const Member& member : heap.members(value.as_object())) {
    evaluator.spend(1);
    Object* single = heap.new_object(1);
    heap.set(single, member.key, member.value);
    heap.push(result, Value(single));
  }
  return Value(result);
}

Value merge(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  Heap& heap = evaluator.heap();
  Object* result = heap.new_object();
  for (const Value item : heap.items(call[0].as_array())) {
    if (!item.is_object()) continue;
    for (const Member& member : heap.members(item.as_object())) {
      evaluator.spend(1);
      heap.set(result, member.key, member.value);
    }
  }
  return Value(result);
}

Value each(Evaluator& evaluator, const Call& call) {
  Heap& heap = evaluator.heap();
  Array* results = heap.new_sequence();
  if (!call[0].is_object()) return Value(results);
  for (const Member& member : heap.members(call[0].as_object())) {
    const Value result =
        evaluator.apply_item(call[1], member.value, Value(member.key), call[0], call.frame);
    if (!result.is_undefined()) heap.push(results, result);
  }
  return Value(results);
}

Value sift(Evaluator& evaluator, const Call& call) {
  Heap& heap = evaluator.heap();
  if (!call[0].is_object()) return {};
  Object* result = heap.new_object();
  for (const Member& member : heap.members(call[0].as_object())) {
    const Value kept =
        evaluator.apply_item(call[1], member.value, Value(member.key), call[0], call.frame);
    if (evaluator.to_boolean(kept)) heap.set(result, member.key, member.value);
  }
  return result->size == 0 ? Value() : Value(result);
}

Value error(Evaluator&, const Call& call) {
  fail("D3137", {.text = call[0].is_string() && !call[0].as_string().empty()
                             ? std::string(call[0].as_string())
                             : "$error() function evaluated"});
}

Value assertion(Evaluator&, const Call& call) {
  if (call[0].is_boolean() && call[0].as_boolean()) return {};
  fail("D3141", {.text = call[1].is_string() && !call[1].as_string().empty()
                             ? std::string(call[1].as_string())
                             : "$assert() statement failed"});
}

Value clone_call(Evaluator& evaluator, const Call& call) {
  return call[0].is_undefined() ? Value() : evaluator.clone(call[0]);
}

constexpr Builtin functions[] = {
    {"keys", "<x-:a<s>>", 1, keys},        {"lookup", "<x-s:x>", 2, lookup_call},
    {"spread", "<x-:a<o>>", 1, spread},    {"merge", "<a<o>:o>", 1, merge},
    {"each", "<o-f:a>", 2, each},          {"sift", "<o-f?:o>", 2, sift},
    {"error", "<s?:x>", 1, error},         {"assert", "<bs?:x>", 2, assertion},
    {"clone", "<(oa)-:o>", 1, clone_call},
};

}  // namespace

std::span<const Builtin> object_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
