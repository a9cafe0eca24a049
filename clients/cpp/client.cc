#include "clients/client.h"

#include <mutex>

#include <httplib.h>

#include "base/json_text.h"

namespace sluice::clients {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// A JSON object from names and values that are JSON already.
class Body {
 public:
  Body& raw(std::string_view name, std::string_view json) {
    text_ += text_.size() > 1 ? "," : "";
    append_json_string(text_, name);
    text_ += ':';
    text_ += json;
    return *this;
  }
  Body& text(std::string_view name, std::string_view value) { return raw(name, quoted(value)); }
  Body& text_if(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  Body& seconds_if(std::string_view name, std::chrono::milliseconds value) {
    if (value.count() <= 0) return *this;
    return raw(name, fmt::format("{}", static_cast<double>(value.count()) / 1000));
  }
  Body& number_if(std::string_view name, std::optional<int> value) {
    return value ? raw(name, std::to_string(*value)) : *this;
  }
  Body& texts_if(std::string_view name,
                 const std::vector<std::pair<std::string, std::string>>& values) {
    if (values.empty()) return *this;
    Body inner;
    for (const auto& [key, value] : values) inner.text(key, value);
    return raw(name, inner.done());
  }
  std::string done() const { return text_ + '}'; }

 private:
  std::string text_ = "{";
};

std::string start_body(const Client::Start& start) {
  return Body()
      .raw("input", start.input)
      .text_if("name", start.name)
      .number_if("priority", start.priority)
      .texts_if("labels", start.labels)
      .done();
}

Errc code_named(std::string_view name, int status) {
  for (int n = 0; n <= static_cast<int>(Errc::unsupported); ++n)
    if (to_string(static_cast<Errc>(n)) == name) return static_cast<Errc>(n);
  if (status == 404) return Errc::not_found;
  if (status == 409) return Errc::conflict;
  if (status == 413) return Errc::too_large;
  if (status == 429) return Errc::overloaded;
  return status >= 500 ? Errc::unavailable : Errc::invalid_argument;
}

// RFC 9457, or whatever stands between us and the server.
Error error_of(int status, const std::string& body) {
  const auto problem = parse_json(body);
  if (!problem || !problem->is_object())
    return make_error(code_named("", status),
                      fmt::format("HTTP {}: {}", status, body.substr(0, 200)));
  const auto text = [](const Json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  Error error = make_error(code_named(text(*problem, "code"), status), text(*problem, "detail"));
  if (error.detail.empty()) error.detail = text(*problem, "title");
  if (const auto errors = problem->find("errors"); errors != problem->end() && errors->is_array())
    for (const Json& one : *errors)
      if (one.is_object()) error.problems.push_back({text(one, "pointer"), text(one, "detail")});
  return error;
}

Status nothing_more(const Result<Json>& answer) {
  if (!answer) return answer.error();
  return ok();
}

}  // namespace

std::string path_segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

struct Client::Impl {
  explicit Impl(Options given) : options(std::move(given)), http(options.host, options.port) {
    http.set_keep_alive(true);
    http.set_tcp_nodelay(true);
    http.set_connection_timeout(options.timeout);
    http.set_write_timeout(options.timeout);
  }
  const Options options;
  std::mutex mutex;
  httplib::Client http;  // guarded by mutex
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::Client() : Client(Options{}) {}
Client::~Client() = default;

Result<Json> Client::call(std::string_view method, std::string_view path, std::string_view body,
                          std::string_view idempotency_key) {
  httplib::Request request;
  request.method = std::string(method);
  request.path = std::string(path);
  request.body = std::string(body);
  if (!body.empty()) request.set_header("Content-Type", "application/json");
  if (!impl_->options.authorization.empty())
    request.set_header("Authorization", impl_->options.authorization);
  if (!idempotency_key.empty()) request.set_header("Idempotency-Key", std::string(idempotency_key));
  const std::lock_guard lock(impl_->mutex);
  // A wait that is asked for in the path comes on top; its upper bound serves for all.
  const bool waits = path.find("wait=") != std::string_view::npos;
  impl_->http.set_read_timeout(impl_->options.timeout + std::chrono::seconds(waits ? 60 : 0));
  const auto response = impl_->http.send(request);
  if (!response)
    return make_error(Errc::unavailable,
                      fmt::format("no answer from {}:{} ({})", impl_->options.host,
                                  impl_->options.port, httplib::to_string(response.error())));
  if (response->status >= 400) return error_of(response->status, response->body);
  if (response->body.empty()) return Json(nullptr);
  return parse_json(response->body);
}

Result<Json> Client::deploy(std::string_view name, std::string_view definition) {
  return call("PUT", "/v1/workflows/" + path_segment(name), definition);
}

Result<std::string> Client::start(std::string_view workflow, const Start& start) {
  const auto answer = call("POST", "/v1/workflows/" + path_segment(workflow) + "/runs",
                           start_body(start), start.idempotency_key);
  if (!answer) return answer.error();
  const auto id = answer->is_object() ? answer->find("id") : answer->end();
  if (id == answer->end() || !id->is_string())
    return make_error(Errc::unavailable, "expected the run's id in the answer, found none");
  return id->get<std::string>();
}

Result<Json> Client::run(std::string_view id) {
  return call("GET", "/v1/runs/" + path_segment(id));
}

Result<Json> Client::start_and_wait(std::string_view workflow, const Start& start,
                                    std::chrono::seconds wait) {
  return call("POST",
              fmt::format("/v1/workflows/{}/runs?wait={}", path_segment(workflow), wait.count()),
              start_body(start), start.idempotency_key);
}

Status Client::cancel(std::string_view run, std::string_view cause) {
  return nothing_more(call("POST", "/v1/runs/" + path_segment(run) + "/cancel",
                           Body().text_if("cause", cause).done()));
}

Result<Json> Client::send(std::string_view queue, const std::vector<Message>& messages,
                          std::string_view idempotency_key) {
  std::string list = "[";
  for (const Message& message : messages) {
    if (list.size() > 1) list += ',';
    list += Body()
                .raw("body", message.body)
                .texts_if("headers", message.headers)
                .number_if("priority", message.priority)
                .seconds_if("delay_seconds", message.delay)
                .text_if("dedup_id", message.dedup_id)
                .text_if("order_key", message.order_key)
                .done();
  }
  return call("POST", "/v1/queues/" + path_segment(queue) + "/messages",
              Body().raw("messages", list + ']').done(), idempotency_key);
}

Result<Json> Client::queue(std::string_view name) {
  return call("GET", "/v1/queues/" + path_segment(name));
}

Status Client::complete(std::string_view token, std::string_view output) {
  return nothing_more(call("POST", "/v1/tasks/" + path_segment(token) + "/complete",
                           Body().raw("output", output).done()));
}

Status Client::fail(std::string_view token, std::string_view error, std::string_view cause) {
  return nothing_more(call("POST", "/v1/tasks/" + path_segment(token) + "/fail",
                           Body().text("error", error).text_if("cause", cause).done()));
}

Status Client::heartbeat(std::string_view token) {
  return nothing_more(call("POST", "/v1/tasks/" + path_segment(token) + "/heartbeat", "{}"));
}

Status Client::release(std::string_view token, std::chrono::milliseconds delay) {
  return nothing_more(call("POST", "/v1/tasks/" + path_segment(token) + "/release",
                           Body().seconds_if("delay_seconds", delay).done()));
}

}  // namespace sluice::clients
