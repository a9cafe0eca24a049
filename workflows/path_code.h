// The parsed form of a path: what path_parse.cc makes and path_evaluate.cc walks. Internal to this
// room.
//
// Threads: immutable once parsed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sluice::workflows {

struct PathCode;
using PathPtr = std::shared_ptr<const PathCode>;

// A literal, or a path that starts at "@" or "$".
using Operand = std::variant<Json, PathPtr>;

enum class FilterKind {
  all_of,
  any_of,
  negation,
  exists,   // `left` selects something
  compare,  // left `comparison` right
};
enum class Comparison {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
  subset_of,
  any_of,
  none_of,
  size,
  empty,
  contains,
};
struct Filter {
  FilterKind kind = FilterKind::exists;
  std::vector<Filter> parts;  // all_of, any_of, negation
  Comparison comparison = Comparison::equal;
  Operand left, right;
};

struct NameStep {
  std::vector<std::string> names;
};
struct IndexStep {
  std::vector<std::int64_t> indexes;
};
struct SliceStep {
  std::optional<std::int64_t> from, to;
};
struct WildcardStep {};
struct FilterStep {
  std::shared_ptr<const Filter> filter;
};
enum class PathFunction {
  length,
  min,
  max,
  avg,
  sum,
  stddev,
  keys,
  first,
  last,
  index,
  concat,
  append,
};
struct FunctionStep {
  PathFunction function = PathFunction::length;
  std::vector<Operand> arguments;
};

struct PathStep {
  bool descend = false;  // "..": from the node and everything below it
  std::variant<NameStep, IndexStep, SliceStep, WildcardStep, FilterStep, FunctionStep> kind;
};

enum class PathRoot { input, context, variable, current };

struct PathCode {
  std::string text;
  PathRoot root = PathRoot::input;
  std::string variable;  // its name, where the root is one
  std::vector<PathStep> steps;
  bool definite = true;
  bool computed = false;
};

// All of `text`, which starts with "$", "$$" or "$name". Refuses with what was found and what was
// expected, at which character.
Result<PathPtr> parse_path(std::string_view text);

// ['name'], as causes and messages show a step.
std::string show_step(const PathStep& step);

}  // namespace sluice::workflows
