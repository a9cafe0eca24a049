// What the frames of a live run wait for, in sentences and with the data behind them.
#include <fmt/core.h>

#include "orchestrator/compensation_statements.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/join.h"
#include "orchestrator/statements.h"
#include "queue/queue.h"

namespace sluice::orchestrator {
namespace {

constexpr std::size_t frames_shown_max = 100;

}  // namespace

std::string in_words(Duration d) {
  const std::int64_t s = std::max<std::int64_t>(0, d.us / 1'000'000);
  if (d.us < 1'000'000) return fmt::format("{} ms", std::max<std::int64_t>(0, d.us / 1'000));
  if (s < 120) return fmt::format("{} s", s);
  if (s < 7'200) return fmt::format("{} min", s / 60);
  if (s < 172'800) return fmt::format("{} h", s / 3'600);
  return fmt::format("{} days", s / 86'400);
}

// What one frame waits for, then what its children wait for. Recurses as deep as the definition
// nests.
void Inspector::Impl::add_waits(storage::Reader& reader, FrameId id,
                                std::vector<WaitingFor>& list) {
  if (list.size() >= frames_shown_max) return;
  const WallTime wall = engine.wall_now();
  WaitingFor w;
  w.frame = id;
  w.detail = Json::object();
  if (auto q = reader.query(sql::one_message, id); q.step()) {
    const FrameRow row = decode_frame(id, q.blob(17));
    const Version v = version(reader, row.version_id);
    w.state = v.machine->states[row.frame.state].name;
    w.kind = to_string(WaitKind::message);
    w.since = WallTime{q.int64(8)};
    if (auto name = reader.query(sql::queue_name, q.int64(1)); name.step()) w.name = name.text(0);
    const auto stats = engine.queue(w.name);
    const auto state = static_cast<queue::State>(q.int64(3));
    w.detail["queue"] = w.name;
    w.detail["attempt"] = q.int64(6);
    switch (state) {
      case queue::State::ready: {
        std::int64_t ahead = 0;
        if (auto count = reader.query(sql::ahead_of, q.int64(1), q.int64(2), q.int64(4));
            count.step())
          ahead = count.int64(0);
        w.detail["status"] = "ready";
        w.detail["ahead"] = ahead;
        w.sentence = fmt::format("ready in queue \"{}\" for {}, {} ahead of it", w.name,
                                 in_words(wall - w.since),
                                 ahead == 1000 ? "1000 or more" : std::to_string(ahead));
        if (stats && stats->breaker)
          add_breaker(*stats, w);
        else if (const auto paused = paused_workflow(reader, v.workflow))
          w.sentence += *paused;
        else if (stats && stats->paused)
          w.sentence += "; the queue is paused: resume it";
        else if (stats && stats->consumers == 0)
          w.sentence += "; no worker is connected to the queue: start one";
        else if (stats)
          add_limits(*stats, w);
        break;
      }
      case queue::State::delayed: {
        const bool engine_clock = q.int64(9) == 1;
        const WallTime until =
            engine_clock ? wall_of(EngineTime{q.int64(10)}) : WallTime{q.int64(10)};
        w.detail["status"] = "delayed";
        w.detail["until"] = to_rfc3339(until);
        w.sentence = fmt::format("attempt {} in queue \"{}\" comes in {}", q.int64(6) + 1, w.name,
                                 in_words(until - wall));
        if (!q.text(16).empty()) {
          const Json failures = Json::parse(q.text(16), nullptr, false);
          if (failures.is_array() && !failures.empty()) {
            w.detail["last_error"] = failures.back()["error"];
            w.sentence += fmt::format("; the last failed with {}",
                                      failures.back()["error"].get<std::string>());
          }
        }
        break;
      }
      case queue::State::leased:
        w.detail["status"] = "leased";
        w.detail["worker"] = std::string(q.text(12));
        w.detail["lease_until"] = to_rfc3339(wall_of(EngineTime{q.int64(11)}));
        w.sentence = fmt::format("in the hands of worker \"{}\" for {} (queue \"{}\", attempt {})",
                                 q.text(12), in_words(wall - w.since), w.name, q.int64(6));
        break;
      case queue::State::blocked:
        add_key(reader, q.int64(1), id.value, w);
        break;
      case queue::State::held:
        w.kind = to_string(WaitKind::operator_);
        w.detail["status"] = "held";
        w.sentence = "the run is paused: resume it";
        break;
    }
    list.push_back(std::move(w));
    return;
  }
  std::optional<FrameRow> found;  // The query ends before the children's begin.
  WaitKind kind = WaitKind::continuation;
  std::optional<queue::ClockKind> clock;
  std::int64_t due = 0;
  if (auto q = reader.query(sql::find_frame, id); q.step()) {
    found = decode_frame(id, q.blob(4));
    kind = static_cast<WaitKind>(q.int64(0));
    w.since = WallTime{q.int64(1)};
    if (!q.is_null(2)) clock = static_cast<queue::ClockKind>(q.int64(2));
    due = q.is_null(3) ? 0 : q.int64(3);
  }
  if (found) {
    const FrameRow& row = *found;
    const Version v = version(reader, row.version_id);
    if (row.frame.state != workflows::no_state) w.state = v.machine->states[row.frame.state].name;
    w.kind = to_string(kind);
    if (kind == WaitKind::delay) {
      const WallTime until =
          clock == queue::ClockKind::engine ? wall_of(EngineTime{due}) : WallTime{due};
      w.name = to_rfc3339(until);
      w.detail["until"] = w.name;
      w.sentence = fmt::format("waits until {}, {} from now", w.name, in_words(until - wall));
    } else if (kind == WaitKind::token) {
      w.sentence = fmt::format("waits for success or failure by its task token, for {}",
                               in_words(wall - w.since));
    } else if (kind == WaitKind::event) {
      w.name = row.event_name;
      w.detail["event"] = row.event_name;
      w.detail["key"] = row.event_key;
      w.sentence = fmt::format(
          "waits for the event \"{}\"{}, for {}; POST /v1/events/{} publishes it", row.event_name,
          row.event_key.empty() ? "" : fmt::format(" with key \"{}\"", row.event_key),
          in_words(wall - w.since), row.event_name);
    } else if (row.undoing.stage != Undoing::Stage::none && kind == WaitKind::operator_) {
      const bool held = row.undoing.stage == Undoing::Stage::held;
      w.detail["status"] = held ? "held" : "compensation_failed";
      w.detail["error"] = row.undoing.fault.error.value_or("");
      if (held) {
        w.sentence = fmt::format("failed with {} and is held: redrive it, or compensate it",
                                 row.undoing.fault.error.value_or("an error without a name"));
        if (row.run_timeout_due != 0) {
          const WallTime until = wall_of(EngineTime{row.run_timeout_due});
          w.detail["until"] = to_rfc3339(until);
          w.sentence += fmt::format("; compensation begins in {}", in_words(until - wall));
        }
      } else {
        w.sentence = fmt::format(
            "{} failed: replay its dead letter, or skip it if it was undone "
            "by hand",
            w.state);
        if (auto letter = reader.query(sql::open_letter_of_run, row.run); letter.step())
          w.detail["dead_letter"] = to_base32(letter.int64(0));
      }
    } else if (kind == WaitKind::child_run) {
      w.name = to_string(row.child_run);
      w.detail["run"] = w.name;
      w.sentence =
          fmt::format("waits for the end of run {}, for {}", w.name, in_words(wall - w.since));
    } else if (kind == WaitKind::capacity) {
      add_room(reader, row, w);
    } else if (row.door.kind != DoorWait::Kind::none) {
      add_door(reader, row, w);
    } else if (row.spawned != 0) {
      add_children(reader, row, std::move(w), list);
      return;
    } else {
      w.sentence = "goes on at once";
    }
    list.push_back(std::move(w));
  }
}

// A Parallel or Map: how its children stand, then the live ones.
void Inspector::Impl::add_children(storage::Reader& reader, const FrameRow& row, WaitingFor w,
                                   std::vector<WaitingFor>& list) {
  std::int64_t live = 0, succeeded = 0, failed = 0;
  for (auto q = reader.query(sql::children_by_status, row.spawned); q.step();) {
    const auto status = static_cast<ChildStatus>(q.int64(0));
    (status == ChildStatus::live        ? live
     : status == ChildStatus::succeeded ? succeeded
                                        : failed) += q.int64(1);
  }
  const bool items = decode_plan(row.frame.id, row.plan).items;
  const std::string_view what = items ? "items" : "branches";
  w.kind = to_string(WaitKind::children);
  w.name = w.state;
  w.detail["live"] = live;
  w.detail["succeeded"] = succeeded;
  w.detail["failed"] = failed;
  w.sentence = row.stopping.now
                   ? fmt::format("is stopping {} {}", live, what)
                   : fmt::format("waits for its {}: {} live, {} done{}", what, live, succeeded,
                                 failed == 0 ? "" : fmt::format(", {} failed", failed));
  list.push_back(std::move(w));
  std::vector<FrameId> children;
  for (auto q = reader.query(sql::live_children, row.spawned,
                             static_cast<std::int64_t>(frames_shown_max));
       q.step();)
    children.push_back(q.id<FrameTag>(0));
  for (const FrameId child : children) add_waits(reader, child, list);
}

std::vector<CompensationInfo> Inspector::Impl::compensations(storage::Reader& reader, RunId run) {
  static constexpr std::string_view statuses[] = {"", "PENDING", "RUNNING", "COMPENSATED",
                                                  "FAILED"};
  struct Found {
    FrameId frame;
    std::int64_t version, state, status;
  };
  std::vector<Found> found;
  for (auto q = reader.query(sql::compensations_of_run, run,
                             static_cast<std::int64_t>(frames_shown_max));
       q.step();)
    found.push_back({q.id<FrameTag>(0), q.int64(1), q.int64(2), q.int64(3)});
  std::vector<CompensationInfo> list;
  for (const auto& [frame, version_id, state, status] : found) {
    const Version v = version(reader, version_id);
    const auto& states = v.machine->states;
    list.push_back({states[states[static_cast<std::size_t>(state)].compensates].name, frame,
                    std::string(statuses[status])});
  }
  return list;
}

std::vector<WaitingFor> Inspector::Impl::waiting_for(storage::Reader& reader, RunId run) {
  std::vector<WaitingFor> list;
  add_waits(reader, FrameId{run.value}, list);
  return list;
}

}  // namespace sluice::orchestrator
