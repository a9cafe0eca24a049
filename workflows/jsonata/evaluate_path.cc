// Paths: each step maps the sequence before it. A step that binds variables (@, #, or a parent that
// somebody asks for) makes the rest of the path a stream of tuples.
#include <cmath>

#include "workflows/jsonata/evaluator.h"

namespace sluice::workflows::jsonata {

Array* Evaluator::as_sequence(Value value) {
  return value.is_array() ? value.as_array() : heap_.new_sequence(value);
}

Value Evaluator::evaluate_path(const Node& node, Value input, Frame* frame) {
  const Node& first = *node.items.front();
  Array* current = input.is_array() && first.kind != Kind::variable ? input.as_array() : nullptr;
  Value result;
  Array* tuples = nullptr;
  bool is_tuple_stream = false;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& step = *node.items[i];
    if (step.tuple) is_tuple_stream = true;
    if (i == 0 && current == nullptr && !is_tuple_stream && !step.cons_array &&
        step.kind == Kind::name && step.stages.empty() && node.items.size() == 1 &&
        !node.keep_singleton_array && !node.keep_array && !node.group) {
      // One name, asked of one item: most paths.
      return step_item(step, input, frame);
    }
    if (current == nullptr) current = heap_.new_sequence(input);
    if (i == 0 && step.cons_array) {
      result = evaluate(step, Value(current), frame);
    } else if (is_tuple_stream) {
      tuples =
          evaluate_tuple_step(step, tuples == nullptr ? current : tuples, tuples != nullptr, frame);
      continue;
    } else {
      result = evaluate_step(step, current, frame, i + 1 == node.items.size());
    }
    if (result.is_undefined() || (result.is_array() && result.as_array()->size == 0)) break;
    if (step.focus == 0) current = as_sequence(result);
  }
  if (is_tuple_stream && tuples != nullptr) {
    if (node.tuple) {
      result = Value(tuples);
    } else {
      Array* items = heap_.new_sequence();
      for (const Value tuple : heap_.items(tuples))
        heap_.push(items, Heap::get(tuple.as_tuple(), item_symbol));
      result = Value(items);
    }
  }
  if (node.keep_singleton_array && result.is_array()) {
    if (result.as_array()->is_cons && !result.as_array()->is_sequence)
      result = Value(heap_.new_sequence(result));
    result.as_array()->keep_singleton = true;
  }
  if (node.group)
    result = evaluate_group(node.group->pairs, node.group->position,
                            tuples != nullptr ? Value(tuples) : result, frame);
  return result;
}

Value Evaluator::step_item(const Node& step, Value item, Frame* frame) {
  Value result;
  if (step.kind == Kind::name && step.predicates.empty() && !step.group) {
    const Deeper deeper(*this);
    spend(1);
    result = settle(
        step, item.is_object() ? heap_.get(item.as_object(), step.text) : lookup(item, step.text));
  } else {
    result = evaluate(step, item, frame);
  }
  for (const Stage& stage : step.stages) result = filter(*stage.filter, result, frame);
  return result;
}

Value Evaluator::evaluate_step(const Node& step, Array* input, Frame* frame, bool last) {
  if (step.kind == Kind::sort) {
    const Value sorted = evaluate_sort(step, Value(input), frame);
    return step.stages.empty() ? sorted : run_stages(step.stages, sorted, frame);
  }
  // The first result waits, because a single array that the last step finds is not taken apart.
  Value only;
  std::size_t count = 0;
  Array* results = nullptr;
  const auto take = [&](Value value) {
    if (!value.is_array() || value.as_array()->is_cons) {
      heap_.push(results, value);
    } else {
      spend(value.as_array()->is_range ? 1 : value.as_array()->size);
      heap_.push_all(results, value.as_array());
    }
  };
  for (std::size_t i = 0; i < input->size; ++i) {
    const Value result = step_item(step, heap_.item(input, i), frame);
    if (result.is_undefined()) continue;
    if (++count == 1) {
      only = result;
      continue;
    }
    if (count == 2) {
      results = heap_.new_sequence();
      take(only);
    }
    take(result);
  }
  if (count == 1) {
    if (last && only.is_array() && !only.as_array()->is_sequence) return only;
    results = heap_.new_sequence();
    take(only);
  } else if (count == 0) {
    results = heap_.new_sequence();
  }
  return Value(results);
}

Value Evaluator::run_stages(const std::vector<Stage>& stages, Value result, Frame* frame) {
  for (const Stage& stage : stages) {
    if (stage.filter != nullptr) {
      result = filter(*stage.filter, result, frame);
      continue;
    }
    if (!result.is_array()) continue;
    double position = 0;
    for (const Value tuple : heap_.items(result.as_array())) {
      if (tuple.is_tuple()) heap_.set(tuple.as_tuple(), stage.symbol, Value(position));
      ++position;
    }
  }
  return result;
}

Array* Evaluator::evaluate_tuple_step(const Node& step, Array* input, bool are_tuples,
                                      Frame* frame) {
  Array* results = heap_.new_sequence();
  results->is_tuple_stream = true;
  if (step.kind == Kind::sort) {
    Value sorted = evaluate_sort(step, Value(input), frame);
    if (!are_tuples) {
      double position = 0;
      for (const Value item : heap_.items(as_sequence(sorted))) {
        Tuple* tuple = heap_.new_tuple(nullptr);
        heap_.set(tuple, item_symbol, item);
        if (step.index != 0) heap_.set(tuple, step.index, Value(position++));
        heap_.push(results, Value(tuple));
      }
      sorted = Value(results);
    }
    sorted = run_stages(step.stages, sorted, frame);
    return as_sequence(sorted);
  }
  for (std::size_t i = 0; i < input->size; ++i) {
    Value item = heap_.item(input, i);
    Tuple* outer = nullptr;
    if (are_tuples) {
      outer = item.as_tuple();
    } else {
      outer = heap_.new_tuple(nullptr);
      heap_.set(outer, item_symbol, item);
    }
    item = Heap::get(outer, item_symbol);
    const Value result = evaluate(step, item, tuple_frame(frame, outer));
    if (result.is_undefined()) continue;
    Array* found = as_sequence(result);
    double position = 0;
    spend(found->size);
    for (const Value one : heap_.items(found)) {
      Tuple* tuple = heap_.new_tuple(outer);
      if (found->is_tuple_stream) {
        const Tuple* inner = one.as_tuple();
        for (std::uint32_t n = 0; n < inner->size; ++n)
          heap_.set(tuple, inner->slots[n].symbol, inner->slots[n].value);
      } else {
        heap_.set(tuple, step.focus == 0 ? item_symbol : step.focus, one);
        if (step.index != 0) heap_.set(tuple, step.index, Value(position));
        if (step.ancestor != nullptr) heap_.set(tuple, step.ancestor->symbol, item);
      }
      heap_.push(results, Value(tuple));
      ++position;
    }
  }
  return as_sequence(run_stages(step.stages, Value(results), frame));
}

Value Evaluator::filter(const Node& predicate, Value input, Frame* frame) {
  Array* results = heap_.new_sequence();
  Array* from = as_sequence(input);
  if (input.is_array() && from->is_tuple_stream) results->is_tuple_stream = true;
  const auto place = [&](double index) {
    index = std::floor(index);
    return index < 0 ? index + from->size : index;
  };
  if (predicate.kind == Kind::number) {
    const double index = place(predicate.value.as_number());
    if (!(index >= 0 && index < from->size)) return Value(results);
    const Value item = heap_.item(from, static_cast<std::size_t>(index));
    if (item.is_array()) return item;
    if (!item.is_undefined()) heap_.push(results, item);
    return Value(results);
  }
  for (std::size_t i = 0; i < from->size; ++i) {
    const Value item = heap_.item(from, i);
    const Value chosen = item.is_tuple()
                             ? evaluate(predicate, Heap::get(item.as_tuple(), item_symbol),
                                        tuple_frame(frame, item.as_tuple()))
                             : evaluate(predicate, item, frame);
    if (is_number(chosen)) {
      if (place(chosen.as_number()) == static_cast<double>(i)) heap_.push(results, item);
      continue;
    }
    if (chosen.is_array()) {
      bool numbers = true;
      const auto list = heap_.items(chosen.as_array());
      spend(static_cast<std::int64_t>(list.size()));
      for (const Value index : list) numbers = numbers && is_number(index);
      if (numbers) {
        for (const Value index : list)
          if (place(index.as_number()) == static_cast<double>(i)) heap_.push(results, item);
        continue;
      }
    }
    if (to_boolean(chosen)) heap_.push(results, item);
  }
  return Value(results);
}

}  // namespace sluice::workflows::jsonata
