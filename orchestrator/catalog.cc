#include "orchestrator/catalog.h"

#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

// The context object is written $$ in JSONPath; a definition that never says so never asks for it.
bool mentions_context(std::string_view definition) {
  for (const std::string_view word : {"$$", "$states", "\\u0024"})
    if (definition.find(word) != std::string_view::npos) return true;
  return false;
}

}  // namespace

void Catalog::load(storage::Reader& reader) {
  for (auto q = reader.query(sql::all_workflows); q.step();) {
    auto made = std::make_unique<Workflow>();
    made->id = q.id<WorkflowTag>(0);
    made->name = q.text(1);
    made->latest = q.int64(2);
    made->paused = q.int64(3) != 0;
    made->paused_since = EngineTime{q.int64(4)};
    made->paused_total = Duration{q.int64(5)};
    made->deleted = q.int64(6) != 0;
    next_workflow_ = std::max(next_workflow_, made->id.value + 1);
    by_name_[made->name] = made.get();
    workflows_[made->id.value] = std::move(made);
  }
  for (auto q = reader.query(sql::all_versions); q.step();) {
    auto made = std::make_unique<Version>();
    made->id = q.int64(0);
    made->workflow = find(q.id<WorkflowTag>(1));
    SLUICE_CHECK(made->workflow != nullptr, "the workflow of a version");
    made->number = q.int64(2);
    made->hash = q.text(3);
    made->workflow->versions.push_back(made->id);
    next_version_ = std::max(next_version_, made->id + 1);
    versions_[made->id] = std::move(made);
  }
}

Workflow* Catalog::find(std::string_view name) {
  const auto at = by_name_.find(std::string(name));
  return at == by_name_.end() ? nullptr : at->second;
}

Workflow* Catalog::find(WorkflowId id) {
  const auto at = workflows_.find(id.value);
  return at == workflows_.end() ? nullptr : at->second.get();
}

Version& Catalog::version(std::int64_t version_id) {
  const auto at = versions_.find(version_id);
  SLUICE_CHECK(at != versions_.end(), "a version that exists");
  return *at->second;
}

Version* Catalog::version(const Workflow& workflow, std::int64_t number) {
  if (number < 1 || number > static_cast<std::int64_t>(workflow.versions.size())) return nullptr;
  return &version(workflow.versions[static_cast<std::size_t>(number - 1)]);
}

const workflows::Machine& Catalog::machine(storage::Reader& reader, Version& version) {
  if (version.machine) return *version.machine;
  std::string definition;
  {
    auto q = reader.query(sql::version_definition, version.id);
    SLUICE_CHECK(q.step(), "the definition of a version");
    definition = q.text(0);
  }
  auto compiled = workflows::compile(definition);
  if (!compiled) {
    // It was accepted when it was deployed: the file is damaged, or this binary is older than the
    // one that took it.
    throw storage::StorageError(storage::Fault::corrupt,
                                "workflow " + version.workflow->name + " version " +
                                    std::to_string(version.number) +
                                    " can no longer be compiled: " + compiled.error().detail);
  }
  version.machine = compiled->machine;
  version.uses_context = mentions_context(definition);
  return *version.machine;
}

Catalog::Deployed Catalog::deploy(storage::Transaction& tx, std::string_view name,
                                  std::string_view canonical_text, const std::string& hash,
                                  std::shared_ptr<const workflows::Machine> machine,
                                  queue::Now now) {
  Workflow* workflow = find(name);
  if (workflow != nullptr && !workflow->deleted) {
    Version& latest = *version(*workflow, workflow->latest);
    if (latest.hash == hash) return {&latest, false};
  }
  if (workflow == nullptr) {
    auto made = std::make_unique<Workflow>();
    made->id = WorkflowId{next_workflow_++};
    made->name = name;
    workflow = made.get();
    tx.run(sql::insert_workflow, workflow->id, workflow->name, 1);
    by_name_[workflow->name] = workflow;
    workflows_[workflow->id.value] = std::move(made);
    undo_.add([this, workflow] {
      by_name_.erase(workflow->name);
      workflows_.erase(workflow->id.value);
    });
  }
  auto made = std::make_unique<Version>();
  made->id = next_version_++;
  made->workflow = workflow;
  made->number = static_cast<std::int64_t>(workflow->versions.size()) + 1;
  made->hash = hash;
  made->machine = std::move(machine);
  made->uses_context = mentions_context(canonical_text);
  tx.run(sql::insert_version, made->id, workflow->id, made->number, hash, canonical_text, now.wall,
         made->machine->retention_s);
  tx.run(sql::set_latest, workflow->id, made->number);
  undo_.add(
      [this, workflow, id = made->id, latest = workflow->latest, deleted = workflow->deleted] {
        workflow->latest = latest;
        workflow->deleted = deleted;
        workflow->versions.pop_back();
        versions_.erase(id);
      });
  workflow->latest = made->number;
  workflow->deleted = false;
  workflow->versions.push_back(made->id);
  Version& version = *made;
  versions_[made->id] = std::move(made);
  return {&version, true};
}

void Catalog::pause(storage::Transaction& tx, Workflow& w, bool paused, queue::Now now) {
  if (w.paused == paused) return;
  undo_.add([&w, was = w.paused, since = w.paused_since, total = w.paused_total] {
    w.paused = was;
    w.paused_since = since;
    w.paused_total = total;
  });
  w.paused_total = paused_for(w, now.engine);
  w.paused_since = now.engine;
  w.paused = paused;
  tx.run(sql::set_workflow_paused, w.id, paused, w.paused_since, w.paused_total);
}

void Catalog::erase(storage::Transaction& tx, Workflow& w) {
  tx.run(sql::delete_workflow, w.id);
  undo_.add([&w] { w.deleted = false; });
  w.deleted = true;
}

Duration Catalog::paused_for(const Workflow& w, EngineTime now) {
  return w.paused ? w.paused_total + (now - w.paused_since) : w.paused_total;
}

}  // namespace sluice::orchestrator
