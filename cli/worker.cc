#include "cli/worker.h"

#include <cmath>
#include <list>
#include <random>
#include <system_error>

#include "base/json_text.h"
#include "base/random.h"
#include "cli/http.h"
#include "cli/process.h"
#include "cli/values.h"

namespace sluice::cli {
namespace {

constexpr double beat_seconds_max = 5;
constexpr double pause_seconds_max = 10;

struct Task {
  std::string token, id, body, run, state, workflow, idempotency_key, headers;
  std::int64_t attempt = 1;
  std::optional<WallTime> lease_until;
};

// Members that this worker does not know are a newer server's: finish() is not asked.
std::vector<Task> parse_tasks(const std::string& text) {
  const auto refuse = [](const Error& error) {
    return Failure(Exit::server_error, "the server's tasks make no sense: " + error.detail);
  };
  auto envelope = Envelope::scan(text);
  if (!envelope) throw refuse(envelope.error());
  const auto list = scan_array(envelope->required_raw("tasks"));
  if (!list) throw refuse(list.error());
  std::vector<Task> tasks;
  for (const auto slice : *list) {
    auto scanned = Envelope::scan(slice);
    if (!scanned) throw refuse(scanned.error());
    Task task;
    const auto text_or_empty = [&](std::string_view name) {
      return std::string(scanned->optional_string(name).value_or(""));
    };
    task.token = text_or_empty("token");
    task.id = text_or_empty("id");
    task.body = scanned->optional_raw("body").value_or("null");
    task.headers = scanned->optional_raw("headers").value_or("{}");
    task.run = text_or_empty("run");
    task.state = text_or_empty("state");
    task.workflow = text_or_empty("workflow");
    task.idempotency_key = text_or_empty("idempotency_key");
    task.attempt = scanned->optional_integer("attempt", 0, INT64_MAX).value_or(1);
    task.lease_until = parse_rfc3339(text_or_empty("lease_until"));
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// Bytes that a command printed, as text JSON may hold.
std::string valid_text(std::string_view text) { return printable(text, Lines::keep); }

std::string_view trimmed(std::string_view text) {
  const auto space = std::string_view(" \t\r\n");
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

}  // namespace

TaskAnswer task_answer(const ChildEnd& end) {
  const auto failure = [](const std::string& error, const std::string& cause) {
    return TaskAnswer{"fail", to_text(Json{{"error", error}, {"cause", cause}})};
  };
  const std::string tail = valid_text(trimmed(end.error_tail));
  if (end.signal) return failure("Signal." + signal_name(*end.signal), tail);
  if (end.exit_code != 0) return failure(fmt::format("Exit.{}", end.exit_code), tail);
  if (end.output_too_large)
    return failure("Worker.OutputTooLarge",
                   fmt::format("the command printed more than {}", humane_bytes(1 << 20)));
  const std::string_view output = trimmed(end.output);
  std::string body = "{\"output\":";
  if (output.empty())
    body += "null";
  else if (check_json(output))
    body += output;
  else
    append_json_string(body, valid_text(output));
  return {"complete", body + "}"};
}

struct Worker::Impl {
  explicit Impl(WorkerOptions o) : options(std::move(o)) {}

  struct Held {
    std::string token;
    Child* child;
    Duration every;
    std::chrono::steady_clock::time_point next;
    bool lost = false;
  };

  void slot();
  void beat();
  std::vector<Task> lease(Client& client);
  void work(Client& client, const Task& task);
  void answer(Client& client, const Task& task, TaskAnswer answer);
  void release(Client& client, const Task& task);
  void say(const std::string& line) const {
    if (options.log) options.log(line);
  }
  void break_down(const std::string& why) {
    {
      const std::lock_guard lock(mutex);
      if (!broken) broken = why;
      stopping = true;
    }
    changed.notify_all();
  }
  // Sleeps unless woken by stop(); growing pauses with some chance in them, so that workers do not
  // return all at once.
  void pause(int failures, bool until_abandoned) {
    const double base = std::min(pause_seconds_max, 0.25 * std::pow(2.0, std::min(failures, 10)));
    std::unique_lock lock(mutex);
    const double spread = 0.5 + 0.5 * random.unit();
    changed.wait_for(lock, std::chrono::duration<double>(base * spread),
                     [&] { return until_abandoned ? abandoned : stopping; });
  }

  const WorkerOptions options;
  std::function<void()> on_ended;
  mutable std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  bool stopping = false, abandoned = false;
  int live_slots = 0;
  std::list<Held> held;
  std::set<Client*>
      polling;  // waiting for a task; the server takes back what it gives to one that hangs up
  std::optional<std::string> broken;
  WorkerCounts counts;
  Random random{std::random_device{}()};

  std::vector<std::thread> threads;
};

std::vector<Task> Worker::Impl::lease(Client& client) {
  Json ask = {{"max", 1}, {"wait", options.poll_seconds}, {"worker", options.name}};
  if (options.lease_seconds) ask["lease_seconds"] = *options.lease_seconds;
  {
    const std::lock_guard lock(mutex);
    if (stopping) return {};
    polling.insert(&client);
  }
  const auto leave = [&] {
    const std::lock_guard lock(mutex);
    polling.erase(&client);
  };
  try {
    const Answer got =
        client.send({.method = "POST",
                     .path = path({"queues", options.queue, "lease"}),
                     .body = to_text(ask),
                     .timeout_seconds = static_cast<double>(options.poll_seconds) + 15});
    leave();
    return parse_tasks(got.text);
  } catch (...) {
    leave();
    throw;
  }
}

void Worker::Impl::slot() {
  Client client(options.server);
  int failures = 0;
  while (true) {
    {
      const std::lock_guard lock(mutex);
      if (stopping) break;
    }
    try {
      const auto tasks = lease(client);
      if (failures > 0) say("reached the server again");
      failures = 0;
      for (const auto& task : tasks) {
        bool give_back = false;
        {
          const std::lock_guard lock(mutex);
          give_back = stopping;
        }
        if (give_back)
          release(client, task);
        else
          work(client, task);
      }
    } catch (const Failure& failure) {
      {
        const std::lock_guard lock(mutex);
        if (stopping) break;
      }
      const bool may_pass = failure.code() == Exit::unreachable || failure.code() == Exit::busy ||
                            failure.code() == Exit::server_error;
      if (!may_pass) {
        break_down(failure.what());
        break;
      }
      if (failures++ == 0) say(fmt::format("{}; trying again", failure.what()));
      pause(failures, false);
    }
  }
  bool last = false;
  {
    const std::lock_guard lock(mutex);
    last = --live_slots == 0;
  }
  changed.notify_all();
  if (last && on_ended) on_ended();
}

void Worker::Impl::work(Client& client, const Task& task) {
  ChildOptions child_options{.command = options.command,
                             .environment = {{"SLUICE_SERVER", options.server},
                                             {"SLUICE_QUEUE", options.queue},
                                             {"SLUICE_TASK", task.id},
                                             {"SLUICE_ATTEMPT", std::to_string(task.attempt)},
                                             {"SLUICE_IDEMPOTENCY_KEY", task.idempotency_key},
                                             {"SLUICE_HEADERS", task.headers},
                                             {"SLUICE_RUN", task.run},
                                             {"SLUICE_WORKFLOW", task.workflow},
                                             {"SLUICE_STATE", task.state}},
                             .kill_after = options.kill_after,
                             .on_error_output = options.on_error_output};
  std::unique_ptr<Child> child;
  try {
    child = std::make_unique<Child>(std::move(child_options));
  } catch (const std::system_error& error) {
    // No task would fare better, so none is failed for it.
    release(client, task);
    break_down(error.what());
    return;
  }
  double lease = options.lease_seconds.value_or(30);
  if (!options.lease_seconds && task.lease_until)
    lease = std::clamp(static_cast<double>((*task.lease_until - now()).us) / 1e6, 1.0, 3'600.0);
  const Duration every{static_cast<std::int64_t>(std::min(beat_seconds_max, lease / 3) * 1e6)};
  std::list<Held>::iterator mine;
  {
    const std::lock_guard lock(mutex);
    mine = held.insert(held.end(),
                       {task.token, child.get(), every,
                        // tidy: clock: the worker's own schedule of heartbeats.
                        std::chrono::steady_clock::now() + std::chrono::microseconds(every.us)});
    if (abandoned) child->stop();
  }
  changed.notify_all();
  const ChildEnd end = child->run(task.body);
  bool lost = false, given_up = false;
  {
    const std::lock_guard lock(mutex);
    lost = mine->lost;
    given_up = abandoned && end.stopped;
    held.erase(mine);
    if (lost) ++counts.lost;
  }
  if (lost) return;
  if (given_up)
    release(client, task);
  else
    answer(client, task, task_answer(end));
}

// Repeats until the server has said something: the verbs are idempotent by their token.
void Worker::Impl::answer(Client& client, const Task& task, TaskAnswer given) {
  for (int failures = 0;;) {
    try {
      const Answer said = client.try_send(
          {.method = "POST", .path = path({"tasks", task.token, given.verb}), .body = given.body});
      const std::lock_guard lock(mutex);
      if (said.ok()) {
        ++(given.verb == "complete" ? counts.completed : counts.failed);
        return;
      }
      if (said.status == 409 || said.status == 404) {
        ++counts.lost;
        say(fmt::format("task {}: {}", task.id, problem_text(said)));
        return;
      }
      if (said.status < 500 && said.status != 429) {
        if (given.verb == "fail") {
          say(fmt::format("task {}: the server refuses its failure: {}", task.id,
                          problem_text(said)));
          ++counts.lost;
          return;
        }
        given = {"fail",
                 to_text(Json{{"error", "Worker.OutputRefused"}, {"cause", problem_text(said)}})};
        continue;
      }
      if (failures++ == 0)
        say(fmt::format("task {}: {}; trying again", task.id, problem_text(said)));
    } catch (const Failure& failure) {
      if (failures++ == 0) say(fmt::format("task {}: {}; trying again", task.id, failure.what()));
    }
    {
      const std::lock_guard lock(mutex);
      if (abandoned) {
        ++counts.lost;
        return;
      }
    }
    pause(failures, true);
  }
}

void Worker::Impl::release(Client& client, const Task& task) {
  try {
    const Answer said = client.try_send(
        {.method = "POST", .path = path({"tasks", task.token, "release"}), .body = "{}"});
    const std::lock_guard lock(mutex);
    ++(said.ok() ? counts.released : counts.lost);
  } catch (const Failure& failure) {
    // Its lease ends by itself.
    say(fmt::format("task {} could not be given back: {}", task.id, failure.what()));
    const std::lock_guard lock(mutex);
    ++counts.lost;
  }
}

void Worker::Impl::beat() {
  Client client(options.server);
  std::unique_lock lock(mutex);
  while (live_slots > 0) {
    // tidy: clock: the worker's own schedule of heartbeats.
    const auto now = std::chrono::steady_clock::now();
    auto due = std::find_if(held.begin(), held.end(),
                            [&](const Held& h) { return !h.lost && h.next <= now; });
    if (due == held.end()) {
      auto next = now + std::chrono::seconds(60);
      for (const auto& h : held)
        if (!h.lost) next = std::min(next, h.next);
      changed.wait_until(lock, next);
      continue;
    }
    due->next = now + std::chrono::microseconds(due->every.us);
    const std::string token = due->token;
    lock.unlock();
    std::optional<int> status;
    try {
      Json ask = Json::object();
      if (options.lease_seconds) ask["lease_seconds"] = *options.lease_seconds;
      status = client
                   .try_send({.method = "POST",
                              .path = path({"tasks", token, "heartbeat"}),
                              .body = to_text(ask),
                              .timeout_seconds = 10})
                   .status;
    } catch (const Failure&) {
      // Not reached: the lease may end, and then the completion is refused. Nothing to decide here.
    }
    lock.lock();
    if (status != 409 && status != 404) continue;
    const auto lost =
        std::find_if(held.begin(), held.end(), [&](const Held& h) { return h.token == token; });
    if (lost == held.end()) continue;
    lost->lost = true;
    lost->child->stop();
    say("a task was taken away; its command is stopped");
  }
}

Worker::Worker(WorkerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Worker::~Worker() {
  stop();
  abandon();
  for (auto& thread : impl_->threads) thread.join();
}

void Worker::start() {
  impl_->live_slots = impl_->options.concurrency;
  for (int i = 0; i < impl_->options.concurrency; ++i)
    impl_->threads.emplace_back([this] { impl_->slot(); });
  impl_->threads.emplace_back([this] { impl_->beat(); });
}

void Worker::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    for (Client* client : impl_->polling) client->stop();
  }
  impl_->changed.notify_all();
}

void Worker::abandon() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = impl_->abandoned = true;
    for (auto& held : impl_->held) held.child->stop();
  }
  impl_->changed.notify_all();
}

bool Worker::wait(std::optional<Duration> limit) {
  std::unique_lock lock(impl_->mutex);
  const auto all_ended = [&] { return impl_->live_slots == 0; };
  if (limit) return impl_->changed.wait_for(lock, std::chrono::microseconds(limit->us), all_ended);
  impl_->changed.wait(lock, all_ended);
  return true;
}

std::optional<std::string> Worker::broken() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->broken;
}

void Worker::on_ended(std::function<void()> call) { impl_->on_ended = std::move(call); }

WorkerCounts Worker::counts() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->counts;
}

}  // namespace sluice::cli
