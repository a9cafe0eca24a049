#include "workflows/evaluation.h"

#include <fmt/format.h>

namespace sluice::workflows {

bool Work::spend_copy(const Json& value) {
  // Documents nest at most JsonLimits::depth_max deep, so the recursion is bounded.
  if (!spend()) return false;
  if (value.is_string()) {
    return spend(static_cast<std::int64_t>(value.get_ref<const std::string&>().size() / 64));
  }
  if (value.is_array()) {
    for (const Json& element : value)
      if (!spend_copy(element)) return false;
  } else if (value.is_object()) {
    for (const auto& [key, element] : value.items())
      if (!spend(static_cast<std::int64_t>(key.size() / 64)) || !spend_copy(element)) return false;
  }
  return true;
}

Failure Work::failure(const std::string& what) {
  return {
      "States.Runtime",
      fmt::format(
          "{} needs more than {} steps, the bound of one evaluation. Select less, or spread the "
          "work over several states.",
          what, evaluation_work_max)};
}

bool nests_deeper(const Json& value, int depth_max) {
  if (!value.is_structured()) return false;
  if (depth_max == 0) return true;
  for (const Json& child : value)
    if (nests_deeper(child, depth_max - 1)) return true;
  return false;
}

std::string excerpt(const Json& value, std::size_t bytes_max) {
  std::string text = to_text(value);
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  text += "…";
  return text;
}

}  // namespace sluice::workflows
