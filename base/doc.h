// Doc: an immutable JSON document that mostly passes through.
//
// It holds text, a parsed tree, or both; each is made from the other at most once, when asked for.
// A payload that a workflow only hands on is therefore never parsed, and one that an expression
// made is serialised once. Copies share the document.
//
// Threads: text() and json() are const but make what is missing on first use, so a Doc that is not
// yet complete() belongs to one thread at a time. A Doc made from text is safe to read as text from
// any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"

namespace sluice {

// Where a document is stored: the log row that holds it, and which of the row's documents it is.
struct DocRef {
  std::int64_t seq = 0;  // 0: not stored
  std::uint32_t slot = 0;
  explicit operator bool() const { return seq != 0; }
  bool operator==(const DocRef&) const = default;
};

class Doc {
 public:
  Doc() = default;  // No document at all; differs from JSON null.
  // REQUIRES: `text` is well-formed JSON (checked at the edge by JsonText or parse_json).
  static Doc from_text(std::string text);
  static Doc from_json(Json value);
  static Doc empty_object();

  explicit operator bool() const { return body_ != nullptr; }
  // REQUIRES of all below: *this holds a document.
  const std::string& text() const;
  const Json& json() const;
  std::size_t size_bytes() const { return text().size(); }
  // The same document (not merely an equal one).
  bool same_as(const Doc& other) const { return body_ == other.body_; }

  // Set by whoever stores it; lets the next to store it write a reference instead.
  DocRef ref() const { return body_ ? body_->ref : DocRef{}; }
  void set_ref(DocRef ref) const { body_->ref = ref; }

 private:
  struct Body {
    std::string text;
    std::unique_ptr<Json> json;
    bool has_text = false;
    DocRef ref;
  };
  std::shared_ptr<Body> body_;
};

}  // namespace sluice
