// Any bytes as a path, a reference path, what stands behind a ".$" key, or a payload template.
// What parses is evaluated over one document, and the ways of evaluating must agree.
#include "workflows/path.h"

#include "targets.h"
#include "workflows/template.h"

namespace sluice::fuzz {
namespace {
using namespace workflows;

constexpr std::size_t text_bytes_max = 8'192;
constexpr std::int64_t work_max = 20'000;
constexpr JsonLimits any_depth{.depth_max = 100'000, .refuse_duplicate_keys = true};

const Json& document() {
  static const Json made = *parse_json(R"json({
    "a": {"b": {"c": [1, 2, {"d": "e"}]}}, "n": 5, "t": true, "z": null, "s": "text, {} 'ä'",
    "l": [{"p": 3, "k": "x", "in": [1, 2]}, {"p": 1.5, "k": "y"}, {"p": -2, "q": {"k": "x"}}, 7, "x"],
    "e": [], "o": {}, "j": "{\"k\": [1]}", "b64": "aGFsbG8=", "csv": "1,2,3"})json");
  return made;
}
const Json& context() {
  static const Json made = *parse_json(
      R"({"Execution": {"Id": "r", "Input": {"a": 1}}, "Map": {"Item": {"Index": 0}}})");
  return made;
}
const Json& variables() {
  static const Json made = *parse_json(R"({"v": {"w": [1, 2]}, "x": "y"})");
  return made;
}
const Scope scope{.input = &document(), .context = &context(), .variables = &variables()};

void check_failure(const Failure& failure) {
  SLUICE_CHECK(!failure.error.empty() && !failure.cause.empty(), "a failure that is told");
  check_sendable(failure.error);
  check_sendable(failure.cause);
}

void check_value(const Evaluated<Json>& value) {
  if (!value) return check_failure(value.failure());
  const auto read = parse_json(to_text(*value), any_depth);
  SLUICE_CHECK(read.has_value() && *read == *value, "a value that can be sent and read back");
}

void run_path(std::string_view text) {
  const auto parsed = Path::parse(text);
  if (!parsed) return check_refusal(parsed.error());
  SLUICE_CHECK(text.starts_with(parsed->text()), "a path that knows its text");
  Work work(work_max);
  const auto value = parsed->evaluate(scope, work);
  check_value(value);
  if (!parsed->definite() || parsed->computed() || work.exhausted()) return;
  const Json* found = parsed->find(scope);
  SLUICE_CHECK((found != nullptr) == value.has_value(), "find() and evaluate() agree");
  SLUICE_CHECK(found == nullptr || *found == *value, "find() and evaluate() agree");
}

void run_reference_path(std::string_view text) {
  const auto parsed = ReferencePath::parse(text);
  if (!parsed) return check_refusal(parsed.error());
  const Json placed = "placed";
  const auto made = parsed->insert(document(), placed);
  check_value(made);
  // What was put somewhere is found there, as far as the other grammar reads the text too.
  const auto path = Path::parse(text);
  if (!made || !path || !path->definite() || path->computed()) return;
  const Json* found =
      path->find({.input = &*made, .context = &context(), .variables = &variables()});
  SLUICE_CHECK(found != nullptr && *found == placed, "a value where it was put");
}

void run_expression(std::string_view text) {
  const auto parsed = Expression::parse(text);
  if (!parsed) return check_refusal(parsed.error());
  Random chance(1);
  Work work(work_max);
  check_value(parsed->evaluate(scope, chance, "value.$", work));
}

void run_template(std::string_view text) {
  const auto value = parse_json(text);
  if (!value) return;
  const auto parsed = PayloadTemplate::parse(*value, "/Parameters");
  if (!parsed) return check_refusal(parsed.error());
  Random chance(1);
  const auto made = parsed->evaluate(scope, chance);
  check_value(made);
  if (parsed->constant()) SLUICE_CHECK(made && *made == *value, "a constant is its own value");
}

}  // namespace

void path(std::string_view bytes) {
  const std::string text = as_utf8(bytes.substr(0, text_bytes_max));
  run_path(text);
  run_reference_path(text);
  run_expression(text);
  run_template(text);
}

}  // namespace sluice::fuzz
