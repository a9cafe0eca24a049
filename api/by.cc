#include "api/by.h"

#include <algorithm>

#include "api/http.h"

namespace sluice::api {
namespace {

bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

Result<orchestrator::By> read_by(std::string_view principal, std::string_view reason) {
  orchestrator::By by{.principal = "anonymous"};
  if (principal.empty() && reason.empty()) return by;
  Error error{Errc::invalid_argument, "the headers for the audit log are not usable", {}};
  const auto take = [&](std::string_view sent, std::size_t bytes_max, const char* header,
                        const char* expected, std::string& into) {
    if (sent.empty()) return;
    auto text = percent_decode(sent, false);
    if (text && text->size() <= bytes_max && is_plain(*text))
      into = *std::move(text);
    else
      error.problems.push_back({header, expected});
  };
  take(principal, principal_bytes_max, "@Sluice-Principal",
       "expected up to 128 bytes of text in one line, percent-encoded", by.principal);
  take(reason, reason_bytes_max, "@Sluice-Reason",
       "expected up to 1,000 bytes of text in one line, percent-encoded", by.reason);
  if (!error.problems.empty()) return error;
  return by;
}

void read_reason(Envelope& body, orchestrator::By& by) {
  const auto reason = body.optional_string("reason");
  if (!reason) return;
  if (reason->size() > reason_bytes_max)
    body.problem("reason", "expected at most 1,000 bytes");
  else
    by.reason = std::string(*reason);
}

}  // namespace sluice::api
