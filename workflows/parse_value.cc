#include "workflows/parse_value.h"

#include <fmt/format.h>

namespace sluice::workflows {

std::optional<Path> parse_path(const Fields& fields, std::string_view name) {
  const auto text = fields.string(name);
  if (!text) return std::nullopt;
  auto path = Path::parse(*text);
  if (!path) {
    fields.context().add(path.error(), fields.pointer(name));
    return std::nullopt;
  }
  return std::move(*path);
}

std::optional<Path> parse_value_path(const Fields& fields, std::string_view name) {
  auto path = parse_path(fields, name);
  if (path && !path->definite()) {
    fields.context().problem(fields.pointer(name),
                             fmt::format("{} needs one value, and the path {} can select several",
                                         in_quotes(name), in_quotes(path->text())));
    return std::nullopt;
  }
  return path;
}

std::optional<ReferencePath> parse_result_path(const Fields& fields, bool& null) {
  const Json* value = fields.find("ResultPath");
  if (value != nullptr && value->is_null()) {
    null = true;
    return std::nullopt;
  }
  const auto text = fields.string("ResultPath");
  if (!text) return ReferencePath::root();
  auto path = ReferencePath::parse(*text);
  if (!path) {
    fields.context().add(path.error(), fields.pointer("ResultPath"));
    return ReferencePath::root();
  }
  return std::move(*path);
}

std::optional<Value> parse_value(const Fields& fields, std::string_view name,
                                 QueryLanguage language, Needs offered) {
  const Json* value = fields.find(name);
  if (value == nullptr) return std::nullopt;
  auto parsed = Value::parse(language, *value, fields.pointer(name), offered);
  if (!parsed) {
    fields.context().add(parsed.error(), fields.pointer(name));
    return std::nullopt;
  }
  return std::move(*parsed);
}

std::optional<Value> parse_object_value(const Fields& fields, std::string_view name,
                                        QueryLanguage language) {
  if (!holds_expression(fields, name, language)) {
    const Json* value = fields.find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) {
      const bool jsonata = language == QueryLanguage::jsonata;
      fields.context().problem(
          fields.pointer(name),
          fmt::format("{} must be an object{}, not {}", in_quotes(name),
                      jsonata ? " or an expression \"{% … %}\"" : "", describe(*value)));
      return std::nullopt;
    }
  }
  return parse_value(fields, name, language);
}

std::optional<Value> parse_arguments(const Fields& fields, QueryLanguage language) {
  return parse_value(fields, language == QueryLanguage::jsonata ? "Arguments" : "Parameters",
                     language);
}

bool holds_expression(const Fields& fields, std::string_view name, QueryLanguage language) {
  const Json* value = fields.find(name);
  return language == QueryLanguage::jsonata && value != nullptr && value->is_string() &&
         is_expression(value->get_ref<const std::string&>());
}

std::optional<WholeNumber> parse_whole_number(const Fields& fields, const std::string& name,
                                              QueryLanguage language, std::int64_t min,
                                              std::int64_t max) {
  if (holds_expression(fields, name, language)) {
    if (auto value = parse_value(fields, name, language)) return WholeNumber(std::move(*value));
    return std::nullopt;
  }
  const auto number = fields.integer(name, min, max);
  if (language == QueryLanguage::jsonpath) {
    const std::string path_name = name + "Path";
    fields.exclude(name, path_name);
    if (auto path = parse_value_path(fields, path_name)) return WholeNumber(std::move(*path));
  }
  if (number) return WholeNumber(*number);
  return std::nullopt;
}

std::optional<Number> parse_number(const Fields& fields, const std::string& name,
                                   QueryLanguage language, double min, double max) {
  if (holds_expression(fields, name, language)) {
    if (auto value = parse_value(fields, name, language)) return Number(std::move(*value));
    return std::nullopt;
  }
  const auto number = fields.number(name, min, max);
  if (language == QueryLanguage::jsonpath) {
    const std::string path_name = name + "Path";
    fields.exclude(name, path_name);
    if (auto path = parse_value_path(fields, path_name)) return Number(std::move(*path));
  }
  if (number) return Number(*number);
  return std::nullopt;
}

}  // namespace sluice::workflows
