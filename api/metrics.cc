#include "api/metrics.h"

#include "api/read_pool.h"

#include <fmt/format.h>

#include <iterator>

namespace sluice::api {
namespace {

// A label's value: backslash, quote and line feed escaped.
std::string label(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

void family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

template <class Value>
void single(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            Value value) {
  family(out, name, type, help);
  fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

void render_queues(std::string& out, const orchestrator::Engine& engine) {
  const auto queues = engine.queues();
  const WallTime now = engine.wall_now();
  using Stats = orchestrator::QueueStats;
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        auto value) {
    family(out, name, type, help);
    for (const Stats& q : queues)
      fmt::format_to(std::back_inserter(out), "{}{{queue=\"{}\"}} {}\n", name, label(q.name),
                     value(q));
  };
  family(out, "sluice_queue_messages", "gauge", "Messages in a queue, by their state.");
  for (const Stats& q : queues) {
    const auto line = [&](std::string_view state, std::int64_t n) {
      fmt::format_to(std::back_inserter(out),
                     "sluice_queue_messages{{queue=\"{}\",state=\"{}\"}} {}\n", label(q.name),
                     state, n);
    };
    line("ready", q.ready);
    line("delayed", q.delayed);
    line("blocked", q.blocked);
    line("leased", q.leased);
    line("held", q.held);
    line("dead", q.dead);
  }
  each("sluice_queue_depth", "gauge", "Ready, delayed, blocked and leased messages together.",
       [](const Stats& q) { return q.depth(); });
  each("sluice_queue_oldest_age_seconds", "gauge",
       "How long the oldest ready message has been ready.", [&](const Stats& q) {
         return q.oldest ? static_cast<double>((now - *q.oldest).us) / 1e6 : 0.0;
       });
  each("sluice_queue_consumers", "gauge", "Subscribed sessions and waiting leases.",
       [](const Stats& q) { return q.consumers; });
  each("sluice_queue_paused", "gauge", "1 while the queue is paused.",
       [](const Stats& q) { return q.paused ? 1 : 0; });
  each("sluice_queue_breaker", "gauge", "The breaker: 0 closed or none, 1 open, 2 half-open.",
       [](const Stats& q) { return !q.breaker             ? 0
                                   : q.breaker->half_open ? 2
                                                          : 1; });
  each("sluice_queue_waiting", "gauge", "Stages that wait for room in a full queue.",
       [](const Stats& q) { return q.waiting; });
  each("sluice_queue_sent_total", "counter", "Messages that entered the queue.",
       [](const Stats& q) { return q.sent; });
  each("sluice_queue_acknowledged_total", "counter", "Messages completed.",
       [](const Stats& q) { return q.acknowledged; });
  each("sluice_queue_failed_total", "counter", "Attempts reported as failed.",
       [](const Stats& q) { return q.failed; });
  each("sluice_queue_redelivered_total", "counter", "Hand-outs after a lost lease.",
       [](const Stats& q) { return q.redelivered; });
}

void render_engine(std::string& out, const orchestrator::EngineStats& stats) {
  single(out, "sluice_transitions_total", "counter", "State transitions committed.",
         stats.transitions);
  single(out, "sluice_runs_started_total", "counter", "Runs started.", stats.runs_started);
  single(out, "sluice_scheduled_starts_total", "counter", "Runs that schedules started.",
         stats.scheduled_starts);
  single(out, "sluice_runs_succeeded_total", "counter", "Runs that ended SUCCEEDED.",
         stats.runs_succeeded);
  single(out, "sluice_runs_failed_total", "counter", "Runs that ended FAILED.", stats.runs_failed);
  single(out, "sluice_runs_compensated_total", "counter",
         "Failed or cancelled runs that were undone.", stats.runs_compensated);
  single(out, "sluice_dead_letters_deleted_total", "counter",
         "Open dead letters that their queue no longer kept.", stats.letters_deleted);
  single(out, "sluice_runs_deleted_total", "counter", "Ended runs that retention has deleted.",
         stats.runs_deleted);
  single(out, "sluice_runs_live", "gauge", "Runs that have not ended.", stats.live_runs);
  single(out, "sluice_locks_held", "gauge", "Permits of locks that are held.", stats.locks_held);
  single(out, "sluice_lock_waiters", "gauge", "Stages that wait for a lock.", stats.lock_waiters);
  single(out, "sluice_gate_waiters", "gauge", "Stages that wait at a gate.", stats.gate_waiters);
  single(out, "sluice_commits_total", "counter", "Group commits.", stats.commits);
  single(out, "sluice_commands_total", "counter", "Commands applied.", stats.commands);
  single(out, "sluice_command_reruns_total", "counter", "Batches run again after a failed command.",
         stats.reruns);
  single(out, "sluice_handoffs_total", "counter",
         "Messages written already leased to a waiting worker.", stats.handoffs);
  single(out, "sluice_sessions", "gauge", "Worker stream sessions.", stats.sessions);
  single(out, "sluice_leases", "gauge", "Tasks in workers' hands.", stats.leases);
  single(out, "sluice_command_line_length", "gauge", "Commands waiting for the writer.",
         stats.line_length);
}

}  // namespace

Metrics::Metrics(const std::vector<Route>& routes)
    : routes_(routes), per_route_(std::make_unique<PerRoute[]>(routes.size() + 1)) {}

void Metrics::count_request(const Route* route, int status, Duration taken) {
  PerRoute& counts = per_route_[route ? route->number : routes_.size()];
  std::size_t place = 0;
  while (place < statuses.size() && statuses[place] != status) ++place;
  counts.by_status[place].fetch_add(1, std::memory_order_relaxed);
  std::size_t bucket = 0;
  while (bucket < bounds_us.size() && taken.us > bounds_us[bucket]) ++bucket;
  counts.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  counts.taken_us.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(taken.us, 0)),
                            std::memory_order_relaxed);
}

std::string Metrics::render(const Context& context) const {
  std::string out;
  out.reserve(32 << 10);
  family(out, "sluice_build_info", "gauge", "1; the labels say what is running.");
  fmt::format_to(std::back_inserter(out), "sluice_build_info{{version=\"{}\"}} 1\n",
                 SLUICE_VERSION);
  single(out, "sluice_http_connections", "gauge", "Open connections.", connections.load());
  single(out, "sluice_http_connections_accepted_total", "counter", "Connections accepted.",
         connections_accepted.load());
  single(out, "sluice_http_connections_refused_total", "counter",
         "Connections refused because there were too many.", connections_refused.load());
  single(out, "sluice_http_time_outs_total", "counter", "Connections ended for being slow.",
         time_outs.load());
  single(out, "sluice_http_reads_waiting", "gauge", "Reads waiting for a read thread.",
         context.reads.waiting());

  const auto name_of = [this](std::size_t i) {
    return i < routes_.size() ? fmt::format("method=\"{}\",route=\"{}\"",
                                            to_string(routes_[i].method), routes_[i].path)
                              : std::string("method=\"\",route=\"\"");
  };
  family(out, "sluice_http_requests_total", "counter", "Requests answered, by route and status.");
  for (std::size_t i = 0; i <= routes_.size(); ++i)
    for (std::size_t s = 0; s <= statuses.size(); ++s)
      if (const auto n = per_route_[i].by_status[s].load(std::memory_order_relaxed))
        fmt::format_to(std::back_inserter(out),
                       "sluice_http_requests_total{{{},status=\"{}\"}} {}\n", name_of(i),
                       s < statuses.size() ? std::to_string(statuses[s]) : "other", n);
  family(out, "sluice_http_request_seconds", "histogram",
         "From a request's last byte to its answer.");
  for (std::size_t i = 0; i <= routes_.size(); ++i) {
    const PerRoute& counts = per_route_[i];
    std::uint64_t total = 0;
    for (const auto& bucket : counts.buckets) total += bucket.load(std::memory_order_relaxed);
    if (total == 0) continue;
    std::uint64_t so_far = 0;
    for (std::size_t b = 0; b < bounds_us.size(); ++b) {
      so_far += counts.buckets[b].load(std::memory_order_relaxed);
      fmt::format_to(std::back_inserter(out),
                     "sluice_http_request_seconds_bucket{{{},le=\"{}\"}} {}\n", name_of(i),
                     static_cast<double>(bounds_us[b]) / 1e6, so_far);
    }
    fmt::format_to(std::back_inserter(out),
                   "sluice_http_request_seconds_bucket{{{},le=\"+Inf\"}} {}\n"
                   "sluice_http_request_seconds_sum{{{}}} {}\n"
                   "sluice_http_request_seconds_count{{{}}} {}\n",
                   name_of(i), total, name_of(i),
                   static_cast<double>(counts.taken_us.load(std::memory_order_relaxed)) / 1e6,
                   name_of(i), total);
  }
  render_engine(out, context.engine.stats());
  render_queues(out, context.engine);
  return out;
}

}  // namespace sluice::api
