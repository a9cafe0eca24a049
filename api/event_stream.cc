#include "api/event_stream.h"

#include "api/answers.h"
#include "api/run_watch.h"

namespace sluice::api {
namespace {

constexpr std::string_view event_type = "text/event-stream";
constexpr int events_per_read = 200;

}  // namespace

asio::awaitable<Response> follow_history(Call& call, RunId run) {
  std::int64_t after = call.query.integer("after").value_or(0);
  if (!call.last_event_id.empty()) {
    const auto last = parse_integer(call.last_event_id);
    if (!last || *last < 0)
      co_return problem(Error{Errc::invalid_argument,
                              "the stream cannot go on from there",
                              {{"@Last-Event-ID", "expected the id of an event of this run"}}});
    after = *last;
  }
  // Before the first look, so that what comes after it is not missed.
  RunWatch watch(call, run);
  bool begun = false;
  for (;;) {
    // Whether it has ended is asked first: what is read after that is then all there will be.
    const auto state = co_await read(call, [&] { return call.context.inspector.run(run); });
    if (!state) {
      if (begun) break;
      co_return problem(state.error());
    }
    const bool ended = state->ended_at.has_value();
    for (;;) {
      const auto page = co_await read(
          call, [&] { return call.context.inspector.history(run, events_per_read, after); });
      if (!page) co_return begun ? Response{.streamed = true} : problem(page.error());
      std::string text = begun ? "" : "retry: 1000\n\n";
      for (const auto& event : page->items) {
        fmt::format_to(std::back_inserter(text), "id: {}\nevent: {}\ndata: ", event.id, event.type);
        render_event(text, event);
        text += "\n\n";
        after = event.id;
      }
      begun = true;
      const bool sent = co_await call.peer.write(event_type, text);
      if (!sent) co_return Response{.streamed = true};
      if (page->items.size() < events_per_read) break;
    }
    if (ended) break;
    for (;;) {
      watch.set_limit(call.context.limits.event_keepalive);
      const auto change = co_await watch.changed();
      if (change == RunWatch::Change::interrupted) co_return Response{.streamed = true};
      if (change == RunWatch::Change::run) break;
      // Keeps proxies from giving up, and finds out about a client that vanished.
      const bool sent = co_await call.peer.write(event_type, ": \n\n");
      if (!sent) co_return Response{.streamed = true};
    }
  }
  co_return Response{.streamed = true};
}

}  // namespace sluice::api
