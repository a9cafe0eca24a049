// How an evaluation (or the parser) stops: an exception inside this folder only, caught by
// Expression::evaluate and by compile. Internal.
//
// It carries what the message is made of; the message itself is written where it is caught, because
// the name and position of the function that failed are known to the evaluator, not to the
// function.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "workflows/jsonata/jsonata.h"

namespace sluice::workflows::jsonata {

struct Details {
  std::optional<std::size_t> position = std::nullopt;
  std::optional<std::string> token = std::nullopt;
  std::string value = "undefined";   // JSON text
  std::string value2 = "undefined";  // JSON text
  int index = 0;                     // of an argument, from 1
  std::string text = {};             // a message of the caller's own, instead of the code's
};

struct Failure {
  std::string_view code;  // a literal
  Details details;
};

[[noreturn]] void fail(std::string_view code, Details details = {});

// Passing a bound: U1001, and what was passed.
[[noreturn]] void fail_bound(std::string_view what);

Error to_error(const Failure& failure);

// `text` as a JSON string.
std::string json_text(std::string_view text);

}  // namespace sluice::workflows::jsonata
