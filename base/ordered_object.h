// OrderedObject: the object type of sluice::Json.
//
// Members keep the order in which they were first written. Up to `scan_max` members a look-up
// compares them one after the other, which is faster than hashing; above it a hash index finds
// them, so that a text with 100,000 members is read in linear time. The hash is keyed per process
// (base/keyed_hash.h): prepared names cannot make it slow.
//
// Invariant: the index exists exactly when there are more than `scan_max` members, and then it
// names every one of them. Only functions that change the object touch it, so reading from several
// threads is as safe as for a std::vector.
//
// Two objects are equal when they have equal members, in whatever order.
//
// Not thread-safe, caller serialises changes. The names are std::map's, as nlohmann::basic_json
// wants.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "base/keyed_hash.h"

namespace sluice {

// `Key` converts to std::string_view. `IgnoredLess` is what basic_json passes for sorted maps.
template <class Key, class T, class IgnoredLess = std::less<>,
          class Allocator = std::allocator<std::pair<const Key, T>>>
class OrderedObject {
  using Members = std::vector<std::pair<const Key, T>, Allocator>;

 public:
  using key_type = Key;
  using mapped_type = T;
  using key_compare = std::equal_to<>;
  using value_type = std::pair<const Key, T>;
  using size_type = std::size_t;
  using iterator = typename Members::iterator;
  using const_iterator = typename Members::const_iterator;

  static constexpr size_type scan_max = 16;

  OrderedObject() = default;
  template <class It>
  OrderedObject(It first, It last) {
    insert(first, last);
  }
  OrderedObject(std::initializer_list<value_type> members) {
    insert(members.begin(), members.end());
  }
  OrderedObject(const OrderedObject& other)
      : members_(other.members_),
        index_(other.index_ ? std::make_unique<Index>(*other.index_) : nullptr) {}
  OrderedObject(OrderedObject&& other) noexcept
      : members_(std::move(other.members_)), index_(std::move(other.index_)) {
    other.members_.clear();
  }
  OrderedObject& operator=(OrderedObject other) noexcept {
    swap(other);
    return *this;
  }
  ~OrderedObject() = default;

  void swap(OrderedObject& other) noexcept {
    members_.swap(other.members_);
    index_.swap(other.index_);
  }
  friend void swap(OrderedObject& a, OrderedObject& b) noexcept { a.swap(b); }

  iterator begin() { return members_.begin(); }
  iterator end() { return members_.end(); }
  const_iterator begin() const { return members_.begin(); }
  const_iterator end() const { return members_.end(); }
  const_iterator cbegin() const { return members_.cbegin(); }
  const_iterator cend() const { return members_.cend(); }
  bool empty() const { return members_.empty(); }
  size_type size() const { return members_.size(); }
  size_type max_size() const { return std::min<size_type>(members_.max_size(), UINT32_MAX - 1); }
  void reserve(size_type count) { members_.reserve(count); }
  void clear() {
    members_.clear();
    index_.reset();
  }

  iterator find(std::string_view key) { return begin() + offset(position(key)); }
  const_iterator find(std::string_view key) const { return begin() + offset(position(key)); }
  bool contains(std::string_view key) const { return position(key) != size(); }
  size_type count(std::string_view key) const { return contains(key) ? 1 : 0; }

  T& at(std::string_view key) { return members_[existing(key)].second; }
  const T& at(std::string_view key) const { return members_[existing(key)].second; }
  template <class K>
  T& operator[](K&& key) {
    return emplace(std::forward<K>(key), T{}).first->second;
  }
  const T& operator[](std::string_view key) const { return at(key); }

  // Does nothing when the key is there already; says where it is, and whether it is new.
  template <class K>
  std::pair<iterator, bool> emplace(K&& key, T value) {
    const std::string_view name = key;
    std::uint32_t hash = 0;
    size_type found;
    if (index_) {
      hash = short_hash(name);
      found = indexed_position(name, hash);
    } else {
      found = scanned_position(name);
    }
    if (found != size()) return {begin() + offset(found), false};
    members_.emplace_back(std::forward<K>(key), std::move(value));
    if (index_)
      extend_index(hash);
    else if (size() > scan_max)
      build_index();
    return {std::prev(end()), true};
  }
  std::pair<iterator, bool> insert(value_type&& member) {
    return emplace(member.first, std::move(member.second));
  }
  std::pair<iterator, bool> insert(const value_type& member) {
    return emplace(member.first, member.second);
  }
  template <class It>
  void insert(It first, It last) {
    for (; first != last; ++first) emplace(first->first, first->second);
  }

  // What follows moves up, so erasing is linear, and renewing the index costs no more.
  size_type erase(std::string_view key) {
    const size_type found = position(key);
    if (found == size()) return 0;
    erase(begin() + offset(found));
    return 1;
  }
  iterator erase(iterator at) { return erase(at, std::next(at)); }
  iterator erase(iterator first, iterator last) {
    if (first == last) return first;
    const size_type from = static_cast<size_type>(first - begin());
    const size_type until = static_cast<size_type>(last - begin());
    // A const key cannot be assigned, so the members are moved over into a new vector.
    Members kept;
    kept.reserve(size() - (until - from));
    for (size_type i = 0; i < size(); ++i) {
      if (i >= from && i < until) continue;
      auto& [key, value] = members_[i];
      kept.emplace_back(std::move(const_cast<Key&>(key)), std::move(value));
    }
    members_.swap(kept);
    index_.reset();
    if (size() > scan_max) build_index();
    return begin() + offset(from);
  }

  friend bool operator==(const OrderedObject& a, const OrderedObject& b) {
    if (a.size() != b.size()) return false;
    for (size_type i = 0; i < a.size(); ++i) {
      const auto& [key, value] = a.members_[i];
      const std::string_view name = key;
      // Most equal objects were written in the same order.
      const auto& beside = b.members_[i];
      const T* other = nullptr;
      if (std::string_view(beside.first) == name) {
        other = &beside.second;
      } else {
        const size_type found = b.position(name);
        if (found == b.size()) return false;
        other = &b.members_[found].second;
      }
      if (!(value == *other)) return false;
    }
    return true;
  }
  // An order that agrees with ==: by number of members, then as if sorted by key.
  friend bool operator<(const OrderedObject& a, const OrderedObject& b) {
    if (a.size() != b.size()) return a.size() < b.size();
    const auto left = a.sorted(), right = b.sorted();
    for (size_type i = 0; i < left.size(); ++i) {
      const std::string_view left_key = left[i]->first, right_key = right[i]->first;
      if (left_key != right_key) return left_key < right_key;
      if (left[i]->second < right[i]->second) return true;
      if (right[i]->second < left[i]->second) return false;
    }
    return false;
  }

 private:
  // Open addressing with linear probing. `slots` holds member numbers plus one, 0 is free; its size
  // is a power of two and at least twice the number of members. `hashes` is kept so that growing
  // needs no hashing and most probes no comparison of text.
  struct Index {
    std::vector<std::uint32_t> slots;
    std::vector<std::uint32_t> hashes;
  };

  static std::uint32_t short_hash(std::string_view name) {
    return static_cast<std::uint32_t>(keyed_hash(name));
  }
  static std::ptrdiff_t offset(size_type n) { return static_cast<std::ptrdiff_t>(n); }

  // size() when there is none.
  size_type position(std::string_view name) const {
    return index_ ? indexed_position(name, short_hash(name)) : scanned_position(name);
  }
  size_type scanned_position(std::string_view name) const {
    size_type i = 0;
    for (; i < size(); ++i)
      if (std::string_view(members_[i].first) == name) break;
    return i;
  }
  size_type indexed_position(std::string_view name, std::uint32_t hash) const {
    const size_type mask = index_->slots.size() - 1;
    for (size_type at = hash & mask;; at = (at + 1) & mask) {
      const std::uint32_t slot = index_->slots[at];
      if (slot == 0) return size();
      const size_type member = slot - 1;
      if (index_->hashes[member] == hash && std::string_view(members_[member].first) == name)
        return member;
    }
  }
  size_type existing(std::string_view name) const {
    const size_type found = position(name);
    if (found == size()) throw std::out_of_range("key not found");
    return found;
  }

  void build_index() {
    index_ = std::make_unique<Index>();
    index_->hashes.reserve(size());
    for (const auto& member : members_) index_->hashes.push_back(short_hash(member.first));
    fill_slots();
  }
  void extend_index(std::uint32_t hash) {
    index_->hashes.push_back(hash);
    if (index_->hashes.size() * 2 > index_->slots.size())
      fill_slots();
    else
      take_slot(index_->hashes.size() - 1);
  }
  void fill_slots() {
    index_->slots.assign(std::bit_ceil(index_->hashes.size() * 4), 0);
    for (size_type i = 0; i < index_->hashes.size(); ++i) take_slot(i);
  }
  void take_slot(size_type member) {
    const size_type mask = index_->slots.size() - 1;
    size_type at = index_->hashes[member] & mask;
    while (index_->slots[at] != 0) at = (at + 1) & mask;
    index_->slots[at] = static_cast<std::uint32_t>(member + 1);
  }

  std::vector<const value_type*> sorted() const {
    std::vector<const value_type*> order;
    order.reserve(size());
    for (const auto& member : members_) order.push_back(&member);
    std::sort(order.begin(), order.end(), [](const value_type* a, const value_type* b) {
      return std::string_view(a->first) < std::string_view(b->first);
    });
    return order;
  }

  Members members_;
  std::unique_ptr<Index> index_;
};

}  // namespace sluice
