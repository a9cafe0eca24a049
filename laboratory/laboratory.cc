#include "laboratory/laboratory.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

namespace sluice::laboratory {

using orchestrator::CompleteTask;
using orchestrator::Delivery;
using orchestrator::FailTask;
using orchestrator::HeartbeatTask;

namespace {

constexpr int tasks_max = 1'000;   // in one hand
constexpr int runs_told_max = 20;  // of those that still wait
constexpr std::size_t token_bytes_max = 128;
constexpr int history_max = 100'000;

orchestrator::Options hand_pumped(orchestrator::Options options, const std::string& files,
                                  std::string& fatal) {
  if (options.seed == 0) options.seed = 1;
  options.disk_reserve_bytes = 0;
  if (options.items_directory.empty()) options.items_directory = files;
  options.on_fatal = [&fatal](const std::string& why) { fatal = why; };
  return options;
}

// Every text in `value` that could be a task token.
void collect_tokens(const Json& value, std::vector<std::string>& found) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (!text.empty() && text.size() <= token_bytes_max) found.push_back(text);
    return;
  }
  if (value.is_structured())
    for (const auto& item : value) collect_tokens(item, found);
}

}  // namespace

Laboratory::Laboratory(Options options)
    : options_(std::move(options)),
      clock_(options_.start),
      database_(storage::open_sqlite({.directory = directory_.path(), .disk_reserve_bytes = 0})),
      engine_(std::make_unique<orchestrator::Engine>(
          *database_, clock_, hand_pumped(options_.engine, files_directory(), fatal_))),
      inspector_(std::make_unique<orchestrator::Inspector>(*database_, *engine_)) {
  std::filesystem::create_directory(files_directory());
}

Laboratory::~Laboratory() = default;

Result<orchestrator::DeployWorkflow::Reply> Laboratory::deploy(const std::string& name,
                                                               const std::string& definition) {
  auto compiled = workflows::compile(definition);
  if (!compiled) return compiled.error();
  // Nothing is bound here: what is published stands in the topic's queue, where the mocks answer
  // for those who would get it.
  workflows::Machine machine = *compiled->machine;
  machine.triggers.clear();
  machines_[name] = std::make_shared<const workflows::Machine>(std::move(machine));
  return submit(
      orchestrator::DeployWorkflow{name, workflows::canonical_text(definition), machines_[name]});
}

Result<RunId> Laboratory::start(const std::string& workflow, Doc input,
                                std::optional<std::string> name) {
  auto started = submit(orchestrator::StartRun{.workflow = workflow,
                                               .input = std::move(input),
                                               .name = std::move(name),
                                               .version = {},
                                               .priority = {},
                                               .not_before = {},
                                               .labels = {}});
  if (!started) return started.error();
  return started->id;
}

void Laboratory::pump() {
  engine_->pump();
  if (!fatal_.empty())
    throw storage::StorageError(storage::Fault::other, "the laboratory's database: " + fatal_);
}

void Laboratory::after(Duration delay, std::function<void()> act) {
  acts_.emplace(clock_.steady_now() + delay, std::move(act));
}

std::vector<Delivery> Laboratory::take(const std::string& queue, int max) {
  std::vector<Delivery> got;
  // The lease outlasts the laboratory: what a task may wait for is its state's to say.
  engine_->lease({.queue = queue,
                  .max = max,
                  .wait = {},
                  .lease = options_.time_max + options_.time_max,
                  .worker = "laboratory"},
                 [&got](Result<std::vector<Delivery>> r) {
                   if (r) got = *std::move(r);
                 });
  pump();
  return got;
}

Outcome Laboratory::run_to_end(RunId run, Workers& workers) {
  bool ended = false;
  unanswered_.clear();
  const auto watch = engine_->watch(run, [&ended](bool now_ended) { ended |= now_ended; });
  auto end = Outcome::End::ended;
  pump();
  const auto found = inspector_->run(run);
  ended = !found || found->ended_at.has_value();
  while (!ended) {
    if (serve(workers) || act_on_time()) continue;
    if (ended) break;
    const auto next = unanswered_.empty() ? next_time() : std::nullopt;
    if (!next) {
      end = Outcome::End::stuck;
      break;
    }
    const Duration now = clock_.steady_now();
    if (*next > options_.time_max || ++steps_ > options_.steps_max) {
      end = Outcome::End::bounded;
      break;
    }
    clock_.advance(std::max(*next - now, microseconds(0)));
    pump();
  }
  engine_->unwatch(watch);
  return outcome(run, end);
}

// Hands out what is ready. True: something was.
bool Laboratory::serve(Workers& workers) {
  bool any = false;
  for (const auto& queue : engine_->queues()) {
    if (queue.ready == 0 || queue.paused || !workers.serves(queue.name)) continue;
    for (auto& task : take(queue.name, tasks_max)) {
      any = true;
      put_before(workers, std::move(task));
    }
  }
  return any;
}

void Laboratory::put_before(Workers& workers, Delivery task) {
  auto answer = workers.work(task);
  if (!answer) {
    unanswered_.push_back({task.queue, task.state});
    return;
  }
  if (answer->kind == Answer::Kind::vanish) return;
  if (answer->after.us <= 0) {
    settle(task, *answer);
    return;
  }
  if (task.heartbeat)
    keep_beating(task.token, Duration{std::max<std::int64_t>(task.heartbeat->us / 2, 1)},
                 now() + answer->after);
  const Duration delay = answer->after;
  after(delay,
        [this, task = std::move(task), answer = *std::move(answer)] { settle(task, answer); });
}

void Laboratory::keep_beating(const std::string& token, Duration every, WallTime until) {
  if (now() + every >= until) return;
  after(every, [this, token, every, until] {
    if (submit(HeartbeatTask{.token = token, .lease = {}})) keep_beating(token, every, until);
  });
}

// A task that is no longer this worker's is refused, which is none of the worker's business.
void Laboratory::settle(const Delivery& task, const Answer& answer) {
  const auto say = [&](const std::string& token) {
    return answer.kind == Answer::Kind::complete
               ? submit(CompleteTask{token, answer.output}).has_value()
               : submit(FailTask{token, answer.error, answer.cause, {}}).has_value();
  };
  if (!waits_for_token(task)) {
    say(task.token);
    return;
  }
  // The message is done once it was taken; the answer goes to whom the token in it names. Without
  // one in the message nobody can answer.
  std::ignore = submit(CompleteTask{task.token, Doc::from_json(nullptr)});
  std::vector<std::string> tokens;
  collect_tokens(task.body.json(), tokens);
  for (const auto& token : tokens)
    if (say(token)) return;
}

bool Laboratory::waits_for_token(const Delivery& task) const {
  const auto machine = machines_.find(task.workflow);
  if (machine == machines_.end()) return false;
  const auto state = machine->second->find(task.state);
  if (state == workflows::no_state) return false;
  const auto* body = std::get_if<workflows::TaskState>(&machine->second->states[state].body);
  return body != nullptr && body->resource.wait_for_task_token;
}

// Does what its time has come for. True: something had.
bool Laboratory::act_on_time() {
  bool any = false;
  while (!acts_.empty() && acts_.begin()->first <= clock_.steady_now()) {
    const auto act = std::move(acts_.begin()->second);
    acts_.erase(acts_.begin());
    act();
    any = true;
  }
  return any;
}

std::optional<Duration> Laboratory::next_time() {
  auto next = engine_->next_due();
  if (!acts_.empty() && (!next || acts_.begin()->first < *next)) next = acts_.begin()->first;
  return next;
}

Outcome Laboratory::outcome(RunId run, Outcome::End end) const {
  Outcome told;
  told.end = end;
  told.at = now();
  const auto found = inspector_->run(run);
  if (!found) return told;
  told.status = found->status;
  told.output = found->output;
  told.error = found->error;
  told.cause = found->cause;
  told.started_at = found->started_at;
  if (found->ended_at) told.at = *found->ended_at;
  if (end == Outcome::End::ended) return told;
  for (const auto& u : unanswered_)
    told.waits.push_back(
        fmt::format("state {} waits for queue {}: no answer is made up for it", u.state, u.queue));
  if (!told.waits.empty()) return told;
  for (const char* status : {"RUNNING", "COMPENSATING", "PAUSED"}) {
    orchestrator::RunFilter running;
    running.status = status;
    for (const auto& live : inspector_->runs(running, runs_told_max, {}).items) {
      const auto why = inspector_->why(live.id);
      if (!why) continue;
      for (const auto& w : *why)
        told.waits.push_back(fmt::format("{}, state {}: {}", live.workflow, w.state, w.sentence));
    }
  }
  return told;
}

std::vector<orchestrator::HistoryEvent> Laboratory::history(RunId run) const {
  auto page = inspector_->history(run, history_max, 0);
  return page ? std::move(page->items) : std::vector<orchestrator::HistoryEvent>{};
}

}  // namespace sluice::laboratory
