// A row of the tables in jsonata_*_test.cc: an expression, and its answer as JSON text,
// "undefined", or the code of the error that refuses it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "workflows/jsonata/jsonata.h"

namespace sluice::workflows::jsonata {

struct Row {
  std::string_view expression;
  std::string_view expected;
};

inline Json parsed(std::string_view text) {
  auto read = parse_json(text);
  REQUIRE_MESSAGE(read.has_value(), text);
  return *read;
}

// The answer in the form that a row has.
inline std::string answer_text(std::string_view expression, const Environment& environment = {},
                               Dialect dialect = Dialect::standard) {
  auto compiled = compile(expression, dialect);
  if (const Error* error = std::get_if<Error>(&compiled)) return error->code;
  const Answer answer = std::get<Expression>(compiled).evaluate(environment);
  if (const Error* error = std::get_if<Error>(&answer)) return error->code;
  if (std::holds_alternative<Undefined>(answer)) return "undefined";
  if (std::holds_alternative<NoDocument>(answer)) return "function";
  return to_text(std::get<Json>(answer));
}

inline void check(std::initializer_list<Row> rows, const Environment& environment = {},
                  Dialect dialect = Dialect::standard) {
  for (const Row& row : rows) {
    CAPTURE(row.expression);
    const std::string found = answer_text(row.expression, environment, dialect);
    if (found == row.expected) {
      CHECK(found == row.expected);
      continue;
    }
    // Members may come in another order, and 1.0 is 1.
    const auto expected = parse_json(row.expected), answered = parse_json(found);
    const bool same = expected && answered && *expected == *answered;
    CHECK_MESSAGE(same, "expected " << row.expected << ", found " << found.substr(0, 300));
  }
}

}  // namespace sluice::workflows::jsonata
