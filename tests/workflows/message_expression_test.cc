// Expressions over the messages of topics: what they see, what lets a message through, refusals.
#include "workflows/message_expression.h"

#include <doctest/doctest.h>

#include "base/json_text.h"

using namespace sluice;
using namespace sluice::workflows;

namespace {

const Json body = Json::parse(R"({"amount":7,"lines":[{"price":2},{"price":5}],"nothing":null})");
const Json key = "order.eu.created", topic = "orders";
const Json headers = Json::parse(R"({"region":"eu"})");

MessageScope message() {
  MessageScope scope;
  scope.body = &body;
  scope.key = &key;
  scope.headers = &headers;
  scope.topic = &topic;
  return scope;
}
MessageExpression parsed(const std::string& text) {
  auto made = MessageExpression::parse(text);
  REQUIRE_MESSAGE(made.has_value(), text);
  return std::move(*made);
}

}  // namespace

TEST_CASE("a filter lets through what JSONata takes for true") {
  struct Row {
    const char* text;
    bool passes;
  };
  for (const Row& row :
       std::vector<Row>{{"{% amount > 5 %}", true},
                        {"{% amount > 7 %}", false},
                        {"{% $.amount = 7 %}", true},
                        {"{% $key = 'order.eu.created' %}", true},
                        {"{% $headers.region = 'eu' and $topic = 'orders' %}", true},
                        {"{% $headers.other %}", false},
                        {"{% missing %}", false},
                        {"{% nothing %}", false},
                        {"{% 0 %}", false},
                        {"{% 0.5 %}", true},
                        {"{% '' %}", false},
                        {"{% 'no' %}", true},
                        {"{% {} %}", false},
                        {"{% lines[0] %}", true},
                        {"{% [] %}", false},
                        {"{% [0, [false, '']] %}", false},
                        {"{% [0, [false, 'x']] %}", true},
                        {"{% $sum(lines.price) = amount %}", true},
                        {"{% function($x){$x} %}", false}}) {
    CAPTURE(row.text);
    std::int64_t steps = 1'000'000;
    const auto passes = parsed(row.text).passes(message(), steps);
    REQUIRE(passes.has_value());
    CHECK(*passes == row.passes);
    CHECK(steps < 1'000'000);
  }
}

TEST_CASE("an expression that fails or runs too long is a failure that says why") {
  std::int64_t steps = 1'000'000;
  const auto wrong = parsed("{% amount + 'x' %}").passes(message(), steps);
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.failure().cause.find("'{% amount + 'x' %}' threw") != std::string::npos);
  const auto endless =
      parsed("{% ($f := function($n){$f($n + 1)}; $f(0)) %}").passes(message(), steps);
  REQUIRE_FALSE(endless.has_value());
  CHECK(endless.failure().cause.find("U1001") != std::string::npos);
  CHECK(steps > 0);
  std::int64_t none = 0;
  CHECK_FALSE(parsed("{% amount > 5 %}").passes(message(), none).has_value());
}

TEST_CASE("a name is a text and nothing else") {
  std::int64_t steps = 1'000'000;
  CHECK(*parsed("{% 'order-' & amount %}").name(message(), steps) == "order-7");
  const auto number = parsed("{% amount %}").name(message(), steps);
  REQUIRE_FALSE(number.has_value());
  CHECK(number.failure().cause.find("returned 7, not a text") != std::string::npos);
  CHECK_FALSE(parsed("{% missing %}").name(message(), steps).has_value());
  CHECK_FALSE(parsed("{% $error('no') %}").name(message(), steps).has_value());
}

TEST_CASE("what is no expression over a message is refused") {
  for (const std::string& bad :
       {std::string("amount > 5"), std::string("{% amount > %}"),
        std::string("{% $states.input %}"), std::string("{%%}"),
        "{% '" + std::string(message_expression_bytes_max, 'x') + "' %}"}) {
    CAPTURE(bad.substr(0, 40));
    const auto made = MessageExpression::parse(bad);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == Errc::invalid_argument);
    CHECK_FALSE(made.error().detail.empty());
  }
}
