// Where a live run would stand in another version of its workflow: the rule of moving.
//
// A frame may move where the state it stands at is there too, under the same name and in the same
// place. What it waits for is left alone where the state asks for the same work; where it asks for
// other work and nobody has it in hand, the state begins its work again. What a worker has in its
// hands, what waits for a token or for a child run, is ended as it was begun, and its result is
// taken by the new version's state. docs/moving-runs.md.
//
// The same rule moves runs (MoveRun) and says beforehand which could be (deploy --plan).
//
// Threads: pure; values.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "orchestrator/frame_row.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {

// One state of a version, in the other one.
struct MovedState {
  workflows::StateIndex to = workflows::no_state;  // none: it is not there
  bool same_work = false;  // all that its work, its gate, lock and counters are made of is the same
  bool same_retry = false;     // retries so far can be counted on
  bool same_children = false;  // of a Parallel or Map: what was spawned can be gone on with
};
using VersionMap = std::vector<MovedState>;  // by the state's index before

// REQUIRES: each text is the definition that its machine was compiled from.
VersionMap map_versions(const workflows::Machine& before, const Json& before_text,
                        const workflows::Machine& after, const Json& after_text);

// How a live frame waits.
enum class Standing : std::uint8_t {
  queued,    // a message that nobody has
  in_hands,  // a worker has it
  token,     // for success or failure by task token
  child_run,
  children,
  gate,
  lock,
  event,
  room,
  timer,      // a Wait's time, or that of another attempt
  engine,     // the engine's own next step: something has happened to it already
  not_begun,  // the run's not_before has not come
};

struct MoveVerdict {
  bool restarts = false;  // the state begins its work again
  std::string refusal;    // "": it may move
};

struct VersionMove {
  const VersionMap& map;
  const workflows::Machine& before;
  const workflows::Machine& after;
};
// REQUIRES: `row` stands in `before`.
MoveVerdict may_move(const VersionMove& move, const FrameRow& row, Standing standing);

// The frame as it stands in `after`, whose version is `version_id`.
// REQUIRES: may_move() refuses nothing.
void move_frame(FrameRow& row, const VersionMap& map, const workflows::Machine& after,
                std::int64_t version_id, Standing standing);

}  // namespace sluice::orchestrator
