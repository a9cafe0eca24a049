#include "clients/worker_ledger.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace sluice::clients {
namespace {

using Json = nlohmann::json;

constexpr std::string_view welcome =
    R"({"op":"welcome","version":1,"session":"s1","holds":[],"limits":{"payload_bytes_max":100,"frame_bytes_max":4096}})";

std::string task(std::string_view token) {
  return fmt::format(
      R"({{"op":"task","token":"{}","id":"1","queue":"pay","body":{{"a":[1, 2]}},"headers":{{}},"attempt":2,"lease_until":"x","idempotency_key":"k","later":{{}}}})",
      token);
}

// Everything that waits to be sent, as one list of messages.
std::vector<Json> sent(WorkerLedger& ledger) {
  std::vector<Json> messages;
  while (ledger.has_output()) {
    const Json frame = Json::parse(ledger.take_frame());
    if (frame.is_array())
      messages.insert(messages.end(), frame.begin(), frame.end());
    else
      messages.push_back(frame);
  }
  return messages;
}

WorkerLedger::Received receive(WorkerLedger& ledger, std::string_view frame) {
  auto received = ledger.receive(frame);
  REQUIRE(received);
  return *std::move(received);
}

struct Serving {
  WorkerLedger ledger{"w"};
  Serving() {
    ledger.serve("pay", 6);
    REQUIRE(receive(ledger, welcome).welcomed);
    sent(ledger);
  }
  std::shared_ptr<Assignment> take(std::string_view token) {
    auto received = receive(ledger, task(token));
    REQUIRE(received.tasks.size() == 1);
    return received.tasks.front();
  }
};

TEST_CASE("a first hello names the worker, and nothing it could hold") {
  const WorkerLedger ledger("pay-1");
  CHECK(Json::parse(ledger.hello()) ==
        Json::parse(R"({"op":"hello","version":1,"worker":"pay-1"})"));
}

TEST_CASE("after the welcome every queue is subscribed to") {
  WorkerLedger ledger("w");
  ledger.serve("pay", 6);
  ledger.serve("ship", 2);
  CHECK(!ledger.has_output());
  receive(ledger, welcome);
  const auto messages = sent(ledger);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0]["op"] == "subscribe");
  CHECK(messages[0]["queue"] == "pay");
  CHECK(messages[0]["credit"] == 6);
  CHECK(messages[1]["queue"] == "ship");
}

TEST_CASE("a task is read whole, its body as it was written, and unknown members are passed over") {
  Serving worker;
  const auto assignment = worker.take("t1");
  CHECK(assignment->task.body == R"({"a":[1, 2]})");
  CHECK(assignment->task.attempt == 2);
  CHECK(assignment->task.run.empty());
  CHECK(!assignment->task.stop_requested());
  CHECK(receive(worker.ledger, R"({"op":"news","x":1})").tasks.empty());
}

TEST_CASE("a finished task is owed until the server answers") {
  Serving worker;
  const auto assignment = worker.take("t1");
  CHECK(!worker.ledger.idle());
  worker.ledger.finished(assignment, Outcome::success(R"({"paid":true})"));
  const auto messages = sent(worker.ledger);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0]["op"] == "complete");
  CHECK(messages[0]["token"] == "t1");
  CHECK(messages[0]["output"]["paid"] == true);
  CHECK(!worker.ledger.idle());
  receive(worker.ledger, fmt::format(R"({{"op":"ok","ref":{}}})", messages[0]["ref"].get<int>()));
  CHECK(worker.ledger.idle());
}

TEST_CASE(
    "what is owed and what is worked on is held over a reconnect, and owed answers are sent "
    "again") {
  Serving worker;
  const auto done = worker.take("done");
  const auto working = worker.take("working");
  const auto gone = worker.take("gone");
  worker.ledger.finished(done, Outcome::failure("E", "c"));
  sent(worker.ledger);
  worker.ledger.disconnected();
  CHECK(!worker.ledger.has_output());
  const Json hello = Json::parse(worker.ledger.hello());
  CHECK(hello["session"] == "s1");
  CHECK(std::set<std::string>(hello["holds"].begin(), hello["holds"].end()) ==
        std::set<std::string>{"done", "working", "gone"});

  receive(worker.ledger, R"({"op":"welcome","session":"s1","holds":["done","working"]})");
  const auto messages = sent(worker.ledger);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0]["op"] == "fail");
  CHECK(messages[0]["token"] == "done");
  CHECK(messages[0]["error"] == "E");
  CHECK(messages[1]["op"] == "subscribe");
  CHECK(!working->task.stop_requested());
  CHECK(gone->task.stop_requested());
  worker.ledger.finished(gone, Outcome::success());
  CHECK(!worker.ledger.has_output());
}

TEST_CASE(
    "a handler that finishes while there is no connection is answered after the next welcome") {
  Serving worker;
  const auto assignment = worker.take("t1");
  worker.ledger.disconnected();
  worker.ledger.finished(assignment, Outcome::success("1"));
  CHECK(!worker.ledger.has_output());
  CHECK(!worker.ledger.idle());
  receive(worker.ledger,
          welcome);  // not in holds, and yet it may have been ours: the token decides
  CHECK(sent(worker.ledger)[0]["op"] == "complete");
}

TEST_CASE("a revoke raises the stop flag and is acknowledged when the handler has returned") {
  Serving worker;
  const auto assignment = worker.take("t1");
  receive(worker.ledger, R"({"op":"revoke","token":"t1"})");
  CHECK(assignment->task.stop_requested());
  CHECK(!worker.ledger.has_output());
  worker.ledger.finished(assignment, Outcome::success("1"));
  const auto messages = sent(worker.ledger);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0] == Json::parse(R"({"op":"revoked","token":"t1"})"));
  CHECK(worker.ledger.idle());
}

TEST_CASE("a revoke of what is not at work is acknowledged at once") {
  Serving worker;
  receive(worker.ledger, R"({"op":"revoke","token":"old"})");
  CHECK(sent(worker.ledger)[0]["op"] == "revoked");
}

TEST_CASE("an output that the server would not take becomes a failure that says so") {
  struct Row {
    std::string output, error;
  };
  for (const Row& row : {Row{"nonsense", "Worker.OutputNotJson"}, Row{"", "Worker.OutputNotJson"},
                         Row{"\"" + std::string(100, 'x') + "\"", "Worker.OutputTooLarge"}}) {
    Serving worker;
    worker.ledger.finished(worker.take("t1"), Outcome::success(row.output));
    const auto messages = sent(worker.ledger);
    REQUIRE(messages.size() == 1);
    CHECK(messages[0]["op"] == "fail");
    CHECK(messages[0]["error"] == row.error);
  }
}

TEST_CASE("an outcome that the server refuses is replaced by a failure once, and then given up") {
  Serving worker;
  worker.ledger.finished(worker.take("t1"), Outcome::failure("States.Mine", ""));
  const auto refuse = [&](const Json& message) {
    return receive(
        worker.ledger,
        fmt::format(R"({{"op":"error","ref":{},"code":"invalid_argument","detail":"no"}})",
                    message["ref"].get<int>()));
  };
  refuse(sent(worker.ledger)[0]);
  const auto second = sent(worker.ledger);
  REQUIRE(second.size() == 1);
  CHECK(second[0]["error"] == "Worker.OutcomeRefused");
  CHECK(refuse(second[0]).notes.size() == 1);
  CHECK(worker.ledger.idle());
}

TEST_CASE("an answer refused only for now is sent again with its ref, a stale one is dropped") {
  Serving worker;
  worker.ledger.finished(worker.take("t1"), Outcome::success("1"));
  const auto error = [&](const Json& message, std::string_view code) {
    receive(worker.ledger, fmt::format(R"({{"op":"error","ref":{},"code":"{}"}})",
                                       message["ref"].get<int>(), code));
  };
  const auto first = sent(worker.ledger);
  error(first[0], "storage_failed");
  CHECK(worker.ledger.has_deferred());
  CHECK(!worker.ledger.idle());
  worker.ledger.send_deferred();
  const auto again = sent(worker.ledger);
  CHECK(again == first);
  error(again[0], "stale_token");
  CHECK(worker.ledger.idle());
}

TEST_CASE("a heartbeat that comes too late stops the handler") {
  Serving worker;
  const auto assignment = worker.take("t1");
  worker.ledger.beat(*assignment);
  const auto messages = sent(worker.ledger);
  CHECK(messages[0]["op"] == "heartbeat");
  receive(worker.ledger, fmt::format(R"({{"op":"error","ref":{},"code":"stale_token"}})",
                                     messages[0]["ref"].get<int>()));
  CHECK(assignment->task.stop_requested());
}

TEST_CASE("a worker that stops unsubscribes, and does not subscribe again after a reconnect") {
  Serving worker;
  worker.ledger.stop_taking();
  CHECK(sent(worker.ledger)[0]["op"] == "unsubscribe");
  worker.ledger.disconnected();
  receive(worker.ledger, welcome);
  CHECK(!worker.ledger.has_output());
  worker.ledger.bye();
  CHECK(sent(worker.ledger)[0]["op"] == "bye");
}

TEST_CASE("a hello that is refused for good is an error, one refused for now is not") {
  WorkerLedger ledger("w");
  CHECK(!ledger.receive(R"({"op":"error","code":"unsupported","detail":"version"})"));
  const auto later = ledger.receive(R"({"op":"error","code":"unavailable","detail":"stopping"})");
  REQUIRE(later);
  CHECK(!later->welcomed);
}

TEST_CASE("a frame that is not understood is an error, never a crash") {
  Serving worker;
  for (const std::string_view text : {"", "x", "[1]", "[", "5"})
    CHECK_MESSAGE(!worker.ledger.receive(text), text);
  CHECK(worker.ledger.receive("{}"));
  CHECK(worker.ledger.receive(R"({"op":"ok"})"));
  CHECK(worker.ledger.receive(R"({"op":"ok","ref":99})"));
}

TEST_CASE("many small answers share frames, and no frame exceeds the server's limit") {
  Serving worker;  // frame_bytes_max 4096
  for (int n = 0; n < 200; ++n)
    worker.ledger.finished(worker.take("t" + std::to_string(n)),
                           Outcome::success("[" + std::to_string(n) + "]"));
  std::size_t frames = 0, messages = 0;
  while (worker.ledger.has_output()) {
    const std::string frame = worker.ledger.take_frame();
    CHECK(frame.size() <= 4096);
    messages += Json::parse(frame).size();
    ++frames;
  }
  CHECK(messages == 200);
  CHECK(frames < 10);
}

}  // namespace
}  // namespace sluice::clients
