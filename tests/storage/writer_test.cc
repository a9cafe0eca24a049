#include "storage/writer_fixture.h"

#include <atomic>
#include <condition_variable>
#include <thread>

#include "support/fault_vfs.h"

namespace sluice::storage {

using test_support::FaultVfs;

TEST_CASE("works that gathered are one batch, one commit and one flush of the disk") {
  FaultVfs disk("batch", 1);
  Pumped p({.vfs = disk.name()});
  CHECK_FALSE(p.writer->pump());
  for (std::int64_t id = 1; id <= 100; ++id) REQUIRE(p.insert(id));
  CHECK(p.writer->line_length() == 100);
  // The log's first commit also flushes the log's header.
  {
    Transaction tx(p.database->writer_connection());
    tx.run(sql_insert, 1'000, "first");
    tx.commit();
  }
  const std::int64_t before = disk.count(FaultVfs::Op::sync);
  CHECK(p.writer->pump());
  CHECK(disk.count(FaultVfs::Op::sync) - before == 1);
  CHECK_FALSE(p.writer->pump());
  CHECK(p.writer->line_length() == 0);
  CHECK(p.answers.size() == 100);
  CHECK(count(*p.database) == 101);
  CHECK(p.writer->stats().batches == 1);
  CHECK(p.writer->stats().works == 100);
}

TEST_CASE("a batch that writes nothing does not touch the disk") {
  FaultVfs disk("reads", 1);
  Pumped p({.vfs = disk.name()});
  REQUIRE(p.submit(1, [](Transaction& tx) { count(tx); }));
  const std::int64_t before = disk.count(FaultVfs::Op::change);
  CHECK(p.writer->pump());
  CHECK(disk.count(FaultVfs::Op::change) == before);
  CHECK(p.answers[1] == "ok");
}

TEST_CASE("a batch is tick, the works, before_commit, the commit, committed, and only then done") {
  Pumped p;
  REQUIRE(p.insert(1));
  REQUIRE(p.writer->submit(std::make_unique<LambdaWork>(
      [&](Transaction& tx) {
        p.memory.events.push_back("apply 2");
        tx.run(sql_insert, 2, "two");
      },
      [&](const std::optional<Error>& failure) {
        CHECK_FALSE(failure);
        // Another connection sees it already: it was committed before it was told.
        CHECK(has(*p.database, 1));
        CHECK(has(*p.database, 2));
        p.memory.events.push_back("done 2");
      })));
  CHECK(p.writer->pump());
  CHECK(p.memory.events == std::vector<std::string>{"tick", "apply 2", "before_commit", "committed",
                                                    "done 1", "done 2"});
}

TEST_CASE("a work that throws fails alone, and its neighbours and their memory are kept") {
  Pumped p;
  REQUIRE(p.insert(1));
  REQUIRE(p.insert_and_throw(2));
  REQUIRE(p.insert(3));
  REQUIRE(p.submit(4, [](Transaction& tx) { tx.run(sql_insert, 40, "3"); }));  // the name of 3
  REQUIRE(p.insert(5));
  CHECK(p.writer->pump());
  CHECK(p.answers ==
        std::map<std::int64_t, std::string>{
            {1, "ok"}, {2, "storage_failed"}, {3, "ok"}, {4, "storage_failed"}, {5, "ok"}});
  CHECK(p.details[2] == "work 2 is wrong");
  CHECK(contains(p.details[4], "item.name"));
  CHECK(p.memory.ids == std::vector<std::int64_t>{1, 3, 5});
  CHECK(count(*p.database) == 3);
  CHECK_FALSE(has(*p.database, 2));
  CHECK(p.writer->stats().failures == 2);
  CHECK(p.writer->stats().reruns == 1);
  CHECK(p.fatal.empty());
}

TEST_CASE("what tick and before_commit write is part of the batch") {
  Pumped p;
  p.memory.on_tick = [](Transaction& tx) { tx.run(sql_insert, 100, "tick"); };
  p.memory.on_before_commit = [](Transaction& tx) { tx.run(sql_insert, 101, "hand-out"); };
  REQUIRE(p.insert_and_throw(1));
  CHECK(p.writer->pump());
  CHECK(p.answers[1] == "storage_failed");
  CHECK(has(*p.database, 100));
  CHECK(has(*p.database, 101));
  CHECK(count(*p.database) == 2);
}

TEST_CASE("a tick that throws is undone and told, and the works of its batch go on") {
  Pumped p;
  p.memory.wake = Duration{0};
  p.memory.on_tick = [&](Transaction& tx) {
    tx.run(sql_insert, 100, "tick");
    p.memory.ids.push_back(100);
    throw std::runtime_error("a timer is wrong");
  };
  REQUIRE(p.insert(1));
  CHECK(p.writer->pump());
  CHECK(p.answers[1] == "ok");
  CHECK(p.memory.ids == std::vector<std::int64_t>{1});
  CHECK_FALSE(has(*p.database, 100));
  CHECK(p.memory.own_failures == std::vector<std::string>{"a timer is wrong"});
  // It is still due, and is tried again, but not at once and without end.
  CHECK_FALSE(p.writer->pump());
  p.clock.advance(seconds(1));
  p.memory.on_tick = nullptr;
  p.memory.on_before_commit = [](Transaction&) { throw std::runtime_error("a hand-out is wrong"); };
  REQUIRE(p.insert(2));
  CHECK(p.writer->pump());
  CHECK(p.answers[2] == "ok");
  CHECK(p.memory.own_failures.back() == "a hand-out is wrong");
}

TEST_CASE("a batch runs by itself when the memory's time has come, and not before") {
  Pumped p;
  p.memory.wake = Duration{seconds(5)};
  int ticks = 0;
  p.memory.on_tick = [&](Transaction&) {
    ++ticks;
    p.memory.wake.reset();
  };
  CHECK_FALSE(p.writer->pump());
  p.clock.advance(seconds(5));
  CHECK(p.writer->pump());
  CHECK(ticks == 1);
  CHECK_FALSE(p.writer->pump());
}

TEST_CASE("a full line refuses, and a long one is taken in batches of the limit") {
  Pumped p({}, {.line_max = 5, .batch_max = 2});
  for (std::int64_t id = 1; id <= 5; ++id) CHECK(p.insert(id));
  CHECK_FALSE(p.insert(6));
  CHECK(p.writer->pump());
  CHECK(p.writer->line_length() == 3);
  CHECK(p.insert(7));
  CHECK(p.insert(8));
  CHECK_FALSE(p.insert(9));  // what was taken and has not been run counts too
  while (p.writer->pump()) {
  }
  CHECK(p.answers.size() == 7);
  CHECK(p.memory.ids == std::vector<std::int64_t>{1, 2, 3, 4, 5, 7, 8});
  CHECK(p.writer->stats().batches == 4);
}

TEST_CASE("a work whose failure ends the transaction is left out and the others are run again") {
  Pumped p;
  REQUIRE(p.insert(1));
  REQUIRE(p.submit(2, [](Transaction& tx) {
    static constexpr Sql sql_rollback{"test.or_rollback",
                                      "INSERT OR ROLLBACK INTO item (id, name) VALUES (?1, ?2)"};
    tx.run(sql_rollback, 1, "one again");
  }));
  REQUIRE(p.insert(3));
  CHECK(p.writer->pump());
  CHECK(p.answers ==
        std::map<std::int64_t, std::string>{{1, "ok"}, {2, "storage_failed"}, {3, "ok"}});
  CHECK(p.memory.ids == std::vector<std::int64_t>{1, 3});
  CHECK(count(*p.database) == 2);
}

TEST_CASE(
    "a work that does not fit on the disk is answered disk_full, and a small one after it fits") {
  Pumped p;
  p.database->writer_connection().execute("PRAGMA max_page_count = 8");
  REQUIRE(p.submit(1, [](Transaction& tx) {
    tx.run(sql_insert_all, 1, "large", as_blob(std::string(100'000, 'x')), nullptr);
  }));
  REQUIRE(p.insert(2));
  CHECK(p.writer->pump());
  CHECK(p.answers[1] == "disk_full");
  CHECK(contains(p.details[1], "Free space"));
  CHECK(p.answers[2] == "ok");
  CHECK(p.fatal.empty());
}

TEST_CASE("a database that another program holds fails the batch and nothing else") {
  Pumped p;
  // A transaction that was left open on the connection makes BEGIN fail.
  p.database->writer_connection().execute("BEGIN");
  REQUIRE(p.insert(1));
  CHECK(p.writer->pump());
  CHECK(p.answers[1] == "storage_failed");
  CHECK(p.memory.ids.empty());
  p.database->writer_connection().rollback();
  REQUIRE(p.insert(2));
  CHECK(p.writer->pump());
  CHECK(p.answers[2] == "ok");
  CHECK(p.fatal.empty());
}

TEST_CASE("after a COMMIT that failed nobody is told yes or no, and nothing more is taken") {
  FaultVfs disk("commit", 1);
  Pumped p({.vfs = disk.name()}, {.batch_max = 2});
  SUBCASE("the flush failed") { disk.fail(FaultVfs::Op::sync, 1, FaultVfs::Then::io_error); }
  SUBCASE("a write failed") { disk.fail(FaultVfs::Op::write, 2, FaultVfs::Then::io_error); }
  SUBCASE("the disk was full") {
    disk.fail(FaultVfs::Op::write, 2, FaultVfs::Then::disk_full, true);
  }
  for (std::int64_t id = 1; id <= 3; ++id) REQUIRE(p.insert(id));
  REQUIRE(p.writer->pump());
  CHECK(p.answers == std::map<std::int64_t, std::string>{
                         {1, "outcome_unknown"}, {2, "outcome_unknown"}, {3, "unavailable"}});
  CHECK(p.fatal.size() == 1);
  CHECK_FALSE(p.insert(4));
  CHECK_FALSE(p.writer->pump());
  CHECK(p.writer->line_length() == 0);
  p.writer->stop();
  CHECK(p.fatal.size() == 1);
  CHECK(p.memory.ids.empty());
  for (const auto& event : p.memory.events) CHECK(event != "committed");
}

TEST_CASE("a checkpoint that fails loses nothing and does not stop the writer") {
  FaultVfs disk("checkpoint", 1);
  Pumped p({.vfs = disk.name(), .checkpoint_pages = 1});
  REQUIRE(p.insert(1));
  // The commit flushes the log once; what follows is the checkpoint.
  disk.fail(FaultVfs::Op::sync, 3, FaultVfs::Then::io_error, true);
  CHECK(p.writer->pump());
  CHECK(p.answers[1] == "ok");
  CHECK(p.memory.own_failures.size() == 1);
  disk.forgive();
  REQUIRE(p.insert(2));
  CHECK(p.writer->pump());
  CHECK(p.answers[2] == "ok");
  CHECK(p.fatal.empty());
  CHECK(count(*p.database) == 2);
}

TEST_CASE("stop() finishes what was submitted and takes nothing more") {
  Pumped p({}, {.batch_max = 3});
  for (std::int64_t id = 1; id <= 10; ++id) REQUIRE(p.insert(id));
  SUBCASE("on its own thread") { p.writer->start(); }
  SUBCASE("without one") {}
  p.writer->stop();
  CHECK(p.answers.size() == 10);
  CHECK(count(*p.database) == 10);
  CHECK_FALSE(p.insert(11));
  p.writer->stop();
}

TEST_CASE("many threads submit at once, and each is answered once, after its row is there") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path(), .checkpoint_pages = 20});
  ListMemory memory;
  SystemClock clock;
  constexpr int per_thread = 200;
  constexpr int thread_count = 4;
  std::atomic<int> answered = 0;
  std::atomic<int> missing = 0;
  std::vector<int> times(per_thread * thread_count + 1);  // writer thread only, until stop()
  Writer writer(*database, memory, clock, {.line_max = 64, .batch_max = 16}, nullptr);
  writer.start();
  std::vector<std::thread> threads;
  for (int t = 0; t < thread_count; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < per_thread; ++i) {
        const std::int64_t id = t * per_thread + i + 1;
        const auto work = [&] {
          return std::make_unique<LambdaWork>(
              [&memory, id](Transaction& tx) {
                tx.run(sql_insert, id, std::to_string(id));
                memory.ids.push_back(id);
                if (id % 50 == 0) throw std::runtime_error("wrong");
              },
              [&, id](const std::optional<Error>& failure) {
                ++times[static_cast<std::size_t>(id)];
                if (failure.has_value() != (id % 50 == 0)) ++missing;
                if (id % 40 == 1 && !has(*database, id)) ++missing;
                ++answered;
              });
        };
        while (!writer.submit(work())) std::this_thread::yield();
        if (i % 20 == 0) database->read([](Reader& reader) { count(reader); });
      }
    });
  for (auto& thread : threads) thread.join();
  writer.stop();
  constexpr int total = per_thread * thread_count;
  CHECK(answered == total);
  CHECK(missing == 0);
  for (int id = 1; id <= total; ++id) CHECK(times[static_cast<std::size_t>(id)] == 1);
  CHECK(count(*database) == total - total / 50);
  CHECK(memory.ids.size() == static_cast<std::size_t>(total - total / 50));
}

TEST_CASE("a writer that sleeps is woken by a work, and by the memory's time") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  ListMemory memory;
  SystemClock clock;
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  bool ticked = false;
  memory.on_tick = [&](Transaction&) {
    if (!memory.wake) {
      // The first batch asks for a second one a moment later.
      memory.wake = clock.steady_now() + milliseconds(1);
      return;
    }
    memory.wake = clock.steady_now() + seconds(3'600);
    const std::lock_guard lock(mutex);
    ticked = true;
    changed.notify_all();
  };
  Writer writer(*database, memory, clock, {}, nullptr);
  writer.start();
  REQUIRE(writer.submit(
      std::make_unique<LambdaWork>([](Transaction& tx) { tx.run(sql_insert, 1, "one"); },
                                   [&](const std::optional<Error>&) {
                                     const std::lock_guard lock(mutex);
                                     done = true;
                                     changed.notify_all();
                                   })));
  std::unique_lock lock(mutex);
  CHECK(changed.wait_for(lock, std::chrono::seconds(30), [&] { return done && ticked; }));
}

TEST_CASE("on_fatal may stop the writer from the writer's own thread") {
  FaultVfs disk("fatal", 1);
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path(), .vfs = disk.name()});
  ListMemory memory;
  SystemClock clock;
  int fatal = 0;
  std::string answer;
  Writer* self = nullptr;
  Writer writer(*database, memory, clock, {}, [&](const StorageError& error) {
    CHECK(error.fault() == Fault::commit_unknown);
    ++fatal;
    self->stop();
  });
  self = &writer;
  disk.fail(FaultVfs::Op::sync, 1, FaultVfs::Then::io_error);
  REQUIRE(writer.submit(std::make_unique<LambdaWork>(
      [](Transaction& tx) { tx.run(sql_insert, 1, "one"); },
      [&](const std::optional<Error>& failure) { answer = to_string(failure.value().code); })));
  writer.start();
  writer.stop();
  CHECK(fatal == 1);
  CHECK(answer == "outcome_unknown");
}

}  // namespace sluice::storage
