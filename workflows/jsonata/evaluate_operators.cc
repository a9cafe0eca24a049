// What operators do with two values.
#include <algorithm>
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

constexpr double range_size_max = 1e7;

bool comparable(Value value) {
  return value.is_undefined() || value.is_string() || value.is_number();
}

bool is_whole(Value value) {
  return value.is_number() && std::isfinite(value.as_number()) &&
         value.as_number() == std::floor(value.as_number());
}

}  // namespace

bool Evaluator::is_number(Value value) {
  if (!value.is_number() || std::isnan(value.as_number())) return false;
  if (!std::isfinite(value.as_number())) fail("D1001", {.value = "null"});
  return true;
}

Value Evaluator::evaluate_binary(const Node& node, Value input, Frame* frame) {
  const Value a = evaluate(*node.lhs, input, frame);
  switch (node.op) {
    case Op::logical_and:
      return Value::boolean(to_boolean(a) && to_boolean(evaluate(*node.rhs, input, frame)));
    case Op::logical_or:
      return Value::boolean(to_boolean(a) || to_boolean(evaluate(*node.rhs, input, frame)));
    default:
      break;
  }
  const Value b = evaluate(*node.rhs, input, frame);
  switch (node.op) {
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::remainder:
      return arithmetic(node, a, b);
    case Op::equal:
    case Op::unequal:
      if (a.is_undefined() || b.is_undefined()) return Value::boolean(false);
      return Value::boolean(equal(a, b) == (node.op == Op::equal));
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
      return comparison(node, a, b);
    case Op::concatenate:
      return concatenate(a, b);
    case Op::range:
      return range(node, a, b);
    case Op::in:
      return Value::boolean(includes(a, b));
    default:
      return {};
  }
}

Value Evaluator::arithmetic(const Node& node, Value a, Value b) {
  const auto check = [&](Value value, std::string_view code) {
    if (value.is_undefined()) return;
    if (value.is_number() && std::isinf(value.as_number()))
      fail("D1001", {.position = node.position, .token = std::string(node.text), .value = "null"});
    if (!is_number(value))
      fail(code,
           {.position = node.position, .token = std::string(node.text), .value = excerpt(value)});
  };
  check(a, "T2001");
  check(b, "T2002");
  if (a.is_undefined() || b.is_undefined()) return {};
  const double x = a.as_number(), y = b.as_number();
  switch (node.op) {
    case Op::add:
      return Value(x + y);
    case Op::subtract:
      return Value(x - y);
    case Op::multiply:
      return Value(x * y);
    case Op::divide:
      return Value(x / y);
    default:
      return Value(std::fmod(x, y));
  }
}

Value Evaluator::comparison(const Node& node, Value a, Value b) {
  if (!comparable(a) || !comparable(b))
    fail("T2010", {.position = node.position,
                   .token = std::string(node.text),
                   .value = excerpt(comparable(a) ? b : a)});
  if (a.is_undefined() || b.is_undefined()) return {};
  if (a.type() != b.type())
    fail("T2009", {.position = node.position,
                   .token = std::string(node.text),
                   .value = excerpt(a),
                   .value2 = excerpt(b)});
  if (a.is_string()) {
    spend_text(std::min(a.as_string().size(), b.as_string().size()));
    const int order = compare(a.as_string(), b.as_string());
    a = Value(static_cast<double>(order));
    b = Value(0.0);
  }
  const double x = a.as_number(), y = b.as_number();
  switch (node.op) {
    case Op::less:
      return Value::boolean(x < y);
    case Op::less_equal:
      return Value::boolean(x <= y);
    case Op::greater:
      return Value::boolean(x > y);
    default:
      return Value::boolean(x >= y);
  }
}

Value Evaluator::concatenate(Value a, Value b) {
  const std::string_view left = a.is_undefined() ? std::string_view() : stringify(a);
  const std::string_view right = b.is_undefined() ? std::string_view() : stringify(b);
  spend_text(left.size() + right.size());
  TextBuilder out(heap_.arena);
  out.append(left);
  out.append(right);
  return Value(out.finish());
}

Value Evaluator::range(const Node& node, Value a, Value b) {
  if (!a.is_undefined() && !is_whole(a))
    fail("T2003", {.position = node.position, .token = "..", .value = excerpt(a)});
  if (!b.is_undefined() && !is_whole(b))
    fail("T2004", {.position = node.position, .token = "..", .value = excerpt(b)});
  if (a.is_undefined() || b.is_undefined() || a.as_number() > b.as_number()) return {};
  const double size = b.as_number() - a.as_number() + 1;
  if (size > range_size_max)
    fail("D2014", {.position = node.position, .token = "..", .value = number_text(size)});
  Array* made = heap_.new_sequence();
  made->is_range = true;
  made->first = a.as_number();
  made->size = static_cast<std::uint32_t>(size);
  return Value(made);
}

bool Evaluator::includes(Value item, Value list) {
  if (item.is_undefined() || list.is_undefined()) return false;
  const auto same = [&](Value other) {
    if (item.type() != other.type()) return false;
    // Arrays and objects are the same only if they are one and the same.
    if (item.is_array())
      return item.as_array() == other.as_array() ||
             (item.as_array()->lazy != nullptr && item.as_array()->lazy == other.as_array()->lazy);
    if (item.is_object())
      return item.as_object() == other.as_object() ||
             (item.as_object()->lazy != nullptr &&
              item.as_object()->lazy == other.as_object()->lazy);
    if (item.is_function()) return item.as_function() == other.as_function();
    return equal(item, other);
  };
  if (!list.is_array()) return same(list);
  spend(list.as_array()->size);
  const auto items = heap_.items(list.as_array());
  return std::any_of(items.begin(), items.end(), same);
}

bool Evaluator::equal(Value a, Value b) {
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Type::undefined:
    case Type::null:
      return true;
    case Type::boolean:
      return a.as_boolean() == b.as_boolean();
    case Type::number:
      return a.as_number() == b.as_number();
    case Type::string:
      return a.as_string() == b.as_string();
    case Type::function:
      return a.as_function() == b.as_function();
    case Type::tuple:
      return a.as_tuple() == b.as_tuple();
    case Type::array: {
      if (a.as_array()->size != b.as_array()->size) return false;
      const Deeper deeper(*this);
      const auto left = heap_.items(a.as_array()), right = heap_.items(b.as_array());
      for (std::size_t i = 0; i < left.size(); ++i) {
        spend(1);
        if (!equal(left[i], right[i])) return false;
      }
      return true;
    }
    case Type::object: {
      if (a.as_object()->size != b.as_object()->size) return false;
      const Deeper deeper(*this);
      for (const Member& member : heap_.members(a.as_object())) {
        spend(1);
        if (!heap_.has(b.as_object(), member.key) ||
            !equal(member.value, heap_.get(b.as_object(), member.key)))
          return false;
      }
      return true;
    }
  }
  return false;
}

bool Evaluator::to_boolean(Value value) {
  switch (value.type()) {
    case Type::boolean:
      return value.as_boolean();
    case Type::number:
      return is_number(value) && value.as_number() != 0;
    case Type::string:
      return !value.as_string().empty();
    case Type::object:
      return value.as_object()->size != 0;
    case Type::array: {
      const Deeper deeper(*this);
      spend(value.as_array()->size);
      const auto items = heap_.items(value.as_array());
      return std::any_of(items.begin(), items.end(), [&](Value item) { return to_boolean(item); });
    }
    case Type::tuple:
      return true;
    case Type::undefined:
    case Type::null:
    case Type::function:
      break;
  }
  return false;
}

}  // namespace sluice::workflows::jsonata
