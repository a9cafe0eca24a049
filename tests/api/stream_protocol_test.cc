#include "api/stream_protocol.h"

#include <doctest/doctest.h>

#include "api/stream_limits.h"
#include "base/json.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

StreamMessage one(std::string_view text) {
  auto frame = parse_frame(text, stream_array_items_max);
  REQUIRE_MESSAGE(frame, text);
  REQUIRE(frame->size() == 1);
  return std::move(frame->front());
}

template <class T>
T taken(std::string_view text) {
  StreamMessage message = one(text);
  REQUIRE_MESSAGE(message.request,
                  (message.request ? std::string() : message.request.error().detail));
  T* request = std::get_if<T>(&*message.request);
  REQUIRE(request != nullptr);
  return std::move(*request);
}

Error refused(std::string_view text) {
  StreamMessage message = one(text);
  REQUIRE_MESSAGE(!message.request, text);
  return message.request.error();
}

bool names(const Error& error, std::string_view pointer) {
  for (const Problem& problem : error.problems)
    if (problem.pointer == pointer) return true;
  return false;
}

template <class Append>
Json shown(Append append) {
  std::string text;
  append(text);
  const auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

TEST_CASE("a hello names the worker, the session it resumes and what it holds") {
  const auto hello = taken<Hello>(
      R"({"op":"hello","version":1,"worker":"pay-1","session":"s1","holds":["a","b"]})");
  CHECK(hello.version == 1);
  CHECK(hello.session.worker == "pay-1");
  CHECK(hello.session.resume == "s1");
  CHECK(hello.session.holds == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a hello without a session is a new one") {
  const auto hello = taken<Hello>(R"({"op":"hello","version":1,"worker":"w","session":null})");
  CHECK(!hello.session.resume);
  CHECK(hello.session.holds.empty());
}

TEST_CASE("the connection's own requests are read") {
  CHECK(taken<Subscribe>(R"({"op":"subscribe","queue":"pay","credit":64,"priority":0})").credit ==
        64);
  CHECK(taken<SetCredit>(R"({"op":"credit","queue":"pay","credit":0})").credit == 0);
  CHECK(taken<Unsubscribe>(R"({"op":"unsubscribe","queue":"pay"})").queue == "pay");
  CHECK(taken<Revoked>(R"({"op":"revoked","token":"t"})").token == "t");
  taken<Ping>(R"({"op":"ping"})");
  taken<Bye>(R"( {"op":"bye"} )");
}

TEST_CASE("an output passes through as it was written") {
  const auto complete = taken<CompleteTask>(
      R"({"op":"complete","ref":7,"token":"t","output": {"b":1.50, "a":[ ]} })");
  CHECK(complete.token == "t");
  CHECK(complete.output.text() == R"({"b":1.50, "a":[ ]})");
}

TEST_CASE("null is an output, none is not") {
  CHECK(taken<CompleteTask>(R"({"op":"complete","token":"t","output":null})").output.text() ==
        "null");
  CHECK(names(refused(R"({"op":"complete","token":"t"})"), "/output"));
}

TEST_CASE("failures carry what they name and nothing else") {
  const auto fail = taken<FailTask>(
      R"({"op":"fail","token":"t","error":"Payment.Declined","cause":"why","delay_seconds":1.5})");
  CHECK(fail.error == "Payment.Declined");
  CHECK(fail.cause == "why");
  CHECK(fail.delay == milliseconds(1500));
  const auto bare = taken<FailTask>(R"({"op":"fail","token":"t"})");
  CHECK(!bare.error);
  CHECK(!bare.cause);
  CHECK(!bare.delay);
}

TEST_CASE("heartbeat and release read their durations") {
  CHECK(taken<HeartbeatTask>(R"({"op":"heartbeat","token":"t","lease_seconds":90})").lease ==
        seconds(90));
  CHECK(!taken<HeartbeatTask>(R"({"op":"heartbeat","token":"t"})").lease);
  CHECK(taken<ReleaseTask>(R"({"op":"release","token":"t"})").delay == Duration{});
  CHECK(taken<ReleaseTask>(R"({"op":"release","token":"t","delay_seconds":2})").delay ==
        seconds(2));
}

TEST_CASE("a start reads what the REST call reads") {
  const auto start = taken<StartRun>(
      R"({"op":"start","workflow":"orders","input":[1],"name":"n","priority":9,"version":3,)"
      R"("not_before":"2026-01-31T12:00:00+01:00","labels":{"a":"1","b":"2"}})");
  CHECK(start.workflow == "orders");
  CHECK(start.input.text() == "[1]");
  CHECK(start.name == "n");
  CHECK(start.priority == 9);
  CHECK(start.version == 3);
  REQUIRE(start.not_before);
  CHECK(to_rfc3339(*start.not_before) == "2026-01-31T11:00:00.000000Z");
  CHECK(start.labels == std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}});
  CHECK(taken<StartRun>(R"({"op":"start","workflow":"orders"})").input.text() == "{}");
}

TEST_CASE("a send carries its messages to one queue") {
  const auto send = taken<SendMessages>(
      R"({"op":"send","queue":"mail","messages":[{"body":{"x":1}},)"
      R"({"body":"y","headers":{"k":"v"},"priority":0,"delay_seconds":1,"expires_seconds":2,"dedup_id":"d"}]})");
  REQUIRE(send.messages.size() == 2);
  CHECK(send.messages[0].queue == "mail");
  CHECK(send.messages[0].body.text() == R"({"x":1})");
  CHECK(send.messages[0].priority == 4);
  CHECK(send.messages[1].headers == std::vector<std::pair<std::string, std::string>>{{"k", "v"}});
  CHECK(send.messages[1].priority == 0);
  CHECK(send.messages[1].delay == seconds(1));
  CHECK(send.messages[1].expires == seconds(2));
  CHECK(send.messages[1].dedup_id == "d");
}

TEST_CASE("the ref is read wherever the message can be read") {
  CHECK(one(R"({"op":"ping","ref":7})").ref == 7);
  CHECK(one(R"({"op":"ping","ref":0})").ref == 0);
  CHECK(!one(R"({"op":"ping"})").ref);
  CHECK(one(R"({"op":"complete","ref":8})").ref == 8);
  CHECK(one(R"({"op":"nonsense","ref":9})").ref == 9);
  CHECK(names(refused(R"({"op":"ping","ref":"7"})"), "/ref"));
  CHECK(names(refused(R"({"op":"ping","ref":-1})"), "/ref"));
  CHECK(names(refused(R"({"op":"ping","ref":9007199254740992})"), "/ref"));
}

TEST_CASE("every fault of a message is named at once") {
  const Error error =
      refused(R"({"op":"subscribe","queue":5,"credit":2000,"priority":3,"creditt":1})");
  CHECK(error.code == Errc::invalid_argument);
  CHECK(names(error, "/queue"));
  CHECK(names(error, "/credit"));
  CHECK(names(error, "/priority"));
  CHECK(names(error, "/creditt"));
}

TEST_CASE("a message that is wrong is refused with its place") {
  struct Row {
    std::string_view text, pointer;
  };
  const Row rows[] = {
      {R"({"op":"subscribe","queue":"q"})", "/credit"},
      {R"({"op":"subscribe","queue":"q","credit":0})", "/credit"},
      {R"({"op":"subscribe","queue":"q","credit":1.5})", "/credit"},
      {R"({"op":"subscribe","queue":"q","credit":1001})", "/credit"},
      {R"({"op":"subscribe","queue":"","credit":1})", "/queue"},
      {R"({"op":"credit","queue":"q","credit":-1})", "/credit"},
      {R"({"op":"unsubscribe"})", "/queue"},
      {R"({"op":"revoked"})", "/token"},
      {R"({"op":"revoked","token":""})", "/token"},
      {R"({"op":"complete","token":5,"output":1})", "/token"},
      {R"({"op":"complete","token":"t","outptu":1})", "/outptu"},
      {R"({"op":"fail","token":"t","error":5})", "/error"},
      {R"({"op":"fail","token":"t","delay_seconds":-1})", "/delay_seconds"},
      {R"({"op":"fail","token":"t","delay_seconds":1e300})", "/delay_seconds"},
      {R"({"op":"heartbeat","token":"t","lease_seconds":0})", "/lease_seconds"},
      {R"({"op":"release","token":"t","delay_seconds":"1"})", "/delay_seconds"},
      {R"({"op":"start","workflow":"w","priority":10})", "/priority"},
      {R"({"op":"start","workflow":"w","not_before":"yesterday"})", "/not_before"},
      {R"({"op":"start","workflow":"w","labels":[]})", "/labels"},
      {R"({"op":"start","workflow":"w","labels":{"a":1}})", "/labels"},
      {R"({"op":"start","workflow":"w","version":"prod"})", "/version"},
      {R"({"op":"send","queue":"q","messages":[]})", "/messages"},
      {R"({"op":"send","queue":"q","messages":{}})", "/messages"},
      {R"({"op":"send","queue":"q"})", "/messages"},
      {R"({"op":"send","queue":"q","messages":[{"body":1},{}]})", "/messages/1/body"},
      {R"({"op":"send","queue":"q","messages":[{"body":1,"priority":-1}]})",
       "/messages/0/priority"},
      {R"({"op":"hello","version":1})", "/worker"},
      {R"({"op":"hello","version":1,"worker":""})", "/worker"},
      {R"({"op":"hello","worker":"w"})", "/version"},
      {R"({"op":"hello","version":1,"worker":"w","holds":"t"})", "/holds"},
      {R"({"op":"event"})", "/name"},
      {R"({"op":"publish","messages":[{"body":1}]})", "/topic"},
      {R"({"op":"publish","topic":"white space","messages":[{"body":1}]})", "/topic"},
      {R"({"op":"publish","topic":"t"})", "/messages"},
      {R"({"op":"publish","topic":"t","messages":[]})", "/messages"},
      {R"({"op":"publish","topic":"t","messages":[{"body":1},{"key":"k"}]})", "/messages/1/body"},
      {R"({"op":"publish","topic":"t","messages":[{"body":1,"key":5}]})", "/messages/0/key"},
      {R"({"op":"event","name":"e","key":5})", "/key"},
      {R"({"ref":1})", "/op"},
      {R"({"op":""})", "/op"},
      {R"({"op":5})", "/op"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Error error = refused(row.text);
    CHECK(error.code == Errc::invalid_argument);
    CHECK(names(error, row.pointer));
  }
}

TEST_CASE("an unknown operation is unsupported, with a suggestion") {
  const Error error = refused(R"({"op":"compleet","token":"t"})");
  CHECK(error.code == Errc::unsupported);
  CHECK(error.detail.find("\"complete\"") != std::string::npos);
}

TEST_CASE("a message that is no object, or names a member twice, is refused alone") {
  const auto frame = parse_frame(R"([5,{"op":"ping","op":"bye"},{"op":"ping","ref":1}])", 10);
  REQUIRE(frame);
  REQUIRE(frame->size() == 3);
  CHECK(!(*frame)[0].request);
  CHECK(!(*frame)[1].request);
  CHECK((*frame)[2].request);
  CHECK((*frame)[2].ref == 1);
}

TEST_CASE("an array is its messages in order, and may be empty") {
  const auto frame = parse_frame(R"( [ {"op":"ping","ref":1} , {"op":"ping","ref":2} ] )", 10);
  REQUIRE(frame);
  REQUIRE(frame->size() == 2);
  CHECK((*frame)[0].ref == 1);
  CHECK((*frame)[1].ref == 2);
  const auto none = parse_frame("[]", 10);
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("a frame that cannot be taken apart is refused as a whole") {
  const auto code = [](std::string_view text) {
    const auto frame = parse_frame(text, 3);
    REQUIRE_MESSAGE(!frame, text);
    return frame.error().code;
  };
  for (const std::string_view text :
       {"", " ", "nonsense", "{", "[", "{\"op\":\"ping\"", "{\"op\":\"ping\"}x",
        "[{\"op\":\"ping\"},]", "{\"op\":\"ping\",}", "\xEF\xBB\xBF{\"op\":\"ping\"}",
        "{\"op\":\"\xFF\"}", "[1 2]", "{\"op\":\"complete\",\"token\":\"t\",\"output\":nan}"})
    CHECK_MESSAGE(code(text) == Errc::bad_json, text);
  CHECK(code("[1,2,3,4]") == Errc::invalid_argument);
}

TEST_CASE("ten thousand levels of nesting are refused without harm") {
  const std::string deep(10'000, '[');
  const std::string closed = deep + std::string(10'000, ']');
  CHECK(!parse_frame(deep, 10));
  CHECK(!parse_frame(closed, 10));
  const auto frame = parse_frame(R"({"op":"complete","token":"t","output":)" + closed + "}",
                                 stream_array_items_max);
  REQUIRE(!frame);
  CHECK(frame.error().code == Errc::invalid_argument);
}

TEST_CASE("a task is shown as a lease shows it") {
  Delivery task;
  task.token = "tok";
  task.id = MessageId{1};
  task.queue = "pay";
  task.body = Doc::from_text(R"({"order":7})");
  task.attempt = 2;
  task.lease_until = WallTime{1'767'225'600'000'000};
  task.idempotency_key = "key";
  const Json bare = shown([&](std::string& out) { append_task(out, task); });
  CHECK(bare == Json::parse(R"({"op":"task","token":"tok","id":"0000000000001","queue":"pay",
    "body":{"order":7},"headers":{},"attempt":2,"lease_until":"2026-01-01T00:00:00.000000Z",
    "idempotency_key":"key"})"));
  task.run = RunId{2};
  task.state = "Pay \"now\"";
  task.workflow = "orders";
  task.headers = R"({"k":"v"})";
  task.heartbeat = milliseconds(2500);
  const Json stage = shown([&](std::string& out) { append_task(out, task); });
  CHECK(stage["run"] == "0000000000002");
  CHECK(stage["state"] == "Pay \"now\"");
  CHECK(stage["workflow"] == "orders");
  CHECK(stage["headers"]["k"] == "v");
  CHECK(stage["heartbeat_seconds"] == 2.5);
}

TEST_CASE("an ok carries what its request is answered with") {
  const auto ok = [](std::optional<std::int64_t> ref, AnyReply reply) {
    return shown([&](std::string& out) { append_ok(out, ref, reply); }).dump();
  };
  CHECK(ok(7, Unit{}) == R"({"op":"ok","ref":7})");
  CHECK(ok(std::nullopt, Unit{}) == R"({"op":"ok"})");
  CHECK(ok(1, StartRun::Reply{RunId{1}, true}) ==
        R"({"op":"ok","ref":1,"id":"0000000000001","existing":true})");
  CHECK(ok(1, HeartbeatTask::Reply{WallTime{0}}) ==
        R"({"op":"ok","ref":1,"lease_until":"1970-01-01T00:00:00.000000Z"})");
  CHECK(ok(1, SendMessages::Reply{{MessageId{1}, false}, {MessageId{2}, true}}) ==
        R"({"op":"ok","ref":1,"messages":[{"id":"0000000000001","duplicate":false},)"
        R"({"id":"0000000000002","duplicate":true}]})");
}

TEST_CASE("an error carries its code and every place at fault") {
  Error error = make_error(Errc::invalid_argument, "say \"please\"");
  CHECK(shown([&](std::string& out) { append_error(out, 3, error); }).dump() ==
        R"({"op":"error","ref":3,"code":"invalid_argument","detail":"say \"please\""})");
  error.problems = {{"/a", "x"}, {"/b", "y"}};
  CHECK(shown([&](std::string& out) { append_error(out, std::nullopt, error); })["errors"].dump() ==
        R"([{"pointer":"/a","detail":"x"},{"pointer":"/b","detail":"y"}])");
}

TEST_CASE("a welcome tells the session, what is held, and the limits") {
  const Json welcome = shown([](std::string& out) {
    append_welcome(out, {.session = "s",
                         .holds = {"a"},
                         .now = {0},
                         .payload_bytes_max = 10,
                         .frame_bytes_max = 20,
                         .array_items_max = 1000,
                         .credit_max = 1000,
                         .unanswered_max = 4096,
                         .hello = seconds(10),
                         .ping = milliseconds(500),
                         .session_grace = seconds(2)});
  });
  CHECK(welcome["version"] == 1);
  CHECK(welcome["session"] == "s");
  CHECK(welcome["holds"].dump() == R"(["a"])");
  CHECK(welcome["limits"]["payload_bytes_max"] == 10);
  CHECK(welcome["limits"]["frame_bytes_max"] == 20);
  CHECK(welcome["limits"]["ping_seconds"] == 0.5);
  CHECK(welcome["limits"]["session_grace_seconds"] == 2);
}

TEST_CASE("a revoke names its token") {
  CHECK(shown([](std::string& out) { append_revoke(out, "t"); }).dump() ==
        R"({"op":"revoke","token":"t"})");
}

}  // namespace
}  // namespace sluice::api
