// Dead letters, as people look at them.
#include <map>

#include "orchestrator/filter_match.h"
#include "orchestrator/inspect_impl.h"
#include "orchestrator/inspect_statements.h"
#include "queue/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int rows_examined_max = 50'000;
constexpr int rows_searched_max = 10'000;  // where each is a look-up, or a search in its text

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
  s.kind = letter_kind_name(row.int64(1));
  s.status = letter_status_name(row.int64(2));
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
  if (s.run) {
    auto q = reader.query(sql::replays_of_state, s.id);
    if (q.step()) s.replays = q.int64(0);
  } else {
    auto q = reader.query(queue::sql::replays_of_letter, s.id);
    if (q.step()) s.replays = q.int64(0);
  }
  if (s.replays > 0 && !s.queue.empty())
    if (const auto q = engine.queue(s.queue))
      s.set_aside = q->settings.replays_max && s.replays >= *q->settings.replays_max;
  return s;
}

namespace {

// Walks the letters that match, newest first, until `each` says stop or too many were examined.
template <class Each>
std::optional<std::string> walk_letters(storage::Reader& reader, const DeadLetterFilter& filter,
                                        std::int64_t before, Each each) {
  const LetterMatcher matcher(reader, filter);
  if (matcher.nothing()) return std::nullopt;
  auto q = matcher.queue() && matcher.open_only()
               ? reader.query(sql::letters_of_queue, before, *matcher.queue())
               : reader.query(sql::letters_before, before);
  const int examined_max =
      filter.text || !filter.labels.empty() ? rows_searched_max : rows_examined_max;
  for (int examined = 0; q.step(); ++examined) {
    if (examined == examined_max) return to_base32(before);
    const std::int64_t previous = before;
    before = q.int64(0);
    if (!matcher.takes(reader, q)) continue;
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

// Only the columns before the body are read: what follows a large one lies on other pages.
DeadLetterGroups Inspector::dead_letter_groups(const DeadLetterFilter& filter) const {
  DeadLetterGroups found;
  auto& groups = found.groups;
  impl_->database.read([&](storage::Reader& reader) {
    std::map<std::pair<std::string, std::int64_t>, std::size_t> places;  // error, queue (0: none)
    const auto rest = walk_letters(reader, filter, INT64_MAX, [&](storage::Query& q) {
      const std::int64_t queue_id = q.is_null(3) ? 0 : q.int64(3);
      const WallTime at{q.int64(9)};
      const auto [place, fresh] =
          places.try_emplace({std::string(q.text(7)), queue_id}, groups.size());
      if (fresh)
        groups.push_back({std::string(q.text(7)),
                          queue_id == 0 ? "" : name_of(reader, sql::queue_name, queue_id), 0, at,
                          at, q.id<DeadLetterTag>(0)});
      DeadLetterGroup& g = groups[place->second];
      g.count += 1;
      g.first = std::min(g.first, at);
      g.last = std::max(g.last, at);
      return true;
    });
    found.complete = !rest.has_value();
  });
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  return found;
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

}  // namespace sluice::orchestrator
