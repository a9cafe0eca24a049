// One state alone, as the service's TestState has it.
#include <fmt/format.h>

#include "conformance/verdict.h"
#include "laboratory/state_test.h"

namespace sluice::conformance {
namespace {

using laboratory::StateAnswer;
using laboratory::StateQuestion;

// The context object that the service makes up where none is given.
Json usual_context(const Json& request, const workflows::State& state) {
  const Json* role = request.contains("roleArn") ? &request["roleArn"] : nullptr;
  Json context = Json::object();
  context["Execution"] = {{"Id", "arn:aws:states:local:000000000000:express:test:test"},
                          {"Input", request.value("input", Json::object())},
                          {"Name", "test"},
                          {"RoleArn", role != nullptr ? *role : Json()},
                          {"StartTime", "2026-01-01T00:00:00.000Z"}};
  context["StateMachine"] = {{"Id", "arn:aws:states:local:000000000000:stateMachine:test"},
                             {"Name", "test"}};
  context["State"] = {{"Name", std::string(laboratory::lone_state)},
                      {"EnteredTime", "2026-01-01T00:00:00.000Z"}};
  using workflows::StateType;
  if (state.type == StateType::task || state.type == StateType::parallel ||
      state.type == StateType::map)
    context["State"]["RetryCount"] = 0;
  return context;
}

Json parsed_text(const Json& value) {
  if (!value.is_string()) return value;
  auto parsed = parse_json(value.get<std::string>());
  return parsed ? *std::move(parsed) : value;
}

std::optional<std::string> text_if(const Json& object, const char* name) {
  if (!object.contains(name) || !object[name].is_string()) return std::nullopt;
  return object[name].get<std::string>();
}

Result<StateQuestion> question_of(const Json& request) {
  StateQuestion question;
  const Json definition = parsed_text(request.at("definition"));
  question.state = text_member(request, "stateName");
  if (definition.contains("States")) {
    auto compiled = workflows::compile(to_text(definition));
    if (!compiled) return compiled.error();
    question.machine = compiled->machine;
    if (question.state.empty()) question.state = text_member(definition, "StartAt");
  } else {
    auto made = laboratory::machine_of_state(definition);
    if (!made) return made.error();
    question.machine = *made;
    question.state = laboratory::lone_state;
  }
  question.whole = true;
  question.input = Doc::from_json(parsed_text(request.value("input", Json::object())));
  if (const auto given = request.find("variables"); given != request.end())
    question.variables = Doc::from_json(parsed_text(*given));
  if (const auto mock = request.find("mock"); mock != request.end()) {
    if (const auto result = mock->find("result"); result != mock->end())
      question.result = Doc::from_json(parsed_text(*result));
    if (const auto failure = mock->find("errorOutput"); failure != mock->end())
      question.failure = {text_if(*failure, "error"), text_if(*failure, "cause")};
  }
  if (const auto given = request.find("stateConfiguration"); given != request.end()) {
    question.failed_items = given->value("mapIterationFailureCount", 0);
    question.retries = given->value("retrierRetryCount", 0U);
  }
  const auto at = question.machine->find(question.state);
  if (const auto given = request.find("context"); given != request.end())
    question.context = Doc::from_json(parsed_text(*given));
  else if (at != workflows::no_state)
    question.context = Doc::from_json(usual_context(request, question.machine->states[at]));
  return question;
}

Json told(const StateAnswer& answer) {
  Json all = {{"status", std::string(to_string(answer.status))}};
  if (answer.output) all["output"] = answer.output.json();
  if (answer.fault.error) all["error"] = *answer.fault.error;
  if (answer.fault.cause) all["cause"] = *answer.fault.cause;
  if (!answer.next_state.empty()) all["nextState"] = answer.next_state;
  return all;
}

}  // namespace

Verdict run_state_case(const Json& record) {
  const Json& request = record.at("request");
  Json expected = record.at("response");
  const auto question = question_of(request);
  const auto answer =
      question ? laboratory::test_state(*question) : Result<StateAnswer>(question.error());
  if (expected.contains("Error")) {
    if (!answer) return Verdict::passed();
    return Verdict::failed("expected a refusal, got an answer: " + cut(expected["message"]));
  }
  if (!answer) {
    const Error& error = answer.error();
    return Verdict::failed("expected an answer, got a refusal: " +
                           (error.problems.empty() ? error.detail
                                                   : error.problems.front().pointer + ": " +
                                                         error.problems.front().detail));
  }
  const Wildcards wildcards = wildcards_of(record);
  // What the inspection has beyond the recorded is not looked at.
  if (const auto inspection = expected.find("inspectionData"); inspection != expected.end()) {
    for (const auto& [name, value] : inspection->items()) {
      const auto got = answer->inspection.find(name);
      if (auto difference = differ(value, got == answer->inspection.end() ? Json("nothing") : *got,
                                   wildcards, "/inspectionData/" + name))
        return Verdict::of(difference, "");
    }
    expected.erase("inspectionData");
  }
  return Verdict::of(differ(expected, told(*answer), wildcards), "");
}

}  // namespace sluice::conformance
