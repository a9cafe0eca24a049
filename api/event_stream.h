// Server-sent events of one run's history.
#pragma once

#include "api/http.h"

namespace sluice::api {

// Streams the events after Last-Event-ID (or ?after=) and then those that come, until the run has
// ended, the client is gone or the server stops. Each has an `id:` line, so a client that
// reconnects goes on where it was.
asio::awaitable<Response> follow_history(Call& call, RunId run);

}  // namespace sluice::api
