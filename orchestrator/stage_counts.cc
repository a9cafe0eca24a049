#include "orchestrator/stage_counts.h"

#include "orchestrator/flow_statements.h"

namespace sluice::orchestrator {

void StageCounts::load(storage::Reader& reader) {
  for (auto q = reader.query(sql::all_stage_counts); q.step();) {
    StageCount& stage = of(q.int64(0), q.text(1));
    for (std::size_t i = 0; i < stage.values.size(); ++i)
      stage.values[i] = q.int64(static_cast<int>(i) + 2);
    stage.touched = true;
    touched_.push_back(&stage);
  }
}

StageCount& StageCounts::of(std::int64_t workflow, std::string_view state) {
  std::string name = std::to_string(workflow) + "/";
  name += state;
  const auto [at, fresh] = by_name_.try_emplace(std::move(name), nullptr);
  if (fresh) {
    at->second = &stages_.emplace_back();
    at->second->workflow = workflow;
    at->second->state = state;
    at->second->index = stages_.size() - 1;
  }
  return *at->second;
}

const std::vector<StageCount*>& StageCounts::of_version(std::int64_t version_id,
                                                        std::int64_t workflow,
                                                        const workflows::Machine& machine) {
  auto& stages = versions_[version_id];
  if (!stages.empty()) return stages;
  stages.assign(machine.states.size(), nullptr);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const auto& state = machine.states[i];
    if (is_stage(state.type)) stages[i] = &of(workflow, state.name);
  }
  return stages;
}

void StageCounts::count(const std::vector<StageCount*>& stages, const workflows::Machine& machine,
                        const Record& record, bool& caught) {
  if (record.state >= stages.size()) return;
  StageCount* stage = stages[record.state];
  if (stage == nullptr) return;
  const auto enter = [&] {
    add(*stage, StageMetric::entered, 1);
    add(*stage, StageMetric::in_flight, 1);
  };
  const auto& flow = machine.states[record.state].flow;
  switch (record.kind) {
    case Kind::state_entered:
      if (!flow || !flow->gate) enter();
      return;
    case Kind::gate_opened:
      enter();
      return;
    case Kind::caught:
      caught = true;
      return;
    case Kind::state_exited: {
      const bool failed = std::exchange(caught, false);
      if (record.number == never_entered) return;
      add(*stage, StageMetric::in_flight, -1);
      add(*stage, failed ? StageMetric::failed : StageMetric::completed, 1);
      return;
    }
    case Kind::stage_left:
      add(*stage, StageMetric::in_flight, -1);
      if (record.number == left_by_failure) add(*stage, StageMetric::failed, 1);
      return;
    default:
      return;
  }
}

void StageCounts::add(StageCount& stage, StageMetric metric, std::int64_t by) {
  auto& value = stage.values[static_cast<std::size_t>(metric)];
  undo_.save_once(value);
  value += by;
  // Whoever looks at one of these in vain does no harm: they stay when the batch is rolled back.
  if (!std::exchange(stage.dirty, true)) dirty_.push_back(&stage);
  if (!std::exchange(stage.touched, true)) touched_.push_back(&stage);
  if (stage.watched) watched_.push_back(&stage);
}

void StageCounts::store(storage::Transaction& tx) {
  for (StageCount* stage : dirty_) {
    stage->dirty = false;
    const auto& v = stage->values;
    tx.run(sql::put_stage_count, stage->workflow, stage->state, v[0], v[1], v[2], v[3], v[4]);
  }
  // Rolled back, they are written with the next.
  undo_.add([this, before = std::exchange(dirty_, {})] {
    for (StageCount* stage : before)
      if (!std::exchange(stage->dirty, true)) dirty_.push_back(stage);
  });
}

std::vector<const StageCount*> StageCounts::take_touched() {
  std::vector<const StageCount*> taken(touched_.begin(), touched_.end());
  for (StageCount* stage : touched_) stage->touched = false;
  touched_.clear();
  return taken;
}

}  // namespace sluice::orchestrator
