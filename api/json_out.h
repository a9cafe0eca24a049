// JSON written straight into a string: no tree in between, opaque documents as they are.
//
//   Object object(out);
//   object.text("id", id);
//   object.raw("input", doc.text());
//   object.close();
//
// An Object or Array that is not closed by name is closed by its destructor; an inner one must end
// before the outer goes on. Not thread-safe, caller serialises.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/doc.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/time.h"

namespace sluice::api {

void append_integer(std::string& out, std::int64_t value);
void append_number(std::string& out, double value);

class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  ~Object() { close(); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  // `name` needs no escaping: member names are literals.
  void key(std::string_view name) {
    out_ += first_ ? "\"" : ",\"";
    first_ = false;
    out_ += name;
    out_ += "\":";
  }
  void text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
  }
  // Left out when empty.
  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void integer(std::string_view name, std::int64_t value) {
    key(name);
    append_integer(out_, value);
  }
  void number(std::string_view name, double value) {
    key(name);
    append_number(out_, value);
  }
  void flag(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  void null(std::string_view name) {
    key(name);
    out_ += "null";
  }
  void time(std::string_view name, WallTime value) {
    key(name);
    out_ += '"';
    out_ += to_rfc3339(value);
    out_ += '"';
  }
  template <class Tag>
  void id(std::string_view name, Id<Tag> value) {
    key(name);
    out_ += '"';
    out_ += to_string(value);
    out_ += '"';
  }
  // REQUIRES: `json` is well-formed.
  void raw(std::string_view name, std::string_view json) {
    key(name);
    out_ += json;
  }
  void doc(std::string_view name, const Doc& value) {
    if (value) raw(name, value.text());
  }
  void close() {
    if (open_) out_ += '}';
    open_ = false;
  }

 private:
  std::string& out_;
  bool first_ = true;
  bool open_ = true;
};

class Array {
 public:
  explicit Array(std::string& out) : out_(out) { out_ += '['; }
  ~Array() { close(); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  // Before each element.
  void next() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void close() {
    if (open_) out_ += ']';
    open_ = false;
  }

 private:
  std::string& out_;
  bool first_ = true;
  bool open_ = true;
};

}  // namespace sluice::api
