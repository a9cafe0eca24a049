#include "api/hand_over.h"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <string>

#include "base/round.h"

namespace sluice::api {

TEST_CASE("what is handed over outside a round goes at once") {
  boost::asio::io_context thread;
  std::string done;
  hand_over(thread.get_executor(), [&] { done += 'a'; });
  hand_over(thread.get_executor(), [&] { done += 'b'; });
  CHECK(thread.poll() == 2);
  CHECK(done == "ab");
}

TEST_CASE("what is handed over in a round goes at its end, in one post a thread and in order") {
  boost::asio::io_context one, other;
  std::string done;
  {
    const Round round;
    hand_over(one.get_executor(), [&] { done += 'a'; });
    hand_over(other.get_executor(), [&] { done += 'x'; });
    hand_over(one.get_executor(), [&] { done += 'b'; });
    CHECK(one.poll() == 0);
  }
  one.restart();
  CHECK(one.poll() == 1);
  CHECK(done == "ab");
  CHECK(other.poll() == 1);
  CHECK(done == "abx");
}

TEST_CASE("a function that throws keeps nothing from those behind it") {
  boost::asio::io_context thread;
  std::string done;
  {
    const Round round;
    hand_over(thread.get_executor(), [&] { done += 'a'; });
    hand_over(thread.get_executor(), [] { throw std::runtime_error("wrong"); });
    hand_over(thread.get_executor(), [&] { done += 'b'; });
  }
  CHECK_THROWS_AS(thread.poll(), std::runtime_error);
  CHECK(done == "a");
  thread.poll();
  CHECK(done == "ab");
}

}  // namespace sluice::api
