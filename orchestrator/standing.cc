#include "orchestrator/standing.h"

#include "orchestrator/inspect_statements.h"
#include "orchestrator/statements.h"
#include "orchestrator/wait_kind.h"

namespace sluice::orchestrator {

Standing standing_of(queue::State state, const FrameRow& row) {
  if (state == queue::State::leased) return Standing::in_hands;
  // The message is only the call; who got an earlier one may answer by the token.
  return row.token_number != 0 ? Standing::token : Standing::queued;
}

Standing standing_of(int wait_kind, const FrameRow& row) {
  if (row.spawned != 0 && row.door.kind == DoorWait::Kind::none) return Standing::children;
  if (row.frame.state == workflows::no_state) return Standing::not_begun;
  switch (static_cast<WaitKind>(wait_kind)) {
    case WaitKind::gate:
      return Standing::gate;
    case WaitKind::lock:
      return Standing::lock;
    case WaitKind::capacity:
      return Standing::room;
    case WaitKind::token:
      return Standing::token;
    case WaitKind::event:
      return Standing::event;
    case WaitKind::children:
      return Standing::children;
    case WaitKind::child_run:
      return Standing::child_run;
    case WaitKind::continuation:
      return row.room.queue != 0 ? Standing::room : Standing::engine;
    case WaitKind::delay:
      return row.room.queue != 0 ? Standing::room : Standing::timer;
    case WaitKind::message:
    case WaitKind::http:
    case WaitKind::operator_:
      break;
  }
  return Standing::engine;
}

std::optional<StandingFrame> standing_frame(storage::Reader& reader, FrameId id) {
  if (auto q = reader.query(sql::one_message, id); q.step()) {
    if (q.is_null(17)) return std::nullopt;  // a bare message
    StandingFrame found{decode_frame(id, q.blob(17)), Standing::queued};
    found.standing = standing_of(static_cast<queue::State>(q.int64(3)), found.row);
    return found;
  }
  auto q = reader.query(sql::find_frame, id);
  if (!q.step()) return std::nullopt;
  StandingFrame found{decode_frame(id, q.blob(4)), Standing::engine};
  found.standing = standing_of(static_cast<int>(q.int64(0)), found.row);
  return found;
}

}  // namespace sluice::orchestrator
