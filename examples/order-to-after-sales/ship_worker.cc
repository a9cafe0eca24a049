// The stage `ship`: hands parcels to a carrier, which answers later by the task's token.
//
//   ship_worker PORT LEDGER_DIRECTORY NAME
//
// The carrier is a thread of this process here. It keeps what it has taken in the ledger, so that a
// parcel that is on its way when the process is killed is answered for by the next one.
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

#include "base/json.h"
#include "clients/client.h"
#include "clients/worker.h"
#include "ledger.h"
#include "order.h"

namespace {

using order_to_after_sales::Ledger;
using order_to_after_sales::Parcel;
using order_to_after_sales::Work;
using sluice::Json;
using sluice::clients::Outcome;
using sluice::clients::Task;

constexpr int travel_ms = 300;
constexpr std::chrono::milliseconds look_every{50};

class Carrier {
 public:
  Carrier(Ledger& ledger, std::uint16_t port, std::string name)
      : ledger_(ledger),
        client_({.port = port}),
        name_(std::move(name)),
        thread_([this] { run(); }) {}
  ~Carrier() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, look_every, [this] { return stopping_; })) {
      lock.unlock();
      try {
        for (const Parcel& parcel : ledger_.due_parcels()) report(parcel);
      } catch (const std::exception& e) {
        std::cerr << name_ << ": " << e.what() << '\n';  // a busy ledger: at the next look
      }
      lock.lock();
    }
  }

  // A report is repeated until the server has taken it: its token makes that harmless.
  void report(const Parcel& parcel) {
    const sluice::Status told =
        parcel.deliverable
            ? client_.complete(parcel.token, Json{{"delivered_by", parcel.shipper}}.dump())
            : client_.fail(parcel.token, "Shipping.Undeliverable", "there is nothing to ship");
    const bool stale = !told && told.error().code == sluice::Errc::stale_token;
    if (!told && !stale) return;  // at the next look
    const Work work{.idempotency_key = parcel.idempotency_key + ":carrier",
                    .stage = "carrier",
                    .run = parcel.run,
                    .order = parcel.order,
                    .worker = name_,
                    .attempt = parcel.attempt};
    ledger_.answered(work, parcel,
                     stale                ? "stale_token"
                     : parcel.deliverable ? "ok"
                                          : "Shipping.Undeliverable");
  }

  Ledger& ledger_;
  sluice::clients::Client client_;
  const std::string name_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: ship_worker PORT LEDGER_DIRECTORY NAME\n";
    return 2;
  }
  const std::string name = argv[3];
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  Ledger ledger(std::string(argv[2]) + "/ship.sqlite");
  Carrier carrier(ledger, port, name + "-carrier");
  sluice::clients::Worker worker(
      {.port = port, .name = name, .stop_on_signals = true, .log = [](const std::string& line) {
         std::cerr << line << '\n';
       }});
  worker.on("ship", [&](const Task& task) {
    const Json body = Json::parse(task.body);
    const Json& order = body.at("order");
    const Work work{.idempotency_key = task.idempotency_key,
                    .stage = "ship",
                    .run = task.run,
                    .order = order_to_after_sales::number_of(order),
                    .worker = name,
                    .attempt = task.attempt};
    const auto shipped = order.find("shipped");
    ledger.handed_over(work,
                       {.idempotency_key = task.idempotency_key,
                        .run = task.run,
                        .order = work.order,
                        .token = body.at("token").get<std::string>(),
                        .shipper = order.value("shipper", "a carrier"),
                        .attempt = task.attempt,
                        // The data says of an order that never left: "shipped": null.
                        .deliverable = shipped == order.end() || !shipped->is_null()},
                       travel_ms);
    // Only that the parcel is on its way. The stage goes on waiting for the carrier's word.
    return Outcome::success(R"({"handed_over":true})");
  });
  const auto served = worker.run();
  if (!served) std::cerr << served.error().detail << '\n';
  return served ? 0 : 1;
}
