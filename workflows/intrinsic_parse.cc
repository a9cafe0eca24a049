#include <fmt/format.h>

#include "workflows/intrinsic.h"
#include "workflows/template.h"

namespace sluice::workflows {
namespace {

struct Refused {
  std::string why;
};

class CallParser {
 public:
  explicit CallParser(std::string_view text) : text_(text) {}

  std::shared_ptr<const IntrinsicCall> whole() {
    skip_space();
    auto parsed = call(1);
    skip_space();
    if (at_ != text_.size()) refuse("the end");
    return parsed;
  }

 private:
  [[noreturn]] void refuse(std::string_view expected) const {
    throw Refused{fmt::format("expected {} at character {}", expected, at_ + 1)};
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  std::shared_ptr<const IntrinsicCall> call(int depth) {
    if (depth > intrinsic_depth_max)
      throw Refused{fmt::format("functions nest more than {} deep", intrinsic_depth_max)};
    const std::size_t start = at_;
    if (!text_.substr(at_).starts_with("States.")) refuse("a function, such as States.Format");
    at_ += 7;
    const std::size_t name_at = at_;
    while ((peek() | 0x20) >= 'a' && (peek() | 0x20) <= 'z' ? true : peek() >= '0' && peek() <= '9')
      ++at_;
    const std::string_view name = text_.substr(name_at, at_ - name_at);
    auto parsed = std::make_shared<IntrinsicCall>();
    parsed->function = find_intrinsic(name);
    if (parsed->function == nullptr)
      throw Refused{fmt::format("there is no function States.{}", name)};
    skip_space();
    if (!take('(')) refuse("'('");
    skip_space();
    if (!take(')')) {
      do {
        skip_space();
        parsed->arguments.push_back(argument(depth, parsed->needs));
        skip_space();
      } while (take(','));
      if (!take(')')) refuse("',' or ')'");
    }
    parsed->text = std::string(text_.substr(start, at_ - start));
    const IntrinsicFunction& function = *parsed->function;
    const std::size_t count = parsed->arguments.size();
    if (count < function.arguments_min || count > function.arguments_max)
      throw Refused{fmt::format("States.{} takes {} argument{}, not {}", name, takes(function),
                                function.arguments_max == 1 ? "" : "s", count)};
    return parsed;
  }

  static std::string takes(const IntrinsicFunction& function) {
    if (function.arguments_min == function.arguments_max)
      return std::to_string(function.arguments_min);
    if (function.arguments_max > 10) return fmt::format("at least {}", function.arguments_min);
    return fmt::format("{} to {}", function.arguments_min, function.arguments_max);
  }

  IntrinsicArgument argument(int depth, Needs& needs) {
    const char c = peek();
    if (c == '\'') return text_literal();
    if (c == '$') {
      auto path = Path::parse(path_text());
      if (!path) throw Refused{path.error().detail};
      needs |= path->needs();
      return *std::move(path);
    }
    if (c == 'S') {
      auto inner = call(depth + 1);
      needs |= inner->needs;
      return inner;
    }
    const std::size_t start = at_;
    while (at_ < text_.size() &&
           std::string_view(",) \t\r\n").find(text_[at_]) == std::string_view::npos)
      ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    const Json value = Json::parse(word, nullptr, false);
    if (value.is_number() || value.is_boolean() || value.is_null()) return value;
    at_ = start;
    refuse("a 'string', a number, true, false, null, a path or a function");
  }

  // A path ends at a comma, a space or a bracket that is not its own.
  std::string_view path_text() {
    const std::size_t start = at_;
    int open = 0;
    for (char quote = '\0'; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote != '\0') {
        if (c == '\\')
          ++at_;
        else if (c == quote)
          quote = '\0';
      } else if (open > 0 && (c == '\'' || c == '"')) {
        quote = c;
      } else if (c == '[' || c == '(') {
        ++open;
      } else if (open > 0 && (c == ']' || c == ')')) {
        --open;
      } else if (open == 0 && std::string_view(",) \t\r\n").find(c) != std::string_view::npos) {
        break;
      }
    }
    at_ = std::min(at_, text_.size());
    return text_.substr(start, at_ - start);
  }

  TextLiteral text_literal() {
    ++at_;
    TextLiteral literal;
    for (;;) {
      if (at_ >= text_.size()) refuse("a closing '");
      char c = text_[at_++];
      if (c == '\'') return literal;
      literal.written += c;
      if (c == '\\') {
        if (at_ >= text_.size()) refuse("a character after '\\'");
        c = text_[at_++];
        literal.written += c;
        switch (c) {
          case 'n':
            c = '\n';
            break;
          case 't':
            c = '\t';
            break;
          case 'r':
            c = '\r';
            break;
          default:
            break;
        }
      }
      literal.value += c;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::shared_ptr<const IntrinsicCall>> parse_intrinsic(std::string_view text) {
  try {
    return CallParser(text).whole();
  } catch (const Refused& refused) {
    return make_error(Errc::invalid_argument,
                      fmt::format("'{}' is not a function call: {}", text, refused.why));
  }
}

Evaluated<Json> IntrinsicCall::evaluate(const Scope& scope, Random& chance, Work& work) const {
  const auto failure = [&](const char* error, std::string_view why, bool missing = false) {
    return Failure{error, fmt::format("The function '{}' had the following error: {}", text, why),
                   missing};
  };
  CallValues call{{}, nullptr, chance, work};
  for (const IntrinsicArgument& argument : arguments) {
    if (const auto* literal = std::get_if<Json>(&argument)) {
      call.values.push_back(*literal);
    } else if (const auto* literal_text = std::get_if<TextLiteral>(&argument)) {
      if (call.values.empty()) call.first_text = literal_text;
      call.values.emplace_back(literal_text->value);
    } else if (const auto* path = std::get_if<Path>(&argument)) {
      auto value = path->evaluate(scope, work);
      if (!value && value.failure().path_not_found) {
        const Json* root = path->document(scope);
        if (root == nullptr) return failure("States.Runtime", value.failure().cause, true);
        return failure(
            "States.Runtime",
            fmt::format(
                "The JsonPath argument for the field '{}' could not be found in the input '{}'",
                path->text(), excerpt(*root)),
            true);
      }
      if (!value) return std::move(value.failure());
      call.values.push_back(*std::move(value));
    } else {
      auto value =
          std::get<std::shared_ptr<const IntrinsicCall>>(argument)->evaluate(scope, chance, work);
      if (!value) return value;
      call.values.push_back(*std::move(value));
    }
  }
  auto outcome = function->apply(call);
  if (work.exhausted()) return Work::failure(fmt::format("The function '{}'", text));
  if (auto* why = std::get_if<std::string>(&outcome))
    return failure("States.IntrinsicFailure", *why);
  return std::get<Json>(std::move(outcome));
}

}  // namespace sluice::workflows
