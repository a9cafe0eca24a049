// A value of a definition in which expressions may stand, in either query language.
//
//   JSONPath: a payload template (template.h)     { "id.$": "$.order.id", "fixed": 1 }
//   JSONata:  JSON whose strings may be "{% … %}"  { "id": "{% $states.input.order.id %}", "fixed":
//   1 }
//             or one such string for the whole value
//
// JSONata strings that begin with "{%" and end with "%}" exactly are expressions, at any depth, but
// never in keys; all else is copied as it is. A string with only one of the two marks is refused,
// since it was meant to be an expression. Expressions are compiled when the value is parsed.
//
// Failures. JSONPath: as template.h says. JSONata: States.QueryEvaluationError for an evaluation
// that fails, gives nothing (undefined), or gives what no document can hold; the cause names the
// expression and its place as the service does: `Output/result`, `Arguments/items[0]`.
//
// Threads: immutable after parse; thread-safe. Copies share the parsed form.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "workflows/evaluation.h"

namespace sluice::workflows {

enum class QueryLanguage : std::uint8_t { jsonpath, jsonata };

// "{% … %}", without space before or behind.
bool is_expression(std::string_view text);

// Chance and time, as parameters.
struct Surroundings {
  Random& chance;
  WallTime now;  // $now(), $millis()
};

class Value {
 public:
  // Refuses, all at once and each with its pointer below `pointer`: what template.h refuses
  // (JSONPath); expressions that do not parse, that look at a context item at their top level, and
  // that ask for a member of $states that this place does not have (JSONata). `offered` has the
  // `result` and `error_output` that are to be had at this place.
  static Result<Value> parse(QueryLanguage language, const Json& value, std::string_view pointer,
                             Needs offered = {});

  QueryLanguage language() const;
  Needs needs() const;
  bool constant() const;  // computes nothing
  // The JSONata expression that the whole value is, without its marks; null: it is none.
  const std::string* expression() const;

  // `field`: the name a failure's cause gives ("Output", "Choices[1]/Condition").
  Evaluated<Json> evaluate(const Scope& scope, const Surroundings& surroundings,
                           std::string_view field) const;

  struct Form;

 private:
  explicit Value(std::shared_ptr<const Form> form) : form_(std::move(form)) {}
  std::shared_ptr<const Form> form_;
};

}  // namespace sluice::workflows
