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
    case Kind::variables_assigned:
      return "variables";
    case Kind::evaluation_failed:
      return "expression";
    default:
      return "output";
  }
}

}  // namespace

// Every row of the run's log in the order it happened, without its documents: the root frame's
// along `prev`, the children's along their index.
std::vector<Inspector::Impl::HistoryRow> Inspector::Impl::history_rows(storage::Reader& reader,
                                                                       RunId run,
                                                                       std::int64_t last_seq) {
  std::vector<HistoryRow> rows;
  for (std::int64_t seq = last_seq; seq != 0 && rows.size() < rows_max;) {
    auto q = reader.query(sql::find_log, seq);
    if (!q.step()) break;
    rows.push_back({seq, FrameId{run.value}, WallTime{q.int64(3)}, decode_events(seq, q.blob(4))});
    seq = q.is_null(2) ? 0 : q.int64(2);
  }
  std::reverse(rows.begin(), rows.end());
  const std::size_t roots = rows.size();
  for (auto q = reader.query(sql::log_of_children, run,
                             static_cast<std::int64_t>(rows_max - rows.size()));
       q.step();)
    rows.push_back({q.int64(0), q.id<FrameTag>(1), WallTime{q.int64(2)},
                    decode_events(q.int64(0), q.blob(3))});
  if (rows.size() > roots)
    std::sort(rows.begin(), rows.end(),
              [](const HistoryRow& a, const HistoryRow& b) { return a.seq < b.seq; });
  return rows;
}

namespace {

bool shown(const LogRecord& r) {
  if (r.record.kind == Kind::frame_kept || r.record.kind == Kind::stage_left) return false;
  // The mark of a callback has no hand-out of its own.
  return r.record.kind != Kind::task_started || r.fence != 0;
}

// Which member of an event a record's number is.
std::string_view number_field(Kind kind) {
  switch (kind) {
    case Kind::map_started:
      return "length";
    case Kind::iteration_started:
    case Kind::iteration_succeeded:
    case Kind::iteration_failed:
    case Kind::iteration_aborted:
    case Kind::branch_aborted:
      return "index";
    case Kind::counter_changed:
      return "add";
    case Kind::execution_moved:
      return "version";
    default:
      return "retry";
  }
}

std::string_view note_field(Kind kind) {
  switch (kind) {
    case Kind::gate_awaited:
    case Kind::gate_opened:
    case Kind::counter_changed:
      return "counter";
    case Kind::lock_awaited:
    case Kind::lock_acquired:
    case Kind::lock_released:
      return "lock";
    default:
      return "note";
  }
}

Json detail_of(const LogRecord& r) {
  Json detail = Json::object();
  if (r.record.fault.error) detail["error"] = *r.record.fault.error;
  if (r.record.fault.cause) detail["cause"] = *r.record.fault.cause;
  if (!r.queue.empty()) detail["queue"] = r.queue;
  if (r.fence != 0) {
    detail["worker"] = r.worker;
    detail["attempt"] = r.attempt;
  }
  const std::string_view number = number_field(r.record.kind);
  if (r.record.number > 0 || (number == "add" && r.record.number < 0) ||
      (number == "index" && r.record.number == 0))
    detail[std::string(number)] = r.record.number;
  if (r.record.delay.us != 0)
    detail["delay_seconds"] = static_cast<double>(r.record.delay.us) / 1e6;
  if (r.until) detail["until"] = to_rfc3339(*r.until);
  if (!r.note.empty() && r.note != "submitted") {
    const bool letter =
        r.record.kind == Kind::dead_letter_replayed || r.record.kind == Kind::dead_lettered;
    detail[letter ? "dead_letter" : std::string(note_field(r.record.kind))] = r.note;
  }
  return detail;
}

}  // namespace

Inspector::Impl::HistoryPart Inspector::Impl::events(storage::Reader& reader,
                                                     const std::vector<HistoryRow>& rows,
                                                     std::int64_t version_id, std::size_t from,
                                                     std::size_t count) {
  // A redrive may go on with another version, and so may a run that is moved; each ending and each
  // move keeps the frame, which knows the version until then.
  std::vector<std::int64_t> version_ids(rows.size(), version_id);
  std::size_t told = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const auto& r : rows[i].records) {
      if (r.kept_frame.empty()) continue;
      const std::int64_t until_here = decode_frame(rows[i].frame, r.kept_frame).version_id;
      std::fill(version_ids.begin() + static_cast<std::ptrdiff_t>(told),
                version_ids.begin() + static_cast<std::ptrdiff_t>(i) + 1, until_here);
      told = i + 1;
    }

  // A payload that passes through is stored once and spoken of often: each is read and parsed once.
  std::map<std::pair<std::int64_t, std::uint32_t>, Json> docs;
  const auto json_of = [&](DocRef ref) -> const Json& {
    const auto [at, fresh] = docs.try_emplace({ref.seq, ref.slot});
    if (fresh) at->second = doc(reader, ref).json();
    return at->second;
  };

  std::map<std::int64_t, std::shared_ptr<const workflows::Machine>> machines;
  const auto machine_of = [&](std::int64_t id) -> const workflows::Machine& {
    auto& machine = machines[id];
    if (!machine) machine = version(reader, id).machine;
    return *machine;
  };

  HistoryPart part;
  std::map<FrameId, std::string> standing;  // where each frame is, as the events go on
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const HistoryRow& row = rows[i];
    for (const auto& r : row.records) {
      if (r.record.kind == Kind::state_entered)
        standing[row.frame] = machine_of(version_ids[i]).states[r.record.state].name;
      if (!shown(r)) continue;
      const std::size_t place = part.total++;
      if (place < from || place >= from + count) continue;
      const auto& machine = machine_of(version_ids[i]);
      HistoryEvent e;
      e.id = static_cast<std::int64_t>(place) + 1;
      e.frame = row.frame;
      e.at = r.record.kind == Kind::task_started ? r.started_at : row.at;
      auto type = workflows::StateType::task;
      const auto state = r.record.state;
      if (r.record.kind == Kind::task_started) {  // A hand-out is recorded without its state: it is
                                                  // where the frame stands.
        const auto at = standing.find(row.frame);
        if (at != standing.end()) e.state = at->second;
      }
      if (state != workflows::no_state && state < machine.states.size()) {
        e.state = machine.states[state].name;
        type = machine.states[state].type;
      }
      e.type = type_of(r, type);
      e.detail = detail_of(r);
      if (r.doc_ref) e.detail[std::string(doc_field(r.record.kind))] = json_of(r.doc_ref);
      part.events.push_back(std::move(e));
    }
  }
  return part;
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
    const auto from = static_cast<std::size_t>(std::max<std::int64_t>(0, after));
    const auto wanted = static_cast<std::size_t>(limit);
    auto part =
        impl_->events(reader, impl_->history_rows(reader, id, last_seq), version_id, from, wanted);
    if (in_hands) {
      in_hands->id = static_cast<std::int64_t>(part.total) + 1;
      if (part.total >= from && part.total < from + wanted)
        part.events.push_back(std::move(*in_hands));
      ++part.total;
    }
    Page<HistoryEvent> page;
    page.items = std::move(part.events);
    if (from + wanted < part.total) page.next = std::to_string(from + wanted);
    found = std::move(page);
  });
  if (!found) return make_error(Errc::not_found, "no run " + to_string(id));
  return std::move(*found);
}

}  // namespace sluice::orchestrator
