// The one place that knows JSON's grammar (RFC 8259): a scanner that tells a handler what it meets.
// Used by json_text.cc (check, slices) and json.cc (tree); everything else includes those.
//
// Beyond the grammar it refuses what could not be handed on: invalid UTF-8, an escape of a lone
// surrogate (it has no UTF-8 form), a number beyond the range of a double. It does not recurse and
// does not allocate up to a depth of 256.
//
// Not thread-safe, caller serialises.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::json_scan {

// A handler that wants nothing; others derive from it and hide what they want.
struct Ignore {
  void null() {}
  void boolean(bool) {}
  void number(std::string_view, bool /*integer: no fraction and no exponent*/) {}
  // With the quotes. `escaped`: holds a backslash.
  void string(std::string_view, bool /*escaped*/) {}
  void key(std::string_view, bool /*escaped*/) {}
  void element() {}  // a value of an array follows
  void begin_object() {}
  void end_object() {}
  void begin_array() {}
  void end_array() {}
};

// One bit per open container: is it an object?
class Nesting {
 public:
  std::size_t depth() const { return depth_; }
  void push(bool object) {
    std::uint64_t& word = word_of(depth_);
    const std::uint64_t bit = 1ULL << (depth_ % 64);
    word = object ? word | bit : word & ~bit;
    ++depth_;
  }
  void pop() { --depth_; }
  bool in_object() { return (word_of(depth_ - 1) >> ((depth_ - 1) % 64) & 1U) != 0; }

 private:
  std::uint64_t& word_of(std::size_t level) {
    const std::size_t n = level / 64;
    if (n < near_.size()) return near_[n];
    if (n - near_.size() >= far_.size()) far_.resize(n - near_.size() + 1);
    return far_[n - near_.size()];
  }
  std::array<std::uint64_t, 4> near_{};
  std::vector<std::uint64_t> far_;
  std::size_t depth_ = 0;
};

class Scanner {
 public:
  // `outside`: how many containers the caller has opened itself; they count towards `depth_max`.
  Scanner(std::string_view text, std::size_t depth_max, std::size_t outside = 0)
      : begin_(text.data()),
        at_(begin_),
        end_(begin_ + text.size()),
        depth_max_(depth_max),
        outside_(outside) {}

  // One value and the space before it. False: see failed_at(), expected(), too_deep().
  template <class Handler>
  bool value(Handler& handler);
  // A whole text: one value, and nothing after it.
  template <class Handler>
  bool document(Handler& handler) {
    return value(handler) && at_end();
  }
  bool at_end() {
    skip_space();
    return at_ == end_ || fail("the end of the text");
  }
  // The pieces, for a caller that walks one container itself.
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool next_is(char c) const { return at_ != end_ && *at_ == c; }
  void skip_one() { ++at_; }
  bool string(bool& escaped);
  template <class Handler>
  bool member_name(Handler& handler) {
    skip_space();
    if (!next_is('"')) return fail("a member's name in double quotes");
    const char* const from = at_;
    bool escaped = false;
    if (!string(escaped)) return false;
    handler.key(std::string_view(from, static_cast<std::size_t>(at_ - from)), escaped);
    skip_space();
    if (!next_is(':')) return fail("':' after the member's name");
    ++at_;
    return true;
  }
  bool fail(const char* expected) { return fail(expected, at_); }

  const char* at() const { return at_; }
  std::size_t failed_at() const { return static_cast<std::size_t>(failed_ - begin_); }
  const char* expected() const { return expected_; }
  bool too_deep() const { return too_deep_; }
  std::size_t depth_max() const { return depth_max_; }

 private:
  bool fail(const char* expected, const char* where) {
    expected_ = expected;
    failed_ = where;
    return false;
  }
  bool literal(std::string_view word) {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word)
      return fail("a JSON value");
    at_ += word.size();
    return true;
  }
  bool number(bool& integer);
  bool digits();
  bool escape();
  bool hex4(unsigned& unit);
  bool multibyte();

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const std::size_t depth_max_;
  const std::size_t outside_;
  const char* failed_ = nullptr;
  const char* expected_ = "";
  bool too_deep_ = false;
};

template <class Handler>
bool Scanner::value(Handler& handler) {
  Nesting open;
  for (;;) {
    skip_space();
    if (at_ == end_) return fail("a JSON value");
    const char* const from = at_;
    bool flag = false;
    switch (*at_) {
      case '{':
      case '[': {
        if (open.depth() + outside_ >= depth_max_) {
          too_deep_ = true;
          return fail("no deeper nesting");
        }
        const bool object = *at_++ == '{';
        open.push(object);
        skip_space();
        if (object) {
          handler.begin_object();
          if (!next_is('}')) {
            if (!next_is('"')) return fail("a member's name in double quotes or '}'");
            if (!member_name(handler)) return false;
            continue;
          }
        } else {
          handler.begin_array();
          if (!next_is(']')) {
            if (at_ == end_) return fail("a JSON value or ']'");
            handler.element();
            continue;
          }
        }
        // Empty: closed here, as a ',' may not follow the opening bracket.
        ++at_;
        open.pop();
        if (object)
          handler.end_object();
        else
          handler.end_array();
        break;
      }
      case '"':
        if (!string(flag)) return false;
        handler.string(std::string_view(from, static_cast<std::size_t>(at_ - from)), flag);
        break;
      case 't':
        if (!literal("true")) return false;
        handler.boolean(true);
        break;
      case 'f':
        if (!literal("false")) return false;
        handler.boolean(false);
        break;
      case 'n':
        if (!literal("null")) return false;
        handler.null();
        break;
      default:
        if (*at_ != '-' && (*at_ < '0' || *at_ > '9')) return fail("a JSON value");
        if (!number(flag)) return false;
        handler.number(std::string_view(from, static_cast<std::size_t>(at_ - from)), flag);
        break;
    }
    for (;;) {
      if (open.depth() == 0) return true;
      skip_space();
      const bool object = open.in_object();
      if (next_is(',')) {
        ++at_;
        if (object) {
          if (!member_name(handler)) return false;
        } else {
          handler.element();
        }
        break;
      }
      if (!next_is(object ? '}' : ']')) return fail(object ? "',' or '}'" : "',' or ']'");
      ++at_;
      open.pop();
      if (object)
        handler.end_object();
      else
        handler.end_array();
    }
  }
}

// The text that a string's slice (with its quotes) stands for.
// REQUIRES: the slice was scanned.
std::string unescape(std::string_view slice);

// "line 3, column 7" of a byte; columns count characters.
std::string place(std::string_view text, std::size_t offset);
// The JSON Pointer of the value that begins or lies at `offset`.
std::string pointer_at(std::string_view text, std::size_t offset);
// What a failed scan of `text` is answered with.
Error to_error(const Scanner& scanner, std::string_view text);
// At most 64 bytes of it, for messages.
std::string shortened(std::string_view text);

}  // namespace sluice::json_scan
