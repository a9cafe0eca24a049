#include "outbound/http_caller.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <future>
#include <thread>

#include "storage/storage.h"
#include "support/scratch_directory.h"
#include "workflows/workflow.h"

using namespace sluice;
using namespace sluice::outbound;
using namespace sluice::orchestrator;

TEST_CASE("a task on the queue http:invoke is called and its run goes on with the answer") {
  httplib::Server http;
  std::string key;
  http.Post("/pay", [&](const httplib::Request& q, httplib::Response& r) {
    key = q.get_header_value("Idempotency-Key");
    r.set_content("{\"paid\":" + q.body + "}", "application/json");
  });
  const int port = http.bind_to_any_port("127.0.0.1");
  std::thread server([&] { http.listen_after_bind(); });
  while (!http.is_running()) std::this_thread::yield();

  test_support::ScratchDirectory directory;
  const auto database = storage::open_sqlite({.directory = directory.path()});
  const SystemClock clock;
  Engine engine(*database, clock, {});
  engine.start();
  HttpCaller caller(engine, clock, {.allow_private = true, .threads = 2});
  caller.start();

  const auto call = [&](const std::string& body) {
    std::promise<void> sent;
    SendMessages send;
    NewMessage message;
    message.queue = http_queue;
    message.body = Doc::from_text(body);
    send.messages.push_back(std::move(message));
    engine.submit(std::move(send), [&](const Result<SendMessages::Reply>& reply) {
      CHECK(reply.has_value());
      sent.set_value();
    });
    sent.get_future().wait();
  };
  // A bare message is served as a stage's is: acknowledged once the call has succeeded.
  call(R"({"Url":"http://127.0.0.1:)" + std::to_string(port) +
       R"(/pay","Method":"POST","Body":{"n":1}})");
  for (;;) {
    const auto queue = engine.queue(http_queue);
    if (queue && queue->acknowledged == 1) break;
    std::this_thread::yield();
  }
  CHECK_FALSE(key.empty());
  caller.stop();
  caller.stop();
  engine.stop();
  http.stop();
  server.join();
}
