// Events that states wait for: publishing one, who waits, what is kept.
#include "api/answers.h"
#include "api/body.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

struct RenderPublished {
  Response operator()(const PublishEvent::Reply& reply) const {
    std::string out;
    Object object(out);
    object.id("id", reply.id);
    object.integer("woken", reply.woken);
    object.flag("kept", reply.kept);
    object.close();
    return json(200, std::move(out));
  }
};

asio::awaitable<Response> publish_event(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  PublishEvent command;
  command.name = call.path[0];
  command.key = optional_text(*body, "key").value_or("");
  command.body = optional_doc(*body, "body").value_or(Doc::empty_object());
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderPublished{});
}

void render_kept(std::string& out, const KeptEvent& event) {
  Object object(out);
  object.id("id", event.id);
  object.text("key", event.key);
  object.raw("body", event.body.text());
  object.time("at", event.at);
  object.time("until", event.until);
  object.close();
}

void render_waiter(std::string& out, const EventLine& waiter) {
  Object object(out);
  object.text("key", waiter.key);
  object.id("run", waiter.run);
  object.id("frame", waiter.frame);
  object.time("since", waiter.since);
  object.close();
}

asio::awaitable<Response> list_kept(Call& call) {
  const auto page = co_await read(call, [&] {
    return call.context.inspector.kept_events(call.path[0], page_limit(call),
                                              call.query.text("cursor"));
  });
  co_return json(200, render_page(page.items, page.next, render_kept));
}

asio::awaitable<Response> list_waiters(Call& call) {
  const auto page = co_await read(call, [&] {
    return call.context.inspector.event_waiters(call.path[0], page_limit(call),
                                                call.query.text("cursor"));
  });
  co_return json(200, render_page(page.items, page.next, render_waiter));
}

}  // namespace

std::vector<Route> event_routes() {
  return {
      {.method = Method::post,
       .path = "/v1/events/{event}",
       .handler = publish_event,
       .operation = "publishEvent",
       .tag = "events",
       .summary = "Wake who waits for the event with this key, or keep it for who will",
       .body = Body::optional,
       .request = "PublishEvent",
       .takes_idempotency_key = true,
       .answers = {{200, "published", "EventPublished"},
                   {413, "the body is too large", "Problem"},
                   {429, "too many are kept", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/events/{event}/kept",
       .handler = list_kept,
       .operation = "listKeptEvents",
       .tag = "events",
       .summary = "What was published and nobody has waited for yet, by key",
       .query = with_page({}),
       .answers = {{200, "a page", "KeptEventPage"}}},
      {.method = Method::get,
       .path = "/v1/events/{event}/waiters",
       .handler = list_waiters,
       .operation = "listEventWaiters",
       .tag = "events",
       .summary = "The frames that wait for the event, by key, the longest waiting first",
       .query = with_page({}),
       .answers = {{200, "a page", "EventWaiterPage"}}},
  };
}

}  // namespace sluice::api
