// Intrinsic functions: States.Format('{} of {}', $.a, 2) and its sisters. Internal to this room.
//
// Parsing knows each function's number of arguments and bounds the nesting (intrinsic_depth_max),
// so that evaluation can recurse. Evaluation fails with States.IntrinsicFailure for arguments that
// a function cannot take, and with States.Runtime for a path that selects nothing; the cause quotes
// the whole call.
//
// Threads: a call is immutable once parsed; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "workflows/evaluation.h"
#include "workflows/path.h"

namespace sluice::workflows {

struct IntrinsicCall;

// A string as it was written between the quotes; Format reads its own escapes.
struct TextLiteral {
  std::string value;    // escapes resolved
  std::string written;  // as it stands
};
using IntrinsicArgument =
    std::variant<Json, TextLiteral, Path, std::shared_ptr<const IntrinsicCall>>;

// What a function is called with.
struct CallValues {
  std::vector<Json> values;
  const TextLiteral* first_text = nullptr;  // the first argument, if it was written as a string
  Random& chance;
  Work& work;
};
struct IntrinsicFunction {
  std::string_view name;  // without "States."
  std::size_t arguments_min, arguments_max;
  // The value, or a sentence that says what was wrong with the arguments.
  std::variant<Json, std::string> (*apply)(CallValues& call);
};
// Null if there is none of this name.
const IntrinsicFunction* find_intrinsic(std::string_view name);

struct IntrinsicCall {
  std::string text;
  const IntrinsicFunction* function = nullptr;
  std::vector<IntrinsicArgument> arguments;
  Needs needs;

  Evaluated<Json> evaluate(const Scope& scope, Random& chance, Work& work) const;
};

// All of `text`.
Result<std::shared_ptr<const IntrinsicCall>> parse_intrinsic(std::string_view text);

}  // namespace sluice::workflows
