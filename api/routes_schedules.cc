// Schedules: looking at them, pausing them, a run at once.
#include "api/answers.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

void render_schedule(std::string& out, const ScheduleInfo& info) {
  const workflows::Schedule& schedule = info.stored.schedule;
  Object object(out);
  object.id("id", info.stored.id);
  object.text("workflow", info.workflow);
  switch (schedule.kind) {
    case workflows::Schedule::Kind::cron:
      object.text("schedule", schedule.text);
      object.text("time_zone", schedule.time_zone);
      break;
    case workflows::Schedule::Kind::every:
      object.raw("every_seconds", schedule.text);
      break;
    case workflows::Schedule::Kind::at:
      object.text("at", schedule.text);
      break;
  }
  object.text("overlap", name_of(schedule.overlap));
  object.integer("catch_up_seconds", schedule.catch_up_s);
  if (schedule.input) object.raw("input", *schedule.input);
  object.flag("paused", info.stored.paused);
  object.key("next");
  {
    Array list(out);
    for (const WallTime at : info.next) {
      list.next();
      out += '"' + to_rfc3339(at) + '"';
    }
  }
  if (info.stored.run) object.text("last_run", to_string(info.stored.run));
  object.integer("started", info.stored.started);
  object.integer("skipped", info.stored.skipped);
  object.text_if("problem", info.problem);
}

// Nothing: no id that a schedule can have.
std::optional<ScheduleId> schedule_id(const Call& call) {
  return parse_id<ScheduleTag>(call.path[0]);
}
Response unknown(const Call& call) {
  return problem(make_error(Errc::not_found, "no schedule " + call.path[0]));
}

asio::awaitable<Response> list_schedules(Call& call) {
  const auto page = co_await read(call, [&] {
    return call.context.inspector.schedules(page_limit(call), call.query.text("cursor"));
  });
  co_return json(200, render_page(page.items, page.next, render_schedule));
}

asio::awaitable<Response> get_schedule(Call& call) {
  const auto id = schedule_id(call);
  if (!id) co_return unknown(call);
  const auto schedule = co_await read(call, [&] { return call.context.inspector.schedule(*id); });
  if (!schedule) co_return problem(schedule.error());
  std::string out;
  render_schedule(out, *schedule);
  co_return json(200, std::move(out));
}

asio::awaitable<Response> pause(Call& call, bool paused) {
  const auto id = schedule_id(call);
  if (!id) co_return unknown(call);
  PauseSchedule command{.schedule = *id, .paused = paused};
  co_return co_await change(call, std::move(command), RenderDone{});
}
asio::awaitable<Response> pause_schedule(Call& call) { return pause(call, true); }
asio::awaitable<Response> resume_schedule(Call& call) { return pause(call, false); }

struct RenderStarted {
  Response operator()(const RunSchedule::Reply& reply) const {
    std::string out;
    Object object(out);
    object.text("id", to_string(reply.run));
    object.close();
    return json(201, std::move(out));
  }
};

asio::awaitable<Response> run_schedule(Call& call) {
  const auto id = schedule_id(call);
  if (!id) co_return unknown(call);
  RunSchedule command{.schedule = *id};
  co_return co_await change(call, std::move(command), RenderStarted{});
}

}  // namespace

std::vector<Route> schedule_routes() {
  return {
      {.method = Method::get,
       .path = "/v1/schedules",
       .handler = list_schedules,
       .operation = "listSchedules",
       .tag = "schedules",
       .summary = "Every schedule, the oldest first, with its next ten times",
       .query = with_page({}),
       .answers = {{200, "a page", "SchedulePage"}}},
      {.method = Method::get,
       .path = "/v1/schedules/{id}",
       .handler = get_schedule,
       .operation = "getSchedule",
       .tag = "schedules",
       .summary = "One schedule",
       .answers = {{200, "the schedule", "Schedule"}, {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/schedules/{id}/pause",
       .handler = pause_schedule,
       .operation = "pauseSchedule",
       .tag = "schedules",
       .summary = "Start no more runs",
       .answers = {{200, "done", "Done"}, {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/schedules/{id}/resume",
       .handler = resume_schedule,
       .operation = "resumeSchedule",
       .tag = "schedules",
       .summary = "Go on with the times that are to come",
       .answers = {{200, "done", "Done"}, {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/schedules/{id}/run-now",
       .handler = run_schedule,
       .operation = "runSchedule",
       .tag = "schedules",
       .summary = "Start a run at once, whatever its overlap says",
       .takes_idempotency_key = true,
       .answers = {{201, "started", "ScheduleRun"}, {404, "unknown", "Problem"}}},
  };
}

}  // namespace sluice::api
