#include "base/ordered_object.h"

#include <doctest/doctest.h>

#include <map>

#include "base/random.h"

namespace sluice {
namespace {

// A key that counts how often its text is looked at: the work a look-up does.
struct CountedKey {
  CountedKey(std::string_view s) : text(s) {}
  operator std::string_view() const {
    ++looks;
    return text;
  }
  std::string text;
  static inline std::size_t looks = 0;
};

using Counted = OrderedObject<CountedKey, int>;
using Object = OrderedObject<std::string, int>;

std::string name(std::size_t i) { return "name" + std::to_string(i); }

}  // namespace

TEST_CASE(
    "writing and finding 100,000 members looks at a few keys per member, not at all of them") {
  constexpr std::size_t count = 100'000;
  Counted object;
  CountedKey::looks = 0;
  for (std::size_t i = 0; i < count; ++i) object.emplace(std::string_view(name(i)), 1);
  CHECK(object.size() == count);
  CHECK(CountedKey::looks < count * 2);
  CountedKey::looks = 0;
  for (std::size_t i = 0; i < count; ++i)
    CHECK_FALSE(object.emplace(std::string_view(name(i)), 2).second);
  CHECK(CountedKey::looks < count * 2);
  CountedKey::looks = 0;
  for (std::size_t i = count; i < 2 * count; ++i) CHECK_FALSE(object.contains(name(i)));
  CHECK(CountedKey::looks < count);
}

TEST_CASE("an erased member leaves the index right for the others") {
  Counted object;
  for (std::size_t i = 0; i < 1000; ++i)
    object.emplace(std::string_view(name(i)), static_cast<int>(i));
  CHECK(object.erase(name(500)) == 1);
  CountedKey::looks = 0;
  for (std::size_t i = 0; i < 1000; ++i) CHECK(object.contains(name(i)) == (i != 500));
  CHECK(CountedKey::looks < 3000);
}

TEST_CASE("copies and moved objects keep their own index") {
  Object one;
  for (std::size_t i = 0; i < 100; ++i) one.emplace(name(i), static_cast<int>(i));
  Object two = one;
  two.erase(name(3));
  CHECK(one.at(name(3)) == 3);
  CHECK_FALSE(two.contains(name(3)));
  Object three = std::move(one);
  CHECK(three.at(name(99)) == 99);
  CHECK(one.empty());  // NOLINT(bugprone-use-after-move): the moved-from state is the subject.
  one.emplace("again", 1);
  CHECK(one.at("again") == 1);
  three.clear();
  CHECK_FALSE(three.contains(name(99)));
}

TEST_CASE("a missing member is an error for at, and not for find") {
  Object object{{"a", 1}};
  CHECK_THROWS_AS((void)object.at("b"), std::out_of_range);
  CHECK(object.find("b") == object.end());
  const Object& fixed = object;
  CHECK_THROWS_AS((void)fixed["b"], std::out_of_range);
}

TEST_CASE("less-than agrees with equality, which ignores the members' order") {
  const Object ab{{"a", 1}, {"b", 2}}, ba{{"b", 2}, {"a", 1}}, ac{{"a", 1}, {"c", 0}}, a{{"a", 9}};
  CHECK(ab == ba);
  CHECK_FALSE(ab < ba);
  CHECK_FALSE(ba < ab);
  CHECK(ab < ac);
  CHECK_FALSE(ac < ba);
  CHECK(a < ab);
}

TEST_CASE("random changes leave what a list of pairs would hold") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Object object;
    std::vector<std::pair<std::string, int>> model;
    const auto find = [&](const std::string& key) {
      return std::find_if(model.begin(), model.end(),
                          [&](const auto& m) { return m.first == key; });
    };
    for (int step = 0; step < 2000; ++step) {
      const std::string key = name(random.below(60));
      const auto at = find(key);
      switch (random.below(5)) {
        case 0:
        case 1: {
          const bool added = object.emplace(key, step).second;
          REQUIRE(added == (at == model.end()));
          if (added) model.emplace_back(key, step);
          break;
        }
        case 2:
          object[key] = step;
          if (at == model.end())
            model.emplace_back(key, step);
          else
            at->second = step;
          break;
        case 3:
          REQUIRE(object.erase(key) == (at == model.end() ? 0U : 1U));
          if (at != model.end()) model.erase(at);
          break;
        default: {
          const auto found = object.find(key);
          REQUIRE((found == object.end()) == (at == model.end()));
          if (at != model.end()) REQUIRE(found->second == at->second);
        }
      }
    }
    REQUIRE(object.size() == model.size());
    std::size_t i = 0;
    for (const auto& [key, value] : object) {
      REQUIRE(key == model[i].first);
      REQUIRE(value == model[i].second);
      ++i;
    }
  }
}

TEST_CASE("the keyed hash spreads similar names and repeats itself within a process") {
  std::map<std::uint64_t, int> seen;
  for (std::size_t i = 0; i < 10'000; ++i) ++seen[keyed_hash(name(i))];
  CHECK(seen.size() == 10'000);
  CHECK(keyed_hash("abc") == keyed_hash("abc"));
  CHECK(keyed_hash("abc") != keyed_hash(std::string_view("abc\0", 4)));
}

}  // namespace sluice
