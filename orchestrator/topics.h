// The routing table: every topic's bindings, in memory as they are in the rows.
//
// A message that is published goes to every binding of its topic whose pattern takes its key and
// whose filter lets it through, in the order of the bindings' names. The table is exact at every
// commit: a publish sees every change that was committed before it.
//
// Threads: confined to the writer thread; follows a rollback through the UndoLog.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/doc.h"
#include "orchestrator/binding.h"
#include "orchestrator/commands.h"
#include "storage/storage.h"
#include "storage/undo_log.h"

namespace sluice::orchestrator {

inline constexpr std::size_t bindings_max = 1'000;            // of one topic
inline constexpr std::size_t deliveries_max = 100'000;        // of one publish
inline constexpr std::int64_t filter_steps_max = 10'000'000;  // of all filters of one publish

// What one binding makes of one message.
struct Route {
  std::size_t message = 0;  // its place among those that are published together
  std::shared_ptr<const Binding> binding;
  std::string event_key;
  std::optional<std::string> error;  // the binding cannot say whether, or with which key
};

class Topics {
 public:
  explicit Topics(storage::UndoLog& undo) : undo_(undo) {}
  void load(storage::Reader& reader);

  std::shared_ptr<const Binding> find(const std::string& topic, const std::string& name) const;
  // Nobody has bound anything to it.
  bool unbound(const std::string& topic) const { return !table_.contains(topic); }
  std::size_t size(const std::string& topic) const;
  void put(storage::Transaction& tx, Binding binding);
  void erase(storage::Transaction& tx, const std::string& topic, const std::string& name);
  // The bindings that are triggers of the workflow.
  std::vector<std::shared_ptr<const Binding>> of(WorkflowId workflow) const;

  // Where the messages go. Changes nothing. Refuses with too_large: more than deliveries_max of
  // them, or filters that come to more than filter_steps_max steps.
  Result<std::vector<Route>> route(const std::vector<Publication>& messages, WallTime now,
                                   const std::function<std::uint64_t()>& seed) const;
  // The key of the event that the message becomes at this binding.
  static workflows::Evaluated<std::string> event_key(const Binding& binding,
                                                     const Publication& message, WallTime now,
                                                     std::uint64_t seed);

 private:
  using Bindings = std::map<std::string, std::shared_ptr<const Binding>>;
  void set(const std::string& topic, const std::string& name,
           std::shared_ptr<const Binding> binding);

  storage::UndoLog& undo_;
  std::unordered_map<std::string, Bindings> table_;  // no topic without a binding
};

}  // namespace sluice::orchestrator
