// What became of one case.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "conformance/compare.h"

namespace sluice::conformance {

struct Verdict {
  enum class Kind { passed, failed, skipped };
  Kind kind = Kind::passed;
  std::string why;  // in one line; of a skipped case: what is missing to run it

  static Verdict passed() { return {}; }
  static Verdict failed(std::string why) { return {Kind::failed, std::move(why)}; }
  static Verdict skipped(std::string why) { return {Kind::skipped, std::move(why)}; }
  static Verdict of(const std::optional<Difference>& difference, const std::string& what) {
    if (!difference) return passed();
    return failed(what + difference->pointer + ": expected " + difference->expected + ", got " +
                  difference->got);
  }
};

// ---- one per form of case: REQUIRES a record of that form ----
Verdict run_jsonata_case(const Json& record, const Json& datasets);
Verdict run_definition_case(const Json& record);  // "valid" or "accept"
Verdict run_execution_case(const Json& record);
Verdict run_state_case(const Json& record);

// A member's text, or "".
std::string text_member(const Json& record, const std::string& name);
Wildcards wildcards_of(const Json& record);

}  // namespace sluice::conformance
