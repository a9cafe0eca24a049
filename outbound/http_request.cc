#include "outbound/http_request.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.h"

namespace sluice::outbound {
namespace {

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~')
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

struct Parser {
  HttpRequest request;
  std::vector<Problem> problems;

  void problem(std::string pointer, std::string detail) {
    problems.push_back({std::move(pointer), std::move(detail)});
  }

  void url(const std::string& pointer, const Json& value) {
    constexpr const char* expected =
        "expected http://HOST[:PORT][/PATH] or https://…, without user name, '#' and white space";
    if (!value.is_string()) return problem(pointer, expected);
    const auto& text = value.get_ref<const std::string&>();
    std::string_view rest = text;
    if (rest.starts_with("https://")) {
      request.tls = true;
      request.port = 443;
      rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
      rest.remove_prefix(7);
    } else {
      return problem(pointer, expected);
    }
    const bool clean = std::all_of(rest.begin(), rest.end(), [](char c) {
      return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7F &&
             c != '#' && c != '\\' && c != '"' && c != '<' && c != '>';
    });
    if (!clean) return problem(pointer, expected);
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    std::string_view place = rest.substr(0, end);
    request.target = rest.substr(end);
    if (!request.target.starts_with('/')) request.target.insert(0, "/");
    std::string_view port;
    if (place.starts_with('[')) {
      const std::size_t close = place.find(']');
      if (close == std::string_view::npos) return problem(pointer, expected);
      request.host = place.substr(1, close - 1);
      port = place.substr(close + 1);
    } else {
      const std::size_t colon = std::min(place.find(':'), place.size());
      request.host = place.substr(0, colon);
      port = place.substr(colon);
    }
    const bool host_good = !request.host.empty() && request.host.size() <= 255 &&
                           std::all_of(request.host.begin(), request.host.end(), [&](char c) {
                             return letter_or_digit(c) || c == '-' || c == '.' || c == '_' ||
                                    (place.starts_with('[') && c == ':');
                           });
    if (!host_good) return problem(pointer, expected);
    if (port.empty()) return;
    port.remove_prefix(1);
    const auto [stop, error] =
        std::from_chars(port.data(), port.data() + port.size(), request.port);
    if (error != std::errc() || stop != port.data() + port.size() || request.port == 0)
      problem(pointer, "expected a port from 1 to 65535");
  }

  void method(const std::string& pointer, const Json& value) {
    constexpr std::array<std::string_view, 7> known = {"GET",    "POST", "PUT",    "PATCH",
                                                       "DELETE", "HEAD", "OPTIONS"};
    if (value.is_string())
      for (const std::string_view each : known)
        if (value == each) {
          request.method = each;
          return;
        }
    problem(pointer, "expected GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS");
  }

  void headers(const std::string& pointer, const Json& value) {
    if (!value.is_object()) return problem(pointer, "expected an object of strings");
    constexpr std::array<std::string_view, 7> ours = {
        "host", "content-length", "transfer-encoding", "connection", "idempotency-key", "upgrade",
        "te"};
    for (const auto& [name, text] : value.items()) {
      const std::string at = pointer + '/' + pointer_token(name);
      const bool named = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return letter_or_digit(c) ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
      });
      const std::string small = lower(name);
      if (!named) {
        problem(at, "expected the name of a header");
      } else if (std::find(ours.begin(), ours.end(), small) != ours.end()) {
        problem(at, "this header is the server's to set; leave it away");
      } else if (!text.is_string()) {
        problem(at, "expected a string");
      } else {
        const auto& content = text.template get_ref<const std::string&>();
        if (std::any_of(content.begin(), content.end(), [](char c) {
              return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
            }))
          problem(at, "expected a value without control characters");
        else
          request.headers.emplace_back(name, content);
      }
    }
  }

  void query(const std::string& pointer, const Json& value) {
    if (!value.is_object())
      return problem(pointer, "expected an object of strings, numbers, booleans or lists of them");
    const auto plain = [](const Json& each) {
      return each.is_string() || each.is_number() || each.is_boolean();
    };
    for (const auto& [name, given] : value.items()) {
      const Json list = given.is_array() ? given : Json::array({given});
      for (const Json& each : list) {
        if (!plain(each)) {
          problem(pointer + '/' + pointer_token(name),
                  "expected a string, a number, true or false, or a list of them");
          continue;
        }
        request.target += request.target.find('?') == std::string::npos ? '?' : '&';
        request.target += percent_encode(name) + '=';
        const std::string text = each.is_string() ? each.get<std::string>() : to_text(each);
        request.target += percent_encode(text);
      }
    }
  }

  void body(const Json& value) {
    std::string type;
    for (const auto& [name, content] : request.headers)
      if (lower(name) == "content-type") type = lower(content);
    if (value.is_string() && !type.empty() && type.find("json") == std::string::npos) {
      request.body = value.get<std::string>();
      return;
    }
    request.body = to_text(value);
    if (type.empty()) request.headers.emplace_back("Content-Type", "application/json");
  }

  void timeout(const std::string& pointer, const Json& value) {
    const double wanted = value.is_number() ? value.get<double>() : 0;
    if (wanted <= 0 || wanted > call_timeout_seconds_max)
      return problem(
          pointer, fmt::format("expected a number above 0 and up to {}", call_timeout_seconds_max));
    request.timeout = Duration{static_cast<std::int64_t>(wanted * 1e6)};
  }
};

}  // namespace

Result<HttpRequest> parse_http_request(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return std::move(parsed).error();
  if (!parsed->is_object())
    return make_error(Errc::invalid_argument, "expected an object with Url and Method");
  Parser parser;
  parser.request.method = "GET";
  const Json* query = nullptr;
  std::string query_pointer;
  const Json* body = nullptr;
  bool url = false;
  const auto once = [&](const std::string& pointer, bool again) {
    if (again) parser.problem(pointer, "expected it once, found it under both of its names");
    return !again;
  };
  for (const auto& [name, value] : parsed->items()) {
    const std::string pointer = '/' + pointer_token(name);
    if (name == "Url" || name == "ApiEndpoint") {
      if (once(pointer, std::exchange(url, true))) parser.url(pointer, value);
    } else if (name == "Method") {
      parser.method(pointer, value);
    } else if (name == "Headers") {
      parser.headers(pointer, value);
    } else if (name == "Query" || name == "QueryParameters") {
      if (once(pointer, query != nullptr)) query = &value;
      query_pointer = pointer;
    } else if (name == "Body" || name == "RequestBody") {
      if (once(pointer, body != nullptr)) body = &value;
    } else if (name == "TimeoutSeconds") {
      parser.timeout(pointer, value);
    } else {
      parser.problem(pointer, "expected Url, Method, Headers, Query, Body and TimeoutSeconds only");
    }
  }
  if (!url) parser.problem("/Url", "expected a URL, found none");
  if (query != nullptr) parser.query(query_pointer, *query);
  if (body != nullptr) parser.body(*body);
  if (parser.problems.empty()) return std::move(parser.request);
  Error error = make_error(Errc::invalid_argument, "");
  for (const Problem& each : parser.problems)
    error.detail += (error.detail.empty() ? "" : "; ") + each.pointer + ": " + each.detail;
  error.problems = std::move(parser.problems);
  return error;
}

}  // namespace sluice::outbound
