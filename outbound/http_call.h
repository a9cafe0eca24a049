// One outgoing HTTP call.
//
// The host is resolved first, every one of its addresses is looked at, and the connection is made
// to an address that was looked at, so that a name which changes its mind in between leads nowhere
// else. Redirects are not followed. TLS certificates are verified with the system's authorities.
//
// Failure, as the error of the task:
//   Http.InvalidRequest   the task's body is no request; see its cause
//   Http.AddressRefused   the host has an address that is not public (see address.h)
//   Http.Connect          not found, refused, no TLS, or the connection was lost: the request may
//                         have been handled
//   Http.Timeout          no whole answer in time: the request may have been handled
//   Http.3xx, Http.4xx, Http.5xx
//                         by the answer's status; the cause begins with it: "404 Not Found"
//   Http.BadResponse      larger than the payload limit, or not text
//
// Threads: run() blocks; abort() may be called from any thread, also before and after run().
#pragma once

#include <memory>
#include <string>

#include "orchestrator/interpreter.h"
#include "outbound/http_request.h"
#include "workflows/evaluation.h"

namespace sluice::outbound {

class HttpCall {
 public:
  struct Rules {
    bool allow_private = false;
    std::size_t response_bytes_max = 1 << 20;
  };
  HttpCall();
  ~HttpCall();
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  // {"StatusCode", "StatusText", "Headers": {name: [value, …]}, "ResponseBody"}: a JSON answer as
  // JSON, any other as a string.
  workflows::Evaluated<Doc> run(const HttpRequest& request, const std::string& idempotency_key,
                                const Rules& rules);
  // Ends the call; run() then fails, with Http.Timeout if `timed_out`.
  void abort(bool timed_out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::outbound
