// Parallel and Map: what is spawned, and what becomes of the results; and the walk of a frame that
// is one of their branches or items.
#include <fmt/format.h>

#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::Failure;
using workflows::MapState;
using workflows::no_state;
using workflows::StateType;

namespace {

constexpr std::int64_t batch_bytes_max = 256 * 1024;

bool distributed(const workflows::State& state) {
  const auto* map = std::get_if<MapState>(&state.body);
  return map != nullptr && map->distributed;
}

}  // namespace

// ---- the parent ----

Walk::Step Walk::branch_out(const workflows::ParallelState& body) {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  auto given = arguments(body.arguments, *input);
  if (!given) return failed(given.failure());
  record_in_state(Kind::parallel_started);
  return SpawnBranches{*std::move(given)};
}

Walk::Step Walk::map_items(const MapState& body) {
  auto input = effective_input();
  if (!input) return failed(input.failure());
  auto spawn = spawn_items(body, *input);
  if (!spawn) {
    // Where the items are read from is tried again, as a file that is not there would be.
    return failed(spawn.failure(), spawn.failure().error == "States.ItemReaderFailed");
  }
  record_in_state(Kind::map_started);
  history_.back().number =
      spawn->items ? static_cast<std::int64_t>(spawn->items.json().size()) : -1;
  if (body.distributed) record_in_state(Kind::map_run_started);
  if (spawn->items && spawn->items.json().empty() && !body.writer)
    return children_succeeded(Doc::from_text("[]"));
  return *std::move(spawn);
}

Walk::Evaluated<SpawnItems> Walk::spawn_items(const MapState& body, const Doc& input) {
  SpawnItems out;
  out.input = input;
  if (body.reader) {
    // ItemsPath is not looked at then.
    out.reader = Doc::empty_object();
    if (body.reader->arguments) {
      auto reader = fill(*body.reader->arguments, {input, {}, {}}, "ItemReader/Arguments");
      if (!reader) return std::move(reader.failure());
      out.reader = *std::move(reader);
    }
    auto most = count(body.reader->items_max, "ItemReader/ReaderConfig/", "MaxItems", input);
    if (!most) return std::move(most.failure());
    out.items_max = *most;
  } else {
    auto found = items(body, input);
    if (!found) return std::move(found.failure());
    out.items = *std::move(found);
  }

  const auto concurrency = count(body.concurrency_max, "", "MaxConcurrency", input);
  if (!concurrency) return concurrency.failure();
  out.concurrency_max = *concurrency;
  const auto tolerated = count(body.tolerated_count, "", "ToleratedFailureCount", input);
  if (!tolerated) return tolerated.failure();
  out.tolerated_count = *tolerated;
  const auto share = percentage(body.tolerated_percentage, input);
  if (!share) return share.failure();
  out.tolerated_percentage = *share;

  if (body.batcher) {
    const auto number = count(body.batcher->items_max, "ItemBatcher/", "MaxItemsPerBatch", input);
    if (!number) return number.failure();
    const auto bytes =
        count(body.batcher->bytes_max, "ItemBatcher/", "MaxInputBytesPerBatch", input);
    if (!bytes) return bytes.failure();
    if (*bytes > batch_bytes_max)
      return refused(fmt::format("MaxInputBytesPerBatch must not be more than {}, but was: {}",
                                 batch_bytes_max, *bytes));
    out.batch_items_max = *number;
    out.batch_bytes_max = *bytes;
    if (*number == 0 && *bytes == 0)
      return refused("MaxItemsPerBatch and MaxInputBytesPerBatch cannot both be 0.");
    if (body.batcher->batch_input) {
      auto shared = fill(*body.batcher->batch_input, {input, {}, {}}, "ItemBatcher/BatchInput");
      if (!shared) return std::move(shared.failure());
      out.batch_input = *std::move(shared);
    }
  }
  if (body.writer && body.writer->arguments) {
    auto writer = fill(*body.writer->arguments, {input, {}, {}}, "ResultWriter/Arguments");
    if (!writer) return std::move(writer.failure());
    out.writer = *std::move(writer);
  }
  return out;
}

// The array of items. An object is refused, as the service refuses it.
Walk::Evaluated<Doc> Walk::items(const MapState& body, const Doc& input) {
  if (body.items) {
    auto found = fill(*body.items, {input, {}, {}}, "Items");
    if (found && !found->json().is_array())
      return wrong_type(*body.items, "Items", "array", found->json());
    return found;
  }
  if (in_jsonata()) {
    if (input.json().is_array()) return input;
    return refused(fmt::format("Map state input must be an array but was: {}",
                               workflows::excerpt(input.json(), 200)));
  }
  auto found = select(body.items_path, false, input);
  if (found && !found->json().is_array())
    return refused(fmt::format("Reference path \"{}\" must point to array, but was: {}",
                               body.items_path ? body.items_path->text() : "$",
                               workflows::excerpt(found->json(), 200)));
  return found;
}

Walk::Step Walk::happened(const ChildrenSucceeded& event) {
  SLUICE_CHECK(state().type == StateType::parallel || state().type == StateType::map,
               "the results of a Parallel or Map state");
  return children_succeeded(event.results);
}

Walk::Step Walk::children_succeeded(Doc results) {
  if (const auto failure = too_large(results)) {
    record_children(false, fault_here(*failure));
    return failed(*failure, true);
  }
  record_children(true, {});
  if (state().result_selector) {
    auto selected = fill(*state().result_selector, {results, {}, {}}, "ResultSelector");
    if (!selected) return failed(selected.failure(), true);
    results = *std::move(selected);
  }
  return leave_with_result(std::move(results), true);
}

Walk::Step Walk::happened(const ChildrenFailed& event) {
  SLUICE_CHECK(state().type == StateType::parallel || state().type == StateType::map,
               "the failure of a Parallel or Map state");
  Trouble trouble;
  trouble.fault = event.fault;
  if (!event.of_branch && event.fault.error == "States.QueryEvaluationError")
    record_in_state(Kind::evaluation_failed, Doc::from_text(R"({"location":"ItemSelector"})"),
                    event.fault);
  record_children(false, event.fault);
  trouble.of_branch = event.of_branch;
  trouble.retryable = true;
  trouble.dead_letter = event.dead_letter;
  return failed(trouble);
}

void Walk::record_children(bool succeeded, const Fault& fault) {
  if (state().type == StateType::parallel)
    return record_in_state(succeeded ? Kind::parallel_succeeded : Kind::parallel_failed, {}, fault);
  if (distributed(state()))
    record_in_state(succeeded ? Kind::map_run_succeeded : Kind::map_run_failed, {}, fault);
  record_in_state(succeeded ? Kind::map_succeeded : Kind::map_failed, {}, fault);
}

// ---- the child ----

Walk::Step Walk::happened(const BranchStarted&) {
  SLUICE_CHECK(frame_.parent && state().parent != no_state, "a frame below a Parallel or Map");
  record_iteration(Kind::iteration_started);
  return std::nullopt;
}

// Of the item that the frame works on; a Parallel's branch has no such events.
void Walk::record_iteration(Kind kind, Fault fault) {
  const workflows::StateIndex parent = state().parent;
  if (parent == no_state || machine_.states[parent].type != StateType::map) return;
  record(kind, {}, std::move(fault));
  history_.back().state = parent;
  history_.back().number = frame_.item.index;
}

// ---- one item ----

Walk::Evaluated<Doc> Walk::item_input(const Doc& effective) {
  const auto& body = std::get<MapState>(state().body);
  if (!body.item_selector) return frame_.item.value;
  auto made = fill(*body.item_selector, {effective, {}, {}}, "ItemSelector");
  if (made) return made;
  Failure failure = std::move(made.failure());
  failure.cause = fault_here(failure).cause.value_or("");
  return failure;
}

workflows::Evaluated<Doc> prepare_item(const workflows::Machine& machine, const RunFacts& run,
                                       const Frame& parent, const Doc& effective_input,
                                       const Item& item, WallTime now, std::uint64_t seed,
                                       const Limits& limits) {
  Frame frame = parent;
  frame.item = item;
  Doors open;
  return Walk(machine, run, std::move(frame), now, seed, limits, open).item_input(effective_input);
}

}  // namespace sluice::orchestrator
