// Rows against a filter: what lists show and what bulk jobs take are the same.
//
// A matcher is made for one Reader's look or one step of the writer, since it holds the ids that
// the filter's names stand for. Confined to the caller's thread. Throws storage::StorageError.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "orchestrator/filters.h"
#include "storage/storage.h"

namespace sluice::orchestrator {

// Names of a dead letter's numbers.
std::string_view letter_kind_name(std::int64_t kind);
std::string_view letter_status_name(std::int64_t status);

class LetterMatcher {
 public:
  // `filter` must outlive it.
  LetterMatcher(storage::Reader& reader, const DeadLetterFilter& filter);
  // There is no queue or workflow of that name.
  bool nothing() const { return nothing_; }
  std::optional<std::int64_t> queue() const { return queue_; }
  // Only open ones are meant.
  bool open_only() const { return status_ == "OPEN"; }
  // `row`: the columns of sql::letters_before.
  bool takes(storage::Reader& reader, storage::Query& row) const;

 private:
  const DeadLetterFilter& filter_;
  std::optional<std::int64_t> queue_, workflow_;
  std::string status_;
  bool nothing_ = false;
};

class RunMatcher {
 public:
  // The name of the state in which the run's root frame stands; "": in none, or it has ended.
  using StateOf = std::function<std::string(RunId run, std::int64_t version)>;
  RunMatcher(storage::Reader& reader, const RunFilter& filter, StateOf state_of);
  bool nothing() const { return nothing_; }
  // `row`: the columns of sql::runs_before. The filter's status is the caller's.
  bool takes(storage::Query& row) const;

 private:
  const RunFilter& filter_;
  StateOf state_of_;
  std::optional<std::int64_t> workflow_;
  bool nothing_ = false;
};

}  // namespace sluice::orchestrator
