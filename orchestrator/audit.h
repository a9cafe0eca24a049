// The audit log: who changed what, when and why.
//
// Every change that an operator makes leaves one row, in the transaction of the change itself:
// there is no change without its row. A refused command leaves none; one that asks for what is so
// already (pausing what is paused) is answered ok and leaves one. What workers and runs do is not
// here: a run's history tells it.
//
// Threads: the writer's. Errors: StorageError is thrown.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "orchestrator/commands.h"
#include "storage/storage.h"

namespace sluice::orchestrator {

struct AuditEntry {
  std::string_view kind;  // "run.cancel"; a literal
  std::string target;     // "run:ID", "queue:NAME"
  Json detail = Json::object();
};

// What the log says of a command that took effect; nothing: it changed nothing.
using MaybeEntry = std::optional<AuditEntry>;
MaybeEntry audited(const DeployWorkflow& c, const DeployWorkflow::Reply& reply);
MaybeEntry audited(const DeleteWorkflow& c, const Unit&);
MaybeEntry audited(const PauseWorkflow& c, const Unit&);
MaybeEntry audited(const CancelRun& c, const Unit&);
MaybeEntry audited(const PauseRun& c, const Unit&);
MaybeEntry audited(const ResumeRun& c, const Unit&);
MaybeEntry audited(const CompensateRun& c, const Unit&);
MaybeEntry audited(const RedriveRun& c, const Unit&);
MaybeEntry audited(const MoveRun& c, const MoveRun::Reply& reply);
MaybeEntry audited(const SkipStage& c, const Unit&);
MaybeEntry audited(const FailStage& c, const Unit&);
MaybeEntry audited(const PutBinding& c, const PutBinding::Reply& reply);
MaybeEntry audited(const DeleteBinding& c, const Unit&);
MaybeEntry audited(const PauseSchedule& c, const Unit&);
MaybeEntry audited(const RunSchedule& c, const RunSchedule::Reply& reply);
MaybeEntry audited(const ReleaseLock& c, const ReleaseLock::Reply& reply);
MaybeEntry audited(const AdjustCounter& c, const AdjustCounter::Reply& reply);
MaybeEntry audited(const PutQueue& c, const Unit&);
MaybeEntry audited(const ClearQueueSettings& c, const Unit&);
MaybeEntry audited(const DeleteQueue& c, const Unit&);
MaybeEntry audited(const PauseQueue& c, const Unit&);
MaybeEntry audited(const PurgeQueue& c, const PurgeQueue::Reply& reply);
MaybeEntry audited(const ReplayDeadLetter& c, const Unit&);
MaybeEntry audited(const DropDeadLetter& c, const Unit&);
MaybeEntry audited(const StartJob& c, const StartJob::Reply& reply);
MaybeEntry audited(const StopJob& c, const Unit&);
MaybeEntry audited(const ReplayDeadLetters& c, const ReplayDeadLetters::Reply& reply);

template <class C>
concept Audited = requires(const C& c, const typename C::Reply& reply) {
  audited(c, reply);
};

void write_audit(storage::Transaction& tx, const AuditEntry& entry, const By& by, WallTime at);

// To be called in the command's own transaction; costs nothing for commands that are not audited.
template <class C>
void audit(storage::Transaction& tx, const C& command, const Result<typename C::Reply>& outcome,
           const By& by, WallTime at) {
  if constexpr (Audited<C>) {
    if (!outcome) return;
    if (const auto entry = audited(command, *outcome)) write_audit(tx, *entry, by, at);
  }
}

}  // namespace sluice::orchestrator
