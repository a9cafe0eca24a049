// What an http:invoke task asks for, checked before it is put on a queue.
//
//   { "Url": "https://example.org/orders", "Method": "POST", "Headers": {…}, "Query": {…}, "Body":
//   … }
//
// Pure; thread-safe.
#pragma once

#include "base/json.h"
#include "workflows/evaluation.h"

namespace sluice::orchestrator {

// The request in the form above: Url and Method are always there, header and query values are texts
// or (Query) lists of texts. Takes the service's own names too: ApiEndpoint, QueryParameters,
// RequestBody. Fails with States.Runtime and says everything that is wrong.
workflows::Evaluated<Json> http_request(const Json& arguments);

}  // namespace sluice::orchestrator
