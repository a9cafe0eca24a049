// Runs: start, list, show, and everything an operator does to one.
#include "api/answers.h"
#include "api/body.h"
#include "api/by.h"
#include "api/event_stream.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

// The faults stay in `body`.
StartRun read_start(Envelope& body, std::string workflow, std::size_t payload_bytes_max) {
  StartRun start;
  start.workflow = std::move(workflow);
  start.input = required_doc(body, "input", payload_bytes_max);
  start.name = optional_text(body, "name");
  start.version = body.optional_integer("version", 1, INT64_MAX);
  if (const auto priority = body.optional_integer("priority", 0, 9))
    start.priority = static_cast<int>(*priority);
  start.not_before = optional_time(body, "not_before");
  start.labels = optional_string_map(body, "labels");
  return start;
}

Response render_started(const StartRun::Reply& reply) {
  std::string out;
  Object object(out);
  object.id("id", reply.id);
  object.close();
  return json(reply.existing ? 200 : 201, std::move(out));
}

struct RenderStarted {
  Response operator()(const StartRun::Reply& reply) const { return render_started(reply); }
};

Response show_run(const Result<RunDetail>& found, int status = 200) {
  if (!found) return problem(found.error());
  std::string out;
  render_run_detail(out, *found);
  return json(status, std::move(out));
}

asio::awaitable<Response> start_run(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  StartRun start = read_start(*body, call.path[0], call.context.limits.payload_bytes_max);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  Response started = co_await change(call, std::move(start), RenderStarted{});
  const auto wait = call.query.seconds("wait");
  if (!wait || started.status >= 300) co_return started;
  // {"id":"…"}: what was answered, or kept from an earlier call with the same key.
  auto answer = Envelope::scan(started.body);
  const auto run = parse_id<struct RunTag>(answer->required_string("id"));
  SLUICE_CHECK(run.has_value(), "the id of the run that was started");
  co_await wait_for_end(call, *run, *wait);
  const auto found = co_await read(call, [&] { return call.context.inspector.run(*run); });
  co_return show_run(found, found && !found->ended_at ? 202 : 200);
}

asio::awaitable<Response> start_runs(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  const auto items = required_items(*body, "items");
  Problems problems;
  problems.add(body->finish());
  std::vector<AnyCommand> commands;
  commands.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto item = Envelope::scan(items[i], fmt::format("/items/{}", i));
    if (!item) {
      problems.add(item.error());
      continue;
    }
    commands.emplace_back(read_start(*item, call.path[0], call.context.limits.payload_bytes_max));
    problems.add(item->finish());
  }
  if (problems.any()) co_return problem(problems.error());
  const auto reply = co_await from_engine<Engine::BatchReply>([&](auto answered) {
    call.context.engine.submit_batch(std::move(commands), call.query.flag("atomic"), std::nullopt,
                                     std::move(answered));
  });
  if (!reply) co_return problem(reply.error());
  std::string out;
  out.reserve(reply->items.size() * 48);
  Object object(out);
  object.key("items");
  {
    Array list(out);
    for (const auto& item : reply->items) {
      list.next();
      if (!item) {
        out += problem_text(item.error());
        continue;
      }
      const auto& started = std::get<StartRun::Reply>(*item);
      Object result(out);
      result.integer("status", started.existing ? 200 : 201);
      result.id("id", started.id);
    }
  }
  object.close();
  co_return json(200, std::move(out));
}

asio::awaitable<Response> list_runs(Call& call) {
  RunFilter filter{.workflow = call.query.text("workflow"),
                   .status = call.query.text("status"),
                   .state = call.query.text("state"),
                   .text = call.query.text("q"),
                   .labels = {},
                   .started_after = call.query.time("started_after")};
  for (const auto label : call.query.all("label")) {
    const auto colon = label.find(':');
    if (colon == std::string_view::npos || colon == 0)
      co_return problem(
          Error{Errc::invalid_argument,
                "the query parameters are not what was expected",
                {{"?label", fmt::format("expected key:value, found \"{}\"", label)}}});
    filter.labels.emplace_back(label.substr(0, colon), label.substr(colon + 1));
  }
  const auto page = co_await read(call, [&] {
    return call.context.inspector.runs(filter, page_limit(call), call.query.text("cursor"));
  });
  co_return json(200, render_page(page.items, page.next, render_run));
}

asio::awaitable<Response> get_run(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  if (const auto wait = call.query.seconds("wait")) co_await wait_for_end(call, *run, *wait);
  co_return show_run(co_await read(call, [&] { return call.context.inspector.run(*run); }));
}

asio::awaitable<Response> get_history(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  if (call.query.flag("follow")) co_return co_await follow_history(call, *run);
  const auto after = call.query.integer("cursor").value_or(call.query.integer("after").value_or(0));
  const auto page = co_await read(
      call, [&] { return call.context.inspector.history(*run, page_limit(call), after); });
  if (!page) co_return problem(page.error());
  co_return json(200, render_page(page->items, page->next, render_event));
}

asio::awaitable<Response> explain_run(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  const auto frames = co_await read(call, [&] { return call.context.inspector.why(*run); });
  if (!frames) co_return problem(frames.error());
  std::string out = R"({"waiting_for":)";
  render_waiting_for(out, *frames);
  out += '}';
  co_return json(200, std::move(out));
}

asio::awaitable<Response> cancel_run(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  CancelRun command{.run = *run,
                    .cause = optional_text(*body, "cause"),
                    .compensate = body->optional_boolean("compensate").value_or(false)};
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderDone{});
}

template <class Command>
asio::awaitable<Response> plain_verb(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  Command command{.run = *run};
  co_return co_await change(call, std::move(command), RenderDone{});
}

asio::awaitable<Response> redrive_run(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  RedriveRun command{.run = *run,
                     .from = optional_text(*body, "from"),
                     .input = optional_doc(*body, "input"),
                     .version = body->optional_integer("version", 1, INT64_MAX),
                     .edit = optional_edit(*body)};
  if (command.input && command.edit)
    body->problem("input", "expected input, merge or patch, not two of them");
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderDone{});
}

struct RenderMoved {
  Response operator()(const MoveRun::Reply& reply) const {
    std::string out;
    Object object(out);
    object.integer("version", reply.version);
    object.integer("before", reply.before);
    object.integer("restarted", reply.restarted);
    object.close();
    return json(200, std::move(out));
  }
};

asio::awaitable<Response> move_run(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  MoveRun command{.run = *run, .version = body->optional_integer("version", 1, INT64_MAX)};
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderMoved{});
}

std::optional<FrameId> read_frame(Envelope& body) {
  const auto text = body.optional_string("frame");
  if (!text) return std::nullopt;
  const auto frame = parse_id<struct FrameTag>(*text);
  if (!frame) body.problem("frame", "expected the id of a frame, as waiting_for gives it");
  return frame;
}

asio::awaitable<Response> skip_stage(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  SkipStage command{.run = *run,
                    .frame = read_frame(*body),
                    .output = required_doc(*body, "output", call.context.limits.payload_bytes_max)};
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderDone{});
}

asio::awaitable<Response> fail_stage(Call& call) {
  const auto run = id_in_path<struct RunTag>(call, "run");
  if (!run) co_return problem(run.error());
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  FailStage command{.run = *run,
                    .frame = read_frame(*body),
                    .error = std::string(body->required_string("error")),
                    .cause = optional_text(*body, "cause")};
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderDone{});
}

Route verb(std::string_view path, Handler handler, std::string_view operation,
           std::string_view summary, std::string_view request) {
  return {.method = Method::post,
          .path = path,
          .handler = handler,
          .operation = operation,
          .tag = "runs",
          .summary = summary,
          .body = Body::optional,
          .request = request,
          .answers = {{200, "done", "Done"},
                      {404, "unknown", "Problem"},
                      {409, "its present state does not allow it", "Problem"}}};
}

}  // namespace

std::vector<Route> run_routes() {
  using Kind = Parameter::Kind;
  const Parameter wait{"wait", Kind::seconds, "seconds to wait for the run's end", 0,
                       wait_seconds_max};
  return {
      {.method = Method::post,
       .path = "/v1/workflows/{name}/runs",
       .handler = start_run,
       .operation = "startRun",
       .tag = "runs",
       .summary = "Start a run",
       .query = {wait},
       .body = Body::required,
       .request = "StartRun",
       .takes_idempotency_key = true,
       .answers = {{201, "started (with wait: see 200)", "Started"},
                   {200, "the same name and input again; with wait: the run, ended",
                    "StartedOrEnded"},
                   {202, "with wait: the run, not ended yet", "Run"},
                   {404, "unknown workflow", "Problem"},
                   {409, "the name is taken by a run with another input", "Problem"},
                   {429, "too much at once", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/workflows/{name}/runs:batch",
       .handler = start_runs,
       .operation = "startRuns",
       .tag = "runs",
       .summary = "Start up to 1,000 runs in one commit",
       .query = {{"atomic", Kind::flag, "all or none"}},
       .body = Body::batch,
       .request = "StartRunBatch",
       .answers = {{200, "a result for each", "BatchResult"}}},
      {.method = Method::get,
       .path = "/v1/runs",
       .handler = list_runs,
       .operation = "listRuns",
       .tag = "runs",
       .summary = "Runs, newest first",
       .query = with_page(
           {{"workflow", Kind::text, "of this workflow"},
            {"status", Kind::choice, "in this status", 0, 0,
             "RUNNING|SUCCEEDED|FAILED|TIMED_OUT|ABORTED|PAUSED|COMPENSATING|COMPENSATED"},
            {"state", Kind::text, "standing at this state"},
            {"label", Kind::text, "key:value; several must all match", 0, 0, "", true},
            {"started_after", Kind::time, "started after this time"},
            {"q", Kind::text, "part of the name, the id or the error"}},
           Kind::id),
       .answers = {{200, "a page", "RunPage"}}},
      {.method = Method::get,
       .path = "/v1/runs/{id}",
       .handler = get_run,
       .operation = "getRun",
       .tag = "runs",
       .summary = "One run: status, input, output, error, and what each live frame waits for",
       .query = {wait},
       .answers = {{200, "the run", "Run"}, {404, "unknown", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/runs/{id}/history",
       .handler = get_history,
       .operation = "getHistory",
       .tag = "runs",
       .summary = "What happened to a run; follow=true streams server-sent events until it ends",
       .query = {{"limit", Kind::integer, "items in one answer (default 50)", 1, page_items_max},
                 {"cursor", Kind::integer, "`next` of the answer before", 0, INT64_MAX},
                 {"after", Kind::integer, "events after this id", 0, INT64_MAX},
                 {"follow", Kind::flag, "stream; Last-Event-ID or after says where from"}},
       .answers = {{200, "a page, or the stream", "HistoryPage"}, {404, "unknown", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/runs/{id}/why",
       .handler = explain_run,
       .operation = "explainRun",
       .tag = "runs",
       .summary = "For each live frame, what it waits for",
       .answers = {{200, "the frames", "Why"}, {404, "unknown", "Problem"}}},
      verb("/v1/runs/{id}/cancel", cancel_run, "cancelRun", "End a run as ABORTED", "CancelRun"),
      verb("/v1/runs/{id}/pause", plain_verb<PauseRun>, "pauseRun", "Pause a run", "Verb"),
      verb("/v1/runs/{id}/resume", plain_verb<ResumeRun>, "resumeRun", "Resume a paused run",
           "Verb"),
      verb("/v1/runs/{id}/redrive", redrive_run, "redriveRun", "Go on from the failed state",
           "RedriveRun"),
      {.method = Method::post,
       .path = "/v1/runs/{id}/move",
       .handler = move_run,
       .operation = "moveRun",
       .tag = "runs",
       .summary = "Go on with another version of the workflow",
       .body = Body::optional,
       .request = "MoveRun",
       .answers = {{200, "moved, or on that version already", "RunMoved"},
                   {404, "unknown run or version", "Problem"},
                   {409, "it has no place there as it stands; the detail says why", "Problem"}}},
      verb("/v1/runs/{id}/compensate", plain_verb<CompensateRun>, "compensateRun",
           "Undo what a held or failed run has completed", "Verb"),
      verb("/v1/runs/{id}/skip", skip_stage, "skipStage",
           "Give the stage at which the run waits an output", "SkipStage"),
      verb("/v1/runs/{id}/fail", fail_stage, "failStage", "Fail the stage at which the run waits",
           "FailStage"),
  };
}

}  // namespace sluice::api
