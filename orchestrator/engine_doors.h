// The engine's counters and locks, as one step of one frame sees them. Internal to the engine.
//
// Threads: the writer's; it lives inside one call of Engine::Impl::step().
#pragma once

#include <string>
#include <vector>

#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {

class Engine::Impl::StepDoors final : public Doors {
 public:
  // `row`: the frame as it stood before the step.
  StepDoors(Impl& engine, Transaction& tx, const FrameRow& row)
      : engine_(engine), tx_(tx), row_(row) {}
  bool passes(const std::string& counter, workflows::CounterTest test, std::int64_t bound) override;
  std::int64_t add(const std::string& counter, std::int64_t add) override;
  LockAnswer take(const std::string& name, std::int64_t permits) override;
  void release(const std::string& name) override;

 private:
  Impl& engine_;
  Transaction& tx_;
  const FrameRow& row_;
  std::vector<std::string> taken_;  // in this step
};

}  // namespace sluice::orchestrator
