// Dead letters, messages, workflows and queues, as people look at them.
#include "orchestrator/engine_impl.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "orchestrator/limit_statements.h"
#include "queue/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int rows_examined_max = 50'000;
constexpr std::string_view letter_kinds[] = {"", "stage", "state", "queue", "binding"};
constexpr std::string_view letter_statuses[] = {"", "OPEN", "REPLAYED", "DROPPED"};

// A look-up that most rows share: a few names among many rows.
std::string name_of(storage::Reader& reader, const storage::Sql& statement, std::int64_t id) {
  auto q = reader.query(statement, id);
  return q.step() ? std::string(q.text(0)) : std::string{};
}

Json json_or(std::string_view text, Json otherwise) {
  if (text.empty()) return otherwise;
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? otherwise : value;
}

}  // namespace

DeadLetterSummary Inspector::Impl::letter(storage::Reader& reader, storage::Query& row) {
  DeadLetterSummary s;
  s.id = row.id<DeadLetterTag>(0);
  s.kind = letter_kinds[row.int64(1)];
  s.status = letter_statuses[row.int64(2)];
  if (!row.is_null(3)) s.queue = name_of(reader, sql::queue_name, row.int64(3));
  if (!row.is_null(4)) s.run = row.id<RunTag>(4);
  if (!row.is_null(5)) s.workflow = name_of(reader, sql::workflow_name, row.int64(5));
  s.state = row.text(6);
  s.error = row.text(7);
  s.cause = row.text(8);
  s.at = WallTime{row.int64(9)};
  s.attempts = row.int64(10);
  s.topic = row.text(15);
  s.binding = row.text(16);
  s.key = row.text(17);
  return s;
}

namespace {

// Walks the letters that match, newest first, until `each` says stop or too many were examined.
template <class Each>
std::optional<std::string> walk_letters(storage::Reader& reader, const DeadLetterFilter& filter,
                                        std::int64_t before, Each each) {
  std::optional<std::int64_t> queue_id, workflow;
  if (filter.queue) {
    auto q = reader.query(sql::queue_id, *filter.queue);
    if (!q.step()) return std::nullopt;
    queue_id = q.int64(0);
  }
  if (filter.workflow) {
    auto q = reader.query(sql::workflow_id, *filter.workflow);
    if (!q.step()) return std::nullopt;
    workflow = q.int64(0);
  }
  const std::string status = filter.status.value_or("OPEN");
  auto q = queue_id && status == "OPEN" ? reader.query(sql::letters_of_queue, before, *queue_id)
                                        : reader.query(sql::letters_before, before);
  for (int examined = 0; q.step(); ++examined) {
    if (examined == rows_examined_max) return to_base32(before);
    const std::int64_t previous = before;
    before = q.int64(0);
    if (status != "ALL" && letter_statuses[q.int64(2)] != status) continue;
    if (queue_id && q.int64(3) != *queue_id) continue;
    if (workflow && q.int64(5) != *workflow) continue;
    if (filter.run && q.int64(4) != filter.run->value) continue;
    if (filter.error && q.text(7) != *filter.error) continue;
    if (!each(q)) return to_base32(previous);
  }
  return std::nullopt;
}

}  // namespace

Page<DeadLetterSummary> Inspector::dead_letters(const DeadLetterFilter& filter, int limit,
                                                const std::optional<std::string>& cursor) const {
  Page<DeadLetterSummary> page;
  std::int64_t before = INT64_MAX;
  if (cursor) before = parse_base32(*cursor).value_or(INT64_MAX);
  impl_->database.read([&](storage::Reader& reader) {
    page.next = walk_letters(reader, filter, before, [&](storage::Query& q) {
      if (static_cast<int>(page.items.size()) == limit) return false;
      page.items.push_back(impl_->letter(reader, q));
      return true;
    });
    // The cursor is the last one that was given.
    if (page.next && !page.items.empty() && static_cast<int>(page.items.size()) == limit)
      page.next = to_string(page.items.back().id);
  });
  return page;
}

std::vector<DeadLetterGroup> Inspector::dead_letter_groups(const DeadLetterFilter& filter) const {
  std::vector<DeadLetterGroup> groups;
  impl_->database.read([&](storage::Reader& reader) {
    std::map<std::pair<std::string, std::string>, std::size_t> places;
    (void)walk_letters(reader, filter, INT64_MAX, [&](storage::Query& q) {
      const DeadLetterSummary s = impl_->letter(reader, q);
      const auto [at, fresh] = places.try_emplace({s.error, s.queue}, groups.size());
      if (fresh) groups.push_back({s.error, s.queue, 0, s.at, s.at});
      DeadLetterGroup& g = groups[at->second];
      g.count += 1;
      g.first = std::min(g.first, s.at);
      g.last = std::max(g.last, s.at);
      return true;
    });
  });
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a.count > b.count; });
  return groups;
}

Result<DeadLetterDetail> Inspector::dead_letter(DeadLetterId id) const {
  std::optional<DeadLetterDetail> found;
  impl_->database.read([&](storage::Reader& reader) {
    auto q = reader.query(sql::one_letter, id);
    if (!q.step()) return;
    DeadLetterDetail d;
    static_cast<DeadLetterSummary&>(d) = impl_->letter(reader, q);
    d.body = Doc::from_text(std::string(q.text(11)));
    d.headers = json_or(q.text(12), Json::object());
    d.attempt_list = json_or(q.text(13), Json::array());
    d.reason = q.text(14);
    found = std::move(d);
  });
  if (!found) return make_error(Errc::not_found, "no dead letter " + to_string(id));
  return std::move(*found);
}

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
