// The lines of events and what is kept for them, as people look at them.
#include "orchestrator/event_statements.h"
#include "orchestrator/inspect_impl.h"

namespace sluice::orchestrator {
namespace {

// A place behind the last item of a page: its number, and its key, which may be anything.
struct Place {
  std::string key;
  std::int64_t number = 0;
};
std::string cursor_of(const Place& place) { return to_base32(place.number) + place.key; }
Place place_of(const std::optional<std::string>& cursor) {
  constexpr std::size_t digits = 13;
  if (!cursor || cursor->size() < digits) return {};
  const auto number = parse_base32(std::string_view(*cursor).substr(0, digits));
  return number ? Place{cursor->substr(digits), *number} : Place{};
}

// Reads one row more than is shown: whether there is another page.
template <class T, class Read>
Page<T> page_of(storage::Database& database, const storage::Sql& statement, const std::string& name,
                int limit, const std::optional<std::string>& cursor, Read read) {
  Page<T> page;
  Place last = place_of(cursor);
  database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(statement, name, last.key, last.number, std::int64_t{limit} + 1);
         q.step();) {
      if (page.items.size() == static_cast<std::size_t>(limit)) {
        page.next = cursor_of(last);
        return;
      }
      last = {std::string(q.text(1)), q.int64(0)};
      page.items.push_back(read(q));
    }
  });
  return page;
}

}  // namespace

Page<KeptEvent> Inspector::kept_events(const std::string& name, int limit,
                                       const std::optional<std::string>& cursor) const {
  return page_of<KeptEvent>(impl_->database, sql::kept_events_after, name, limit, cursor,
                            [](storage::Query& q) {
                              return KeptEvent{q.id<EventTag>(0), std::string(q.text(1)),
                                               Doc::from_text(std::string(q.text(2))),
                                               WallTime{q.int64(3)}, WallTime{q.int64(4)}};
                            });
}

Page<EventLine> Inspector::event_waiters(const std::string& name, int limit,
                                         const std::optional<std::string>& cursor) const {
  return page_of<EventLine>(impl_->database, sql::event_line_after, name, limit, cursor,
                            [](storage::Query& q) {
                              return EventLine{std::string(q.text(1)), q.id<RunTag>(3),
                                               q.id<FrameTag>(2), WallTime{q.int64(4)}};
                            });
}

}  // namespace sluice::orchestrator
