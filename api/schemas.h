// The JSON Schemas of requests and answers, by name. Routes name them; openapi.cc publishes them.
// Thread-safe (constants).
#pragma once

#include <span>
#include <string_view>

namespace sluice::api {

struct Schema {
  std::string_view name;
  std::string_view text;  // a JSON Schema; others are referred to as "#/components/schemas/NAME"
};

std::span<const Schema> schemas();
std::span<const Schema> letter_schemas();  // some of them: schemas_letters.cc

}  // namespace sluice::api
