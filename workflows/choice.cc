#include "workflows/choice.h"

#include <fmt/format.h>

#include <optional>

#include "base/time.h"
#include "workflows/choice_operator.h"
#include "workflows/json_compare.h"
#include "workflows/parse_context.h"
#include "workflows/path.h"

namespace sluice::workflows {

struct ChoiceTest {
  enum class Kind { all_of, any_of, negation, comparison } kind = Kind::comparison;
  std::vector<std::shared_ptr<const ChoiceTest>> parts;  // all but comparison
  ChoiceOperator comparison;
  std::optional<Path> variable;
  Json literal;
  std::optional<Path> other;  // …Path operators
  Needs needs;
};

namespace {

struct RuleParser {
  std::vector<Problem>& problems;

  void refuse(const std::string& pointer, std::string detail) {
    problems.push_back({pointer, std::move(detail)});
  }

  static std::string join(std::string_view pointer, std::string_view key) {
    return fmt::format("{}/{}", pointer, pointer_token(key));
  }

  std::optional<Path> path(const Json& value, const std::string& pointer) {
    if (!value.is_string()) {
      refuse(pointer, fmt::format("expected a path ($.…), found {}", excerpt(value, 100)));
      return std::nullopt;
    }
    auto parsed = Path::parse(value.get_ref<const std::string&>());
    if (!parsed) {
      refuse(pointer, parsed.error().detail);
      return std::nullopt;
    }
    return *std::move(parsed);
  }

  std::shared_ptr<const ChoiceTest> test(const Json& value, const std::string& pointer, bool top,
                                         int depth) {
    auto out = std::make_shared<ChoiceTest>();
    if (!value.is_object()) {
      refuse(pointer,
             fmt::format("expected a choice rule, an object, found {}", excerpt(value, 100)));
      return out;
    }
    if (depth > choice_depth_max) {
      refuse(pointer, fmt::format("And, Or and Not nest more than {} deep", choice_depth_max));
      return out;
    }
    int tests = 0;
    bool variable_needed = false;
    bool unknown = false;
    for (const auto& [key, member] : value.items()) {
      const std::string place = join(pointer, key);
      if (key == "Comment") {
        if (!member.is_string()) refuse(place, "expected a string");
      } else if (key == "Next" && top) {
        // Read by parse_choice_rule.
      } else if (key == "Next") {
        refuse(place, "Next is allowed in the outermost rule only, not inside And, Or and Not");
      } else if (key == "And" || key == "Or") {
        ++tests;
        out->kind = key == "And" ? ChoiceTest::Kind::all_of : ChoiceTest::Kind::any_of;
        if (!member.is_array() || member.empty()) {
          refuse(place, "expected a list of at least one choice rule");
          continue;
        }
        for (std::size_t i = 0; i < member.size(); ++i)
          out->parts.push_back(test(member[i], fmt::format("{}/{}", place, i), false, depth + 1));
      } else if (key == "Not") {
        ++tests;
        out->kind = ChoiceTest::Kind::negation;
        out->parts.push_back(test(member, place, false, depth + 1));
      } else if (key == "Variable") {
        out->variable = path(member, place);
        variable_needed = true;
      } else if (const auto found = find_choice_operator(key)) {
        ++tests;
        out->comparison = *found;
        comparison(*out, key, member, place);
      } else if (key == "Assign" && top) {
        // Read by parse_choice_rule.
      } else if (key == "Assign") {
        refuse(place, "Assign is allowed in the outermost rule only, not inside And, Or and Not");
      } else if (key == "Condition" || key == "Output") {
        refuse(place, of_other_language(key, FieldOf::jsonpath));
        unknown = true;
      } else {
        refuse(place, fmt::format("unknown field \"{}\"{}", key, suggestion(key)));
        // Most likely the test, mistyped: that there is none would be said in vain.
        unknown = true;
      }
    }
    if (tests == 0 && unknown) return out;
    if (tests == 0)
      refuse(pointer,
             "the rule tests nothing: expected one comparison, such as StringEquals, or And, Or or "
             "Not");
    if (tests > 1) refuse(pointer, "the rule has more than one test: join them with And or Or");
    const bool compares = tests == 1 && out->kind == ChoiceTest::Kind::comparison;
    if (compares && !variable_needed)
      refuse(pointer, "the comparison needs a Variable, the path of what is compared");
    if (tests == 1 && !compares && variable_needed)
      refuse(join(pointer, "Variable"), "And, Or and Not have no Variable");

    for (const auto& part : out->parts) out->needs |= part->needs;
    if (out->variable) out->needs |= out->variable->needs();
    if (out->other) out->needs |= out->other->needs();
    return out;
  }

  static std::string suggestion(const std::string& key) {
    const std::string name = closest_choice_operator(key);
    return name.empty() ? "" : fmt::format("; did you mean \"{}\"?", name);
  }

  void comparison(ChoiceTest& out, const std::string& key, const Json& value,
                  const std::string& place) {
    if (out.comparison.path) {
      out.other = path(value, place);
      return;
    }
    const auto expect = [&](bool fits, const char* what) {
      if (!fits)
        refuse(place, fmt::format("{} takes {}, found {}", key, what, excerpt(value, 100)));
    };
    switch (out.comparison.type) {
      case ChoiceType::string:
        expect(value.is_string(), "a string");
        break;
      case ChoiceType::number:
        expect(value.is_number(), "a number");
        break;
      case ChoiceType::boolean:
      case ChoiceType::test:
        expect(value.is_boolean(), "true or false");
        break;
      case ChoiceType::timestamp:
        expect(value.is_string() && parse_rfc3339(value.get_ref<const std::string&>()).has_value(),
               "a timestamp such as \"2026-01-31T23:59:59Z\"");
        break;
    }
    out.literal = value;
  }
};

std::optional<WallTime> timestamp(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  return parse_rfc3339(value.get_ref<const std::string&>());
}

std::partial_ordering order(ChoiceType type, const Json& left, const Json& right) {
  switch (type) {
    case ChoiceType::string:
      if (left.is_string() && right.is_string())
        return left.get_ref<const std::string&>() <=> right.get_ref<const std::string&>();
      break;
    case ChoiceType::number:
      return compare_numbers(left, right);
    case ChoiceType::boolean:
      if (left.is_boolean() && right.is_boolean() && left == right)
        return std::partial_ordering::equivalent;
      break;
    case ChoiceType::timestamp: {
      const auto a = timestamp(left), b = timestamp(right);
      if (a && b) return *a <=> *b;
      break;
    }
    case ChoiceType::test:
      break;
  }
  return std::partial_ordering::unordered;
}

bool is_of_kind(ChoiceComparison test, const Json& value) {
  switch (test) {
    case ChoiceComparison::is_null:
      return value.is_null();
    case ChoiceComparison::is_numeric:
      return value.is_number();
    case ChoiceComparison::is_string:
      return value.is_string();
    case ChoiceComparison::is_boolean:
      return value.is_boolean();
    case ChoiceComparison::is_timestamp:
      return timestamp(value).has_value();
    default:
      return true;
  }
}

Failure invalid_reference(const Path& path, Failure failure) {
  if (!failure.path_not_found) return failure;
  failure.cause = fmt::format(
      "Invalid path '{}': The choice state's condition path references an invalid value.",
      path.text());
  return failure;
}

// The value that a path selects, without a copy where it stands in a document.
class Operand {
 public:
  Operand(const Path& path, const Scope& scope, Work& work) {
    if (path.definite() && !path.computed()) {
      value_ = path.find(scope);
      if (value_ != nullptr) return;
    }
    auto evaluated = path.evaluate(scope, work);
    if (evaluated)
      made_ = *std::move(evaluated);
    else
      failure_ = invalid_reference(path, std::move(evaluated.failure()));
  }
  const Json& value() const { return value_ != nullptr ? *value_ : made_; }
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  const Json* value_ = nullptr;
  Json made_;
  std::optional<Failure> failure_;
};

Evaluated<bool> compare(const ChoiceTest& test, const Scope& scope, Work& work) {
  const Operand left(*test.variable, scope, work);
  const ChoiceOperator& op = test.comparison;
  if (op.comparison == ChoiceComparison::is_present) {
    if (left.failure() && !left.failure()->path_not_found) return *left.failure();
    return !left.failure().has_value() == test.literal.get<bool>();
  }
  if (left.failure()) return *left.failure();
  if (op.type == ChoiceType::test)
    return is_of_kind(op.comparison, left.value()) == test.literal.get<bool>();

  std::optional<Operand> other;
  if (test.other) {
    other.emplace(*test.other, scope, work);
    if (other->failure()) return *other->failure();
  }
  const Json& right = other ? other->value() : test.literal;
  if (op.comparison == ChoiceComparison::matches) {
    if (!left.value().is_string()) return false;
    const auto& text = left.value().get_ref<const std::string&>();
    const auto& pattern = right.get_ref<const std::string&>();
    if (!work.spend(static_cast<std::int64_t>(text.size() * (pattern.size() + 1) / 256)))
      return Work::failure("The StringMatches comparison");
    return string_matches(pattern, text);
  }
  const std::partial_ordering found = order(op.type, left.value(), right);
  switch (op.comparison) {
    case ChoiceComparison::equals:
      return found == 0;
    case ChoiceComparison::less:
      return found < 0;
    case ChoiceComparison::less_equals:
      return found <= 0;
    case ChoiceComparison::greater:
      return found > 0;
    default:
      return found >= 0;
  }
}

// Recurses as deep as the rule nests, which choice_depth_max bounds.
Evaluated<bool> evaluate(const ChoiceTest& test, const Scope& scope, Work& work) {
  if (test.kind == ChoiceTest::Kind::comparison) return compare(test, scope, work);
  for (const auto& part : test.parts) {
    auto holds = evaluate(*part, scope, work);
    if (!holds) return holds;
    if (test.kind == ChoiceTest::Kind::negation) return !*holds;
    // The rest cannot change the outcome, and may compare what is not there.
    if (*holds == (test.kind == ChoiceTest::Kind::any_of)) return holds;
  }
  return test.kind == ChoiceTest::Kind::all_of;
}

}  // namespace

Needs ChoiceRule::needs() const { return test ? test->needs : condition->needs(); }

Evaluated<bool> ChoiceRule::holds(const Scope& scope) const {
  SLUICE_CHECK(test != nullptr, "a JSONPath rule");
  Work work;
  return evaluate(*test, scope, work);
}

namespace {

// A field of the rule in which expressions may stand.
std::optional<Value> rule_value(const Json& rule, const char* name, const std::string& pointer,
                                QueryLanguage language, std::vector<Problem>& problems) {
  const auto found = rule.find(name);
  if (found == rule.end()) return std::nullopt;
  auto value = Value::parse(language, *found, fmt::format("{}/{}", pointer, name));
  if (value) return *std::move(value);
  for (const Problem& each : value.error().problems) problems.push_back(each);
  return std::nullopt;
}

void parse_condition(const Json& value, const std::string& place, ChoiceRule& rule,
                     std::vector<Problem>& problems) {
  for (const auto& [key, member] : value.items()) {
    if (key == "Condition" || key == "Next" || key == "Output" || key == "Assign") continue;
    const std::string at = RuleParser::join(place, key);
    if (key == "Comment") {
      if (!member.is_string()) problems.push_back({at, "expected a string"});
    } else if (key == "Variable" || key == "And" || key == "Or" || key == "Not" ||
               find_choice_operator(key)) {
      problems.push_back({at, of_other_language(key, FieldOf::jsonata)});
    } else {
      problems.push_back({at, fmt::format("unknown field \"{}\"", key)});
    }
  }
  const auto condition = value.find("Condition");
  if (condition == value.end()) {
    problems.push_back({place, "the rule tests nothing: \"Condition\" is missing"});
  } else if (!condition->is_boolean() &&
             !(condition->is_string() && is_expression(condition->get_ref<const std::string&>()))) {
    problems.push_back({place + "/Condition",
                        fmt::format("\"Condition\" must be an expression \"{{% … %}}\", true or "
                                    "false, not {}",
                                    describe(*condition))});
  } else {
    rule.condition = rule_value(value, "Condition", place, QueryLanguage::jsonata, problems);
  }
  rule.output = rule_value(value, "Output", place, QueryLanguage::jsonata, problems);
}

}  // namespace

Result<ChoiceRule> parse_choice_rule(const Json& value, std::string_view pointer,
                                     QueryLanguage language, const StateResolver& resolve) {
  std::vector<Problem> problems;
  const std::string place(pointer);
  ChoiceRule rule;
  if (language == QueryLanguage::jsonpath || !value.is_object()) {
    rule.test = RuleParser{problems}.test(value, place, true, 1);
  } else {
    parse_condition(value, place, rule, problems);
  }
  if (value.is_object()) {
    const auto next = value.find("Next");
    if (next == value.end())
      problems.push_back({place, "the rule needs a Next, the state to go to when it holds"});
    else if (!next->is_string())
      problems.push_back(
          {place + "/Next", fmt::format("expected a state's name, found {}", excerpt(*next, 100))});
    else
      rule.next = resolve(next->get_ref<const std::string&>(), place + "/Next", problems);
    if (const auto assign = value.find("Assign"); assign != value.end() && !assign->is_object())
      problems.push_back({place + "/Assign",
                          fmt::format("\"Assign\" must be an object, not {}", describe(*assign))});
    else
      rule.assign = rule_value(value, "Assign", place, language, problems);
  }
  if (!problems.empty())
    return Error{Errc::invalid_definition, "the choice rule has problems", std::move(problems)};
  return rule;
}

bool string_matches(std::string_view pattern, std::string_view text) {
  // Greedy with one point to return to: a later star makes every earlier one settled.
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
      continue;
    }
    if (p < pattern.size() && t < text.size()) {
      const bool escaped = pattern[p] == '\\' && p + 1 < pattern.size() &&
                           (pattern[p + 1] == '*' || pattern[p + 1] == '\\');
      if (pattern[p + (escaped ? 1 : 0)] == text[t]) {
        p += escaped ? 2 : 1;
        ++t;
        continue;
      }
    }
    if (star == std::string_view::npos || resume >= text.size()) return false;
    p = star + 1;
    t = ++resume;
  }
  return true;
}

}  // namespace sluice::workflows
