#include "orchestrator/topics.h"

#include "base/topic_pattern.h"
#include "orchestrator/topic_statements.h"

namespace sluice::orchestrator {
namespace {

// A message as the expressions of bindings see it; its documents are made when the first one asks.
class Seen {
 public:
  Seen(const Publication& message, WallTime now) : message_(message) { scope_.now = now; }

  const workflows::MessageScope& scope(std::uint64_t seed) {
    if (scope_.body == nullptr) {
      key_ = message_.key;
      topic_ = message_.topic;
      for (const auto& [name, value] : message_.headers) headers_[name] = value;
      scope_.body = &message_.body.json();
      scope_.key = &key_;
      scope_.headers = &headers_;
      scope_.topic = &topic_;
    }
    scope_.seed = seed;
    return scope_;
  }

 private:
  const Publication& message_;
  Json key_, topic_, headers_ = Json::object();
  workflows::MessageScope scope_;
};

Error too_many_steps() {
  return make_error(Errc::too_large, "the filters of the topics' bindings come to more than " +
                                         std::to_string(filter_steps_max) +
                                         " steps for these messages; publish fewer at once");
}

}  // namespace

void Topics::load(storage::Reader& reader) {
  const auto optional_text = [](storage::Query& q, int column) {
    return q.is_null(column) ? std::nullopt : std::optional(std::string(q.text(column)));
  };
  for (auto q = reader.query(sql::all_bindings); q.step();) {
    BindingText text{std::string(q.text(2)), optional_text(q, 3), std::string(q.text(4)),
                     optional_text(q, 5)};
    auto made = make_binding(std::string(q.text(0)), std::string(q.text(1)), std::move(text),
                             q.is_null(6) ? WorkflowId{} : q.id<WorkflowTag>(6));
    // It was accepted when it was bound: the file is damaged, or this binary is older.
    if (!made)
      throw storage::StorageError(storage::Fault::corrupt,
                                  "binding \"" + std::string(q.text(1)) + "\" of topic \"" +
                                      std::string(q.text(0)) + "\" cannot be read");
    const auto binding = std::make_shared<const Binding>(std::move(*made));
    table_[binding->topic][binding->name] = binding;
  }
}

std::shared_ptr<const Binding> Topics::find(const std::string& topic,
                                            const std::string& name) const {
  const auto bindings = table_.find(topic);
  if (bindings == table_.end()) return nullptr;
  const auto at = bindings->second.find(name);
  return at == bindings->second.end() ? nullptr : at->second;
}

std::size_t Topics::size(const std::string& topic) const {
  const auto bindings = table_.find(topic);
  return bindings == table_.end() ? 0 : bindings->second.size();
}

void Topics::set(const std::string& topic, const std::string& name,
                 std::shared_ptr<const Binding> binding) {
  if (binding) {
    table_[topic][name] = std::move(binding);
    return;
  }
  const auto bindings = table_.find(topic);
  if (bindings == table_.end()) return;
  bindings->second.erase(name);
  if (bindings->second.empty()) table_.erase(bindings);
}

void Topics::put(storage::Transaction& tx, Binding binding) {
  const auto made = std::make_shared<const Binding>(std::move(binding));
  tx.run(sql::put_binding, made->topic, made->name, made->text.pattern, made->text.filter,
         made->text.to, made->text.event_key,
         made->workflow ? std::optional(made->workflow) : std::nullopt);
  undo_.add([this, made, before = find(made->topic, made->name)] {
    set(made->topic, made->name, before);
  });
  set(made->topic, made->name, made);
}

void Topics::erase(storage::Transaction& tx, const std::string& topic, const std::string& name) {
  const auto before = find(topic, name);
  SLUICE_CHECK(before != nullptr, "a binding that exists");
  tx.run(sql::delete_binding, topic, name);
  undo_.add([this, before] { set(before->topic, before->name, before); });
  set(before->topic, before->name, nullptr);
}

std::vector<std::shared_ptr<const Binding>> Topics::of(WorkflowId workflow) const {
  std::vector<std::shared_ptr<const Binding>> found;
  for (const auto& [topic, bindings] : table_)
    for (const auto& [name, binding] : bindings)
      if (binding->workflow == workflow) found.push_back(binding);
  return found;
}

workflows::Evaluated<std::string> Topics::event_key(const Binding& binding,
                                                    const Publication& message, WallTime now,
                                                    std::uint64_t seed) {
  if (!binding.event_key) return binding.text.event_key.value_or("");
  std::int64_t steps = workflows::message_expression_steps_max;
  Seen seen(message, now);
  return binding.event_key->name(seen.scope(seed), steps);
}

Result<std::vector<Route>> Topics::route(const std::vector<Publication>& messages, WallTime now,
                                         const std::function<std::uint64_t()>& seed) const {
  std::vector<Route> routes;
  std::int64_t steps = filter_steps_max;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Publication& message = messages[i];
    const auto bindings = table_.find(message.topic);
    if (bindings == table_.end()) continue;
    Seen seen(message, now);
    for (const auto& [name, binding] : bindings->second) {
      if (!topic_matches(binding->text.pattern, message.key)) continue;
      Route route{i, binding, {}, std::nullopt};
      if (binding->filter) {
        const auto passes = binding->filter->passes(seen.scope(seed()), steps);
        if (steps <= 0) return too_many_steps();
        if (passes && !*passes) continue;
        if (!passes) route.error = passes.failure().cause;
      }
      if (!route.error && binding->event_key) {
        auto key = binding->event_key->name(seen.scope(seed()), steps);
        if (steps <= 0) return too_many_steps();
        if (key)
          route.event_key = std::move(*key);
        else
          route.error = key.failure().cause;
      } else {
        route.event_key = binding->text.event_key.value_or("");
      }
      if (routes.size() == deliveries_max)
        return make_error(Errc::too_large, "the messages go to more than " +
                                               std::to_string(deliveries_max) +
                                               " targets in all; publish fewer at once");
      routes.push_back(std::move(route));
    }
  }
  return routes;
}

}  // namespace sluice::orchestrator
