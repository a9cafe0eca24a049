#include "outbound/http_request.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::outbound;

namespace {
std::string refusal(const std::string& text) {
  const auto request = parse_http_request(text);
  return request ? "accepted" : request.error().detail;
}
bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("a request is read from a task's body") {
  const auto request = parse_http_request(
      R"({"Url":"https://shop.example:8443/a/b?x=1","Method":"POST","Headers":{"X-Region":"eu"},
          "Query":{"page":2,"tag":["a b","c"],"on":true},"Body":{"n":1},"TimeoutSeconds":1.5})");
  REQUIRE(request);
  CHECK(request->tls);
  CHECK(request->host == "shop.example");
  CHECK(request->port == 8443);
  CHECK(request->target == "/a/b?x=1&page=2&tag=a%20b&tag=c&on=true");
  CHECK(request->method == "POST");
  CHECK(request->body == R"({"n":1})");
  CHECK(request->headers.size() == 2);
  CHECK(request->headers[1].second == "application/json");
  CHECK(request->timeout == milliseconds(1'500));
}

TEST_CASE("GET, the scheme's port and 30 s are defaults; the service's names are understood") {
  const auto request = parse_http_request(
      R"({"ApiEndpoint":"http://[::1]?q","QueryParameters":{"a":"b"},"RequestBody":"t",
          "Headers":{"content-type":"text/plain"}})");
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->host == "::1");
  CHECK(request->port == 80);
  CHECK(request->target == "/?q&a=b");
  CHECK(request->body == "t");
  CHECK(request->timeout == call_timeout);
}

TEST_CASE("what is no request is refused with every problem") {
  const std::string many = refusal(
      R"({"Url":"ftp://x","Method":"get","Headers":{"A b":"c","Host":"x","X":"a\r\nb","Y":1},
          "Query":{"a":{}},"TimeoutSeconds":0,"Authentication":{}})");
  for (const char* place : {"/Url", "/Method", "/Headers/A b", "/Headers/Host", "/Headers/X",
                            "/Headers/Y", "/Query/a", "/TimeoutSeconds", "/Authentication"})
    CHECK_MESSAGE(holds(many, place), place);
  CHECK(holds(refusal("{}"), "/Url: expected a URL, found none"));
  CHECK(holds(refusal("[]"), "expected an object"));
  CHECK(holds(refusal(R"({"Url":"http://a","ApiEndpoint":"http://b"})"), "both of its names"));
  for (const char* url : {"http://", "http://u@h/", "http://h:0/", "http://h:99999/", "http://h/ x",
                          "http://h#f", "http://[::1/", "http://h\\n", "//h", "http://h:80x/"})
    CHECK_MESSAGE(refusal(R"({"Url":")" + std::string(url) + R"("})") != "accepted", url);
}
