// What an http:invoke task asks for, checked before anything is called.
//
//   {"Url": "https://shop.example/orders", "Method": "POST", "Headers": {"X-Region": "eu"},
//    "Query": {"page": 2, "tag": ["a", "b"]}, "Body": {…}, "TimeoutSeconds": 30}
//
// ApiEndpoint, QueryParameters and RequestBody, the States Language service's names, mean Url,
// Query and Body. Method is GET if absent. A body is sent as JSON; one that is a string goes as it
// is if the headers name another Content-Type.
//
// Thread-safe (pure).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sluice::outbound {

inline constexpr Duration call_timeout = seconds(30);
inline constexpr double call_timeout_seconds_max = 3'600;

struct HttpRequest {
  bool tls = false;
  std::string host;  // without brackets
  std::uint16_t port = 80;
  std::string target;  // path and query
  std::string method;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Duration timeout = call_timeout;
};

// Refuses with invalid_argument and every problem, each with its pointer in the task's body.
Result<HttpRequest> parse_http_request(std::string_view text);

}  // namespace sluice::outbound
