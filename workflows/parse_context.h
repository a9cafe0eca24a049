// What the parts of the compiler share: where problems are collected, and typed reading of JSON
// fields.
//
// Nothing here stops at the first fault. A reader that finds a field of the wrong type reports it
// at its JSON Pointer and answers as if the field were absent; the definition is refused at the
// end.
//
// Not thread-safe; one context belongs to one compile().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sluice::workflows {

inline constexpr std::size_t problems_max = 1'000;  // more are counted, not listed
inline constexpr std::size_t suggestions_tried_max =
    200'000;                                             // comparisons of names, per definition
inline constexpr std::int64_t seconds_max = 99'999'999;  // the service's own bound on times

class ParseContext {
 public:
  void problem(std::string pointer, std::string detail);
  void warning(std::string pointer, std::string detail);
  // The problems of a part that was parsed elsewhere: its own, or its one detail at `pointer`.
  void add(const Error& error, std::string_view pointer);
  // The known name near `found`. Gives up when the definition has asked for too many of them, so
  // that a large and wholly wrong definition costs no more than a right one. Empty if there is
  // none.
  std::string near(std::string_view found, std::span<const std::string_view> candidates);
  // `; did you mean "Ship"?`, or nothing.
  std::string suggestion(std::string_view found, std::span<const std::string_view> candidates);

  bool sound() const { return problems_.empty(); }
  // All of them, also those that are not listed.
  std::size_t problem_count() const { return problems_.size() + unlisted_count_; }
  // The problems in the order found; when there were more than problems_max, the last says how
  // many.
  std::vector<Problem> take_problems();
  std::vector<Problem> take_warnings() { return std::move(warnings_); }

 private:
  std::vector<Problem> problems_;
  std::vector<Problem> warnings_;
  std::size_t unlisted_count_ = 0;
  std::size_t suggestions_tried_ = 0;
};

// `the string "x"`, `the number 3`, `an array`: what was found, cut to a readable length.
std::string describe(const Json& value);
// `"x"`: a name from the definition inside a message, cut to a readable length, control characters
// shown as `?`.
std::string in_quotes(std::string_view name);
// `"A", "B" or "C"`.
std::string list_of(std::span<const std::string_view> names);

// One JSON object of a definition while its fields are read.
class Fields {
 public:
  // REQUIRES: `object` is an object and outlives this, as does `context`.
  Fields(ParseContext& context, const Json& object, std::string pointer)
      : context_(context), object_(object), pointer_(std::move(pointer)) {}

  ParseContext& context() const { return context_; }
  const Json& json() const { return object_; }
  const std::string& pointer() const { return pointer_; }
  std::string pointer(std::string_view name) const;
  const Json* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  // Each answers nothing if the field is absent, or is wrong and has been reported.
  std::optional<std::string> string(std::string_view name) const;
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min,
                                      std::int64_t max) const;
  std::optional<double> number(std::string_view name, double min, double max) const;
  // A string that must be one of `names`.
  std::optional<std::size_t> one_of(std::string_view name,
                                    std::span<const std::string_view> names) const;
  const Json* array(std::string_view name) const;
  // An object; nullptr if absent or wrong.
  const Json* object(std::string_view name) const;
  // Reports if it is absent.
  bool require(std::string_view name, std::string_view why) const;
  // Reports if both are there.
  void exclude(std::string_view one, std::string_view other) const;

 private:
  void wrong(std::string_view name, std::string_view expected, const Json& found) const;

  ParseContext& context_;
  const Json& object_;
  std::string pointer_;
};

// Which query language a field belongs to.
enum class FieldOf : std::uint8_t { both, jsonpath, jsonata };

// A field that an object may have; `offered` is false for what the language or Sluice knows and
// this version does not do yet: it is refused by name, never ignored.
struct FieldRule {
  std::string_view name;
  bool offered = true;
  FieldOf language = FieldOf::both;
};
// Reports every member of `object` that is not among `rules`, with a suggestion, and those of the
// other language than `language`. `what` names the object: "a retrier".
void check_fields(ParseContext& context, const Json& object, std::string_view pointer,
                  std::string_view what, std::span<const FieldRule> rules,
                  FieldOf language = FieldOf::both);
// Whether a field of `field` may stand where `language` is spoken.
bool of_language(FieldOf field, FieldOf language);
// `"Output" belongs to JSONata states, and this is a JSONPath state`.
std::string of_other_language(std::string_view name, FieldOf spoken);
// `"Lock" is not offered by this version`.
std::string not_offered(std::string_view what);

}  // namespace sluice::workflows
