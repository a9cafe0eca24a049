// What an evaluation is given, and how it fails.
//
// Paths, templates, intrinsic functions and choice rules are evaluated against a Scope and give an
// Evaluated<T>: a value, or the error of the language that the state then has (it may be caught and
// ends in the run's history, so its cause is written for people). Nothing here throws for what a
// definition or its data can do.
//
// Every evaluation has a bound: evaluation_work_max units, where visiting or making a node costs
// one and text costs one for each 64 bytes. It counts, so the same evaluation ends the same way on
// every machine.
//
// Threads: values; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/json.h"

namespace sluice::workflows {

inline constexpr std::int64_t evaluation_work_max = 1'000'000;

// Where names lead. REQUIRES: a document is set if what is evaluated needs it (Needs).
struct Scope {
  const Json* input = nullptr;         // "$"; in JSONata `$states.input`
  const Json* context = nullptr;       // "$$"; `$states.context`
  const Json* variables = nullptr;     // an object: what "$name" stands for; null: there are none
  const Json* result = nullptr;        // `$states.result`; null: not offered here
  const Json* error_output = nullptr;  // `$states.errorOutput`; null: not offered here
};

// Which documents an evaluation looks at, so that nobody parses or builds the others.
struct Needs {
  bool input = false;
  bool context = false;
  bool variables = false;
  bool result = false;
  bool error_output = false;
  Needs& operator|=(Needs other) {
    input |= other.input;
    context |= other.context;
    variables |= other.variables;
    result |= other.result;
    error_output |= other.error_output;
    return *this;
  }
};

struct Failure {
  std::string error;  // "States.Runtime", …
  std::string cause;
  bool path_not_found = false;  // a definite path selected nothing
  std::string location = {};    // States.QueryEvaluationError: the field, "Output/total"
};

template <class T>
class [[nodiscard]] Evaluated {
 public:
  Evaluated(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Evaluated(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // REQUIRES: has_value().
  T& operator*() & { return *checked(std::get_if<0>(&state_)); }
  const T& operator*() const& { return *checked(std::get_if<0>(&state_)); }
  T&& operator*() && { return std::move(*checked(std::get_if<0>(&state_))); }
  T* operator->() { return checked(std::get_if<0>(&state_)); }
  const T* operator->() const { return checked(std::get_if<0>(&state_)); }

  // REQUIRES: !has_value().
  Failure& failure() { return *checked(std::get_if<1>(&state_)); }
  const Failure& failure() const { return *checked(std::get_if<1>(&state_)); }

 private:
  template <class P>
  static P* checked(P* pointer) {
    SLUICE_CHECK(pointer != nullptr, "Evaluated holds the other alternative");
    return pointer;
  }
  std::variant<T, Failure> state_;
};

// What is left of an evaluation's bound. Not thread-safe, caller serialises.
class Work {
 public:
  explicit Work(std::int64_t left = evaluation_work_max) : left_(left) {}
  // False once the bound is passed, and from then on.
  bool spend(std::int64_t units = 1) { return (left_ -= units) >= 0; }
  // The cost of making a copy of `value`.
  bool spend_copy(const Json& value);
  bool exhausted() const { return left_ < 0; }
  // The failure of an evaluation of `what` that passed the bound.
  static Failure failure(const std::string& what);

 private:
  std::int64_t left_;
};

// Whether arrays and objects nest deeper in `value` than `depth_max`. What templates make may nest
// deeper than any text that is let in, and a loop could make it grow without end, so it is looked
// at before it is kept.
bool nests_deeper(const Json& value, int depth_max);

// The start of `value`'s text, for a cause: at most about `bytes_max` bytes, cut between
// characters.
std::string excerpt(const Json& value, std::size_t bytes_max = 1'000);

}  // namespace sluice::workflows
