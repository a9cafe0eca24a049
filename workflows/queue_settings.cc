// Settings of a queue, from and to JSON; the same in a definition's Queues and in the queue API.

#include <fmt/format.h>

#include <array>

#include "workflows/parse_context.h"
#include "workflows/workflow.h"

namespace sluice::workflows {
namespace {

constexpr double lease_seconds_min = 0.001;
constexpr double lease_seconds_max = 31'622'400;  // 366 days
constexpr std::int64_t deliveries_most = 1'000'000;
constexpr double rate_min = 0.001, rate_max = 1'000'000;
constexpr std::int64_t burst_max = 1'000'000, concurrency_max = 1'000'000;
constexpr std::int64_t capacity_max = 1'000'000'000, waiting_most = 1'000'000'000;
constexpr std::array<std::string_view, 2> when_full = {"Block", "Reject"};
constexpr std::array<std::string_view, 2> dedup_by = {"Id", "Body"};
constexpr std::array<std::string_view, 2> dead_orders = {"Release", "Block"};
constexpr std::array<std::string_view, 2> deliveries = {"AtLeastOnce", "AtMostOnce"};

constexpr FieldRule rules[] = {
    {"LeaseSeconds"}, {"MaxDeliveries"}, {"Delivery"},      {"AgeingSeconds"}, {"Capacity"},
    {"WhenFull"},     {"MaxWaiting"},    {"RatePerSecond"}, {"Burst"},         {"Concurrency"},
    {"OrderOnDead"},  {"Breaker"},       {"DedupSeconds"},  {"DedupBy"},       {"DeadLetters"}};

constexpr FieldRule letter_rules[] = {
    {"RetentionSeconds"}, {"MaxCount"}, {"MaxReplays"}, {"Webhook", false}};
constexpr double retention_min = 1, retention_max = 316'224'000;  // ten years
constexpr std::int64_t letters_most = 1'000'000'000, replays_most = 1'000'000;

void parse_capacity(const Fields& fields, QueueSettings& settings) {
  settings.capacity = fields.integer("Capacity", 1, capacity_max);
  settings.waiting_max = fields.integer("MaxWaiting", 0, waiting_most);
  const Json* full = fields.find("WhenFull");
  if (full != nullptr && (*full == "DropOldest" || *full == "Coalesce"))
    fields.context().problem(fields.pointer("WhenFull"),
                             not_offered(in_quotes(full->get_ref<const std::string&>())));
  else if (const auto chosen = fields.one_of("WhenFull", when_full))
    settings.rejects = *chosen == 1;
  if (fields.has("Capacity")) return;
  for (const std::string_view name : {"WhenFull", "MaxWaiting"})
    if (fields.has(name))
      fields.context().problem(
          fields.pointer(name),
          fmt::format("{} says what happens at a \"Capacity\", which is missing", in_quotes(name)));
}

// What is kept of the queue's dead letters, and how often one may be replayed.
void parse_letters(const Fields& queue, QueueSettings& settings) {
  const Json* value = queue.object("DeadLetters");
  if (value == nullptr) return;
  const Fields fields(queue.context(), *value, queue.pointer("DeadLetters"));
  check_fields(queue.context(), *value, fields.pointer(), "DeadLetters", letter_rules);
  settings.letters_retention_seconds =
      fields.number("RetentionSeconds", retention_min, retention_max);
  settings.letters_max = fields.integer("MaxCount", 1, letters_most);
  settings.replays_max = fields.integer("MaxReplays", 1, replays_most);
}

constexpr FieldRule breaker_rules[] = {
    {"Failures"}, {"DeadLetters"}, {"WithinSeconds"}, {"Pause"}, {"ResumeAfterSeconds"}};
constexpr std::int64_t failures_max = 100'000;
constexpr std::array<std::string_view, 2> pauses = {"Queue", "Workflow"};

void parse_breaker(const Fields& queue, QueueSettings& settings) {
  const Json* value = queue.object("Breaker");
  if (value == nullptr) return;
  const Fields fields(queue.context(), *value, queue.pointer("Breaker"));
  check_fields(queue.context(), *value, fields.pointer(), "a breaker", breaker_rules);
  QueueSettings::Breaker breaker;
  breaker.failures = fields.integer("Failures", 1, failures_max);
  breaker.dead_letters = fields.integer("DeadLetters", 1, failures_max);
  if (!fields.has("Failures") && !fields.has("DeadLetters"))
    queue.context().problem(fields.pointer(),
                            "a breaker needs \"Failures\" or \"DeadLetters\": how many trip it");
  breaker.within_seconds =
      fields.number("WithinSeconds", 1, lease_seconds_max).value_or(breaker.within_seconds);
  if (const auto pause = fields.one_of("Pause", pauses)) breaker.whole_workflow = *pause == 1;
  breaker.resume_after_seconds = fields.number("ResumeAfterSeconds", 1, lease_seconds_max);
  settings.breaker = breaker;
}

}  // namespace

Result<QueueSettings> parse_queue_settings(const Json& value, std::string_view pointer) {
  ParseContext context;
  QueueSettings settings;
  if (!value.is_object()) {
    context.problem(std::string(pointer),
                    fmt::format("a queue's settings must be an object, not {}", describe(value)));
  } else {
    const Fields fields(context, value, std::string(pointer));
    check_fields(context, value, pointer, "a queue", rules);
    settings.lease_seconds = fields.number("LeaseSeconds", lease_seconds_min, lease_seconds_max);
    settings.deliveries_max = fields.integer("MaxDeliveries", 1, deliveries_most);
    settings.ageing_seconds = fields.number("AgeingSeconds", 0, lease_seconds_max);
    if (const auto delivery = fields.one_of("Delivery", deliveries)) {
      settings.at_most_once = *delivery == 1;
    }
    settings.rate_per_second = fields.number("RatePerSecond", rate_min, rate_max);
    settings.burst = fields.integer("Burst", 1, burst_max);
    if (fields.has("Burst") && !fields.has("RatePerSecond"))
      context.problem(fields.pointer("Burst"),
                      "\"Burst\" says how many may go at once at a \"RatePerSecond\", which is "
                      "missing");
    settings.concurrency = fields.integer("Concurrency", 1, concurrency_max);
    if (const auto order = fields.one_of("OrderOnDead", dead_orders))
      settings.order_blocks = *order == 1;
    parse_capacity(fields, settings);
    settings.dedup_seconds = fields.number("DedupSeconds", lease_seconds_min, lease_seconds_max);
    if (const auto by = fields.one_of("DedupBy", dedup_by)) settings.dedup_by_body = *by == 1;
    parse_letters(fields, settings);
    parse_breaker(fields, settings);
  }
  if (!context.sound()) {
    return Error{Errc::invalid_argument, "the queue's settings are at fault",
                 context.take_problems()};
  }
  return settings;
}

Json to_json(const QueueSettings& settings) {
  Json out = Json::object();
  if (settings.lease_seconds) out["LeaseSeconds"] = *settings.lease_seconds;
  if (settings.deliveries_max) out["MaxDeliveries"] = *settings.deliveries_max;
  if (settings.at_most_once) out["Delivery"] = deliveries[*settings.at_most_once ? 1 : 0];
  if (settings.ageing_seconds) out["AgeingSeconds"] = *settings.ageing_seconds;
  if (settings.capacity) out["Capacity"] = *settings.capacity;
  if (settings.rejects) out["WhenFull"] = when_full[*settings.rejects ? 1 : 0];
  if (settings.waiting_max) out["MaxWaiting"] = *settings.waiting_max;
  if (settings.rate_per_second) out["RatePerSecond"] = *settings.rate_per_second;
  if (settings.burst) out["Burst"] = *settings.burst;
  if (settings.concurrency) out["Concurrency"] = *settings.concurrency;
  if (settings.order_blocks) out["OrderOnDead"] = dead_orders[*settings.order_blocks ? 1 : 0];
  if (settings.dedup_seconds) out["DedupSeconds"] = *settings.dedup_seconds;
  if (settings.dedup_by_body) out["DedupBy"] = dedup_by[*settings.dedup_by_body ? 1 : 0];
  Json letters = Json::object();
  if (settings.letters_retention_seconds)
    letters["RetentionSeconds"] = *settings.letters_retention_seconds;
  if (settings.letters_max) letters["MaxCount"] = *settings.letters_max;
  if (settings.replays_max) letters["MaxReplays"] = *settings.replays_max;
  if (!letters.empty()) out["DeadLetters"] = std::move(letters);
  if (settings.breaker) {
    Json& breaker = out["Breaker"] = Json::object();
    if (settings.breaker->failures) breaker["Failures"] = *settings.breaker->failures;
    if (settings.breaker->dead_letters) breaker["DeadLetters"] = *settings.breaker->dead_letters;
    breaker["WithinSeconds"] = settings.breaker->within_seconds;
    breaker["Pause"] = pauses[settings.breaker->whole_workflow ? 1 : 0];
    if (settings.breaker->resume_after_seconds)
      breaker["ResumeAfterSeconds"] = *settings.breaker->resume_after_seconds;
  }
  return out;
}

}  // namespace sluice::workflows
