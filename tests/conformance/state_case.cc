// One state alone, as the service's TestState has it.
#include "conformance/verdict.h"

namespace sluice::conformance {

Verdict run_state_case(const Json& /*record*/) {
  return Verdict::skipped("a state cannot be tested alone");
}

}  // namespace sluice::conformance
