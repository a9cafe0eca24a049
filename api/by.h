// Who asks, and why: for the audit log.
//
// Two headers say it, percent-encoded where they are not plain ASCII: Sluice-Principal and
// Sluice-Reason. Nobody checks the name: it is what the client says of itself, as the service in
// front of this one has it. Verbs with a body may give the reason there instead.
//
// Thread-safe (no shared state).
#pragma once

#include <string_view>

#include "base/json_text.h"
#include "base/result.h"
#include "orchestrator/commands.h"

namespace sluice::api {

inline constexpr std::size_t principal_bytes_max = 128, reason_bytes_max = 1'000;

// The headers' values; "" for one that was not sent. Refuses with every problem.
Result<orchestrator::By> read_by(std::string_view principal, std::string_view reason);

// The member `reason` of a verb's body, where there is one.
void read_reason(Envelope& body, orchestrator::By& by);

}  // namespace sluice::api
