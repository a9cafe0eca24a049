// The wait-for graph of locks.
//
// A frame that waits for a lock goes on when any of its holders does; one that waits for its
// children when all of them do, and one that waits for a run when that ends. Whoever waits for
// anything else is taken to go on some day. Only a new wait can close a circle, so the graph is
// looked at from there, and the newest waiter is the one that fails.
#include <algorithm>
#include <unordered_map>

#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {
namespace {

// In a larger graph no circle is looked for: the lock's TimeoutSeconds decides.
constexpr std::size_t frames_max = 1'000;

struct Node {
  bool goes_on = false;
  bool all = false;                   // it needs all of `needs`; else any
  std::vector<std::int64_t> needs{};  // frames
};

}  // namespace

bool Engine::Impl::would_deadlock(Transaction& tx, const FrameRow& asking,
                                  const std::vector<std::string>& taken, const std::string& name) {
  // Nobody can wait for one that holds nothing and that nobody is around.
  if (taken.empty() && !asking.frame.parent && !asking.waiter &&
      std::ranges::none_of(asking.frame.flow.locks, &HeldLock::granted))
    return false;
  std::unordered_map<std::int64_t, Node> nodes;
  std::vector<std::int64_t> look;  // nodes whose needs are to be found out
  const auto need = [&](Node& node, std::int64_t frame) { node.needs.push_back(frame); };
  const auto holders = [&](const std::string& lock_name, Node& node) {
    if (const auto* lock = locks.find(lock_name))
      for (const LockPlace& place : lock->holders) need(node, place.frame.value);
  };
  Node& first = nodes[asking.frame.id.value];
  holders(name, first);
  look = first.needs;
  while (!look.empty()) {
    const std::int64_t id = look.back();
    look.pop_back();
    if (nodes.contains(id)) continue;
    if (nodes.size() == frames_max) return false;
    Node& node = nodes[id];
    auto live = load(tx, FrameId{id});
    if (live && live->row.door.kind == DoorWait::Kind::lock) {
      holders(live->row.door.name, node);
    } else if (live && live->home.kind == Home::Kind::frame && live->row.child_run) {
      need(node, live->row.child_run.value);  // its root frame
    } else if (live && live->home.kind == Home::Kind::frame && live->row.spawned != 0) {
      node.all = true;
      const Join& join = join_of(tx, live->row.spawned, FrameId{id});
      for (const auto& [index, frame] : join.live) {
        need(node, frame.value);
        if (node.needs.size() > frames_max) return false;
      }
    }
    node.goes_on = node.needs.empty();
    look.insert(look.end(), node.needs.begin(), node.needs.end());
  }
  // Who goes on lets others go on; `asking` never does, as long as it waits.
  for (bool more = true; more;) {
    more = false;
    for (auto& [id, node] : nodes) {
      if (node.goes_on || id == asking.frame.id.value) continue;
      const auto goes_on = [&](std::int64_t frame) { return nodes.at(frame).goes_on; };
      node.goes_on = node.all ? std::ranges::all_of(node.needs, goes_on)
                              : std::ranges::any_of(node.needs, goes_on);
      more = more || node.goes_on;
    }
  }
  const Node& asked = nodes.at(asking.frame.id.value);
  return !asked.needs.empty() && std::ranges::none_of(asked.needs, [&](std::int64_t frame) {
    return nodes.at(frame).goes_on;
  });
}

}  // namespace sluice::orchestrator
