#include "workflows/field_table.h"

#include <fmt/format.h>

#include <array>

namespace sluice::workflows {
namespace {

// One bit for each StateType.
constexpr unsigned bit(StateType type) { return 1U << static_cast<unsigned>(type); }
constexpr unsigned task = bit(StateType::task);
constexpr unsigned pass = bit(StateType::pass);
constexpr unsigned choice = bit(StateType::choice);
constexpr unsigned wait = bit(StateType::wait);
constexpr unsigned succeed = bit(StateType::succeed);
constexpr unsigned fail = bit(StateType::fail);
constexpr unsigned parallel = bit(StateType::parallel);
constexpr unsigned map = bit(StateType::map);
constexpr unsigned stage = task | parallel | map;
constexpr unsigned onward = stage | pass | wait;
constexpr unsigned every = onward | choice | succeed | fail;

struct Row {
  std::string_view name;
  unsigned types;
  FieldOf language = FieldOf::both;
  bool offered = true;
};

constexpr Row rows[] = {
    {"Type", every},
    {"Comment", every},
    {"QueryLanguage", every},
    {"Next", onward},
    {"End", onward},
    {"InputPath", every & ~fail, FieldOf::jsonpath},
    {"OutputPath", every & ~fail, FieldOf::jsonpath},
    {"Parameters", stage | pass, FieldOf::jsonpath},
    {"ResultSelector", stage, FieldOf::jsonpath},
    {"ResultPath", stage | pass, FieldOf::jsonpath},
    {"Arguments", task | parallel, FieldOf::jsonata},
    {"Output", every & ~fail, FieldOf::jsonata},
    {"Assign", onward | choice},
    {"Retry", stage},
    {"Catch", stage},
    {"Result", pass, FieldOf::jsonpath},
    {"Resource", task},
    {"TimeoutSeconds", task},
    {"TimeoutSecondsPath", task, FieldOf::jsonpath},
    {"HeartbeatSeconds", task},
    {"HeartbeatSecondsPath", task, FieldOf::jsonpath},
    {"Credentials", task},
    {"Seconds", wait},
    {"SecondsPath", wait, FieldOf::jsonpath},
    {"Timestamp", wait},
    {"TimestampPath", wait, FieldOf::jsonpath},
    {"Choices", choice},
    {"Default", choice},
    {"Error", fail},
    {"ErrorPath", fail, FieldOf::jsonpath},
    {"Cause", fail},
    {"CausePath", fail, FieldOf::jsonpath},
    {"Branches", parallel},
    {"ItemProcessor", map},
    {"Iterator", map},
    {"Items", map, FieldOf::jsonata},
    {"ItemsPath", map, FieldOf::jsonpath},
    {"ItemSelector", map},
    {"ItemReader", map},
    {"ItemBatcher", map},
    {"ResultWriter", map},
    {"MaxConcurrency", map},
    {"MaxConcurrencyPath", map, FieldOf::jsonpath},
    {"ToleratedFailureCount", map},
    {"ToleratedFailureCountPath", map, FieldOf::jsonpath},
    {"ToleratedFailurePercentage", map},
    {"ToleratedFailurePercentagePath", map, FieldOf::jsonpath},
    {"Label", map},
    // Sluice's own.
    {"Priority", task},
    {"Priority.$", task, FieldOf::jsonpath},
    {"Headers", task},
    {"OrderKey", task},
    {"OrderKey.$", task, FieldOf::jsonpath},
    {"ExpiresSeconds", task, FieldOf::both, false},
    {"ExpiresSeconds.$", task, FieldOf::jsonpath, false},
    {"Compensate", task},
    {"Lock", onward},
    {"Gate", onward},
    {"Counters", onward},
};

const Row* find_row(std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

// "Task, Pass and Map states"
std::string states_text(unsigned types) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < std::size(type_names); ++i) {
    if ((types & (1U << i)) != 0) names.push_back(type_names[i]);
  }
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  return out + " states";
}

}  // namespace

void check_state_fields(ParseContext& context, const Json& state, std::string_view pointer,
                        StateType type, QueryLanguage language) {
  const std::string_view type_name = type_names[static_cast<std::size_t>(type)];
  const FieldOf spoken = field_language(language);
  std::vector<std::string_view> allowed;
  for (const Row& row : rows) {
    if ((row.types & bit(type)) != 0 && of_language(row.language, spoken)) {
      allowed.push_back(row.name);
    }
  }
  for (const auto& [key, value] : state.items()) {
    std::string place = fmt::format("{}/{}", pointer, pointer_token(key));
    const Row* row = find_row(key);
    if (row == nullptr) {
      context.problem(std::move(place),
                      fmt::format("a {} state has no field {}{}", type_name, in_quotes(key),
                                  context.suggestion(key, allowed)));
    } else if ((row->types & bit(type)) == 0) {
      context.problem(std::move(place),
                      fmt::format("a {} state has no field {}; it belongs to {}", type_name,
                                  in_quotes(key), states_text(row->types)));
    } else if (!of_language(row->language, spoken)) {
      context.problem(std::move(place), of_other_language(key, spoken));
    } else if (!row->offered) {
      context.problem(std::move(place), not_offered(in_quotes(key)));
    }
  }
}

}  // namespace sluice::workflows
