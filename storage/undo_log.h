// What the memory beside the rows must do when its transaction is rolled back.
//
// Whoever changes such memory inside a batch first says here how it was. Undoing runs the entries
// backwards; a commit drops them. Saving a number costs no allocation.
//
// Threads: confined to the writer thread. Undoing never throws.
#pragma once

#include <cstdint>
#include <functional>
#include <variant>
#include <vector>

namespace sluice::storage {

class UndoLog {
 public:
  // REQUIRES: `number` lives until the commit or the undo.
  void save(std::int64_t& number) { entries_.emplace_back(Saved{&number, number}); }
  void add(std::function<void()> undo) { entries_.emplace_back(std::move(undo)); }

  std::size_t mark() const { return entries_.size(); }
  void undo_to(std::size_t mark) {
    while (entries_.size() > mark) {
      Entry entry = std::move(entries_.back());
      entries_.pop_back();
      if (auto* saved = std::get_if<Saved>(&entry))
        *saved->number = saved->value;
      else
        std::get<std::function<void()>>(entry)();
    }
  }
  void clear() { entries_.clear(); }

 private:
  struct Saved {
    std::int64_t* number;
    std::int64_t value;
  };
  using Entry = std::variant<Saved, std::function<void()>>;
  std::vector<Entry> entries_;
};

}  // namespace sluice::storage
