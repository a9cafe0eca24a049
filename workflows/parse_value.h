// Reading fields that may be computed: paths, templates, and JSONata expressions.
//
// Each function answers nothing if the field is absent, or is wrong and has been reported.
//
// Thread-safe (pure), but for the context that the fields report to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "workflows/parse_context.h"
#include "workflows/workflow.h"

namespace sluice::workflows {

std::optional<Path> parse_path(const Fields& fields, std::string_view name);
// A path to one value: indefinite ones are refused.
std::optional<Path> parse_value_path(const Fields& fields, std::string_view name);
// ResultPath: the path, or nothing and `null` set. Absent or wrong: "$".
std::optional<ReferencePath> parse_result_path(const Fields& fields, bool& null);

// A payload template, or any JSON with expressions in it. `offered`: as of Value::parse.
std::optional<Value> parse_value(const Fields& fields, std::string_view name,
                                 QueryLanguage language, Needs offered = {});
// The same, but it must be an object, or an expression where JSONata is spoken.
std::optional<Value> parse_object_value(const Fields& fields, std::string_view name,
                                        QueryLanguage language);
// Parameters or Arguments, by language, as parse_value().
std::optional<Value> parse_arguments(const Fields& fields, QueryLanguage language);
// Whether the field is one JSONata expression and nothing else.
bool holds_expression(const Fields& fields, std::string_view name, QueryLanguage language);

// NAME, which must be a number from `min` to `max`, NAMEPath (JSONPath), or NAME as an expression
// (JSONata).
std::optional<WholeNumber> parse_whole_number(const Fields& fields, const std::string& name,
                                              QueryLanguage language, std::int64_t min,
                                              std::int64_t max);
std::optional<Number> parse_number(const Fields& fields, const std::string& name,
                                   QueryLanguage language, double min, double max);

}  // namespace sluice::workflows
