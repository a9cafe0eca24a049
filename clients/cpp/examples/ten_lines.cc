// A worker in ten lines: charges what queue "pay" asks for. Stop it with Ctrl-C; it finishes what
// it has begun.
#include "clients/worker.h"

int main() {
  sluice::clients::Worker worker({.name = "pay-1", .stop_on_signals = true});
  worker.on("pay", [](const sluice::clients::Task& task) {
    if (task.body.find("\"amount\"") == std::string::npos)
      return sluice::clients::Outcome::failure("Payment.NoAmount",
                                               "expected an amount in the body");
    return sluice::clients::Outcome::success(R"({"paid":true,"payment":")" + task.idempotency_key +
                                             "\"}");
  });
  return worker.run() ? 0 : 1;
}
