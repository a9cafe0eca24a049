#include <doctest/doctest.h>

#include "command_runner.h"

namespace sluice::cli {
namespace {

Json body_of(const PlayedServer& server, const std::string& method_and_target) {
  const auto bodies = server.bodies(method_and_target);
  REQUIRE(bodies.size() == 1);
  auto parsed = parse_json(bodies[0]);
  REQUIRE(parsed);
  return *parsed;
}

Json json(const char* text) { return *parse_json(text); }

const char* const succeeded =
    R"({"id":"r1","workflow":"orders","version":3,"status":"SUCCEEDED","output":{"paid":true},
    "started_at":"2026-01-31T10:00:00.000000Z","ended_at":"2026-01-31T10:00:03.200000Z"})";
const char* const failed =
    R"({"id":"r1","workflow":"orders","version":3,"status":"FAILED","error":"Payment.Declined",
    "cause":"no money","started_at":"2026-01-31T10:00:00.000000Z","ended_at":"2026-01-31T10:00:03.200000Z","dead_letter":"d1"})";
const char* const running =
    R"({"id":"r1","workflow":"orders","version":3,"status":"RUNNING","name":"order-7",
    "labels":{"region":"eu"},"input":{"id":7},"started_at":"2026-01-31T10:00:00.000000Z",
    "waiting_for":[{"frame":"f1","state":"Pay","kind":"message","name":"pay","since":"2026-01-31T10:00:01.000000Z",
                    "sentence":"ready in queue pay, 3 ahead of it"}]})";
const char* const events_of_a_run =
    "retry: 1000\n\n"
    "id: 1\nevent: ExecutionStarted\ndata: "
    "{\"id\":1,\"type\":\"ExecutionStarted\",\"at\":\"2026-01-31T10:00:00.000000Z\",\"detail\":{"
    "\"input\":{\"id\":7}}}\n\n"
    ": \n\n"
    "id: 2\nevent: TaskSucceeded\ndata: "
    "{\"id\":2,\"type\":\"TaskSucceeded\",\"at\":\"2026-01-31T10:00:01.250000Z\",\"state\":\"Pay\","
    "\"detail\":{}}\n\n";

PlayedServer::Play event_stream(const std::string& text) {
  return [text](const httplib::Request&, httplib::Response& response) {
    response.set_content(text, "text/event-stream");
  };
}

}  // namespace

TEST_CASE("deploy puts the file's text as it is under the file's name") {
  const TemporaryFile file("orders.asl.json", "{ \"StartAt\" : 1.10 }");
  PlayedServer server;
  server.on(
      "PUT /v1/workflows/orders", 201,
      R"({"name":"orders","version":4,"hash":"x","warnings":[{"pointer":"/States","detail":"odd"}]})");
  const Outcome outcome = server.run({"deploy", file.path()});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "orders  version 4 deployed\n");
  CHECK(contains(outcome.err, "warning: " + file.path() + ": /States: odd"));
  CHECK(server.bodies("PUT /v1/workflows/orders") ==
        std::vector<std::string>{"{ \"StartAt\" : 1.10 }"});
}

TEST_CASE("deploy says when nothing changed, and a dry run changes nothing") {
  const TemporaryFile file("orders.json", "{}");
  PlayedServer server;
  server.on("PUT /v1/workflows/other", 200, R"({"name":"other","version":4,"warnings":[]})");
  CHECK(server.run({"deploy", file.path(), "--name", "other"}).out ==
        "other  unchanged, version 4\n");
  CHECK(contains(server.run({"deploy", file.path(), "--name", "other", "--dry-run"}).out,
                 "not deployed"));
  CHECK(server.bodies("PUT /v1/workflows/other?dry_run=true").size() == 1);
}

TEST_CASE("deploy --plan says what would become of the live runs") {
  PlayedServer server;
  server.on("PUT /v1/workflows/orders", 200,
            R"({"name":"orders","dry_run":true,"warnings":[],"plan":{"version":2,"deployed":false,
                "live":1300,"there":1,"can_move":1200,"restarts":200,"cannot_move":99,"complete":false,
                "groups":[{"version":1,"state":"Bill","verdict":"stays","why":"not there","runs":99,"example":"r9"},
                          {"version":1,"state":"Ship","verdict":"restarts","runs":200,"example":"r2"}]}})");
  const TemporaryFile file("orders.json", "{}");
  const Outcome outcome = server.run({"deploy", file.path(), "--plan"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "orders  valid, not deployed (--plan)"));
  CHECK(contains(outcome.out,
                 "live runs: more than 1,300; could move to version 2: 1,200 (of these 200"));
  CHECK(contains(outcome.out, "could not: 99; there already: 1"));
  CHECK(contains(outcome.out, "not there"));
  CHECK(contains(outcome.out, "move, and begin the stage again"));
  CHECK(contains(outcome.err, "sluice move --workflow orders"));
}

TEST_CASE("a file with problems does not keep the others from being deployed") {
  const TemporaryFile bad("bad.json", "{}"), good("good.json", "{}");
  PlayedServer server;
  server.on(
      "PUT /v1/workflows/bad", 422,
      R"({"code":"invalid_definition","detail":"2 problems","errors":[{"pointer":"/StartAt","detail":"missing"}]})");
  server.on("PUT /v1/workflows/good", 201, R"({"name":"good","version":1,"warnings":[]})");
  const Outcome outcome = server.run({"deploy", bad.path(), good.path()});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(outcome.out == "good  version 1 deployed\n");
  CHECK(
      contains(outcome.err, bad.path() + ": 2 problems (invalid_definition)\n  /StartAt: missing"));
}

TEST_CASE("event publishes, and says who was woken or that it is kept") {
  PlayedServer server;
  server.on("POST /v1/events/paid", 200, R"({"id":"e1","woken":1,"kept":false})");
  const Outcome woken = server.run({"event", "paid", "--key", "A-17", "--body", R"({"x":1})"});
  CHECK(woken.code == 0);
  CHECK(woken.out == "1 run woken\n");
  CHECK(body_of(server, "POST /v1/events/paid") == json(R"({"key":"A-17","body":{"x":1}})"));
  server.on("POST /v1/events/none", 200, R"({"id":"e2","woken":0,"kept":true})");
  CHECK(server.run({"event", "none"}).out == "kept: nobody waits for it yet\n");
  CHECK(body_of(server, "POST /v1/events/none") == json(R"({"key":""})"));
  CHECK(server.run({"event", "none", "--json"}).out.find("\"kept\":true") != std::string::npos);
  CHECK(server.run({"event"}).code == static_cast<int>(Exit::usage));
}

TEST_CASE("publish sends the message, and says where it went") {
  PlayedServer server;
  server.on("POST /v1/topics/orders/publish", 201,
            R"({"routed":2,"items":[{"status":201,"routed":2,"dead_letters":1}]})");
  const Outcome sent = server.run(
      {"publish", "orders", "--key", "order.eu", "--body", R"({"x":1})", "--header", "a=b"});
  CHECK(sent.code == 0);
  CHECK(sent.out == "to 2 targets, of which 1 dead letter\n");
  CHECK(body_of(server, "POST /v1/topics/orders/publish") ==
        json(R"({"messages":[{"key":"order.eu","body":{"x":1},"headers":{"a":"b"}}]})"));
  server.on("POST /v1/topics/none/publish", 201,
            R"({"routed":0,"items":[{"status":201,"routed":0,"dead_letters":0}]})");
  CHECK(server.run({"publish", "none"}).out == "no binding takes it: the message is dropped\n");
  CHECK(body_of(server, "POST /v1/topics/none/publish") ==
        json(R"({"messages":[{"key":"","body":{}}]})"));
  CHECK(server.run({"publish"}).code == static_cast<int>(Exit::usage));
}

TEST_CASE("bind, unbind and topics") {
  PlayedServer server;
  server.on("PUT /v1/topics/orders/bindings/large", 201, "{}");
  const Outcome bound = server.run({"bind", "orders", "large", "--to", "workflow:review",
                                    "--pattern", "order.#", "--filter", "amount > 5"});
  CHECK(bound.code == 0);
  CHECK(bound.out == "bound\n");
  CHECK(body_of(server, "PUT /v1/topics/orders/bindings/large") ==
        json(R"({"pattern":"order.#","filter":"{% amount > 5 %}","to":"workflow:review"})"));
  CHECK(server.run({"bind", "orders", "large"}).code == static_cast<int>(Exit::usage));
  server.on("PUT /v1/topics/orders/bindings/paid", 200, "{}");
  CHECK(server.run({"bind", "orders", "paid", "--to", "event:paid", "--event-key", "{% order %}"})
            .out == "bound, in place of what was there\n");
  CHECK(body_of(server, "PUT /v1/topics/orders/bindings/paid") ==
        json(R"({"pattern":"#","to":"event:paid","event_key":"{% order %}"})"));
  server.on("DELETE /v1/topics/orders/bindings/large", 200, "{}");
  CHECK(server.run({"unbind", "orders", "large"}).out == "removed\n");

  server.on("GET /v1/topics", 200, R"({"items":[{"name":"orders","bindings":2}],"next":null})");
  CHECK(contains(server.run({"topics"}).out, "orders"));
  server.on("GET /v1/topics/orders", 200,
            R"({"name":"orders","bindings":[{"topic":"orders","name":"large","pattern":"order.#",)"
            R"("to":"workflow:review","origin":"operator"}]})");
  const Outcome shown = server.run({"topics", "orders"});
  for (const char* part : {"large", "order.#", "workflow:review", "operator"})
    CHECK(contains(shown.out, part));
  server.on("GET /v1/topics/free", 200, R"({"name":"free","queue":"topic:free","bindings":[]})");
  CHECK(contains(server.run({"topics", "free"}).err, "topic:free"));
}

TEST_CASE("start sends what was given and prints the run's id alone") {
  PlayedServer server;
  server.on("POST /v1/workflows/orders/runs", 201, R"({"id":"r1"})");
  const Outcome outcome =
      server.run({"start", "orders", "--input", R"({"id":7})", "--name", "order-7", "-l",
                  "region=eu", "-l", "q=a=b", "--version", "2", "--priority", "9"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "r1\n");
  CHECK(outcome.err.empty());
  CHECK(
      body_of(server, "POST /v1/workflows/orders/runs") ==
      json(
          R"({"input":{"id":7},"name":"order-7","labels":{"region":"eu","q":"a=b"},"version":2,"priority":9})"));
}

TEST_CASE(
    "an input comes from the text, a file, or standard input, and is an empty object if not "
    "given") {
  const TemporaryFile file("input.json", R"({"from":"file"})");
  const auto sent = [&](const std::vector<std::string>& options, const std::string& input) {
    PlayedServer server;
    server.on("POST /v1/workflows/orders/runs", 201, R"({"id":"r1"})");
    std::vector<std::string> arguments = {"start", "orders"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    CHECK(server.run(arguments, {.input = input}).code == 0);
    return to_text(body_of(server, "POST /v1/workflows/orders/runs"));
  };
  CHECK(sent({}, "") == R"({"input":{}})");
  CHECK(sent({"--input", "@" + file.path()}, "") == R"({"input":{"from":"file"}})");
  CHECK(sent({"--input", "-"}, R"({"from":"stdin"})") == R"({"input":{"from":"stdin"}})");
}

TEST_CASE("an input that is not JSON is refused before anything is sent") {
  PlayedServer server;
  const Outcome outcome = server.run({"start", "orders", "--input", "order.json"});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(contains(outcome.err, "--input is not JSON"));
  CHECK(contains(outcome.err, "@FILE"));
  CHECK(server.seen().empty());
}

TEST_CASE("start --wait prints the output when the run has ended within the request") {
  PlayedServer server;
  server.on("POST /v1/workflows/orders/runs", 200, succeeded);
  server.on("GET /v1/runs/r1", 200, succeeded);
  const Outcome outcome = server.run({"start", "orders", "--wait"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "{\n  \"paid\": true\n}\n");
  CHECK(server.seen()[0].target == "/v1/workflows/orders/runs?wait=20");
}

TEST_CASE(
    "start --wait follows a longer run to its end, and a failure is exit code 1 with its reason") {
  PlayedServer server;
  server.on("POST /v1/workflows/orders/runs", 202, running);
  server.on("GET /v1/runs/r1/history", event_stream(events_of_a_run));
  server.on("GET /v1/runs/r1", 200, failed);
  const Outcome outcome = server.run({"start", "--wait", "orders"});
  CHECK(outcome.code == static_cast<int>(Exit::failed));
  CHECK(outcome.out.empty());
  CHECK(contains(outcome.err, "run r1 FAILED: Payment.Declined: no money"));
  CHECK(contains(outcome.err, "sluice show r1"));
}

TEST_CASE("start --wait gives up after its time and says that the run goes on") {
  PlayedServer server;
  server.on("POST /v1/workflows/orders/runs", 202, running);
  server.on("GET /v1/runs/r1", 200, running);
  const Outcome outcome = server.run({"start", "orders", "--wait", "0"});
  CHECK(outcome.code == static_cast<int>(Exit::waited));
  CHECK(contains(outcome.err, "goes on (RUNNING)"));
}

TEST_CASE("a batch starts a run for each line and tells the refused ones by their line") {
  const TemporaryFile file("inputs.jsonl", "{\"n\":1}\n\n{\"n\":2}\n{\"n\":3}\n");
  PlayedServer server;
  server.on(
      "POST /v1/workflows/orders/runs:batch", 200,
      R"({"items":[{"status":201,"id":"r1"},{"status":422,"code":"invalid_argument","detail":"n is 2"},{"status":201,"id":"r3"}]})");
  const Outcome outcome =
      server.run({"start", "orders", "--batch", file.path(), "--label", "source=import"});
  CHECK(outcome.code == static_cast<int>(Exit::invalid));
  CHECK(outcome.out == "r1\nr3\n");
  CHECK(contains(outcome.err, file.path() + ":3: n is 2"));
  CHECK(contains(outcome.err, "2 runs started, 1 refused"));
  const Json body = body_of(server, "POST /v1/workflows/orders/runs:batch");
  REQUIRE(body["items"].size() == 3);
  CHECK(body["items"][1] == json(R"({"input":{"n":2},"labels":{"source":"import"}})"));
}

TEST_CASE("a large batch is cut, and a file with one bad line starts nothing") {
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += "{\"n\":" + std::to_string(i) + "}\n";
  PlayedServer server;
  server.on("POST /v1/workflows/orders/runs:batch",
            [](const httplib::Request& request, httplib::Response& response) {
              const Json asked = *parse_json(request.body);
              Json items = Json::array();
              for (std::size_t i = 0; i < asked["items"].size(); ++i)
                items.push_back({{"status", 201}, {"id", "r"}});
              response.set_content(to_text(Json{{"items", items}}), "application/json");
            });
  const TemporaryFile good("good.jsonl", lines), bad("bad.jsonl", lines + "{oops\n");
  CHECK(contains(server.run({"start", "orders", "--batch", good.path()}).err, "600 runs started"));
  CHECK(server.seen().size() == 2);
  const Outcome refused = server.run({"start", "orders", "--batch", bad.path()});
  CHECK(refused.code == static_cast<int>(Exit::invalid));
  CHECK(contains(refused.err, bad.path() + ":601: "));
  CHECK(server.seen().size() == 2);
}

TEST_CASE("runs sends its filters and lists a run a line") {
  PlayedServer server;
  server.on("GET /v1/runs", 200,
            std::string(R"({"items":[)") + failed + "," + running + R"(],"next":"c2"})");
  const Outcome outcome =
      server.run({"runs", "-w", "orders", "-s", "FAILED", "--state", "Pay", "-l", "region=eu", "-q",
                  "x y", "--since", "2026-01-31T00:00:00Z", "-n", "2"});
  CHECK(outcome.code == 0);
  CHECK(server.seen()[0].target ==
        "/v1/"
        "runs?workflow=orders&status=FAILED&state=Pay&q=x%20y&started_after=2026-01-31T00%3A00%"
        "3A00.000000Z&label=region%3Aeu&limit=2");
  CHECK(contains(outcome.out, "RUN  WORKFLOW   STATUS"));
  CHECK(contains(outcome.out, "r1   orders v3  FAILED"));
  CHECK(contains(outcome.out, "3.2 s"));
  CHECK(contains(outcome.out, "Payment.Declined"));
  CHECK(contains(outcome.err, "--cursor c2"));
}

TEST_CASE("runs --all follows the cursor to the end") {
  PlayedServer server;
  server.on("GET /v1/runs", 200, std::string(R"({"items":[)") + failed + R"(],"next":"c2"})");
  server.on("GET /v1/runs", 200, std::string(R"({"items":[)") + running + R"(],"next":null})");
  const Outcome outcome = server.run({"runs", "--all"});
  CHECK(server.seen().size() == 2);
  CHECK(contains(server.seen()[1].target, "cursor=c2"));
  CHECK(contains(outcome.out, "order-7"));
}

TEST_CASE("--json gives the server's answer as it is") {
  PlayedServer server;
  const std::string odd = "{ \"items\" : [ 1.10 ],\"next\":null}";
  server.on("GET /v1/runs", 200, odd)
      .on("GET /v1/queues", 200, odd)
      .on("GET /v1/dead-letters", 200, odd)
      .on("GET /v1/runs/r1", 200, odd);
  for (const auto& arguments :
       std::initializer_list<std::vector<std::string>>{{"runs", "--json"},
                                                       {"queues", "--json"},
                                                       {"--json", "dlq", "list"},
                                                       {"show", "r1", "--json"}})
    CHECK(server.run(arguments).out == odd + "\n");
}

TEST_CASE("show tells how a run stands, what it waits for, and what happened") {
  PlayedServer server;
  server.on("GET /v1/runs/r1", 200, running);
  server.on(
      "GET /v1/runs/r1/history", 200,
      R"({"items":[{"id":1,"type":"ExecutionStarted","at":"2026-01-31T10:00:00.000000Z","detail":{"input":{"id":7}}},
                         {"id":2,"type":"TaskFailed","at":"2026-01-31T10:00:01.250000Z","state":"Pay","detail":{"error":"E","cause":"why","attempt":2}}],"next":null})");
  const Outcome outcome = server.run({"show", "r1"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "r1  orders v3  RUNNING"));
  CHECK(contains(outcome.out, "region=eu"));
  CHECK(contains(outcome.out, "Pay: ready in queue pay, 3 ahead of it (since "));
  CHECK(contains(outcome.out, "+0.000 s  ExecutionStarted"));
  CHECK(contains(outcome.out, "+1.250 s  TaskFailed              Pay           E  why  attempt 2"));
}

TEST_CASE("show of a failed run leads to its dead letter") {
  PlayedServer server;
  server.on("GET /v1/runs/r1", 200, failed);
  const Outcome outcome = server.run({"show", "r1", "--no-history"});
  CHECK(contains(outcome.out, "Payment.Declined"));
  CHECK(contains(outcome.err, "sluice dlq show d1"));
}

TEST_CASE("watch prints each event and its exit code is the run's end") {
  for (const auto& [run, code] : std::initializer_list<std::pair<const char*, Exit>>{
           {succeeded, Exit::ok}, {failed, Exit::failed}}) {
    PlayedServer server;
    server.on("GET /v1/runs/r1/history", event_stream(events_of_a_run))
        .on("GET /v1/runs/r1", 200, run);
    const Outcome outcome = server.run({"watch", "r1"});
    CHECK(outcome.code == static_cast<int>(code));
    CHECK(contains(outcome.out, "+1.250 s  TaskSucceeded           Pay"));
    CHECK(server.seen()[0].target == "/v1/runs/r1/history?follow=true");
  }
}

TEST_CASE("watch goes on where it was when the server ends the stream before the run") {
  PlayedServer server;
  server.on("GET /v1/runs/r1/history", event_stream(events_of_a_run));
  server.on("GET /v1/runs/r1/history",
            event_stream("id: 3\nevent: X\ndata: {\"id\":3,\"type\":\"ExecutionSucceeded\"}\n\n"));
  server.on("GET /v1/runs/r1", 200, running).on("GET /v1/runs/r1", 200, succeeded);
  const Outcome outcome = server.run({"watch", "r1", "--json"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "{\"id\":3,\"type\":\"ExecutionSucceeded\"}\n"));
  std::vector<std::string> from;
  for (const auto& each : server.seen())
    if (contains(each.target, "history")) from.push_back(each.last_event_id);
  CHECK(from == std::vector<std::string>{"", "2"});
}

TEST_CASE("watch of a run that is not there is exit code 4") {
  PlayedServer server;
  CHECK(server.run({"watch", "r1"}).code == static_cast<int>(Exit::not_found));
}

TEST_CASE("the verbs on runs send what they were told") {
  struct Row {
    std::vector<std::string> arguments;
    const char* target;
    const char* body;
  };
  for (const auto& row : std::initializer_list<Row>{
           {{"cancel", "r1", "--cause", "twice"}, "/v1/runs/r1/cancel", R"({"cause":"twice"})"},
           {{"cancel", "r1"}, "/v1/runs/r1/cancel", "{}"},
           {{"pause", "r1"}, "/v1/runs/r1/pause", "{}"},
           {{"resume", "r1"}, "/v1/runs/r1/resume", "{}"},
           {{"redrive", "r1"}, "/v1/runs/r1/redrive", "{}"},
           {{"redrive", "r1", "--from", "Pay", "--input", "null", "--version", "2"},
            "/v1/runs/r1/redrive",
            R"({"from":"Pay","input":null,"version":2})"},
           {{"move", "r1"}, "/v1/runs/r1/move", "{}"},
           {{"move", "r1", "--version", "3"}, "/v1/runs/r1/move", R"({"version":3})"},
           {{"skip", "r1", "--output", "[1]", "--frame", "f1"},
            "/v1/runs/r1/skip",
            R"({"output":[1],"frame":"f1"})"},
           {{"fail", "r1", "--error", "E", "--cause", "c"},
            "/v1/runs/r1/fail",
            R"({"error":"E","cause":"c"})"}}) {
    CAPTURE(row.target);
    PlayedServer server;
    server.on(std::string("POST ") + row.target, 200, "{}");
    CHECK(server.run(row.arguments).code == 0);
    CHECK(body_of(server, std::string("POST ") + row.target) == json(row.body));
  }
}

TEST_CASE("of several runs, those that can be are changed") {
  PlayedServer server;
  server.on("POST /v1/runs/r1/cancel", 409, R"({"detail":"it has ended"})")
      .on("POST /v1/runs/r2/cancel", 200, "{}");
  const Outcome outcome = server.run({"cancel", "r1", "r2"});
  CHECK(outcome.code == static_cast<int>(Exit::conflict));
  CHECK(outcome.out == "r2  cancelled\n");
  CHECK(contains(outcome.err, "r1: it has ended"));
}

TEST_CASE("queues are listed with what is rare left out") {
  PlayedServer server;
  server.on(
      "GET /v1/queues", 200,
      R"({"items":[{"name":"pay","ready":12,"delayed":0,"blocked":0,"leased":4,"held":0,"dead":1,"depth":16,"oldest_age_seconds":75.5,"consumers":2,"paused":true}],"next":null})");
  CHECK(server.run({"queues"}).out ==
        "QUEUE  READY  LEASED  DEAD      OLDEST  WORKERS  STATE\n"
        "pay       12       4     1  1 min 15 s        2  paused\n");
}

TEST_CASE("one queue is shown with its settings and, if asked, its messages") {
  PlayedServer server;
  server.on(
      "GET /v1/queues/pay", 200,
      R"({"name":"pay","ready":1,"consumers":0,"settings":{"LeaseSeconds":30,"Delivery":"AtLeastOnce"},"settings_by_operator":true})");
  server.on("GET /v1/queues/pay/messages", 200,
            R"({"items":[{"id":"m1","status":"ready","body":{"id":7},"attempt":0}],"next":null})");
  const Outcome outcome = server.run({"queues", "pay", "--peek", "3"});
  CHECK(contains(outcome.out, "LeaseSeconds  30"));
  CHECK(contains(outcome.out, "set by an operator"));
  CHECK(contains(outcome.out, "{\"id\":7}"));
  CHECK(server.bodies("GET /v1/queues/pay/messages?limit=3").size() == 1);
}

TEST_CASE("queues are paused, resumed, set and cleared by name") {
  PlayedServer server;
  server.on("POST /v1/queues/pay/pause", 200, "{}").on("POST /v1/queues/pay/resume", 200, "{}");
  server.on("PUT /v1/queues/pay", 200, "{}").on("DELETE /v1/queues/pay/settings", 200, "{}");
  CHECK(server.run({"queues", "pause", "pay"}).out == "pay  paused\n");
  CHECK(server.run({"queues", "resume", "pay"}).out == "pay  resumed\n");
  CHECK(server.run({"queues", "put", "pay", "LeaseSeconds=60", "Delivery=AtMostOnce"}).code == 0);
  CHECK(body_of(server, "PUT /v1/queues/pay") ==
        json(R"({"LeaseSeconds":60,"Delivery":"AtMostOnce"})"));
  CHECK(server.run({"queues", "clear", "pay"}).code == 0);
}

TEST_CASE("a purge asks first, and without a terminal wants --yes") {
  PlayedServer server;
  server.on("GET /v1/queues/pay", 200, R"({"name":"pay","ready":3,"delayed":1})")
      .on("POST /v1/queues/pay/purge", 200, R"({"removed":4})");
  const Outcome silent = server.run({"queues", "purge", "pay"});
  CHECK(silent.code == static_cast<int>(Exit::usage));
  CHECK(contains(silent.err, "Delete 4 messages of queue pay for ever? Say --yes"));
  const Outcome no =
      server.run({"queues", "purge", "pay"}, {.input = "n\n", .in_is_terminal = true});
  CHECK(no.code == static_cast<int>(Exit::failed));
  CHECK(server.bodies("POST /v1/queues/pay/purge").empty());
  CHECK(server.run({"queues", "purge", "pay"}, {.input = "y\n", .in_is_terminal = true}).out ==
        "pay  4 messages deleted\n");
  CHECK(server.run({"queues", "purge", "pay", "--yes"}).code == 0);
}

TEST_CASE("dead letters are listed, grouped and shown with every attempt") {
  PlayedServer server;
  server.on("GET /v1/dead-letters", [](const httplib::Request& request,
                                       httplib::Response& response) {
    response.set_content(
        request.has_param("group_by")
            ? R"({"items":[{"error":"E","queue":"pay","count":1200}],"next":null})"
            : R"({"items":[{"id":"d1","kind":"stage","workflow":"orders","state":"Pay","queue":"pay","error":"E","cause":"c","attempts":3,"run":"r1","status":"OPEN"}],"next":null})",
        "application/json");
  });
  server.on(
      "GET /v1/dead-letters/d1", 200,
      R"({"id":"d1","kind":"stage","status":"OPEN","error":"E","queue":"pay","body":{"id":7},"attempts":1,
                "attempt_list":[{"attempt":1,"worker":"w1","started_at":"2026-01-31T10:00:00Z","ended_at":"2026-01-31T10:00:02Z","error":"E","cause":"no"}]})");
  const Outcome list = server.run({"dlq", "list", "-q", "pay", "-e", "E"});
  CHECK(contains(list.out, "orders/Pay"));
  CHECK(server.seen()[0].target == "/v1/dead-letters?queue=pay&error=E&limit=50");
  CHECK(contains(server.run({"dlq", "list", "--by-error"}).out, "1,200"));
  const Outcome one = server.run({"dlq", "show", "d1"});
  CHECK(contains(one.out, "{\"id\":7}"));
  CHECK(contains(one.out, "1  2026-01-31T10:00:00Z  2.0 s  w1      E      no"));
}

TEST_CASE("one dead letter is replayed, with another input if given") {
  PlayedServer server;
  server.on("POST /v1/dead-letters/d1/replay", 200, "{}");
  CHECK(server.run({"dlq", "replay", "d1", "--input", "{\"id\":8}"}).out ==
        "1 dead letter replayed\n");
  CHECK(body_of(server, "POST /v1/dead-letters/d1/replay") == json(R"({"input":{"id":8}})"));
}

TEST_CASE("a dead letter is dropped with its reason") {
  PlayedServer server;
  server.on("DELETE /v1/dead-letters/d1", 200, "{}");
  CHECK(server.run({"dlq", "drop", "d1", "--reason", "test data"}).out ==
        "1 dead letter dropped\n");
  CHECK(server.seen()[0].target == "/v1/dead-letters/d1?reason=test%20data");
}

TEST_CASE("check is 0 when every invariant holds and 1 when one does not") {
  PlayedServer fine, broken;
  fine.on("POST /v1/check", 200, R"({"ok":true,"findings":[]})");
  broken.on(
      "POST /v1/check", 200,
      R"({"ok":false,"findings":[{"invariant":"one reason to wait","detail":"run r1 has none","repair":"redrive it"}]})");
  CHECK(fine.run({"check"}).code == 0);
  const Outcome outcome = broken.run({"check"});
  CHECK(outcome.code == static_cast<int>(Exit::failed));
  CHECK(contains(outcome.out, "fail  one reason to wait: run r1 has none\n      redrive it"));
}

TEST_CASE("doctor looks at the directory, the disk and the server, a line each") {
  const TemporaryFile file("some.db", "x");
  const std::string folder = file.path().substr(0, file.path().rfind('/'));
  PlayedServer server;
  server.on("GET /healthz", 200, "ok\n")
      .on("GET /readyz", 200, "ready\n")
      .on("GET /openapi.json", 200, R"({"info":{"version":"99.0"}})");
  const Outcome outcome = server.run({"doctor", "--data", folder});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, folder + " can be written"));
  CHECK(contains(outcome.out, "flush to disk"));
  CHECK(contains(outcome.out, "is healthy and ready"));
  CHECK(contains(outcome.out, "warn  version         the server is 99.0"));
  CHECK(contains(outcome.out, "SQLite"));
}

TEST_CASE(
    "doctor fails for a data directory that cannot be one, and for a stranger at the address") {
  const TemporaryFile file("file", "x");
  PlayedServer stranger;
  stranger.on("GET /healthz", 200, "hello");
  const Outcome outcome = stranger.run({"doctor", "--data", file.path()});
  CHECK(outcome.code == static_cast<int>(Exit::failed));
  CHECK(contains(outcome.out, "it is a file"));
  CHECK(contains(outcome.out, "something else answers at " + stranger.url()));
}

TEST_CASE("doctor without a server says whether its port is free") {
  std::string gone;
  {
    const PlayedServer server;
    gone = server.url();
  }
  const Outcome outcome = sluice({"doctor", "--server", gone, "--data", "/tmp/does-not-exist-yet"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "none at " + gone + "; the port is free"));
  CHECK(contains(outcome.out, "does not exist yet and can be made"));
}

TEST_CASE("NO_COLOR and --no-color keep a terminal plain") {
  PlayedServer server;
  server.on("GET /v1/runs/r1", 200, failed);
  const Terminal terminal{.is_terminal = true, .color = true, .width = 100};
  CHECK(contains(server.run({"show", "r1", "--no-history"}, {.terminal = terminal}).out,
                 "\x1b[31mFAILED"));
  CHECK_FALSE(contains(server
                           .run({"show", "r1", "--no-history"},
                                {.environment = {{"NO_COLOR", "1"}}, .terminal = terminal})
                           .out,
                       "\x1b"));
  CHECK_FALSE(
      contains(server.run({"show", "r1", "--no-history", "--no-color"}, {.terminal = terminal}).out,
               "\x1b"));
}

}  // namespace sluice::cli
