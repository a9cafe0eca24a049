// The service itself: health, metrics, its own description, the check of its invariants.
#include "api/answers.h"
#include "api/body.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

asio::awaitable<Response> healthz(Call&) {
  co_return Response{.body = "ok\n", .content_type = "text/plain; charset=utf-8"};
}

asio::awaitable<Response> readyz(Call& call) {
  if (call.context.stopping)
    co_return problem(make_error(Errc::unavailable, "the server is stopping"));
  // A full line takes nothing more, and neither does an engine that has not started; both show
  // here.
  const auto stats = call.context.engine.stats();
  if (stats.line_length >= call.context.engine.options().line_max)
    co_return problem(make_error(Errc::unavailable, "the engine's line is full"));
  co_return Response{.body = "ready\n", .content_type = "text/plain; charset=utf-8"};
}

asio::awaitable<Response> metrics(Call& call) {
  co_return Response{.body = call.context.metrics.render(call.context),
                     .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

asio::awaitable<Response> openapi(Call&) { co_return json(200, openapi_text()); }

asio::awaitable<Response> front_page(Call&) {
  co_return Response{
      .body =
          "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Sluice</title>\n"
          "<h1>Sluice</h1>\n"
          "<p>A workflow and flow-control service on durable queues.</p>\n"
          "<ul>\n"
          "<li><a href=\"/openapi.json\">The API</a>, below <code>/v1</code></li>\n"
          "<li><a href=\"/v1/workflows\">Workflows</a>, <a href=\"/v1/runs\">runs</a>, "
          "<a href=\"/v1/queues\">queues</a>, <a href=\"/v1/dead-letters\">dead letters</a></li>\n"
          "<li><a href=\"/metrics\">Metrics</a>, <a href=\"/readyz\">readiness</a></li>\n"
          "</ul>\n</html>\n",
      .content_type = "text/html; charset=utf-8"};
}

asio::awaitable<Response> check(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  const bool repair = body->optional_boolean("repair").value_or(false);
  if (repair)
    body->problem("repair",
                  "this version reports breaches, and does not repair them yet; leave it out");
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  const auto findings = co_await read(call, [&] { return call.context.inspector.check(); });
  std::string out;
  Object object(out);
  object.flag("ok", findings.empty());
  object.key("findings");
  {
    Array list(out);
    for (const auto& finding : findings) {
      list.next();
      Object item(out);
      item.text("invariant", finding.invariant);
      item.text("detail", finding.detail);
      item.text("repair", finding.repair);
    }
  }
  object.close();
  co_return json(200, std::move(out));
}

// The upgrade is taken by the connection before a handler is called.
asio::awaitable<Response> stream(Call&) {
  co_return problem(426, "upgrade_required", "the worker stream is a WebSocket");
}

}  // namespace

std::vector<Route> service_routes() {
  constexpr std::string_view text = "text/plain; charset=utf-8";
  return {
      {.method = Method::get,
       .path = "/v1/stream",
       .handler = stream,
       .operation = "workerStream",
       .tag = "tasks",
       .summary = "The worker stream, a WebSocket",
       .answers = {{101, "the stream"}, {426, "not asked for as a WebSocket", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/check",
       .handler = check,
       .operation = "check",
       .tag = "service",
       .summary = "The invariants of the live server",
       .body = Body::optional,
       .request = "Check",
       .answers = {{200, "what does not hold", "CheckResult"}}},
      {.method = Method::get,
       .path = "/healthz",
       .handler = healthz,
       .operation = "healthz",
       .tag = "service",
       .summary = "The process lives",
       .answers = {{200, "it does", "", text}}},
      {.method = Method::get,
       .path = "/readyz",
       .handler = readyz,
       .operation = "readyz",
       .tag = "service",
       .summary = "The engine accepts commands",
       .answers = {{200, "it does", "", text}, {503, "not now", "Problem"}}},
      {.method = Method::get,
       .path = "/metrics",
       .handler = metrics,
       .operation = "metrics",
       .tag = "service",
       .summary = "Prometheus metrics",
       .answers = {{200, "the text format", "", text}}},
      {.method = Method::get,
       .path = "/openapi.json",
       .handler = openapi,
       .operation = "openapi",
       .tag = "service",
       .summary = "This document",
       .answers = {{200, "OpenAPI 3.1"}}},
      {.method = Method::get,
       .path = "/",
       .handler = front_page,
       .operation = "frontPage",
       .tag = "service",
       .summary = "Where to go from here",
       .answers = {{200, "a page", "", "text/html; charset=utf-8"}}},
  };
}

}  // namespace sluice::api
