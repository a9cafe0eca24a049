// Paths into JSON documents, as the States Language has them (JSONPath in Jayway's dialect).
//
//   $.order.lines[0]        definite: one node, or a failure when it is not there
//   $.lines[*].price        indefinite: an array of what matched, possibly empty, never a failure
//   $$.Execution.Id         into the context object
//   $order.lines[0]         into the variable `order`
//
// Steps: .name ['name'] ["name"] [0] [-1] [0,1] ['a','b'] [1:3] .* [*] ..name ..* [?(@.a == 0 &&
// @.b)], and at the end a function: .length() .size() .min() .max() .avg() .sum() .stddev() .keys()
// .first() .last() .index(n) .concat(…) .append(…). Filters compare (== != < <= > >=), test
// existence (@.a, !@.a) and membership (in, nin, subsetof, anyof, noneof, size, empty, contains),
// joined by && || ! and brackets; regular expressions (=~) are refused. A union of names at the
// path's end gives one object, as Jayway does.
//
// Parsing gives an Error (invalid_argument) that says at which character what was expected; nesting
// inside a path is bounded. Evaluation visits a bounded number of nodes (evaluation.h).
//
// REQUIRES of all texts: valid UTF-8.
//
// Threads: immutable after parse; thread-safe. Copies share the parsed form.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "workflows/evaluation.h"

namespace sluice::workflows {

struct PathCode;

class Path {
 public:
  // Space behind the path is ignored, before it refused, and so is "$states", which only JSONata
  // has.
  static Result<Path> parse(std::string_view text);

  const std::string& text() const;
  bool definite() const;
  bool is_root() const;          // "$": the input as it is
  bool is_context_root() const;  // "$$"
  Needs needs() const;
  // The document that the path leads into; null: a variable that nothing has been assigned to.
  const Json* document(const Scope& scope) const;

  // The node, or null if there is none. REQUIRES: definite(), !computed(); lives as long as the
  // scope's documents.
  const Json* find(const Scope& scope) const;
  // Ends with a function or a union of names, so its value is made, not found.
  bool computed() const;

  // A copy of what is selected. Fails with States.Runtime when a definite path finds nothing
  // (path_not_found) or the bound is passed.
  Evaluated<Json> evaluate(const Scope& scope) const;
  Evaluated<Json> evaluate(const Scope& scope, Work& work) const;

 private:
  explicit Path(std::shared_ptr<const PathCode> code) : code_(std::move(code)) {}
  std::shared_ptr<const PathCode> code_;
};

// A path that names one place in the input, also one that is not there yet: "$.a.b['c'][0]".
class ReferencePath {
 public:
  // Refuses everything that could select more than one node, "$$" and variables.
  static Result<ReferencePath> parse(std::string_view text);
  static ReferencePath root();

  const std::string& text() const { return text_; }
  bool is_root() const { return steps_.empty(); }

  // `document` with `value` at this place. Missing objects on the way are made; an array element
  // must exist. Fails with States.ResultPathMatchFailure where the way leads below a scalar, null
  // included.
  Evaluated<Json> insert(Json document, Json value) const;

 private:
  using Step = std::variant<std::string, std::int64_t>;
  std::string text_ = "$";
  std::vector<Step> steps_;
};

}  // namespace sluice::workflows
