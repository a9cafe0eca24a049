// ShortList<T, N>: a list that is nearly always short. The first N elements lie inside it, so a
// short one allocates nothing; the others go to a vector. Only grows.
//
// Not thread-safe, caller serialises.
#pragma once

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace sluice {

template <class T, std::size_t N>
class ShortList {
 public:
  std::size_t size() const { return near_count_ + far_.size(); }
  void push_back(T value) {
    if (near_count_ < N)
      near_[near_count_++] = std::move(value);
    else
      far_.push_back(std::move(value));
  }
  // REQUIRES: n < size().
  T& operator[](std::size_t n) { return n < N ? near_[n] : far_[n - N]; }
  const T& operator[](std::size_t n) const { return n < N ? near_[n] : far_[n - N]; }

 private:
  std::array<T, N> near_{};
  std::size_t near_count_ = 0;
  std::vector<T> far_;
};

}  // namespace sluice
