// Dead letters: list, group, show, replay, drop.
#include "api/answers.h"
#include "api/body.h"
#include "api/by.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

std::string render_groups(const DeadLetterGroups& found) {
  std::string out;
  Object answer(out);
  answer.key("items");
  {
    Array list(out);
    for (const auto& group : found.groups) {
      list.next();
      Object object(out);
      object.text("error", group.error);
      object.text("queue", group.queue);
      object.integer("count", group.count);
      object.time("first", group.first);
      object.time("last", group.last);
      object.id("example", group.example);
    }
  }
  answer.null("next");
  answer.flag("complete", found.complete);
  answer.close();
  return out;
}

asio::awaitable<Response> list(Call& call, std::optional<std::string> queue) {
  DeadLetterFilter filter{.queue = queue ? queue : call.query.text("queue"),
                          .workflow = call.query.text("workflow"),
                          .error = call.query.text("error"),
                          .status = call.query.text("status"),
                          .run = std::nullopt,
                          .kind = call.query.text("kind"),
                          .since = call.query.time("since"),
                          .until = call.query.time("until"),
                          .text = call.query.text("q")};
  for (const auto label : call.query.all("label")) {
    const auto colon = label.find(':');
    if (colon == std::string_view::npos || colon == 0)
      co_return problem(
          Error{Errc::invalid_argument,
                "the query parameters are not what was expected",
                {{"?label", fmt::format("expected key:value, found \"{}\"", label)}}});
    filter.labels.emplace_back(label.substr(0, colon), label.substr(colon + 1));
  }
  if (const auto run = call.query.text("run")) {
    filter.run = parse_id<struct RunTag>(*run);
    if (!filter.run)
      co_return problem(Error{Errc::invalid_argument,
                              "the query parameters are not what was expected",
                              {{"?run", "expected the id of a run"}}});
  }
  if (call.query.text("group_by")) {
    const auto found =
        co_await read(call, [&] { return call.context.inspector.dead_letter_groups(filter); });
    co_return json(200, render_groups(found));
  }
  const auto page = co_await read(call, [&] {
    return call.context.inspector.dead_letters(filter, page_limit(call), call.query.text("cursor"));
  });
  co_return json(200, render_page(page.items, page.next, render_dead_letter));
}

asio::awaitable<Response> list_all(Call& call) { return list(call, std::nullopt); }
asio::awaitable<Response> list_of_queue(Call& call) { return list(call, call.path[0]); }

asio::awaitable<Response> get_dead_letter(Call& call) {
  const auto id = id_in_path<struct DeadLetterTag>(call, "dead letter");
  if (!id) co_return problem(id.error());
  const auto letter = co_await read(call, [&] { return call.context.inspector.dead_letter(*id); });
  if (!letter) co_return problem(letter.error());
  std::string out;
  render_dead_letter_detail(out, *letter);
  co_return json(200, std::move(out));
}

asio::awaitable<Response> replay_one(Call& call) {
  const auto id = id_in_path<struct DeadLetterTag>(call, "dead letter");
  if (!id) co_return problem(id.error());
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  ReplayDeadLetter command{.id = *id,
                           .input = optional_doc(*body, "input"),
                           .from = optional_text(*body, "from"),
                           .version = body->optional_integer("version", 1, INT64_MAX),
                           .edit = optional_edit(*body),
                           .force = body->optional_boolean("force").value_or(false)};
  if (command.input && command.edit)
    body->problem("input", "expected input, merge or patch, not two of them");
  read_reason(*body, call.by);
  if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  co_return co_await change(call, std::move(command), RenderDone{});
}

asio::awaitable<Response> drop_one(Call& call) {
  const auto id = id_in_path<struct DeadLetterTag>(call, "dead letter");
  if (!id) co_return problem(id.error());
  // In the body, or in the query for clients that cannot send a body with DELETE.
  std::string reason = call.query.text("reason").value_or("");
  if (!call.body.empty() || reason.empty()) {
    auto body = open_body(call);
    if (!body) co_return problem(body.error());
    reason = body->required_string("reason");
    if (body->has("reason") && reason.empty())
      body->problem("reason", "expected why it is dropped");
    if (auto checked = body->finish(); !checked) co_return problem(checked.error());
  }
  call.by.reason = reason;
  DropDeadLetter command{.id = *id, .reason = std::move(reason)};
  co_return co_await change(call, std::move(command), RenderDone{});
}

struct RenderReplayed {
  Response operator()(const ReplayDeadLetters::Reply& reply) const {
    std::string out;
    Object object(out);
    object.integer("replayed", reply.replayed);
    object.integer("refused", reply.refused);
    object.integer("remaining", reply.remaining);
    object.close();
    return json(200, std::move(out));
  }
};

asio::awaitable<Response> replay_many(Call& call) {
  auto body = open_body(call);
  if (!body) co_return problem(body.error());
  ReplayDeadLetters command{.queue = call.path[0], .error = std::nullopt};
  command.limit = body->optional_integer("limit", 1, static_cast<std::int64_t>(batch_items_max))
                      .value_or(command.limit);
  read_reason(*body, call.by);
  Problems problems;
  if (const auto raw = body->optional_raw("filter"); raw && *raw != "null") {
    auto filter = Envelope::scan(*raw, body->pointer("filter"));
    if (filter) {
      command.error = optional_text(*filter, "error");
      problems.add(filter->finish());
    } else {
      problems.add(filter.error());
    }
  }
  problems.add(body->finish());
  if (problems.any()) co_return problem(problems.error());
  co_return co_await change(call, std::move(command), RenderReplayed{});
}

std::vector<Parameter> filters(bool with_queue) {
  using Kind = Parameter::Kind;
  std::vector<Parameter> all{
      {"workflow", Kind::text, "of this workflow"},
      {"run", Kind::text, "of this run"},
      {"error", Kind::text, "with this error name"},
      {"kind", Kind::choice, "of this kind", 0, 0, "stage|state|queue|binding|compensation"},
      {"since", Kind::time, "at this time or later"},
      {"until", Kind::time, "before this time"},
      {"label", Kind::text, "key:value, of its run; several must all match", 0, 0, "", true},
      {"q", Kind::text, "part of the error, cause, state or id"},
      {"status", Kind::choice, "in this status (default OPEN)", 0, 0,
       "OPEN|REPLAYED|DROPPED|COMPENSATED"},
      {"group_by", Kind::choice, "counts by error and queue instead", 0, 0, "error"}};
  if (with_queue) all.insert(all.begin(), {"queue", Kind::text, "of this queue"});
  return with_page(std::move(all), Kind::id);
}

}  // namespace

std::vector<Route> dead_letter_routes() {
  return {
      {.method = Method::get,
       .path = "/v1/dead-letters",
       .handler = list_all,
       .operation = "listDeadLetters",
       .tag = "dead letters",
       .summary = "Dead letters, newest first",
       .query = filters(true),
       .answers = {{200, "a page, or groups", "DeadLetterPage"}}},
      {.method = Method::get,
       .path = "/v1/queues/{queue}/dead-letters",
       .handler = list_of_queue,
       .operation = "listDeadLettersOfQueue",
       .tag = "dead letters",
       .summary = "Dead letters of one queue",
       .query = filters(false),
       .answers = {{200, "a page, or groups", "DeadLetterPage"}}},
      {.method = Method::get,
       .path = "/v1/dead-letters/{id}",
       .handler = get_dead_letter,
       .operation = "getDeadLetter",
       .tag = "dead letters",
       .summary = "The message, why, every attempt",
       .answers = {{200, "the dead letter", "DeadLetter"}, {404, "unknown", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/dead-letters/{id}/replay",
       .handler = replay_one,
       .operation = "replayDeadLetter",
       .tag = "dead letters",
       .summary = "Try again, with the same input or an edited one",
       .body = Body::optional,
       .request = "ReplayDeadLetter",
       .takes_idempotency_key = true,
       .answers = {{200, "replayed", "Done"},
                   {404, "unknown", "Problem"},
                   {409, "it is not open; or set aside, and not forced", "Problem"},
                   {422, "no such state; or it is of no run", "Problem"}}},
      {.method = Method::delete_,
       .path = "/v1/dead-letters/{id}",
       .handler = drop_one,
       .operation = "dropDeadLetter",
       .tag = "dead letters",
       .summary = "Drop it, with a reason",
       .query = {{"reason", Parameter::Kind::text, "why, if not in the body"}},
       .body = Body::optional,
       .request = "DropDeadLetter",
       .answers = {{200, "dropped", "Done"},
                   {404, "unknown", "Problem"},
                   {409, "it is not open", "Problem"}}},
      {.method = Method::post,
       .path = "/v1/queues/{queue}/dead-letters/replay",
       .handler = replay_many,
       .operation = "replayDeadLetters",
       .tag = "dead letters",
       .summary = "Replay the queue's open dead letters, oldest first",
       .body = Body::optional,
       .request = "ReplayDeadLetters",
       .takes_idempotency_key = true,
       .answers = {{200, "how many", "Replayed"}}},
  };
}

}  // namespace sluice::api
