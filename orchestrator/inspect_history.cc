// A run's history, read back from the log.
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/statements.h"
#include "queue/queue.h"

namespace sluice::orchestrator {
namespace {

constexpr std::size_t rows_max = 100'000;

std::string type_of(const LogRecord& r, workflows::StateType state_type) {
  if (r.record.kind == Kind::task_released) {
    if (r.note.starts_with("lost")) return "TaskLost";
    if (r.note.starts_with("skipped")) return "TaskSkipped";
  }
  if (r.record.kind == Kind::task_succeeded && r.note == "submitted") return "TaskSubmitted";
  return event_name(r.record.kind, state_type);
}

std::string_view doc_field(Kind kind) {
  switch (kind) {
    case Kind::execution_started:
    case Kind::state_entered:
      return "input";
    case Kind::task_scheduled:
      return "parameters";
    default:
      return "output";
  }
}

}  // namespace

std::vector<HistoryEvent> Inspector::Impl::events(storage::Reader& reader, RunId run,
                                                  std::int64_t last_seq, std::int64_t version_id) {
  struct Row {
    std::int64_t seq;
    FrameId frame;
    WallTime at;
    std::string events, docs;
  };
  std::vector<Row> rows;
  for (std::int64_t seq = last_seq; seq != 0 && rows.size() < rows_max;) {
    auto q = reader.query(sql::find_log, seq);
    if (!q.step()) break;
    rows.push_back({seq, q.is_null(1) ? FrameId{run.value} : q.id<FrameTag>(1),
                    WallTime{q.int64(3)}, std::string(q.blob(4)), std::string(q.blob(5))});
    seq = q.is_null(2) ? 0 : q.int64(2);
  }
  std::reverse(rows.begin(), rows.end());

  // A payload that passes through is stored once and spoken of often: each is read and parsed once.
  std::map<std::pair<std::int64_t, std::uint32_t>, Json> docs;
  const auto json_of = [&](DocRef ref) -> const Json& {
    const auto [at, fresh] = docs.try_emplace({ref.seq, ref.slot});
    if (fresh) {
      const auto row = std::lower_bound(rows.begin(), rows.end(), ref.seq,
                                        [](const Row& r, std::int64_t seq) { return r.seq < seq; });
      if (row != rows.end() && row->seq == ref.seq)
        at->second = Json::parse(doc_of(row->events, row->docs, ref.slot), nullptr, false);
      else
        at->second = doc(reader, ref).json();
    }
    return at->second;
  };

  // A redrive may go on with another version; each ending keeps the frame, which knows the version
  // until then.
  std::vector<std::vector<LogRecord>> records;
  std::vector<std::int64_t> version_ids(rows.size(), version_id);
  std::size_t told = 0;
  for (const auto& row : rows) {
    records.push_back(decode_events(row.seq, row.events));
    for (const auto& r : records.back()) {
      if (r.kept_frame.empty()) continue;
      const std::int64_t until_here = decode_frame(row.frame, r.kept_frame).version_id;
      std::fill(version_ids.begin() + static_cast<std::ptrdiff_t>(told),
                version_ids.begin() + static_cast<std::ptrdiff_t>(records.size()), until_here);
      told = records.size();
    }
  }

  std::vector<HistoryEvent> list;
  std::map<FrameId, workflows::StateIndex> standing;  // where each frame is, as the events go on
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const auto machine = version(reader, version_ids[i]).machine;
    for (const auto& r : records[i]) {
      if (r.record.kind == Kind::frame_kept) continue;
      // The mark of a callback has no hand-out of its own.
      if (r.record.kind == Kind::task_started && r.fence == 0) continue;
      HistoryEvent e;
      e.id = static_cast<std::int64_t>(list.size()) + 1;
      e.frame = row.frame;
      e.at = r.record.kind == Kind::task_started ? r.started_at : row.at;
      auto type = workflows::StateType::task;
      auto state = r.record.state;
      if (r.record.kind == Kind::state_entered) standing[row.frame] = state;
      if (r.record.kind == Kind::task_started) {  // A hand-out is recorded without its state: it is
                                                  // where the frame stands.
        const auto at = standing.find(row.frame);
        if (at != standing.end()) state = at->second;
      }
      if (state != workflows::no_state && state < machine->states.size()) {
        e.state = machine->states[state].name;
        type = machine->states[state].type;
      }
      e.type = type_of(r, type);
      e.detail = Json::object();
      if (r.doc_ref) e.detail[std::string(doc_field(r.record.kind))] = json_of(r.doc_ref);
      if (r.record.fault.error) e.detail["error"] = *r.record.fault.error;
      if (r.record.fault.cause) e.detail["cause"] = *r.record.fault.cause;
      if (!r.queue.empty()) e.detail["queue"] = r.queue;
      if (r.fence != 0) {
        e.detail["worker"] = r.worker;
        e.detail["attempt"] = r.attempt;
      }
      if (r.record.number != 0) e.detail["retry"] = r.record.number;
      if (r.record.delay.us != 0)
        e.detail["delay_seconds"] = static_cast<double>(r.record.delay.us) / 1e6;
      if (r.until) e.detail["until"] = to_rfc3339(*r.until);
      if (!r.note.empty() && r.note != "submitted") {
        if (r.record.kind == Kind::dead_letter_replayed || r.record.kind == Kind::dead_lettered)
          e.detail["dead_letter"] = r.note;
        else
          e.detail["note"] = r.note;
      }
      list.push_back(std::move(e));
    }
  }
  return list;
}

Result<Page<HistoryEvent>> Inspector::history(RunId id, int limit, std::int64_t after) const {
  std::optional<Page<HistoryEvent>> found;
  impl_->database.read([&](storage::Reader& reader) {
    std::int64_t last_seq = 0, version_id = 0;
    {
      auto q = reader.query(sql::one_run, id);
      if (!q.step()) return;
      version_id = q.int64(1);
      last_seq = q.is_null(10) ? 0 : q.int64(10);
    }
    std::optional<HistoryEvent> in_hands;
    if (last_seq == 0) {
      if (const auto frame = impl_->root_frame(reader, id)) {
        last_seq = frame->last_seq;
        // The hand-out that is current is told by the message; the log gets it with what ends it.
        if (auto q = reader.query(sql::one_message, id);
            q.step() && static_cast<queue::State>(q.int64(3)) == queue::State::leased) {
          HistoryEvent e;
          e.type = event_name(Kind::task_started, workflows::StateType::task);
          e.at = WallTime{q.int64(8)};
          e.frame = FrameId{id.value};
          if (frame->frame.state != workflows::no_state)
            e.state = impl_->version(reader, version_id).machine->states[frame->frame.state].name;
          e.detail = Json::object();
          e.detail["worker"] = std::string(q.text(12));
          e.detail["attempt"] = q.int64(6);
          in_hands = std::move(e);
        }
      }
    }
    auto events = impl_->events(reader, id, last_seq, version_id);
    if (in_hands) {
      in_hands->id = static_cast<std::int64_t>(events.size()) + 1;
      events.push_back(std::move(*in_hands));
    }
    Page<HistoryEvent> page;
    const auto from = static_cast<std::size_t>(
        std::clamp<std::int64_t>(after, 0, static_cast<std::int64_t>(events.size())));
    const auto to = std::min(events.size(), from + static_cast<std::size_t>(limit));
    page.items.assign(std::make_move_iterator(events.begin() + static_cast<std::ptrdiff_t>(from)),
                      std::make_move_iterator(events.begin() + static_cast<std::ptrdiff_t>(to)));
    if (to < events.size()) page.next = std::to_string(to);
    found = std::move(page);
  });
  if (!found) return make_error(Errc::not_found, "no run " + to_string(id));
  return std::move(*found);
}

}  // namespace sluice::orchestrator
