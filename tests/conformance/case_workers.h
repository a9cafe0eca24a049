// Those who serve the queues of a case: its functions, and the parts of other services that its
// helpers call (activities, task tokens, messages).
#pragma once

#include <string>

#include "conformance/compare.h"
#include "laboratory/laboratory.h"

namespace sluice::conformance {

class CaseWorkers final : public laboratory::Workers {
 public:
  // Both must outlive the workers.
  CaseWorkers(laboratory::Laboratory& laboratory, const Json& record);

  bool serves(const std::string& queue) override;
  std::optional<laboratory::Answer> work(const orchestrator::Delivery& task) override;
  // Queues and services that nobody here knows.
  const std::set<std::string>& strangers() const { return strangers_; }

 private:
  laboratory::Answer call_function(const std::string& behaviour, const Doc& event) const;
  std::optional<laboratory::Answer> call_service(const std::string& service, const Json& request);
  std::optional<laboratory::Answer> answer_message(const orchestrator::Delivery& task);
  std::string exception_cause(const std::string& name) const;

  laboratory::Laboratory& laboratory_;
  const Json& record_;
  std::set<std::string> bare_queues_;  // that helpers read from
  std::set<std::string> strangers_;
};

// The last piece of an ARN or a queue's URL.
std::string last_piece(const std::string& address);

}  // namespace sluice::conformance
