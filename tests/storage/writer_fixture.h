// A memory that keeps a list and its undo log, and works made of lambdas, to test the Writer with.
#pragma once

#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/fixture.h"
#include "storage/writer.h"

namespace sluice::storage {

// Memory beside the rows: the ids inserted so far. Its length is the mark. Writer thread only, but
// for what a test reads after stop().
class ListMemory final : public Memory {
 public:
  std::size_t mark() override { return ids.size(); }
  void undo_to(std::size_t mark) override {
    ids.resize(mark);
    ++undone;
  }
  void before_commit(Transaction& tx) override {
    events.push_back("before_commit");
    if (on_before_commit) on_before_commit(tx);
  }
  void committed() override { events.push_back("committed"); }
  std::optional<Duration> next_wake() override { return wake; }
  void tick(Transaction& tx) override {
    events.push_back("tick");
    if (on_tick) on_tick(tx);
  }
  void failed(const std::string& what) override { own_failures.push_back(what); }

  std::vector<std::int64_t> ids;
  int undone = 0;
  std::optional<Duration> wake;
  std::function<void(Transaction&)> on_tick;
  std::function<void(Transaction&)> on_before_commit;
  std::vector<std::string> events;
  std::vector<std::string> own_failures;
};

class LambdaWork final : public Work {
 public:
  using Apply = std::function<void(Transaction&)>;
  using Done = std::function<void(const std::optional<Error>&)>;
  LambdaWork(Apply apply, Done done) : apply_(std::move(apply)), done_(std::move(done)) {}
  void apply(Transaction& tx) override { apply_(tx); }
  void done(const std::optional<Error>& failure) override { done_(failure); }

 private:
  Apply apply_;
  Done done_;
};

// A writer that is pumped by hand, and what became of each work, by id.
struct Pumped {
  explicit Pumped(Options options = {}, WriterLimits limits = {}) {
    if (options.directory.empty()) options.directory = directory.path();
    database = open_test(options);
    writer = std::make_unique<Writer>(*database, memory, clock, limits,
                                      [this](const StorageError& e) { fatal.push_back(e.what()); });
  }

  LambdaWork::Done record(std::int64_t id) {
    return [this, id](const std::optional<Error>& failure) {
      const bool first = answers.emplace(id, failure ? to_string(failure->code) : "ok").second;
      CHECK(first);
      if (failure) details.emplace(id, failure->detail);
      memory.events.push_back("done " + std::to_string(id));
    };
  }
  bool submit(std::int64_t id, LambdaWork::Apply apply) {
    return writer->submit(std::make_unique<LambdaWork>(std::move(apply), record(id)));
  }
  bool insert(std::int64_t id) {
    return submit(id, [this, id](Transaction& tx) {
      tx.run(sql_insert, id, std::to_string(id));
      memory.ids.push_back(id);
    });
  }
  // Writes, changes memory, and then throws.
  bool insert_and_throw(std::int64_t id) {
    return submit(id, [this, id](Transaction& tx) {
      tx.run(sql_insert, id, std::to_string(id));
      memory.ids.push_back(id);
      throw std::runtime_error("work " + std::to_string(id) + " is wrong");
    });
  }

  ScratchDirectory directory;
  std::unique_ptr<Database> database;
  ListMemory memory;
  VirtualClock clock;
  std::vector<std::string> fatal;
  std::map<std::int64_t, std::string> answers;
  std::map<std::int64_t, std::string> details;
  std::unique_ptr<Writer> writer;  // goes first
};

}  // namespace sluice::storage
