#include "cli/http.h"

#include <httplib.h>

#include "base/random.h"

namespace sluice::cli {
namespace {

constexpr int busy_tries_max = 5;
constexpr double busy_wait_seconds_max = 10;
constexpr int reconnects_max = 10;

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                       byte == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string with_query(const std::string& path, const Query& query) {
  std::string target = path;
  char separator = '?';
  for (const auto& [key, value] : query) {
    target += separator + percent_encode(key) + "=" + percent_encode(value);
    separator = '&';
  }
  return target;
}

struct Place {
  std::string scheme_host_port;
};

Place parse_url(const std::string& url) {
  const auto refuse = [&](const std::string& why) -> Failure {
    return Failure(Exit::usage, fmt::format("the server's address \"{}\" {}; expected for example "
                                            "http://127.0.0.1:7070 (--server, or SLUICE_SERVER)",
                                            printable(url), why));
  };
  std::string rest = url;
  std::string scheme = "http";
  if (const auto at = url.find("://"); at != std::string::npos) {
    scheme = url.substr(0, at);
    rest = url.substr(at + 3);
  }
  if (scheme != "http" && scheme != "https") throw refuse("is neither http nor https");
  while (!rest.empty() && rest.back() == '/') rest.pop_back();
  if (rest.empty()) throw refuse("names no host");
  if (rest.find_first_of("/?# ") != std::string::npos) throw refuse("has a path");
  return {scheme + "://" + rest};
}

double retry_after(const httplib::Response& response) {
  const std::string text = response.get_header_value("Retry-After");
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc() && end != text.data() ? seconds : 1.0;
}

std::string string_member(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

Json Answer::json() const {
  auto parsed = parse_json(text, {.refuse_duplicate_keys = false});
  if (parsed) return *std::move(parsed);
  throw Failure(Exit::server_error,
                fmt::format("the server's answer is not JSON ({}); is there something else at this "
                            "address? It began: {}",
                            parsed.error().detail, shorten(printable(text), 80)));
}

std::string path(const std::vector<std::string>& parts) {
  std::string out = "/v1";
  for (const auto& part : parts) out += "/" + percent_encode(part);
  return out;
}

std::string new_idempotency_key() {
  std::string key = "cli-";
  for (const char c : random_secret(16))
    key += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return key;
}

Exit exit_for(int http_status) {
  switch (http_status) {
    case 400:
    case 413:
    case 422:
      return Exit::invalid;
    case 404:
      return Exit::not_found;
    case 409:
      return Exit::conflict;
    case 429:
    case 503:
      return Exit::busy;
    default:
      return http_status >= 500 ? Exit::server_error : Exit::failed;
  }
}

std::string problem_text(const Answer& answer) {
  const auto parsed = parse_json(answer.text, {.refuse_duplicate_keys = false});
  if (!parsed || !parsed->is_object()) {
    const std::string said = shorten(printable(answer.text), 200);
    return fmt::format("the server answered {}{}{}", answer.status, said.empty() ? "" : ": ", said);
  }
  std::string text = string_member(*parsed, "detail");
  if (text.empty()) text = string_member(*parsed, "title");
  if (text.empty()) text = fmt::format("the server answered {}", answer.status);
  // Line breaks are ours to make; anything else the server passes on is shown escaped.
  text = printable(text);
  if (const auto code = string_member(*parsed, "code"); !code.empty())
    text += fmt::format(" ({})", printable(code));
  if (const auto it = parsed->find("errors"); it != parsed->end() && it->is_array()) {
    for (const auto& error : *it) {
      const std::string pointer = string_member(error, "pointer");
      text += fmt::format("\n  {}: {}", pointer.empty() ? "(whole)" : printable(pointer),
                          printable(string_member(error, "detail")));
    }
  }
  return text;
}

struct Client::Impl {
  explicit Impl(Place p) : place(std::move(p)), http(place.scheme_host_port) {
    http.set_keep_alive(true);
    http.set_url_encode(false);
    http.set_connection_timeout(5);
    http.set_tcp_nodelay(true);
  }

  Failure unreachable(httplib::Error error, bool sent) const {
    const std::string hint = fmt::format(
        "\n  Is it running? Start one with `sluice serve`, or name another with --server URL or "
        "SLUICE_SERVER.");
    switch (error) {
      case httplib::Error::Connection:
      case httplib::Error::ConnectionTimeout:
      case httplib::Error::BindIPAddress:
        return {Exit::unreachable,
                fmt::format("cannot reach a server at {}", place.scheme_host_port) + hint};
      case httplib::Error::SSLConnection:
      case httplib::Error::SSLLoadingCerts:
      case httplib::Error::SSLServerVerification:
        return {Exit::unreachable, fmt::format("cannot speak TLS with {} ({})",
                                               place.scheme_host_port, httplib::to_string(error))};
      default:
        return {Exit::unreachable,
                fmt::format("the connection to {} broke {} ({}){}", place.scheme_host_port,
                            sent ? "before the answer came" : "while sending",
                            httplib::to_string(error),
                            sent ? "; whether it was done is not known" : "")};
    }
  }

  httplib::Request raw(const Request& request) const {
    httplib::Request out;
    out.method = request.method;
    out.path = with_query(request.path, request.query);
    out.set_header("Accept", "application/json");
    if (!request.body.empty()) {
      out.body = request.body;
      out.set_header("Content-Type", "application/json");
    }
    if (!request.idempotency_key.empty())
      out.set_header("Idempotency-Key", request.idempotency_key);
    if (request.method == "GET") return out;
    if (!principal.empty()) out.set_header("Sluice-Principal", percent_encode(principal));
    if (!reason.empty()) out.set_header("Sluice-Reason", percent_encode(reason));
    return out;
  }

  // Sleeps, unless stop() ends it.
  void pause(double seconds) {
    std::unique_lock lock(mutex);
    wake.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return stopped.load(); });
  }

  const Place place;
  std::string principal, reason;
  httplib::Client http;
  std::atomic<bool> stopped = false;
  std::mutex mutex;
  std::condition_variable wake;
};

Client::Client(std::string url) : impl_(std::make_unique<Impl>(parse_url(url))) {}
Client::Client(const Context& context) : Client(context.server) {
  impl_->principal = context.env("SLUICE_PRINCIPAL");
  if (impl_->principal.empty()) impl_->principal = context.env("USER");
  impl_->reason = context.reason;
}
Client::~Client() = default;

const std::string& Client::url() const { return impl_->place.scheme_host_port; }

void Client::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
  }
  impl_->wake.notify_all();
  impl_->http.stop();
}

Answer Client::try_send(const Request& request) {
  const bool repeatable =
      request.method == "GET" || request.method == "PUT" || !request.idempotency_key.empty();
  for (int attempt = 1;; ++attempt) {
    impl_->http.set_read_timeout(static_cast<time_t>(request.timeout_seconds) + 1);
    httplib::Request raw = impl_->raw(request);
    httplib::Response response;
    auto error = httplib::Error::Success;
    if (!impl_->http.send(raw, response, error)) {
      const bool refused =
          error == httplib::Error::Connection || error == httplib::Error::ConnectionTimeout;
      // A connection that broke on the way is tried once more where a repeat does no harm; one that
      // was refused is told at once: waiting would only hide it.
      if (refused || !repeatable || attempt >= 2 || impl_->stopped)
        throw impl_->unreachable(error, error != httplib::Error::Write);
      continue;
    }
    Answer answer{.status = response.status,
                  .text = std::move(response.body),
                  .content_type = response.get_header_value("Content-Type"),
                  .retry_after_seconds = {}};
    if (response.has_header("Retry-After")) answer.retry_after_seconds = retry_after(response);
    // 429 changed nothing. A 503 may be an outcome that nobody knows.
    const bool again = answer.retry_after_seconds &&
                       (answer.status == 429 || (answer.status == 503 && repeatable));
    if (!again || attempt >= busy_tries_max || impl_->stopped) return answer;
    impl_->pause(std::clamp(*answer.retry_after_seconds, 0.0, busy_wait_seconds_max));
  }
}

Answer Client::send(const Request& request) {
  Answer answer = try_send(request);
  if (!answer.ok()) throw Failure(exit_for(answer.status), problem_text(answer));
  return answer;
}

bool Client::events(const std::string& path, const Query& query, std::string& last_id,
                    const std::function<bool(const ServerEvent&)>& on_event) {
  for (int broken = 0;;) {
    impl_->http.set_read_timeout(
        90);  // The server sends a comment now and then, so silence means it is gone.
    httplib::Request raw = impl_->raw({.path = path, .query = query});
    raw.set_header("Accept", "text/event-stream");
    if (!last_id.empty()) raw.set_header("Last-Event-ID", last_id);
    EventParser parser;
    int status = 0;
    bool asked_to_stop = false;
    std::string refusal;
    raw.response_handler = [&](const httplib::Response& response) {
      status = response.status;
      return true;
    };
    raw.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      if (status != 200) {
        refusal.append(data, size);
        return true;
      }
      broken = 0;
      asked_to_stop = !parser.feed({data, size}, [&](const ServerEvent& event) {
        if (!event.id.empty()) last_id = event.id;
        return on_event(event);
      });
      return !asked_to_stop;
    };
    httplib::Response response;
    auto error = httplib::Error::Success;
    const bool complete = impl_->http.send(raw, response, error);
    if (asked_to_stop || impl_->stopped) return false;
    if (status != 0 && status != 200 && status != 503) {
      const Answer answer{
          .status = status, .text = refusal, .content_type = {}, .retry_after_seconds = {}};
      throw Failure(exit_for(status), problem_text(answer));
    }
    if (complete && status == 200) return true;
    // Before the first answer a refusal is an error; later the server may be restarting.
    if (++broken > reconnects_max || (status == 0 && last_id.empty()))
      throw impl_->unreachable(error, true);
    impl_->pause(std::min(5.0, 0.2 * (1 << std::min(broken, 5))));
  }
}

bool EventParser::feed(std::string_view bytes,
                       const std::function<bool(const Client::ServerEvent&)>& on_event) {
  pending_.append(bytes);
  std::size_t start = 0;
  for (std::size_t end; (end = pending_.find('\n', start)) != std::string::npos; start = end + 1) {
    std::string_view text(pending_.data() + start, end - start);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (!line(text, on_event)) return false;
  }
  pending_.erase(0, start);
  return true;
}

bool EventParser::line(std::string_view text,
                       const std::function<bool(const Client::ServerEvent&)>& on_event) {
  if (text.empty()) {
    const bool go_on = !has_data_ || on_event(event_);
    event_ = {};
    has_data_ = false;
    return go_on;
  }
  const auto colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (name == "id")
    event_.id = value;
  else if (name == "event")
    event_.event = value;
  else if (name == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
  return true;
}

}  // namespace sluice::cli
