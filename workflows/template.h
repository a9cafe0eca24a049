// Payload templates: JSON in which every key that ends with ".$" has a path or an intrinsic
// function as value.
//
//   { "customer.$": "$.order.customer", "id.$": "States.UUID()", "fixed": 1 }
//
// The suffix is stripped and the value computed, at any depth; everything else is copied as it is.
// A template with no such key is a constant and evaluates without looking at any document.
//
// Failures: a path that finds nothing is States.Runtime (as the service reports it; its cause names
// the path, the field and the input); a function that is given what it cannot take is
// States.IntrinsicFailure.
//
// Threads: immutable after parse; thread-safe. Copies share the parsed form.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "workflows/evaluation.h"
#include "workflows/path.h"

namespace sluice::workflows {

inline constexpr int intrinsic_depth_max = 10;  // calls within calls

struct IntrinsicCall;

// What stands behind a ".$" key, or in ErrorPath and CausePath: a path, or a call such as
// States.Format('{} of {}', $.a, States.ArrayLength($.b)).
class Expression {
 public:
  static Result<Expression> parse(std::string_view text);

  const std::string& text() const { return text_; }
  Needs needs() const { return needs_; }
  const Path* path() const { return path_ ? &*path_ : nullptr; }  // null: a call

  // `field`: the name that a failure's cause gives ("value.$", "CausePath").
  // `chance` serves States.UUID and States.MathRandom.
  Evaluated<Json> evaluate(const Scope& scope, Random& chance, std::string_view field) const;
  Evaluated<Json> evaluate(const Scope& scope, Random& chance, std::string_view field,
                           Work& work) const;

 private:
  Expression() = default;
  std::string text_;
  Needs needs_;
  std::optional<Path> path_;
  std::shared_ptr<const IntrinsicCall> call_;
};

class PayloadTemplate {
 public:
  // Refuses, all at once and each with its pointer below `pointer`: ".$" values that are no string
  // or no expression, and objects that hold both "x" and "x.$".
  static Result<PayloadTemplate> parse(const Json& value, std::string_view pointer);

  Needs needs() const;
  bool constant() const;  // computes nothing

  Evaluated<Json> evaluate(const Scope& scope, Random& chance) const;

  struct Node;

 private:
  explicit PayloadTemplate(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace sluice::workflows
