// A definition that others accept or refuse.
#include <fmt/format.h>

#include "conformance/verdict.h"
#include "workflows/workflow.h"

namespace sluice::conformance {

Verdict run_definition_case(const Json& record) {
  const auto word = record.contains("accept") ? record.find("accept") : record.find("valid");
  if (word == record.end() || !word->is_boolean()) return Verdict::skipped("no verdict is given");
  const bool accept = word->get<bool>();
  std::string text = text_member(record, "definition_text");
  if (text.empty() && record.contains("definition")) {
    const Json& definition = record.at("definition");
    text = definition.is_string() ? definition.get<std::string>() : to_text(definition);
  }
  const auto compiled = workflows::compile(text);
  if (compiled.has_value() == accept) {
    if (accept || !compiled.error().detail.empty()) return Verdict::passed();
    return Verdict::failed("refused without naming a fault");
  }
  if (!accept) {
    std::string why = text_member(record, "why");
    if (const auto response = record.find("response"); response != record.end())
      why = text_member(*response, "message");
    return Verdict::failed("expected a refusal, got acceptance: " + cut(why));
  }
  const Error& error = compiled.error();
  std::string why = error.detail;
  if (!error.problems.empty())
    why = fmt::format("{}: {}", error.problems.front().pointer, error.problems.front().detail);
  return Verdict::failed("expected acceptance, got a refusal: " + why);
}

}  // namespace sluice::conformance
