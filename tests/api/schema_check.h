// Does an answer look as the description says? The part of JSON Schema that schemas.cc uses.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "api/openapi.h"
#include "api/router.h"
#include "base/json.h"

namespace sluice::api::http_test {

inline const Json& description() {
  static const Json parsed = *parse_json(openapi_text());
  return parsed;
}

inline bool is_of_type(const Json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  return type == "null" && value.is_null();
}

// The place of the first difference; "" if there is none. Members that the schema does not name
// count as one: an answer's schema names them all.
inline std::string difference(const Json& schema, const Json& value, const std::string& at) {
  if (schema.contains("$ref")) {
    const std::string name =
        schema["$ref"].get<std::string>().substr(std::string("#/components/schemas/").size());
    return difference(description()["components"]["schemas"].at(name), value, at);
  }
  if (schema.contains("anyOf")) {
    std::string first;
    for (const auto& choice : schema["anyOf"]) {
      const std::string found = difference(choice, value, at);
      if (found.empty()) return "";
      if (first.empty()) first = found;
    }
    return first;
  }
  if (schema.contains("type")) {
    const Json& type = schema["type"];
    bool fits = false;
    if (type.is_array())
      for (const auto& one : type) fits = fits || is_of_type(value, one);
    else
      fits = is_of_type(value, type);
    if (!fits) return at + ": not a " + to_text(type);
  }
  if (schema.contains("enum")) {
    bool known = false;
    for (const auto& one : schema["enum"]) known = known || one == value;
    if (!known) return at + ": not one of " + to_text(schema["enum"]);
  }
  if (schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto found = difference(schema["items"], value[i], at + "/" + std::to_string(i));
          !found.empty())
        return found;
  for (const auto& required : schema.value("required", Json::array()))
    if (!value.contains(required.get<std::string>()))
      return at + "/" + required.get<std::string>() + ": missing";
  if (schema.contains("properties")) {
    for (const auto& [name, inner] : value.items()) {
      if (!schema["properties"].contains(name)) return at + "/" + name + ": not in the schema";
      if (auto found = difference(schema["properties"][name], inner, at + "/" + name);
          !found.empty())
        return found;
    }
  }
  return "";
}

inline void check_described(const std::string& method, const std::string& path, int status,
                            const std::string& body) {
  static const Router router(all_routes());
  const auto match = router.find(method, path.substr(0, path.find('?')));
  REQUIRE(match.route);
  INFO(method << " " << path << " " << status << ": " << body);
  std::string lower;
  for (const char c : method) lower += static_cast<char>(std::tolower(c));
  const Json& answers = description()["paths"][std::string(match.route->path)][lower]["responses"];
  REQUIRE(answers.contains(std::to_string(status)));
  const Json& content = answers[std::to_string(status)]["content"];
  if (!content.contains("application/json")) return;
  const auto parsed = parse_json(body);
  REQUIRE(parsed);
  CHECK(difference(content["application/json"]["schema"], *parsed, "") == "");
}

}  // namespace sluice::api::http_test
