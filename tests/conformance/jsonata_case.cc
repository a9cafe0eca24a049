// An expression, its input, and what it must give.
#include <fmt/format.h>

#include "conformance/verdict.h"
#include "workflows/jsonata/jsonata.h"

namespace sluice::conformance {
namespace {

namespace jsonata = workflows::jsonata;

constexpr std::int64_t some_time_ms = 1'767'225'600'000;

std::string describe(const jsonata::Answer& answer) {
  if (const auto* error = std::get_if<jsonata::Error>(&answer))
    return fmt::format("error {} ({})", error->code, error->message);
  if (std::holds_alternative<jsonata::Undefined>(answer)) return "undefined";
  if (std::holds_alternative<jsonata::NoDocument>(answer)) return "a function";
  return cut(std::get<Json>(answer));
}

Verdict judge(const Json& record, const jsonata::Answer& answer) {
  const Json& expect = record.at("expect");
  const auto* error = std::get_if<jsonata::Error>(&answer);
  if (const auto code = expect.find("error"); code != expect.end()) {
    if (error != nullptr && code->is_string() && error->code == code->get<std::string>())
      return Verdict::passed();
    return Verdict::failed(fmt::format("expected error {}, got {}", cut(*code), describe(answer)));
  }
  if (const auto result = expect.find("result"); result != expect.end()) {
    const auto* got = std::get_if<Json>(&answer);
    if (got == nullptr)
      return Verdict::failed(fmt::format("expected {}, got {}", cut(*result), describe(answer)));
    if (record.contains("unordered") && same_unordered(*result, *got)) return Verdict::passed();
    return Verdict::of(differ(*result, *got, {}), "");
  }
  if (std::holds_alternative<jsonata::Undefined>(answer) ||
      std::holds_alternative<jsonata::NoDocument>(answer))
    return Verdict::passed();
  return Verdict::failed("expected undefined, got " + describe(answer));
}

}  // namespace

Verdict run_jsonata_case(const Json& record, const Json& datasets) {
  auto compiled = jsonata::compile(record.at("expr").get<std::string>());
  if (const auto* error = std::get_if<jsonata::Error>(&compiled)) return judge(record, *error);
  jsonata::Environment environment{.now_ms = some_time_ms, .seed = 1};
  if (const auto name = text_member(record, "dataset"); !name.empty()) {
    if (!datasets.contains(name)) return Verdict::skipped("there is no dataset " + name);
    environment.input = &datasets.at(name);
  } else if (const auto data = record.find("data"); data != record.end()) {
    environment.input = &*data;
  }
  if (const auto bindings = record.find("bindings"); bindings != record.end())
    for (const auto& [name, value] : bindings->items())
      environment.bindings.push_back({name, &value});
  if (const auto depth = record.find("depth"); depth != record.end() && depth->is_number_integer())
    environment.limits.depth_max = depth->get<int>();
  return judge(record, std::get<jsonata::Expression>(compiled).evaluate(environment));
}

}  // namespace sluice::conformance
