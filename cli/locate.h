// Where in a JSON text a JSON Pointer leads: for "FILE:LINE:COLUMN".
//
// Thread-safe (no shared state).
#pragma once

#include <optional>
#include <string_view>

namespace sluice::cli {

struct TextPlace {
  std::size_t line = 1, column = 1;  // columns are bytes, as editors' "go to" takes them for ASCII
};

// The place of the value's member name (or of the value, in an array and for ""). Where the last
// steps do not exist (a missing field), the deepest place that does. Nothing if `text` is not JSON
// so far.
std::optional<TextPlace> locate(std::string_view text, std::string_view pointer);

}  // namespace sluice::cli
