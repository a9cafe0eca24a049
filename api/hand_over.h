// Gives a function to the thread of a connection.
//
// After a commit the engine answers many requests in a row, in one Round (base/round.h). What it
// hands over to one thread in a round goes there in one post: one lock and one waking for all of
// them, where each by itself would have the two threads wait for each other.
//
// Thread-safe. A function that throws leaves the thread's run(), as any handler; those behind it
// are run nevertheless.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>

namespace sluice::api {

// `executor` must live until the end of the calling thread's round.
void hand_over(const boost::asio::any_io_executor& executor, std::function<void()> what);

}  // namespace sluice::api
