// What was acknowledged is on disk: the same load with the disk failing at every single call in
// turn.
#include "storage/writer_fixture.h"
#include "support/fault_vfs.h"

namespace sluice::storage {

using test_support::FaultVfs;

namespace {

struct Outcome {
  std::set<std::int64_t> acknowledged;
  std::set<std::int64_t> refused;  // told that nothing of it is kept
  bool opened = false;
};

constexpr std::int64_t batches = 12;
constexpr std::int64_t batch_size = 3;

// Batches of works, some of which fail by themselves, with a checkpoint after nearly every one.
// Ends at the first thing that throws, as a server would.
Outcome run_load(const std::string& directory, const FaultVfs& disk) {
  Outcome outcome;
  try {
    auto database = open_test({.directory = directory, .vfs = disk.name(), .checkpoint_pages = 4});
    outcome.opened = true;
    ListMemory memory;
    VirtualClock clock;
    Writer writer(*database, memory, clock, {}, nullptr);
    const std::string body(1'500, 'b');
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      for (std::int64_t i = 1; i <= batch_size; ++i) {
        const std::int64_t id = batch * batch_size + i;
        const bool taken = writer.submit(std::make_unique<LambdaWork>(
            [id, &body](Transaction& tx) {
              tx.run(sql_insert_all, id, std::to_string(id), as_blob(body), nullptr);
              if (id % 7 == 0) throw std::runtime_error("wrong");
            },
            [id, &outcome](const std::optional<Error>& failure) {
              if (!failure)
                outcome.acknowledged.insert(id);
              else if (failure->code != Errc::outcome_unknown)
                outcome.refused.insert(id);
            }));
        if (!taken) return outcome;
      }
      writer.pump();
    }
  } catch (const StorageError&) {
  }
  return outcome;
}

void check_survivors(const std::string& directory, const FaultVfs& disk, const Outcome& outcome) {
  auto database = open_test({.directory = directory, .vfs = disk.name()});
  static constexpr Sql sql_integrity{"test.integrity", "PRAGMA integrity_check"};
  database->read([&](Reader& reader) {
    Query q = reader.query(sql_integrity);
    REQUIRE(q.step());
    CHECK(q.text(0) == "ok");
  });
  for (const std::int64_t id : outcome.acknowledged) CHECK(has(*database, id));
  for (const std::int64_t id : outcome.refused) CHECK_FALSE(has(*database, id));
  // A batch is there as a whole or not at all; a work that failed by itself is not part of it.
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    std::int64_t there = 0;
    std::int64_t expected = 0;
    for (std::int64_t i = 1; i <= batch_size; ++i) {
      const std::int64_t id = batch * batch_size + i;
      there += has(*database, id) ? 1 : 0;
      expected += id % 7 == 0 ? 0 : 1;
    }
    CHECK((there == 0 || there == expected));
  }
}

// Fails call 1, 2, 3 … of its kind until the load gets through without meeting the fault.
void at_every_call(FaultVfs::Op op, FaultVfs::Then then) {
  std::int64_t failures_met = 0;
  for (std::int64_t nth = 1;; ++nth) {
    CAPTURE(nth);
    ScratchDirectory directory;
    FaultVfs disk("every", static_cast<std::uint64_t>(nth));
    disk.fail(op, nth, then);
    const Outcome outcome = run_load(directory.path(), disk);
    const bool met = disk.count(op) >= nth;
    disk.crash();
    disk.restart();
    check_survivors(directory.path(), disk, outcome);
    if (!met) {
      CHECK(outcome.acknowledged.size() == batches * batch_size - batches * batch_size / 7);
      break;
    }
    ++failures_met;
  }
  CHECK(failures_met > 10);
}

}  // namespace

TEST_CASE("a power cut at any write or flush loses nothing that was acknowledged") {
  at_every_call(FaultVfs::Op::change, FaultVfs::Then::crash);
}

TEST_CASE("a write that is torn by a power cut loses nothing that was acknowledged") {
  at_every_call(FaultVfs::Op::write, FaultVfs::Then::torn_crash);
}

TEST_CASE("an I/O error at any write or flush loses nothing that was acknowledged") {
  at_every_call(FaultVfs::Op::change, FaultVfs::Then::io_error);
}

TEST_CASE("a disk that is full at any write loses nothing that was acknowledged") {
  at_every_call(FaultVfs::Op::write, FaultVfs::Then::disk_full);
}

TEST_CASE("the faulty disk itself forgets what was not flushed and keeps what was") {
  ScratchDirectory directory;
  bool lost = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FaultVfs disk("forget", seed);
    const std::string data = directory / std::to_string(seed);
    {
      auto database = open_test({.directory = data, .vfs = disk.name()});
      const auto insert = [&](std::int64_t id) {
        Transaction tx(database->writer_connection());
        tx.run(sql_insert, id, std::to_string(id));
        tx.commit();
      };
      insert(1);
      database->writer_connection().execute("PRAGMA synchronous = OFF");
      insert(2);
      disk.crash();
      CHECK_THROWS_AS(insert(3), StorageError);
    }
    CHECK(disk.crashed());
    disk.restart();
    auto database = open_test({.directory = data});
    CHECK(has(*database, 1));
    CHECK_FALSE(has(*database, 3));
    lost = lost || !has(*database, 2);
  }
  // Without a flush before it was told, a row can be lost: the tests above would notice.
  CHECK(lost);
}

}  // namespace sluice::storage
