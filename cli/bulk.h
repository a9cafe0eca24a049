// Bulk jobs from the command line: the options that all of them have, beginning one, and waiting
// for its end with a progress line.
//
// Threads: as a Command's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/http.h"
#include "cli/values.h"

namespace sluice::cli {

struct BulkOptions {
  std::optional<double> rate;
  std::optional<std::int64_t> in_flight, limit;
  std::string stop;  // "20" or "10%"
  std::optional<std::string> merge, patch;
  bool dry_run = false, detach = false, yes = false;
};

// `again`: a verb that does work again, whose input may be edited and whose failures may come back.
void add_bulk_options(std::vector<Option>& options, BulkOptions& o, bool again);
// Whether one of them was given that only a job can do.
bool asks_for_job(const BulkOptions& o);
// {"merge": …} or {"patch": …} into a body.
void add_edit(Context& context, Json& body, const BulkOptions& o);

// Adds the options to `request`, which has the verb and what is meant, asks on a terminal, begins
// the job and waits for its end. Interrupted, the job goes on. Exit::failed unless all was done.
Exit run_job(Context& context, Json request, const BulkOptions& o);
Exit wait_for_job(Context& context, Client& client, const std::string& id);

}  // namespace sluice::cli
