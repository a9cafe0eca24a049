// Queues over a real database file, without any workflow: each change is one transaction, committed
// or rolled back.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "queue/queue.h"
#include "support/failing_database.h"
#include "support/fault_vfs.h"
#include "support/scratch_directory.h"

namespace sluice::queue {

struct Bench {
  Bench() { open(); }
  void open() {
    database = std::make_unique<test_support::FailingDatabase>(
        storage::open_sqlite({.directory = directory.path(), .vfs = disk.name()}));
    undo = std::make_unique<storage::UndoLog>();
    queues = std::make_unique<Queues>(*undo);
    database->read([&](Reader& reader) { queues->load(reader); });
    queues->order_from(order);
    // Ids and consumers of the last process are no more.
    given.clear();
  }
  void reopen() {
    std::map<std::string, Settings> in_force;
    for (const auto& [id, q] : queues->all()) in_force[q->name] = q->settings;
    order = std::max(order, time.engine) + seconds(2);
    queues.reset();
    undo.reset();
    database.reset();
    open();
    for (const auto& [id, q] : queues->all()) q->settings = in_force[q->name];
    commit([](Transaction&) {});
  }

  // One batch, as the writer runs it. False: a statement failed, and nothing of it is left.
  template <class Change>
  bool commit(Change change) {
    const std::size_t mark = undo->mark();
    try {
      Transaction tx(database->writer_connection());
      queues->wake_due(tx, time, 256);
      change(tx);
      queues->dispatch(tx, time, 2'000);
      tx.commit();
    } catch (const storage::StorageError&) {
      undo->undo_to(mark);
      CHECK(undo->mark() == 0);
      return false;
    }
    undo->clear();
    for (auto& h : queues->handouts())
      if (queues->find_lease(h.lease) != nullptr)
        given.push_back({h.consumer, h.lease, h.body ? h.body.text() : ""});
    queues->committed();
    return true;
  }
  // Whatever its sender did, it never happened.
  template <class Change>
  void roll_back(Change change) {
    const std::size_t mark = undo->mark();
    {
      Transaction tx(database->writer_connection());
      change(tx);
      queues->dispatch(tx, time, 2'000);
    }
    undo->undo_to(mark);
  }

  void advance(Duration d) {
    time.wall = time.wall + d;
    time.engine = time.engine + d;
  }

  Queue& queue(const std::string& name) {
    Queue* found = queues->find(name);
    if (found == nullptr) {
      REQUIRE(commit([&](Transaction& tx) { queues->get_or_make(tx, name, time); }));
      found = queues->find(name);
    }
    return *found;
  }
  Put message(const std::string& name, const std::string& body, int priority = priority_default) {
    Put put;
    put.id = MessageId{++last_id};
    put.queue = queue(name).id;
    put.priority = priority;
    put.body = Doc::from_text(body);
    return put;
  }
  MessageId send(const std::string& name, const std::string& body,
                 int priority = priority_default) {
    const Put put = message(name, body, priority);
    REQUIRE(commit([&](Transaction& tx) { queues->put(tx, put, time); }));
    return put.id;
  }
  std::int64_t subscribe(const std::string& name, std::int64_t credit,
                         SessionId session = SessionId{1}) {
    Consumer consumer;
    consumer.queue = queue(name).id;
    consumer.session = session;
    consumer.worker = "w";
    consumer.credit = credit;
    std::int64_t id = 0;
    REQUIRE(commit([&](Transaction&) { id = queues->add_consumer(consumer); }));
    return id;
  }

  // The queue's settings, as an operator gives them.
  void limit(const std::string& name, const Settings& settings) {
    Queue& q = queue(name);
    REQUIRE(commit([&](Transaction& tx) {
      queues->set_operator_settings(tx, q, std::string("{}"), settings);
    }));
  }
  MessageId send_keyed(const std::string& name, const std::string& body, std::string_view key,
                       int priority = priority_default) {
    Put put = message(name, body, priority);
    put.order_key = key;
    REQUIRE(commit([&](Transaction& tx) { queues->put(tx, put, time); }));
    return put.id;
  }

  struct Given {
    std::int64_t consumer;
    LeaseKey lease;
    std::string body;
  };
  std::string bodies() {
    std::string text;
    for (const auto& g : given) text += g.body;
    return text;
  }
  Lease& lease(std::size_t index) {
    Lease* found = queues->find_lease(given.at(index).lease);
    REQUIRE(found != nullptr);
    return *found;
  }
  std::int64_t past() {
    return static_cast<std::int64_t>(queues->past_deadline(time.engine, 1'000).size());
  }

  // Memory is as the rows are; every leased row has its lease, and no other.
  void sound() {
    static constexpr storage::Sql rows{
        "test.rows",
        "SELECT q.name, coalesce(sum(m.state = 1), 0), coalesce(sum(m.state = 2), 0), "
        "coalesce(sum(m.state = 4), 0), "
        "coalesce(sum(m.state = 5), 0), (SELECT count(*) FROM dead_letters d WHERE d.queue = q.id "
        "AND d.status = 1), coalesce(sum(m.state = 3), 0), (SELECT count(*) FROM order_lines l "
        "WHERE l.queue = q.id) "
        "FROM queues q LEFT JOIN messages m ON m.queue = q.id GROUP BY q.id"};
    static constexpr storage::Sql lanes{
        "test.lanes",
        "SELECT queue, lane, count(*) FROM messages WHERE state = 1 GROUP BY queue, lane"};
    static constexpr storage::Sql leased{"test.leased",
                                         "SELECT id, fence FROM messages WHERE state = 4"};
    std::map<std::string, std::vector<std::int64_t>> stored, known;
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> stored_lanes, known_lanes;
    std::set<LeaseKey> stored_leases, known_leases;
    database->read([&](Reader& reader) {
      for (auto q = reader.query(rows); q.step();)
        stored[std::string(q.text(0))] = {q.int64(1), q.int64(2), q.int64(3), q.int64(4),
                                          q.int64(5), q.int64(6), q.int64(7)};
      for (auto q = reader.query(lanes); q.step();)
        stored_lanes[{q.int64(0), q.int64(1)}] = q.int64(2);
      for (auto q = reader.query(leased); q.step();)
        stored_leases.insert({q.id<MessageTag>(0), q.int64(1)});
    });
    for (const auto& [id, q] : queues->all()) {
      known[q->name] = {q->ready, q->delayed, q->leased, q->held, q->dead, q->blocked, q->keyed};
      for (const auto& lane : q->lanes)
        if (lane->ready != 0) known_lanes[{id, lane->id}] = lane->ready;
    }
    for (const auto& [key, held] : queues->leases())
      if (!held.over) known_leases.insert(key);
    CHECK(known == stored);
    CHECK(known_lanes == stored_lanes);
    CHECK((known_leases == stored_leases));
  }

  Now time{WallTime{1'767'225'600'000'000}, EngineTime{0}};
  std::int64_t last_id = 0;
  EngineTime order;  // behind everything that was put before the last restart
  test_support::ScratchDirectory directory;
  test_support::FaultVfs disk{"bench", 1};
  std::unique_ptr<test_support::FailingDatabase> database;
  std::unique_ptr<storage::UndoLog> undo;
  std::unique_ptr<Queues> queues;
  std::vector<Given> given;  // what was handed out, in order
};

// The same assertions before and after a restart.
template <class Assertions>
void holds(Bench& bench, Assertions assertions) {
  bench.sound();
  assertions();
  bench.reopen();
  INFO("after the restart");
  bench.sound();
  assertions();
}

}  // namespace sluice::queue
