// Result<T>: a value, or the reason why there is none.
//
// For outcomes that a caller is expected to answer: not found, a stale token, bad input. Broken
// storage is thrown (storage::StorageError) and bugs abort (base/check.h). The member names are
// std::expected's, so this can become an alias of it.
//
// Thread-safe as far as T is; holds no shared state.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace sluice {

// Every refusal the service gives, closed. The names are the `code` of a problem document.
enum class Errc {
  bad_json,            // the text is not JSON
  invalid_argument,    // JSON, but not what was expected
  invalid_definition,  // a workflow definition with problems
  not_found,
  conflict,         // the thing exists, and differs or is in another state
  stale_token,      // the token is no longer the holder's
  too_large,        // a body, a frame or a payload over its limit
  overloaded,       // a bounded queue is full; try again later
  unavailable,      // stopping, or not started
  disk_full,        // refused early, below the reserve
  storage_failed,   // the command was rolled back; nothing of it is kept
  outcome_unknown,  // COMMIT failed: it may or may not be on disk
  unsupported,      // known, but not offered by this version
};

std::string_view to_string(Errc code);

// One fault of one place in the input. `pointer` is an RFC 6901 JSON Pointer, "" for the whole.
struct Problem {
  std::string pointer;
  std::string detail;
  bool operator==(const Problem&) const = default;
};

struct Error {
  Errc code = Errc::invalid_argument;
  std::string detail;             // For people: what was expected, what was found, what to do.
  std::vector<Problem> problems;  // Where the input is at fault, every one of them.
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // REQUIRES: has_value().
  T& operator*() & { return get<0>(); }
  const T& operator*() const& { return get<0>(); }
  T&& operator*() && { return std::move(get<0>()); }
  T* operator->() { return &get<0>(); }
  const T* operator->() const { return &get<0>(); }

  // REQUIRES: !has_value().
  const Error& error() const& { return get<1>(); }
  Error&& error() && { return std::move(get<1>()); }

 private:
  template <std::size_t I>
  auto& get() {
    auto* p = std::get_if<I>(&state_);
    SLUICE_CHECK(p != nullptr, "Result holds the other alternative");
    return *p;
  }
  template <std::size_t I>
  const auto& get() const {
    const auto* p = std::get_if<I>(&state_);
    SLUICE_CHECK(p != nullptr, "Result holds the other alternative");
    return *p;
  }
  std::variant<T, Error> state_;
};

struct Unit {
  bool operator==(const Unit&) const = default;
};
using Status = Result<Unit>;
inline Status ok() { return Unit{}; }

inline Error make_error(Errc code, std::string detail) {
  return Error{code, std::move(detail), {}};
}

}  // namespace sluice
