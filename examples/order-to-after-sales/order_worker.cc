// The stage `order`: looks an order over and accepts it.
//
//   order_worker PORT LEDGER_DIRECTORY NAME
#include <cstdlib>
#include <iostream>

#include "base/json.h"
#include "clients/worker.h"
#include "ledger.h"
#include "order.h"

namespace {

using sluice::Json;
using sluice::clients::Outcome;
using sluice::clients::Task;

// What is wrong with the order; empty if nothing is.
std::string problem_of(const Json& order) {
  if (order_to_after_sales::number_of(order).empty()) return "the order has no number";
  const auto lines = order.find("lines");
  if (lines == order.end() || !lines->is_array() || lines->empty()) return "the order has no lines";
  for (const auto& line : *lines) {
    if (!line.is_object() || !line.contains("quantity") || !line["quantity"].is_number() ||
        line["quantity"].get<double>() <= 0)
      return "a line has no quantity above 0: " + line.dump();
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: order_worker PORT LEDGER_DIRECTORY NAME\n";
    return 2;
  }
  const std::string name = argv[3];
  order_to_after_sales::Ledger ledger(std::string(argv[2]) + "/order.sqlite");
  sluice::clients::Worker worker(
      {.port = static_cast<std::uint16_t>(std::atoi(argv[1])),
       .name = name,
       .stop_on_signals = true,
       .log = [](const std::string& line) { std::cerr << line << '\n'; }});
  worker.on("order", [&](const Task& task) {
    const Json order = Json::parse(task.body);
    const order_to_after_sales::Work work{.idempotency_key = task.idempotency_key,
                                          .stage = "order",
                                          .run = task.run,
                                          .order = order_to_after_sales::number_of(order),
                                          .worker = name,
                                          .attempt = task.attempt};
    if (const std::string problem = problem_of(order); !problem.empty()) {
      ledger.tried(work, "Order.Invalid");
      return Outcome::failure("Order.Invalid", problem);
    }
    ledger.done(work);
    return Outcome::success(Json{{"lines", order["lines"].size()}, {"by", name}}.dump());
  });
  const auto served = worker.run();
  if (!served) std::cerr << served.error().detail << '\n';
  return served ? 0 : 1;
}
