// A database whose writing connection fails at the Nth statement from now on, or at every one from
// there.
//
// It wraps a real one, so that what is rolled back is really rolled back. Statements are counted
// when they are first stepped; begin, commit and savepoints are not. Not thread-safe, caller
// serialises.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "storage/storage.h"

namespace sluice::test_support {

class FailingDatabase final : public storage::Database {
 public:
  explicit FailingDatabase(std::unique_ptr<storage::Database> real)
      : real_(std::move(real)), connection_(*this) {}

  // The `nth` statement from now on fails (1 is the next); with `always`, all after it as well.
  void fail_at(std::int64_t nth, bool always = false) {
    left_ = nth;
    always_ = always;
    failed_ = false;
  }
  void forgive() { left_ = 0; }
  bool failed() const { return failed_; }
  std::int64_t statements() const { return statements_; }

  storage::Connection& writer_connection() override { return connection_; }
  void read(const std::function<void(storage::Reader&)>& look, bool limited = true) override {
    real_->read(look, limited);
  }
  bool checkpoint_due(bool idle) const override { return real_->checkpoint_due(idle); }
  void checkpoint() override { real_->checkpoint(); }
  std::int64_t disk_free_bytes() const override {
    return disk_free ? *disk_free : real_->disk_free_bytes();
  }
  std::int64_t file_bytes() const override { return real_->file_bytes(); }
  std::int64_t schema_version() const override { return real_->schema_version(); }

  std::optional<std::int64_t> disk_free;  // what the disk is said to have left

 private:
  class Statement final : public storage::PreparedStatement {
   public:
    Statement(FailingDatabase& owner, storage::PreparedStatement& real, std::string_view name)
        : owner_(owner), real_(real), name_(name) {}
    void bind_null(int i) override { real_.bind_null(i); }
    void bind(int i, std::int64_t v) override { real_.bind(i, v); }
    void bind(int i, double v) override { real_.bind(i, v); }
    void bind_text(int i, std::string_view v) override { real_.bind_text(i, v); }
    void bind_blob(int i, std::string_view v) override { real_.bind_blob(i, v); }
    bool step() override {
      if (!stepped_) owner_.count(name_);
      stepped_ = true;
      return real_.step();
    }
    std::int64_t changes() const override { return real_.changes(); }
    void reset() noexcept override {
      stepped_ = false;
      real_.reset();
    }
    bool is_null(int c) const override { return real_.is_null(c); }
    std::int64_t int64(int c) const override { return real_.int64(c); }
    double real(int c) const override { return real_.real(c); }
    std::string_view text(int c) const override { return real_.text(c); }
    std::string_view blob(int c) const override { return real_.blob(c); }

   private:
    FailingDatabase& owner_;
    storage::PreparedStatement& real_;
    std::string_view name_;
    bool stepped_ = false;
  };

  class Connection final : public storage::Connection {
   public:
    explicit Connection(FailingDatabase& owner) : owner_(owner) {}
    storage::PreparedStatement& prepare(const storage::Sql& sql) override {
      auto& made = statements_[&sql];
      if (!made)
        made = std::make_unique<Statement>(owner_, owner_.real_->writer_connection().prepare(sql),
                                           sql.name);
      return *made;
    }
    void execute(std::string_view script) override {
      owner_.real_->writer_connection().execute(script);
    }
    void commit() override { owner_.real_->writer_connection().commit(); }
    void rollback() noexcept override { owner_.real_->writer_connection().rollback(); }

   private:
    FailingDatabase& owner_;
    std::map<const storage::Sql*, std::unique_ptr<Statement>> statements_;
  };

  void count(std::string_view name) {
    ++statements_;
    if (left_ == 0 || (left_ > 1 && --left_ > 0)) return;
    failed_ = true;
    left_ = always_ ? 1 : 0;
    throw storage::StorageError(storage::Fault::other,
                                "made to fail at statement " + std::string(name));
  }

  std::unique_ptr<storage::Database> real_;
  Connection connection_;
  std::int64_t left_ = 0, statements_ = 0;
  bool always_ = false, failed_ = false;
};

}  // namespace sluice::test_support
