// JSON as a tree, and the one strict way from text to it.
//
// Objects keep the order in which their members were written: what a worker or a person reads back
// is what they sent. Look-up takes constant time (base/ordered_object.h). Objects are equal when
// their members are, in whatever order; 1 and 1.0 are equal.
//
// Parsing and destruction do not recurse. Copying, comparing and to_text do, once per level, which
// is safe at the depth that JsonLimits lets through.
//
// Thread-safe (no shared state).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json_limits.h"
#include "base/ordered_object.h"
#include "base/result.h"

namespace sluice {

using Json = nlohmann::basic_json<OrderedObject>;

struct JsonLimits {
  std::size_t depth_max = json_depth_max;  // nesting of arrays and objects
  bool refuse_duplicate_keys = true;       // the States Language and our envelopes forbid them
};

// The document in `text`, or what is wrong with it: bad_json for text that is not JSON (with line
// and column), invalid_argument for nesting and for duplicate keys (with the JSON Pointer; every
// duplicate is found, the first 100 are listed). What is JSON is defined by check_json
// (base/json_text.h). Where duplicates are let through, the last one counts. Never recursive on the
// text's nesting.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact text; the inverse of parse_json. Never throws: Json only ever holds valid UTF-8.
std::string to_text(const Json& value);

// One step of a JSON Pointer: `~` and `/` escaped.
std::string pointer_token(std::string_view key);

}  // namespace sluice
