// Functions that look for text: by a literal, a regular expression, or a function of the
// expression's own that answers what a regular expression would.
#include <algorithm>
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

using std::string_view;

double limit_of(Value value, std::string_view code) {
  if (!value.is_number()) return INFINITY;
  if (value.as_number() < 0) fail(code, {.value = number_text(value.as_number())});
  return value.as_number();
}

Value contains(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined() || call[1].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size());
  if (call[1].is_string()) return Value::boolean(text.find(call[1].as_string()) != text.npos);
  return Value::boolean(evaluator.find(call[1], text, 0).has_value());
}

Value match(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const double limit = limit_of(call[2], "D3040");
  const string_view text = call[0].as_string();
  Heap& heap = evaluator.heap();
  Array* results = heap.new_sequence();
  if (!(limit > 0)) return Value(results);
  std::size_t counted = 0, units = 0;
  for (auto found = evaluator.find(call[1], text, 0); found && results->size < limit;
       found = evaluator.find_next(call[1], text, *found)) {
    if (found->start >= counted) {
      units += count_units(text.substr(counted, found->start - counted));
    } else {
      units = count_units(text.substr(0, found->start));
    }
    counted = found->start;
    Object* item = heap.new_object(3);
    heap.set(item, "match", Value(found->match));
    heap.set(item, "index", Value(static_cast<double>(units)));
    Array* groups = heap.new_array(found->groups.size());
    for (const Value group : found->groups) heap.push(groups, group);
    heap.set(item, "groups", Value(groups));
    heap.push(results, Value(item));
  }
  return Value(results);
}

// `$1` and its like. As many digits count as the number of groups has, one fewer if that names
// none.
void substitute(TextBuilder& out, string_view replacement, const RegexMatch& found) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t at = 0; at < replacement.size();) {
    const std::size_t dollar = replacement.find('$', at);
    out.append(replacement.substr(at, dollar - at));
    if (dollar == replacement.npos) return;
    at = dollar + 1;
    const char next = at < replacement.size() ? replacement[at] : '\0';
    if (next == '$' || next == '0') {
      out.append(next == '$' ? string_view("$") : found.match);
      ++at;
      continue;
    }
    const std::size_t count = found.groups.size();
    std::size_t digits_max = 1;
    for (std::size_t n = count; n >= 10; n /= 10) ++digits_max;
    const auto number = [&](std::size_t digits) {
      std::size_t value = 0;
      std::size_t end = at;
      for (; end < replacement.size() && end - at < digits && is_digit(replacement[end]); ++end)
        value = value * 10 + static_cast<std::size_t>(replacement[end] - '0');
      return std::pair(value, end - at);
    };
    auto [index, digits] = number(digits_max);
    if (digits_max > 1 && index > count) std::tie(index, digits) = number(digits_max - 1);
    if (digits == 0) {
      out.append('$');
      continue;
    }
    if (index >= 1 && index <= count && found.groups[index - 1].is_string())
      out.append(found.groups[index - 1].as_string());
    // The index is skipped as it would be written, without leading zeros.
    at += std::to_string(index).size();
  }
}

Value match_argument(Evaluator& evaluator, const RegexMatch& found, string_view text) {
  Heap& heap = evaluator.heap();
  Object* made = heap.new_object(5);
  const double start = static_cast<double>(count_units(text.substr(0, found.start)));
  heap.set(made, "match", Value(found.match));
  heap.set(made, "start", Value(start));
  heap.set(made, "end", Value(start + static_cast<double>(count_units(found.match))));
  Array* groups = heap.new_array(found.groups.size());
  for (const Value group : found.groups) heap.push(groups, group);
  heap.set(made, "groups", Value(groups));
  if (!found.next.is_undefined()) heap.set(made, "next", found.next);
  evaluator.spend_text(found.start);
  return Value(made);
}

Value replace(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  if (call[1].is_string() && call[1].as_string().empty()) fail("D3010", {.value = "\"\""});
  const double limit = limit_of(call[3], "D3011");
  if (!(limit > 0)) return call[0];
  TextBuilder out(evaluator.heap().arena);
  std::size_t position = 0;
  double count = 0;
  evaluator.spend_text(text.size());
  if (call[1].is_string()) {
    const string_view pattern = call[1].as_string();
    const string_view replacement =
        call[2].is_string() ? call[2].as_string() : string_view("undefined");
    if (!call[2].is_string() && text.find(pattern) != text.npos) fail("D3012");
    for (std::size_t at = text.find(pattern); at != text.npos && count < limit;
         at = text.find(pattern, position)) {
      evaluator.spend_text(replacement.size());
      out.append(text.substr(position, at - position));
      out.append(replacement);
      position = at + pattern.size();
      ++count;
    }
    out.append(text.substr(position));
    return Value(out.finish());
  }
  for (auto found = evaluator.find(call[1], text, 0); found && count < limit;
       found = evaluator.find_next(call[1], text, *found)) {
    evaluator.spend(1);
    if (found->start >= position) out.append(text.substr(position, found->start - position));
    if (call[2].is_string()) {
      evaluator.spend_text(call[2].as_string().size());
      substitute(out, call[2].as_string(), *found);
    } else {
      std::array<Value, 1> argument{match_argument(evaluator, *found, text)};
      const Value replaced = evaluator.apply(call[2], argument, Value::null(), call.frame);
      if (!replaced.is_string()) fail("D3012", {.value = evaluator.excerpt(replaced)});
      evaluator.spend_text(replaced.as_string().size());
      out.append(replaced.as_string());
    }
    position = std::min(found->start + found->match.size(), text.size());
    ++count;
  }
  out.append(text.substr(position));
  return Value(out.finish());
}

Value split(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const double limit = limit_of(call[2], "D3020");
  const string_view text = call[0].as_string();
  Heap& heap = evaluator.heap();
  Array* parts = heap.new_array();
  if (!(limit > 0)) return Value(parts);
  evaluator.spend_text(text.size());
  const auto full = [&] { return parts->size >= limit; };
  if (!call[1].is_function()) {
    const double whole_limit = std::floor(limit);
    if (whole_limit < 1) return Value(parts);
    const string_view separator = call[1].is_string() ? call[1].as_string() : string_view();
    if (!call[1].is_string()) {
      heap.push(parts, call[0]);
      return Value(parts);
    }
    std::size_t at = 0;
    while (parts->size < whole_limit) {
      evaluator.spend(1);
      std::size_t end = text.find(separator, at);
      if (separator.empty()) {
        if (at >= text.size()) break;
        end = at;
        next_code_point(text, end);
      }
      heap.push(parts, Value(text.substr(at, end - at)));
      if (end == text.npos) break;
      at = end + separator.size();
    }
    return Value(parts);
  }
  auto found = evaluator.find(call[1], text, 0);
  if (!found) {
    heap.push(parts, call[0]);
    return Value(parts);
  }
  std::size_t start = 0;
  for (; found && !full(); found = evaluator.find_next(call[1], text, *found)) {
    const std::size_t end = std::max(found->start, start);
    heap.push(parts, Value(text.substr(start, end - start)));
    start = std::min(found->end, text.size());
  }
  if (!full()) heap.push(parts, Value(text.substr(start)));
  return Value(parts);
}

constexpr Builtin functions[] = {
    {"match", "<s-f<s:o>n?:a<o>>", 3, match},
    {"contains", "<s-(sf):b>", 2, contains},
    {"replace", "<s-(sf)(sf)n?:s>", 4, replace},
    {"split", "<s-(sf)n?:a<s>>", 3, split},
};

}  // namespace

std::span<const Builtin> pattern_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
