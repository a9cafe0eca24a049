#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "storage/fixture.h"
#include "storage/lock_file.h"

namespace sluice::storage {

namespace {
constexpr Migration two_steps[] = {
    test_migrations[0],
    {2, "0002_colour",
     "ALTER TABLE item ADD COLUMN colour TEXT; CREATE INDEX item_colour ON item (colour);"},
};
constexpr Migration second_is_wrong[] = {
    test_migrations[0],
    {2, "0002_wrong", "CREATE TABLE half (a); CREATE TABLE item (a);"},
};
}  // namespace

TEST_CASE("the schema that is in the binary makes a new database, and opens it again") {
  ScratchDirectory directory;
  const std::string inner = directory / "made/when/missing";
  std::int64_t version = 0;
  {
    auto database = open_sqlite({.directory = inner});
    version = database->schema_version();
    CHECK(version >= 1);
    CHECK(database->file_bytes() > 0);
    CHECK(database->disk_free_bytes() > 0);
  }
  CHECK(std::filesystem::exists(inner + "/sluice.db"));
  CHECK(open_sqlite({.directory = inner})->schema_version() == version);
}

TEST_CASE("a database of an older version is brought forward and keeps its rows") {
  ScratchDirectory directory;
  {
    auto database = open_test({.directory = directory.path()});
    CHECK(database->schema_version() == 1);
    Transaction tx(database->writer_connection());
    tx.run(sql_insert, 1, "old");
    tx.commit();
  }
  auto database = open_sqlite({.directory = directory.path()}, two_steps);
  CHECK(database->schema_version() == 2);
  CHECK(has(*database, 1));
  static constexpr Sql sql_colour{"test.colour", "UPDATE item SET colour = ?1"};
  Transaction tx(database->writer_connection());
  CHECK(tx.run(sql_colour, "red") == 1);
}

TEST_CASE("the CHECKs of a database from before they were written anew refuse what they refused") {
  static constexpr Sql sql_deadline{"test.deadline",
                                    "INSERT INTO deadlines (due, frame, kind) VALUES (1, 1, ?1)"};
  static constexpr Sql sql_table{"test.table",
                                 "SELECT sql FROM sqlite_schema WHERE name = 'messages'"};
  static constexpr Sql sql_sound{"test.sound", "PRAGMA integrity_check"};
  ScratchDirectory directory;
  {
    auto database = open_sqlite({.directory = directory.path()}, sqlite_migrations().first(2));
    Transaction tx(database->writer_connection());
    tx.run(sql_deadline, 1);
    tx.commit();
  }
  auto database = open_sqlite({.directory = directory.path()});
  Transaction tx(database->writer_connection());
  CHECK(tx.run(sql_deadline, 3) == 1);
  CHECK(error_from([&] { tx.run(sql_deadline, 1); }).fault() == Fault::constraint);  // It is there.
  for (const int kind : {0, 4})
    CHECK(error_from([&] { tx.run(sql_deadline, kind); }).fault() == Fault::constraint);
  auto table = tx.query(sql_table);
  REQUIRE(table.step());
  CHECK(table.text(0).find("CHECK (state BETWEEN 1 AND 5)") != std::string_view::npos);
  auto sound = tx.query(sql_sound);
  REQUIRE(sound.step());
  CHECK(sound.text(0) == "ok");
}

TEST_CASE("dead letters made before topics had bindings stay as they are, and new kinds fit") {
  ScratchDirectory directory;
  static constexpr Sql insert{
      "test.insert_letter",
      "INSERT INTO dead_letters (id, kind, status, queue, run, state, error, cause, at, attempts, "
      "priority, body, failures) VALUES (?1, ?2, 1, 7, ?3, ?4, 'e', 'c', 1, 1, 4, '1', '[]')"};
  {
    auto database = open_sqlite({.directory = directory.path()}, sqlite_migrations().first(5));
    Transaction tx(database->writer_connection());
    tx.run(insert, 1, 3, std::optional<std::int64_t>{}, std::optional<std::string_view>{});
    tx.run(insert, 2, 1, 5, std::string_view("S"));
    tx.commit();
  }
  auto database = open_sqlite({.directory = directory.path()});
  static constexpr Sql letters{
      "test.letters",
      "SELECT id, kind, run, body, topic FROM dead_letters INDEXED BY dead_letters_open WHERE "
      "status = 1 AND queue = 7 ORDER BY id"};
  static constexpr Sql binding{
      "test.insert_binding_letter",
      "INSERT INTO dead_letters (id, kind, status, error, cause, at, attempts, priority, body, "
      "failures, topic, binding, key) VALUES (3, 4, 1, 'e', 'c', 1, 0, 4, '1', '[]', 't', ?1, '')"};
  Transaction tx(database->writer_connection());
  {
    auto q = tx.query(letters);
    REQUIRE(q.step());
    CHECK(q.int64(1) == 3);
    CHECK(q.is_null(2));
    CHECK(q.is_null(4));
    REQUIRE(q.step());
    CHECK(q.int64(2) == 5);
    CHECK(q.text(3) == "1");
    CHECK_FALSE(q.step());
  }
  CHECK(error_from([&] { tx.run(binding, std::optional<std::string_view>{}); }).fault() ==
        Fault::constraint);
  CHECK(tx.run(binding, std::string_view("b")) == 1);
}

TEST_CASE("a migration that fails leaves nothing of itself and all of those before it") {
  ScratchDirectory directory;
  const StorageError error =
      error_from([&] { open_sqlite({.directory = directory.path()}, second_is_wrong); });
  CHECK(contains(error.what(), "0002_wrong"));
  auto database = open_test({.directory = directory.path()});
  CHECK(database->schema_version() == 1);
  static constexpr Sql sql_half{"test.half",
                                "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"};
  database->read([](Reader& reader) {
    Query q = reader.query(sql_half);
    q.step();
    CHECK(q.int64(0) == 0);
  });
}

TEST_CASE("a database of a newer version is refused, naming both versions and the way out") {
  ScratchDirectory directory;
  open_sqlite({.directory = directory.path()}, two_steps);
  const StorageError error = error_from([&] { open_test({.directory = directory.path()}); });
  CHECK(error.fault() == Fault::newer_schema);
  CHECK(contains(error.what(), "schema version 2"));
  CHECK(contains(error.what(), "up to 1"));
  CHECK(contains(error.what(), "newer binary"));
  // And it was left as it was.
  CHECK(open_sqlite({.directory = directory.path()}, two_steps)->schema_version() == 2);
}

TEST_CASE("a file that is not a database, or another program's, is refused as corrupt") {
  ScratchDirectory directory;
  std::ofstream(directory / "sluice.db") << std::string(8'192, 'x');
  CHECK(error_from([&] { open_test({.directory = directory.path()}); }).fault() == Fault::corrupt);
  ScratchDirectory other;
  open_test({.directory = other.path()})->writer_connection().execute("PRAGMA application_id = 5");
  const StorageError error = error_from([&] { open_test({.directory = other.path()}); });
  CHECK(error.fault() == Fault::corrupt);
  CHECK(contains(error.what(), "another program"));
}

TEST_CASE("a directory that cannot be made is an error of the environment with its path") {
  ScratchDirectory directory;
  std::ofstream(directory / "file") << "x";
  const StorageError error = error_from([&] { open_test({.directory = directory / "file/data"}); });
  CHECK(error.fault() == Fault::io);
  CHECK(contains(error.what(), directory / "file/data"));
}

TEST_CASE("a second server on one directory is refused with the first one's pid") {
  ScratchDirectory directory;
  auto first = open_test({.directory = directory.path()});
  const StorageError error = error_from([&] { open_test({.directory = directory.path()}); });
  CHECK(error.fault() == Fault::locked_by_other);
  CHECK(contains(error.what(), "pid " + std::to_string(::getpid())));
  CHECK(contains(error.what(), "started 20"));
  first.reset();
  CHECK_NOTHROW(open_test({.directory = directory.path()}));
}

TEST_CASE("a reader sees one moment, however long it looks") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  database->read([&](Reader& reader) {
    CHECK(count(reader) == 0);
    Transaction tx(database->writer_connection());
    tx.run(sql_insert, 1, "one");
    tx.commit();
    CHECK(count(reader) == 0);
  });
  CHECK(count(*database) == 1);
}

TEST_CASE("a reader cannot write") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  const StorageError error = error_from(
      [&] { database->read([](Reader& reader) { reader.query(sql_insert, 1, "one").step(); }); });
  CHECK(contains(error.what(), "readonly"));
  CHECK(count(*database) == 0);
}

TEST_CASE("no more readers look at once than the pool has, and all get their turn") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path(), .readers_max = 2});
  std::atomic<int> looking = 0;
  std::atomic<int> most = 0;
  std::atomic<int> total = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j)
        database->read([&](Reader& reader) {
          const int now = ++looking;
          int seen = most.load();
          while (seen < now && !most.compare_exchange_weak(seen, now)) {
          }
          count(reader);
          std::this_thread::yield();
          ++total;
          --looking;
        });
    });
  for (auto& thread : threads) thread.join();
  CHECK(most <= 2);
  CHECK(total == 400);
}

TEST_CASE("a read over its limit is interrupted, be it one long statement or many short ones") {
  ScratchDirectory directory;
  auto database =
      open_test({.directory = directory.path(), .readers_max = 1, .read_limit = milliseconds(5)});
  const StorageError one =
      error_from([&] { database->read([](Reader& reader) { reader.query(sql_endless).step(); }); });
  CHECK(one.fault() == Fault::interrupted);
  CHECK(contains(one.what(), "Ask for less"));
  const StorageError many = error_from([&] {
    database->read([](Reader& reader) {
      for (;;) reader.query(sql_has, 1).step();
    });
  });
  CHECK(many.fault() == Fault::interrupted);
  // The one connection of the pool is usable again.
  CHECK(count(*database) == 0);
}

TEST_CASE("a read without a limit may take its time") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path(), .read_limit = microseconds(0)});
  static constexpr Sql sql_long{
      "test.long",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) "
      "SELECT count(*) FROM n"};
  const auto look = [](Reader& reader) { reader.query(sql_long).step(); };
  CHECK(error_from([&] { database->read(look); }).fault() == Fault::interrupted);
  CHECK_NOTHROW(database->read(look, false));
}

TEST_CASE("an exception of the one who looks passes through and gives the connection back") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path(), .readers_max = 1});
  CHECK_THROWS_WITH(database->read([](Reader& reader) {
    count(reader);
    throw std::runtime_error("mine");
  }),
                    "mine");
  CHECK(count(*database) == 0);
}

TEST_CASE(
    "the log is moved into the database when it is long, sooner when there is nothing to do") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path(), .checkpoint_pages = 10});
  const std::string page(4'000, 'x');
  std::int64_t id = 0;
  const auto write_pages = [&](int n) {
    for (int i = 0; i < n; ++i) {
      Transaction tx(database->writer_connection());
      ++id;
      tx.run(sql_insert_all, id, std::to_string(id), as_blob(page), nullptr);
      tx.commit();
    }
  };
  database->checkpoint();
  CHECK_FALSE(database->checkpoint_due(true));
  write_pages(5);
  CHECK(database->checkpoint_due(true));
  CHECK_FALSE(database->checkpoint_due(false));
  write_pages(20);
  CHECK(database->checkpoint_due(false));
  database->checkpoint();
  CHECK_FALSE(database->checkpoint_due(true));
  // The log is written from its start again: the files grow by what is stored, not by the log.
  const std::int64_t before = database->file_bytes();
  for (int i = 0; i < 10; ++i) {
    write_pages(5);
    database->checkpoint();
  }
  CHECK(database->file_bytes() - before < 50 * 2 * 4'096);
}

TEST_CASE("a reader in the way of a checkpoint delays it and does not stop it for ever") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path(), .checkpoint_pages = 10});
  const auto write = [&](std::int64_t from) {
    for (std::int64_t id = from; id < from + 20; ++id) {
      Transaction tx(database->writer_connection());
      tx.run(sql_insert, id, std::to_string(id));
      tx.commit();
    }
  };
  database->read([&](Reader& reader) {
    CHECK(count(reader) == 0);
    write(1);
    database->checkpoint();
    CHECK_FALSE(database->checkpoint_due(true));  // not at once again
    CHECK(count(reader) == 0);
  });
  write(21);
  CHECK(database->checkpoint_due(true));
  database->checkpoint();
  CHECK(count(*database) == 40);
}

}  // namespace sluice::storage
