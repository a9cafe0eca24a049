// The disk fails at every single call in turn: nothing that was acknowledged is lost, nothing is
// half done.
#include "orchestrator/engine_fixture.h"

namespace sluice::orchestrator::engine_test {

namespace {

using test_support::FaultVfs;

struct Outcome {
  std::map<std::string, RunId> started;  // acknowledged, by name
  std::set<RunId> completed;             // acknowledged
  bool unknown = false;
};

// Starts and completes runs until the disk has failed the engine.
Outcome load(World& w) {
  Outcome out;
  for (int i = 0; i < 12; ++i) {
    auto command = World::starting("orders", "{\"pad\":\"" + std::string(600, 'x') + "\"}");
    command.name = "r" + std::to_string(i);
    const auto started = w.run(command);
    if (started)
      out.started.emplace(*command.name, started->id);
    else if (started.error().code == Errc::outcome_unknown)
      out.unknown = true;
    std::vector<Delivery> tasks;
    w.engine->lease({.queue = "pay", .max = 1, .wait = {}, .lease = {}, .worker = "w"},
                    [&](Result<std::vector<Delivery>> r) {
                      if (r)
                        tasks = *std::move(r);
                      else if (r.error().code == Errc::outcome_unknown)
                        out.unknown = true;
                    });
    w.engine->pump();
    for (const auto& task : tasks) {
      const auto done = w.run(CompleteTask{task.token, doc("{}")});
      if (done)
        out.completed.insert(*task.run);
      else if (done.error().code == Errc::outcome_unknown)
        out.unknown = true;
    }
    if (out.unknown) {
      CHECK(w.fatal.size() == 1);
      CHECK(w.refused(command).code == Errc::unavailable);
      break;
    }
    w.advance(milliseconds(700));
  }
  return out;
}

void at_every_call(FaultVfs::Op op, FaultVfs::Then then, bool and_after, std::int64_t stride) {
  std::int64_t met = 0, unknown = 0;
  for (std::int64_t nth = 1;; nth += stride) {
    CAPTURE(nth);
    World w;
    w.deploy("orders", stages({"Pay"}));
    const std::int64_t before = w.disk.count(op);
    w.disk.fail(op, nth, then, and_after);
    const Outcome out = load(w);
    const bool was_met = w.disk.count(op) - before >= nth;
    w.disk.forgive();
    w.close();
    w.disk.crash();
    w.disk.restart();
    w.open();
    w.engine->pump();
    w.sound();
    for (const auto& [name, id] : out.started) {
      auto again = World::starting("orders", "{\"pad\":\"" + std::string(600, 'x') + "\"}");
      again.name = name;
      const auto reply = w.must(again);
      CHECK(reply.existing);
      CHECK(reply.id == id);
      const std::string status = w.status(id);
      if (out.completed.contains(id))
        CHECK(status == "SUCCEEDED");
      else
        CHECK((status == "RUNNING" || (out.unknown && status == "SUCCEEDED")));
    }
    // And it goes on: everything can end.
    w.pass(seconds(31), seconds(10));
    for (const auto& task : w.lease("pay", 100)) w.complete(task.token);
    for (const auto& [name, id] : out.started) CHECK(w.status(id) == "SUCCEEDED");
    w.sound();
    if (!was_met) break;
    ++met;
    unknown += out.unknown ? 1 : 0;
  }
  CHECK(met > 5);
  CHECK(unknown > 0);
}

}  // namespace

TEST_CASE("a power cut at any write or flush loses no acknowledged transition") {
  at_every_call(FaultVfs::Op::change, FaultVfs::Then::crash, false, 3);
}
TEST_CASE("a torn write loses no acknowledged transition") {
  at_every_call(FaultVfs::Op::write, FaultVfs::Then::torn_crash, false, 4);
}
TEST_CASE("an I/O error at any write or flush loses no acknowledged transition") {
  at_every_call(FaultVfs::Op::change, FaultVfs::Then::io_error, false, 3);
}
TEST_CASE("a flush that fails leaves the outcome unknown or nothing lost") {
  at_every_call(FaultVfs::Op::sync, FaultVfs::Then::io_error, true, 1);
}
TEST_CASE("a full disk loses no acknowledged transition") {
  at_every_call(FaultVfs::Op::write, FaultVfs::Then::disk_full, true, 4);
}

}  // namespace sluice::orchestrator::engine_test
