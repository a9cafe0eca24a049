#include "workflows/jsonata/value.h"

#include <algorithm>
#include <bit>

#include "base/keyed_hash.h"

namespace sluice::workflows::jsonata {

Value Heap::import(const Json& document) {
  switch (document.type()) {
    case Json::value_t::boolean:
      return Value::boolean(*document.get_ptr<const bool*>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return Value(document.get<double>());
    case Json::value_t::string:
      return Value(std::string_view(*document.get_ptr<const std::string*>()));
    case Json::value_t::array: {
      Array* made = arena.make<Array>();
      made->size = static_cast<std::uint32_t>(document.size());
      if (made->size != 0) made->lazy = &document;
      return Value(made);
    }
    case Json::value_t::object: {
      Object* made = arena.make<Object>();
      made->size = static_cast<std::uint32_t>(document.size());
      if (made->size != 0) made->lazy = &document;
      return Value(made);
    }
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return Value::null();
}

Array* Heap::new_array(std::size_t capacity) {
  Array* made = arena.make<Array>();
  if (capacity != 0) {
    made->items = arena.make_array<Value>(capacity);
    made->capacity = static_cast<std::uint32_t>(capacity);
  }
  return made;
}

void Heap::make_room(Array* array, std::size_t wanted) {
  if (array->items == nullptr && array->size != 0) load(array);
  array->lazy = nullptr;
  if (wanted <= array->capacity) return;
  std::size_t capacity = std::max<std::size_t>(wanted, std::size_t{array->capacity} * 2);
  capacity = std::max<std::size_t>(capacity, 4);
  if (capacity > UINT32_MAX / sizeof(Value)) fail_bound("memory");
  if (array->items != nullptr &&
      arena.extend(array->items, array->capacity * sizeof(Value), capacity * sizeof(Value))) {
    array->capacity = static_cast<std::uint32_t>(capacity);
    return;
  }
  Value* moved = arena.make_array<Value>(capacity);
  if (array->size != 0) std::copy_n(array->items, array->size, moved);
  array->items = moved;
  array->capacity = static_cast<std::uint32_t>(capacity);
}

void Heap::push_all(Array* array, Array* source) {
  if (source->size == 0) return;
  if (source->is_range && array->size == 0 && source->items == nullptr) {
    array->is_range = true;
    array->first = source->first;
    array->size = source->size;
    array->items = nullptr;
    array->capacity = 0;
    return;
  }
  const auto more = items(source);
  const std::size_t wanted = std::size_t{array->size} + more.size();
  if (wanted > array->capacity || array->items == nullptr) make_room(array, wanted);
  std::copy_n(more.data(), more.size(), array->items + array->size);
  array->size += static_cast<std::uint32_t>(more.size());
}

void Heap::load(Array* array) {
  Value* loaded = arena.make_array<Value>(array->size);
  if (array->is_range) {
    for (std::uint32_t i = 0; i < array->size; ++i) loaded[i] = Value(array->first + i);
    array->is_range = false;
  } else {
    for (std::uint32_t i = 0; i < array->size; ++i) loaded[i] = import((*array->lazy)[i]);
  }
  array->items = loaded;
  array->capacity = array->size;
}

Value Heap::item(const Array* array, std::size_t index) {
  if (index >= array->size) return {};
  if (array->items != nullptr) return array->items[index];
  if (array->is_range) return Value(array->first + static_cast<double>(index));
  return items(array)[index];
}

Object* Heap::new_object(std::size_t capacity) {
  Object* made = arena.make<Object>();
  if (capacity != 0) {
    made->members = arena.make_array<Member>(capacity);
    made->capacity = static_cast<std::uint32_t>(capacity);
  }
  return made;
}

void Heap::load(Object* object) {
  const auto& source = *object->lazy->get_ptr<const Json::object_t*>();
  const std::uint32_t size = object->size;
  Member* loaded = arena.make_array<Member>(size);
  std::uint32_t i = 0;
  for (const auto& [key, value] : source) loaded[i++] = {std::string_view(key), import(value)};
  object->members = loaded;
  object->capacity = size;
  if (size > Object::scan_max) index(object, std::bit_ceil(std::size_t{size} * 2));
}

void Heap::index(Object* object, std::size_t slot_count) {
  object->slots = arena.make_array<std::uint32_t>(slot_count);
  std::fill_n(object->slots, slot_count, 0u);
  object->slot_mask = static_cast<std::uint32_t>(slot_count - 1);
  for (std::uint32_t i = 0; i < object->size; ++i) {
    auto at = static_cast<std::uint32_t>(keyed_hash(object->members[i].key)) & object->slot_mask;
    while (object->slots[at] != 0) at = (at + 1) & object->slot_mask;
    object->slots[at] = i + 1;
  }
}

std::uint32_t Heap::position(const Object* object, std::string_view key) const {
  if (object->slots == nullptr) {
    for (std::uint32_t i = 0; i < object->size; ++i)
      if (object->members[i].key == key) return i;
    return object->size;
  }
  auto at = static_cast<std::uint32_t>(keyed_hash(key)) & object->slot_mask;
  for (; object->slots[at] != 0; at = (at + 1) & object->slot_mask)
    if (object->members[object->slots[at] - 1].key == key) return object->slots[at] - 1;
  return object->size;
}

Value Heap::get(const Object* object, std::string_view key) {
  if (object->members == nullptr && object->lazy != nullptr) {
    // One member of a document's object: the rest of it is not looked at.
    const auto& source = *object->lazy->get_ptr<const Json::object_t*>();
    const auto found = source.find(key);
    return found == source.end() ? Value() : import(found->second);
  }
  const std::uint32_t found = position(object, key);
  return found == object->size ? Value() : object->members[found].value;
}

bool Heap::has(const Object* object, std::string_view key) {
  if (object->members == nullptr && object->lazy != nullptr)
    return object->lazy->get_ptr<const Json::object_t*>()->contains(key);
  return position(object, key) != object->size;
}

void Heap::set(Object* object, std::string_view key, Value value) {
  members(object);
  object->lazy = nullptr;
  const std::uint32_t found = position(object, key);
  if (found != object->size) {
    object->members[found].value = value;
    return;
  }
  if (object->size == object->capacity) {
    const std::size_t capacity = std::max<std::size_t>(4, std::size_t{object->capacity} * 2);
    Member* moved = arena.make_array<Member>(capacity);
    if (object->size != 0) std::copy_n(object->members, object->size, moved);
    object->members = moved;
    object->capacity = static_cast<std::uint32_t>(capacity);
  }
  object->members[object->size++] = {key, value};
  if (object->size <= Object::scan_max) return;
  if (object->slots == nullptr || object->size * 2 > object->slot_mask + 1) {
    index(object, std::bit_ceil(std::size_t{object->size} * 4));
    return;
  }
  auto at = static_cast<std::uint32_t>(keyed_hash(key)) & object->slot_mask;
  while (object->slots[at] != 0) at = (at + 1) & object->slot_mask;
  object->slots[at] = object->size;
}

void Heap::erase(Object* object, std::string_view key) {
  members(object);
  const std::uint32_t found = position(object, key);
  if (found == object->size) return;
  object->lazy = nullptr;
  std::copy(object->members + found + 1, object->members + object->size, object->members + found);
  --object->size;
  object->slots = nullptr;
  if (object->size > Object::scan_max) index(object, std::bit_ceil(std::size_t{object->size} * 2));
}

Tuple* Heap::new_tuple(const Tuple* copied) {
  Tuple* made = arena.make<Tuple>();
  made->capacity = copied == nullptr ? 2 : copied->size + 2;
  made->slots = arena.make_array<Slot>(made->capacity);
  if (copied != nullptr) {
    std::copy_n(copied->slots, copied->size, made->slots);
    made->size = copied->size;
  }
  return made;
}

void Heap::set(Tuple* tuple, std::uint32_t symbol, Value value) {
  for (std::uint32_t i = 0; i < tuple->size; ++i) {
    if (tuple->slots[i].symbol != symbol) continue;
    tuple->slots[i].value = value;
    return;
  }
  if (tuple->size == tuple->capacity) {
    const std::uint32_t capacity = tuple->capacity * 2 + 2;
    Slot* moved = arena.make_array<Slot>(capacity);
    std::copy_n(tuple->slots, tuple->size, moved);
    tuple->slots = moved;
    tuple->capacity = capacity;
  }
  tuple->slots[tuple->size++] = {symbol, value};
}

Value Heap::get(const Tuple* tuple, std::uint32_t symbol) {
  for (std::uint32_t i = 0; i < tuple->size; ++i)
    if (tuple->slots[i].symbol == symbol) return tuple->slots[i].value;
  return {};
}

}  // namespace sluice::workflows::jsonata
