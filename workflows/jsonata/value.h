// The values of an evaluation. Internal.
//
// A Value is sixteen bytes and copied freely; texts, arrays, objects and functions are in the
// evaluation's Arena or in the documents that came in, which outlive it. Arrays and objects are
// shared by reference and change only while they are built (and, objects, in a transform's clone).
//
// The language tells sequences from arrays: a sequence of one item is that item. The marks that
// this takes are on Array. An array or object from a document stands for it (`lazy`) until its
// items are asked for; a range of integers is kept as such until then.
//
// Not thread-safe, caller serialises.
#pragma once

#include <span>
#include <string_view>

#include "base/json.h"
#include "workflows/jsonata/arena.h"

namespace sluice::workflows::jsonata {

struct Array;
struct Object;
struct Function;
struct Tuple;

enum class Type : std::uint8_t {
  undefined,
  null,
  boolean,
  number,
  string,
  array,
  object,
  function,
  tuple,  // an item of a stream with bindings; never seen by an expression
};

class Value {
 public:
  Value() : type_(Type::undefined), number_(0) {}
  Value(double number) : type_(Type::number), number_(number) {}
  Value(std::string_view text)
      : type_(Type::string), size_(static_cast<std::uint32_t>(text.size())), text_(text.data()) {}
  Value(Array* array) : type_(Type::array), array_(array) {}
  Value(Object* object) : type_(Type::object), object_(object) {}
  Value(Function* function) : type_(Type::function), function_(function) {}
  Value(Tuple* tuple) : type_(Type::tuple), tuple_(tuple) {}
  static Value null() {
    Value value;
    value.type_ = Type::null;
    return value;
  }
  static Value boolean(bool truth) {
    Value value;
    value.type_ = Type::boolean;
    value.boolean_ = truth;
    return value;
  }
  template <class T>
  Value(T*) = delete;  // no pointer is a boolean
  Value(const char*) = delete;

  Type type() const { return type_; }
  bool is_undefined() const { return type_ == Type::undefined; }
  bool is_null() const { return type_ == Type::null; }
  bool is_boolean() const { return type_ == Type::boolean; }
  bool is_number() const { return type_ == Type::number; }
  bool is_string() const { return type_ == Type::string; }
  bool is_array() const { return type_ == Type::array; }
  bool is_object() const { return type_ == Type::object; }
  bool is_function() const { return type_ == Type::function; }
  bool is_tuple() const { return type_ == Type::tuple; }

  // REQUIRES: the value has the type that is named.
  bool as_boolean() const { return boolean_; }
  double as_number() const { return number_; }
  std::string_view as_string() const { return {text_, size_}; }
  Array* as_array() const { return array_; }
  Object* as_object() const { return object_; }
  Function* as_function() const { return function_; }
  Tuple* as_tuple() const { return tuple_; }

 private:
  Type type_;
  std::uint32_t size_ = 0;
  union {
    bool boolean_;
    double number_;
    const char* text_;
    Array* array_;
    Object* object_;
    Function* function_;
    Tuple* tuple_;
  };
};
static_assert(sizeof(Value) == 16);

struct Array {
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  Value* items = nullptr;      // null while `lazy` or `is_range` stands for them
  const Json* lazy = nullptr;  // an array of a document
  double first = 0;            // of a range
  bool is_range = false;
  bool is_sequence = false;
  bool keep_singleton = false;  // a sequence that stays one when it has one item
  bool is_cons = false;         // made by an array constructor in a path: not flattened
  bool is_outer = false;        // wraps the input of the whole expression
  bool is_tuple_stream = false;
};

struct Member {
  std::string_view key;
  Value value;
};

// Members keep their order. Above `scan_max` of them, `slots` is an open-addressing index: member
// numbers plus one, 0 is free.
struct Object {
  static constexpr std::uint32_t scan_max = 8;
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  Member* members = nullptr;
  std::uint32_t* slots = nullptr;
  std::uint32_t slot_mask = 0;
  const Json* lazy = nullptr;
};

struct Slot {
  std::uint32_t symbol;
  Value value;
};

// An item of a path that binds variables: "@" (symbol 0) is the item, then what was bound.
struct Tuple {
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  Slot* slots = nullptr;
};

// Makes values, and reads those that stand for something else.
class Heap {
 public:
  explicit Heap(std::size_t bytes_max) : arena(bytes_max) {}

  Value import(const Json& document);
  Value text(std::string_view copied) { return Value(arena.copy(copied)); }

  Array* new_array(std::size_t capacity = 0);
  Array* new_sequence() {
    Array* made = new_array();
    made->is_sequence = true;
    return made;
  }
  Array* new_sequence(Value only) {
    Array* made = new_array(1);
    made->is_sequence = true;
    push(made, only);
    return made;
  }
  void push(Array* array, Value item) {
    if (array->size == array->capacity || array->items == nullptr)
      make_room(array, array->size + 1);
    array->items[array->size++] = item;
  }
  void push_all(Array* array, Array* source);
  std::span<Value> items(const Array* array) {
    if (array->items == nullptr && array->size != 0) load(const_cast<Array*>(array));
    return {array->items, array->size};
  }
  Value item(const Array* array, std::size_t index);

  Object* new_object(std::size_t capacity = 0);
  // Undefined if there is none.
  Value get(const Object* object, std::string_view key);
  bool has(const Object* object, std::string_view key);
  void set(Object* object, std::string_view key, Value value);
  void erase(Object* object, std::string_view key);
  std::span<Member> members(const Object* object) {
    if (object->lazy != nullptr && object->members == nullptr) load(const_cast<Object*>(object));
    return {object->members, object->size};
  }

  Tuple* new_tuple(const Tuple* copied);
  void set(Tuple* tuple, std::uint32_t symbol, Value value);
  static Value get(const Tuple* tuple, std::uint32_t symbol);

  Arena arena;

 private:
  void make_room(Array* array, std::size_t wanted);
  void load(Array* array);
  void load(Object* object);
  std::uint32_t position(const Object* object, std::string_view key) const;
  void index(Object* object, std::size_t slot_count);
};

}  // namespace sluice::workflows::jsonata
