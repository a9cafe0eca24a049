// The memory of one evaluation: allocated by moving a pointer, released all at once. Internal.
//
// Functions of the language refer to the scopes they were made in and scopes to functions, so
// counted references would leak and a collector would stop at unpredictable moments. A region does
// neither; its price is that nothing is released before the end, which the bound makes safe.
//
// Not thread-safe, caller serialises. Passing the bound fails with U1001.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include "workflows/jsonata/failure.h"

namespace sluice::workflows::jsonata {

class Arena {
 public:
  explicit Arena(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (bytes > static_cast<std::size_t>(end_ - next_)) grow(bytes);
    char* found = next_;
    next_ += bytes;
    return found;
  }

  // Makes the block at `start` longer where it stands, if it was the last one.
  bool extend(void* start, std::size_t bytes_old, std::size_t bytes_new) {
    char* at = static_cast<char*>(start);
    bytes_old = (bytes_old + 7) & ~std::size_t{7};
    bytes_new = (bytes_new + 7) & ~std::size_t{7};
    if (at + bytes_old != next_ || bytes_new > static_cast<std::size_t>(end_ - at)) return false;
    next_ = at + bytes_new;
    return true;
  }

  template <class T, class... Arguments>
  T* make(Arguments&&... arguments) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T))) T{std::forward<Arguments>(arguments)...};
  }

  // `count` objects, not initialised.
  template <class T>
  T* make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);
    if (count > bytes_max_ / sizeof(T)) fail_bound("memory");
    return static_cast<T*>(allocate(count * sizeof(T)));
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* start = static_cast<char*>(allocate(text.size()));
    std::memcpy(start, text.data(), text.size());
    return {start, text.size()};
  }

  std::size_t bytes_max() const { return bytes_max_; }

 private:
  void grow(std::size_t bytes) {
    if (bytes > bytes_max_ || used_ > bytes_max_ - bytes) fail_bound("memory");
    std::size_t size = blocks_.empty() ? 4096 : used_ < (1 << 20) ? used_ * 2 : (1 << 20);
    if (size < bytes) size = bytes;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    used_ += size;
    next_ = blocks_.back().get();
    end_ = next_ + size;
  }

  const std::size_t bytes_max_;
  std::size_t used_ = 0;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

// A text that grows, in an arena. Not thread-safe.
class TextBuilder {
 public:
  explicit TextBuilder(Arena& arena) : arena_(arena) {}
  void append(std::string_view text) {
    if (text.empty()) return;
    if (text.size() > capacity_ - size_) reserve(size_ + text.size());
    std::memcpy(start_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  void append(char c) { append(std::string_view(&c, 1)); }
  std::size_t size() const { return size_; }
  // Gives back what is left over.
  std::string_view finish() {
    if (capacity_ != 0) arena_.extend(start_, capacity_, size_);
    return {start_, size_};
  }

 private:
  void reserve(std::size_t wanted) {
    std::size_t capacity = capacity_ < 64 ? 64 : capacity_ * 2;
    if (capacity < wanted) capacity = wanted;
    if (capacity > UINT32_MAX) fail_bound("memory");
    if (capacity_ != 0 && arena_.extend(start_, capacity_, capacity)) {
      capacity_ = capacity;
      return;
    }
    char* moved = static_cast<char*>(arena_.allocate(capacity));
    if (size_ != 0) std::memcpy(moved, start_, size_);
    start_ = moved;
    capacity_ = capacity;
  }

  Arena& arena_;
  char* start_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sluice::workflows::jsonata
