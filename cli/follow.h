// Following a run to its end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/http.h"

namespace sluice::cli {

// Calls `on_event` for each event of the run's history, from the first one, until the run has ended
// or `limit` is over. True: it has ended. Throws Failure as Client does.
bool follow(Client& client, const std::string& run, std::optional<Duration> limit,
            const std::function<void(const Json&)>& on_event);

// The same without looking at the events.
bool wait_for_end(Client& client, const std::string& run, std::optional<Duration> limit);

}  // namespace sluice::cli
