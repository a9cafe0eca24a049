// Signatures of functions, `<s-nn?:s>`: what arguments they take. Internal.
//
// A type is a letter (s, n, b, l null, o, a, f, j any JSON, x anything) or a choice `(sn)`; `?`
// makes it optional, `+` one or more, `-` takes the context item where the argument is absent.
// Arrays may name their items' type, `a<n>`; one value that is no array is made an array of one.
//
// Threads: immutable once parsed; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/jsonata/value.h"

namespace sluice::workflows::jsonata {

class Signature {
 public:
  // Throws Failure (S0401, S0402, at `position` + where it is).
  explicit Signature(std::string_view text, std::size_t position = 0);

  // The arguments as the function takes them; throws Failure (T0410 to T0412).
  std::span<Value> validate(Heap& heap, std::span<Value> supplied, Value context) const;

 private:
  struct Parameter {
    std::uint8_t types = 0;  // bits, a Type each
    char letter = 0;         // 0 for a choice
    bool optional = false;
    bool many = false;
    bool context = false;
    std::string item;  // of arrays
  };
  // How many arguments each parameter takes, or false.
  bool match(std::span<Value> supplied, std::size_t parameter, std::size_t at,
             std::vector<std::size_t>& counts) const;
  Value as_array(Heap& heap, const Parameter& wanted, Value value, std::size_t argument) const;

  std::vector<Parameter> parameters_;
};

}  // namespace sluice::workflows::jsonata
