// The deployed workflows, as memory knows them: names, versions, and their machines, compiled once.
//
// Threads: confined to the writer thread; follows a rollback through the UndoLog.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "queue/queue.h"
#include "storage/storage.h"
#include "storage/undo_log.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {

struct Workflow {
  WorkflowId id;
  std::string name;
  std::int64_t latest = 0;
  bool paused = false;
  EngineTime paused_since;
  Duration paused_total;
  bool deleted = false;                // takes no new runs; those it has go on
  std::vector<std::int64_t> versions;  // version ids; versions[n - 1] is version n
};

struct Version {
  std::int64_t id = 0;
  Workflow* workflow = nullptr;
  std::int64_t number = 0;
  std::string hash;
  std::shared_ptr<const workflows::Machine> machine;  // see Catalog::machine()
  bool uses_context = true;  // an expression of it may ask for the context object
};

class Catalog {
 public:
  explicit Catalog(storage::UndoLog& undo) : undo_(undo) {}
  void load(storage::Reader& reader);

  Workflow* find(std::string_view name);
  Workflow* find(WorkflowId id);
  // REQUIRES: a version id that exists.
  Version& version(std::int64_t version_id);
  Version* version(const Workflow& workflow, std::int64_t number);
  // The machine of a version; compiled on first use.
  const workflows::Machine& machine(storage::Reader& reader, Version& version);

  struct Deployed {
    Version* version = nullptr;
    bool created = false;
  };
  Deployed deploy(storage::Transaction& tx, std::string_view name, std::string_view canonical_text,
                  const std::string& hash, std::shared_ptr<const workflows::Machine> machine,
                  queue::Now now);
  void pause(storage::Transaction& tx, Workflow& workflow, bool paused, queue::Now now);
  void erase(storage::Transaction& tx, Workflow& workflow);
  static Duration paused_for(const Workflow& workflow, EngineTime now);
  const std::unordered_map<std::int64_t, std::unique_ptr<Workflow>>& all() const {
    return workflows_;
  }

 private:
  storage::UndoLog& undo_;
  std::unordered_map<std::int64_t, std::unique_ptr<Workflow>> workflows_;
  std::unordered_map<std::string, Workflow*> by_name_;
  std::unordered_map<std::int64_t, std::unique_ptr<Version>> versions_;
  std::int64_t next_workflow_ = 1, next_version_ = 1;
};

}  // namespace sluice::orchestrator
