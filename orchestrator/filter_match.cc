#include "orchestrator/filter_match.h"

#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::string_view letter_kinds[] = {"",      "stage",   "state",
                                             "queue", "binding", "compensation"};
constexpr std::string_view letter_statuses[] = {"", "OPEN", "REPLAYED", "DROPPED", "COMPENSATED"};

bool is_found(storage::Query& q, const std::string& text) {
  for (const int column : {6, 7, 8})  // state, error, cause
    if (q.text(column).find(text) != std::string_view::npos) return true;
  return to_base32(q.int64(0)).find(text) != std::string::npos ||
         (!q.is_null(4) && to_base32(q.int64(4)).find(text) != std::string::npos);
}

}  // namespace

std::string_view letter_kind_name(std::int64_t kind) { return letter_kinds[kind]; }
std::string_view letter_status_name(std::int64_t status) { return letter_statuses[status]; }

LetterMatcher::LetterMatcher(storage::Reader& reader, const DeadLetterFilter& filter)
    : filter_(filter), status_(filter.status.value_or("OPEN")) {
  if (filter.queue) {
    auto q = reader.query(sql::queue_id, *filter.queue);
    if (q.step())
      queue_ = q.int64(0);
    else
      nothing_ = true;
  }
  if (filter.workflow) {
    auto q = reader.query(sql::workflow_id, *filter.workflow);
    if (q.step())
      workflow_ = q.int64(0);
    else
      nothing_ = true;
  }
}

bool LetterMatcher::takes(storage::Reader& reader, storage::Query& q) const {
  if (status_ != "ALL" && letter_statuses[q.int64(2)] != status_) return false;
  if (queue_ && q.int64(3) != *queue_) return false;
  if (workflow_ && q.int64(5) != *workflow_) return false;
  if (filter_.run && q.int64(4) != filter_.run->value) return false;
  if (filter_.error && q.text(7) != *filter_.error) return false;
  if (filter_.kind && letter_kinds[q.int64(1)] != *filter_.kind) return false;
  if (filter_.since && q.int64(9) < filter_.since->us) return false;
  if (filter_.until && q.int64(9) >= filter_.until->us) return false;
  if (filter_.text && !is_found(q, *filter_.text)) return false;
  if (filter_.labels.empty()) return true;
  if (q.is_null(4)) return false;
  auto run = reader.query(sql::labels_of_run, q.int64(4));
  return run.step() && has_labels(run.text(0), filter_.labels);
}

RunMatcher::RunMatcher(storage::Reader& reader, const RunFilter& filter, StateOf state_of)
    : filter_(filter), state_of_(std::move(state_of)) {
  if (!filter.workflow) return;
  auto q = reader.query(sql::workflow_id, *filter.workflow);
  if (q.step())
    workflow_ = q.int64(0);
  else
    nothing_ = true;
}

bool RunMatcher::takes(storage::Query& q) const {
  if (workflow_ && q.int64(2) != *workflow_) return false;
  if (filter_.started_after && q.int64(8) <= filter_.started_after->us) return false;
  if (!has_labels(q.text(5), filter_.labels)) return false;
  if (filter_.text && q.text(4).find(*filter_.text) == std::string_view::npos &&
      q.text(11).find(*filter_.text) == std::string_view::npos &&
      to_base32(q.int64(0)).find(*filter_.text) == std::string::npos)
    return false;
  return !filter_.state || state_of_(q.id<RunTag>(0), q.int64(1)) == *filter_.state;
}

}  // namespace sluice::orchestrator
