// Where the items of a Map come from.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {

workflows::Evaluated<bool> Engine::Impl::open_source(Transaction& tx, Join& join,
                                                     const workflows::State& state) {
  const auto& map = std::get<workflows::MapState>(state.body);
  std::unique_ptr<ItemSource> source;
  if (map.reader) {
    const Doc arguments = join.plan.reader ? load_doc(tx, join.plan.reader) : Doc::empty_object();
    auto opened = open_items(*map.reader, arguments.json(), join.plan.items_max,
                             {options.items_directory, options.payload_bytes_max});
    if (!opened) return std::move(opened.failure());
    source = *std::move(opened);
    join.source_bytes = options.payload_bytes_max;
  } else {
    const Doc list = load_doc(tx, join.plan.list);
    if (join.plan.tolerated_percentage > 0 && !map.batcher) {
      // A share is judged of all the items.
      auto counted = items_of(list)->skip(INT64_MAX);
      if (!counted) return std::move(counted.failure());
      join.total = *counted;
    }
    source = items_of(list, join.plan.items_max);
    join.source_bytes = 2 * list.size_bytes();
  }
  join.source = std::move(source);
  join.batcher.reset();
  open_sources.push_back(join.spawn);
  if (!map.batcher) {
    auto skipped = join.source->skip(join.next);
    if (!skipped) return std::move(skipped.failure());
    return true;
  }
  ItemBatcher::Limits limits;
  limits.items_max = join.plan.batch_items_max;
  limits.bytes_max = join.plan.batch_bytes_max;
  limits.payload_bytes_max = options.payload_bytes_max;
  join.batcher = std::make_unique<ItemBatcher>(
      *join.source, limits, join.plan.batch_input ? load_doc(tx, join.plan.batch_input) : Doc{},
      [this, &join](SourceItem item) -> workflows::Evaluated<std::string> {
        auto input = item_input(*items_tx, join, item_of(join, std::move(item)));
        if (!input) return std::move(input.failure());
        return input->text();
      });
  // How many items a batch took is only known by making it.
  items_tx = &tx;
  for (std::int64_t made = 0; made < join.next; ++made)
    if (auto batch = join.batcher->next(); !batch) return std::move(batch.failure());
  return true;
}

Item Engine::Impl::item_of(const Join& join, SourceItem item) {
  Item made;
  made.index = item.index;
  made.value = Doc::from_text(std::move(item.text));
  made.key = std::move(item.key);
  made.source = join.source->name();
  return made;
}

// The next child's item (or batch) and its input; nothing if there are no more.
workflows::Evaluated<std::optional<Engine::Impl::NextItem>> Engine::Impl::next_item(
    Transaction& tx, Join& join, const workflows::State& state) {
  if (!join.source)
    if (auto opened = open_source(tx, join, state); !opened) return std::move(opened.failure());
  NextItem next;
  items_tx = &tx;
  if (join.batcher) {
    auto batch = join.batcher->next();
    if (!batch) return std::move(batch.failure());
    if (!*batch) return std::optional<NextItem>();
    next.item.index = (*batch)->index;
    next.item.value = Doc::from_text(std::move((*batch)->text));
    next.item.source = join.source->name();
    next.input = next.item.value;
    return std::optional(std::move(next));
  }
  auto item = join.source->next();
  if (!item) return std::move(item.failure());
  if (!*item) return std::optional<NextItem>();
  next.item = item_of(join, **std::move(item));
  auto input = item_input(tx, join, next.item);
  if (!input) return std::move(input.failure());
  next.input = *std::move(input);
  return std::optional(std::move(next));
}

workflows::Evaluated<Doc> Engine::Impl::item_input(Transaction& tx, Join& join, const Item& item) {
  Version& version = catalog.version(join.parent.version_id);
  const auto& machine = catalog.machine(tx, version);
  if (!std::get<workflows::MapState>(machine.states[join.state].body).item_selector)
    return item.value;
  if (!join.input) join.input = load_doc(tx, join.plan.input);
  if (join.parent.variables_ref && !join.variables)
    join.variables = load_doc(tx, join.parent.variables_ref);
  Frame parent = join.parent.frame;
  parent.variables = join.variables;
  parent.input = join.input;
  return prepare_item(machine, facts(tx, join.parent, version), parent, join.input, item,
                      now().wall, random.next(), Limits{options.payload_bytes_max});
}

}  // namespace sluice::orchestrator
