#include "outbound/http_call.h"

#include <fmt/core.h>
#include <httplib.h>

#include <mutex>

#include "base/json_text.h"
#include "outbound/address.h"

namespace sluice::outbound {
namespace {

using workflows::Evaluated;
using workflows::Failure;

constexpr Duration connect_timeout = seconds(10);
constexpr std::size_t cause_body_bytes_max = 1'000;
constexpr std::size_t headers_max = 200;

std::chrono::microseconds chrono(Duration d) { return std::chrono::microseconds(d.us); }

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Valid UTF-8: what a JSON string can hold.
bool is_text(const std::string& bytes) {
  std::string quoted;
  append_json_string(quoted, bytes);
  return check_json(quoted).has_value();
}

Evaluated<Doc> result_of(const httplib::Response& response, const std::string& body) {
  const std::string reason = is_text(response.reason) ? response.reason : std::string();
  const bool text_good = is_text(body);
  if (response.status < 200 || response.status > 299) {
    std::string cause = fmt::format("{} {}", response.status, reason);
    if (response.has_header("Location"))
      cause += fmt::format(" to {} (redirects are not followed)",
                           response.get_header_value("Location").substr(0, 500));
    if (text_good && !body.empty())
      cause += ": " + workflows::excerpt(Json(body), cause_body_bytes_max);
    return Failure{fmt::format("Http.{}xx", response.status / 100), std::move(cause)};
  }
  Json result = Json::object();
  result["StatusCode"] = response.status;
  result["StatusText"] = reason;
  Json headers = Json::object();
  for (const auto& [name, value] : response.headers) {
    const std::string key = lower(name);
    if (headers.size() >= headers_max) break;
    if (!is_text(key) || !is_text(value)) continue;
    if (!headers.contains(key)) headers[key] = Json::array();
    headers[key].push_back(value);
  }
  result["Headers"] = std::move(headers);
  const std::string type = lower(response.get_header_value("Content-Type"));
  if (type.find("json") != std::string::npos) {
    if (auto parsed = parse_json(body, {.refuse_duplicate_keys = false})) {
      result["ResponseBody"] = *std::move(parsed);
      return Doc::from_json(std::move(result));
    }
  }
  if (!text_good)
    return Failure{"Http.BadResponse",
                   "the answer's body is neither JSON nor text in UTF-8, so no document can hold "
                   "it; have a worker call this address"};
  result["ResponseBody"] = body;
  return Doc::from_json(std::move(result));
}

}  // namespace

struct HttpCall::State {
  std::mutex mutex;
  httplib::Client* client = nullptr;  // while it calls
  bool aborted = false;
  bool timed_out = false;
};

HttpCall::HttpCall() : state_(std::make_unique<State>()) {}
HttpCall::~HttpCall() = default;

void HttpCall::abort(bool timed_out) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->aborted) state_->timed_out = timed_out;
  state_->aborted = true;
  if (state_->client != nullptr) state_->client->stop();
}

Evaluated<Doc> HttpCall::run(const HttpRequest& request, const std::string& idempotency_key,
                             const Rules& rules) {
  auto addresses = resolve(request.host);
  if (!addresses) return Failure{"Http.Connect", addresses.error().detail};
  if (!rules.allow_private)
    for (const std::string& address : *addresses)
      if (!is_public(address))
        return Failure{
            "Http.AddressRefused",
            fmt::format("\"{}\" has the address {}, which is not public; a server started with "
                        "--allow-private-http calls it",
                        request.host, address)};

  const bool six = request.host.find(':') != std::string::npos;
  httplib::Client client(fmt::format("{}://{}{}{}:{}", request.tls ? "https" : "http",
                                     six ? "[" : "", request.host, six ? "]" : "", request.port));
  if (!client.is_valid())
    return Failure{"Http.Connect", "this address cannot be called: " + request.host};
  client.set_follow_location(false);
  client.enable_server_certificate_verification(true);
  client.set_connection_timeout(chrono(std::min(connect_timeout, request.timeout)));
  client.set_read_timeout(chrono(request.timeout));
  client.set_write_timeout(chrono(request.timeout));
  client.set_keep_alive(false);
  client.set_decompress(true);
  {
    const std::lock_guard lock(state_->mutex);
    state_->client = &client;
  }
  struct Leave {
    State& state;
    ~Leave() {
      const std::lock_guard lock(state.mutex);
      state.client = nullptr;
    }
  } leave{*state_};

  httplib::Response response;
  httplib::Error error = httplib::Error::Unknown;
  std::string body;
  bool too_large = false;
  bool done = false;
  for (const std::string& address : *addresses) {
    client.set_hostname_addr_map({{request.host, address}});
    httplib::Request outgoing;
    outgoing.method = request.method;
    outgoing.path = request.target;
    for (const auto& [name, value] : request.headers) outgoing.headers.emplace(name, value);
    outgoing.headers.emplace("Idempotency-Key", idempotency_key);
    outgoing.body = request.body;
    body.clear();
    outgoing.content_receiver = [&](const char* data, std::size_t size, std::uint64_t,
                                    std::uint64_t) {
      too_large = body.size() + size > rules.response_bytes_max;
      if (!too_large) body.append(data, size);
      const std::lock_guard lock(state_->mutex);
      return !too_large && !state_->aborted;
    };
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->aborted) break;
    }
    response = {};
    done = client.send(outgoing, response, error);
    // Only a connection that was never made may be tried elsewhere.
    if (done || error != httplib::Error::Connection) break;
  }
  if (too_large)
    return Failure{"Http.BadResponse",
                   fmt::format("the answer is larger than the payload limit of {} bytes",
                               rules.response_bytes_max)};
  bool timed_out = false;
  {
    const std::lock_guard lock(state_->mutex);
    timed_out = state_->timed_out;
  }
  if (done && !timed_out) return result_of(response, body);
  if (timed_out || error == httplib::Error::ConnectionTimeout)
    return Failure{"Http.Timeout",
                   fmt::format("no whole answer from {} within {} s; the request may have been "
                               "handled",
                               request.host, static_cast<double>(request.timeout.us) / 1e6)};
  return Failure{"Http.Connect",
                 fmt::format("{}:{}: {}", request.host, request.port, httplib::to_string(error))};
}

}  // namespace sluice::outbound
