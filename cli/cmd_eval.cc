// `sluice eval`: one expression, as a definition would have it.
#include <ostream>

#include "cli/values.h"
#include "workflows/jsonata/jsonata.h"
#include "workflows/template.h"

namespace sluice::cli {
namespace {

namespace jsonata = workflows::jsonata;

struct Options {
  std::string expression;
  std::optional<std::string> input, variables, context;
  std::string language;
};

// What the expression may look at.
struct World {
  Json input, variables, context;
};

// The expression with a caret below what is at fault; `position` counts bytes from 0.
std::string pointed_out(std::string_view expression, std::size_t position) {
  position = std::min(position, expression.size());
  const auto begin = position == 0 ? 0 : expression.rfind('\n', position - 1) + 1;
  const auto end = std::min(expression.find('\n', position), expression.size());
  const std::string before = printable(expression.substr(begin, position - begin));
  return fmt::format("  {}{}\n  {}^", before,
                     printable(expression.substr(position, end - position)),
                     std::string(static_cast<std::size_t>(display_width(before)), ' '));
}

[[noreturn]] void refuse(const std::string& why, std::string_view expression,
                         std::optional<std::size_t> position) {
  throw Failure(
      Exit::invalid,
      printable(why) + (position ? "\n" + pointed_out(expression, *position) : std::string()));
}

// The number after the last "at character" of a refusal counts from 1.
std::optional<std::size_t> told_position(const std::string& detail) {
  constexpr std::string_view words = "at character ";
  const auto at = detail.rfind(words);
  if (at == std::string::npos) return std::nullopt;
  const long long n = std::strtoll(detail.c_str() + at + words.size(), nullptr, 10);
  if (n < 1) return std::nullopt;
  return static_cast<std::size_t>(n - 1);
}

// `braces`: it stood in {% … %}, so it sees what a state's expression sees and no context item.
Json evaluate_jsonata(std::string_view text, bool braces, const World& world) {
  auto compiled = jsonata::compile(text, jsonata::Dialect::states);
  // A position is just behind what is at fault.
  const auto refuse_error = [&](const jsonata::Error& error) {
    refuse(fmt::format("{} ({})", error.message, error.code), text,
           error.position == 0 ? 0 : error.position - 1);
  };
  if (const auto* error = std::get_if<jsonata::Error>(&compiled)) refuse_error(*error);
  const auto& expression = std::get<jsonata::Expression>(compiled);
  if (const auto found = expression.first_context_reference(); braces && found)
    refuse(fmt::format("\"{}\" is looked up in nothing: in a definition there is no context item; "
                       "write $states.input.{}",
                       found->name, found->name == "$" ? "…" : found->name),
           text, found->position == 0 ? 0 : found->position - 1);
  jsonata::Environment environment{.now_ms = now().us / 1'000,
                                   .seed = static_cast<std::uint64_t>(now().us)};
  if (!braces) environment.input = &world.input;
  environment.bindings.push_back({.name = "states",
                                  .members = {{.name = "input", .value = &world.input},
                                              {.name = "context", .value = &world.context}}});
  for (const auto& [name, value] : world.variables.items())
    environment.bindings.push_back({.name = name, .value = &value});
  auto answer = expression.evaluate(environment);
  if (const auto* error = std::get_if<jsonata::Error>(&answer)) refuse_error(*error);
  if (std::holds_alternative<jsonata::Undefined>(answer))
    refuse("the expression gives nothing (undefined)", text, {});
  if (std::holds_alternative<jsonata::NoDocument>(answer))
    refuse("the expression gives a function, which is no document", text, {});
  return std::get<Json>(std::move(answer));
}

Json evaluate_path(const std::string& text, const World& world) {
  const auto expression = workflows::Expression::parse(text);
  if (!expression)
    refuse(expression.error().detail, text, told_position(expression.error().detail));
  Random chance(static_cast<std::uint64_t>(now().us));
  auto answer = expression->evaluate(
      {.input = &world.input, .context = &world.context, .variables = &world.variables}, chance,
      "the expression");
  if (!answer) {
    const auto& failure = answer.failure();
    refuse(
        failure.cause.empty() ? failure.error : fmt::format("{}: {}", failure.error, failure.cause),
        text, {});
  }
  return *std::move(answer);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

Json evaluate(const Options& o, const World& world) {
  const std::string_view text = trimmed(o.expression);
  const bool braces = text.size() >= 4 && text.starts_with("{%") && text.ends_with("%}");
  if (braces && o.language == "jsonpath")
    throw Failure(Exit::usage, "an expression in {% %} is JSONata, not --language jsonpath");
  if (braces) return evaluate_jsonata(trimmed(text.substr(2, text.size() - 4)), true, world);
  if (o.language == "jsonata") return evaluate_jsonata(text, false, world);
  return evaluate_path(std::string(text), world);
}

Json read_object(Context& context, const std::optional<std::string>& given, const char* option) {
  Json value = given ? read_json(context, *given, option) : Json::object();
  if (!value.is_object())
    throw Failure(Exit::invalid, std::string(option) + " must be a JSON object");
  return value;
}

}  // namespace

Command eval_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "eval",
      .summary = "Evaluate an expression of a definition, without a server",
      .description =
          "A JSONata expression in {% %}, or with --language jsonata; otherwise a path "
          "($.order.id) "
          "or an intrinsic function (States.Format('{}', $.id)). In {% %} the input is "
          "$states.input, as in a definition; JSONata without the braces also has it as $.",
      .examples = {{"sluice eval '$.lines[*].price' --input @order.json", ""},
                   {"sluice eval '{% $sum($states.input.lines.price) %}' --input @order.json", ""},
                   {"sluice eval \"States.Format('{}-{}', $.id, $region)\" --input '{\"id\": 7}' "
                    "--variables '{\"region\": \"eu\"}'",
                    ""}},
      .options = {{.names = "EXPRESSION",
                   .target = &o->expression,
                   .value = "EXPRESSION",
                   .help = "a path, an intrinsic function, or JSONata",
                   .required = true},
                  {.names = "-i,--input",
                   .target = &o->input,
                   .value = "JSON",
                   .help = "JSON, @FILE, or - for standard input; {} if not given"},
                  {.names = "--variables",
                   .target = &o->variables,
                   .value = "JSON",
                   .help = "an object: what $name stands for"},
                  {.names = "--context",
                   .target = &o->context,
                   .value = "JSON",
                   .help = "an object: the context object, $$ or $states.context"},
                  {.names = "-l,--language",
                   .target = &o->language,
                   .value = "LANGUAGE",
                   .help = "jsonpath if not given and there are no {% %}.",
                   .choices = {"jsonpath", "jsonata"}}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    World world;
    world.input = o->input ? read_json(context, *o->input, "--input") : Json::object();
    world.variables = read_object(context, o->variables, "--variables");
    world.context = read_object(context, o->context, "--context");
    const Json answer = evaluate(*o, world);
    context.out << (context.json ? to_text(answer) : answer.dump(2)) << "\n";
    return Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
