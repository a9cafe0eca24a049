#include "workflows/field_table.h"

#include <fmt/format.h>

#include <array>

namespace sluice::workflows {
namespace {

// One bit for each TypeName.
constexpr unsigned bit(TypeName type) { return 1U << static_cast<unsigned>(type); }
constexpr unsigned task = bit(TypeName::task);
constexpr unsigned pass = bit(TypeName::pass);
constexpr unsigned choice = bit(TypeName::choice);
constexpr unsigned wait = bit(TypeName::wait);
constexpr unsigned succeed = bit(TypeName::succeed);
constexpr unsigned fail = bit(TypeName::fail);
constexpr unsigned parallel = bit(TypeName::parallel);
constexpr unsigned map = bit(TypeName::map);
constexpr unsigned stage = task | parallel | map;
constexpr unsigned onward = stage | pass | wait;
constexpr unsigned every = onward | choice | succeed | fail;

enum class Language { both, json_path, jsonata };

struct Row {
  std::string_view name;
  unsigned types;
  Language language = Language::both;
  bool offered = true;
};

constexpr Row rows[] = {
    {"Type", every},
    {"Comment", every},
    {"QueryLanguage", every},
    {"Next", onward},
    {"End", onward},
    {"InputPath", every & ~fail, Language::json_path},
    {"OutputPath", every & ~fail, Language::json_path},
    {"Parameters", stage | pass, Language::json_path},
    {"ResultSelector", stage, Language::json_path},
    {"ResultPath", stage | pass, Language::json_path},
    {"Arguments", task | parallel, Language::jsonata},
    {"Output", every & ~fail, Language::jsonata},
    {"Assign", onward | choice, Language::both, false},
    {"Retry", stage},
    {"Catch", stage},
    {"Result", pass, Language::json_path},
    {"Resource", task},
    {"TimeoutSeconds", task},
    {"TimeoutSecondsPath", task, Language::json_path},
    {"HeartbeatSeconds", task},
    {"HeartbeatSecondsPath", task, Language::json_path},
    {"Credentials", task, Language::both, false},
    {"Seconds", wait},
    {"SecondsPath", wait, Language::json_path},
    {"Timestamp", wait},
    {"TimestampPath", wait, Language::json_path},
    {"Choices", choice},
    {"Default", choice},
    {"Error", fail},
    {"ErrorPath", fail, Language::json_path},
    {"Cause", fail},
    {"CausePath", fail, Language::json_path},
    // Parallel and Map are refused at their Type; what stands inside them is not looked at.
    {"Branches", parallel},
    {"ItemProcessor", map},
    {"Iterator", map},
    {"Items", map, Language::jsonata},
    {"ItemsPath", map, Language::json_path},
    {"ItemSelector", map},
    {"ItemReader", map},
    {"ItemBatcher", map},
    {"ResultWriter", map},
    {"MaxConcurrency", map},
    {"MaxConcurrencyPath", map, Language::json_path},
    {"ToleratedFailureCount", map},
    {"ToleratedFailureCountPath", map, Language::json_path},
    {"ToleratedFailurePercentage", map},
    {"ToleratedFailurePercentagePath", map, Language::json_path},
    {"Label", map},
    // Sluice's own.
    {"Priority", task},
    {"Priority.$", task, Language::json_path},
    {"Headers", task},
    {"Headers.$", task, Language::json_path, false},
    {"OrderKey", task, Language::both, false},
    {"OrderKey.$", task, Language::json_path, false},
    {"ExpiresSeconds", task, Language::both, false},
    {"ExpiresSeconds.$", task, Language::json_path, false},
    {"Compensate", task, Language::both, false},
    {"Lock", onward, Language::both, false},
    {"Gate", onward, Language::both, false},
    {"Counters", onward, Language::both, false},
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

bool of_language(Language language, bool jsonata) {
  return language == Language::both || (language == Language::jsonata) == jsonata;
}

}  // namespace

void check_state_fields(ParseContext& context, const Json& state, std::string_view pointer,
                        TypeName type, bool jsonata) {
  const std::string_view type_name = type_names[static_cast<std::size_t>(type)];
  std::vector<std::string_view> allowed;
  for (const Row& row : rows) {
    if ((row.types & bit(type)) != 0 && of_language(row.language, jsonata)) {
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
    } else if (!of_language(row->language, jsonata)) {
      context.problem(
          std::move(place),
          fmt::format("{} belongs to {} states, and this is a {} state", in_quotes(key),
                      jsonata ? "JSONPath" : "JSONata", jsonata ? "JSONata" : "JSONPath"));
    } else if (!row->offered) {
      context.problem(std::move(place), not_offered(in_quotes(key)));
    }
  }
}

}  // namespace sluice::workflows
