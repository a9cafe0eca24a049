// Functions: calls, partial application, chains, and matching.
//
// A call at the end of a function's body is not made there: the body gives a marker instead, and
// the loop in apply() makes the call, so that tail recursion takes no stack.
#include <algorithm>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

std::string_view procedure_name(const Node& procedure) {
  return procedure.kind == Kind::path ? procedure.items.front()->text : procedure.text;
}

}  // namespace

// Whether `f(…)` was written where `$f(…)` would have been a function.
bool Evaluator::names_variable(const Node& procedure, Frame* frame) const {
  if (procedure.kind != Kind::path) return false;
  const Names& names = evaluated_.empty() ? program_.names : evaluated_.back()->names;
  const auto found = names.numbers.find(procedure.items.front()->text);
  return found != names.numbers.end() && !variable(found->second, frame).is_undefined();
}

Value Evaluator::evaluate_call(const Node& node, Value input, Frame* frame,
                               const Value* applied_to) {
  const Value function = evaluate(*node.lhs, input, frame);
  if (function.is_undefined() && names_variable(*node.lhs, frame))
    fail("T1005", {.position = node.position, .token = std::string(procedure_name(*node.lhs))});
  const std::size_t count = node.items.size() + (applied_to == nullptr ? 0 : 1);
  const std::span<Value> arguments{heap_.arena.make_array<Value>(count), count};
  std::size_t at = 0;
  if (applied_to != nullptr) arguments[at++] = *applied_to;
  for (const Node* item : node.items) arguments[at++] = evaluate(*item, input, frame);
  const Place before = place_;
  place_ = {node.position, procedure_name(*node.lhs), true};
  const Value result = apply(function, arguments, input, frame);
  place_ = before;
  return result;
}

Value Evaluator::evaluate_apply(const Node& node, Value input, Frame* frame) {
  const Value left = evaluate(*node.lhs, input, frame);
  // As in the reference, a predicate or group behind the call is not looked at.
  if (node.rhs->kind == Kind::function) {
    const Deeper deeper(*this);
    return evaluate_call(*node.rhs, input, frame, &left);
  }
  const Value right = evaluate(*node.rhs, input, frame);
  if (!right.is_function()) fail("T2006", {.position = node.position, .value = excerpt(right)});
  if (left.is_function())
    return Value(heap_.arena.make<Function>(Function{.kind = Function::Kind::chain,
                                                     .frame = frame,
                                                     .target = left.as_function(),
                                                     .then = right.as_function()}));
  std::array<Value, 1> argument{left};
  const Place before = place_;
  place_ = {node.position, node.rhs->text, true};
  const Value result = apply(right, argument, Value::null(), frame);
  place_ = before;
  return result;
}

Value Evaluator::apply(Value function, std::span<Value> arguments, Value input, Frame* frame) {
  Value result = apply_once(function, arguments, input, frame);
  while (result.is_function() && result.as_function() == &tail_marker_) {
    const TailCall tail = tail_;
    const Value next = evaluate(*tail.call->lhs, tail.input, tail.frame);
    if (next.is_undefined() && names_variable(*tail.call->lhs, tail.frame))
      fail("T1005", {.position = tail.call->position,
                     .token = std::string(procedure_name(*tail.call->lhs))});
    const std::span<Value> values{heap_.arena.make_array<Value>(tail.call->items.size()),
                                  tail.call->items.size()};
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = evaluate(*tail.call->items[i], tail.input, tail.frame);
    place_ = {tail.call->position, procedure_name(*tail.call->lhs), true};
    spend(1);
    result = apply_once(next, values, tail.input, frame);
  }
  return result;
}

Value Evaluator::apply_once(Value function, std::span<Value> arguments, Value input, Frame* frame) {
  if (!function.is_function()) fail("T1006");
  const Function& target = *function.as_function();
  const auto argument = [&](std::size_t n) {
    return n < arguments.size() ? arguments[n] : Value();
  };
  switch (target.kind) {
    case Function::Kind::builtin:
      return target.builtin->builtin->apply(
          *this, Call{target.builtin->signature.validate(heap_, arguments, input), input, frame});
    case Function::Kind::lambda:
      if (target.node->signature)
        arguments = target.node->signature->validate(heap_, arguments, input);
      return call_lambda(target, arguments);
    case Function::Kind::partial: {
      const Deeper deeper(*this);
      const std::span<Value> all{heap_.arena.make_array<Value>(target.bound.size()),
                                 target.bound.size()};
      std::size_t taken = 0;
      for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = target.open[i] ? argument(taken++) : target.bound[i];
      return apply(Value(target.target), all, Value::null(), frame);
    }
    case Function::Kind::chain: {
      const Deeper deeper(*this);
      std::array<Value, 1> only{argument(0)};
      only[0] = apply(Value(target.target), only, Value::null(), frame);
      return apply(Value(target.then), only, Value::null(), frame);
    }
    case Function::Kind::transform: {
      const Value subject = argument(0);
      if (arguments.size() != 1 ||
          !(subject.is_object() || subject.is_array() || subject.is_undefined()))
        fail("T0410", {.value = excerpt(subject), .index = arguments.size() > 1 ? 2 : 1});
      const Deeper deeper(*this);
      return transform(target, subject);
    }
    case Function::Kind::regex: {
      const Value text = argument(0);
      if (!text.is_string()) fail("T0410", {.value = excerpt(text), .index = 1});
      const Value from = argument(1);
      std::size_t start = 0;
      if (from.is_number() && from.as_number() > 0)
        start = offset_of(text.as_string(),
                          static_cast<std::size_t>(std::min(from.as_number(), 4294967295.0)));
      const auto match = find(function, text.as_string(), start);
      return match ? match_object(*match, target, text.as_string()) : Value();
    }
    case Function::Kind::next_match: {
      if (target.from >= target.subject.size()) return {};
      const auto match = find(Value(target.target), target.subject, target.from);
      if (!match) return {};
      if (match->match.empty()) fail("D1004", {.position = target.target->node->position});
      return match_object(*match, *target.target, target.subject);
    }
  }
  return {};
}

Value Evaluator::call_lambda(const Function& function, std::span<Value> arguments) {
  const auto& parameters = function.node->items;
  Frame* frame = new_frame(function.frame,
                           static_cast<std::uint32_t>(std::max<std::size_t>(parameters.size(), 1)));
  for (std::size_t i = 0; i < parameters.size(); ++i)
    bind(frame, parameters[i]->symbol, i < arguments.size() ? arguments[i] : Value());
  return evaluate(*function.node->lhs, function.input, frame);
}

Value Evaluator::evaluate_partial(const Node& node, Value input, Frame* frame) {
  const std::size_t count = node.items.size();
  Function* made = heap_.arena.make<Function>(Function{.kind = Function::Kind::partial});
  made->bound = {heap_.arena.make_array<Value>(count), count};
  made->open = {heap_.arena.make_array<bool>(count), count};
  for (std::size_t i = 0; i < count; ++i) {
    made->open[i] = node.items[i]->kind == Kind::placeholder;
    made->bound[i] = made->open[i] ? Value() : evaluate(*node.items[i], input, frame);
  }
  const Value function = evaluate(*node.lhs, input, frame);
  if (!function.is_function()) {
    const std::string token(procedure_name(*node.lhs));
    const bool named = function.is_undefined() && names_variable(*node.lhs, frame);
    fail(named ? "T1007" : "T1008", {.position = node.position, .token = token});
  }
  made->target = function.as_function();
  return Value(made);
}

std::size_t Evaluator::arity(Value function) const {
  const Function& target = *function.as_function();
  switch (target.kind) {
    case Function::Kind::builtin:
      return target.builtin->builtin->arity;
    case Function::Kind::lambda:
      return target.node->items.size();
    case Function::Kind::partial:
      return static_cast<std::size_t>(std::count(target.open.begin(), target.open.end(), true));
    case Function::Kind::regex:
      return 2;
    case Function::Kind::transform:
    case Function::Kind::chain:
      return 1;
    case Function::Kind::next_match:
      break;
  }
  return 0;
}

Value Evaluator::apply_item(Value function, Value first, Value second, Value third, Frame* frame) {
  spend(1);
  if (!function.is_function()) fail("T1006");
  std::array<Value, 3> arguments{first, second, third};
  const std::size_t count = std::clamp<std::size_t>(arity(function), 1, 3);
  return apply(function, std::span(arguments).first(count), Value::null(), frame);
}

// Texts do not change or go while an evaluation lasts, so its place tells a text.
bool Evaluator::is_known_utf8(std::string_view text) {
  if (text.data() != searched_.data() || text.size() != searched_.size()) {
    spend_text(text.size());
    searched_ = text;
    searched_is_utf8_ = is_utf8(text);
  }
  return searched_is_utf8_;
}

std::optional<RegexMatch> Evaluator::find(Value matcher, std::string_view text, std::size_t from) {
  const Function* function = matcher.is_function() ? matcher.as_function() : nullptr;
  if (function == nullptr || function->kind != Function::Kind::regex) {
    std::array<Value, 1> argument{Value(text)};
    const Value result = apply(matcher, argument, Value::null(), root_);
    if (result.is_undefined()) return std::nullopt;
    return read_match(result, text);
  }
  const auto found = function->regex->search(text, from, is_known_utf8(text), scratch_,
                                             [this](std::int64_t steps) { spend(steps); });
  if (!found) return std::nullopt;
  RegexMatch match{
      text.substr(found->start, found->end - found->start), found->start, found->end, {}, {}};
  for (const auto& group : found->groups) match.groups.push_back(group ? Value(*group) : Value());
  return match;
}

std::optional<RegexMatch> Evaluator::find_next(Value matcher, std::string_view text,
                                               const RegexMatch& previous) {
  if (matcher.as_function()->kind == Function::Kind::regex) {
    if (previous.end >= text.size()) return std::nullopt;
    auto match = find(matcher, text, previous.end);
    if (match && match->match.empty())
      fail("D1004", {.position = matcher.as_function()->node->position});
    return match;
  }
  if (!previous.next.is_function()) fail("T1010");
  const Value result = apply(previous.next, {}, Value::null(), root_);
  if (result.is_undefined()) return std::nullopt;
  return read_match(result, text);
}

// What a matcher written in the expression answers: {match, start, end, groups, next}.
RegexMatch Evaluator::read_match(Value result, std::string_view text) {
  if (!result.is_object()) fail("T1010");
  const auto member = [&](std::string_view name) { return heap_.get(result.as_object(), name); };
  const Value start = member("start"), end = member("end"), groups = member("groups");
  if (!start.is_number() && !end.is_number() && !groups.is_array() && !member("next").is_function())
    fail("T1010");
  // Positions are UTF-16 units there and bytes here.
  const auto bytes = [&](Value position) {
    if (!position.is_number()) return text.size();
    std::size_t at = 0;
    double units = position.as_number();
    while (at < text.size() && units > 0) units -= next_code_point(text, at) >= 0x10000 ? 2 : 1;
    return at;
  };
  RegexMatch match;
  match.start = start.is_number() ? bytes(start) : 0;
  match.match = member("match").is_string() ? member("match").as_string() : std::string_view();
  match.end = end.is_number() ? bytes(end) : match.start + match.match.size();
  if (groups.is_array())
    for (const Value group : heap_.items(groups.as_array())) match.groups.push_back(group);
  match.next = member("next");
  return match;
}

Value Evaluator::match_object(const RegexMatch& match, const Function& regex,
                              std::string_view text) {
  Object* made = heap_.new_object(5);
  heap_.set(made, "match", Value(match.match));
  const double start = static_cast<double>(count_units(text.substr(0, match.start)));
  heap_.set(made, "start", Value(start));
  heap_.set(made, "end", Value(start + static_cast<double>(count_units(match.match))));
  Array* groups = heap_.new_array(match.groups.size());
  for (const Value group : match.groups) heap_.push(groups, group);
  heap_.set(made, "groups", Value(groups));
  heap_.set(made, "next",
            Value(heap_.arena.make<Function>(Function{.kind = Function::Kind::next_match,
                                                      .target = const_cast<Function*>(&regex),
                                                      .subject = text,
                                                      .from = match.end})));
  return Value(made);
}

}  // namespace sluice::workflows::jsonata
