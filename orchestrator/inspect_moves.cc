// What moving live runs to another version would do.
#include <algorithm>
#include <map>
#include <set>

#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/join.h"
#include "orchestrator/standing.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t rows_step = 5'000;   // of one snapshot
constexpr std::int64_t rows_max = 500'000;  // looked at for one answer
constexpr std::size_t groups_max = 100;
constexpr std::size_t frames_max = 1'000;  // of one run

// The worst that was found of a run's frames.
struct Fate {
  std::int64_t version = 0;
  std::string state;
  bool restarts = false;
  std::string refusal;
};

}  // namespace

const Inspector::Impl::MoveFrom& Inspector::Impl::move_from(storage::Reader& reader,
                                                            MoveTarget& target,
                                                            std::int64_t version_id) {
  auto& from = target.from[version_id];
  if (from) return *from;
  from = std::make_unique<MoveFrom>();
  from->version = version(reader, version_id);
  from->there = version_id == target.version_id;
  if (from->version.workflow != target.workflow || from->there) return *from;
  std::string text;
  if (auto q = reader.query(sql::version_definition, version_id); q.step()) text = q.text(0);
  from->map = map_versions(*from->version.machine, Json::parse(text), *target.machine, target.text);
  return *from;
}

MovePlan Inspector::move_plan(const std::string& workflow,
                              const std::shared_ptr<const workflows::Machine>& machine,
                              const std::string& canonical_text) const {
  MovePlan plan;
  Impl::MoveTarget target{workflow, 0, machine, Json::parse(canonical_text), {}};
  impl_->database.read([&](storage::Reader& reader) {
    auto q = reader.query(sql::latest_version, workflow);
    plan.version = 1;
    if (!q.step()) return;
    plan.deployed = q.text(2) == canonical_text;
    plan.version = q.int64(1) + (plan.deployed ? 0 : 1);
    if (plan.deployed) target.version_id = q.int64(0);
  });
  std::map<RunId, Fate> fates;
  std::set<RunId> there;
  const auto judge = [&](storage::Reader& reader, const FrameRow& row, Standing standing) {
    const auto& from = impl_->move_from(reader, target, row.version_id);
    if (from.version.workflow != workflow) return;
    if (from.there) {
      there.insert(row.run);
      return;
    }
    Fate& fate = fates[row.run];
    fate.version = from.version.number;
    auto verdict = may_move({from.map, *from.version.machine, *machine}, row, standing);
    fate.restarts = fate.restarts || verdict.restarts;
    if (fate.refusal.empty()) fate.refusal = std::move(verdict.refusal);
    if (!row.frame.parent && row.frame.state != workflows::no_state)
      fate.state = from.version.machine->states[row.frame.state].name;
  };
  std::int64_t rows = 0;
  for (const bool messages : {true, false}) {
    std::int64_t after = 0;
    for (bool more = true; more && plan.complete;) {
      std::int64_t found = 0;
      impl_->database.read([&](storage::Reader& reader) {
        auto q = reader.query(messages ? sql::live_messages_after : sql::live_frames_after, after,
                              rows_step);
        for (; q.step(); ++found) {
          after = q.int64(0);
          if (q.is_null(2)) continue;  // a bare message
          const FrameRow row = decode_frame(FrameId{after}, q.blob(2));
          const auto how = static_cast<int>(q.int64(1));
          judge(
              reader, row,
              messages ? standing_of(static_cast<queue::State>(how), row) : standing_of(how, row));
        }
      });
      more = found == rows_step;
      rows += found;
      if (more && rows >= rows_max) plan.complete = false;
    }
  }
  plan.there = std::ssize(there);
  plan.live = plan.there + std::ssize(fates);
  std::map<std::tuple<std::int64_t, std::string, std::string, bool>, MoveGroup> groups;
  for (const auto& [run, fate] : fates) {
    const bool restarts = fate.restarts && fate.refusal.empty();
    (fate.refusal.empty() ? plan.can_move : plan.cannot_move) += 1;
    plan.restarts += restarts ? 1 : 0;
    auto& group = groups[{fate.version, fate.state, fate.refusal, restarts}];
    if (group.runs++ == 0) group = {fate.version, fate.state, restarts, fate.refusal, 1, run};
  }
  for (auto& [key, group] : groups) plan.groups.push_back(std::move(group));
  std::ranges::stable_sort(plan.groups, [](const MoveGroup& a, const MoveGroup& b) {
    return std::tuple(a.refusal.empty(), -a.runs) < std::tuple(b.refusal.empty(), -b.runs);
  });
  if (plan.groups.size() > groups_max) plan.groups.resize(groups_max);
  return plan;
}

// Why a run could not move as it stands; "": it could.
std::string Inspector::Impl::move_refusal(storage::Reader& reader, RunId run,
                                          std::int64_t version_id,
                                          std::optional<std::int64_t> number) {
  const std::string workflow = version(reader, version_id).workflow;
  MoveTarget target;
  {
    auto q = number ? reader.query(sql::numbered_version, workflow, *number)
                    : reader.query(sql::latest_version, workflow);
    if (!q.step()) return "its workflow has no version " + std::to_string(number.value_or(0));
    target.workflow = workflow;
    target.version_id = q.int64(0);
    target.text = Json::parse(q.text(2));
  }
  target.machine = version(reader, target.version_id).machine;
  const auto& from = move_from(reader, target, version_id);
  if (from.there) return "it is on version " + std::to_string(from.version.number) + " already";
  std::vector<FrameId> frames{FrameId{run.value}};
  for (std::size_t i = 0; i < frames.size() && i < frames_max; ++i) {
    const auto found = standing_frame(reader, frames[i]);
    if (!found) continue;
    const auto verdict =
        may_move({from.map, *from.version.machine, *target.machine}, found->row, found->standing);
    if (!verdict.refusal.empty()) return verdict.refusal;
    if (found->row.spawned == 0) continue;
    for (auto q = reader.query(sql::children_of, found->row.spawned);
         q.step() && frames.size() < frames_max;)
      if (q.int64(2) == static_cast<int>(ChildStatus::live)) frames.push_back(q.id<FrameTag>(1));
  }
  return {};
}

}  // namespace sluice::orchestrator
