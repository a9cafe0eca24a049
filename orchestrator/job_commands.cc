// Bulk jobs: beginning and stopping one, collecting what it is for, and its turn with each batch.
#include <tuple>

#include "orchestrator/engine_impl.h"
#include "orchestrator/filter_match.h"
#include "orchestrator/job_statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t walk_step = 500;   // rows looked at in one batch, for one job
constexpr std::int64_t items_step = 32;   // dealt with in one batch, by all jobs together
constexpr std::int64_t sweep_step = 512;  // rows of ended jobs
constexpr int last_status_by_walk = 2;    // RUNNING, SUCCEEDED: no index finds them

// Whether its row has to follow.
bool has_moved(const Job& before, const Job& job) {
  const auto of = [](const Job& j) {
    return std::tie(j.status, j.collected, j.walked, j.cursor, j.matched, j.done, j.failed,
                    j.skipped, j.refused, j.in_flight, j.went_on, j.failed_again);
  };
  return of(before) != of(job);
}

}  // namespace

Result<StartJob::Reply> Engine::Impl::apply(Transaction& tx, const StartJob& c) {
  if (jobs.running() >= jobs_running_max)
    return make_error(Errc::overloaded,
                      std::to_string(jobs.running()) +
                          " jobs are running, as many as may: wait for one, or stop one");
  Job job;
  job.id = JobId{ids.next(now().wall)};
  job.spec = std::make_shared<const JobSpec>(c.spec);
  job.by = c.by;
  job.created_at = now().wall;
  job.collected = !c.spec.ids.empty();
  job.matched = std::ssize(c.spec.ids);
  if (c.spec.limit) job.matched = std::min(job.matched, *c.spec.limit);
  tx.run(sql::insert_job, job.id, c.spec.text, c.by.principal,
         c.by.reason.empty() ? std::nullopt : std::optional<std::string_view>{c.by.reason},
         job.created_at, job.collected ? 1 : 0, job.walked, job.matched);
  for (std::int64_t i = 0; i < job.matched; ++i)
    tx.run(sql::add_item, job.id, c.spec.ids[static_cast<std::size_t>(i)]);
  const JobId id = job.id;
  jobs.remember(std::move(job));
  return StartJob::Reply{id};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const StopJob& c) {
  const Job* found = jobs.find(c.job);
  if (found == nullptr) {
    if (tx.query(sql::one_job, c.job).step()) return Unit{};
    return make_error(Errc::not_found, "no job " + to_string(c.job));
  }
  Job job = *found;
  end_job(job, JobStatus::stopped, "an operator stopped it");
  jobs.put(tx, std::move(job));
  return Unit{};
}

void Engine::Impl::end_job(Job& job, JobStatus status, std::string why) {
  job.status = status;
  job.why = std::move(why);
  job.ended_at = now().wall;
}

// One turn of each job that has something to do.
void Engine::Impl::tend_jobs(Transaction& tx) {
  if (jobs.has_rest()) {
    jobs.sweep(tx, sweep_step);
    if (jobs.has_rest()) more_due = true;
  }
  if (jobs.running() == 0) return;
  const auto due = jobs.due(now().engine);
  if (due.empty()) return;
  const std::int64_t share =
      std::max<std::int64_t>(1, items_step / static_cast<std::int64_t>(due.size()));
  for (const JobId id : due) {
    const Job before = *jobs.find(id);
    Job job = before;
    if (!job.collected) {
      collect(tx, job);
    } else {
      std::int64_t budget = share;
      if (job.in_flight > 0 && job.next_look <= now().engine) look_at_flight(tx, job);
      if (job.status == JobStatus::running) deal(tx, job, budget);
      if (job.status == JobStatus::running && job.to_come() == 0 && job.in_flight == 0)
        end_job(job, JobStatus::done, "");
    }
    if (has_moved(before, job))
      jobs.put(tx, std::move(job));
    else
      jobs.remember(std::move(job));
  }
  if (jobs.next_due() <= now().engine.us) more_due = true;
}

// A step of the walk over what was there when the job was begun.
void Engine::Impl::collect(Transaction& tx, Job& job) {
  const JobSpec& spec = *job.spec;
  std::int64_t looked_at = 0;
  bool full = false;
  const auto take = [&](std::int64_t item) {
    tx.run(sql::add_item, job.id, item);
    job.matched += 1;
    full = spec.limit && job.matched == *spec.limit;
  };
  if (spec.of_letters()) {
    const LetterMatcher matcher(tx, spec.letters);
    if (!matcher.nothing()) {
      auto q = matcher.queue() ? tx.query(sql::letters_of_queue_between, job.walked, job.id,
                                          walk_step, *matcher.queue())
                               : tx.query(sql::letters_between, job.walked, job.id, walk_step);
      while (!full && q.step()) {
        looked_at += 1;
        job.walked = q.int64(0);
        if (matcher.takes(tx, q)) take(job.walked);
      }
    }
  } else {
    const RunMatcher matcher(tx, spec.runs, [&](RunId run, std::int64_t version) {
      const auto live = load(tx, FrameId{run.value});
      if (!live || live->row.frame.state == workflows::no_state) return std::string();
      const auto& machine = catalog.machine(tx, catalog.version(version));
      return machine.states[live->row.frame.state].name;
    });
    if (!matcher.nothing()) {
      const bool by_index = spec.statuses.size() == 1 && spec.statuses[0] > last_status_by_walk;
      auto q = by_index ? tx.query(sql::runs_of_status_between, job.walked, job.id, walk_step,
                                   spec.statuses[0])
                        : tx.query(sql::runs_between, job.walked, job.id, walk_step);
      while (!full && q.step()) {
        looked_at += 1;
        job.walked = q.int64(0);
        const auto& wanted = spec.statuses;
        if (std::find(wanted.begin(), wanted.end(), static_cast<int>(q.int64(3))) != wanted.end() &&
            matcher.takes(q))
          take(job.walked);
      }
    }
  }
  job.collected = full || looked_at < walk_step;
}

}  // namespace sluice::orchestrator
