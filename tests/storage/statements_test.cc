#include "storage/fixture.h"

namespace sluice::storage {

TEST_CASE("what is bound is what is read, for every type") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  const std::string blob("\0\x01\xff", 3);
  {
    Transaction tx(database->writer_connection());
    CHECK(tx.run(sql_insert_all, 1, "one", as_blob(blob), 2.5) == 1);
    CHECK(tx.run(sql_insert_all, 2, std::string_view(), as_blob({}), nullptr) == 1);
    CHECK(tx.run(sql_insert_all, 3, "three", nullptr, std::optional<double>()) == 1);
    tx.commit();
  }
  database->read([&](Reader& reader) {
    Query q = reader.query(sql_select, 1);
    REQUIRE(q.step());
    CHECK(q.int64(0) == 1);
    CHECK(q.text(1) == "one");
    CHECK(q.blob(2) == blob);
    CHECK(q.real(3) == 2.5);
    CHECK_FALSE(q.step());
  });
  database->read([&](Reader& reader) {
    Query q = reader.query(sql_select, 2);
    REQUIRE(q.step());
    // An empty view may have no address at all; it is an empty text, not NULL.
    CHECK_FALSE(q.is_null(1));
    CHECK_FALSE(q.is_null(2));
    CHECK(q.text(1).empty());
    CHECK(q.is_null(3));
  });
  database->read([&](Reader& reader) {
    Query q = reader.query(sql_select, 3);
    REQUIRE(q.step());
    CHECK(q.is_null(2));
    CHECK(q.blob(2).empty());
    CHECK(q.is_null(3));
  });
}

TEST_CASE("run() says how many rows changed, and none for what changes none") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  Transaction tx(database->writer_connection());
  CHECK(tx.run(sql_rename_all, "!") == 0);
  tx.run(sql_insert, 1, "a");
  tx.run(sql_insert, 2, "b");
  CHECK(tx.run(sql_rename_all, "!") == 2);
  // SQLite's own counter would still say 2.
  CHECK(tx.run(sql_count) == 0);
}

TEST_CASE("a statement is prepared once, and its bindings do not outlive its query") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  Connection& connection = database->writer_connection();
  Transaction tx(connection);
  PreparedStatement* first = nullptr;
  {
    PreparedStatement& statement = connection.prepare(sql_select);
    first = &statement;
    Query q(statement);
  }
  tx.run(sql_insert, 7, "seven");
  {
    Query q = tx.query(sql_select, 7);
    CHECK(q.step());
  }
  PreparedStatement& again = connection.prepare(sql_select);
  CHECK(&again == first);
  Query unbound(again);
  CHECK_FALSE(unbound.step());
}

TEST_CASE("more statements than the cache had room for at first are all kept") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  Connection& connection = database->writer_connection();
  std::vector<std::string> texts;
  std::vector<Sql> statements;
  for (int i = 0; i < 500; ++i) texts.push_back("SELECT " + std::to_string(i));
  for (const auto& text : texts) statements.push_back({"test.many", text});
  std::vector<PreparedStatement*> first;
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < statements.size(); ++i) {
      PreparedStatement& prepared = connection.prepare(statements[i]);
      if (round == 0)
        first.push_back(&prepared);
      else
        CHECK(first[i] == &prepared);
      Query q(prepared);
      REQUIRE(q.step());
      CHECK(q.int64(0) == static_cast<std::int64_t>(i));
    }
}

TEST_CASE("a refused row is a constraint fault that names the statement and the rule") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  Transaction tx(database->writer_connection());
  tx.run(sql_insert, 1, "same");
  const StorageError unique = error_from([&] { tx.run(sql_insert, 2, "same"); });
  CHECK(unique.fault() == Fault::constraint);
  CHECK(unique.engine_code() == 2067);  // SQLITE_CONSTRAINT_UNIQUE
  CHECK(contains(unique.what(), "test.insert"));
  CHECK(contains(unique.what(), "item.name"));
  CHECK(error_from([&] { tx.run(sql_insert, -1, "negative"); }).fault() == Fault::constraint);
  CHECK(error_from([&] { tx.run(sql_insert, 3, nullptr); }).fault() == Fault::constraint);
  // The transaction goes on.
  tx.run(sql_insert, 2, "other");
  CHECK(count(tx) == 2);
}

TEST_CASE("a text that is not SQL, and a parameter that is not there, are told with the name") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  static constexpr Sql sql_wrong{"test.wrong", "SELEKT 1"};
  static constexpr Sql sql_empty{"test.empty", "-- nothing"};
  Transaction tx(database->writer_connection());
  const StorageError wrong = error_from([&] { tx.run(sql_wrong); });
  CHECK(wrong.fault() == Fault::other);
  CHECK(contains(wrong.what(), "test.wrong"));
  CHECK(contains(wrong.what(), "SELEKT"));
  CHECK(contains(error_from([&] { tx.run(sql_empty); }).what(), "test.empty"));
  const StorageError range = error_from([&] { tx.run(sql_count, 1); });
  CHECK(contains(range.what(), "test.count, binding ?1"));
}

TEST_CASE("a transaction that is not committed is rolled back by its destructor") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  {
    Transaction tx(database->writer_connection());
    tx.run(sql_insert, 1, "one");
  }
  CHECK(count(*database) == 0);
  {
    Transaction tx(database->writer_connection());
    tx.run(sql_insert, 1, "one");
    tx.commit();
  }
  CHECK(count(*database) == 1);
}

TEST_CASE("a savepoint takes back what came after it and nothing else") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  Transaction tx(database->writer_connection());
  tx.run(sql_insert, 1, "one");
  tx.savepoint();
  tx.run(sql_insert, 2, "two");
  tx.rollback_savepoint();
  tx.savepoint();
  tx.run(sql_insert, 3, "three");
  tx.release_savepoint();
  tx.commit();
  CHECK(has(*database, 1));
  CHECK_FALSE(has(*database, 2));
  CHECK(has(*database, 3));
}

TEST_CASE("a full disk is its own fault, and says what to do") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  database->writer_connection().execute("PRAGMA max_page_count = 8");
  const std::string large(100'000, 'x');
  Transaction tx(database->writer_connection());
  const StorageError full =
      error_from([&] { tx.run(sql_insert_all, 1, "large", as_blob(large), nullptr); });
  CHECK(full.fault() == Fault::disk_full);
  CHECK(contains(full.what(), "Free space"));
}

TEST_CASE("after SQLite rolled a transaction back by itself nothing more of it is taken") {
  ScratchDirectory directory;
  auto database = open_test({.directory = directory.path()});
  Connection& connection = database->writer_connection();
  static constexpr Sql sql_rollback{"test.insert_or_rollback",
                                    "INSERT OR ROLLBACK INTO item (id, name) VALUES (?1, ?2)"};
  {
    Transaction tx(connection);
    tx.run(sql_insert, 1, "one");
    CHECK(error_from([&] { tx.run(sql_rollback, 1, "one"); }).fault() == Fault::constraint);
    // On its own this would succeed and commit at once, outside of any transaction.
    CHECK(contains(error_from([&] { tx.run(sql_insert, 2, "two"); }).what(), "refused"));
    CHECK(contains(error_from([&] { tx.commit(); }).what(), "refused"));
  }
  CHECK(count(*database) == 0);
  Transaction tx(connection);
  tx.run(sql_insert, 2, "two");
  tx.commit();
  CHECK(count(*database) == 1);
}

}  // namespace sluice::storage
