// The routing table: what it takes, where messages go, and that it follows its rows.
#include "orchestrator/topics.h"

#include <doctest/doctest.h>

#include "storage/storage.h"
#include "support/scratch_directory.h"

namespace sluice::orchestrator {
namespace {

struct Table {
  Table() { load(topics); }
  void load(Topics& into) {
    database->read([&](storage::Reader& reader) { into.load(reader); });
  }

  void change(const std::function<void(storage::Transaction&)>& with) {
    storage::Transaction tx(database->writer_connection());
    with(tx);
    tx.commit();
    undo.clear();
  }
  void bind(const std::string& topic, const std::string& name, BindingText text) {
    auto made = make_binding(topic, name, std::move(text));
    REQUIRE(made.has_value());
    change([&](storage::Transaction& tx) { topics.put(tx, *made); });
  }
  // "name name" of the bindings that the message goes to, an "!" behind those that fail.
  static std::string names(const std::vector<Route>& routes) {
    std::string text;
    for (const Route& route : routes)
      text += (text.empty() ? "" : " ") + route.binding->name + (route.error ? "!" : "");
    return text;
  }
  std::string routed(const std::string& topic, const std::string& key,
                     const std::string& body = "{}") const {
    const auto routes =
        topics.route({{topic, key, Doc::from_text(body), {}}}, WallTime{}, [] { return 1; });
    REQUIRE(routes.has_value());
    return names(*routes);
  }

  test_support::ScratchDirectory directory;
  std::unique_ptr<storage::Database> database =
      storage::open_sqlite({.directory = directory.path()});
  storage::UndoLog undo;
  Topics topics{undo};
};

BindingText to(const std::string& target, const std::string& pattern = "#",
               std::optional<std::string> filter = {}, std::optional<std::string> event_key = {}) {
  return {pattern, std::move(filter), target, std::move(event_key)};
}

}  // namespace

TEST_CASE("a message goes to the bindings whose pattern and filter take it, by their names") {
  Table t;
  t.bind("orders", "c-all", to("queue:all"));
  t.bind("orders", "b-eu", to("queue:eu", "order.eu.*"));
  t.bind("orders", "a-big", to("workflow:big", "order.#", "{% amount > 100 %}"));
  t.bind("orders", "d-odd", to("queue:odd", "odd", "{% amount + 'x' %}"));
  t.bind("other", "all", to("queue:all"));
  CHECK(t.routed("orders", "order.eu.created") == "b-eu c-all");
  CHECK(t.routed("orders", "order.eu", R"({"amount":101})") == "a-big c-all");
  CHECK(t.routed("orders", "odd", R"({"amount":1})") == "c-all d-odd!");
  CHECK(t.routed("orders", "") == "c-all");
  CHECK(t.routed("nowhere", "order.eu.created") == "");
  CHECK(t.topics.unbound("nowhere"));
  CHECK_FALSE(t.topics.unbound("orders"));
}

TEST_CASE("the key of an event is a text or computed") {
  Table t;
  t.bind("paid", "fixed", to("event:paid", "#", {}, "all"));
  t.bind("paid", "computed", to("event:paid", "#", {}, "{% order %}"));
  t.bind("paid", "none", to("event:paid"));
  const auto routes = t.topics.route({{"paid", "k", Doc::from_text(R"({"order":"o-1"})"), {}},
                                      {"paid", "k", Doc::from_text("{}"), {}}},
                                     WallTime{}, [] { return 1; });
  REQUIRE(routes.has_value());
  REQUIRE(routes->size() == 6);
  CHECK((*routes)[0].event_key == "o-1");
  CHECK((*routes)[1].event_key == "all");
  CHECK((*routes)[2].event_key.empty());
  CHECK((*routes)[3].message == 1);
  CHECK((*routes)[3].error.has_value());
}

TEST_CASE("the table follows its rows: changes, a rollback, and a new start") {
  Table t;
  t.bind("orders", "one", to("queue:one"));
  t.bind("orders", "one", to("queue:other", "a"));
  t.bind("orders", "two", to("queue:two"));
  CHECK(t.routed("orders", "b") == "two");
  {
    storage::Transaction tx(t.database->writer_connection());
    const auto mark = t.undo.mark();
    t.topics.erase(tx, "orders", "two");
    t.topics.erase(tx, "orders", "one");
    CHECK(t.topics.unbound("orders"));
    t.topics.put(tx, *make_binding("orders", "three", to("queue:three")));
    t.topics.put(tx, *make_binding("new", "four", to("queue:four")));
    CHECK(t.routed("orders", "a") == "three");
    t.undo.undo_to(mark);
  }
  CHECK(t.routed("orders", "a") == "one two");
  CHECK(t.topics.unbound("new"));
  storage::UndoLog undo;
  Topics again(undo);
  t.load(again);
  CHECK(again.size("orders") == 2);
  REQUIRE(again.find("orders", "one") != nullptr);
  CHECK(again.find("orders", "one")->text == to("queue:other", "a"));
}

TEST_CASE("a publish has a bound on its deliveries and on what its filters may cost") {
  Table t;
  for (int i = 0; i < 101; ++i) t.bind("wide", "b" + std::to_string(i), to("queue:q"));
  t.bind("slow", "b", to("queue:q", "#", "{% $count([1..50000].($ + 1)) > 0 %}"));
  const auto code = [&](const std::string& topic, std::size_t count) {
    const std::vector<Publication> messages(count, {topic, "k", Doc::from_text("{}"), {}});
    const auto routes = t.topics.route(messages, WallTime{}, [] { return 1; });
    return routes ? std::to_string(routes->size()) : std::string(to_string(routes.error().code));
  };
  CHECK(code("wide", 990) == "99990");
  CHECK(code("wide", 991) == "too_large");
  CHECK(code("slow", 1) == "1");
  CHECK(code("slow", 1'000) == "too_large");
}

TEST_CASE("what is wrong with a binding is told by its places, all at once") {
  const auto refused = make_binding("white space", "", {"a..b", "amount", "topic:x", "{% + %}"});
  REQUIRE_FALSE(refused.has_value());
  std::string places;
  for (const auto& problem : refused.error().problems) places += problem.pointer + " ";
  CHECK(places == "/topic /name /pattern /filter /to /event_key ");
  for (const char* target : {"queue:", "queue:white space", "Queue:q", "q", "", "event:"}) {
    CAPTURE(target);
    CHECK_FALSE(make_binding("t", "b", to(target)).has_value());
  }
  CHECK_FALSE(make_binding("t", "b", to("queue:q", "#", {}, "key")).has_value());
  CHECK_FALSE(make_binding("t", "b", to("event:e", "#", {}, std::string(1'025, 'k'))).has_value());
  CHECK(make_binding("t", "b", to("event:e", "#", "{% true %}", "{% $key %}")).has_value());
  CHECK_FALSE(make_binding(std::string(250, 't'), "b", to("queue:q")).has_value());
}

}  // namespace sluice::orchestrator
