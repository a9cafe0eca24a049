#include "cli/follow.h"

#include "cli/values.h"

namespace sluice::cli {

bool follow(Client& client, const std::string& run, std::optional<Duration> limit,
            const std::function<void(const Json&)>& on_event) {
  // The stream may be silent for as long as the run waits, so the limit needs a watcher of its own.
  std::mutex mutex;
  std::condition_variable done_changed;
  bool done = false, expired = false;
  std::thread watcher;
  if (limit) {
    watcher = std::thread([&] {
      std::unique_lock lock(mutex);
      if (done_changed.wait_for(lock, std::chrono::microseconds(limit->us), [&] { return done; }))
        return;
      expired = true;
      lock.unlock();
      client.stop();
    });
  }
  const auto finish = [&] {
    {
      const std::lock_guard lock(mutex);
      done = true;
    }
    done_changed.notify_all();
    if (watcher.joinable()) watcher.join();
  };
  bool ended = false;
  try {
    std::string last_id;
    const auto each = [&](const Client::ServerEvent& event) {
      const auto parsed = parse_json(event.data, {.refuse_duplicate_keys = false});
      if (parsed && parsed->is_object()) on_event(*parsed);
      return true;
    };
    // A server that stops ends its streams too, so the run itself is asked whether it has ended.
    while (!ended &&
           client.events(path({"runs", run, "history"}), {{"follow", "true"}}, last_id, each))
      ended = has_ended(text_of(client.get(path({"runs", run})).json(), "status"));
  } catch (...) {
    finish();
    if (expired) return false;
    throw;
  }
  finish();
  return ended;
}

bool wait_for_end(Client& client, const std::string& run, std::optional<Duration> limit) {
  return follow(client, run, limit, [](const Json&) {});
}

}  // namespace sluice::cli
