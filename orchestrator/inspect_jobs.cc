// Bulk jobs as people look at them, and what one would do.
#include "orchestrator/filter_match.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/job_statements.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t examined_max = 50'000, searched_max = 10'000;
constexpr std::size_t examples_max = 10;

bool is_wanted(const JobSpec& spec, std::int64_t status) {
  return std::find(spec.statuses.begin(), spec.statuses.end(), static_cast<int>(status)) !=
         spec.statuses.end();
}

}  // namespace

Page<Job> Inspector::jobs(int limit, const std::optional<std::string>& cursor) const {
  Page<Job> page;
  const std::int64_t before = parse_base32(cursor.value_or("")).value_or(INT64_MAX);
  impl_->database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(sql::jobs_before, before, std::int64_t{limit} + 1); q.step();) {
      if (std::ssize(page.items) == limit) {
        page.next = to_string(page.items.back().id);
        return;
      }
      page.items.push_back(read_job(q));
    }
  });
  return page;
}

Result<Job> Inspector::job(JobId id) const {
  std::optional<Job> found;
  impl_->database.read([&](storage::Reader& reader) {
    if (auto q = reader.query(sql::one_job, id); q.step()) found = read_job(q);
  });
  if (!found) return make_error(Errc::not_found, "no job " + to_string(id));
  return *std::move(found);
}

JobPlan Inspector::plan(const JobSpec& spec) const {
  JobPlan plan;
  impl_->database.read([&](storage::Reader& reader) {
    if (spec.of_letters())
      impl_->plan_letters(reader, spec, plan);
    else
      impl_->plan_runs(reader, spec, plan);
  });
  return plan;
}

void Inspector::Impl::plan_letters(storage::Reader& reader, const JobSpec& spec, JobPlan& plan) {
  const auto add = [&](storage::Query& q) {
    const DeadLetterSummary s = letter(reader, q);
    plan.matched += 1;
    const bool aside = spec.verb == JobVerb::replay && s.set_aside;
    if (aside) plan.set_aside += 1;
    if (plan.examples.size() == examples_max) return;
    std::string refusal;
    if (s.status != "OPEN") refusal = "it is " + s.status;
    if (aside) refusal = "set aside: it was replayed " + std::to_string(s.replays) + " times";
    const std::string place = s.workflow.empty() ? s.queue : s.workflow + "/" + s.state;
    add_example(reader, spec, s.run, Doc::from_text(std::string(q.text(11))),
                {to_string(s.id), place + ": " + s.error, std::move(refusal), {}}, plan);
  };
  if (!spec.ids.empty()) {
    for (const std::int64_t id : spec.ids) {
      auto q = reader.query(sql::one_letter, id);
      if (q.step()) add(q);
    }
    return;
  }
  const LetterMatcher matcher(reader, spec.letters);
  if (matcher.nothing()) return;
  const std::int64_t most =
      spec.letters.text || !spec.letters.labels.empty() ? searched_max : examined_max;
  auto q = matcher.queue() ? reader.query(sql::letters_of_queue_between, 0, INT64_MAX, most + 1,
                                          *matcher.queue())
                           : reader.query(sql::letters_between, 0, INT64_MAX, most + 1);
  for (std::int64_t examined = 0; q.step(); ++examined) {
    if (examined == most) plan.complete = false;
    if (examined == most || (spec.limit && plan.matched == *spec.limit)) return;
    if (matcher.takes(reader, q)) add(q);
  }
}

void Inspector::Impl::plan_runs(storage::Reader& reader, const JobSpec& spec, JobPlan& plan) {
  const auto add = [&](storage::Query& q) {
    plan.matched += 1;
    const bool wanted = is_wanted(spec, q.int64(3));
    std::string refusal;
    if (spec.verb == JobVerb::move && wanted) {
      refusal = move_refusal(reader, q.id<RunTag>(0), q.int64(1), spec.version);
      plan.refused += refusal.empty() ? 0 : 1;
    }
    if (plan.examples.size() == examples_max) return;
    const RunSummary s = summary(reader, q);
    if (!wanted) refusal = "it is " + s.status;
    add_example(reader, spec, s.id, {},
                {to_string(s.id),
                 s.workflow + ": " + s.status + (s.error.empty() ? "" : ", ") + s.error,
                 std::move(refusal),
                 {}},
                plan);
  };
  if (!spec.ids.empty()) {
    for (const std::int64_t id : spec.ids) {
      auto q = reader.query(sql::one_run, id);
      if (q.step()) add(q);
    }
    return;
  }
  const RunMatcher matcher(reader, spec.runs, [&](RunId run, std::int64_t version_id) {
    return state_of(reader, run, version_id);
  });
  if (matcher.nothing()) return;
  const std::int64_t most =
      spec.runs.state || spec.runs.text || !spec.runs.labels.empty() || spec.verb == JobVerb::move
          ? searched_max
          : examined_max;
  auto q = reader.query(sql::runs_between, 0, INT64_MAX, most + 1);
  for (std::int64_t examined = 0; q.step(); ++examined) {
    if (examined == most) plan.complete = false;
    if (examined == most || (spec.limit && plan.matched == *spec.limit)) return;
    if (is_wanted(spec, q.int64(3)) && matcher.takes(q)) add(q);
  }
}

void Inspector::Impl::add_example(storage::Reader& reader, const JobSpec& spec,
                                  std::optional<RunId> run, const Doc& body,
                                  JobPlan::Example example, JobPlan& plan) {
  if (spec.edit && example.refusal.empty()) {
    Doc input = body;
    if (run) {
      // What a run goes on with is the input of the state where it stands, or failed.
      std::int64_t last_seq = 0;
      if (auto q = reader.query(sql::run_facts, *run); q.step() && !q.is_null(7))
        last_seq = q.int64(7);
      std::optional<FrameRow> row = root_frame(reader, *run);
      if (!row)
        if (auto q = reader.query(sql::find_log, last_seq); q.step())
          for (const auto& record : decode_events(last_seq, q.blob(4)))
            if (!record.kept_frame.empty())
              row = decode_frame(FrameId{run->value}, record.kept_frame);
      if (row) input = row->frame.input ? row->frame.input : doc(reader, row->input_ref);
    }
    if (input) {
      auto changed = edited(input, *spec.edit, engine.options().payload_bytes_max);
      if (changed)
        example.input = *std::move(changed);
      else
        example.refusal = changed.error().detail;
    }
  }
  plan.examples.push_back(std::move(example));
}

void Inspector::Impl::check_jobs(storage::Reader& reader, const Report& report) const {
  for (auto q = reader.query(sql::running_jobs); q.step();) {
    const Job job = read_job(q);
    std::int64_t to_come = 0, in_flight = 0;
    if (auto items = reader.query(sql::count_items, job.id, job.cursor); items.step()) {
      to_come = items.int64(0);
      in_flight = items.int64(1);
    }
    if (job.to_come() != to_come || job.in_flight != in_flight ||
        (job.spec->in_flight_max && job.done != job.went_on + job.failed_again + in_flight))
      report("the counts of a bulk job add up",
             "job " + to_string(job.id) + " has " + std::to_string(to_come) + " to come and " +
                 std::to_string(in_flight) + " in flight; its counts say " +
                 std::to_string(job.to_come()) + " and " + std::to_string(job.in_flight),
             "none: stop it, and report it");
  }
}

}  // namespace sluice::orchestrator
