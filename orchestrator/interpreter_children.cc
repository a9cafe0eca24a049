// Parallel, Map and child runs: what is spawned, and what becomes of the results.
#include "orchestrator/walk.h"

namespace sluice::orchestrator {

Walk::Step Walk::happened(const BranchStarted&) { return std::nullopt; }
Walk::Step Walk::happened(const ChildrenSucceeded& event) {
  return leave_with_result(event.results, true);
}
Walk::Step Walk::happened(const ChildrenFailed& event) {
  Trouble trouble;
  trouble.fault = event.fault;
  return failed(trouble);
}
Walk::Step Walk::happened(const RunStarted&) { return std::nullopt; }
Walk::Step Walk::happened(const RunEnded& event) {
  return leave_with_result(event.output, true);
}

workflows::Evaluated<Doc> prepare_item(const workflows::Machine&, const RunFacts&, const Frame&,
                                       const Doc&, const Item& item, WallTime, std::uint64_t,
                                       const Limits&) {
  return item.value;
}

}  // namespace sluice::orchestrator
