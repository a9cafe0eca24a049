#include "api/openapi.h"

#include "api/json_out.h"
#include "api/problem.h"
#include "api/router.h"
#include "api/schemas.h"

namespace sluice::api {
namespace {

void put_reference(std::string& out, std::string_view schema) {
  out += R"({"$ref":"#/components/schemas/)";
  out += schema;
  out += "\"}";
}

void put_content(std::string& out, Object& object, std::string_view content_type,
                 std::string_view schema) {
  object.key("content");
  Object content(out);
  content.key(content_type);
  Object media(out);
  media.key("schema");
  if (schema.empty())
    out += content_type == "application/json" ? R"({"type":"object"})" : R"({"type":"string"})";
  else
    put_reference(out, schema);
}

void put_type(std::string& out, const Parameter& parameter) {
  using Kind = Parameter::Kind;
  Object schema(out);
  switch (parameter.kind) {
    case Kind::text:
    case Kind::id:
      schema.text("type", "string");
      break;
    case Kind::integer:
    case Kind::seconds:
      schema.text("type", parameter.kind == Kind::integer ? "integer" : "number");
      schema.integer("minimum", parameter.min);
      schema.integer("maximum", parameter.max);
      break;
    case Kind::flag:
      schema.text("type", "boolean");
      break;
    case Kind::time:
      schema.text("type", "string");
      schema.text("format", "date-time");
      break;
    case Kind::choice: {
      schema.text("type", "string");
      schema.key("enum");
      Array values(out);
      std::string_view rest = parameter.choices;
      while (!rest.empty()) {
        const auto bar = rest.find('|');
        values.next();
        append_json_string(out, rest.substr(0, bar));
        rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
      }
      break;
    }
  }
}

// {"name", "in", "required", "schema", "description"?}
void put_parameters(std::string& out, const Route& route) {
  Array list(out);
  for (std::size_t at = route.path.find('{'); at != std::string_view::npos;
       at = route.path.find('{', at + 1)) {
    list.next();
    Object parameter(out);
    parameter.text("name", route.path.substr(at + 1, route.path.find('}', at) - at - 1));
    parameter.text("in", "path");
    parameter.flag("required", true);
    parameter.raw("schema", R"({"type":"string"})");
  }
  for (const Parameter& query : route.query) {
    list.next();
    Object parameter(out);
    parameter.text("name", query.name);
    parameter.text("in", "query");
    parameter.text("description", query.about);
    parameter.key("schema");
    if (query.repeated) out += R"({"type":"array","items":)";
    put_type(out, query);
    if (query.repeated) out += '}';
  }
  if (route.takes_idempotency_key) {
    list.next();
    Object parameter(out);
    parameter.text("name", "Idempotency-Key");
    parameter.text("in", "header");
    parameter.text("description",
                   "the same key with the same request gives the first answer again, for 24 hours");
    parameter.raw("schema", R"({"type":"string","minLength":1,"maxLength":255})");
  }
  if (route.method == Method::get) return;
  for (const auto& [name, about] :
       {std::pair{"Sluice-Principal", "who asks, for the audit log; percent-encoded, unchecked"},
        std::pair{"Sluice-Reason", "why, for the audit log; percent-encoded"}}) {
    list.next();
    Object parameter(out);
    parameter.text("name", name);
    parameter.text("in", "header");
    parameter.text("description", about);
    parameter.raw("schema", R"({"type":"string"})");
  }
}

void put_answers(std::string& out, const Route& route) {
  Object answers(out);
  for (const Answer& answer : route.answers) {
    answers.key(std::to_string(answer.status));
    Object described(out);
    described.text("description", answer.about);
    if (answer.status >= 200)
      put_content(out, described,
                  answer.status >= 400 ? "application/problem+json" : answer.content_type,
                  answer.schema);
  }
  answers.key("default");
  Object described(out);
  described.text("description", "a refusal");
  put_content(out, described, "application/problem+json", "Problem");
}

void put_operation(std::string& out, const Route& route) {
  Object operation(out);
  operation.text("operationId", route.operation);
  operation.text("summary", route.summary);
  operation.key("tags");
  {
    Array tags(out);
    tags.next();
    append_json_string(out, route.tag);
  }
  operation.key("parameters");
  put_parameters(out, route);
  if (!route.request.empty()) {
    operation.key("requestBody");
    Object body(out);
    body.flag("required", route.body == Body::required || route.body == Body::batch);
    put_content(out, body, "application/json", route.request);
  }
  operation.key("responses");
  put_answers(out, route);
}

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return low;
}

std::string make() {
  const std::vector<Route> routes = all_routes();
  std::string out;
  Object document(out);
  document.text("openapi", "3.1.0");
  document.key("info");
  {
    Object info(out);
    info.text("title", "Sluice");
    info.text("version", SLUICE_VERSION);
    info.text("description", "A workflow and flow-control service on durable queues.");
  }
  document.key("paths");
  {
    Object paths(out);
    std::vector<std::string_view> done;
    for (const Route& first : routes) {
      if (std::find(done.begin(), done.end(), first.path) != done.end()) continue;
      done.push_back(first.path);
      paths.key(first.path);
      Object path(out);
      for (const Route& route : routes) {
        if (route.path != first.path) continue;
        path.key(lower(to_string(route.method)));
        put_operation(out, route);
      }
    }
  }
  document.key("components");
  {
    Object components(out);
    components.key("schemas");
    Object all(out);
    for (const Schema& schema : schemas()) all.raw(schema.name, schema.text);
  }
  document.close();
  return out;
}

}  // namespace

const std::string& openapi_text() {
  static const std::string text = make();
  return text;
}

}  // namespace sluice::api
