#include "api/answers.h"

#include <openssl/evp.h>

#include "api/router.h"
#include "api/run_watch.h"

namespace sluice::api {
namespace {

std::string sha256(std::initializer_list<std::string_view> parts) {
  std::string digest(32, '\0');
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  bool fine = context && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1;
  for (const auto part : parts) {
    // Each part with its length, so that no two requests hash the same text.
    const std::uint64_t size = part.size();
    fine = fine && EVP_DigestUpdate(context, &size, sizeof size) == 1 &&
           EVP_DigestUpdate(context, part.data(), part.size()) == 1;
  }
  fine = fine &&
         EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1;
  EVP_MD_CTX_free(context);
  SLUICE_CHECK(fine, "SHA-256 of the crypto library");
  return digest;
}

}  // namespace

orchestrator::Engine::Idempotency idempotency_of(const Call& call) {
  std::string place;
  for (const auto& part : call.path) (place += part) += '\n';
  for (const auto& [name, value] : call.query.items()) ((place += name) += '=') += value + '\n';
  return {.key = std::string(to_string(call.route->method)) + " " + std::string(call.route->path) +
                 " " + call.idempotency_key,
          .fingerprint = sha256({place, call.body})};
}

// "201 {…}"
std::string keep(const Response& response) {
  return fmt::format("{} {}", response.status, response.body);
}

Response recall(std::string_view kept) {
  const auto space = kept.find(' ');
  const auto status = parse_integer(kept.substr(0, space));
  SLUICE_CHECK(status && space != std::string_view::npos, "a kept answer as keep() writes it");
  Response response = json(static_cast<int>(*status), std::string(kept.substr(space + 1)));
  if (response.status >= 400) response.content_type = "application/problem+json";
  return response;
}

asio::awaitable<void> wait_for_end(Call& call, RunId run, Duration limit) {
  RunWatch watch(call, run);
  watch.set_limit(limit);
  // Looked at after the watch began, so that an end in between is seen one way or the other.
  const auto found = co_await read(call, [&] { return call.context.inspector.run(run); });
  if (!found || found->ended_at) co_return;
  while (!watch.ended()) {
    const auto change = co_await watch.changed();
    if (change != RunWatch::Change::run) co_return;
  }
}

asio::awaitable<Result<std::vector<orchestrator::Delivery>>> lease(
    Call& call, orchestrator::LeaseRequest request) {
  using Tasks = std::vector<orchestrator::Delivery>;
  auto& engine = call.context.engine;
  const bool waits = request.wait > Duration{};
  bool interrupted = false;
  auto start = [&, request = std::move(request)](auto answered) mutable {
    const std::uint64_t waiting = engine.lease(std::move(request), std::move(answered));
    if (!waits || waiting == 0) return;
    call.peer.watch([&engine, &interrupted, waiting] {
      interrupted = true;
      engine.cancel_lease(waiting);
    });
  };
  Result<Tasks> tasks = co_await from_engine<Tasks>(std::move(start));
  call.peer.leave();
  if (interrupted && !tasks) co_return Tasks{};
  // The answer and the hang-up crossed: nobody will work on these.
  if (tasks && call.peer.gone())
    for (const auto& task : *tasks)
      engine.submit(orchestrator::ReleaseTask{.token = task.token}, [](const Status&) {});
  co_return std::move(tasks);
}

// ---- how things look
// ------------------------------------------------------------------------------------

void render_task(std::string& out, const orchestrator::Delivery& task) {
  Object object(out);
  object.text("token", task.token);
  object.id("id", task.id);
  object.text("queue", task.queue);
  object.doc("body", task.body);
  object.raw("headers",
             task.headers.empty() ? std::string_view("{}") : std::string_view(task.headers));
  object.integer("attempt", task.attempt);
  object.time("lease_until", task.lease_until);
  if (task.run) {
    object.id("run", *task.run);
    object.text("workflow", task.workflow);
    object.text("state", task.state);
  }
  object.text("idempotency_key", task.idempotency_key);
}

void render_tasks(std::string& out, const std::vector<orchestrator::Delivery>& tasks) {
  Array list(out);
  for (const auto& task : tasks) {
    list.next();
    render_task(out, task);
  }
}

namespace {

void put_string_map(std::string& out, Object& object, std::string_view name,
                    const std::vector<std::pair<std::string, std::string>>& entries) {
  object.key(name);
  out += '{';
  bool first = true;
  for (const auto& [key, value] : entries) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
  }
  out += '}';
}

void put_run(std::string& out, Object& object, const orchestrator::RunSummary& run) {
  object.id("id", run.id);
  object.text("workflow", run.workflow);
  object.integer("version", run.version);
  object.text_if("name", run.name);
  object.text("status", run.status);
  object.time("started_at", run.started_at);
  if (run.ended_at) object.time("ended_at", *run.ended_at);
  object.text_if("error", run.error);
  put_string_map(out, object, "labels", run.labels);
}

void put_dead_letter(Object& object, const orchestrator::DeadLetterSummary& letter) {
  object.id("id", letter.id);
  object.text("kind", letter.kind);
  object.text("status", letter.status);
  object.text_if("queue", letter.queue);
  if (letter.run) {
    object.id("run", *letter.run);
    object.text("workflow", letter.workflow);
    object.text("state", letter.state);
  }
  if (!letter.binding.empty()) {
    object.text("topic", letter.topic);
    object.text("binding", letter.binding);
    object.text("key", letter.key);
  }
  object.text("error", letter.error);
  object.text("cause", letter.cause);
  object.time("at", letter.at);
  object.integer("attempts", letter.attempts);
  if (letter.replays > 0) object.integer("replays", letter.replays);
  if (letter.set_aside) object.flag("set_aside", true);
}

// A Json that nothing was put into is null; what a client expects there is an object.
std::string object_text(const Json& value) { return value.is_null() ? "{}" : to_text(value); }

}  // namespace

void render_run(std::string& out, const orchestrator::RunSummary& run) {
  Object object(out);
  put_run(out, object, run);
}

void render_run_detail(std::string& out, const orchestrator::RunDetail& run) {
  Object object(out);
  put_run(out, object, run);
  object.doc("input", run.input);
  object.doc("output", run.output);
  if (run.cause) object.text("cause", *run.cause);
  if (run.not_before) object.time("not_before", *run.not_before);
  object.integer("redrives", run.redrives);
  if (run.dead_letter) object.id("dead_letter", *run.dead_letter);
  if (!run.compensations.empty()) {
    object.key("compensations");
    Array list(out);
    for (const auto& each : run.compensations) {
      list.next();
      Object item(out);
      item.text("state", each.state);
      item.id("frame", each.frame);
      item.text("status", each.status);
    }
  }
  object.key("waiting_for");
  render_waiting_for(out, run.waiting_for);
}

void render_waiting_for(std::string& out, const std::vector<orchestrator::WaitingFor>& frames) {
  Array list(out);
  for (const auto& frame : frames) {
    list.next();
    Object object(out);
    object.id("frame", frame.frame);
    object.text("state", frame.state);
    object.text("kind", frame.kind);
    object.text("name", frame.name);
    object.time("since", frame.since);
    object.text("sentence", frame.sentence);
    object.raw("detail", object_text(frame.detail));
  }
}

void render_event(std::string& out, const orchestrator::HistoryEvent& event) {
  Object object(out);
  object.integer("id", event.id);
  object.text("type", event.type);
  object.time("at", event.at);
  object.text_if("state", event.state);
  object.id("frame", event.frame);
  object.raw("detail", object_text(event.detail));
}

void render_queue(std::string& out, const orchestrator::QueueStats& queue, WallTime now) {
  Object object(out);
  object.text("name", queue.name);
  object.integer("ready", queue.ready);
  object.integer("delayed", queue.delayed);
  object.integer("blocked", queue.blocked);
  object.integer("leased", queue.leased);
  object.integer("held", queue.held);
  object.integer("dead", queue.dead);
  object.integer("depth", queue.depth());
  if (queue.oldest)
    object.number("oldest_age_seconds",
                  static_cast<double>(std::max<std::int64_t>((now - *queue.oldest).us, 0)) / 1e6);
  else
    object.null("oldest_age_seconds");
  object.integer("consumers", queue.consumers);
  object.flag("paused", queue.paused);
  object.integer("waiting", queue.waiting);
  if (queue.breaker) {
    object.key("breaker");
    Object breaker(out);
    breaker.text("state", queue.breaker->half_open ? "half_open" : "open");
    breaker.time("since", queue.breaker->since);
    breaker.text("reason", queue.breaker->reason);
    if (queue.breaker->probe_at) breaker.time("probe_at", *queue.breaker->probe_at);
  }
  if (queue.next_token_at)
    object.time("next_token_at", *queue.next_token_at);
  else
    object.null("next_token_at");
  object.key("since_start");
  {
    Object counts(out);
    counts.integer("sent", static_cast<std::int64_t>(queue.sent));
    counts.integer("acknowledged", static_cast<std::int64_t>(queue.acknowledged));
    counts.integer("failed", static_cast<std::int64_t>(queue.failed));
    counts.integer("redelivered", static_cast<std::int64_t>(queue.redelivered));
  }
  object.raw("settings", to_text(workflows::to_json(queue.settings)));
  object.flag("settings_by_operator", queue.settings_by_operator);
}

void render_message(std::string& out, const orchestrator::PeekedMessage& message) {
  Object object(out);
  object.id("id", message.id);
  object.text("status", message.status);
  object.doc("body", message.body);
  object.raw("headers", object_text(message.headers));
  object.integer("priority", message.priority);
  object.integer("attempt", message.attempt);
  object.time("sent_at", message.sent_at);
  if (message.run) object.id("run", *message.run);
  object.text_if("worker", message.worker);
  object.text_if("order_key", message.order_key);
}

void put_published(Object& object, const orchestrator::PublishMessages::Published& message) {
  object.integer("status", 201);
  object.integer("routed", message.routed);
  object.integer("dead_letters", message.dead_letters);
  if (message.queued) object.flag("queued", true);
}

void render_dead_letter(std::string& out, const orchestrator::DeadLetterSummary& letter) {
  Object object(out);
  put_dead_letter(object, letter);
}

void render_dead_letter_detail(std::string& out, const orchestrator::DeadLetterDetail& letter) {
  Object object(out);
  put_dead_letter(object, letter);
  object.doc("body", letter.body);
  object.raw("headers", object_text(letter.headers));
  object.raw("attempt_list", letter.attempt_list.is_null() ? "[]" : to_text(letter.attempt_list));
  object.text_if("reason", letter.reason);
}

}  // namespace sluice::api
