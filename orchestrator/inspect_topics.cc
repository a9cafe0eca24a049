// Topics and their bindings, as people look at them.
#include "orchestrator/inspect_impl.h"
#include "orchestrator/topic_statements.h"

namespace sluice::orchestrator {
namespace {

BindingInfo info(const std::string& topic, storage::Query& q) {
  const auto optional_text = [&](int column) {
    return q.is_null(column) ? std::nullopt : std::optional(std::string(q.text(column)));
  };
  BindingInfo binding;
  binding.topic = topic;
  binding.name = q.text(0);
  binding.text = {std::string(q.text(1)), optional_text(2), std::string(q.text(3)),
                  optional_text(4)};
  binding.workflow = q.text(5);
  return binding;
}

}  // namespace

Page<TopicSummary> Inspector::topics(int limit, const std::optional<std::string>& cursor) const {
  Page<TopicSummary> page;
  const std::string after = cursor.value_or("");
  impl_->database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(sql::topics_after, after, std::int64_t{limit} + 1); q.step();) {
      if (page.items.size() == static_cast<std::size_t>(limit)) {
        page.next = page.items.back().name;
        return;
      }
      page.items.push_back({std::string(q.text(0)), q.int64(1)});
    }
  });
  return page;
}

std::vector<BindingInfo> Inspector::bindings(const std::string& topic) const {
  std::vector<BindingInfo> found;
  impl_->database.read([&](storage::Reader& reader) {
    for (auto q = reader.query(sql::bindings_of_topic, topic); q.step();)
      found.push_back(info(topic, q));
  });
  return found;
}

Result<BindingInfo> Inspector::binding(const std::string& topic, const std::string& name) const {
  std::optional<BindingInfo> found;
  impl_->database.read([&](storage::Reader& reader) {
    if (auto q = reader.query(sql::one_binding, topic, name); q.step()) found = info(topic, q);
  });
  if (!found)
    return make_error(Errc::not_found, "topic \"" + topic + "\" has no binding \"" + name + "\"");
  return *std::move(found);
}

}  // namespace sluice::orchestrator
