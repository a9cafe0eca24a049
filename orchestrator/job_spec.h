// What a bulk job is asked to do: to which dead letters or runs, what, and how fast.
//
// The request is JSON, and is kept as it was given: what the engine goes on with after a restart is
// read from it again.
//
// Threads: plain values; parse_job() is thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "orchestrator/edit.h"
#include "orchestrator/filters.h"

namespace sluice::orchestrator {

using JobId = Id<struct JobTag>;

enum class JobVerb { replay, drop, cancel, pause, resume, redrive, move };
std::string_view name_of(JobVerb verb);

inline constexpr std::size_t job_ids_max = 1'000;
// How many are in flight at a time where failures are watched and nothing else is said.
inline constexpr std::int64_t in_flight_default = 100;
// Of so many of the latest outcomes failures are counted.
inline constexpr std::size_t outcomes_watched = 100;
inline constexpr std::size_t outcomes_for_share = 10;  // a share of fewer says nothing

struct JobSpec {
  JobVerb verb = JobVerb::replay;
  std::vector<std::int64_t> ids;  // sorted, each once; empty: those that the filter takes
  DeadLetterFilter letters;       // of_letters()
  RunFilter runs;                 // else
  std::vector<int> statuses;      // of runs
  std::optional<std::int64_t> limit;
  std::optional<double> rate;                 // per second
  std::optional<std::int64_t> in_flight_max;  // set: outcomes are followed
  std::optional<std::int64_t> stop_count;     // so many that failed again
  std::optional<double> stop_share;           // or such a share of them
  std::optional<Edit> edit;
  std::optional<std::string> from;  // as RedriveRun
  std::optional<std::int64_t> version;
  std::optional<std::string> cause;  // of a cancel
  bool compensate = false;
  std::string text;  // the request, as it is kept
  bool of_letters() const { return verb == JobVerb::replay || verb == JobVerb::drop; }
};

struct JobRequest {
  JobSpec spec;
  bool dry_run = false;
  std::optional<std::string> reason;
};

// Every problem, with its pointer in the request.
Result<JobRequest> parse_job(const Json& body);

}  // namespace sluice::orchestrator
