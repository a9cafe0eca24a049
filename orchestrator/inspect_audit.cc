// The audit log, as people look at it.
#include "orchestrator/audit_statements.h"
#include "orchestrator/inspect_impl.h"

namespace sluice::orchestrator {
namespace {

constexpr int audit_examined_max = 20'000;

// "run.cancel", or "run" for all that was done to runs.
bool is_of_kind(std::string_view kind, std::string_view wanted) {
  return kind.starts_with(wanted) && (kind.size() == wanted.size() || kind[wanted.size()] == '.');
}

}  // namespace

Page<AuditRecord> Inspector::audit(const AuditFilter& filter, int limit,
                                   std::optional<std::int64_t> cursor) const {
  Page<AuditRecord> page;
  std::int64_t before = cursor.value_or(INT64_MAX);
  impl_->database.read([&](storage::Reader& reader) {
    auto q = filter.target ? reader.query(sql::audit_of_target_before, before, *filter.target)
                           : reader.query(sql::audit_before, before);
    for (int examined = 0; q.step(); ++examined) {
      // The cursor is the last one that was looked at: a page may be short, and even empty.
      if (examined == audit_examined_max || std::ssize(page.items) == limit) {
        page.next = std::to_string(before);
        return;
      }
      before = q.int64(0);
      const WallTime at{q.int64(1)};
      if (filter.since && at < *filter.since) continue;
      if (filter.until && !(at < *filter.until)) continue;
      if (filter.kind && !is_of_kind(q.text(3), *filter.kind)) continue;
      AuditRecord record;
      record.id = before;
      record.at = at;
      record.principal = q.text(2);
      record.kind = q.text(3);
      record.target = q.text(4);
      record.reason = q.text(5);
      record.detail = std::string(q.text(6));
      page.items.push_back(std::move(record));
    }
  });
  return page;
}

}  // namespace sluice::orchestrator
