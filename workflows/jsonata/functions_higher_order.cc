// Functions that take functions, and what only one of the dialects has.
#include "workflows/jsonata/evaluator.h"

namespace sluice::workflows::jsonata {
namespace {

Value map(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  Heap& heap = evaluator.heap();
  const Array* list = call[0].as_array();
  Array* results = heap.new_sequence();
  for (std::size_t i = 0; i < list->size; ++i) {
    const Value result = evaluator.apply_item(call[1], heap.item(list, i),
                                              Value(static_cast<double>(i)), call[0], call.frame);
    if (!result.is_undefined()) heap.push(results, result);
  }
  return Value(results);
}

Value filter(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  Heap& heap = evaluator.heap();
  const Array* list = call[0].as_array();
  Array* results = heap.new_sequence();
  for (std::size_t i = 0; i < list->size; ++i) {
    const Value item = heap.item(list, i);
    const Value kept =
        evaluator.apply_item(call[1], item, Value(static_cast<double>(i)), call[0], call.frame);
    if (evaluator.to_boolean(kept)) heap.push(results, item);
  }
  return Value(results);
}

Value single(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  Heap& heap = evaluator.heap();
  const Array* list = call[0].as_array();
  std::optional<Value> found;
  for (std::size_t i = 0; i < list->size; ++i) {
    const Value item = heap.item(list, i);
    if (!call[1].is_undefined() &&
        !evaluator.to_boolean(evaluator.apply_item(call[1], item, Value(static_cast<double>(i)),
                                                   call[0], call.frame)))
      continue;
    if (found) fail("D3138", {.index = static_cast<int>(i)});
    found = item;
  }
  if (!found) fail("D3139");
  return *found;
}

Value reduce(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  Heap& heap = evaluator.heap();
  const Array* list = call[0].as_array();
  const std::size_t arity = call[1].is_function() ? evaluator.arity(call[1]) : 0;
  if (arity < 2) fail("D3050", {.index = 1});
  std::size_t at = 0;
  Value result = call[2];
  if (result.is_undefined() && list->size > 0) result = heap.item(list, at++);
  for (; at < list->size; ++at) {
    evaluator.spend(1);
    std::array<Value, 4> arguments{result, heap.item(list, at), Value(static_cast<double>(at)),
                                   call[0]};
    result = evaluator.apply(call[1], std::span(arguments).first(std::min<std::size_t>(arity, 4)),
                             Value::null(), call.frame);
  }
  return result;
}

Value evaluate_text(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  return evaluator.evaluate_text(call[0].as_string(), call[1].is_undefined() ? call.input : call[1],
                                 call.frame);
}

Value random(Evaluator& evaluator, const Call&) { return Value(evaluator.random().unit()); }

constexpr Builtin functions[] = {
    {"map", "<af>", 2, map},
    {"filter", "<af>", 2, filter},
    {"single", "<af?>", 2, single},
    {"reduce", "<afj?:j>", 3, reduce},
};

constexpr Builtin standard_only[] = {
    {"eval", "<sx?:x>", 2, evaluate_text},
    {"random", "<:n>", 0, random},
};

}  // namespace

std::span<const Builtin> higher_order_functions() { return functions; }
std::span<const Builtin> standard_only_functions() { return standard_only; }

const Library& library(Dialect dialect) {
  const auto make = [](Dialect of) {
    Library made;
    made.names.number("@");
    made.names.number("$");
    for (const auto table :
         {string_functions(), pattern_functions(), encoding_functions(), numeric_functions(),
          array_functions(), object_functions(), higher_order_functions(), datetime_functions(),
          of == Dialect::states ? states_functions() : standard_only_functions()}) {
      for (const Builtin& builtin : table) {
        made.names.number(builtin.name);
        made.entries.push_back({&builtin, Signature(builtin.signature)});
      }
    }
    return made;
  };
  static const Library standard = make(Dialect::standard);
  static const Library states = make(Dialect::states);
  return dialect == Dialect::states ? states : standard;
}

}  // namespace sluice::workflows::jsonata
