#include "api/stream_outbox.h"

#include <doctest/doctest.h>

namespace sluice::api {
namespace {

void put(StreamOutbox& outbox, std::string_view text) {
  outbox.add([&](std::string& out) { out += text; });
}

TEST_CASE("a message that waits alone leaves as it is") {
  StreamOutbox outbox(100);
  CHECK(outbox.empty());
  put(outbox, "{}");
  CHECK(outbox.bytes() == 2);
  CHECK(outbox.take() == "{}");
  CHECK(outbox.empty());
  CHECK(outbox.bytes() == 0);
}

TEST_CASE("messages that wait together leave as one array, in order") {
  StreamOutbox outbox(100);
  put(outbox, "1");
  put(outbox, "22");
  put(outbox, "333");
  CHECK(outbox.bytes() == 6);
  CHECK(outbox.take() == "[1,22,333]");
  CHECK(outbox.bytes() == 0);
}

TEST_CASE(
    "a frame is closed when it is full, and a message larger than a frame is sent all the same") {
  StreamOutbox outbox(4);
  put(outbox, "1");
  put(outbox, "22222222");
  put(outbox, "3");
  CHECK(outbox.take() == "[1,22222222]");
  CHECK(outbox.bytes() == 1);
  put(outbox, "4");
  CHECK(outbox.take() == "[3,4]");
}

TEST_CASE("order and byte count survive thousands of frames taken while others are added") {
  StreamOutbox outbox(1);  // every message a frame of its own
  int put_in = 0, taken = 0;
  for (int round = 0; round < 2000; ++round) {
    put(outbox, std::to_string(put_in++));
    put(outbox, std::to_string(put_in++));
    REQUIRE(outbox.take() == std::to_string(taken++));
  }
  while (!outbox.empty()) REQUIRE(outbox.take() == std::to_string(taken++));
  CHECK(taken == put_in);
  CHECK(outbox.bytes() == 0);
}

}  // namespace
}  // namespace sluice::api
