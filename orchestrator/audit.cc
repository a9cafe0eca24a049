#include "orchestrator/audit.h"

#include "orchestrator/audit_statements.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {
namespace {

std::string of_run(RunId run) { return "run:" + to_string(run); }
std::string of_workflow(const std::string& name) { return "workflow:" + name; }
std::string of_queue(const std::string& name) { return "queue:" + name; }
std::string of_letter(DeadLetterId id) { return "dead-letter:" + to_string(id); }
std::string of_binding(const std::string& topic, const std::string& name) {
  return "binding:" + topic + "/" + name;
}

}  // namespace

MaybeEntry audited(const DeployWorkflow& c, const DeployWorkflow::Reply& reply) {
  if (!reply.created) return std::nullopt;
  return AuditEntry{"workflow.deploy", of_workflow(c.name),
                    Json{{"version", reply.version}, {"hash", reply.hash}}};
}
MaybeEntry audited(const DeleteWorkflow& c, const Unit&) {
  return AuditEntry{"workflow.delete", of_workflow(c.name)};
}
MaybeEntry audited(const PauseWorkflow& c, const Unit&) {
  return AuditEntry{c.paused ? "workflow.pause" : "workflow.resume", of_workflow(c.name)};
}

MaybeEntry audited(const CancelRun& c, const Unit&) {
  AuditEntry entry{"run.cancel", of_run(c.run)};
  if (c.cause) entry.detail["cause"] = *c.cause;
  if (c.compensate) entry.detail["compensate"] = true;
  return entry;
}
MaybeEntry audited(const CompensateRun& c, const Unit&) {
  return AuditEntry{"run.compensate", of_run(c.run)};
}
MaybeEntry audited(const PauseRun& c, const Unit&) {
  return AuditEntry{"run.pause", of_run(c.run)};
}
MaybeEntry audited(const ResumeRun& c, const Unit&) {
  return AuditEntry{"run.resume", of_run(c.run)};
}
MaybeEntry audited(const RedriveRun& c, const Unit&) {
  AuditEntry entry{"run.redrive", of_run(c.run)};
  if (c.from) entry.detail["from"] = *c.from;
  if (c.version) entry.detail["version"] = *c.version;
  if (c.input || c.edit) entry.detail["input_edited"] = true;
  return entry;
}
MaybeEntry audited(const MoveRun& c, const MoveRun::Reply& reply) {
  if (reply.version == reply.before) return std::nullopt;
  return AuditEntry{"run.move", of_run(c.run),
                    Json{{"version", reply.version}, {"before", reply.before}}};
}
MaybeEntry audited(const SkipStage& c, const Unit&) {
  AuditEntry entry{"run.skip", of_run(c.run)};
  if (c.frame) entry.detail["frame"] = to_string(*c.frame);
  return entry;
}
MaybeEntry audited(const FailStage& c, const Unit&) {
  AuditEntry entry{"run.fail", of_run(c.run)};
  if (c.frame) entry.detail["frame"] = to_string(*c.frame);
  entry.detail["error"] = c.error;
  if (c.cause) entry.detail["cause"] = *c.cause;
  return entry;
}

MaybeEntry audited(const PutBinding& c, const PutBinding::Reply& reply) {
  AuditEntry entry{"binding.put", of_binding(c.topic, c.name)};
  entry.detail["created"] = reply.created;
  entry.detail["pattern"] = c.binding.pattern;
  if (c.binding.filter) entry.detail["filter"] = *c.binding.filter;
  entry.detail["to"] = c.binding.to;
  if (c.binding.event_key) entry.detail["event_key"] = *c.binding.event_key;
  return entry;
}
MaybeEntry audited(const DeleteBinding& c, const Unit&) {
  return AuditEntry{"binding.delete", of_binding(c.topic, c.name)};
}

MaybeEntry audited(const PauseSchedule& c, const Unit&) {
  return AuditEntry{c.paused ? "schedule.pause" : "schedule.resume",
                    "schedule:" + to_string(c.schedule)};
}
MaybeEntry audited(const RunSchedule& c, const RunSchedule::Reply& reply) {
  return AuditEntry{"schedule.run", "schedule:" + to_string(c.schedule),
                    Json{{"run", to_string(reply.run)}}};
}

MaybeEntry audited(const ReleaseLock& c, const ReleaseLock::Reply& reply) {
  AuditEntry entry{"lock.release", "lock:" + c.name};
  Json runs = Json::array();
  for (const RunId run : reply.runs) runs.push_back(to_string(run));
  entry.detail["runs"] = std::move(runs);
  return entry;
}
MaybeEntry audited(const AdjustCounter& c, const AdjustCounter::Reply& reply) {
  return AuditEntry{"counter.adjust", "counter:" + c.name,
                    Json{{"before", reply.before}, {"value", reply.value}}};
}

MaybeEntry audited(const PutQueue& c, const Unit&) {
  return AuditEntry{"queue.set", of_queue(c.queue),
                    Json{{"settings", workflows::to_json(c.settings)}}};
}
MaybeEntry audited(const ClearQueueSettings& c, const Unit&) {
  return AuditEntry{"queue.clear", of_queue(c.queue)};
}
MaybeEntry audited(const DeleteQueue& c, const Unit&) {
  return AuditEntry{"queue.delete", of_queue(c.queue)};
}
MaybeEntry audited(const PauseQueue& c, const Unit&) {
  return AuditEntry{c.paused ? "queue.pause" : "queue.resume", of_queue(c.queue)};
}
MaybeEntry audited(const PurgeQueue& c, const PurgeQueue::Reply& reply) {
  if (reply.removed == 0) return std::nullopt;
  return AuditEntry{"queue.purge", of_queue(c.queue), Json{{"removed", reply.removed}}};
}

MaybeEntry audited(const ReplayDeadLetter& c, const Unit&) {
  AuditEntry entry{"dead-letter.replay", of_letter(c.id)};
  if (c.from) entry.detail["from"] = *c.from;
  if (c.version) entry.detail["version"] = *c.version;
  if (c.input || c.edit) entry.detail["input_edited"] = true;
  if (c.force) entry.detail["force"] = true;
  return entry;
}
MaybeEntry audited(const StartJob& c, const StartJob::Reply& reply) {
  AuditEntry entry{"job.start", "job:" + to_string(reply.id)};
  entry.detail = Json::parse(c.spec.text, nullptr, false);
  for (const char* payload : {"reason", "merge", "patch"}) entry.detail.erase(payload);
  if (c.spec.edit) entry.detail["input_edited"] = true;
  return entry;
}
MaybeEntry audited(const StopJob& c, const Unit&) {
  return AuditEntry{"job.stop", "job:" + to_string(c.job)};
}
MaybeEntry audited(const DropDeadLetter& c, const Unit&) {
  return AuditEntry{"dead-letter.drop", of_letter(c.id)};
}
MaybeEntry audited(const ReplayDeadLetters& c, const ReplayDeadLetters::Reply& reply) {
  if (reply.replayed == 0) return std::nullopt;
  AuditEntry entry{"dead-letters.replay", of_queue(c.queue)};
  if (c.error) entry.detail["error"] = *c.error;
  entry.detail["replayed"] = reply.replayed;
  entry.detail["refused"] = reply.refused;
  return entry;
}

void write_audit(storage::Transaction& tx, const AuditEntry& entry, const By& by, WallTime at) {
  const std::string detail = to_text(entry.detail);
  tx.run(sql::insert_audit, at, by.principal, entry.kind, entry.target,
         by.reason.empty() ? std::nullopt : std::optional<std::string_view>{by.reason}, detail);
}

}  // namespace sluice::orchestrator
