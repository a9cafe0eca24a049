#include <fmt/core.h>

#include "orchestrator/filter_match.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/statements.h"
#include "queue/queue.h"

namespace sluice::orchestrator {
namespace {

constexpr int rows_examined_max = 50'000;
constexpr std::string_view status_names[] = {"",       "RUNNING",      "SUCCEEDED",
                                             "FAILED", "TIMED_OUT",    "ABORTED",
                                             "PAUSED", "COMPENSATING", "COMPENSATED"};

}  // namespace

std::vector<std::pair<std::string, std::string>> labels_of(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> labels;
  if (text.empty()) return labels;
  const Json object = Json::parse(text, nullptr, false);
  for (const auto& [key, value] : object.items())
    labels.emplace_back(key, value.get<std::string>());
  return labels;
}

bool has_labels(std::string_view text,
                const std::vector<std::pair<std::string, std::string>>& wanted) {
  if (wanted.empty()) return true;
  const auto labels = labels_of(text);
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
  });
}

std::string_view run_status_name(std::int64_t status) { return status_names[status]; }

std::optional<std::int64_t> run_status_number(std::string_view name) {
  for (std::size_t i = 1; i < std::size(status_names); ++i)
    if (status_names[i] == name) return static_cast<std::int64_t>(i);
  return std::nullopt;
}

Inspector::Inspector(storage::Database& database, const Engine& engine)
    : impl_(std::unique_ptr<Impl>(new Impl{database, engine, {}, {}})) {}
Inspector::~Inspector() = default;

Inspector::Impl::Version Inspector::Impl::version(storage::Reader& reader,
                                                  std::int64_t version_id) {
  {
    const std::lock_guard lock(mutex);
    if (const auto at = versions.find(version_id); at != versions.end()) return at->second;
  }
  Version found;
  auto q = reader.query(sql::version_text, version_id);
  SLUICE_CHECK(q.step(), "the version of a run");
  found.workflow = q.text(0);
  found.number = q.int64(1);
  auto compiled = workflows::compile(q.text(2));
  if (!compiled)
    throw storage::StorageError(storage::Fault::corrupt,
                                "workflow " + found.workflow + " can no longer be compiled");
  found.machine = compiled->machine;
  const std::lock_guard lock(mutex);
  return versions.emplace(version_id, std::move(found)).first->second;
}

Doc Inspector::Impl::doc(storage::Reader& reader, DocRef ref) {
  auto q = reader.query(sql::log_docs, ref.seq);
  if (!q.step()) return {};
  return Doc::from_text(doc_of(q.blob(0), q.blob(1), ref.slot));
}

WallTime Inspector::Impl::wall_of(EngineTime t) const {
  return engine.wall_now() + (t - engine.stats().engine_now);
}

RunSummary Inspector::Impl::summary(storage::Reader& reader, storage::Query& row) {
  RunSummary s;
  s.id = row.id<RunTag>(0);
  const Version v = version(reader, row.int64(1));
  s.workflow = v.workflow;
  s.version = v.number;
  s.status = run_status_name(row.int64(3));
  s.name = row.text(4);
  s.labels = labels_of(row.text(5));
  s.started_at = WallTime{row.int64(8)};
  if (!row.is_null(9)) s.ended_at = WallTime{row.int64(9)};
  s.error = row.text(11);
  return s;
}

std::optional<FrameRow> Inspector::Impl::root_frame(storage::Reader& reader, RunId run) {
  const FrameId id{run.value};
  if (auto q = reader.query(sql::one_message, id); q.step()) return decode_frame(id, q.blob(17));
  if (auto q = reader.query(sql::find_frame, id); q.step()) return decode_frame(id, q.blob(4));
  return std::nullopt;
}

std::string Inspector::Impl::state_of(storage::Reader& reader, RunId run, std::int64_t version_id) {
  const auto frame = root_frame(reader, run);
  if (!frame || frame->frame.state == workflows::no_state) return {};
  return version(reader, version_id).machine->states[frame->frame.state].name;
}

Page<RunSummary> Inspector::runs(const RunFilter& filter, int limit,
                                 const std::optional<std::string>& cursor) const {
  Page<RunSummary> page;
  std::int64_t before = INT64_MAX;
  if (cursor) before = parse_base32(*cursor).value_or(INT64_MAX);
  const auto status = filter.status ? run_status_number(*filter.status) : std::nullopt;
  if (filter.status && !status) return page;
  impl_->database.read([&](storage::Reader& reader) {
    const RunMatcher matcher(reader, filter, [&](RunId run, std::int64_t version) {
      return impl_->state_of(reader, run, version);
    });
    if (matcher.nothing()) return;
    const bool by_status = status && *status > 2;
    auto q = by_status ? reader.query(sql::runs_of_status, before, *status)
                       : reader.query(sql::runs_before, before);
    for (int examined = 0; q.step(); ++examined) {
      if (static_cast<int>(page.items.size()) == limit || examined == rows_examined_max) {
        page.next = to_base32(before);  // the last one looked at
        return;
      }
      before = q.int64(0);
      if (status && q.int64(3) != *status) continue;
      if (!matcher.takes(q)) continue;
      page.items.push_back(impl_->summary(reader, q));
    }
  });
  return page;
}

Result<RunDetail> Inspector::run(RunId id) const {
  std::optional<RunDetail> found;
  impl_->database.read([&](storage::Reader& reader) {
    auto q = reader.query(sql::one_run, id);
    if (!q.step()) return;
    RunDetail detail;
    static_cast<RunSummary&>(detail) = impl_->summary(reader, q);
    detail.input = impl_->doc(reader, {q.int64(7), 0});
    if (!q.is_null(6)) detail.not_before = WallTime{q.int64(6)};
    detail.redrives = q.int64(12);
    if (q.is_null(9)) {
      detail.waiting_for = impl_->waiting_for(reader, id);
    } else {
      DocRef output;
      if (auto last = reader.query(sql::find_log, q.int64(10)); last.step())
        for (const auto& record : decode_events(q.int64(10), last.blob(4))) {
          if (record.record.kind == Kind::execution_succeeded) output = record.doc_ref;
          if (record.record.fault.cause) detail.cause = record.record.fault.cause;
        }
      if (output) detail.output = impl_->doc(reader, output);
    }
    detail.compensations = impl_->compensations(reader, id);
    if (auto letter = reader.query(sql::open_letter_of_run, id); letter.step())
      detail.dead_letter = letter.id<DeadLetterTag>(0);
    found = std::move(detail);
  });
  if (!found) return make_error(Errc::not_found, "no run " + to_string(id));
  return std::move(*found);
}

Result<std::vector<WaitingFor>> Inspector::why(RunId id) const {
  std::optional<std::vector<WaitingFor>> found;
  impl_->database.read([&](storage::Reader& reader) {
    if (!reader.query(sql::one_run, id).step()) return;
    found = impl_->waiting_for(reader, id);
  });
  if (!found) return make_error(Errc::not_found, "no run " + to_string(id));
  return std::move(*found);
}

}  // namespace sluice::orchestrator
