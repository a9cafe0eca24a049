#include "base/round.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>

namespace sluice {

TEST_CASE("outside a round nothing is put off") {
  int done = 0;
  Round::at_end([&] { ++done; });
  CHECK(done == 1);
}

TEST_CASE("what is put off is done at the round's end, in order") {
  std::string done;
  {
    const Round round;
    Round::at_end([&] { done += 'a'; });
    Round::at_end([&] { done += 'b'; });
    CHECK(done.empty());
  }
  CHECK(done == "ab");
}

TEST_CASE("a round inside a round ends with the outer one") {
  int done = 0;
  {
    const Round outer;
    {
      const Round inner;
      Round::at_end([&] { ++done; });
    }
    CHECK(done == 0);
  }
  CHECK(done == 1);
}

TEST_CASE("what an action puts off at the end is done at once") {
  std::string done;
  {
    const Round round;
    Round::at_end([&] {
      Round::at_end([&] { done += 'a'; });
      done += 'b';
    });
    Round::at_end([&] { done += 'c'; });
  }
  CHECK(done == "abc");
}

TEST_CASE("another thread's round is not this one's") {
  const Round round;
  bool done = false;
  std::thread([&] { Round::at_end([&] { done = true; }); }).join();
  CHECK(done);
}

}  // namespace sluice
