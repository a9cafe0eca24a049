// What a queue keeps of its open dead letters (DeadLetters: RetentionSeconds, MaxCount): the oldest
// go, a few at a time. What a live run waits with (held, or being undone) stays.
#include "orchestrator/engine_impl.h"
#include "orchestrator/job_statements.h"
#include "orchestrator/retention_statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t examined_step = 256;  // of one queue
constexpr int rounds_max = 16;               // of those that must stay
constexpr std::int64_t deleted_step = 256;   // of all queues

}  // namespace

// Called from time to time.
void Engine::Impl::drop_old_letters(Transaction& tx) {
  std::int64_t budget = deleted_step;
  for (const auto& [id, q] : queues.all()) {
    if (q->dead == 0 || (q->settings.letters_max == 0 && q->settings.letters_retention.us == 0))
      continue;
    if (budget == 0 || drop_old_letters(tx, *q, budget)) {
      swept_at = now().engine - seconds(10);  // it is called again at once
      more_due = true;
    }
  }
}

// True: there are more.
bool Engine::Impl::drop_old_letters(Transaction& tx, queue::Queue& q, std::int64_t& budget) {
  const Now time = now();
  const Duration keep = q.settings.letters_retention;
  std::vector<DeadLetterId> due;
  std::int64_t too_many =
      q.settings.letters_max == 0 ? 0 : std::max<std::int64_t>(0, q.dead - q.settings.letters_max);
  bool more = false;
  DeadLetterId after;
  // Those that must stay are passed over, however many they are, but not for ever in one batch.
  for (int rounds = 0; rounds < rounds_max && !more; ++rounds) {
    std::int64_t looked_at = 0;
    bool young = false;
    for (auto row = tx.query(sql::letters_to_drop, q.id, after, examined_step); row.step();) {
      looked_at += 1;
      after = row.id<DeadLetterTag>(0);
      const bool old = keep.us != 0 && WallTime{row.int64(1)} + keep <= time.wall;
      if (!old && too_many == 0) {
        young = true;
        break;
      }
      if (row.int64(2) != 0) continue;
      if (budget == 0) {
        more = true;
        break;
      }
      budget -= 1;
      too_many = std::max<std::int64_t>(0, too_many - 1);
      due.push_back(after);
    }
    if (young || looked_at < examined_step) break;
  }
  for (const DeadLetterId id : due) {
    const auto letter = queues.dead_letter(tx, id);
    if (!letter || !queues.close_dead_letter(tx, *letter, queue::DeadStatus::dropped, "")) continue;
    queues.free_place_of(tx, *letter, time);
    tx.run(sql::delete_letter, id);
    tally(counts.letters_deleted);
  }
  return more;
}

}  // namespace sluice::orchestrator
