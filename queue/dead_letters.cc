#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {
namespace {

template <class T>
std::optional<T> unless_zero(std::int64_t value) {
  if (value == 0) return std::nullopt;
  return T{value};
}

}  // namespace

void Queues::add_dead_letter(Transaction& tx, const NewDeadLetter& letter, Now now) {
  const auto of_binding = [&](std::string_view text) {
    return letter.kind == DeadKind::binding ? std::optional{text} : std::nullopt;
  };
  tx.run(sql::insert_dead_letter, letter.id, static_cast<int>(letter.kind), letter.queue,
         letter.run, letter.frame, letter.workflow,
         letter.run ? std::optional{letter.state} : std::nullopt, letter.error, letter.cause,
         now.wall, letter.attempts, letter.priority, letter.body,
         letter.headers.empty() ? std::nullopt : std::optional{letter.headers},
         letter.failures.empty() ? std::string_view{"[]"} : letter.failures,
         of_binding(letter.topic), of_binding(letter.binding), of_binding(letter.key));
  if (!letter.queue) return;
  Queue& q = *find(*letter.queue);
  if (letter.message) {
    // A replay has the same key.
    if (const std::string key = key_of(tx, q, *letter.message); !key.empty())
      tx.run(sql::insert_letter_key, letter.id, key);
    leave_to_letter(tx, q, *letter.message, letter.id);
    tx.run(sql::replayed_has_died, *letter.message, letter.id);
  }
  count(q.dead, 1);
  touch(q);
}

std::optional<StoredDeadLetter> Queues::dead_letter(Reader& reader, DeadLetterId id) {
  StoredDeadLetter letter;
  if (auto q = reader.query(sql::find_letter_key, id); q.step()) letter.order_key = q.text(0);
  auto q = reader.query(sql::find_dead_letter, id);
  if (!q.step()) return std::nullopt;
  letter.id = id;
  letter.kind = static_cast<DeadKind>(q.int64(1));
  letter.open = q.int64(2) == 1;
  letter.compensated = static_cast<DeadStatus>(q.int64(2)) == DeadStatus::compensated;
  letter.queue = unless_zero<QueueId>(q.int64(3));
  letter.run = unless_zero<RunId>(q.int64(4));
  letter.frame = unless_zero<FrameId>(q.int64(5));
  letter.state = q.text(6);
  letter.error = q.text(7);
  letter.priority = static_cast<int>(q.int64(8));
  letter.body = q.text(9);
  letter.headers = q.text(10);
  letter.topic = q.text(11);
  letter.binding = q.text(12);
  letter.key = q.text(13);
  return letter;
}

bool Queues::close_dead_letter(Transaction& tx, const StoredDeadLetter& letter, bool replayed,
                               std::string_view reason) {
  return close_dead_letter(tx, letter, replayed ? DeadStatus::replayed : DeadStatus::dropped,
                           reason);
}

bool Queues::close_dead_letter(Transaction& tx, const StoredDeadLetter& letter, DeadStatus status,
                               std::string_view reason) {
  const auto changed = tx.run(sql::close_dead_letter, letter.id, static_cast<int>(status),
                              reason.empty() ? std::nullopt : std::optional{reason});
  if (changed == 0) return false;
  if (letter.kind == DeadKind::queue) tx.run(sql::delete_letter_key, letter.id);
  if (letter.queue) {
    if (Queue* q = find(*letter.queue)) {
      count(q->dead, -1);
      touch(*q);
    }
  }
  return true;
}

std::vector<StoredDeadLetter> Queues::open_dead_letters(Reader& reader, RunId run) {
  std::vector<StoredDeadLetter> found;
  for (auto q = reader.query(sql::open_of_run, run); q.step();) {
    StoredDeadLetter letter;
    letter.id = q.id<DeadLetterTag>(0);
    letter.open = true;
    letter.queue = unless_zero<QueueId>(q.int64(1));
    letter.run = run;
    letter.frame = unless_zero<FrameId>(q.int64(2));
    letter.state = q.text(3);
    found.push_back(std::move(letter));
  }
  return found;
}

std::vector<DeadLetterId> Queues::open_dead_letters(Reader& reader, std::optional<QueueId> queue,
                                                    DeadLetterId after,
                                                    const std::optional<std::string>& error,
                                                    std::int64_t limit) {
  std::vector<DeadLetterId> ids;
  if (queue) {
    for (auto q = reader.query(sql::open_of_queue, *queue, after, error, limit); q.step();)
      ids.push_back(q.id<DeadLetterTag>(0));
  } else {
    for (auto q = reader.query(sql::open_everywhere, after, error, limit); q.step();)
      ids.push_back(q.id<DeadLetterTag>(0));
  }
  return ids;
}

std::int64_t Queues::count_open(Reader& reader, std::optional<QueueId> queue,
                                const std::optional<std::string>& error) {
  auto q = queue ? reader.query(sql::count_open_of_queue, *queue, error)
                 : reader.query(sql::count_open_everywhere, error);
  return q.step() ? q.int64(0) : 0;
}

}  // namespace sluice::queue
