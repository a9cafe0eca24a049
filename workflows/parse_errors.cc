// Retry and Catch.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "workflows/field_table.h"
#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

constexpr double backoff_rate_max = 1e9;
constexpr std::int64_t delay_s_max = 31'622'400;  // 366 days

constexpr std::string_view all_errors = "States.ALL";
constexpr std::array<std::string_view, 24> known_errors = {all_errors,
                                                           "States.Timeout",
                                                           "States.HeartbeatTimeout",
                                                           "States.TaskFailed",
                                                           "States.Permissions",
                                                           "States.ResultPathMatchFailure",
                                                           "States.ParameterPathFailure",
                                                           "States.BranchFailed",
                                                           "States.NoChoiceMatched",
                                                           "States.IntrinsicFailure",
                                                           "States.QueryEvaluationError",
                                                           "States.ExceedToleratedFailureThreshold",
                                                           "States.ItemReaderFailed",
                                                           "States.ResultWriterFailed",
                                                           "States.Http.Socket",
                                                           "States.Runtime",
                                                           "States.DataLimitExceeded",
                                                           "Sluice.DeliveriesExhausted",
                                                           "Sluice.DeliveryLost",
                                                           "Sluice.Dropped",
                                                           "Sluice.LockTimeout",
                                                           "Sluice.GateTimeout",
                                                           "Sluice.QueueFull",
                                                           "Sluice.Deadlock"};

// ErrorEquals of one retrier or catcher. `last`: it is the last of its array.
std::vector<std::string> parse_error_equals(const Fields& fields, std::string_view what,
                                            bool last) {
  std::vector<std::string> names;
  ParseContext& context = fields.context();
  fields.require("ErrorEquals", fmt::format("a {} needs an array of error names", what));
  const Json* array = fields.array("ErrorEquals");
  if (array == nullptr) return names;
  const std::string pointer = fields.pointer("ErrorEquals");
  if (array->empty()) context.problem(pointer, "\"ErrorEquals\" must name at least one error");
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string place = fmt::format("{}/{}", pointer, i);
    const Json& value = (*array)[i];
    if (!value.is_string()) {
      context.problem(place,
                      fmt::format("an error's name must be a string, not {}", describe(value)));
      continue;
    }
    const auto& name = value.get_ref<const std::string&>();
    if (name == all_errors) {
      if (array->size() > 1) {
        context.problem(place, "\"States.ALL\" must stand alone in its \"ErrorEquals\"");
      }
      if (!last) {
        context.problem(place, fmt::format("\"States.ALL\" must be in the last {}: those after it "
                                           "would never be tried",
                                           what));
      }
    }
    if ((name.starts_with("States.") || name.starts_with("Sluice.")) &&
        std::ranges::find(known_errors, name) == known_errors.end()) {
      context.warning(place, fmt::format("no error is called {}, so this never matches{}",
                                         in_quotes(name), context.suggestion(name, known_errors)));
    }
    names.push_back(name);
  }
  return names;
}

Retrier parse_retrier(const Fields& fields, const Json& value, bool last) {
  static constexpr FieldRule rules[] = {{"ErrorEquals"}, {"IntervalSeconds"}, {"MaxAttempts"},
                                        {"BackoffRate"}, {"MaxDelaySeconds"}, {"JitterStrategy"},
                                        {"Comment"}};
  static constexpr std::string_view jitters[] = {"NONE", "FULL"};
  check_fields(fields.context(), value, fields.pointer(), "a retrier", rules);
  fields.string("Comment");
  Retrier retrier;
  retrier.error_equals = parse_error_equals(fields, "retrier", last);
  if (const auto seconds = fields.integer("IntervalSeconds", 1, seconds_max)) {
    retrier.interval_s = static_cast<double>(*seconds);
  }
  if (const auto attempts = fields.integer("MaxAttempts", 0, seconds_max)) {
    retrier.attempts_max = *attempts;
  }
  if (const auto rate = fields.number("BackoffRate", 1, backoff_rate_max))
    retrier.backoff_rate = *rate;
  if (const auto seconds = fields.integer("MaxDelaySeconds", 1, delay_s_max)) {
    retrier.delay_max_s = static_cast<double>(*seconds);
    if (*retrier.delay_max_s <= retrier.interval_s) {
      fields.context().problem(
          fields.pointer("MaxDelaySeconds"),
          fmt::format("\"MaxDelaySeconds\" ({}) must be greater than \"IntervalSeconds\" ({})",
                      *seconds, retrier.interval_s));
    }
  }
  retrier.full_jitter = fields.one_of("JitterStrategy", jitters) == 1;
  return retrier;
}

// The objects of the array `name`, each given to `read` with its place and whether it is the last.
template <class Read>
void for_each_object(const Fields& fields, std::string_view name, std::string_view what,
                     Read read) {
  const Json* array = fields.array(name);
  if (array == nullptr) return;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const Json& value = (*array)[i];
    std::string pointer = fmt::format("{}/{}", fields.pointer(name), i);
    if (!value.is_object()) {
      fields.context().problem(
          std::move(pointer), fmt::format("a {} must be an object, not {}", what, describe(value)));
      continue;
    }
    read(Fields(fields.context(), value, std::move(pointer)), value, i + 1 == array->size());
  }
}

}  // namespace

std::vector<Retrier> parse_retry(const Fields& fields) {
  std::vector<Retrier> retry;
  for_each_object(fields, "Retry", "retrier",
                  [&](const Fields& each, const Json& value, bool last) {
                    retry.push_back(parse_retrier(each, value, last));
                  });
  return retry;
}

std::vector<Catcher> parse_catch(Definition& definition, const Place& place, const Fields& fields,
                                 QueryLanguage language) {
  static constexpr FieldRule rules[] = {{"ErrorEquals"},
                                        {"Next"},
                                        {"ResultPath", true, FieldOf::jsonpath},
                                        {"Output", true, FieldOf::jsonata},
                                        {"Assign"},
                                        {"Comment"}};
  Needs offered;
  offered.error_output = true;
  std::vector<Catcher> catchers;
  for_each_object(
      fields, "Catch", "catcher", [&](const Fields& each, const Json& value, bool last) {
        check_fields(each.context(), value, each.pointer(), "a catcher", rules,
                     field_language(language));
        each.string("Comment");
        Catcher catcher;
        catcher.error_equals = parse_error_equals(each, "catcher", last);
        if (each.require("Next", "a catcher needs the state that it leads to")) {
          catcher.next =
              place.scope.transition(place.index, *each.find("Next"), each.pointer("Next"));
        } else {
          place.scope.add_unknown_edge(place.index);
        }
        bool null = false;
        if (language == QueryLanguage::jsonpath) {
          catcher.result_path = parse_result_path(each, null);
        } else {
          catcher.output = parse_value(each, "Output", language, offered);
        }
        catcher.assign = parse_assign(definition, place, each, language, offered);
        catchers.push_back(std::move(catcher));
      });
  return catchers;
}

}  // namespace sluice::workflows
