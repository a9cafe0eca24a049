// Workflows: deploy, list, show, delete, pause.
#include "api/answers.h"
#include "api/body.h"
#include "api/router.h"
#include "workflows/graph.h"
#include "workflows/workflow.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

void put_warnings(std::string& out, Object& object, const std::vector<Problem>& warnings) {
  object.key("warnings");
  Array list(out);
  for (const auto& warning : warnings) {
    list.next();
    Object item(out);
    item.text("pointer", warning.pointer);
    item.text("detail", warning.detail);
  }
}

void put_version(Object& object, const WorkflowVersion& version) {
  object.integer("version", version.version);
  object.text("hash", version.hash);
  object.time("deployed_at", version.deployed_at);
}

void put_plan(std::string& out, Object& object, const MovePlan& plan) {
  object.key("plan");
  Object inner(out);
  inner.integer("version", plan.version);
  inner.flag("deployed", plan.deployed);
  inner.integer("live", plan.live);
  inner.integer("there", plan.there);
  inner.integer("can_move", plan.can_move);
  inner.integer("restarts", plan.restarts);
  inner.integer("cannot_move", plan.cannot_move);
  inner.flag("complete", plan.complete);
  inner.key("groups");
  Array list(out);
  for (const auto& group : plan.groups) {
    list.next();
    Object item(out);
    item.integer("version", group.version);
    item.text_if("state", group.state);
    item.text("verdict", !group.refusal.empty() ? "stays" : group.restarts ? "restarts" : "moves");
    item.text_if("why", group.refusal);
    item.integer("runs", group.runs);
    item.id("example", group.example);
  }
}

struct CompiledText {
  workflows::Compiled compiled;
  std::string canonical;
};

asio::awaitable<Response> put_workflow(Call& call) {
  // Compiling is work; it is kept off the sockets' thread and off the writer.
  auto made = co_await read(call, [&]() -> Result<CompiledText> {
    auto compiled = workflows::compile(call.body);
    if (!compiled) return std::move(compiled).error();
    return CompiledText{std::move(*compiled), workflows::canonical_text(call.body)};
  });
  if (!made) co_return problem(made.error());
  const bool plans = call.query.flag("plan");
  if (plans || call.query.flag("dry_run")) {
    MovePlan plan;
    if (plans)
      plan = co_await read(call, [&] {
        return call.context.inspector.move_plan(call.path[0], made->compiled.machine,
                                                made->canonical);
      });
    std::string out;
    Object object(out);
    object.text("name", call.path[0]);
    object.flag("dry_run", true);
    put_warnings(out, object, made->compiled.warnings);
    if (plans) put_plan(out, object, plan);
    object.close();
    co_return json(200, std::move(out));
  }
  DeployWorkflow command{.name = call.path[0],
                         .canonical_text = std::move(made->canonical),
                         .machine = std::move(made->compiled.machine)};
  const auto deployed = co_await submit(call, std::move(command));
  if (!deployed) co_return problem(deployed.error());
  std::string out;
  Object object(out);
  object.text("name", call.path[0]);
  object.integer("version", deployed->version);
  object.text("hash", deployed->hash);
  put_warnings(out, object, made->compiled.warnings);
  object.close();
  co_return json(deployed->created ? 201 : 200, std::move(out));
}

asio::awaitable<Response> list_workflows(Call& call) {
  auto all = co_await read(call, [&] { return call.context.inspector.workflows(); });
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  // Few enough to be listed whole; paged by name so that the list looks like every other.
  const auto cursor = call.query.text("cursor");
  const auto limit = static_cast<std::size_t>(page_limit(call));
  const auto from =
      cursor
          ? std::upper_bound(all.begin(), all.end(), *cursor,
                             [](const std::string& name, const auto& w) { return name < w.name; })
          : all.begin();
  all.erase(all.begin(), from);
  std::optional<std::string> next;
  if (all.size() > limit) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
    next = all.back().name;
  }
  co_return json(200, render_page(all, next, [](std::string& out, const WorkflowSummary& workflow) {
                   Object object(out);
                   object.text("name", workflow.name);
                   object.integer("version", workflow.version);
                   object.text("hash", workflow.hash);
                   object.time("deployed_at", workflow.deployed_at);
                   object.flag("paused", workflow.paused);
                 }));
}

Response show(const std::string& name, const Result<WorkflowVersion>& found) {
  if (!found) return problem(found.error());
  std::string out;
  Object object(out);
  object.text("name", name);
  put_version(object, *found);
  object.raw("definition", found->definition);
  object.close();
  return json(200, std::move(out));
}

asio::awaitable<Response> get_workflow(Call& call) {
  const auto found = co_await read(
      call, [&] { return call.context.inspector.workflow(call.path[0], std::nullopt); });
  co_return show(call.path[0], found);
}

asio::awaitable<Response> get_workflow_version(Call& call) {
  const auto number = parse_integer(call.path[1]);
  if (!number || *number < 1)
    co_return problem(make_error(
        Errc::not_found, "there is no version \"" + call.path[1] + "\"; they count from 1"));
  const auto found =
      co_await read(call, [&] { return call.context.inspector.workflow(call.path[0], *number); });
  co_return show(call.path[0], found);
}

asio::awaitable<Response> list_workflow_versions(Call& call) {
  auto found =
      co_await read(call, [&] { return call.context.inspector.workflow_versions(call.path[0]); });
  if (!found) co_return problem(found.error());
  auto& all = *found;
  const auto before = call.query.integer("cursor");
  if (before) std::erase_if(all, [&](const WorkflowVersion& v) { return v.version >= *before; });
  const auto limit = static_cast<std::size_t>(page_limit(call));
  std::optional<std::string> next;
  if (all.size() > limit) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
    next = std::to_string(all.back().version);
  }
  co_return json(200, render_page(all, next, [](std::string& out, const WorkflowVersion& version) {
                   Object object(out);
                   put_version(object, version);
                 }));
}

asio::awaitable<Response> get_graph(Call& call) {
  const std::string format = call.query.text("format").value_or("json");
  const auto version = call.query.integer("version");
  auto drawn = co_await read(call, [&]() -> Result<std::string> {
    const auto found = call.context.inspector.workflow(call.path[0], version);
    if (!found) return found.error();
    const auto compiled = workflows::compile(found->definition);
    // It compiled when it was deployed; a version that no longer does was made by another release.
    if (!compiled) return compiled.error();
    const auto graph = workflows::graph_of(*compiled->machine);
    if (format == "mermaid") return workflows::to_mermaid(graph);
    if (format == "dot") return workflows::to_dot(graph);
    return to_text(workflows::to_json(graph));
  });
  if (!drawn) co_return problem(drawn.error());
  Response response = json(200, std::move(*drawn));
  if (format == "mermaid") response.content_type = "text/vnd.mermaid; charset=utf-8";
  if (format == "dot") response.content_type = "text/vnd.graphviz; charset=utf-8";
  co_return response;
}

asio::awaitable<Response> delete_workflow(Call& call) {
  return change(call, DeleteWorkflow{.name = call.path[0]}, RenderDone{});
}

asio::awaitable<Response> pause_workflow(Call& call) {
  return change(call, PauseWorkflow{.name = call.path[0], .paused = true}, RenderDone{});
}

asio::awaitable<Response> resume_workflow(Call& call) {
  return change(call, PauseWorkflow{.name = call.path[0], .paused = false}, RenderDone{});
}

}  // namespace

std::vector<Route> workflow_routes() {
  using Kind = Parameter::Kind;
  return {
      {.method = Method::put,
       .path = "/v1/workflows/{name}",
       .handler = put_workflow,
       .operation = "putWorkflow",
       .tag = "workflows",
       .summary = "Deploy a definition; the body is the definition itself",
       .query = {{"dry_run", Kind::flag, "validate only"},
                 {"plan", Kind::flag, "validate, and say which live runs could move to it"}},
       .body = Body::required,
       .request = "Definition",
       .answers = {{200, "unchanged, or a dry run", "Deployed"},
                   {201, "a new version", "Deployed"},
                   {422, "every problem", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/workflows",
       .handler = list_workflows,
       .operation = "listWorkflows",
       .tag = "workflows",
       .summary = "The workflows, by name",
       .query = with_page({}),
       .answers = {{200, "a page", "WorkflowPage"}}},
      {.method = Method::get,
       .path = "/v1/workflows/{name}",
       .handler = get_workflow,
       .operation = "getWorkflow",
       .tag = "workflows",
       .summary = "The latest version with its definition",
       .answers = {{200, "the workflow", "Workflow"}, {404, "unknown", "Problem"}}},
      {.method = Method::delete_,
       .path = "/v1/workflows/{name}",
       .handler = delete_workflow,
       .operation = "deleteWorkflow",
       .tag = "workflows",
       .summary = "Take no new runs; those that are live go on",
       .answers = {{200, "deleted", "Done"},
                   {404, "unknown", "Problem"},
                   {409, "runs of it are live", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/workflows/{name}/versions",
       .handler = list_workflow_versions,
       .operation = "listWorkflowVersions",
       .tag = "workflows",
       .summary = "Its versions, newest first",
       .query = {{"limit", Kind::integer, "items in one answer (default 50)", 1, page_items_max},
                 {"cursor", Kind::integer, "`next` of the answer before", 1, INT64_MAX}},
       .answers = {{200, "a page", "VersionPage"}, {404, "unknown", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/workflows/{name}/versions/{version}",
       .handler = get_workflow_version,
       .operation = "getWorkflowVersion",
       .tag = "workflows",
       .summary = "One version with its definition",
       .answers = {{200, "the version", "Workflow"}, {404, "unknown", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/workflows/{name}/graph",
       .handler = get_graph,
       .operation = "getWorkflowGraph",
       .tag = "workflows",
       .summary = "The compiled machine as a graph",
       .query = {{"format", Kind::choice, "how it is written (default json)", 0, 0,
                  "json|mermaid|dot"},
                 {"version", Kind::integer, "of this version (default: the latest)", 1, INT64_MAX}},
       .answers = {{200, "the graph; as text for mermaid and dot", "Graph"},
                   {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/workflows/{name}/pause",
       .handler = pause_workflow,
       .operation = "pauseWorkflow",
       .tag = "workflows",
       .summary = "Pause every stage of the workflow",
       .answers = {{200, "paused", "Done"}, {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/workflows/{name}/resume",
       .handler = resume_workflow,
       .operation = "resumeWorkflow",
       .tag = "workflows",
       .summary = "Resume every stage of the workflow",
       .answers = {{200, "resumed", "Done"}, {404, "unknown", "Problem"}}},
  };
}

}  // namespace sluice::api
