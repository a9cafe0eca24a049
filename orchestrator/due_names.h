// Names that are to be looked at, each once, in the order in which they came.
//
// Threads: confined to the writer thread. What is looked at in vain does no harm: a name that was
// added stays when the batch is rolled back, and one that was taken comes back.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_set>

#include "storage/undo_log.h"

namespace sluice::orchestrator {

class DueNames {
 public:
  explicit DueNames(storage::UndoLog& undo) : undo_(undo) {}
  bool empty() const { return line_.empty(); }
  std::size_t size() const { return line_.size(); }
  void add(const std::string& name) {
    if (known_.insert(name).second) line_.push_back(name);
  }
  std::optional<std::string> take() {
    if (line_.empty()) return std::nullopt;
    std::string name = std::move(line_.front());
    line_.pop_front();
    known_.erase(name);
    undo_.add([this, name] { add(name); });
    return name;
  }

 private:
  storage::UndoLog& undo_;
  std::deque<std::string> line_;
  std::unordered_set<std::string> known_;
};

}  // namespace sluice::orchestrator
