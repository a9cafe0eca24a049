// Any bytes as a JSONata expression, over one document: it ends within its limits, with a document
// that can be sent, nothing, or an error that is told; and twice in the same way.
#include "workflows/jsonata/jsonata.h"

#include "targets.h"

namespace sluice::fuzz {
namespace {
using workflows::jsonata::Answer;
using workflows::jsonata::Dialect;
using workflows::jsonata::Environment;
using workflows::jsonata::Expression;
using workflows::jsonata::Limits;
using Failure = workflows::jsonata::Error;

constexpr std::size_t text_bytes_max = 4'096;
constexpr Limits small{.steps_max = 20'000, .depth_max = 100, .memory_bytes_max = 1 << 20};
// One step may be charged late: a function of the library that goes over all of a value at once.
constexpr std::int64_t steps_over_max = 20'000;

const Json& document() {
  static const Json made = *parse_json(R"json({
    "Account": {"Name": "Firefly", "Order": [
      {"OrderID": "o1", "Product": [
        {"Name": "Bowler Hat", "SKU": "0406", "Price": 34.45, "Quantity": 2,
         "Description": {"Colour": "Purple", "Weight": 0.75}},
        {"Name": "Trilby", "SKU": "0405", "Price": 21.67, "Quantity": 1,
         "Description": {"Colour": "Orange", "Weight": 0.6}}]},
      {"OrderID": "o2", "Product": {"Name": "Cloak", "SKU": "0407", "Price": 107.99, "Quantity": 1,
         "Description": {"Colour": "Black", "Weight": 2}}}]},
    "a": [1, 2, [3, [4]], {"b": null}], "e": [], "o": {}, "s": "über 😀 text",
    "n": -0.5, "big": 9007199254740993, "t": true, "when": "2026-03-01T10:20:30.456+02:00",
    "m": {"x": {"x": {"x": 1}}, "y": [{"x": 2}, {"x": [3, 4]}]}})json");
  return made;
}

std::string described(const Answer& answer) {
  if (const Failure* error = std::get_if<Failure>(&answer))
    return error->code + " " + error->message + " " + std::to_string(error->position);
  if (std::holds_alternative<workflows::jsonata::Undefined>(answer)) return "undefined";
  if (std::holds_alternative<workflows::jsonata::NoDocument>(answer)) return "function";
  return to_text(std::get<Json>(answer));
}

void check_error(const Failure& error, std::size_t size) {
  SLUICE_CHECK(!error.code.empty(), "an error with a code");
  SLUICE_CHECK(error.position <= size, "a place in the text");
  check_sendable(error.message);
}

void run(std::string_view text, Dialect dialect) {
  const auto compiled = workflows::jsonata::compile(text, dialect);
  if (const Failure* error = std::get_if<Failure>(&compiled))
    return check_error(*error, text.size());
  const Expression& expression = std::get<Expression>(compiled);
  for (const Expression::Mention& each : expression.mentions()) check_sendable(each.variable);
  if (const auto reference = expression.first_context_reference())
    SLUICE_CHECK(reference->position <= text.size(), "a place in the text");

  const Json& input = document();
  const Environment environment{
      .input = &input,
      .bindings = {{.name = "states", .members = {{.name = "input", .value = &input}}},
                   {.name = "v", .value = &input["Account"]}},
      .now_ms = 1'772'000'000'123,
      .seed = 7,
      .limits = small};
  std::int64_t steps = 0;
  const Answer answer = expression.evaluate(environment, &steps);
  SLUICE_CHECK(steps >= 0 && steps <= small.steps_max + steps_over_max, "an end within the steps");
  if (const Failure* error = std::get_if<Failure>(&answer)) check_error(*error, text.size());
  const std::string told = described(answer);
  SLUICE_CHECK(described(expression.evaluate(environment)) == told, "the same answer twice");
  if (const Json* value = std::get_if<Json>(&answer)) {
    const auto read = parse_json(told, {.depth_max = 100'000, .refuse_duplicate_keys = true});
    SLUICE_CHECK(read.has_value(), "an answer that is JSON");
    SLUICE_CHECK(*read == *value, "an answer that can be read back");
  }
}

}  // namespace

void jsonata(std::string_view bytes) {
  const std::string text = as_utf8(bytes.substr(0, text_bytes_max));
  run(text, Dialect::standard);
  run(text, Dialect::states);
}

}  // namespace sluice::fuzz
