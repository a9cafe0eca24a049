// Outcomes as responses: what several routes need.
//
// Confined to the connection's thread, except what a kept answer is rendered with, which runs on
// the writer's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/await.h"
#include "api/json_out.h"
#include "orchestrator/inspect.h"

namespace sluice::api {

inline Response json(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}
inline Response done() { return json(200, "{}"); }

// {"items": […], "next": …}; `render` appends one item.
template <class Items, class Render>
std::string render_page(const Items& items, const std::optional<std::string>& next, Render render) {
  std::string out;
  out.reserve(64 + items.size() * 256);
  Object page(out);
  page.key("items");
  {
    Array list(out);
    for (const auto& item : items) {
      list.next();
      render(out, item);
    }
  }
  if (next)
    page.text("next", *next);
  else
    page.null("next");
  page.close();
  return out;
}

inline int page_limit(const Call& call) {
  return static_cast<int>(call.query.integer("limit").value_or(page_items_default));
}

// An id in the path; not_found where it cannot be one.
template <class Tag>
Result<Id<Tag>> id_in_path(const Call& call, std::string_view noun) {
  if (const auto id = parse_id<Tag>(call.path[0])) return *id;
  return make_error(Errc::not_found,
                    "there is no " + std::string(noun) + " \"" + call.path[0] + "\"");
}

// What Idempotency-Key stands for: this route, this key; and the hash of all that was asked.
orchestrator::Engine::Idempotency idempotency_of(const Call& call);
// A response as the text that is kept for a repeat, and back.
std::string keep(const Response& response);
Response recall(std::string_view kept);

// Submits, and answers with `render(reply)` or the refusal. With an Idempotency-Key, the answer is
// kept and given again. `render` is copied, and may run on the writer thread: it must hold no
// reference to the call.
template <class C, class Render>
asio::awaitable<Response> change(Call& call, C command, Render render) {
  using Outcome = Result<typename C::Reply>;
  if (call.idempotency_key.empty()) {
    const Outcome outcome = co_await submit(call, std::move(command));
    co_return outcome ? render(*outcome) : problem(outcome.error());
  }
  auto start = [&call, render, command = std::move(command)](auto answered) mutable {
    call.context.engine.submit(
        std::move(command), idempotency_of(call),
        [render](const Outcome& outcome) {
          return keep(outcome ? render(*outcome) : problem(outcome.error()));
        },
        std::move(answered), call.by);
  };
  const Result<std::string> kept = co_await from_engine<std::string>(std::move(start));
  co_return kept ? recall(*kept) : problem(kept.error());
}

// For commands whose reply says nothing.
struct RenderDone {
  Response operator()(const Unit&) const { return done(); }
};

// Waits until the run has ended, the time is over, the client is gone or the server stops.
asio::awaitable<void> wait_for_end(Call& call, RunId run, Duration limit);

// Leases with the request's wait; a client that goes away in the middle gives its tasks back.
asio::awaitable<Result<std::vector<orchestrator::Delivery>>> lease(
    Call& call, orchestrator::LeaseRequest request);

// ---- how things look, in one place
// --------------------------------------------------------------------------
void render_task(std::string& out, const orchestrator::Delivery& task);
void render_tasks(std::string& out, const std::vector<orchestrator::Delivery>& tasks);
void render_run(std::string& out, const orchestrator::RunSummary& run);
void render_run_detail(std::string& out, const orchestrator::RunDetail& run);
void render_waiting_for(std::string& out, const std::vector<orchestrator::WaitingFor>& frames);
void render_event(std::string& out, const orchestrator::HistoryEvent& event);
void render_queue(std::string& out, const orchestrator::QueueStats& queue, WallTime now);
void render_message(std::string& out, const orchestrator::PeekedMessage& message);
void put_published(Object& object, const orchestrator::PublishMessages::Published& message);
void render_dead_letter(std::string& out, const orchestrator::DeadLetterSummary& letter);
void render_dead_letter_detail(std::string& out, const orchestrator::DeadLetterDetail& letter);

}  // namespace sluice::api
