#include "base/topic_pattern.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;

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
  for (const char* good : {"", "a", "a.b-c.d_e", "ä.ö", "Order Created", "a.*.#"}) {
    CAPTURE(good);
    CHECK(check_topic_pattern(good).has_value());
    CHECK(check_topic_key(good).has_value());
  }
  for (const char* bad : {"a\n", "a\x7F", "\t"}) {
    CHECK_FALSE(check_topic_pattern(bad).has_value());
    CHECK_FALSE(check_topic_key(bad).has_value());
  }
  for (const char* bad : {".", "a.", ".a", "a..b", "a*.b", "##", "*#"}) {
    CAPTURE(bad);
    CHECK_FALSE(check_topic_pattern(bad).has_value());
    CHECK(check_topic_key(bad).has_value());
  }
  const std::string longest(topic_key_bytes_max, 'a');
  CHECK(check_topic_pattern(longest).has_value());
  CHECK(check_topic_key(longest).has_value());
  CHECK_FALSE(check_topic_pattern(longest + "a").has_value());
  CHECK_FALSE(check_topic_key(longest + "a").has_value());
}

namespace {

// The rule as it is told, word by word: slow, and easy to see that it is right.
using Words = std::vector<std::string>;
Words words_of(const std::string& text) {
  Words words;
  if (text.empty()) return words;
  std::string word;
  for (const char c : text) {
    if (c == '.')
      words.push_back(std::exchange(word, {}));
    else
      word += c;
  }
  words.push_back(word);
  return words;
}
bool plainly_matches(const Words& pattern, std::size_t p, const Words& key, std::size_t k) {
  if (p == pattern.size()) return k == key.size();
  if (pattern[p] == "#") {
    for (std::size_t taken = k; taken <= key.size(); ++taken)
      if (plainly_matches(pattern, p + 1, key, taken)) return true;
    return false;
  }
  if (k == key.size()) return false;
  return (pattern[p] == "*" || pattern[p] == key[k]) && plainly_matches(pattern, p + 1, key, k + 1);
}

}  // namespace

TEST_CASE("every pattern takes the keys that the plain rule takes") {
  std::mt19937 chance(7);
  const auto text_of = [&](std::initializer_list<const char*> words, unsigned words_max) {
    std::string text;
    const auto count = static_cast<unsigned>(chance() % (words_max + 1));
    for (unsigned i = 0; i < count; ++i) {
      if (i != 0) text += '.';
      text += words.begin()[chance() % words.size()];
    }
    return text;
  };
  int taken = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string pattern = text_of({"a", "b", "*", "#", "#"}, 6);
    const std::string key = text_of({"a", "b", "", "#"}, 7);
    const bool expected = plainly_matches(words_of(pattern), 0, words_of(key), 0);
    taken += expected ? 1 : 0;
    CAPTURE(pattern);
    CAPTURE(key);
    REQUIRE(topic_matches(pattern, key) == expected);
  }
  CHECK(taken > 5'000);
}
