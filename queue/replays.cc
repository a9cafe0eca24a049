// How often work that had died was replayed: what keeps a message from going round for ever.
#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {
namespace {

constexpr std::int64_t replays_step = 256;

}  // namespace

std::int64_t Queues::replays(Reader& reader, const StoredDeadLetter& letter) {
  if (letter.run) {
    auto q = reader.query(sql::state_replays, *letter.run, letter.frame.value_or(FrameId{}),
                          letter.state);
    return q.step() ? q.int64(0) : 0;
  }
  auto q = reader.query(sql::replays_of_letter, letter.id);
  return q.step() ? q.int64(0) : 0;
}

bool Queues::is_set_aside(Reader& reader, const StoredDeadLetter& letter) {
  if (!letter.queue) return false;
  const Queue* q = find(*letter.queue);
  return q != nullptr && q->settings.replays_max != 0 &&
         replays(reader, letter) >= q->settings.replays_max;
}

void Queues::note_replay(Transaction& tx, const StoredDeadLetter& letter,
                         std::optional<MessageId> message) {
  if (letter.run)
    tx.run(sql::count_state_replay, *letter.run, letter.frame.value_or(FrameId{}), letter.state);
  else if (message)
    tx.run(sql::put_message_replay, *message, replays(tx, letter) + 1);
}

Queues::Replayed Queues::look_at_replay(Reader& reader, MessageId message) {
  if (reader.query(sql::message_is_there, message).step()) return Replayed::waits;
  auto q = reader.query(sql::replay_of_message, message);
  return q.step() && !q.is_null(0) ? Replayed::dead : Replayed::ended;
}

// A few rows from a place that moves with time: no walk over all of them is needed, and none is
// forgotten for ever.
void Queues::sweep_replays(Transaction& tx, Now now) {
  std::int64_t least = 0, most = 0;
  {
    auto q = tx.query(sql::range_of_replays);
    if (!q.step() || q.is_null(0)) return;
    least = q.int64(0);
    most = q.int64(1);
  }
  tx.run(sql::sweep_message_replays, least + now.engine.us % (most - least + 1), replays_step);
}

}  // namespace sluice::queue
