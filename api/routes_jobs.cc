// Bulk jobs: begin, list, show, stop; and what one would do.
#include "api/answers.h"
#include "api/by.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

std::string_view status_name(JobStatus status) {
  switch (status) {
    case JobStatus::running:
      return "RUNNING";
    case JobStatus::done:
      return "DONE";
    case JobStatus::stopped:
      return "STOPPED";
  }
  return "";
}

void render_job(std::string& out, const Job& job) {
  Object object(out);
  object.id("id", job.id);
  object.text("verb", name_of(job.spec->verb));
  object.text("status", status_name(job.status));
  object.text_if("stopped_because", job.why);
  object.flag("collecting", !job.collected && job.status == JobStatus::running);
  object.integer("matched", job.matched);
  object.integer("to_come", job.to_come());
  object.integer("done", job.done);
  object.integer("failed", job.failed);
  object.integer("skipped", job.skipped);
  object.integer("refused", job.refused);
  if (job.spec->in_flight_max) {
    object.integer("in_flight", job.in_flight);
    object.integer("went_on", job.went_on);
    object.integer("failed_again", job.failed_again);
  }
  object.raw("problems", to_text(job.problems));
  object.raw("request", job.spec->text);
  object.text("principal", job.by.principal);
  object.text_if("reason", job.by.reason);
  object.time("created_at", job.created_at);
  if (job.ended_at) object.time("ended_at", *job.ended_at);
}

std::string render_plan(const JobPlan& plan, JobVerb verb) {
  std::string out;
  Object object(out);
  object.flag("dry_run", true);
  object.text("verb", name_of(verb));
  object.integer("matched", plan.matched);
  object.flag("complete", plan.complete);
  if (verb == JobVerb::replay) object.integer("set_aside", plan.set_aside);
  if (verb == JobVerb::move) object.integer("refused", plan.refused);
  object.key("examples");
  {
    Array list(out);
    for (const auto& example : plan.examples) {
      list.next();
      Object item(out);
      item.text("id", example.id);
      item.text("what", example.what);
      item.text_if("refusal", example.refusal);
      item.doc("input", example.input);
    }
  }
  object.close();
  return out;
}

std::optional<JobId> job_id(const Call& call) { return parse_id<JobTag>(call.path[0]); }
Response unknown(const Call& call) {
  return problem(make_error(Errc::not_found, "no job " + call.path[0]));
}

struct RenderBegun {
  Response operator()(const StartJob::Reply& reply) const {
    std::string out;
    Object object(out);
    object.id("id", reply.id);
    object.close();
    return json(201, std::move(out));
  }
};

asio::awaitable<Response> start_job(Call& call) {
  const auto body =
      parse_json(call.body.empty() ? std::string_view("{}") : std::string_view(call.body));
  if (!body) co_return problem(body.error());
  auto request = parse_job(*body);
  if (!request) co_return problem(request.error());
  if (request->dry_run) {
    const auto plan =
        co_await read(call, [&] { return call.context.inspector.plan(request->spec); });
    co_return json(200, render_plan(plan, request->spec.verb));
  }
  if (request->reason) call.by.reason = *request->reason;
  StartJob command{.spec = std::move(request->spec), .by = call.by};
  co_return co_await change(call, std::move(command), RenderBegun{});
}

asio::awaitable<Response> list_jobs(Call& call) {
  const auto page = co_await read(call, [&] {
    return call.context.inspector.jobs(page_limit(call), call.query.text("cursor"));
  });
  co_return json(200, render_page(page.items, page.next, render_job));
}

asio::awaitable<Response> get_job(Call& call) {
  const auto id = job_id(call);
  if (!id) co_return unknown(call);
  const auto job = co_await read(call, [&] { return call.context.inspector.job(*id); });
  if (!job) co_return problem(job.error());
  std::string out;
  render_job(out, *job);
  co_return json(200, std::move(out));
}

asio::awaitable<Response> stop_job(Call& call) {
  const auto id = job_id(call);
  if (!id) co_return unknown(call);
  StopJob command{.job = *id};
  co_return co_await change(call, std::move(command), RenderDone{});
}

}  // namespace

std::vector<Route> job_routes() {
  return {
      {.method = Method::post,
       .path = "/v1/jobs",
       .handler = start_job,
       .operation = "startJob",
       .tag = "jobs",
       .summary =
           "Replay or drop many dead letters; cancel, pause, resume, redrive or move many runs",
       .body = Body::required,
       .request = "StartJob",
       .takes_idempotency_key = true,
       .answers = {{200, "dry_run: what it would do; nothing has changed", "JobPlan"},
                   {201, "begun", "JobStarted"},
                   {422, "the job is at fault", "Problem"},
                   {429, "as many are running as may", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/jobs",
       .handler = list_jobs,
       .operation = "listJobs",
       .tag = "jobs",
       .summary = "Bulk jobs, newest first",
       .query = with_page({}, Parameter::Kind::id),
       .answers = {{200, "a page", "JobPage"}}},
      {.method = Method::get,
       .path = "/v1/jobs/{id}",
       .handler = get_job,
       .operation = "getJob",
       .tag = "jobs",
       .summary = "One job: how far it is",
       .answers = {{200, "the job", "Job"}, {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/jobs/{id}/stop",
       .handler = stop_job,
       .operation = "stopJob",
       .tag = "jobs",
       .summary = "Stop it; what it has done stays",
       .answers = {{200, "stopped, or it had ended", "Done"}, {404, "unknown", "Problem"}}},
  };
}

}  // namespace sluice::api
