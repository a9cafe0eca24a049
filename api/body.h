// Reading request bodies: what several routes need beyond base/json_text.h.
//
// Everything here notes what is wrong in the Envelope and goes on, so that one answer names every
// fault. Thread-safe (no shared state).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http.h"
#include "base/json_text.h"
#include "orchestrator/commands.h"
#include "orchestrator/orchestrator.h"

namespace sluice::api {

inline constexpr std::int64_t duration_seconds_max = 366LL * 24 * 3600;

// An empty body is an empty object: most verbs need nothing said.
Result<Envelope> open_body(const Call& call);

std::optional<Duration> optional_seconds(Envelope& body, std::string_view name, std::int64_t max);
std::optional<WallTime> optional_time(Envelope& body, std::string_view name);
std::optional<std::string> optional_text(Envelope& body, std::string_view name);
// A message's; "" if it has none.
std::string order_key(Envelope& body);
std::optional<Doc> optional_doc(Envelope& body, std::string_view name);
// "merge" or "patch", for a change of the input that there was.
std::optional<orchestrator::Edit> optional_edit(Envelope& body);
// A missing member is a problem, and an absent Doc.
Doc required_doc(Envelope& body, std::string_view name, std::size_t bytes_max);
// {"region": "eu", …}; at most 64.
std::vector<std::pair<std::string, std::string>> optional_string_map(Envelope& body,
                                                                     std::string_view name);
// The elements of an array of 1 to batch_items_max items.
std::vector<std::string_view> required_items(Envelope& body, std::string_view name);

// {"key", "body", "headers", "priority"}; `topic` is a member unless it is known already.
orchestrator::Publication read_publication(Envelope& body, std::optional<std::string> topic,
                                           std::size_t payload_bytes_max);

// {"queue"?, "max", "wait", "lease_seconds", "worker"}; `queue` is a member unless it is known
// already.
orchestrator::LeaseRequest lease_request(Envelope& body, std::optional<std::string> queue);

// Joins the refusals of the parts of one body.
class Problems {
 public:
  void add(const Status& status) {
    if (!status) add(status.error());
  }
  void add(const Error& error);
  bool any() const { return error_.has_value(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace sluice::api
