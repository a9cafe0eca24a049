// Counters and locks: looking at them, and an operator's word.
#include "api/answers.h"
#include "api/body.h"
#include "api/by.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

constexpr std::int64_t counter_max = 1'000'000'000'000'000;

void render_counter(std::string& out, const CounterInfo& counter) {
  Object object(out);
  object.text("name", counter.name);
  object.integer("value", counter.value);
  object.integer("waiting", counter.waiting);
}

void render_places(std::string& out, const std::vector<LockPlaceInfo>& places) {
  Array list(out);
  for (const auto& place : places) {
    list.next();
    Object object(out);
    object.id("run", place.run);
    object.id("frame", place.frame);
    object.time("since", place.since);
  }
}

void render_lock(std::string& out, const LockInfo& lock) {
  Object object(out);
  object.text("name", lock.name);
  object.integer("permits", lock.permits);
  object.key("holders");
  render_places(out, lock.holders);
  object.integer("waiting", lock.waiting);
  if (lock.line.empty()) return;
  object.key("line");
  render_places(out, lock.line);
}

asio::awaitable<Response> list_counters(Call& call) {
  const auto page = co_await read(call, [&] {
    return call.context.inspector.counters(page_limit(call), call.query.text("cursor"),
                                           call.query.flag("builtin"));
  });
  co_return json(200, render_page(page.items, page.next, render_counter));
}

asio::awaitable<Response> list_locks(Call& call) {
  if (const auto name = call.query.text("name")) {
    const auto lock = co_await read(call, [&] { return call.context.inspector.lock(*name); });
    if (!lock) co_return problem(lock.error());
    const std::vector<LockInfo> items{*lock};
    co_return json(200, render_page(items, std::nullopt, render_lock));
  }
  const auto page = co_await read(call, [&] {
    return call.context.inspector.locks(page_limit(call), call.query.text("cursor"));
  });
  co_return json(200, render_page(page.items, page.next, render_lock));
}

// What changes the course of runs by hand is told why.
void need_reason(Envelope& body, By& by) {
  read_reason(body, by);
  if (by.reason.empty())
    body.problem("reason", "expected why, for the audit log: here, or in the header Sluice-Reason");
}

struct RenderAdjusted {
  Response operator()(const AdjustCounter::Reply& reply) const {
    std::string out;
    Object object(out);
    object.integer("value", reply.value);
    object.integer("before", reply.before);
    object.close();
    return json(200, std::move(out));
  }
};

asio::awaitable<Response> adjust_counter(Call& call) {
  AdjustCounter command;
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  command.name = call.query.text("name").value_or("");
  command.value = body->optional_integer("value", -counter_max, counter_max);
  const auto add = body->optional_integer("add", -counter_max, counter_max);
  command.add = add.value_or(0);
  if (command.value.has_value() == add.has_value())
    body->problem(add ? "value" : "add", "expected one of \"add\" and \"value\"");
  need_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderAdjusted{});
}

struct RenderReleased {
  Response operator()(const ReleaseLock::Reply& reply) const {
    std::string out;
    Object object(out);
    object.key("runs");
    {
      Array list(out);
      for (const RunId run : reply.runs) {
        list.next();
        out += '"' + to_string(run) + '"';
      }
    }
    object.close();
    return json(200, std::move(out));
  }
};

asio::awaitable<Response> release_lock(Call& call) {
  ReleaseLock command;
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  command.name = call.query.text("name").value_or("");
  if (const auto run = optional_text(*body, "run")) {
    command.run = parse_id<RunTag>(*run);
    if (!command.run) body->problem("run", "expected the id of a run");
  }
  need_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderReleased{});
}

}  // namespace

std::vector<Route> flow_routes() {
  using Kind = Parameter::Kind;
  return {
      {.method = Method::get,
       .path = "/v1/counters",
       .handler = list_counters,
       .operation = "listCounters",
       .tag = "flow control",
       .summary = "Counters by name, with how many runs wait at gates for each",
       .query = with_page({{"builtin", Kind::flag, "the stages' own instead"}}),
       .answers = {{200, "a page", "CounterPage"}}},
      {.method = Method::post,
       .path = "/v1/counters/adjust",
       .handler = adjust_counter,
       .operation = "adjustCounter",
       .tag = "flow control",
       .summary = "Set a counter, or add to it; audited",
       .query = {{"name", Kind::text, "the counter's name"}},
       .body = Body::required,
       .request = "AdjustCounter",
       .takes_idempotency_key = true,
       .answers = {{200, "what it stands at now, and did before", "CounterAdjusted"},
                   {422, "what is wrong with it", "Problem"}}},
      {.method = Method::get,
       .path = "/v1/locks",
       .handler = list_locks,
       .operation = "listLocks",
       .tag = "flow control",
       .summary = "Locks that are held or waited for, by name",
       .query = with_page({{"name", Kind::text, "only this one, with who waits for it"}}),
       .answers = {{200, "a page", "LockPage"},
                   {404, "`name`: nobody holds it or waits for it", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/locks/release",
       .handler = release_lock,
       .operation = "releaseLock",
       .tag = "flow control",
       .summary = "Take a lock from who holds it: the next in line is granted it; audited",
       .query = {{"name", Kind::text, "the lock's name"}},
       .body = Body::optional,
       .request = "ReleaseLock",
       .takes_idempotency_key = true,
       .answers = {{200, "the runs that held it", "LockReleased"},
                   {404, "nobody holds it", "Problem"},
                   {422, "what is wrong with it", "Problem"}}},
  };
}

}  // namespace sluice::api
