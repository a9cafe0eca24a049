// What the service's own integrations answer, with the same members: definitions that were written
// for it select from them.
//
// Pure: ids come from `chance`, dates from `now`. Thread-safe but for the Docs in its arguments.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "orchestrator/interpreter.h"

namespace sluice::orchestrator {

// A random id in the form of a version 4 UUID.
std::string made_uuid(Random& chance);

// lambda:invoke: {ExecutedVersion, Payload, SdkHttpMetadata, SdkResponseMetadata, StatusCode}, and
// a LogResult if it was asked for, empty: a worker's log is not known here.
Doc invocation_answer(const Doc& payload, bool log_asked, Random& chance, WallTime now);

// `answer`, an object, with SdkHttpMetadata and SdkResponseMetadata as of a call that answered with
// `body_bytes` of `content_type`.
Doc service_answer(Json answer, std::size_t body_bytes, std::string_view content_type,
                   Random& chance, WallTime now);

// startExecution: {ExecutionArn, StartDate, …}.
Doc start_answer(const std::string& workflow, const std::string& name, WallTime at, Random& chance,
                 WallTime now);

// startExecution.sync: the run's description. Input and Output as text, or (`as_json`) as JSON.
Json run_description(const RunEnded& run, bool as_json);

}  // namespace sluice::orchestrator
