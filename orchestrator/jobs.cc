#include "orchestrator/jobs.h"

#include "base/check.h"
#include "orchestrator/job_statements.h"

namespace sluice::orchestrator {
namespace {

// When there is something to do for it.
EngineTime due_of(const Job& job) {
  if (!job.collected || (job.to_come() == 0 && job.in_flight == 0)) return {};
  const bool room = !job.spec->in_flight_max || job.in_flight < *job.spec->in_flight_max;
  EngineTime due{INT64_MAX};
  if (job.to_come() > 0 && room) due = job.next_item;
  if (job.in_flight > 0) due = std::min(due, job.next_look);
  return due;
}

}  // namespace

Job read_job(storage::Query& row) {
  Job job;
  job.id = row.id<JobTag>(0);
  const auto damaged = [&] {
    return storage::StorageError(storage::Fault::corrupt,
                                 "job " + to_string(job.id) + ": its row is damaged");
  };
  const std::int64_t status = row.int64(1);
  if (status < 1 || status > 3) throw damaged();
  job.status = static_cast<JobStatus>(status);
  const Json request = Json::parse(row.text(2), nullptr, false);
  if (request.is_discarded()) throw damaged();
  auto parsed = parse_job(request);
  if (!parsed) throw damaged();
  job.spec = std::make_shared<const JobSpec>(std::move(parsed->spec));
  job.by.principal = row.text(3);
  job.by.reason = row.text(4);
  job.created_at = WallTime{row.int64(5)};
  if (!row.is_null(6)) job.ended_at = WallTime{row.int64(6)};
  job.why = row.text(7);
  job.collected = row.int64(8) != 0;
  job.walked = row.int64(9);
  job.cursor = row.int64(10);
  job.matched = row.int64(11);
  job.done = row.int64(12);
  job.failed = row.int64(13);
  job.skipped = row.int64(14);
  job.refused = row.int64(15);
  job.in_flight = row.int64(16);
  job.went_on = row.int64(17);
  job.failed_again = row.int64(18);
  job.outcomes = row.text(19);
  job.problems = Json::parse(row.text(20), nullptr, false);
  if (!job.problems.is_array()) throw damaged();
  return job;
}

std::int64_t Jobs::load(storage::Reader& reader) {
  for (auto q = reader.query(sql::running_jobs); q.step();) {
    auto job = std::make_shared<const Job>(read_job(q));
    set(job->id, job);
  }
  auto q = reader.query(sql::max_job);
  return q.step() ? q.int64(0) : 0;
}

const Job* Jobs::find(JobId id) const {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : at->second.get();
}

std::vector<JobId> Jobs::due(EngineTime now) const {
  std::vector<JobId> found;
  for (const auto& [id, job] : jobs_)
    if (due_of(*job) <= now) found.push_back(id);
  return found;
}

std::int64_t Jobs::next_due() const {
  std::int64_t next = INT64_MAX;
  for (const auto& [id, job] : jobs_) next = std::min(next, due_of(*job).us);
  return next;
}

void Jobs::set(JobId id, std::shared_ptr<const Job> job) {
  if (job)
    jobs_[id] = std::move(job);
  else
    jobs_.erase(id);
}

void Jobs::change(JobId id, std::shared_ptr<const Job> job) {
  const auto at = jobs_.find(id);
  undo_.add([this, id, before = at == jobs_.end() ? nullptr : at->second] { set(id, before); });
  set(id, std::move(job));
}

void Jobs::put(storage::Transaction& tx, Job job) {
  const std::string problems = to_text(job.problems);
  tx.run(sql::update_job, job.id, static_cast<int>(job.status), job.ended_at,
         job.why.empty() ? std::nullopt : std::optional<std::string_view>{job.why},
         job.collected ? 1 : 0, job.walked, job.cursor, job.matched, job.done, job.failed,
         job.skipped, job.refused, job.in_flight, job.went_on, job.failed_again, job.outcomes,
         problems);
  remember(std::move(job));
}

void Jobs::remember(Job job) {
  const JobId id = job.id;
  if (job.status == JobStatus::running) {
    change(id, std::make_shared<const Job>(std::move(job)));
    return;
  }
  change(id, nullptr);
  undo_.save(rest_);
  rest_ = 1;
}

void Jobs::sweep(storage::Transaction& tx, std::int64_t max) {
  if (tx.run(sql::sweep_items, max) != 0) return;
  undo_.save(rest_);
  rest_ = 0;
}

}  // namespace sluice::orchestrator
