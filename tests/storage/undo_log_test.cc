#include "storage/undo_log.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace sluice::storage {

TEST_CASE("undoing runs the entries backwards, as far as the mark") {
  UndoLog log;
  std::string undone;
  log.add([&] { undone += 'a'; });
  const auto mark = log.mark();
  log.add([&] { undone += 'b'; });
  log.add([&] { undone += 'c'; });
  log.undo_to(mark);
  CHECK(undone == "cb");
  log.undo_to(0);
  CHECK(undone == "cba");
}

TEST_CASE("a number has its value of the mark again, however often it was saved") {
  UndoLog log;
  std::int64_t each = 1, once = 1;
  const auto start = log.mark();
  const auto change = [&](std::int64_t to) {
    log.save(each);
    log.save_once(once);
    each = once = to;
  };
  change(2);
  change(3);
  const auto middle = log.mark();
  change(4);
  change(5);
  log.undo_to(middle);
  CHECK(each == 3);
  CHECK(once == 3);
  change(6);
  log.undo_to(middle);
  CHECK(once == 3);
  change(7);
  log.undo_to(start);
  CHECK(each == 1);
  CHECK(once == 1);
}

TEST_CASE("a number that is saved once notes down one entry between two marks") {
  UndoLog log;
  std::int64_t number = 0;
  const auto start = log.mark();
  for (int n = 0; n < 100; ++n) {
    log.save_once(number);
    ++number;
  }
  CHECK(log.mark() == start + 1);
  log.clear();
  log.save_once(number);
  number = 0;
  log.undo_to(0);
  CHECK(number == 100);
}

TEST_CASE("what an entry holds goes when it was undone, or with the commit") {
  UndoLog log;
  const auto held = std::make_shared<int>(1);
  log.add([held] {});
  const auto mark = log.mark();
  log.add([held] {});
  CHECK(held.use_count() == 3);
  log.undo_to(mark);
  CHECK(held.use_count() == 2);
  log.clear();
  CHECK(held.use_count() == 1);
  {
    UndoLog dropped;
    dropped.add([held] {});
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("an entry may hold what can only be moved") {
  UndoLog log;
  std::unique_ptr<int> back;
  log.add([&, kept = std::make_unique<int>(7)]() mutable { back = std::move(kept); });
  log.undo_to(0);
  REQUIRE(back);
  CHECK(*back == 7);
}

TEST_CASE("more entries than one block takes are undone in order, and again in the next batch") {
  UndoLog log;
  struct Wide {
    std::uint64_t* sum;  // may wrap around
    std::uint64_t number;
    char padding[1'000];
    void operator()() const { *sum = *sum * 3 + number; }
  };
  const auto run = [&] {
    std::uint64_t sum = 0, expected = 0;
    const auto mark = log.mark();
    for (std::uint64_t n = 0; n < 2'000; ++n) log.add(Wide{&sum, n % 2, {}});
    for (std::uint64_t n = 2'000; n-- > 1'970;) expected = expected * 3 + n % 2;
    log.undo_to(mark + 1'970);
    CHECK(sum == expected);
    log.undo_to(mark);
    CHECK(log.mark() == mark);
  };
  run();
  log.add([] {});
  run();
  log.clear();
  run();
}

TEST_CASE("undoing may note something down, which is undone as well") {
  UndoLog log;
  std::string undone;
  log.add([&, padding = std::string("held")] {
    log.add([&] { undone += 'b'; });
    undone += padding[0];
  });
  log.undo_to(0);
  CHECK(undone == "hb");
  CHECK(log.mark() == 0);
}

}  // namespace sluice::storage
