#include "queue/topic_pattern.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::queue;

TEST_CASE("a star takes one word, a hash any number of them") {
  struct Row {
    const char* pattern;
    const char* key;
    bool matches;
  };
  const std::vector<Row> rows = {
      {"a.b", "a.b", true},       {"a.b", "a", false},       {"a.b", "a.b.c", false},
      {"a.*", "a.b", true},       {"a.*", "a", false},       {"a.*", "a.b.c", false},
      {"*", "a", true},           {"*", "", false},          {"#", "", true},
      {"#", "a.b.c", true},       {"a.#", "a", true},        {"a.#", "a.b.c", true},
      {"a.#", "b", false},        {"#.c", "c", true},        {"#.c", "a.b.c", true},
      {"#.c", "a.c.b", false},    {"a.#.c", "a.c", true},    {"a.#.c", "a.b.b.c", true},
      {"a.#.c.*", "a.c.c", true}, {"a.#.c.*", "a.c", false}, {"#.b.#.d", "a.b.c.d", true},
      {"#.b.#.d", "b.d", true},   {"#.b.#.d", "d.b", false}, {"#.*", "", false},
      {"#.*", "a", true},         {"#.#", "", true},         {"", "", true},
      {"", "a", false},           {"a", "", false},          {"#.a.b", "a.a.b", true},
      {"*.#.*", "a", false},      {"*.#.*", "a.b", true},    {"A", "a", false}};
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.key);
    CHECK(topic_matches(row.pattern, row.key) == row.matches);
  }
}

TEST_CASE("many hashes cost no more than words times words") {
  std::string pattern = "#", key = "a";
  for (int i = 0; i < 60; ++i) {
    pattern += ".a.#";
    key += ".a";
  }
  key = key.substr(0, topic_key_bytes_max);
  CHECK(check_topic_pattern(pattern).has_value());
  CHECK_FALSE(topic_matches(pattern + ".b", key));
  CHECK(topic_matches(pattern, key));
}

TEST_CASE("what is no pattern or no key is refused") {
  for (const char* good : {"", "a", "a.b-c.d_e", "ä.ö"}) {
    CHECK(check_topic_pattern(good).has_value());
    CHECK(check_topic_key(good).has_value());
  }
  for (const char* bad : {".", "a.", ".a", "a..b", "a b", "a\n", "a\x7F"}) {
    CHECK_FALSE(check_topic_pattern(bad).has_value());
    CHECK_FALSE(check_topic_key(bad).has_value());
  }
  CHECK_FALSE(check_topic_pattern("a*.b").has_value());
  CHECK_FALSE(check_topic_pattern("##").has_value());
  CHECK_FALSE(check_topic_key("a.*").has_value());
  CHECK_FALSE(check_topic_key("#").has_value());
  CHECK_FALSE(check_topic_pattern(std::string(topic_key_bytes_max + 1, 'a')).has_value());
}
