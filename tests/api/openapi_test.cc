#include "api/openapi.h"

#include <set>

#include "api/router.h"
#include "server_fixture.h"

namespace sluice::api::http_test {
namespace {

struct Operation {
  std::string method, path, name;
  Json document;
  // The path with something in each parameter's place that could be one.
  std::string example() const {
    std::string out = path;
    const auto put = [&](const std::string& name_, const std::string& value) {
      if (const auto at = out.find(name_); at != std::string::npos)
        out.replace(at, name_.size(), value);
    };
    put("{version}", "1");
    put("{name}", "orders");
    put("{queue}", "pay");
    put("{id}", "0000000000001");
    put("{token}", "no-token");
    return out;
  }
};

const Json& document() {
  static const Json parsed = *parse_json(openapi_text());
  return parsed;
}

std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (const auto& [path, methods] : document()["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      all.push_back({upper, path, operation["operationId"], operation});
    }
  return all;
}

const Json& resolve(const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  const std::string name =
      schema["$ref"].get<std::string>().substr(std::string("#/components/schemas/").size());
  return document()["components"]["schemas"].at(name);
}

void collect_references(const Json& value, std::set<std::string>& found) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      if (key == "$ref") found.insert(inner.get<std::string>());
      collect_references(inner, found);
    }
  }
  if (value.is_array())
    for (const auto& inner : value) collect_references(inner, found);
}

// JSON texts that the schema does not allow; none for "any value".
std::vector<std::string> wrong_values(const Json& schema) {
  if (!schema.contains("type")) return {};
  const std::string type = schema["type"];
  std::vector<std::string> wrong;
  if (type == "string") wrong = {"7", "{}", "true"};
  if (type == "integer" || type == "number") wrong = {"\"x\"", "[]", "1e300"};
  if (type == "boolean") wrong = {"\"true\"", "1"};
  if (type == "object") wrong = {"7", "\"x\""};
  if (type == "array") wrong = {"{}", "[]", "\"x\""};
  if (schema.contains("minimum")) wrong.push_back("-1");
  return wrong;
}

std::string body_with(const Json& schema, const std::string& member, const std::string& value) {
  std::string body = "{";
  for (const auto& required : schema.value("required", Json::array())) {
    if (required == member) continue;
    if (body.size() > 1) body += ',';
    // Of required members only these are not free text or free JSON.
    const bool items = required == "items" || required == "messages";
    body += "\"" + required.get<std::string>() + "\":" + (items ? "[]" : "\"x\"");
  }
  if (body.size() > 1) body += ',';
  return body + "\"" + member + "\":" + value + "}";
}

}  // namespace

TEST_CASE("the description names every route of the table and no other") {
  std::set<std::string> described, routed;
  for (const auto& operation : operations())
    described.insert(operation.method + " " + operation.path);
  for (const auto& route : all_routes())
    routed.insert(std::string(to_string(route.method)) + " " + std::string(route.path));
  CHECK(described == routed);
}

TEST_CASE(
    "operations have names of their own, and schemas refer only to schemas that are there, each "
    "used") {
  std::set<std::string> names, references;
  for (const auto& operation : operations())
    CHECK_MESSAGE(names.insert(operation.name).second, operation.name);
  collect_references(document(), references);
  const Json& schemas = document()["components"]["schemas"];
  for (const auto& reference : references)
    CHECK_MESSAGE(schemas.contains(reference.substr(std::string("#/components/schemas/").size())),
                  reference);
  for (const auto& [name, schema] : schemas.items())
    CHECK_MESSAGE(references.contains("#/components/schemas/" + name),
                  name << " is used by nothing");
}

TEST_CASE("every operation of the description answers") {
  Host host;
  host.deploy();
  for (const auto& operation : operations()) {
    const Reply reply = host->call(operation.method, operation.example());
    INFO(operation.method << " " << operation.path << ": " << reply.text);
    CHECK(reply.status != 405);
    CHECK(reply.status != 500);
    CHECK(reply.text.find("nothing at this path") == std::string::npos);
    if (reply.status >= 400) CHECK(reply.content_type == "application/problem+json");
  }
}

TEST_CASE("every member of every request is checked, and a wrong one named by its pointer") {
  Host host;
  host.deploy();
  int checked = 0;
  for (const auto& operation : operations()) {
    if (!operation.document.contains("requestBody")) continue;
    const Json& schema =
        resolve(operation.document["requestBody"]["content"]["application/json"]["schema"]);
    if (!schema.contains("properties"))
      continue;  // definitions and settings, checked by their own room
    INFO(operation.method << " " << operation.path);
    for (const auto& [member, inner] : schema["properties"].items()) {
      for (const auto& wrong : wrong_values(resolve(inner))) {
        const Reply reply =
            host->call(operation.method, operation.example(), body_with(schema, member, wrong));
        INFO(member << ": " << wrong << " -> " << reply.text);
        check_problem(reply, 422, "invalid_argument");
        CHECK(reply.names("/" + member));
        ++checked;
      }
    }
    for (const auto& required : schema.value("required", Json::array())) {
      const Reply reply = host->call(operation.method, operation.example(), "{}");
      check_problem(reply, 422, "invalid_argument");
      CHECK_MESSAGE(reply.names("/" + required.get<std::string>()), reply.text);
    }
    const Reply unknown =
        host->call(operation.method, operation.example(), body_with(schema, "surprise", "1"));
    check_problem(unknown, 422, "invalid_argument");
    CHECK_MESSAGE(unknown.names("/surprise"), unknown.text);
  }
  CHECK(checked > 50);
}

TEST_CASE("every body that is not JSON is refused by every operation that takes one") {
  Host host;
  host.deploy();
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "[";
  std::string nested = R"({"input":)" + deep + std::string(10'000, ']') + "}";
  struct Bad {
    std::string body;
    int status;
    std::string code;
  };
  const std::vector<Bad> bad{{"{", 400, "bad_json"},
                             {R"({"a":1)", 400, "bad_json"},
                             {"nonsense", 400, "bad_json"},
                             {"{} {}", 400, "bad_json"},
                             {"{\"a\":\"\xff\xfe\"}", 400, "bad_json"},
                             {"{\"a\":1e999}", 400, "bad_json"},
                             {"{\"a\":\"\\ud800\"}", 400, "bad_json"},
                             {nested, 422, "invalid_argument"},
                             {R"({"a":1,"a":2})", 422, "invalid_argument"}};
  for (const auto& operation : operations()) {
    if (!operation.document.contains("requestBody")) continue;
    for (const auto& [body, status, code] : bad) {
      const Reply reply = host->call(operation.method, operation.example(), body);
      INFO(operation.method << " " << operation.path << " with " << body.substr(0, 40) << " -> "
                            << reply.text.substr(0, 400));
      const bool definition = operation.name == "putWorkflow" && status == 422;
      check_problem(reply, status, definition ? "invalid_definition" : code);
    }
  }
  CHECK(host->get("/healthz").status == 200);
}

TEST_CASE("every query parameter is checked, and an unknown one named with what was meant") {
  Host host;
  host.deploy();
  int checked = 0;
  for (const auto& operation : operations()) {
    if (operation.method != "GET" && operation.method != "POST") continue;
    for (const auto& parameter : operation.document["parameters"]) {
      if (parameter["in"] != "query") continue;
      const std::string name = parameter["name"];
      const Json& schema = parameter["schema"];
      std::vector<std::string> wrong{""};
      if (schema.contains("enum") || schema.contains("format")) wrong.push_back("sideways");
      if (schema.value("type", "") == "boolean") wrong.insert(wrong.end(), {"yes", "TRUE"});
      if (schema.contains("minimum"))
        wrong.insert(wrong.end(), {"x", "-1", "1x", "99999999999999999999"});
      for (const auto& value : wrong) {
        const Reply reply =
            host->call(operation.method, operation.example() + "?" + name + "=" + value);
        INFO(operation.path << "?" << name << "=" << value << " -> " << reply.text);
        check_problem(reply, 422, "invalid_argument");
        CHECK(reply.names(name));
        ++checked;
      }
    }
    const Reply unknown = host->call(operation.method, operation.example() + "?surprise=1");
    check_problem(unknown, 422, "invalid_argument");
    CHECK(unknown.names("surprise"));
  }
  CHECK(checked > 40);
  const Reply close = host->get("/v1/runs?limt=5&limit=7&limit=8&status=DEAD");
  check_problem(close, 422, "invalid_argument");
  CHECK(close.text.find("did you mean limit?") != std::string::npos);
  CHECK(close.names("limit"));
  CHECK(close.names("status"));
  check_problem(host->get("/v1/runs?q=%2"), 422, "invalid_argument");
}

}  // namespace sluice::api::http_test
