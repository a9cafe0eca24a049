#include "orchestrator/http_request.h"

#include <doctest/doctest.h>

namespace sluice::orchestrator {
namespace {

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  REQUIRE(parsed);
  return *std::move(parsed);
}

TEST_CASE("a request has a Url and a Method, and texts as header and query values") {
  const auto made =
      http_request(json(R"({"Url":"https://example.org/a","Headers":{"n":1,"t":true,"s":"x"},)"
                        R"("Query":{"q":["a",2]},"Body":{"k":[1]}})"));
  REQUIRE(made);
  CHECK(to_text(*made) ==
        R"({"Url":"https://example.org/a","Headers":{"n":"1","t":"true","s":"x"},)"
        R"("Query":{"q":["a","2"]},"Body":{"k":[1]},"Method":"GET"})");
}

TEST_CASE("the service's own names for a request's parts are understood") {
  const auto made =
      http_request(json(R"({"ApiEndpoint":"http://x/","Method":"POST","QueryParameters":{"a":"b"},)"
                        R"("RequestBody":7,"Authentication":{"ConnectionArn":"arn:x"}})"));
  REQUIRE(made);
  CHECK(to_text(*made) == R"({"Url":"http://x/","Method":"POST","Query":{"a":"b"},"Body":7})");
}

TEST_CASE("everything that is wrong with a request is said at once") {
  const auto made = http_request(json(
      R"({"Url":"ftp://x","Method":"FETCH","Headers":[1],"Query":{"a":{}},"Bdy":1,"Url2":1})"));
  REQUIRE(!made);
  CHECK(made.failure().error == "States.Runtime");
  const std::string& cause = made.failure().cause;
  for (const char* part : {"Url must be an http:// or https:// address", "Method must be GET",
                           "Headers must be an object of texts", "Query must be an object of texts",
                           "Bdy is not known", "Url2 is not known"}) {
    CAPTURE(cause);
    CHECK(cause.find(part) != std::string::npos);
  }
  CHECK(http_request(json("{}")).failure().cause.find("Url is missing") != std::string::npos);
  CHECK(http_request(json(R"({"Url":"http://x/","ApiEndpoint":"http://y/"})"))
            .failure()
            .cause.find("ApiEndpoint says again what Url is") != std::string::npos);
  CHECK(http_request(json(R"({"Url":"http://x y/"})")).failure().error == "States.Runtime");
  CHECK(http_request(json("[]")).failure().error == "States.Runtime");
}

}  // namespace
}  // namespace sluice::orchestrator
