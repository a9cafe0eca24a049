// Functions on numbers, and between numbers and text.
#include <algorithm>
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/pictures.h"

namespace sluice::workflows::jsonata {
namespace {

using std::string_view;

std::span<Value> list(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const auto items = evaluator.heap().items(call[0].as_array());
  evaluator.spend(static_cast<std::int64_t>(items.size()));
  return items;
}

double total(std::span<Value> items) {
  double sum = 0;
  for (const Value item : items) sum += item.as_number();
  return sum;
}

Value sum(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  return Value(total(list(evaluator, call)));
}

Value count(Evaluator&, const Call& call) {
  return Value(call[0].is_undefined() ? 0.0 : static_cast<double>(call[0].as_array()->size));
}

Value max(Evaluator& evaluator, const Call& call) {
  const auto items = list(evaluator, call);
  if (items.empty()) return {};
  double most = -INFINITY;
  for (const Value item : items) most = std::max(most, item.as_number());
  return Value(most);
}

Value min(Evaluator& evaluator, const Call& call) {
  const auto items = list(evaluator, call);
  if (items.empty()) return {};
  double least = INFINITY;
  for (const Value item : items) least = std::min(least, item.as_number());
  return Value(least);
}

Value average(Evaluator& evaluator, const Call& call) {
  const auto items = list(evaluator, call);
  if (items.empty()) return {};
  return Value(total(items) / static_cast<double>(items.size()));
}

// 0x, 0o and 0b.
std::optional<double> read_radix(string_view text) {
  if (text.size() < 3 || text[0] != '0') return std::nullopt;
  const char mark = text[1];
  const int radix = mark == 'x' || mark == 'X'   ? 16
                    : mark == 'o' || mark == 'O' ? 8
                    : mark == 'b' || mark == 'B' ? 2
                                                 : 0;
  if (radix == 0) return std::nullopt;
  double value = 0;
  for (const char c : text.substr(2)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : 99;
    if (digit >= radix) return std::nullopt;
    value = value * radix + digit;
  }
  return value;
}

Value number(Evaluator& evaluator, const Call& call) {
  const Value value = call[0];
  if (value.is_undefined() || value.is_number()) return value;
  if (value.is_boolean()) return Value(value.as_boolean() ? 1.0 : 0.0);
  if (value.is_string()) {
    if (const auto read = read_decimal(value.as_string()); read && std::isfinite(*read))
      return Value(*read);
    if (const auto read = read_radix(value.as_string())) return Value(*read);
  }
  fail("D3030", {.value = evaluator.excerpt(value), .index = 1});
}

Value floor(Evaluator&, const Call& call) {
  return call[0].is_undefined() ? Value() : Value(std::floor(call[0].as_number()));
}
Value ceil(Evaluator&, const Call& call) {
  return call[0].is_undefined() ? Value() : Value(std::ceil(call[0].as_number()));
}
Value abs(Evaluator&, const Call& call) {
  return call[0].is_undefined() ? Value() : Value(std::fabs(call[0].as_number()));
}
Value round(Evaluator&, const Call& call) {
  if (call[0].is_undefined()) return {};
  return Value(round_to(call[0].as_number(), call[1].is_number() ? call[1].as_number() : 0));
}

Value sqrt(Evaluator&, const Call& call) {
  if (call[0].is_undefined()) return {};
  const double value = call[0].as_number();
  if (value < 0) fail("D3060", {.value = number_text(value), .index = 1});
  return Value(std::sqrt(value));
}

Value power(Evaluator&, const Call& call) {
  if (call[0].is_undefined()) return {};
  const double base = call[0].as_number();
  const double exponent = call[1].is_number() ? call[1].as_number() : NAN;
  // JavaScript has no answer where C's pow says 1.
  const double result = std::isnan(exponent) || (std::fabs(base) == 1 && std::isinf(exponent))
                            ? NAN
                            : std::pow(base, exponent);
  if (!std::isfinite(result))
    fail("D3061", {.value = number_text(base), .value2 = number_text(exponent), .index = 1});
  return Value(result);
}

Value format_base(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const double radix = call[1].is_number() ? round_to(call[1].as_number(), 0) : 10;
  if (!(radix >= 2 && radix <= 36)) fail("D3100", {.value = number_text(radix)});
  return evaluator.heap().text(
      number_text(round_to(call[0].as_number(), 0), static_cast<int>(radix)));
}

Value format_number_call(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  if (!call[1].is_string()) fail("T0410", {.index = 2});
  Evaluator::is_number(call[0]);
  NumberSymbols symbols;
  const std::pair<string_view, std::string NumberSymbols::*> names[] = {
      {"decimal-separator", &NumberSymbols::decimal},
      {"grouping-separator", &NumberSymbols::grouping},
      {"exponent-separator", &NumberSymbols::exponent},
      {"minus-sign", &NumberSymbols::minus},
      {"percent", &NumberSymbols::percent},
      {"per-mille", &NumberSymbols::per_mille},
      {"zero-digit", &NumberSymbols::zero},
      {"digit", &NumberSymbols::digit},
      {"pattern-separator", &NumberSymbols::pattern},
  };
  if (call[2].is_object()) {
    for (const auto& [name, member] : names) {
      const Value given = evaluator.heap().get(call[2].as_object(), name);
      if (given.is_string() && !given.as_string().empty()) symbols.*member = given.as_string();
    }
  }
  evaluator.spend_text(call[1].as_string().size() * 64 + 512);
  return evaluator.heap().text(format_number(call[0].as_number(), call[1].as_string(), symbols));
}

Value format_integer_call(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  if (!call[1].is_string()) fail("T0410", {.index = 2});
  Evaluator::is_number(call[0]);
  evaluator.spend_text(call[1].as_string().size() * 16);
  return evaluator.heap().text(
      format_integer(std::floor(call[0].as_number()), parse_integer_picture(call[1].as_string())));
}

Value parse_integer_call(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  if (!call[1].is_string()) fail("T0410", {.index = 2});
  evaluator.spend_text(call[0].as_string().size() * 4 + call[1].as_string().size() * 16);
  return Value(read_integer(call[0].as_string(), parse_integer_picture(call[1].as_string())));
}

constexpr Builtin functions[] = {
    {"sum", "<a<n>:n>", 1, sum},
    {"count", "<a:n>", 1, count},
    {"max", "<a<n>:n>", 1, max},
    {"min", "<a<n>:n>", 1, min},
    {"average", "<a<n>:n>", 1, average},
    {"number", "<(nsb)-:n>", 1, number},
    {"floor", "<n-:n>", 1, floor},
    {"ceil", "<n-:n>", 1, ceil},
    {"round", "<n-n?:n>", 2, round},
    {"abs", "<n-:n>", 1, abs},
    {"sqrt", "<n-:n>", 1, sqrt},
    {"power", "<n-n:n>", 2, power},
    {"formatBase", "<n-n?:s>", 2, format_base},
    {"formatNumber", "<n-so?:s>", 3, format_number_call},
    {"formatInteger", "<n-s:s>", 2, format_integer_call},
    {"parseInteger", "<s-s:n>", 2, parse_integer_call},
};

}  // namespace

std::span<const Builtin> numeric_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
