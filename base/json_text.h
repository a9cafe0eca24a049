// JSON as text: checked once at the edge, cut into slices, never made into a tree.
//
// A frame or a request body is an envelope: an object of a few known members, some of which
// ("input", "output", "body") belong to somebody else and only pass through. Envelope reads the
// known ones and hands out the others as slices of the caller's text. Everything is checked in the
// one pass, so a slice is well-formed JSON and may go into a Doc as it is.
//
// What counts as JSON: RFC 8259, valid UTF-8, no byte order mark; refused besides: an escape of a
// lone surrogate (it has no UTF-8 form) and a number beyond the range of a double.
//
// Failure: text that is not JSON is bad_json, with line, column, what was expected and what was
// found; everything else is invalid_argument with a problem for each place at fault.
//
// Threads: functions are thread-safe; an Envelope is not, caller serialises.
#pragma once

#include <concepts>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_limits.h"
#include "base/result.h"
#include "base/short_list.h"

namespace sluice {

// Is `text` one JSON value, and nested no deeper than `depth_max`? Never recursive; allocates
// nothing.
Status check_json(std::string_view text, std::size_t depth_max = json_depth_max);

// The elements of the array that `text` is, each as a slice of `text` without the space around it.
Result<std::vector<std::string_view>> scan_array(std::string_view text,
                                                 std::size_t depth_max = json_depth_max);

template <std::same_as<std::string> Temporary>
Result<std::vector<std::string_view>> scan_array(Temporary&&,
                                                 std::size_t = json_depth_max) = delete;

// Appends `value` as a JSON string, with its quotes. REQUIRES: valid UTF-8.
void append_json_string(std::string& out, std::string_view value);

// An object's members, read by name. The getters never fail: they note what is wrong, give
// something harmless, and finish() tells all of it at once, with the members nobody asked for.
//
//   auto scanned = Envelope::scan(text);
//   if (!scanned) return scanned.error();
//   Envelope& body = *scanned;
//   const auto name = body.optional_string("name");
//   const auto input = body.required_raw("input");
//   if (auto status = body.finish(); !status) return status.error();
//
// Views given out live as long as both the text and the Envelope (moving it is fine). Names passed
// in must live until finish(); they are literals. In an optional member null counts as absent,
// except in optional_raw, where it is a value.
class Envelope {
 public:
  // More members than any envelope has; bounds the search for repeated names.
  static constexpr std::size_t members_max = 64;

  // `base` is the JSON Pointer of the object in the whole request, such as "/items/3".
  static Result<Envelope> scan(std::string_view text, std::string base = {},
                               std::size_t depth_max = json_depth_max);

  // A temporary string would be gone before its slices are read.
  template <std::same_as<std::string> Temporary>
  static Result<Envelope> scan(Temporary&&, std::string = {},
                               std::size_t = json_depth_max) = delete;

  bool has(std::string_view name) const { return find(name) != nullptr; }

  std::string_view required_string(std::string_view name);
  std::optional<std::string_view> optional_string(std::string_view name);
  // 5, 5.0 and 5e0 are the same integer.
  std::int64_t required_integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t min,
                                               std::int64_t max);
  bool required_boolean(std::string_view name);
  std::optional<bool> optional_boolean(std::string_view name);
  double required_number(std::string_view name);
  std::optional<double> optional_number(std::string_view name);
  std::vector<std::string_view> required_string_list(std::string_view name);
  std::optional<std::vector<std::string_view>> optional_string_list(std::string_view name);
  // The value as it was written.
  std::string_view required_raw(std::string_view name);
  std::optional<std::string_view> optional_raw(std::string_view name);

  // A rule of the caller's own that a member breaks.
  void problem(std::string_view name, std::string detail);
  // Every problem, in the order of the members' being asked for; unknown members last.
  Status finish();

  // The pointer of a member.
  std::string pointer(std::string_view name) const;

 private:
  struct Member {
    std::string_view name;
    std::string_view value;
    bool asked = false;
  };

  Envelope() = default;

  const Member* find(std::string_view name) const;
  // Notes that `name` is known; the value, or nothing if there is none.
  std::optional<std::string_view> ask(std::string_view name);
  std::optional<std::string_view> ask_not_null(std::string_view name);
  // A required member that is missing is a problem.
  std::optional<std::string_view> demand(std::string_view name, std::string_view what);
  // What a string's slice stands for, kept here if it differs from the text.
  std::string_view unescaped(std::string_view slice);
  std::string_view plain(std::string_view slice);
  void expected(std::string_view name, std::string_view what, std::string_view value);

  std::optional<std::string_view> as_string(std::string_view name, std::string_view value);
  std::optional<std::int64_t> as_integer(std::string_view name, std::string_view value,
                                         std::int64_t min, std::int64_t max);
  std::optional<bool> as_boolean(std::string_view name, std::string_view value);
  std::optional<double> as_number(std::string_view name, std::string_view value);
  std::optional<std::vector<std::string_view>> as_string_list(std::string_view name,
                                                              std::string_view value);

  std::string base_;
  ShortList<Member, 12> members_;
  ShortList<std::string_view, 12> known_;     // what was asked for
  std::forward_list<std::string> unescaped_;  // does not move its elements, and is free when empty
  std::vector<Problem> problems_;
};

}  // namespace sluice
