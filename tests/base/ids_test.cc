#include "base/ids.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "base/random.h"

namespace sluice {
namespace {
constexpr std::int64_t id_max = std::numeric_limits<std::int64_t>::max();
const WallTime noon{1'800'000'000'000'000};
}  // namespace

TEST_CASE("an id is thirteen characters and reads back as itself, in either case") {
  Random random(11);
  std::vector<std::int64_t> ids{0, 1, 31, 32, id_max, id_max - 1};
  for (int i = 0; i < 1'000; ++i) ids.push_back(static_cast<std::int64_t>(random.next() >> 1));
  for (const std::int64_t id : ids) {
    std::string text = to_base32(id);
    REQUIRE(text.size() == 13);
    REQUIRE(parse_base32(text) == id);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    REQUIRE(parse_base32(text) == id);
  }
  CHECK(to_base32(0) == "0000000000000");
  CHECK(to_base32(33) == "0000000000011");
  CHECK(to_base32(id_max) == "7zzzzzzzzzzzz");
}

TEST_CASE("ids sort as text as they sort as numbers") {
  Random random(12);
  for (int i = 0; i < 1'000; ++i) {
    const auto a = static_cast<std::int64_t>(random.next() >> (1 + random.below(40)));
    const auto b = static_cast<std::int64_t>(random.next() >> (1 + random.below(40)));
    REQUIRE((a < b) == (to_base32(a) < to_base32(b)));
  }
}

TEST_CASE("what is not thirteen characters of the alphabet, or is negative, is no id") {
  for (const char* text : {"", "0", "000000000000", "00000000000000", "800000000000a",
                           "zzzzzzzzzzzzz", "000000000000i", "000000000000l", "000000000000o",
                           "000000000000u", "000000000000 ", "000000-000000", "00000000000é"})
    CHECK_FALSE_MESSAGE(parse_base32(text).has_value(), text);
  CHECK_FALSE(parse_base32(std::string_view("000000000000\0", 13)).has_value());
  CHECK_FALSE(parse_id<RunTag>("0000000000000").has_value());  // Zero means none.
  CHECK(parse_id<RunTag>("0000000000001") == RunId{1});
  CHECK(to_string(RunId{1}) == "0000000000001");
}

TEST_CASE("new ids follow the clock") {
  IdSource ids;
  const std::int64_t first = ids.next(noon);
  const std::int64_t later = ids.next(noon + milliseconds(1));
  CHECK(later - first == 1 << 21);
  CHECK(ids.last() == later);
}

TEST_CASE("ids grow by one within a millisecond, past its room too") {
  IdSource ids;
  std::int64_t before = ids.next(noon);
  for (int i = 0; i < (1 << 21) + 10; ++i) {
    const std::int64_t id = ids.next(noon);
    REQUIRE(id == before + 1);
    before = id;
  }
  CHECK(ids.next(noon + milliseconds(1)) == before + 1);
}

TEST_CASE("a clock that goes back, even before 2020, gives no id again") {
  IdSource ids;
  const std::int64_t a = ids.next(noon);
  const std::int64_t b = ids.next(noon - seconds(86'400));
  const std::int64_t c = ids.next(WallTime{0});
  CHECK(a < b);
  CHECK(b < c);
  IdSource after_restart(c);
  CHECK(after_restart.next(noon - seconds(10)) == c + 1);
  CHECK(IdSource().next(WallTime{0}) == 1);
}

TEST_CASE("ids hash apart") {
  std::unordered_set<std::size_t> hashes;
  for (std::int64_t i = 0; i < 10'000; ++i) hashes.insert(std::hash<RunId>{}(RunId{i << 21}));
  CHECK(hashes.size() == 10'000);
}

}  // namespace sluice
