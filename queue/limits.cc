// How many messages a queue hands out at a time and in a time.
//
// The rate is a bucket of `burst` tokens that fills evenly. It is kept as one number, the time at
// which it will be full again: each hand-out moves that time on by one interval, and a token is
// there while it is less than `burst` intervals ahead. The row follows once a batch, so that a
// restart gives no second burst.
#include <algorithm>

#include "queue/queue.h"
#include "queue/statements.h"

namespace sluice::queue {
namespace {

constexpr std::int64_t ns_per_us = 1'000;

}  // namespace

std::int64_t Queues::allowance(const Queue& q, EngineTime now) {
  std::int64_t room = INT64_MAX;
  const Settings& s = q.settings;
  if (q.probing) room = std::max<std::int64_t>(0, 1 - q.leased);
  if (s.concurrency != 0)
    room = std::min(room, std::max<std::int64_t>(0, s.concurrency - q.leased));
  if (s.rate_interval_ns != 0) {
    const std::int64_t ahead = std::max<std::int64_t>(0, q.rate_next_ns - now.us * ns_per_us);
    room = std::min(room, std::max<std::int64_t>(
                              0, s.burst - (ahead + s.rate_interval_ns - 1) / s.rate_interval_ns));
  }
  return room;
}

EngineTime Queues::next_token(const Queue& q) {
  const Settings& s = q.settings;
  if (s.rate_interval_ns == 0) return {};
  const std::int64_t at = q.rate_next_ns - (s.burst - 1) * s.rate_interval_ns;
  // Rounded up: a look before the token is there would be in vain.
  return EngineTime{at <= 0 ? 0 : (at + ns_per_us - 1) / ns_per_us};
}

void Queues::take_token(Queue& q, EngineTime now) {
  if (q.settings.rate_interval_ns == 0) return;
  undo_.save(q.rate_next_ns);
  q.rate_next_ns = std::max(q.rate_next_ns, now.us * ns_per_us) + q.settings.rate_interval_ns;
  if (q.rate_unsaved) return;
  q.rate_unsaved = true;
  rates_unsaved_.push_back(&q);
}

// Somebody waits and something is ready, but no token is there: looked at again when it is.
void Queues::await_token(Queue& q, EngineTime now) {
  if (q.settings.rate_interval_ns == 0) return;
  const EngineTime at = next_token(q);
  if (at > now) token_wakes_.emplace(at.us, q.id.value);  // Too early after a rollback: no harm.
}

void Queues::wake_limited(EngineTime now) {
  while (!token_wakes_.empty() && token_wakes_.begin()->first <= now.us) {
    const auto wake = *token_wakes_.begin();
    token_wakes_.erase(token_wakes_.begin());
    undo_.add([this, wake] { token_wakes_.insert(wake); });
    if (Queue* q = find(QueueId{wake.second})) touch_line(*q);
  }
}

void Queues::save_rates(Transaction& tx) {
  if (rates_unsaved_.empty()) return;
  undo_.add([this, unsaved = rates_unsaved_] {
    for (Queue* q : unsaved) {
      q->rate_unsaved = true;
      rates_unsaved_.push_back(q);
    }
  });
  for (Queue* q : rates_unsaved_) {
    q->rate_unsaved = false;
    if (find(q->id) == q) tx.run(sql::put_limits, q->id, q->rate_next_ns);
  }
  rates_unsaved_.clear();
}

void Queues::probe(Queue& q, bool probing) {
  if (q.probing == probing) return;
  undo_.add([this, &q, before = q.probing] {
    q.probing = before;
    touch_line(q);
  });
  q.probing = probing;
  touch(q);
  touch_line(q);
}

void Queues::put_settings(Queue& q, Settings settings) {
  undo_.add([this, &q, before = q.settings] {
    q.settings = before;
    touch_line(q);
  });
  // A bucket that was filled at another rate is not believed to be emptier than this one can be.
  if (settings.rate_interval_ns != q.settings.rate_interval_ns) {
    undo_.save(q.rate_next_ns);
    if (settings.rate_interval_ns == 0 || q.settings.rate_interval_ns == 0) q.rate_next_ns = 0;
  }
  q.settings = settings;
  touch_line(q);
  touch_room(q);
}

}  // namespace sluice::queue
