// Messages, workflows and queues, as people look at them.
#include "orchestrator/engine_impl.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/limit_statements.h"
#include "queue/statements.h"

namespace sluice::orchestrator {
namespace {

Json json_or(std::string_view text, Json otherwise) {
  if (text.empty()) return otherwise;
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? otherwise : value;
}

}  // namespace

PeekedMessage Inspector::Impl::peeked(storage::Reader& reader, storage::Query& q) {
  PeekedMessage m;
  m.id = q.id<MessageTag>(0);
  static constexpr std::string_view names[] = {"", "ready", "delayed", "blocked", "leased", "held"};
  m.status = names[q.int64(3)];
  m.body =
      q.is_null(13) ? doc(reader, unpack(q.int64(14))) : Doc::from_text(std::string(q.text(13)));
  m.headers = json_or(q.text(15), Json::object());
  m.priority = static_cast<int>(q.int64(5));
  m.attempt = q.int64(6);
  m.sent_at = WallTime{q.int64(8)};
  m.worker = q.text(12);
  if (!q.is_null(17)) m.run = decode_frame(FrameId{q.int64(0)}, q.blob(17)).run;
  if (auto key = reader.query(sql::key_of_message, m.id); key.step()) m.order_key = key.text(0);
  return m;
}

Result<Page<PeekedMessage>> Inspector::messages(const std::string& queue_name, int limit,
                                                const std::optional<std::string>& cursor) const {
  std::optional<Page<PeekedMessage>> found;
  std::int64_t skip = 0;
  if (cursor) std::from_chars(cursor->data(), cursor->data() + cursor->size(), skip);
  impl_->database.read([&](storage::Reader& reader) {
    auto id = reader.query(sql::queue_id, queue_name);
    if (!id.step()) return;
    Page<PeekedMessage> page;
    std::int64_t left = skip;
    for (const auto* statement : {&sql::peek_ready, &sql::peek_leased, &sql::peek_delayed,
                                  &sql::peek_blocked, &sql::peek_held}) {
      const std::int64_t room = limit - static_cast<std::int64_t>(page.items.size());
      std::int64_t seen = 0;
      {
        auto q = reader.query(*statement, id.int64(0), room + 1, left);
        while (q.step()) {
          if (++seen > room) {
            page.next = std::to_string(skip + limit);
            break;
          }
          page.items.push_back(impl_->peeked(reader, q));
        }
      }
      if (page.next) break;
      // Whatever this state had was passed over or shown; the next one starts where the rest of the
      // skip ends.
      if (seen == 0 && left > 0) {
        const auto stats = impl_->engine.queue(queue_name);
        const std::int64_t had = !stats                            ? 0
                                 : statement == &sql::peek_ready   ? stats->ready
                                 : statement == &sql::peek_leased  ? stats->leased
                                 : statement == &sql::peek_delayed ? stats->delayed
                                 : statement == &sql::peek_blocked ? stats->blocked
                                                                   : stats->held;
        left = std::max<std::int64_t>(0, left - had);
      } else {
        left = 0;
      }
    }
    found = std::move(page);
  });
  if (!found) return make_error(Errc::not_found, "no queue \"" + queue_name + "\"");
  return std::move(*found);
}

std::vector<WorkflowSummary> Inspector::workflows() const {
  std::vector<WorkflowSummary> list;
  impl_->database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(sql::workflow_list); q.step();)
      list.push_back({std::string(q.text(0)), q.int64(1), std::string(q.text(2)),
                      WallTime{q.int64(3)}, q.int64(4) != 0});
  });
  return list;
}

Result<WorkflowVersion> Inspector::workflow(const std::string& name,
                                            std::optional<std::int64_t> version) const {
  std::optional<WorkflowVersion> found;
  impl_->database.read([&](storage::Reader& reader) {
    auto q = reader.query(sql::workflow_version, name, version);
    if (q.step())
      found = WorkflowVersion{q.int64(0), std::string(q.text(1)), WallTime{q.int64(2)},
                              std::string(q.text(3))};
  });
  if (found) return std::move(*found);
  if (version)
    return make_error(Errc::not_found,
                      "no version " + std::to_string(*version) + " of workflow \"" + name + "\"");
  return make_error(Errc::not_found, "no workflow \"" + name + "\"");
}

Result<std::vector<WorkflowVersion>> Inspector::workflow_versions(const std::string& name) const {
  std::vector<WorkflowVersion> list;
  impl_->database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(sql::workflow_versions, name); q.step();)
      list.push_back({q.int64(0), std::string(q.text(1)), WallTime{q.int64(2)}, {}});
  });
  if (list.empty()) return make_error(Errc::not_found, "no workflow \"" + name + "\"");
  return list;
}

// ---- queues, from what the engine published at its last commit
// -----------------------------------------

namespace {

// Each lane's head, by the index: the line is never counted or walked.
std::optional<WallTime> oldest_of(storage::Database& database, QueueId id,
                                  const std::vector<std::int64_t>& lanes) {
  std::optional<WallTime> oldest;
  if (lanes.empty()) return oldest;
  database.read([&](storage::Reader& reader) {
    for (const auto lane : lanes) {
      auto q = reader.query(queue::sql::oldest_ready, id, lane);
      if (!q.step()) continue;
      const WallTime since{q.int64(0)};
      if (!oldest || since < *oldest) oldest = since;
    }
  });
  return oldest;
}

}  // namespace

// Nothing where no rate holds messages back now.
std::optional<WallTime> Engine::Impl::token_at(EngineTime at) const {
  if (at.us == 0) return std::nullopt;
  const Now time = read_clock();
  if (at <= time.engine) return std::nullopt;
  return time.wall + (at - time.engine);
}

std::vector<QueueStats> Engine::queues() const {
  std::vector<Impl::PublishedQueue> copies;
  {
    const std::shared_lock lock(impl_->mutex);
    for (const auto& [name, q] : impl_->published_queues) copies.push_back(q);
  }
  std::vector<QueueStats> list;
  for (auto& q : copies) {
    q.stats.oldest = oldest_of(impl_->database, q.stats.id, q.lanes);
    q.stats.next_token_at = impl_->token_at(q.next_token);
    list.push_back(std::move(q.stats));
  }
  return list;
}

std::vector<Engine::StageCounters> Engine::stage_counters() const {
  std::vector<StageCounters> list;
  const std::shared_lock lock(impl_->mutex);
  for (const auto& stage : impl_->published_stages)
    if (!stage.state.empty()) list.push_back(stage);
  return list;
}

std::optional<QueueStats> Engine::queue(const std::string& name) const {
  Impl::PublishedQueue copy;
  {
    const std::shared_lock lock(impl_->mutex);
    const auto at = impl_->published_queues.find(name);
    if (at == impl_->published_queues.end()) return std::nullopt;
    copy = at->second;
  }
  copy.stats.oldest = oldest_of(impl_->database, copy.stats.id, copy.lanes);
  copy.stats.next_token_at = impl_->token_at(copy.next_token);
  return std::move(copy.stats);
}

}  // namespace sluice::orchestrator
