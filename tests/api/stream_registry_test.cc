#include "api/stream_registry.h"

#include <doctest/doctest.h>

namespace sluice::api {
namespace {

TEST_CASE("a newer connection takes the session over, and the older one is told") {
  StreamRegistry registry;
  const auto first = registry.enroll();
  const auto second = registry.enroll();
  REQUIRE(first != second);
  int told = 0;
  registry.take("s", first, [&] { ++told; });
  CHECK(told == 0);
  registry.take("s", second, [] {});
  CHECK(told == 1);
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

TEST_CASE("only the connection that holds a session can leave it") {
  StreamRegistry registry;
  const auto first = registry.enroll();
  const auto second = registry.enroll();
  int told = 0;
  registry.take("s", first, [] {});
  registry.take("s", second, [&] { ++told; });
  registry.leave("s", first);
  CHECK(registry.size() == 1);
  registry.take("s", first, [] {});
  CHECK(told == 1);
  registry.leave("s", first);
  registry.leave("s", first);
  registry.leave("other", first);
  CHECK(registry.size() == 0);
}

}  // namespace
}  // namespace sluice::api
