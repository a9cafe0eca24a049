// A queue's settings, in a definition and alone.
#include "base/json.h"
#include "definition_support.h"

namespace sluice::workflows::testing {
namespace {

Result<QueueSettings> parse(std::string_view text) {
  return parse_queue_settings(*parse_json(text), "/Queues/pay");
}

TEST_CASE("queue settings keep what is given and nothing else, there and back") {
  CHECK(*parse("{}") == QueueSettings{});
  CHECK(to_json(QueueSettings{}) == Json::object());
  for (
      const std::string_view text :
      {R"({"LeaseSeconds":0.5})", R"({"MaxDeliveries":1})", R"({"Delivery":"AtMostOnce"})",
       R"({"Delivery":"AtLeastOnce"})", R"({"AgeingSeconds":0.0})",
       R"({"RatePerSecond":50.0,"Burst":100,"Concurrency":20,"OrderOnDead":"Block"})",
       R"({"OrderOnDead":"Release"})",
       R"({"Capacity":10,"WhenFull":"Reject","MaxWaiting":0,"DedupSeconds":10.0,"DedupBy":"Body"})",
       R"({"LeaseSeconds":30.0,"MaxDeliveries":5,"Delivery":"AtMostOnce","AgeingSeconds":60.0})"}) {
    CAPTURE(text);
    const auto settings = parse(text);
    REQUIRE(settings.has_value());
    CHECK(to_text(to_json(*settings)) == text);
  }
  const auto all =
      parse(R"({"LeaseSeconds":30,"MaxDeliveries":5,"Delivery":"AtMostOnce","AgeingSeconds":60})");
  CHECK(all->lease_seconds == 30);
  CHECK(all->deliveries_max == 5);
  CHECK(all->at_most_once == true);
  CHECK(all->ageing_seconds == 60);
}

TEST_CASE("a wrong queue setting is refused at its place") {
  struct Row {
    std::string_view text, pointer, fragment;
  };
  const Row rows[] = {
      {R"(7)", "", "must be an object, not the number 7"},
      {R"({"LeaseSeconds":0})", "/LeaseSeconds", "a number from 0.001"},
      {R"({"LeaseSeconds":"30"})", "/LeaseSeconds", "a number from"},
      {R"({"MaxDeliveries":0})", "/MaxDeliveries", "an integer from 1"},
      {R"({"MaxDeliveries":1.5})", "/MaxDeliveries", "an integer from 1"},
      {R"({"Delivery":"atmostonce"})", "/Delivery", "did you mean \"AtMostOnce\"?"},
      {R"({"AgeingSeconds":-1})", "/AgeingSeconds", "a number from 0"},
      {R"({"RatePerSecond":0})", "/RatePerSecond", "a number from 0.001"},
      {R"({"RatePerSecond":5,"Burst":0})", "/Burst", "an integer from 1"},
      {R"({"Burst":5})", "/Burst", "\"RatePerSecond\", which is missing"},
      {R"({"Concurrency":0})", "/Concurrency", "an integer from 1"},
      {R"({"OrderOnDead":"block"})", "/OrderOnDead", "did you mean \"Block\"?"},
      {R"({"LeaseSecond":30})", "/LeaseSecond", "did you mean \"LeaseSeconds\"?"},
      {R"({"Capacity":0})", "/Capacity", "an integer from 1"},
      {R"({"Capacity":3,"WhenFull":"Wait"})", "/WhenFull", "\"Block\" or \"Reject\""},
      {R"({"Capacity":3,"WhenFull":"DropOldest"})", "/WhenFull", "not offered by this version"},
      {R"({"Capacity":3,"WhenFull":"Coalesce"})", "/WhenFull", "not offered by this version"},
      {R"({"WhenFull":"Reject"})", "/WhenFull", "\"Capacity\", which is missing"},
      {R"({"MaxWaiting":5})", "/MaxWaiting", "\"Capacity\", which is missing"},
      {R"({"DedupSeconds":0})", "/DedupSeconds", "a number from 0.001"},
      {R"({"DedupBy":"id"})", "/DedupBy", "did you mean \"Id\"?"},
      {R"({"DeadLetters":7})", "/DeadLetters", "an object"},
      {R"({"DeadLetters":{"MaxReplays":0}})", "/DeadLetters/MaxReplays", "an integer from 1"},
      {R"({"DeadLetters":{"MaxCount":0}})", "/DeadLetters/MaxCount", "an integer from 1"},
      {R"({"DeadLetters":{"RetentionSeconds":0}})", "/DeadLetters/RetentionSeconds", "from 1"},
      {R"({"DeadLetters":{"Retention":9}})", "/DeadLetters/Retention", "\"Retention\""},
      {R"({"DeadLetters":{"Webhook":"x"}})", "/DeadLetters/Webhook", "not offered"},
      {R"({"Breaker":{}})", "/Breaker", "a breaker needs \"Failures\" or \"DeadLetters\""},
      {R"({"Breaker":{"Failures":0}})", "/Breaker/Failures", "Failures"},
      {R"({"Breaker":{"Failures":1,"WithinSeconds":0}})", "/Breaker/WithinSeconds",
       "WithinSeconds"},
      {R"({"Breaker":{"Failures":1,"Pause":"Run"}})", "/Breaker/Pause", "Workflow"},
      {R"({"Breaker":{"Failures":1,"ResumeAfter":3}})", "/Breaker/ResumeAfter", "\"ResumeAfter\""},
      {R"({"Breaker":3})", "/Breaker", "object"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto settings = parse(row.text);
    REQUIRE_FALSE(settings.has_value());
    CHECK(settings.error().code == Errc::invalid_argument);
    REQUIRE(settings.error().problems.size() == 1);
    CHECK(settings.error().problems[0].pointer == fmt::format("/Queues/pay{}", row.pointer));
    CHECK(settings.error().problems[0].detail.find(row.fragment) != std::string::npos);
  }
}

TEST_CASE("a definition's queues are checked, and one that no Task names is warned of") {
  constexpr std::string_view head =
      R"({"StartAt":"A","States":{"A":{"Type":"Task","Resource":"queue:pay","End":true}},)";
  const auto with_queues = [&](std::string_view queues) {
    return fmt::format("{}\"Queues\":{}}}", head, queues);
  };
  check_refused(with_queues("[]"), "/Queues", "must be an object");
  check_refused(with_queues(R"({"pay":7})"), "/Queues/pay", "must be an object");
  check_refused(with_queues(R"({"pay":{"Breaker":{}}})"), "/Queues/pay/Breaker", "a breaker needs");
  check_refused(with_queues(R"({"pay":{"DedupBy":"Body"}})"), "/Queues/pay/DedupBy",
                "has no dedup");
  check_refused(with_queues(R"({"pay":{"Burst":7}})"), "/Queues/pay/Burst", "which is missing");
  check_refused(with_queues(R"({"a b":{}})"), "/Queues/a b", "no white space");
  check_warned(with_queues(R"({"pai":{}})"), "/Queues/pai", "did you mean \"pay\"?");
  const auto machine = check_accepted(with_queues(R"({"pay":{"LeaseSeconds":9}})"));
  REQUIRE(machine->queues.size() == 1);
  CHECK(machine->queues[0].first == "pay");
  CHECK(machine->queues[0].second.lease_seconds == 9);
}

TEST_CASE("an OrderKey is text, a path, a function's result or an expression") {
  const auto with_key = [](std::string_view language, std::string_view field) {
    return fmt::format(
        R"({{"StartAt":"A","QueryLanguage":"{}","States":{{"A":{{"Type":"Task","Resource":"queue:a",{},"End":true}}}}}})",
        language, field);
  };
  check_accepted(with_key("JSONPath", R"("OrderKey":"all")"));
  check_accepted(with_key("JSONPath", R"("OrderKey.$":"$.customer.id")"));
  check_accepted(with_key("JSONPath", R"x("OrderKey.$":"States.Format('{}', $.a)")x"));
  check_accepted(with_key("JSONata", R"("OrderKey":"{% $states.input.a %}")"));
  check_refused(with_key("JSONPath", R"("OrderKey":7)"), "/States/A/OrderKey", "a string of 1");
  check_refused(with_key("JSONPath", R"("OrderKey":"")"), "/States/A/OrderKey", "a string of 1");
  check_refused(with_key("JSONPath", R"("OrderKey.$":"customer")"), "/States/A/OrderKey.$", "path");
  check_refused(with_key("JSONata", R"("OrderKey.$":"$.a")"), "/States/A/OrderKey.$",
                "belongs to JSONPath states");
  check_refused(with_key("JSONata", R"("OrderKey":"{% ( %}")"), "/States/A/OrderKey", "");
  check_refused(
      R"({"StartAt":"A","States":{"A":{"Type":"Task","Resource":"event:a","OrderKey":"k","End":true}}})",
      "/States/A/OrderKey", "this state has none");
}

TEST_CASE("an event's settings are kept, and a wrong one is refused at its place") {
  const auto compiled = compile(R"({"StartAt":"A","Events":{"open":{"Deliver":"All"},"shut":{}},
    "States":{"A":{"Type":"Task","Resource":"event:open","End":true}}})");
  REQUIRE(compiled.has_value());
  const auto& events = compiled->machine->events;
  REQUIRE(events.size() == 2);
  CHECK(events[0].second == EventSettings{86'400, true});
  CHECK(to_text(to_json(events[1].second)) == R"({"KeepSeconds":86400.0,"Deliver":"One"})");
  REQUIRE(compiled->warnings.size() == 1);
  CHECK(compiled->warnings[0].pointer == "/Events/shut");
  struct Row {
    std::string_view text, pointer, fragment;
  };
  const Row rows[] = {
      {R"(7)", "/Events/open", "must be an object, not the number 7"},
      {R"({"KeepSeconds":-1})", "/Events/open/KeepSeconds", "a number from 0"},
      {R"({"KeepSeconds":"1"})", "/Events/open/KeepSeconds", "not the string \"1\""},
      {R"({"Deliver":"Some"})", "/Events/open/Deliver", "\"One\" or \"All\""},
      {R"({"KeepSecond":1})", "/Events/open/KeepSecond", "did you mean \"KeepSeconds\"?"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto refused = compile(fmt::format(
        R"({{"StartAt":"A","Events":{{"open":{}}},"States":{{"A":{{"Type":"Task","Resource":"event:open","End":true}}}}}})",
        row.text));
    REQUIRE_FALSE(refused.has_value());
    REQUIRE(refused.error().problems.size() == 1);
    CHECK(refused.error().problems[0].pointer == row.pointer);
    CHECK_MESSAGE(refused.error().problems[0].detail.find(row.fragment) != std::string::npos,
                  refused.error().problems[0].detail);
  }
}

TEST_CASE("triggers are kept, and what is wrong with one is refused at its place") {
  const auto with_triggers = [](std::string_view list) {
    return fmt::format(
        R"({{"StartAt":"A","Triggers":{},"States":{{"A":{{"Type":"Pass","End":true}}}}}})", list);
  };
  const auto machine = check_accepted(with_triggers(
      R"([{"Topic":"orders","Pattern":"order.*","Filter":"{% amount > 0 %}"},{"Topic":"all"}])"));
  REQUIRE(machine->triggers.size() == 2);
  CHECK(machine->triggers[0] == Trigger{"orders", "order.*", "{% amount > 0 %}", 0});
  CHECK(machine->triggers[1] == Trigger{"all", "#", std::nullopt, 1});
  struct Row {
    std::string_view list, pointer, fragment;
  };
  const Row rows[] = {
      {R"({})", "/Triggers", "array"},
      {R"(["orders"])", "/Triggers/0", "must be an object"},
      {R"([{"Pattern":"a"}])", "/Triggers/0", "what starts the runs is missing"},
      {R"([{"Topic":""}])", "/Triggers/0/Topic", "1 to 249 bytes"},
      {R"([{"Topic":"a b"}])", "/Triggers/0/Topic", "no white space"},
      {R"([{"Topic":"t","Pattern":"a*"}])", "/Triggers/0/Pattern", "words of their own"},
      {R"([{"Topic":"t","Filter":"amount > 0"}])", "/Triggers/0/Filter", "{% … %}"},
      {R"([{"Topic":"t","Filter":"{% amount > %}"}])", "/Triggers/0/Filter", "cannot be read"},
      {R"([{"Topic":"t","Filter":"{% $states.input %}"}])", "/Triggers/0/Filter", "$states"},
      {R"([{"Topic":"t","Filters":1}])", "/Triggers/0/Filters", "did you mean \"Filter\"?"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.list);
    check_refused(with_triggers(row.list), row.pointer, row.fragment);
  }
  check_refused(with_triggers(R"([{"Topic":"t","EverySeconds":5}])"), "/Triggers/0", "not both");
  std::string many = "[";
  for (int i = 0; i < 101; ++i) many += fmt::format(R"({}{{"Topic":"t"}})", i == 0 ? "" : ",");
  check_refused(with_triggers(many + "]"), "/Triggers", "at most 100");
}

TEST_CASE("schedules are kept, and what is wrong with one is refused at its place") {
  const auto with_triggers = [](std::string_view list) {
    return fmt::format(
        R"({{"StartAt":"A","Triggers":{},"States":{{"A":{{"Type":"Pass","End":true}}}}}})", list);
  };
  const auto machine = check_accepted(with_triggers(R"([
      {"Schedule":"0 3 * * *","TimeZone":"Europe/Berlin","Overlap":"Queue","CatchUpSeconds":60,"Input":{"full":true}},
      {"Topic":"orders"}, {"EverySeconds":90,"Overlap":"Allow"}, {"At":"2026-12-24T18:00:00+01:00"}])"));
  REQUIRE(machine->triggers.size() == 1);
  CHECK(machine->triggers[0].place == 1);
  REQUIRE(machine->schedules.size() == 3);
  using Kind = Schedule::Kind;
  CHECK(machine->schedules[0] == Schedule{Kind::cron, "0 3 * * *", "Europe/Berlin", Overlap::queue,
                                          60, R"({"full":true})", 0});
  CHECK(machine->schedules[1] ==
        Schedule{Kind::every, "90", "UTC", Overlap::allow, 3'600, std::nullopt, 2});
  CHECK(machine->schedules[2] == Schedule{Kind::at, "2026-12-24T18:00:00+01:00", "UTC",
                                          Overlap::skip, 3'600, std::nullopt, 3});
  struct Row {
    std::string_view trigger, pointer, fragment;
  };
  const Row rows[] = {
      {R"({"Schedule":"0 3 * *"})", "/Triggers/0/Schedule", "expected five"},
      {R"({"Schedule":7})", "/Triggers/0/Schedule", "string"},
      {R"({"Schedule":"0 3 * * *","TimeZone":"Europe/Berln"})", "/Triggers/0/TimeZone",
       "did you mean \"Europe/Berlin\"?"},
      {R"({"Schedule":"0 3 * * *","TimeZone":1})", "/Triggers/0/TimeZone", "string"},
      {R"({"EverySeconds":0})", "/Triggers/0/EverySeconds", "from 1 to 31622400"},
      {R"({"EverySeconds":1.5})", "/Triggers/0/EverySeconds", "integer"},
      {R"({"EverySeconds":5,"TimeZone":"Europe/Berlin"})", "/Triggers/0/TimeZone",
       "same in every time zone"},
      {R"({"At":"tomorrow"})", "/Triggers/0/At", "expected a time with its offset"},
      {R"({"At":"2026-12-24T18:00:00"})", "/Triggers/0/At", "expected a time with its offset"},
      {R"({"EverySeconds":5,"Overlap":"skip"})", "/Triggers/0/Overlap", "CancelPrevious"},
      {R"({"EverySeconds":5,"CatchUpSeconds":-1})", "/Triggers/0/CatchUpSeconds", "from 0 to"},
      {R"({"EverySeconds":5,"Pattern":"a"})", "/Triggers/0/Pattern", "no field"},
      {R"({"Topic":"t","Overlap":"Skip"})", "/Triggers/0/Overlap", "no field"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.trigger);
    check_refused(with_triggers(fmt::format("[{}]", row.trigger)), row.pointer, row.fragment);
  }
  const auto both = compile(with_triggers(R"([{"EverySeconds":5,"At":"2026-12-24T18:00:00Z"}])"));
  REQUIRE_FALSE(both.has_value());
  CHECK(both.error().problems.size() == 1);
}

}  // namespace
}  // namespace sluice::workflows::testing
