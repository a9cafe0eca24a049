#include "workflows/json_compare.h"

#include <cmath>

namespace sluice::workflows {
namespace {

template <class Integer>
std::partial_ordering compare_with_double(Integer left, double right) {
  // Beyond 2^53 a conversion to double would call different numbers equal, so the whole part is
  // compared as an integer where it fits one.
  if (std::isnan(right)) return std::partial_ordering::unordered;
  if (right >= 18446744073709551616.0) return std::partial_ordering::less;
  if (right < -9223372036854775808.0) return std::partial_ordering::greater;
  const double whole = std::floor(right);
  const bool fraction = right > whole;
  std::strong_ordering by_whole = std::strong_ordering::equal;
  if (whole < 0) {
    const auto number = static_cast<std::int64_t>(whole);
    by_whole = std::cmp_less(left, number)      ? std::strong_ordering::less
               : std::cmp_greater(left, number) ? std::strong_ordering::greater
                                                : std::strong_ordering::equal;
  } else {
    const auto number = static_cast<std::uint64_t>(whole);
    by_whole = std::cmp_less(left, number)      ? std::strong_ordering::less
               : std::cmp_greater(left, number) ? std::strong_ordering::greater
                                                : std::strong_ordering::equal;
  }
  if (by_whole != 0) return by_whole;
  return fraction ? std::partial_ordering::less : std::partial_ordering::equivalent;
}

std::partial_ordering reversed(std::partial_ordering order) { return 0 <=> order; }

}  // namespace

std::partial_ordering compare_numbers(const Json& left, const Json& right) {
  if (!left.is_number() || !right.is_number()) return std::partial_ordering::unordered;
  if (left.is_number_float() && right.is_number_float())
    return left.get<double>() <=> right.get<double>();
  if (left.is_number_float()) return reversed(compare_numbers(right, left));
  if (right.is_number_float())
    return left.is_number_unsigned()
               ? compare_with_double(left.get<std::uint64_t>(), right.get<double>())
               : compare_with_double(left.get<std::int64_t>(), right.get<double>());
  if (left.is_number_unsigned() && right.is_number_unsigned())
    return left.get<std::uint64_t>() <=> right.get<std::uint64_t>();
  // An unsigned number that the parser made may be above what a signed one holds.
  if (left.is_number_unsigned()) return reversed(compare_numbers(right, left));
  const auto number = left.get<std::int64_t>();
  if (right.is_number_unsigned()) {
    if (number < 0) return std::partial_ordering::less;
    return static_cast<std::uint64_t>(number) <=> right.get<std::uint64_t>();
  }
  return number <=> right.get<std::int64_t>();
}

bool equal_json(const Json& left, const Json& right) {
  if (left.is_number() && right.is_number())
    return compare_numbers(left, right) == std::partial_ordering::equivalent;
  if (left.type() != right.type()) return false;
  if (left.is_array()) {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i)
      if (!equal_json(left[i], right[i])) return false;
    return true;
  }
  if (left.is_object()) {
    if (left.size() != right.size()) return false;
    for (const auto& [key, value] : left.items()) {
      const auto found = right.find(key);
      if (found == right.end() || !equal_json(value, *found)) return false;
    }
    return true;
  }
  return left == right;
}

const char* type_name(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "boolean";
  if (value.is_number()) return "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

}  // namespace sluice::workflows
