// Which runs or dead letters are meant: the same for lists and for bulk jobs.
//
// Threads: plain values.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace sluice::orchestrator {

struct RunFilter {
  std::optional<std::string> workflow, status, state,
      text;  // text: part of the name, the id, or the error
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<WallTime> started_after;
};

struct DeadLetterFilter {
  std::optional<std::string> queue, workflow, error, status;  // status default OPEN
  std::optional<RunId> run;
  std::optional<std::string> kind = {};                          // stage, state, queue, binding
  std::optional<WallTime> since = {}, until = {};                // [since, until)
  std::vector<std::pair<std::string, std::string>> labels = {};  // of the run; all must match
  std::optional<std::string> text = {};  // part of the error, cause, state or id
};

}  // namespace sluice::orchestrator
