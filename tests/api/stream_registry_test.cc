#include "api/stream_registry.h"

#include <doctest/doctest.h>

namespace sluice::api {
namespace {

TEST_CASE("a newer connection takes the session over, and the older one is told") {
  StreamRegistry registry;
  const auto first = registry.enroll();
  const auto second = registry.enroll();
  REQUIRE(first != second);
  int told = 0, detached = 0;
  registry.take("s", first, [&] { ++told; });
  CHECK(told == 0);
  registry.take("s", second, [] {});
  CHECK(told == 1);
  registry.leave("s", first, [&] { ++detached; });
  CHECK(detached == 0);
  registry.leave("s", second, [&] { ++detached; });
  CHECK(detached == 1);
  CHECK(registry.size() == 0);
}

TEST_CASE("a connection that takes its own session again is not told that it was superseded") {
  StreamRegistry registry;
  const auto holder = registry.enroll();
  int told = 0;
  registry.take("s", holder, [&] { ++told; });
  registry.take("s", holder, [&] { ++told; });
  CHECK(told == 0);
  CHECK(registry.size() == 1);
}

TEST_CASE("leaving a session twice, or one that nobody holds, detaches nothing") {
  StreamRegistry registry;
  const auto holder = registry.enroll();
  int detached = 0;
  registry.leave("s", holder, [&] { ++detached; });
  CHECK(detached == 0);
  registry.take("s", holder, [] {});
  registry.leave("s", holder, [&] { ++detached; });
  registry.leave("s", holder, [&] { ++detached; });
  CHECK(detached == 1);
}

}  // namespace
}  // namespace sluice::api
