// Lets a load run on a server and takes down what it did.
//
// Threads: the functions are called from the thread that made the load.
#pragma once

#include <string>
#include <string_view>

#include "bench/load.h"
#include "bench/report.h"
#include "bench/server.h"

namespace sluice::bench {

void pause(double seconds);

// A line for who watches; on standard error.
void say(std::string_view what);

// A load that has failed ends the pause: stop() says why.
void pause_unless_failed(const Load& load, double seconds);

// Starts the load, lets it run for `warm_up` seconds, measures for `seconds`, stops it. Throws
// std::runtime_error if it fails or if no run ended meanwhile.
Figures measure(const Running& server, Load& load, std::string name, const Plan& plan,
                double warm_up, double seconds);

}  // namespace sluice::bench
