// What flow control costs: the four stages with a lock, a gate, a rate and so on at one of them, as
// a ratio to none of it, in one run; and a lock that all runs contend for.
//
// Threads: called from the thread that made the server. Throws std::runtime_error.
#pragma once

#include <string>

namespace sluice::bench {

// Prints two tables in Markdown. Every case is measured three times in turn for `seconds` each; the
// ratio is that of the medians.
void measure_limit_tax(const std::string& program, const std::string& directory, int in_flight,
                       double seconds);

}  // namespace sluice::bench
