// What the memory beside the rows must do when its transaction is rolled back.
//
// Whoever changes such memory inside a batch first says here how it was. Undoing runs the entries
// backwards; a commit drops them. An entry is kept as it is, in blocks that stay with the log and
// are filled again by the next batch: noting one down allocates nothing.
//
// Threads: confined to the writer thread. Undoing never throws.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice::storage {

class UndoLog {
 public:
  UndoLog() = default;
  ~UndoLog() { clear(); }
  UndoLog(const UndoLog&) = delete;
  UndoLog& operator=(const UndoLog&) = delete;

  // REQUIRES: `number` lives until the commit or the undo.
  void save(std::int64_t& number) {
    add([&number, before = number] { number = before; });
  }
  // The same for a number that is changed again and again and that no entry looks at when it is
  // undone: only its first value since the last mark is noted down.
  template <std::integral Number>
  void save_once(Number& number) {
    Saved& last = saved_[(reinterpret_cast<std::uintptr_t>(&number) >> 3U) % saved_.size()];
    if (last.number == &number && last.marks == marks_) return;
    last = {&number, marks_};
    add([&number, before = number] { number = before; });
  }
  // What `undo` holds goes when it has run, or with the commit.
  template <class Undo>
  void add(Undo undo) {
    static_assert(sizeof(Undo) <= block_bytes && alignof(Undo) <= alignment);
    const Place before = next_;
    void* place = take(sizeof(Undo));
    entries_.push_back({&run<Undo>, std::is_trivially_destructible_v<Undo> ? nullptr : &drop<Undo>,
                        ::new (place) Undo(std::move(undo)), before});
  }

  std::size_t mark() {
    ++marks_;
    return entries_.size();
  }
  // REQUIRES: `mark` is what mark() gave, and nothing was undone or cleared further back since.
  void undo_to(std::size_t mark) {
    while (entries_.size() > mark) {
      const Entry entry = entries_.back();
      entries_.pop_back();
      const std::size_t left = entries_.size();
      entry.run(entry.undo);
      if (entry.drop != nullptr) entry.drop(entry.undo);
      // Undoing may have noted something down itself, which stands behind.
      if (entries_.size() == left) next_ = entry.place;
    }
    ++marks_;
  }
  void clear() {
    // In the order in which they were noted down, which is that of memory.
    for (const Entry& entry : entries_)
      if (entry.drop != nullptr) entry.drop(entry.undo);
    entries_.clear();
    next_ = {};
    ++marks_;
    // What one large batch took is given back.
    if (blocks_.size() > blocks_kept) blocks_.resize(blocks_kept);
  }

 private:
  static constexpr std::size_t block_bytes = 64 << 10;
  static constexpr std::size_t blocks_kept = 16;
  static constexpr std::size_t alignment = alignof(std::max_align_t);
  struct alignas(alignment) Block {
    std::byte bytes[block_bytes];
  };
  struct Place {
    std::size_t block = 0, at = 0;
  };
  struct Entry {
    void (*run)(void*);
    void (*drop)(void*);  // null: there is nothing to drop
    void* undo;
    Place place;
  };

  template <class Undo>
  static void run(void* undo) {
    (*static_cast<Undo*>(undo))();
  }
  template <class Undo>
  static void drop(void* undo) {
    static_cast<Undo*>(undo)->~Undo();
  }

  void* take(std::size_t bytes) {
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (next_.at + bytes > block_bytes) next_ = {next_.block + 1, 0};
    if (next_.block == blocks_.size()) blocks_.push_back(std::make_unique_for_overwrite<Block>());
    void* place = blocks_[next_.block]->bytes + next_.at;
    next_.at += bytes;
    return place;
  }

  // Which number was the last to be saved of those that share the place, and under which mark.
  struct Saved {
    const void* number = nullptr;
    std::uint64_t marks = 0;
  };

  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<Block>> blocks_;
  Place next_;  // where the next entry goes
  std::array<Saved, 64> saved_{};
  std::uint64_t marks_ = 1;  // grows with every mark, undoing and commit
};

}  // namespace sluice::storage
