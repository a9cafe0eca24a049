// Moving a live run to another version of its workflow. The rule is version_map.h's.
//
// All frames move in one transaction or none does. What begins its work again does so with the next
// batches, as the engine's own next step: a run with many branches does not hold up the others, and
// a paused run stands still.
#include <algorithm>

#include "orchestrator/engine_impl.h"
#include "orchestrator/standing.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int status_running = 1, status_paused = 6;
constexpr int run_timeout = 3;
constexpr std::size_t version_maps_kept = 16;
constexpr std::size_t refusals_told = 10;
constexpr std::size_t frames_max = 10'000;  // live ones, of a run that is moved
constexpr std::string_view too_many =
    "it has more than 10,000 live branches and items: move it when fewer are under way";

}  // namespace

std::shared_ptr<const VersionMap> Engine::Impl::version_map(Reader& reader, Version& before,
                                                            Version& after) {
  const auto key = std::pair(before.id, after.id);
  if (const auto at = version_maps.find(key); at != version_maps.end()) return at->second;
  const auto text_of = [&](const Version& version) {
    auto q = reader.query(sql::version_definition, version.id);
    SLUICE_CHECK(q.step(), "the definition of a version");
    return Json::parse(q.text(0));
  };
  const Json text_before = text_of(before), text_after = text_of(after);
  auto made = std::make_shared<const VersionMap>(map_versions(
      catalog.machine(reader, before), text_before, catalog.machine(reader, after), text_after));
  if (version_maps.size() >= version_maps_kept) version_maps.clear();
  return version_maps[key] = std::move(made);
}

// The frame, then all below it.
void Engine::Impl::judge(Transaction& tx, FrameId frame, const VersionMove& move,
                         std::vector<Moving>& moving, std::vector<std::string>& refusals) {
  if (moving.size() == frames_max) {
    if (refusals.empty() || refusals.back() != too_many) refusals.emplace_back(too_many);
    return;
  }
  const auto found = standing_frame(tx, frame);
  SLUICE_CHECK(found.has_value(), "a live frame");
  auto verdict = may_move(move, found->row, found->standing);
  moving.push_back({frame, found->standing, verdict.restarts});
  if (!verdict.refusal.empty()) refusals.push_back(std::move(verdict.refusal));
  if (found->row.spawned == 0) return;
  const Join& join = join_of(tx, found->row.spawned, frame);
  if (join.stopping.now) refusals.emplace_back("its branches or items are being stopped");
  std::vector<FrameId> children;
  for (const auto& [index, child] : join.live) children.push_back(child);
  for (const FrameId child : children) judge(tx, child, move, moving, refusals);
}

Result<MoveRun::Reply> Engine::Impl::apply(Transaction& tx, const MoveRun& c) {
  const std::string name = "run " + to_string(c.run);
  int status = 0;
  std::int64_t version_id = 0;
  {
    auto q = tx.query(sql::run_facts, c.run);
    if (!q.step()) return make_error(Errc::not_found, "no " + name);
    status = static_cast<int>(q.int64(3));
    version_id = q.int64(1);
  }
  Version& before = catalog.version(version_id);
  Workflow& workflow = *before.workflow;
  Version* after = catalog.version(workflow, c.version.value_or(workflow.latest));
  if (after == nullptr)
    return make_error(Errc::not_found, "workflow \"" + workflow.name + "\" has no version " +
                                           std::to_string(*c.version) + "; its latest is " +
                                           std::to_string(workflow.latest));
  MoveRun::Reply reply{after->number, before.number, 0};
  if (status != status_running && status != status_paused)
    return make_error(Errc::conflict,
                      name +
                          " is not live: only a run that is RUNNING or PAUSED is moved; one "
                          "that has failed is redriven with the version");
  if (after == &before) return reply;
  const auto map = version_map(tx, before, *after);
  const auto& machine_before = catalog.machine(tx, before);
  const auto& machine = catalog.machine(tx, *after);

  std::vector<Moving> moving;
  std::vector<std::string> refusals;
  judge(tx, FrameId{c.run.value}, {*map, machine_before, machine}, moving, refusals);
  if (!refusals.empty()) {
    Error refused = make_error(
        Errc::conflict, name + " cannot move to version " + std::to_string(after->number) + " now");
    for (std::size_t i = 0; i < std::min(refusals.size(), refusals_told); ++i)
      refused.detail += (i == 0 ? ": " : "; ") + refusals[i];
    if (refusals.size() > refusals_told)
      refused.detail += "; and " + std::to_string(refusals.size() - refusals_told) + " more";
    return refused;
  }

  // What the log says up to here is of the version before: the row keeps the frame, which says so.
  mark_stages(tx);
  auto root = load(tx, FrameId{c.run.value});
  LogRecord moved;
  moved.record.kind = Kind::execution_moved;
  moved.record.number = after->number;
  moved.note = "from version " + std::to_string(before.number);
  write_log(tx, root->row, {moved}, next_seq(), {.keep = true});
  tx.run(sql::set_run_version, c.run, after->id);
  move_run_timeout(tx, root->row, machine_before, machine);
  store_frame(tx, *root);
  for (const Moving& frame : moving) {
    auto live = load(tx, frame.frame);
    SLUICE_CHECK(live.has_value(), "a live frame");
    move_live(tx, *live, *map, *after, frame.standing, frame.restarts);
    reply.restarted += frame.restarts ? 1 : 0;
  }
  touched(c.run, false);
  return reply;
}

void Engine::Impl::move_live(Transaction& tx, Live& live, const VersionMap& map, Version& after,
                             Standing standing, bool restarts) {
  FrameRow& row = live.row;
  const auto& machine = catalog.machine(tx, after);
  const std::string counter = standing == Standing::gate ? row.door.name : "";
  if (restarts) {
    leave_event(tx, row);
    leave_room_line(tx, row);
    leave_door(tx, row);
    drop_deadlines(tx, row);
    if (live.home.kind == Home::Kind::message) {
      row.attempts = live.home.message.attempt;
      row.failures = live.home.message.failures;
    }
    row.held_delay_us = 0;
  }
  move_frame(row, map, machine, after.id, standing);
  if (row.spawned != 0) joins.erase(row.spawned);
  if (!restarts) {
    store_frame(tx, live);
    return;
  }
  // Where there is no gate any more, it has come through.
  const auto& flow = machine.states[row.frame.state].flow;
  if (standing == Standing::gate && (!flow || !flow->gate)) {
    LogRecord opened;
    opened.record.kind = Kind::gate_opened;
    opened.record.state = row.frame.state;
    opened.note = counter;
    write_log(tx, row, {opened}, next_seq());
  }
  Pending pending;
  pending.kind = Pending::Kind::restart;
  go_on_later(tx, live, std::move(pending));
}

// What has passed of the run's TimeoutSeconds has passed.
void Engine::Impl::move_run_timeout(Transaction& tx, FrameRow& row,
                                    const workflows::Machine& before,
                                    const workflows::Machine& after) {
  if (before.timeout_s == after.timeout_s || row.frame.state == workflows::no_state) return;
  const Now time = now();
  const std::int64_t more =
      seconds(after.timeout_s.value_or(0)).us - seconds(before.timeout_s.value_or(0)).us;
  if (paused_runs.contains(row.run.value)) {
    if (!after.timeout_s)
      row.held_run_timeout_us = 0;
    else
      row.held_run_timeout_us = std::max<std::int64_t>(1, row.held_run_timeout_us + more);
    return;
  }
  const std::int64_t base = row.run_timeout_due != 0 ? row.run_timeout_due : time.engine.us;
  if (row.run_timeout_due != 0)
    tx.run(sql::delete_deadline, row.run_timeout_due, row.frame.id, run_timeout);
  row.run_timeout_due = 0;
  if (!after.timeout_s) return;
  row.run_timeout_due = std::max(base + more, time.engine.us);
  tx.run(sql::insert_deadline, row.run_timeout_due, row.frame.id, run_timeout);
  next_deadline = std::min(next_deadline, row.run_timeout_due);
}

}  // namespace sluice::orchestrator
