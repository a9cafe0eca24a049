// Where the items of a Map come from, and where its results go.
#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {

workflows::Evaluated<std::unique_ptr<ItemSource>> Engine::Impl::open_items(
    Transaction& tx, Join& join, const workflows::State&) {
  auto source = std::make_unique<ItemSource>(load_doc(tx, join.plan.list).text());
  join.total = *source->total();
  source->skip(join.next);
  return source;
}

workflows::Evaluated<Doc> Engine::Impl::write_results(Transaction&, Join&,
                                                      const workflows::State&) {
  return Doc::empty_object();
}

}  // namespace sluice::orchestrator
