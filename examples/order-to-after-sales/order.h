// What the workers read of an order.
#pragma once

#include <string>

#include "base/json.h"

namespace order_to_after_sales {

// Its number as text, empty if it has none.
inline std::string number_of(const sluice::Json& order) {
  if (!order.is_object()) return {};
  const auto number = order.find("order");
  if (number == order.end()) return {};
  return number->is_string() ? number->get<std::string>() : number->dump();
}

}  // namespace order_to_after_sales
