// Objects and groups, order-by, and transforms.
#include <algorithm>
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {

// Every item gives a key for each pair; items with the same key are collected, and the pair's value
// is evaluated once for each key.
Value Evaluator::evaluate_group(const std::vector<Pair>& pairs, std::size_t position, Value input,
                                Frame* frame) {
  struct Entry {
    std::string_view key;
    Value data;
    std::size_t pair;
    bool owned;  // `data` is an array made here, which may grow
  };
  std::vector<Entry> entries;
  Object* places = heap_.new_object();  // from key to a number of entries
  const bool is_tuple_stream = input.is_array() && input.as_array()->is_tuple_stream;
  Array* items = as_sequence(input);
  const std::size_t count = items->size == 0 && !is_tuple_stream ? 1 : items->size;
  for (std::size_t i = 0; i < count; ++i) {
    const Value item = heap_.item(items, i);
    const bool is_tuple = item.is_tuple();
    const Value context = is_tuple ? Heap::get(item.as_tuple(), item_symbol) : item;
    Frame* scope = is_tuple ? tuple_frame(frame, item.as_tuple()) : frame;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const Value key = evaluate(*pairs[p].key, context, scope);
      if (key.is_undefined()) continue;
      if (!key.is_string()) fail("T1003", {.position = position, .value = excerpt(key)});
      const Value place = heap_.get(places, key.as_string());
      if (place.is_undefined()) {
        heap_.set(places, key.as_string(), Value(static_cast<double>(entries.size())));
        entries.push_back({key.as_string(), item, p, false});
        continue;
      }
      Entry& entry = entries[static_cast<std::size_t>(place.as_number())];
      if (entry.pair != p) fail("D1009", {.position = position, .value = excerpt(key)});
      if (item.is_undefined()) continue;
      if (!entry.owned) {
        // Nothing beside something is not an array yet, and may be somebody else's.
        entry.owned = !entry.data.is_undefined();
        entry.data = append(entry.data, item);
      } else if (item.is_array()) {
        spend(item.as_array()->size);
        heap_.push_all(entry.data.as_array(), item.as_array());
      } else {
        heap_.push(entry.data.as_array(), item);
      }
    }
  }
  Object* result = heap_.new_object(entries.size());
  for (const Entry& entry : entries) {
    Value context = entry.data;
    Frame* scope = frame;
    const bool reduces =
        context.is_tuple() || (context.is_array() && context.as_array()->size != 0 &&
                               heap_.item(context.as_array(), 0).is_tuple());
    if (reduces) {
      Tuple* tuple = reduce_tuples(context);
      context = Heap::get(tuple, item_symbol);
      scope = tuple_frame(frame, tuple);
    }
    const Value value = evaluate(*pairs[entry.pair].value, context, scope);
    if (!value.is_undefined()) heap_.set(result, entry.key, value);
  }
  return Value(result);
}

// One tuple whose values are all those of the tuples together.
Tuple* Evaluator::reduce_tuples(Value data) {
  if (data.is_tuple()) return data.as_tuple();
  const auto tuples = heap_.items(data.as_array());
  Tuple* result = heap_.new_tuple(tuples[0].as_tuple());
  std::vector<std::uint32_t> grown;  // symbols whose value is an array made here
  for (std::size_t i = 1; i < tuples.size(); ++i) {
    const Tuple* tuple = tuples[i].as_tuple();
    for (std::uint32_t n = 0; n < tuple->size; ++n) {
      const auto [symbol, value] = tuple->slots[n];
      spend(1);
      const Value before = Heap::get(result, symbol);
      if (std::find(grown.begin(), grown.end(), symbol) == grown.end()) {
        const Value both = append(before, value);
        heap_.set(result, symbol, both);
        if (!before.is_undefined() && !value.is_undefined()) grown.push_back(symbol);
      } else if (value.is_array()) {
        spend(value.as_array()->size);
        heap_.push_all(before.as_array(), value.as_array());
      } else if (!value.is_undefined()) {
        heap_.push(before.as_array(), value);
      }
    }
  }
  return result;
}

Array* Evaluator::sort(std::span<Value> items, const std::function<bool(Value, Value)>& behind) {
  Array* sorted = heap_.new_array(items.size());
  std::copy(items.begin(), items.end(), sorted->items);
  sorted->size = static_cast<std::uint32_t>(items.size());
  const std::span<Value> all{sorted->items, items.size()};
  const std::span<Value> spare{heap_.arena.make_array<Value>(items.size()), items.size()};
  // Halves first: its depth is the logarithm of the size.
  const std::function<void(std::size_t, std::size_t)> run = [&](std::size_t from, std::size_t to) {
    if (to - from < 2) return;
    const std::size_t middle = from + (to - from) / 2;
    run(from, middle);
    run(middle, to);
    std::copy(all.begin() + static_cast<std::ptrdiff_t>(from),
              all.begin() + static_cast<std::ptrdiff_t>(to),
              spare.begin() + static_cast<std::ptrdiff_t>(from));
    std::size_t left = from, right = middle;
    for (std::size_t at = from; at < to; ++at) {
      if (right == to || (left < middle && !behind(spare[left], spare[right])))
        all[at] = spare[left++];
      else
        all[at] = spare[right++];
      spend(1);
    }
  };
  run(0, items.size());
  return sorted;
}

Value Evaluator::evaluate_sort(const Node& node, Value input, Frame* frame) {
  Array* items = as_sequence(input);
  if (items->size <= 1) return Value(items);
  const auto term_of = [&](const Term& term, Value item) {
    if (!item.is_tuple()) return evaluate(*term.expression, item, frame);
    return evaluate(*term.expression, Heap::get(item.as_tuple(), item_symbol),
                    tuple_frame(frame, item.as_tuple()));
  };
  const auto sortable = [](Value value) { return value.is_string() || value.is_number(); };
  const auto behind = [&](Value a, Value b) {
    for (const Term& term : node.terms) {
      const Value x = term_of(term, a), y = term_of(term, b);
      // What has no value comes last, in either direction.
      if (x.is_undefined() || y.is_undefined()) {
        if (x.is_undefined() && y.is_undefined()) continue;
        return x.is_undefined();
      }
      if (!sortable(x) || !sortable(y))
        fail("T2008", {.position = node.position, .value = excerpt(sortable(x) ? y : x)});
      if (x.type() != y.type())
        fail("T2007", {.position = node.position, .value = excerpt(x), .value2 = excerpt(y)});
      const int order = x.is_string()                    ? compare(x.as_string(), y.as_string())
                        : x.as_number() == y.as_number() ? 0
                        : x.as_number() < y.as_number()  ? -1
                                                         : 1;
      if (order != 0) return term.descending ? order < 0 : order > 0;
    }
    return false;
  };
  Array* sorted = sort(heap_.items(items), behind);
  sorted->is_tuple_stream = items->is_tuple_stream;
  return Value(sorted);
}

Value Evaluator::clone(Value value) {
  const Deeper deeper(*this);
  spend(1);
  if (value.is_number()) {
    is_number(value);
    // Through JSON text, in which fractions have fifteen digits.
    const double number = value.as_number();
    return number == std::floor(number) ? value : Value(at_fifteen_digits(number));
  }
  if (value.is_function()) return Value(std::string_view());
  if (value.is_array()) {
    const auto items = heap_.items(value.as_array());
    Array* made = heap_.new_array(items.size());
    for (const Value item : items)
      heap_.push(made, item.is_undefined() ? Value::null() : clone(item));
    return Value(made);
  }
  if (value.is_object()) {
    const auto members = heap_.members(value.as_object());
    Object* made = heap_.new_object(members.size());
    for (const Member& member : members)
      if (!member.value.is_undefined()) heap_.set(made, member.key, clone(member.value));
    return Value(made);
  }
  return value;
}

Value Evaluator::transform(const Function& function, Value subject) {
  if (subject.is_undefined()) return {};
  const Node& node = *function.node;
  const Value copier = variable(library_.names.numbers.at("clone"), function.frame);
  if (!copier.is_function()) fail("T2013", {.position = node.position});
  std::array<Value, 1> argument{subject};
  const Value result = apply(copier, argument, Value::null(), function.frame);
  const Value matches = evaluate(*node.lhs, result, function.frame);
  if (matches.is_undefined()) return result;
  const Array* found = as_sequence(matches);
  for (std::size_t i = 0; i < found->size; ++i) {
    const Value match = heap_.item(found, i);
    const Value update = evaluate(*node.rhs, match, function.frame);
    if (!update.is_undefined()) {
      if (!update.is_object())
        fail("T2011", {.position = node.rhs->position, .value = excerpt(update)});
      if (match.is_object())
        for (const Member& member : heap_.members(update.as_object())) {
          spend(1);
          heap_.set(match.as_object(), member.key, member.value);
        }
    }
    if (node.otherwise == nullptr) continue;
    const Value deletions = evaluate(*node.otherwise, match, function.frame);
    if (deletions.is_undefined()) continue;
    const auto names = heap_.items(as_sequence(deletions));
    if (!std::all_of(names.begin(), names.end(), [](Value name) { return name.is_string(); }))
      fail("T2012", {.position = node.otherwise->position, .value = excerpt(deletions)});
    if (!match.is_object()) continue;
    for (const Value name : names) {
      spend(1 + match.as_object()->size / 8);
      heap_.erase(match.as_object(), name.as_string());
    }
  }
  return result;
}

}  // namespace sluice::workflows::jsonata
