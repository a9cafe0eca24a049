// What `sluice test` tells of a run.
//
// Thread-safe (no shared state).
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"
#include "laboratory/laboratory.h"
#include "laboratory/state_test.h"
#include "laboratory/trace.h"

namespace sluice::cli {

struct TestReport {
  std::string workflow;
  laboratory::Outcome outcome;
  std::vector<laboratory::Step> steps;
  bool checked = false;            // something was expected
  std::vector<std::string> unmet;  // what was not as expected
};

// A line for each state and each thing that happened in it, then how the run ended.
std::string text_of(const Terminal& terminal, const TestReport& report, bool full);
Json to_json(const TestReport& report);

// One state alone: how it ended, its output, where it leads, what became of the data.
std::string text_of(const Terminal& terminal, const laboratory::StateAnswer& answer, bool full);
Json to_json(const laboratory::StateAnswer& answer);

}  // namespace sluice::cli
