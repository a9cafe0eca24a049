// Parallel and Map: spawning the children, and taking their results.
//
// A parent waits as a row of `frames`; its children have rows in `children`. A few are spawned in
// the transaction that enters the state or frees a place; the rest by continuations, so that no run
// holds up the others. Whatever a step of a child brings about for its parent is done after that
// step, from a line of follow-ups: nothing recurses into the parent.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t forget_at_once_max = 100;    // rows deleted with the step that goes on
constexpr std::size_t joins_kept_max = 1'000;       // in memory, when nothing touches them
constexpr std::size_t source_bytes_max = 32 << 20;  // of all open lists of items

}  // namespace

// Reads what memory must know of a spawn. It is forgotten when the batch is rolled back.
Join& Engine::Impl::join_of(Transaction& tx, std::int64_t spawn, FrameId parent) {
  auto& place = joins[spawn];
  undo.add([this, spawn] { joins.erase(spawn); });
  if (place) return *place;
  auto join = std::make_unique<Join>();
  auto live = load(tx, parent);
  SLUICE_CHECK(live && live->row.spawned == spawn, "the parent that waits for its children");
  join->spawn = spawn;
  join->state = live->row.frame.state;
  join->plan = decode_plan(parent, live->row.plan);
  join->stopping = live->row.stopping;
  join->parent = std::move(live->row);
  join->parent.frame.input = join->parent.frame.variables = Doc{};
  {
    auto q = tx.query(sql::find_frame, parent);
    join->continues = q.step() && static_cast<WaitKind>(q.int64(0)) == WaitKind::continuation;
  }
  bool stopped = false;
  for (auto q = tx.query(sql::children_of, spawn); q.step();) {
    const std::int64_t index = q.int64(0);
    join->next = index + 1;
    switch (static_cast<ChildStatus>(q.int64(2))) {
      case ChildStatus::live:
        join->live.emplace(index, q.id<FrameTag>(1));
        break;
      case ChildStatus::succeeded:
        ++join->succeeded;
        break;
      case ChildStatus::failed:
        ++join->failed;
        break;
      case ChildStatus::stopped:
        stopped = true;
        break;
      case ChildStatus::again:
        join->again.push_back(index);
        break;
    }
  }
  std::reverse(join->again.begin(), join->again.end());
  // A frame around it is being stopped, and began with these.
  if (stopped) join->stopping.now = true;
  place = std::move(join);
  return *place;
}

std::int64_t Engine::Impl::concurrency(const Join& join) const {
  const std::int64_t most = options.children_live_max;
  return join.plan.concurrency_max == 0 ? most : std::min(most, join.plan.concurrency_max);
}

void Engine::Impl::follow_up(Followup what) {
  followups.push_back(what);
  // Rolled back, nothing of it has happened.
  undo.add([this] { followups.clear(); });
}

void Engine::Impl::look_at(Join& join) {
  if (join.in_line) return;
  join.in_line = true;
  follow_up({Followup::Kind::children, join.parent.frame.id, join.spawn, {}});
}

void Engine::Impl::follow(Transaction& tx, int children_max) {
  if (following) return;
  following = true;
  struct Ends {
    bool& flag;
    ~Ends() { flag = false; }
  } const ends{following};
  int budget = children_max;
  while (!followups.empty()) {
    const Followup what = followups.front();
    followups.pop_front();
    switch (what.kind) {
      case Followup::Kind::children:
        // An earlier one may have let the parent go on.
        if (!joins.contains(what.spawn)) {
          const auto parent = load(tx, what.frame);
          if (!parent || parent->row.spawned != what.spawn) break;
        }
        tend(tx, join_of(tx, what.spawn, what.frame), budget);
        break;
      case Followup::Kind::run_ended:
        child_run_ended(tx, what.frame, what.run);
        break;
      case Followup::Kind::cancel_run:
        // One that is being undone goes on with that.
        if (!is_compensating(tx, what.run))
          (void)apply(tx, CancelRun{what.run, "the run that waited for it was stopped"});
        break;
    }
  }
}

// The children of a frame, one look: stops them, spawns more, or goes on with their results.
void Engine::Impl::tend(Transaction& tx, Join& join, int& budget) {
  join.in_line = false;
  if (!join.stopping.now) {
    while (std::cmp_less(join.live.size(), concurrency(join)) && budget > 0) {
      --budget;
      if (!join.again.empty()) {
        const std::int64_t index = join.again.back();
        join.again.pop_back();
        take_up_child(tx, join, index);
      } else if (!spawn_next(tx, join)) {
        break;
      }
      if (join.stopping.now) break;
    }
  }
  if (join.stopping.now) {
    tend_stopping(tx, join);
    return;
  }
  const bool more = !join.spawned_all || !join.again.empty();
  if (join.live.empty() && !more) {
    collect(tx, join);
    return;
  }
  continue_later(tx, join, more && std::cmp_less(join.live.size(), concurrency(join)));
}

// Whether the parent's row is one that time moves, or waits for a child to end.
void Engine::Impl::continue_later(Transaction& tx, Join& join, bool continues) {
  if (join.continues == continues && !join.stopping.now) return;
  join.continues = continues;
  auto live = load(tx, join.parent.frame.id);
  SLUICE_CHECK(live.has_value(), "the parent of children");
  live->row.stopping = join.stopping;
  const std::string data = encode(live->row);
  const std::int64_t due = now().engine.us;
  tx.run(sql::set_frame_wait, live->row.frame.id,
         static_cast<int>(continues ? WaitKind::continuation : WaitKind::children),
         continues ? std::optional{static_cast<int>(queue::ClockKind::engine)} : std::nullopt,
         continues ? std::optional{due} : std::nullopt, storage::as_blob(data));
  if (continues) next_frame_engine = std::min(next_frame_engine, due);
}

// A new child frame, with the input that is its own. False: there are no more, or what would be one
// cannot be made.
bool Engine::Impl::spawn_next(Transaction& tx, Join& join) {
  const FrameRow& parent = join.parent;
  Version& version = catalog.version(parent.version_id);
  const auto& machine = catalog.machine(tx, version);
  const workflows::State& state = machine.states[join.state];
  const Now time = now();

  Live live;
  FrameRow& row = live.row;
  row.index = join.next;
  if (!join.plan.items) {
    const auto& branches = std::get<workflows::ParallelState>(state.body).branches;
    if (std::cmp_greater_equal(join.next, branches.size())) {
      join.spawned_all = true;
      return false;
    }
    row.frame.state = branches[static_cast<std::size_t>(join.next)];
    row.frame.item = parent.frame.item;
    row.item_ref = parent.item_ref;
    if (!join.input) join.input = load_doc(tx, join.plan.input);
    row.frame.input = join.input;
  } else {
    auto next = next_item(tx, join, state);
    if (!next) {
      Stopping stopping;
      stopping.now = true;
      stopping.fault = {next.failure().error, next.failure().cause};
      join.stopping = std::move(stopping);
      return false;
    }
    if (!*next) {
      join.spawned_all = true;
      if (join.total < 0) join.total = join.next;
      if (too_many_failed(join)) fail_for_children(join, state, {}, -1, true);
      return false;
    }
    row.frame.state = std::get<workflows::MapState>(state.body).start_at;
    row.frame.item = std::move((**next).item);
    row.frame.input = std::move((**next).input);
  }
  ++join.next;

  row.frame.id = FrameId{ids.next(time.wall)};
  row.frame.parent = parent.frame.id;
  row.frame.transitions = parent.frame.transitions;
  row.run = parent.run;
  row.version_id = parent.version_id;
  row.priority = parent.priority;
  row.spawn = join.spawn;
  // The children of a distributed Map see nothing of the variables around it.
  const auto* map = std::get_if<workflows::MapState>(&state.body);
  if (parent.variables_ref && (map == nullptr || !map->distributed)) {
    if (!join.variables) join.variables = load_doc(tx, parent.variables_ref);
    row.frame.variables = join.variables;
    row.variables_ref = parent.variables_ref;
  }
  tx.run(sql::insert_child, join.spawn, row.index, row.frame.id);
  join.live.emplace(row.index, row.frame.id);
  step(tx, live, BranchStarted{}, {});
  return true;
}

// Whether more items failed than the state bears. A share can only be judged when it is known of
// how many.
bool Engine::Impl::too_many_failed(const Join& join) const {
  if (join.failed == 0) return false;
  const SpawnPlan& plan = join.plan;
  if (!plan.items || (plan.tolerated_count == 0 && plan.tolerated_percentage == 0)) return true;
  if (plan.tolerated_count > 0 && join.failed > plan.tolerated_count) return true;
  return plan.tolerated_percentage > 0 && join.total > 0 &&
         static_cast<double>(join.failed) * 100 >
             plan.tolerated_percentage * static_cast<double>(join.total);
}

void Engine::Impl::fail_for_children(Join& join, const workflows::State& state, const Fault& fault,
                                     std::int64_t child, bool dead_letter) {
  Stopping stopping;
  stopping.now = true;
  stopping.child = child;
  stopping.dead_letter = dead_letter;
  const auto* map = std::get_if<workflows::MapState>(&state.body);
  const bool tolerant = join.plan.items && (map->distributed || join.plan.tolerated_count > 0 ||
                                            join.plan.tolerated_percentage > 0);
  if (tolerant) {
    stopping.fault = {"States.ExceedToleratedFailureThreshold",
                      "The specified tolerated failure threshold was exceeded"};
  } else {
    stopping.fault = fault;
    stopping.of_branch = true;
  }
  join.stopping = std::move(stopping);
}

// The child's last log row is written; its own row goes.
void Engine::Impl::child_ended(Transaction& tx, Live& live, const Finish& finish,
                               const Doc& result) {
  FrameRow& row = live.row;
  drop_deadlines(tx, row);
  leave_home(tx, live);
  const bool succeeded = finish.end == End::succeeded;
  const auto status = succeeded ? ChildStatus::succeeded : ChildStatus::failed;
  tx.run(sql::end_child, row.spawn, row.index, static_cast<int>(status), pack(result.ref()),
         row.last_seq);
  Join& join = join_of(tx, row.spawn, row.frame.parent);
  join.live.erase(row.index);
  ++(succeeded ? join.succeeded : join.failed);
  if (!succeeded && !join.stopping.now && too_many_failed(join)) {
    const auto& machine = catalog.machine(tx, catalog.version(row.version_id));
    fail_for_children(join, machine.states[join.state], finish.fault, row.index,
                      finish.dead_letter);
  }
  look_at(join);
}

// The parent has gone on: nobody asks for these any more.
void Engine::Impl::forget_spawn(Transaction& tx, std::int64_t spawn) {
  joins.erase(spawn);
  std::erase(open_sources, spawn);
  tx.run(sql::add_spent_spawn, spawn);
  sweep_spawns(tx, forget_at_once_max);
}

// Deletes at most `rows_max` rows of spent spawns; true: there are more.
bool Engine::Impl::sweep_spawns(Transaction& tx, std::int64_t rows_max) {
  std::int64_t spawn = 0;
  {
    auto q = tx.query(sql::next_spent_spawn);
    if (!q.step() || q.is_null(0)) return false;
    spawn = q.int64(0);
  }
  std::int64_t rows = 0, last = -1;
  std::vector<std::int64_t> kept;  // log rows of children that may have spawned themselves
  for (auto q = tx.query(sql::first_children, spawn, rows_max); q.step(); ++rows) {
    last = q.int64(0);
    const auto status = static_cast<ChildStatus>(q.int64(1));
    if (status != ChildStatus::succeeded && !q.is_null(2)) kept.push_back(q.int64(2));
  }
  for (const std::int64_t seq : kept)
    if (const auto row = kept_frame(tx, FrameId{}, seq); row && row->spawned != 0)
      tx.run(sql::add_spent_spawn, row->spawned);
  if (rows > 0) tx.run(sql::delete_children, spawn, last);
  if (rows < rows_max) tx.run(sql::delete_spent_spawn, spawn);
  spawns_spent = true;
  return true;
}

// Memory beside the rows stays small: what is not in use is read again when it is.
void Engine::Impl::trim_joins() {
  if (joins.size() > joins_kept_max) {
    joins.clear();
    open_sources.clear();
    return;
  }
  std::size_t bytes = 0;
  for (auto at = open_sources.rbegin(); at != open_sources.rend(); ++at) {
    const auto found = joins.find(*at);
    if (found == joins.end() || !found->second->source) continue;
    bytes += found->second->source_bytes;
    if (bytes <= source_bytes_max) continue;
    found->second->batcher.reset();
    found->second->source.reset();
    found->second->input = found->second->variables = Doc{};
  }
  std::erase_if(open_sources, [this](std::int64_t spawn) {
    const auto found = joins.find(spawn);
    return found == joins.end() || !found->second->source;
  });
}

}  // namespace sluice::orchestrator
